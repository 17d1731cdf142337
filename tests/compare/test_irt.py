"""Two-parameter item response theory: recovery of truth, intervals, backward items, bad input."""

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage
from scipy.optimize import minimize
from scipy.special import expit

from kakehashi.compare.irt import ItemResponse, fit_2pl
from kakehashi.compare.table import ItemScores
from kakehashi.errors import InputError, NotEstimableError, UsageError


def simulate(
    m: int, n: int, rng: np.random.Generator, *, missing: float = 0.0, backward: float = 0.03
) -> tuple[ItemScores, np.ndarray, np.ndarray, np.ndarray]:
    """Scores, and abilities, slopes and intercepts on the scale of these models."""
    theta = rng.standard_normal(m)
    slope = np.exp(rng.normal(0, 0.3, n)) * np.where(rng.random(n) < backward, -1, 1)
    intercept = rng.normal(0, 1, n)
    y = (rng.random((m, n)) < expit(np.outer(theta, slope) + intercept)).astype(float)
    y[rng.random((m, n)) < missing] = np.nan
    mean, spread = theta.mean(), theta.std()
    scores = ItemScores(tuple(f"m{i}" for i in range(m)), tuple(f"i{j}" for j in range(n)), y)
    return scores, (theta - mean) / spread, slope * spread, intercept + slope * mean


def fitted(found: ItemResponse) -> list[int]:
    return [int(name[1:]) for name in found.items]


def _with_known_abilities(scores: ItemScores, theta: np.ndarray, used: list[int]) -> np.ndarray:
    """Slopes that one would find if the abilities were known: the most that can be asked."""
    out = []
    for j in used:
        y = scores.values[:, j]
        seen = ~np.isnan(y)

        def loss(beta: np.ndarray, y: np.ndarray = y[seen], x: np.ndarray = theta[seen]) -> float:
            eta = x * beta[0] + beta[1]
            return float((np.logaddexp(0, eta) - y * eta).sum() + (beta[0] - 1) ** 2 / 0.5 + beta[1] ** 2 / 8)

        out.append(minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-3}).x[0])
    return np.array(out)


def test_truth_is_recovered_with_missing_cells() -> None:
    scores, theta, slope, intercept = simulate(100, 400, np.random.default_rng(1), missing=0.3)
    found = fit_2pl(scores)
    used = fitted(found)
    assert found.converged
    assert np.corrcoef(found.ability, theta)[0, 1] > 0.98
    best = np.corrcoef(_with_known_abilities(scores, theta, used), slope[used])[0, 1]
    assert np.corrcoef(found.discrimination, slope[used])[0, 1] > best - 0.03
    assert np.corrcoef(found.intercept, intercept[used])[0, 1] > 0.95
    assert found.diagnostics["n_missing_cells"] == pytest.approx(0.3 * 40_000, rel=0.05)


def test_items_agree_with_logistic_regression_on_the_fitted_abilities() -> None:
    # with abilities and priors as they were found, each item's slope and intercept are a penalized logistic
    # regression: scipy's general optimizer must find the same
    scores, *_ = simulate(60, 120, np.random.default_rng(2))
    found = fit_2pl(scores, tolerance=1e-7)
    slope_mean, slope_sd = found.diagnostics["discrimination_prior"]  # type: ignore[misc]
    mean, sd = found.diagnostics["intercept_prior"]  # type: ignore[misc]
    for j in (0, 17, 80):
        y = scores.values[:, fitted(found)[j]]

        def loss(beta: np.ndarray, y: np.ndarray = y) -> float:
            eta = found.ability * beta[0] + beta[1]
            likelihood = (y * eta - np.logaddexp(0, eta)).sum()
            return float(
                -likelihood + ((beta[0] - slope_mean) / slope_sd) ** 2 / 2 + ((beta[1] - mean) / sd) ** 2 / 2
            )

        best = minimize(loss, [1.0, 0.0], method="BFGS").x
        assert found.discrimination[j] == pytest.approx(best[0], abs=1e-3)
        assert found.intercept[j] == pytest.approx(best[1], abs=1e-3)


