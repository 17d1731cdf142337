"""Rank intervals against plain loops, simulated truth, and their own rules."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage
from scipy import stats

from kakehashi.compare import rank as module
from kakehashi.compare.rank import rank_intervals, rank_probability, tie_groups
from kakehashi.compare.resampling import bootstrap_weights, multiplier_replicates
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError, UsageError


def items(values: np.ndarray, **more: object) -> ItemScores:
    m, n = np.shape(values)
    names = tuple(f"m{i}" for i in range(m)), tuple(f"i{j}" for j in range(n))
    return ItemScores(*names, values, **more)  # type: ignore[arg-type]


def answers(rng: np.random.Generator, rates: list[float], n: int) -> np.ndarray:
    return (rng.random((len(rates), n)) < np.array(rates)[:, None]).astype(float)


def test_clearly_different_models_are_ordered_and_equal_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    # Another seed than the data's: the same stream would draw signs that follow the answers.
    found = rank_intervals(items(answers(rng, [0.9, 0.5, 0.5, 0.1], 300)), rng=2)
    assert (found.low[0], found.high[0]) == (1, 1)
    assert (found.low[3], found.high[3]) == (4, 4)
    assert (found.low[1], found.high[1]) == (2, 3)
    assert found.groups[0] == ("m0",)
    assert set(found.groups[1]) == {"m1", "m2"}
    assert found.p_top(1)[0] > 0.999
    assert found.p_top(4) == pytest.approx(np.ones(4))


def test_lower_is_better_turns_the_order_round() -> None:
    rng = np.random.default_rng(1)
    found = rank_intervals(items(answers(rng, [0.9, 0.1], 300), higher_is_better=False), rng=1)
    assert found.rank.tolist() == [2.0, 1.0]
    assert found.score[0] > 0.8  # the score itself is not turned


@pytest.mark.parametrize("clusters", [40, 400])
def test_replicates_have_the_covariance_of_a_plain_bootstrap_loop(clusters: int) -> None:
    rng = np.random.default_rng(2)
    values = answers(rng, [0.8, 0.6, 0.4], clusters * 2)
    values[0, :7] = np.nan
    labels = np.repeat(np.arange(clusters), 2)
    data = items(values, clusters=tuple(labels.tolist()))
    _, drawn, degrees, diagnostics = module._resample_items(data, 0, 8000, np.random.default_rng(3))
    slow = []
    for _ in range(4000):  # the slow, obvious version: draw clusters, stack their items, average
        chosen = rng.integers(0, clusters, clusters)
        columns = (chosen[:, None] * 2 + np.arange(2)).ravel()
        slow.append(np.nanmean(values[:, columns], axis=1))
    assert degrees == clusters - 1
    assert diagnostics["resampling"] == ("multinomial" if clusters == 40 else "wild (random signs)")
    expected = np.cov(np.array(slow).T)
    np.testing.assert_allclose(np.cov(drawn.T), expected, atol=0.09 * expected.max())
    np.testing.assert_allclose(drawn.mean(axis=0), np.nanmean(values, axis=1), atol=0.003)


def test_the_fast_signs_equal_a_product_with_their_matrix() -> None:
    totals = np.random.default_rng(0).normal(size=(37, 5)).astype(np.float32)
    drawn = multiplier_replicates(totals, 64, np.random.default_rng(1))
    # every row is a sum with signs, all rows of one block orthogonal: the squares are balanced exactly
    np.testing.assert_allclose((drawn**2).mean(axis=0), (totals**2).sum(axis=0), rtol=1e-4)
    more = multiplier_replicates(totals, 200, np.random.default_rng(1))
    assert more.shape == (200, 5)
    assert len({tuple(np.round(row, 3)) for row in more}) > 190


def test_weights_are_draws_with_replacement() -> None:
    weights = np.concatenate(list(bootstrap_weights(30, 5000, np.random.default_rng(0), max_bytes=4000)))
    assert weights.shape == (5000, 30)
    assert (weights.sum(axis=1) == 30).all()
    assert weights.var() == pytest.approx(29 / 30, rel=0.03)  # binomial(30, 1/30)


@given(st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=12))
def test_rank_shares_deal_ties_out_evenly(rows: list[list[int]]) -> None:
    drawn = np.array(rows, dtype=float)
    expected = np.zeros((4, 4))
    for row in drawn:
        low, high = stats.rankdata(-row, method="min"), stats.rankdata(-row, method="max")
        for i in range(4):
            expected[i, int(low[i]) - 1 : int(high[i])] += 1 / (high[i] - low[i] + 1)
    found = rank_probability(drawn)
    np.testing.assert_allclose(found, expected / len(rows), atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), 1.0)


def test_a_table_with_errors_is_ranked_by_normal_draws() -> None:
    table = ScoreTable(("a", "b", "c"), ("x",), [[0.9], [0.5], [0.45]], (True,), std_error=[[0.02]] * 3)
    found = rank_intervals(table, n_resamples=40_000, rng=1)
    # chance that b beats c: difference 0.05, error 0.02 * sqrt 2
    assert found.rank_probability[1, 1] == pytest.approx(stats.norm.cdf(0.05 / 0.02 / np.sqrt(2)), abs=0.01)
    assert found.diagnostics["independent_errors"] is True
    assert found.score_low[0] == pytest.approx(0.9 - 1.96 * 0.02, abs=0.002)


def test_unknown_errors_are_not_zero() -> None:
    table = ScoreTable(("a", "b"), ("x",), [[1.0], [2.0]], (True,))
    with pytest.raises(NotEstimableError, match="unknown is not zero"):
        rank_intervals(table)
    part = ScoreTable(("a", "b"), ("x",), [[1.0], [2.0]], (True,), std_error=[[0.1], [np.nan]])
    with pytest.raises(NotEstimableError, match="'b'"):
        rank_intervals(part)


def test_several_methods_are_not_averaged_in_silence() -> None:
    data = items(np.eye(4), method=("x", "x", "y", "y"))
    with pytest.raises(UsageError, match="not averaged"):
        rank_intervals(data)
    with pytest.raises(UnknownNameError):
        rank_intervals(data, method="z")
    assert rank_intervals(data, method="y", rng=1).score.tolist() == [0, 0, 0.5, 0.5]


def test_what_cannot_be_ranked_is_said() -> None:
    with pytest.raises(NotEstimableError, match="one model"):
        rank_intervals(items(np.ones((1, 3))))
    with pytest.raises(NotEstimableError, match="one cluster"):
        rank_intervals(items(np.eye(2), clusters=("a", "a")))
    with pytest.raises(NotEstimableError, match="'m1' has no score"):
        rank_intervals(items(np.array([[1.0, 0.0], [np.nan, np.nan]])))
    with pytest.raises(UsageError):
        rank_intervals(items(np.eye(3)), interval="exact")  # type: ignore[arg-type]


def test_the_order_of_models_does_not_matter() -> None:
    rng = np.random.default_rng(6)
    values = answers(rng, [0.3, 0.5, 0.6, 0.8], 120)
    plain, turned = rank_intervals(items(values), rng=1), rank_intervals(items(values[::-1]), rng=1)
    np.testing.assert_array_equal(plain.rank, turned.rank[::-1])
    assert np.abs(plain.low - turned.low[::-1]).max() <= 1  # other resamples, the same data


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8)), min_size=1, max_size=12))
def test_groups_are_parted_only_where_intervals_are(pairs: list[tuple[int, int]]) -> None:
    low = np.array([a for a, _ in pairs], dtype=float)
    high = low + np.array([b for _, b in pairs])
    groups = tie_groups(low, high)
    assert sorted(i for group in groups for i in group) == list(range(len(pairs)))
    for first, second in pairwise(groups):
        assert low[list(first)].min() > high[list(second)].max()
    for group in groups:  # within a group every two parts touch
        for cut in range(1, len(group)):
            assert low[list(group[:cut])].min() <= high[list(group[cut:])].max()


def test_groups_need_ends() -> None:
    with pytest.raises(InputError):
        tie_groups([0.0, np.nan], [1.0, 1.0])


def _coverage(simulations: int, interval: str) -> dict[tuple[str, int], float]:
    rng = np.random.default_rng(23)
    truths = {
        "apart": [0.9, 0.75, 0.6, 0.45, 0.3, 0.15],
        "close": [0.52, 0.51, 0.50, 0.49, 0.48, 0.47],
        "one ahead": [0.7, 0.504, 0.503, 0.502, 0.501, 0.5],
        "near one": [0.99, 0.98, 0.97, 0.95, 0.93, 0.9],
    }
    cells = {}
    for name, rates in truths.items():
        for n in (60, 250):
            hits = 0
            for _ in range(simulations):
                found = rank_intervals(
                    items(answers(rng, rates, n)),
                    interval=interval,  # type: ignore[arg-type]
                    n_resamples=300,
                    rng=rng,
                )
                hits += ((found.low <= np.arange(1, 7)) & (np.arange(1, 7) <= found.high)).mean()
            cells[name, n] = hits / simulations
    return cells


def test_pairwise_rank_bounds_cover_at_least_93_percent_everywhere() -> None:
    cells = _coverage(400, "pairwise")
    assert min(cells.values()) >= 0.93, cells


@pytest.mark.proof
def test_pairwise_rank_bounds_cover_at_full_size(record_property: Recorder) -> None:
    cells = _coverage(1500, "pairwise")
    report_coverage(record_property, cells, 1500, of="bounds (conservative)")
    assert min(cells.values()) >= 0.93, cells
