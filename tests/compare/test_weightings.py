"""Who comes first under which weighting: areas by hand, linear programs, dominance, coverage."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder
from reference.coverage_cells import Coverage

from kakehashi.compare.exposure import exposure
from kakehashi.compare.published import published_robustness
from kakehashi.compare.table import ScoreTable
from kakehashi.compare.weightings import weightings
from kakehashi.errors import NotEstimableError, UsageError


def table(values: object, higher: bool = True) -> ScoreTable:
    m, k = np.shape(values)  # type: ignore[arg-type]
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (higher,) * k)  # type: ignore[arg-type]


def test_two_methods_are_cut_where_the_lines_cross() -> None:
    # ranks (1, 3), (2, 1), (3, 2): with weight t on the second, 1 + 2t < 2 - t up to t = 1/3
    found = weightings(table([[9, 1], [8, 9], [7, 5]]))
    assert found.exact
    assert found.share_first == pytest.approx([1 / 3, 2 / 3, 0.0])
    assert found.can_come_first.tolist() == [True, True, False]
    np.testing.assert_array_equal(found.low, found.share_first)


def test_three_methods_are_areas_of_a_triangle() -> None:
    # three models, each first by one method and last by another: symmetry gives thirds
    found = weightings(table([[3, 2, 1], [1, 3, 2], [2, 1, 3]]))
    assert found.share_first == pytest.approx([1 / 3] * 3)
    # two models, one ahead by the first method alone: first where w1 > w2 + w3, a corner of a quarter
    found = weightings(table([[2, 1, 1], [1, 2, 2]]))
    assert found.share_first == pytest.approx([0.25, 0.75])


def test_twins_share_and_scales_can_be_the_scores_own() -> None:
    found = weightings(table([[2, 1], [2, 1], [1, 2]]))
    # mid-ranks (1.5, 2.5) twice and (3, 1): 1.5 + t < 3 - 2t up to t = 1/2
    assert found.share_first == pytest.approx([0.25, 0.25, 0.5])
    wide = weightings(table([[10.0, 0.0], [9.9, 1.0], [0.0, 1.1]]), scale="standard")
    assert wide.share_first[1] > 0.7 > weightings(table([[10.0, 0.0], [9.9, 1.0], [0.0, 1.1]])).share_first[1]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_areas_sampling_and_linear_programs_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = table(rng.integers(0, 6, (5, 3)).astype(float))
    exact = weightings(t)
    assert exact.share_first.sum() == pytest.approx(1.0)
    module = sys.modules["kakehashi.compare.weightings"]
    sampled = module._sampled_shares(module.average_ranks(t.values), 20_000, rng)
    np.testing.assert_allclose(sampled, exact.share_first, atol=0.02)
    assert (exact.can_come_first | (exact.share_first == 0)).all()
    ranks = module.average_ranks(t.values)
    for i in np.flatnonzero(exact.can_come_first):
        total = ranks @ exact.first_weights[i]
        assert total[i] <= total.min() + 1e-6


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_order_direction_and_shift_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(5, 3))
    plain = weightings(table(values))
    rows, columns = rng.permutation(5), rng.permutation(3)
    turned = weightings(table(values[np.ix_(rows, columns)]))
    np.testing.assert_allclose(turned.share_first, plain.share_first[rows], atol=1e-9)
    np.testing.assert_array_equal(turned.dominates, plain.dominates[np.ix_(rows, rows)])
    for again in (weightings(table(-values, higher=False)), weightings(table(values + rng.normal(size=3)))):
        np.testing.assert_allclose(again.share_first, plain.share_first, atol=1e-9)
        np.testing.assert_array_equal(again.dominates, plain.dominates)


def test_dominance_holds_under_every_weighting_and_only_then() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 4, (7, 3)).astype(float)
    found = weightings(table(values))
    module = sys.modules["kakehashi.compare.weightings"]
    totals = rng.dirichlet(np.ones(3), 5000) @ module.average_ranks(values).T
    corners = module.average_ranks(values).T
    for i in range(7):
        for j in range(7):
            if i == j:
                continue
            never_behind = (totals[:, i] <= totals[:, j] + 1e-12).all() and (
                corners[:, i] <= corners[:, j]
            ).all()
            assert found.dominates[i, j] == (never_behind and (corners[:, i] < corners[:, j]).any())
    assert set(found.undominated) == {f"m{i}" for i in range(7) if not found.dominates[:, i].any()}
    assert (found.share_first[found.dominates.any(axis=0)] < 1e-9).all()


def test_the_published_table() -> None:
    found = weightings(published_robustness(), rng=1)
    assert not found.exact
    assert found.share_first.sum() == pytest.approx(1.0)
    assert ((found.low <= found.share_first) & (found.share_first <= found.high)).all()
    assert (found.can_come_first | (found.share_first == 0)).all()
    # equal weights on a subset are a weighting: whoever some choice puts first, some weighting does
    able = {n for n, flag in zip(found.models, found.can_come_first, strict=True) if flag}
    assert set(exposure(published_robustness(), min_methods=1).can_come_first) <= able
    assert int(found.can_come_first.sum()) == 13


def test_models_with_holes_do_not_compete_and_are_named() -> None:
    found = weightings(table([[1, 2], [2, np.nan], [3, 1]]))
    assert found.models == ("m0", "m2")
    assert found.diagnostics["left_out_for_missing_cells"] == ("m1",)
    with pytest.raises(NotEstimableError, match="no order to weigh"):
        weightings(table([[1, np.nan], [np.nan, 2], [3, 1]]))
    with pytest.raises(UsageError, match="rank or standard"):
        weightings(table(np.eye(2)), scale="raw")  # type: ignore[arg-type]
    same = weightings(table(np.ones((3, 2))))
    assert same.share_first == pytest.approx([1 / 3] * 3)
    assert not same.dominates.any()
    assert weightings(table([[2.0], [1.0]])).share_first.tolist() == [1.0, 0.0]


def _coverage(simulations: int) -> Coverage:
    """Areas are the truth; the same tables are sampled as tables of more methods are."""
    rng = np.random.default_rng(51)
    module = sys.modules["kakehashi.compare.weightings"]
    out = Coverage()
    for m in (3, 5):
        for _ in range(simulations):
            cost = module.average_ranks(rng.normal(size=(m, 3)))
            truth = module._exact_shares(cost)
            low, high = module._sampling_bounds(module._sampled_shares(cost, 300, rng), 300, 0.95)
            live = (truth > 0) & (truth < 1)
            if live.any():
                out.add(m, low[live], truth[live], high[live])
    return out


def test_sampled_shares_are_within_their_bounds() -> None:
    _coverage(400).check_bound()


@pytest.mark.proof
def test_sampled_shares_are_within_their_bounds_at_full_size(record_property: Recorder) -> None:
    found = _coverage(5000)
    found.report(record_property, of="bounds of shares (conservative)")
    found.check_bound()