def test_the_order_of_models_and_items_does_not_matter() -> None:
    scores, *_ = simulate(30, 80, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    rows, columns = rng.permutation(30), rng.permutation(80)
    turned = ItemScores(
        tuple(scores.models[i] for i in rows),
        tuple(scores.items[j] for j in columns),
        scores.values[np.ix_(rows, columns)],
    )
    one, other = fit_2pl(scores, tolerance=1e-6), fit_2pl(turned, tolerance=1e-6)
    np.testing.assert_allclose(one.ability[rows], other.ability, atol=1e-4)


def test_backward_items_are_listed_and_only_they_are_certain() -> None:
    rng = np.random.default_rng(5)
    scores, _, slope, _ = simulate(150, 200, rng, backward=0.05)
    found = fit_2pl(scores)
    truly = {f"i{j}" for j in np.flatnonzero(slope < 0)}
    certain = {item.item for item in found.backward if item.certain}
    assert certain
    assert certain <= truly
    assert len(certain) >= 0.7 * len(truly)
    assert found.backward[0].high < 0
    assert found.backward[0].p_value < 0.01


def test_one_backward_item_among_steep_ones_is_not_drawn_to_them() -> None:
    rng = np.random.default_rng(10)
    theta, slope = rng.standard_normal(60), np.full(200, 2.0)
    slope[1] = -2.0
    y = (rng.random((60, 200)) < expit(np.outer(theta, slope) + rng.normal(0, 1.5, 200))).astype(float)
    found = fit_2pl(_table(y))
    assert [item.item for item in found.backward if item.certain] == ["i1"]
    assert found.backward[0].low <= -2 * theta.std() <= found.backward[0].high


def test_noise_is_seldom_called_backward() -> None:
    # items without any slope among good ones: at most 5% of tables may name one of them as certain
    rng = np.random.default_rng(11)
    named = 0
    for _ in range(60):
        slope = np.where(np.arange(100) < 30, 0.0, 1.2)
        y = rng.random((40, 100)) < expit(np.outer(rng.standard_normal(40), slope) + rng.normal(0, 1, 100))
        named += any(item.certain for item in fit_2pl(_table(y.astype(float))).backward)
    assert named <= 6  # 3 expected at the most, 6 with the Monte Carlo error of 60 tables


def test_items_that_all_or_none_solve_are_left_out_and_named() -> None:
    scores, *_ = simulate(30, 60, np.random.default_rng(6))
    y = scores.values.copy()
    y[:, 0], y[:, 1], y[:, 2] = 1.0, 0.0, np.nan
    found = fit_2pl(ItemScores(scores.models, scores.items, y))
    assert {"i0", "i1", "i2"} <= set(found.left_out)
    assert np.isfinite(found.ability).all()


def test_a_model_that_solves_everything_has_a_finite_ability() -> None:
    scores, *_ = simulate(30, 60, np.random.default_rng(7))
    y = scores.values.copy()
    y[0] = 1.0
    found = fit_2pl(ItemScores(scores.models, scores.items, y))
    assert found.ability[0] == found.ability.max()
    assert np.isfinite(found.ability_error[0])


def test_large_tables_are_fitted_in_passes_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, *_ = simulate(40, 300, np.random.default_rng(12), missing=0.2)
    whole = fit_2pl(scores)
    monkeypatch.setattr("kakehashi.compare.irt_fit._KEPT_CELLS", 0)
    monkeypatch.setattr("kakehashi.compare.irt_fit._BLOCK", 1000)
    np.testing.assert_allclose(fit_2pl(scores).ability, whole.ability, atol=1e-9)


def test_float32_scores_give_the_same_abilities() -> None:
    scores, *_ = simulate(30, 60, np.random.default_rng(8))
    half = ItemScores(scores.models, scores.items, scores.values.astype(np.float32))
    np.testing.assert_allclose(fit_2pl(half).ability, fit_2pl(scores).ability, atol=1e-10)


def _table(y: np.ndarray) -> ItemScores:
    return ItemScores(tuple(f"m{i}" for i in range(y.shape[0])), tuple(f"i{j}" for j in range(y.shape[1])), y)


@pytest.mark.parametrize(
    ("y", "diagnostic"),
    [
        (np.eye(1, 50), "too-few-models"),
        (np.eye(50, 1), "too-few-items"),
        (np.ones((30, 50)), "too-few-items"),
        (np.vstack([np.full((1, 50), np.nan), np.eye(30, 50)]), "all-missing"),
    ],
)
def test_what_cannot_be_estimated_is_named(y: np.ndarray, diagnostic: str) -> None:
    with pytest.raises(NotEstimableError) as caught:
        fit_2pl(_table(y))
    assert caught.value.diagnostic == diagnostic


def test_equal_models_have_no_order() -> None:
    y = np.tile((np.arange(40) % 2).astype(float), (30, 1))
    y[::2] = 1 - y[::2]  # every model solves half, the same share
    with pytest.raises(NotEstimableError) as caught:
        fit_2pl(_table(y))
    assert caught.value.diagnostic == "constant"


def test_bad_input_is_refused() -> None:
    y = np.random.default_rng(9).integers(0, 2, (30, 40)).astype(float)
    y[3, 4] = 2
    with pytest.raises(InputError, match="not between 0 and 1"):
        fit_2pl(_table(y))
    y[3, 4] = 1
    with pytest.raises(UsageError, match="above 0"):
        fit_2pl(_table(y), tolerance=0)


def _coverage(simulations: int, shapes: tuple[tuple[int, int, float], ...]) -> dict[tuple, np.ndarray]:
    """Share of intervals that hold the truth: abilities, slopes, intercepts."""
    from scipy.special import stdtrit

    cells = {}
    rng = np.random.default_rng(2026)
    for m, n, missing in shapes:
        hits = np.zeros((simulations, 3))
        for s in range(simulations):
            scores, theta, slope, intercept = simulate(m, n, rng, missing=missing)
            found = fit_2pl(scores)
            used, t = fitted(found), stdtrit(m - 2, 0.975)
            hits[s] = (
                np.mean((found.ability_low <= theta) & (theta <= found.ability_high)),
                np.mean(np.abs(found.discrimination - slope[used]) <= t * found.discrimination_error),
                np.mean(np.abs(found.intercept - intercept[used]) <= t * found.intercept_error),
            )
        cells[m, n, missing] = hits.mean(axis=0)
    return cells


SHAPES = ((20, 100, 0.0), (20, 400, 0.2), (50, 100, 0.0), (50, 400, 0.3), (150, 150, 0.0))


def test_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _coverage(16, SHAPES)  # each simulation holds 20 to 150 abilities and 100 to 400 items
    print(cells)
    mean = np.mean(list(cells.values()), axis=0)
    assert ((mean >= 0.93) & (mean <= 0.97)).all(), cells


@pytest.mark.proof
def test_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells, large = _coverage(80, SHAPES), _coverage(4, ((200, 5000, 0.0), (200, 5000, 0.3)))
    for found, times in ((cells, 80), (large, 4)):
        for k, what in enumerate(("ability", "slope", "intercept")):
            named = {(what, *c): float(v[k]) for c, v in found.items()}
            # each simulation holds at least 20 abilities or 100 items
            report_coverage(record_property, named, times * (20 if what == "ability" else 100))
    cells |= large
    mean = np.mean(list(cells.values()), axis=0)
    assert ((mean >= 0.93) & (mean <= 0.97)).all(), cells
    assert min(c.min() for c in cells.values()) > 0.91, cells
