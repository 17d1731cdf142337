"""Exposure against the slow definition, the published table, and noise."""

import sys
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reference.slow_exposure import slow_exposure
from scipy import stats

from kakehashi.compare import exposure, noise_exposure
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError, UsageError

SCORES = hnp.arrays(
    np.float64, st.tuples(st.integers(2, 6), st.integers(1, 5)), elements=st.integers(0, 4).map(float)
)


def table(values: np.ndarray, higher: bool = True) -> ScoreTable:
    m, k = np.shape(values)
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (higher,) * k)


@settings(deadline=None)
@given(SCORES, st.integers(1, 3))
def test_exposure_equals_the_definition(values: np.ndarray, least: int) -> None:
    least = min(least, values.shape[1])
    found = exposure(table(values), min_methods=least)
    expected = slow_exposure(values, least, 2)
    assert {i: (m.best_rank, m.worst_rank) for i, m in enumerate(found.models)} == expected
    assert found.n_first == sum(best == 1 for best, _ in expected.values())


@settings(deadline=None)
@given(SCORES, st.integers(0, 2**32 - 1))
def test_exposure_with_missing_cells_equals_the_definition(values: np.ndarray, seed: int) -> None:
    values = np.where(np.random.default_rng(seed).random(values.shape) < 0.25, np.nan, values)
    if np.isnan(values).all(axis=0).any() or np.isnan(values).all(axis=1).any():
        return
    expected = slow_exposure(values, 1, 2)
    if not expected:
        with pytest.raises(NotEstimableError):
            exposure(table(values), min_methods=1, min_models=2)
        return
    found = exposure(table(values), min_methods=1, min_models=2)
    got = {i: (m.best_rank, m.worst_rank) for i, m in enumerate(found.models) if m.best_rank is not None}
    assert got == expected


@settings(deadline=None)
@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_models_and_methods_does_not_matter(values: np.ndarray, random: object) -> None:
    rng = np.random.default_rng(3)
    rows, columns = rng.permutation(values.shape[0]), rng.permutation(values.shape[1])
    plain, turned = (
        exposure(table(values), min_methods=1),
        exposure(table(values[np.ix_(rows, columns)]), min_methods=1),
    )
    for position, i in enumerate(rows):
        assert plain.models[i].best_rank == turned.models[position].best_rank
        assert plain.models[i].worst_rank == turned.models[position].worst_rank


@settings(deadline=None)
@given(SCORES)
def test_monotone_transformations_and_reversed_directions_change_nothing(values: np.ndarray) -> None:
    plain = exposure(table(values), min_methods=1)
    assert exposure(table(np.exp(values) + 7), min_methods=1).models == plain.models
    assert exposure(table(-values, higher=False), min_methods=1).models == plain.models


@settings(deadline=None)
@given(SCORES)
def test_more_freedom_never_narrows_a_range(values: np.ndarray) -> None:
    k = values.shape[1]
    ranges = [exposure(table(values), min_methods=least).models for least in range(1, k + 1)]
    for free, bound in pairwise(ranges):
        for a, b in zip(free, bound, strict=True):
            assert a.best_rank <= b.best_rank <= b.worst_rank <= a.worst_rank  # type: ignore[operator]
    counts = exposure(table(values), min_methods=1).n_first_by_min_methods
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


@settings(deadline=None)
@given(SCORES, st.integers(1, 3))
def test_what_no_choice_can_change_holds_in_every_subset(values: np.ndarray, least: int) -> None:
    least = min(least, values.shape[1])
    found = exposure(table(values), min_methods=least)
    ranks = np.column_stack([stats.rankdata(-column) for column in values.T])
    m, k = values.shape
    subsets = [s for size in range(least, k + 1) for s in combinations(range(k), size)]
    always = {
        (f"m{i}", f"m{j}")
        for i in range(m)
        for j in range(m)
        if all(ranks[i, list(s)].sum() < ranks[j, list(s)].sum() for s in subsets)
    }
    assert set(found.always_ahead or ()) == always


def test_the_witness_gives_the_rank_it_is_a_witness_of() -> None:
    rng = np.random.default_rng(1)
    t = table(rng.normal(size=(8, 6)))
    for entry in exposure(t, min_methods=2).models:
        best = exposure(t.select(methods=entry.best_methods), min_methods=len(entry.best_methods))
        worst = exposure(t.select(methods=entry.worst_methods), min_methods=len(entry.worst_methods))
        assert best[entry.model].best_rank == entry.best_rank
        assert worst[entry.model].worst_rank == entry.worst_rank


