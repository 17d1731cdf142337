"""Rank correlations against scipy, hand derivations and their invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from kakehashi.compare.correlation import (
    holm,
    kendall_tau_b,
    kendall_w,
    spearman,
    top_k_overlap,
    weighted_concordance,
    weighted_tau,
    weighted_tau_b,
)
from kakehashi.errors import InputError, NotEstimableError, UsageError

TIED = hnp.arrays(
    np.float64, st.tuples(st.integers(3, 12), st.integers(2, 4)), elements=st.integers(0, 4).map(float)
)


@given(TIED)
def test_tau_b_and_weighted_tau_equal_scipy(values: np.ndarray) -> None:
    tau, weighted = kendall_tau_b(values), weighted_tau(values)
    for i in range(values.shape[1]):
        for j in range(values.shape[1]):
            x, y = values[:, i], values[:, j]
            if len(set(x)) < 2 or len(set(y)) < 2:
                assert np.isnan(tau[i, j])
                assert np.isnan(weighted[i, j])
            else:
                assert tau[i, j] == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
                assert weighted[i, j] == pytest.approx(stats.weightedtau(x, y).statistic, abs=1e-12)


def test_missing_cells_leave_the_shared_models() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 3))
    values[:5, 0] = np.nan
    values[3:9, 1] = np.nan
    shared = ~np.isnan(values[:, :2]).any(axis=1)
    assert kendall_tau_b(values)[0, 1] == pytest.approx(stats.kendalltau(*values[shared, :2].T).statistic)


@given(TIED, st.integers(0, 1000))
def test_the_order_of_models_does_not_matter_and_monotone_scales_do_not_either(
    values: np.ndarray, seed: int
) -> None:
    tau = kendall_tau_b(values)
    shuffled = np.random.default_rng(seed).permutation(values)
    np.testing.assert_allclose(kendall_tau_b(shuffled), tau, atol=1e-12)
    np.testing.assert_allclose(kendall_tau_b(np.exp(values)), tau, atol=1e-12)


def test_w_of_perfect_agreement_is_one_and_of_a_reversal_zero() -> None:
    up = np.arange(6.0)
    assert kendall_w(np.column_stack([up, up**3, np.exp(up)])).value == pytest.approx(1.0)
    assert kendall_w(np.column_stack([up, -up])).value == pytest.approx(0.0)


def test_w_follows_the_hand_derivation_with_ties() -> None:
    # ranks of 4 models by 2 methods: (1, 2, 3, 4) and (1.5, 1.5, 3.5, 3.5); sums 2.5, 3.5, 6.5, 7.5, mean 5
    # S = 6.25 + 2.25 + 2.25 + 6.25 = 17; ties of the second: 2 groups of 2: 2 * (8 - 2) = 12
    # W = 12 * 17 / (4 * 60 - 2 * 12) = 204 / 216
    found = kendall_w([[4, 2], [3, 2], [2, 1], [1, 1]])
    assert found.value == pytest.approx(204 / 216)
    assert found.mean_spearman == pytest.approx(stats.spearmanr([4, 3, 2, 1], [2, 2, 1, 1]).statistic)


@given(TIED)
def test_w_is_one_to_one_with_friedmans_statistic(values: np.ndarray) -> None:
    if values.shape[1] < 3 or len(set(map(tuple, values.T))) < 1:
        return
    if all(len(set(column)) == 1 for column in values.T):
        with pytest.raises(NotEstimableError):
            kendall_w(values)
        return
    n, m = values.shape
    # Friedman's chi-square of models as treatments: m (n - 1) W
    statistic = stats.friedmanchisquare(*values).statistic
    assert kendall_w(values).value == pytest.approx(statistic / (m * (n - 1)), abs=1e-9)


def test_w_uses_complete_models_and_says_how_many() -> None:
    values = np.array([[1.0, 1], [2, 2], [3, np.nan], [4, 3]])
    found = kendall_w(values)
    assert (found.n_models, found.n_left_out) == (3, 1)
    with pytest.raises(NotEstimableError) as caught:
        kendall_w([[1.0, np.nan], [2, 2]])
    assert caught.value.diagnostic == "too-few-complete-models"
    with pytest.raises(NotEstimableError):
        kendall_w([[1.0], [2.0]])


@given(TIED)
def test_adding_a_copy_of_a_method_never_lowers_the_sum_of_agreement(values: np.ndarray) -> None:
    # W itself may fall when the copied method is a dissenter; the form in which it is true: the rank sum
    # variance, and the mean tau of the copied method with the others (it gains a perfect companion)
    tau = kendall_tau_b(values)
    if np.isnan(tau).any():
        return
    with_copy = kendall_tau_b(np.column_stack([values, values[:, 0]]))
    k = values.shape[1]
    before = (tau[0].sum() - 1) / (k - 1)
    after = (with_copy[0].sum() - 1) / k
    assert after >= before - 1e-12


def test_adding_a_copy_of_all_methods_never_lowers_w() -> None:
    rng = np.random.default_rng(8)
    for _ in range(50):
        values = rng.integers(0, 5, (8, 4)).astype(float)
        assert kendall_w(np.column_stack([values, values])).value == pytest.approx(kendall_w(values).value)
        mean = kendall_w(values).mean_spearman
        assert kendall_w(np.column_stack([values, values])).mean_spearman >= mean - 1e-12


def test_weights_stand_for_copies_of_models() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 6, (7, 3)).astype(float)
    weights = np.array([[2, 0, 1, 1, 3, 0, 1], [1] * 7], dtype=float)
    copies = np.repeat(values, weights[0].astype(int), axis=0)
    np.testing.assert_allclose(weighted_concordance(values, weights)[0], kendall_w(copies).value)
    tau = weighted_tau_b(values, weights)
    for column, (i, j) in enumerate(((0, 1), (0, 2), (1, 2))):
        assert tau[0, column] == pytest.approx(stats.kendalltau(copies[:, i], copies[:, j]).statistic)
        assert tau[1, column] == pytest.approx(stats.kendalltau(values[:, i], values[:, j]).statistic)


def test_overlap_at_the_top_counts_ties_by_their_chance() -> None:
    values = np.array([[5.0, 5], [4, 1], [3, 4], [2, 4], [1, 0]])
    # first method's best two: 0 and 1; second's: 0 and one of 2, 3 at even chances: overlap 1 of 2
    assert top_k_overlap(values, 2)[0, 1] == pytest.approx(0.5)
    # best three: {0, 1, 2} and {0, 2, 3}: two of three
    assert top_k_overlap(values, 3)[0, 1] == pytest.approx(2 / 3)
    assert np.isnan(top_k_overlap(values, 6)).all()
    with pytest.raises(UsageError):
        top_k_overlap(values, 0)


def test_holm_equals_the_steps_by_hand_and_passes_over_missing() -> None:
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04, made monotone: .02 .03 .06 .06
    np.testing.assert_allclose(holm([0.01, 0.04, np.nan, 0.03, 0.005]), [0.03, 0.06, np.nan, 0.06, 0.02])


def test_spearman_equals_scipy() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 5, 30).astype(float), rng.integers(0, 5, 30).astype(float)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [[1.0, np.inf]]])
def test_bad_matrices_are_refused(values: list[object]) -> None:
    with pytest.raises(InputError):
        kendall_tau_b(values)
