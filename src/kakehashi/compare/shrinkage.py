"""True scores behind noisy ones: draws from a normal hierarchical model with a trend in time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kakehashi.compare.resampling import FloatArray
from kakehashi.errors import InputError

_GRID = 100


@dataclass(frozen=True, slots=True, eq=False)
class TrueScores:
    """Draws of the true scores of models, given what was measured.

    Attributes:
        draws: D x N.
        mean: Means of the draws, N.
        spread: Posterior median of the standard deviation of true scores about their trend.
        trend: Whether a line in time was fitted.
        diagnostics: What the reader must know.
    """

    draws: FloatArray
    mean: FloatArray
    spread: float
    trend: bool
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def draw_true_scores(
    values: FloatArray,
    std_error: FloatArray,
    times: FloatArray,
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> TrueScores:
    """Draws of the true scores: observed = true + error, true = line in time + spread, all normal.

    The spread has a flat prior, integrated over a grid, as have the coefficients of the line; so that the
    draws carry how uncertain both are. A single model stands by itself (no shrinkage), and the diagnostics say
    so. A line in time is fitted from eight models with different dates on.

    Where true scores pile up under a ceiling the normal spread is wrong at the top: simulated, only a third of the
    upward bias of the best score goes there, against nine tenths elsewhere, and the bias of a gap between groups
    of very different size stays as it was; its interval still covers (tests/compare/test_gap.py).

    Args:
        values: N observed scores.
        std_error: N standard errors, all positive.
        times: N times, in any unit.
        n_draws: Number of draws D.
        rng: Generator.

    Raises:
        InputError: A standard error is missing or not positive.

    References:
        Gelman, Carlin, Stern, Dunson, Vehtari, Rubin (2013). Bayesian Data Analysis, 3rd ed., section 5.4.
        Efron (2011). Tweedie's formula and selection bias. JASA 106, 1602-1614 (why a maximum needs it).
    """
    y, s = np.asarray(values, dtype=float), np.asarray(std_error, dtype=float)
    n = len(y)
    if not (np.isfinite(s).all() and (s > 0).all()):
        raise InputError(
            "a standard error is missing or zero", hint="Unknown is not zero: leave such models out."
        )
    if n < 2:
        draws = y + s * rng.standard_normal((n_draws, n))
        return TrueScores(draws, y.copy(), float("nan"), False, {"no_shrinkage": "one model"})
    t = np.asarray(times, dtype=float)
    trend = n >= 8 and float(np.ptp(t)) > 0
    design = np.column_stack([np.ones(n), (t - t.mean()) / np.ptp(t)]) if trend else np.ones((n, 1))
    scale = max(float(y.std(ddof=1)), float(s.min()))
    grid = np.linspace(0.0, 3.0, _GRID + 1)[1:] * scale
    weights, lines, covariances = _marginal(y, s, design, grid)
    chosen = rng.choice(_GRID, size=n_draws, p=weights)
    roots = np.linalg.cholesky(covariances)
    noise = rng.standard_normal((n_draws, design.shape[1]))
    beta = lines[chosen] + np.einsum("dij,dj->di", roots[chosen], noise)
    spread = grid[chosen][:, None]
    keep = spread**2 / (spread**2 + s**2)
    centre = keep * y + (1 - keep) * (beta @ design.T)
    draws = centre + np.sqrt(keep) * s * rng.standard_normal((n_draws, n))
    middle = float(grid[np.searchsorted(np.cumsum(weights), 0.5)])
    return TrueScores(draws, centre.mean(axis=0), middle, trend)


def _marginal(
    y: FloatArray, s: FloatArray, design: FloatArray, grid: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Posterior weights of the spreads of the grid; the line and its covariance given each."""
    precision = 1.0 / (s[None, :] ** 2 + grid[:, None] ** 2)
    n, p = design.shape
    products = (design[:, :, None] * design[:, None, :]).reshape(n, p * p)
    information = (precision @ products).reshape(-1, p, p)
    covariances: FloatArray = np.asarray(np.linalg.inv(information), dtype=np.float64)
    lines: FloatArray = (covariances @ ((precision * y) @ design)[:, :, None])[:, :, 0]
    residual = y[None, :] - lines @ design.T
    log = 0.5 * (
        np.log(precision).sum(axis=1)
        - np.linalg.slogdet(information)[1]
        - (precision * residual**2).sum(axis=1)
    )
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    return weights, lines, covariances