def test_beyond_twenty_methods_the_result_says_that_it_is_an_inner_bound() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(6, 22)) + np.arange(6)[:, None]
    found = exposure(table(values), min_methods=2, n_samples=3000, rng=1)
    assert not found.exact
    assert "inner_bound" in found.diagnostics
    exact = exposure(table(values[:, :20]), min_methods=2)
    for more, part in zip(found.models, exact.models, strict=True):
        # every subset of twenty is one of twenty-two; the outer bounds must hold all of them
        assert more.best_rank_bound <= part.best_rank  # type: ignore[operator]
        assert more.worst_rank_bound >= part.worst_rank  # type: ignore[operator]
        assert more.best_rank_bound <= more.best_rank  # type: ignore[operator]


def test_the_search_finds_what_enumeration_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    t = table(rng.normal(size=(10, 9)))
    exact = exposure(t, min_methods=3)
    monkeypatch.setattr(sys.modules["kakehashi.compare.exposure"], "EXACT_METHODS", 8)
    searched = exposure(t, min_methods=3, n_samples=5000, rng=1)
    assert not searched.exact
    assert [(m.best_rank, m.worst_rank) for m in searched.models] == [
        (m.best_rank, m.worst_rank) for m in exact.models
    ]


def test_a_model_that_shares_too_little_never_competes() -> None:
    values = np.array([[1.0, 2, np.nan], [2, 1, np.nan], [np.nan, np.nan, 3], [3, 3, np.nan]])
    found = exposure(table(values), min_methods=2)
    assert found["m2"].best_rank is None
    assert np.isnan(found["m2"].share_first)
    assert found["m0"].best_of == 3
    with pytest.raises(NotEstimableError, match="in common"):
        exposure(table(values), min_methods=3)


def test_senseless_requests_are_refused() -> None:
    with pytest.raises(UsageError, match="from 1 to 2"):
        exposure(table(np.eye(2)), min_methods=3)
    with pytest.raises(NotEstimableError):
        exposure(table(np.ones((1, 4))))
    with pytest.raises(KeyError):
        _ = exposure(table(np.eye(3)))["nobody"]


def test_noise_of_one_method_puts_one_model_first() -> None:
    found = noise_exposure(table(np.arange(5.0)[:, None]), min_methods=1, n_simulations=20, rng=1)
    assert (found.observed, found.independent_mean, found.correlated_mean) == (1, 1.0, 1.0)


def test_methods_that_agree_leave_less_to_noise_than_unrelated_ones() -> None:
    rng = np.random.default_rng(5)
    common = rng.normal(size=(20, 1))
    found = noise_exposure(table(common + 0.3 * rng.normal(size=(20, 6))), n_simulations=60, rng=1)
    assert found.correlated_mean < found.independent_mean - 2
    # six copies of one method leave nothing to choose
    same = noise_exposure(table(np.repeat(common, 6, axis=1)), n_simulations=10, rng=1)
    assert same.observed == 1
    assert same.correlated_mean == 1.0


def test_noise_of_two_unrelated_methods_agrees_with_its_mean_by_hand() -> None:
    # two models, two methods, subsets of at least one: both can come first unless both methods agree
    # strictly, which chance does half of the time: (1 + 2) / 2
    found = noise_exposure(
        table(np.array([[0.0, 0.0], [1.0, 1.0]])), min_methods=1, n_simulations=2000, rng=1
    )
    assert found.independent_mean == pytest.approx(1.5, abs=0.05)


def test_beyond_twelve_methods_noise_is_searched_for_alike_in_every_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(6).normal(size=(12, 9))
    exact = noise_exposure(table(values), n_simulations=40, rng=1)
    monkeypatch.setattr(sys.modules["kakehashi.compare.noise_exposure"], "EXACT_NOISE_METHODS", 8)
    searched = noise_exposure(table(values), n_simulations=40, rng=1)
    assert exact.settings["subsets"] == "all"
    assert "too low" in str(searched.settings["subsets"])
    assert exact.observed - 1 <= searched.observed <= exact.observed
    assert searched.independent_mean == pytest.approx(exact.independent_mean, abs=0.8)
    wide = noise_exposure(table(np.random.default_rng(0).normal(size=(5, 24))), n_simulations=5, rng=1)
    assert 1 <= wide.observed <= 5


def test_exposure_against_k_narrows_to_the_rank_by_all_methods() -> None:
    values = np.random.default_rng(9).normal(size=(9, 6))
    found = exposure(table(values), min_methods=2)
    assert found.ranges_by_min_methods[2] == tuple((m.best_rank, m.worst_rank) for m in found.models)
    ranks = np.column_stack([stats.rankdata(-column) for column in values.T]).sum(axis=1)
    last = found.ranges_by_min_methods[6]
    assert [low for low, _ in last] == (stats.rankdata(ranks, method="min")).tolist()
    assert [high for _, high in last] == (stats.rankdata(ranks, method="max")).tolist()
    widths = list(found.mean_width_by_min_methods.values())
    assert widths == sorted(widths, reverse=True)
    for size in range(2, 6):
        again = exposure(table(values), min_methods=size)
        assert found.ranges_by_min_methods[size] == tuple((m.best_rank, m.worst_rank) for m in again.models)
