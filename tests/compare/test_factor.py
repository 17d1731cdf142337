"""One common factor: recovery of truth, holes, signs, second factors, bad input, coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder
from reference.coverage_cells import Coverage
from scipy import stats
from scipy.optimize import minimize

from kakehashi.compare.factor import factor_consensus, gibbs, standardized
from kakehashi.compare.published import published_robustness
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError


def table(values: object, **more: object) -> ScoreTable:
    m, k = np.shape(values)  # type: ignore[arg-type]
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (True,) * k, **more)  # type: ignore[arg-type]


def scores(rng: np.random.Generator, factor: np.ndarray, loading: list[float]) -> np.ndarray:
    share = np.array(loading)
    return factor[:, None] * share + np.sqrt(1 - share**2) * rng.normal(size=(len(factor), len(share)))


def test_the_factor_and_the_loadings_are_found_again() -> None:
    rng = np.random.default_rng(0)
    factor = rng.normal(size=400)
    loading = [0.9, 0.8, 0.7, 0.5, 0.2]
    found = factor_consensus(table(100 + 15 * scores(rng, factor, loading)), rng=1)
    # the best that any score can do is r^2 = a / (1 + a) with a the sum of l^2 / (1 - l^2), here r = 0.938
    a = sum(x**2 / (1 - x**2) for x in loading)
    assert stats.pearsonr(found.score, factor).statistic > np.sqrt(a / (1 + a)) - 0.015
    assert [w.loading for w in found.weights] == pytest.approx(loading, abs=0.1)
    assert found.diagnostics["second_factor"] is False
    assert found.diagnostics["r_hat"] < 1.05
    assert found.diagnostics["opposed"] == ()


def test_scores_and_loadings_equal_maximum_likelihood_where_models_are_many() -> None:
    # with 500 models the priors hardly count, and the score is Thomson's regression score at the maximum
    rng = np.random.default_rng(1)
    values = scores(rng, rng.normal(size=500), [0.8, 0.7, 0.6, 0.5])
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    seen = values.T @ values / len(values)

    def loss(free: np.ndarray) -> float:
        sigma = np.outer(free[:4], free[:4]) + np.diag(np.exp(free[4:]))
        return float(np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, seen)))

    best = minimize(loss, np.r_[np.full(4, 0.6), np.full(4, -0.7)], tol=1e-10).x
    sigma = np.outer(best[:4], best[:4]) + np.diag(np.exp(best[4:]))
    found = factor_consensus(table(values), n_draws=1600, rng=1)
    assert [w.loading for w in found.weights] == pytest.approx(best[:4], abs=0.03)
    # regression weights of a factor score are proportional to loading / own variance
    weight = best[:4] / np.exp(best[4:])
    assert [w.weight for w in found.weights] == pytest.approx(weight / weight.sum(), abs=0.03)
    thomson = values @ np.linalg.solve(sigma, best[:4])
    assert stats.pearsonr(found.score, thomson).statistic > 0.999
    # posterior spread of one score: 1 - share' sigma^-1 share
    spread = np.sqrt(1 - best[:4] @ np.linalg.solve(sigma, best[:4]))
    assert np.mean(found.std_error) == pytest.approx(spread, rel=0.05)


def test_known_noise_is_not_taken_for_a_methods_own_part() -> None:
    rng = np.random.default_rng(2)
    factor = rng.normal(size=300)
    clean = scores(rng, factor, [0.8] * 4)
    error = np.full((300, 4), 0.05)
    error[:, 0] = 1.0
    noisy = clean + error * rng.normal(size=clean.shape)
    knows = factor_consensus(table(noisy, std_error=error), n_draws=1600, rng=1).weights
    blind = factor_consensus(table(noisy), n_draws=1600, rng=1).weights
    assert knows[0].loading_low < 0.8 < knows[0].loading_high
    # a variance of 2 in place of 1: 0.8 / sqrt 2
    assert blind[0].loading == pytest.approx(0.8 / np.sqrt(2), abs=0.06)
    assert knows[0].weight < 0.6 * knows[1].weight  # right about the factor, and still of little weight


def test_a_cell_with_more_noise_pulls_less() -> None:
    rng = np.random.default_rng(3)
    values = scores(rng, rng.normal(size=60), [0.8] * 5)
    values[0] = [3.0, 0, 0, 0, 0]
    error = np.full(values.shape, 0.1)
    sharp = factor_consensus(table(values, std_error=error), rng=1).score[0]
    error[0, 0] = 5.0
    blurred = factor_consensus(table(values, std_error=error), rng=1).score[0]
    assert blurred < sharp - 0.2


def test_missing_cells_widen_the_interval_and_are_never_filled() -> None:
    rng = np.random.default_rng(4)
    values = scores(rng, rng.normal(size=40), [0.8] * 6)
    whole = factor_consensus(table(values), rng=1)
    holed = values.copy()
    holed[0, 1:] = np.nan
    part = factor_consensus(table(holed), rng=1)
    assert part.std_error[0] > 1.3 * whole.std_error[0]
    assert part.std_error[1:].mean() == pytest.approx(whole.std_error[1:].mean(), rel=0.1)
    assert part.diagnostics["n_missing_cells"] == 5


def test_an_opposed_method_is_named_and_weighs_against() -> None:
    rng = np.random.default_rng(5)
    found = factor_consensus(table(scores(rng, rng.normal(size=60), [0.8, 0.8, 0.8, -0.7])), rng=1)
    assert found.diagnostics["opposed"] == ("k3",)
    assert found.weights[3].weight < 0
    assert sum(abs(w.weight) for w in found.weights) == pytest.approx(1.0)
    shown = factor_consensus(published_robustness(), rng=1)
    assert shown.diagnostics["opposed"] == ("decodingtrust_adv_demonstration",)


def test_two_factors_are_noticed_and_one_is_mostly_not_taken_for_two() -> None:
    rng = np.random.default_rng(6)
    two = np.column_stack([scores(rng, rng.normal(size=50), [0.9] * 4) for _ in range(2)])
    assert factor_consensus(table(two), rng=1, n_draws=800).diagnostics["second_factor"]
    alarms = [
        factor_consensus(
            table(scores(rng, rng.normal(size=30), [0.7] * 6)), rng=rng, n_draws=320
        ).diagnostics["second_factor"]
        for _ in range(40)
    ]
    assert sum(alarms) <= 6  # a posterior predictive p value is at most about its nominal level


def test_unrelated_methods_are_called_weak() -> None:
    found = factor_consensus(table(np.random.default_rng(7).normal(size=(40, 6))), rng=1)
    assert "weak_factor" in found.diagnostics
    assert found.diagnostics["unsure_loading"]


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_order_shift_scale_and_direction_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = scores(rng, rng.normal(size=15), [0.9, 0.8, 0.8, 0.7])
    plain = factor_consensus(table(values), rng=1)
    moved = values * rng.uniform(0.5, 5, 4) + rng.normal(size=4)
    np.testing.assert_allclose(factor_consensus(table(moved), rng=1).score, plain.score, atol=1e-6)
    t = table(-values)
    turned = ScoreTable(t.models, t.methods, t.values, (False,) * 4)
    np.testing.assert_allclose(factor_consensus(turned, rng=1).score, plain.score, atol=1e-9)
    rows, columns = rng.permutation(15), rng.permutation(4)
    again = factor_consensus(table(values[np.ix_(rows, columns)]), rng=1)
    # other draws of the same posterior
    np.testing.assert_allclose(again.score, plain.score[rows], atol=0.25)
    assert stats.pearsonr(again.score, plain.score[rows]).statistic > 0.98


def test_a_method_and_its_copy_weigh_alike_and_are_named() -> None:
    rng = np.random.default_rng(8)
    values = scores(rng, rng.normal(size=40), [0.8] * 4)
    found = factor_consensus(table(np.column_stack([values, values[:, 0]])), rng=1)
    assert found.diagnostics["copies"] == (("k0", "k4"),)
    assert found.weights[0].weight == pytest.approx(found.weights[4].weight, rel=0.1)
    assert found.weights[0].loading == pytest.approx(found.weights[4].loading, abs=0.02)


def test_what_one_factor_cannot_be_fitted_to_is_said() -> None:
    values = np.random.default_rng(9).normal(size=(12, 4))
    with pytest.raises(NotEstimableError, match="too few"):
        factor_consensus(table(values[:, :2]))
    with pytest.raises(NotEstimableError, match="not determined"):
        factor_consensus(table(values[:4]))
    with pytest.raises(NotEstimableError, match="one model"):
        factor_consensus(table(values[:1]))
    values[:, 3] = 7.0
    found = factor_consensus(table(values), rng=1, n_draws=160)
    assert found.diagnostics["constant_methods"] == ("k3",)
    assert (found.weights[3].weight, np.isnan(found.weights[3].loading)) == (0.0, True)
    values[:, 2] = 7.0
    with pytest.raises(NotEstimableError) as caught:
        factor_consensus(table(values))
    assert caught.value.diagnostic == "too-few-methods"


GRID = tuple(
    (m, k, loading, holes, noise, kind)
    for m in (12, 26)
    for k in (4, 8)
    for loading in ((0.8,), (0.9, 0.6, 0.3), (0.8, 0.8, 0.6, -0.5), (0.45,))
    for holes, noise, kind in ((0.0, 0.0, "normal"), (0.2, 0.5, "even"))
)


def _coverage(simulations: int, grid: tuple[tuple[object, ...], ...]) -> tuple[Coverage, Coverage, Coverage]:
    """Scores, loadings, and ranks by their posterior quantiles; all simulations of a cell run side by side."""
    rng = np.random.default_rng(43)
    score, share, rank = Coverage(), Coverage(), Coverage()
    for m, k, loadings, holes, noise, kind in grid:  # type: ignore[misc]
        size = (simulations, m)
        factor = (
            rng.normal(size=size)
            if kind == "normal"
            else np.tile(np.linspace(-1.7, 1.7, m), (simulations, 1))
        )
        loading = np.resize(loadings, k)
        values = factor[:, :, None] * loading + np.sqrt(1 - loading**2) * rng.normal(size=(*size, k))
        error = noise * rng.uniform(0.5, 1.5, size=values.shape)
        values = values + error * rng.normal(size=values.shape)
        values[rng.random(values.shape) < holes] = np.nan
        drawn = gibbs(*standardized(values, error), 300, rng, burn_in=100)
        truth = factor - factor.mean(axis=1, keepdims=True)
        truth /= truth.std(axis=1, keepdims=True)
        cell = (m, k, loadings, holes, noise, kind)
        low, high = np.quantile(drawn.factor, [0.025, 0.975], axis=0)
        score.extend(cell, low, truth, high)
        low, high = np.quantile(
            drawn.loading / np.hypot(drawn.loading, np.sqrt(drawn.own)), [0.025, 0.975], axis=0
        )
        share.extend(cell, low, np.broadcast_to(loading, low.shape), high)
        ranks = stats.rankdata(-drawn.factor, axis=2)
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0, method="inverted_cdf")
        rank.extend(cell, low, stats.rankdata(-truth, axis=1), high)
    return score, share, rank


def test_score_and_loading_intervals_cover() -> None:
    score, share, rank = _coverage(400, GRID[:4] + GRID[12:16])
    score.check_approximate()
    share.check_approximate()
    assert rank.mean() >= 0.93, str(rank)


@pytest.mark.proof
def test_score_and_loading_intervals_cover_at_full_size(record_property: Recorder) -> None:
    score, share, rank = _coverage(2000, GRID)
    for name, cells in (("scores", score), ("loadings", share), ("ranks by posterior quantiles", rank)):
        cells.report(record_property, of=name)
    score.check_approximate()
    share.check_approximate()
    assert rank.mean() >= 0.93, str(rank)


def _rank_bounds(simulations: int, grid: tuple[tuple[object, ...], ...]) -> Coverage:
    rng = np.random.default_rng(44)
    out = Coverage()
    for m, k, loadings in grid:
        for _ in range(simulations):
            factor = rng.normal(size=m)  # type: ignore[call-overload]
            values = scores(rng, factor, np.resize(loadings, k).tolist())  # type: ignore[call-overload, arg-type]
            found = factor_consensus(table(values), n_draws=320, rng=rng)
            out.add((m, k, loadings), found.rank_low, stats.rankdata(-factor), found.rank_high)
    return out


def test_rank_bounds_of_the_consensus_cover() -> None:
    _rank_bounds(400, ((12, 5, (0.45,)),)).check_bound()


@pytest.mark.proof
def test_rank_bounds_of_the_consensus_cover_at_full_size(record_property: Recorder) -> None:
    found = _rank_bounds(400, ((12, 5, (0.8,)), (12, 5, (0.45,)), (26, 8, (0.9, 0.6, 0.3))))
    found.report(record_property, of="bounds of ranks (conservative)")
    found.check_bound()
