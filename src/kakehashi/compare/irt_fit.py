"""Joint maximum a posteriori fit of the two-parameter logistic model: alternating steps, then joint ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from kakehashi.compare.resampling import FloatArray, IntArray
from kakehashi.errors import NotEstimableError

_BLOCK = 1 << 18
#: Up to so many cells what a block contributes is kept from one pass to the next (16 bytes a cell).
_KEPT_CELLS = 1 << 23


class Answers:
    """The answers in blocks of items, with the priors."""

    def __init__(self, values: np.ndarray, used: IntArray) -> None:
        self.values, self.used = values, used
        self.m, self.n = values.shape[0], used.size
        self.slope_mean, self.slope_precision = 1.0, 1.0
        self.intercept_mean, self.intercept_precision = 0.0, 1 / 9
        self.width = max(1, _BLOCK // self.m)
        self.n_of_model = np.zeros(self.m, dtype=np.int64)
        self.n_fractional = 0
        self.complete = True
        for _, _, y, seen in self.blocks():
            self.n_of_model += y.shape[1] if seen is None else seen.sum(axis=1).astype(np.int64)
            self.n_fractional += int(((y > 0) & (y < 1)).sum())

    def learn(self, slope: FloatArray, intercept: FloatArray, spread: FloatArray) -> None:
        """Move the priors to mean and spread of the items (one step of EM); ``spread`` holds 2 x N variances."""
        self.slope_mean, self.intercept_mean = float(slope.mean()), float(intercept.mean())
        self.slope_precision = 1 / max(float(slope.var() + spread[0].mean()), 0.01)
        self.intercept_precision = 1 / max(float(intercept.var() + spread[1].mean()), 0.01)

    def blocks(self) -> Iterator[tuple[int, int, FloatArray, FloatArray | None]]:
        """Start, end, answers (0 where missing), and which are present (None: all)."""
        for start in range(0, self.n, self.width):
            columns = self.used[start : start + self.width]
            y = self.values[:, columns].astype(np.float64)
            blank = np.isnan(y)
            if blank.any():
                y[blank] = 0.0
                yield start, start + columns.size, y, (~blank).astype(np.float64)
            else:
                yield start, start + columns.size, y, None


def residuals(
    theta: FloatArray, slope: FloatArray, intercept: FloatArray, y: FloatArray, seen: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Answers minus their probabilities, and the weights p(1 - p); 0 where missing."""
    p = np.multiply.outer(theta, slope)
    p += intercept
    expit(p, out=p)
    weight = p - p * p
    residual = y - p
    if seen is not None:
        residual *= seen
        weight *= seen
    return residual, weight


def alternate(data: Answers, max_iterations: int) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    """Alternating Fisher scoring from standardized shares of success."""
    share, slope, intercept = np.zeros(data.m), np.ones(data.n), np.zeros(data.n)
    for start, end, y, seen in data.blocks():
        share += y.sum(axis=1)
        total = float(data.m) if seen is None else seen.sum(axis=0)
        rate = (y.sum(axis=0) + 0.5) / (total + 1)
        intercept[start:end] = np.log(rate / (1 - rate))
    theta = _scaled((share + 0.5) / (data.n_of_model + 1))
    most = max(min(25, max_iterations // 2), 1)
    iteration = 0
    while iteration < most:
        iteration += 1
        gradient, information = -theta, np.ones(data.m)
        spread = np.zeros((2, data.n))
        for start, end, y, seen in data.blocks():
            a, d = slope[start:end], intercept[start:end]
            residual, weight = residuals(theta, a, d, y, seen)
            g_a = theta @ residual - (a - data.slope_mean) * data.slope_precision
            g_d = residual.sum(axis=0) - (d - data.intercept_mean) * data.intercept_precision
            aa = (theta**2) @ weight + data.slope_precision
            ad, dd = theta @ weight, weight.sum(axis=0) + data.intercept_precision
            det = aa * dd - ad**2
            a = a + np.clip((dd * g_a - ad * g_d) / det, -1, 1)
            d = d + np.clip((aa * g_d - ad * g_a) / det, -2, 2)
            slope[start:end], intercept[start:end] = a, d
            spread[:, start:end] = dd / det, aa / det
            residual, weight = residuals(theta, a, d, y, seen)
            gradient += residual @ a
            information += weight @ a**2
        step = np.clip(gradient / information, -1, 1)
        moved = theta + step
        mean, scale = float(moved.mean()), float(np.sqrt(moved.var() + (1 / information).mean()))
        moved = (moved - mean) / scale
        intercept += slope * mean
        slope *= scale
        if slope.sum() < 0:
            moved, slope = -moved, -slope
        data.learn(slope, intercept, spread)
        change = float(np.abs(moved - theta).max())
        theta = moved
        if change < 1e-2:
            break
    return theta, slope, intercept, iteration


def _scaled(x: FloatArray) -> FloatArray:
    spread = float(x.std())
    if spread < 1e-12:
        raise NotEstimableError("all models have the same score: they have no order", diagnostic="constant")
    out: FloatArray = (x - x.mean()) / spread
    return out


@dataclass(slots=True)
class Joint:
    """Where the joint steps ended.

    Attributes:
        theta: Abilities, on the scale of the fit.
        slope: Slopes of the items.
        intercept: Intercepts of the items.
        inverse: Covariance of the abilities, models x models.
        information: Information of each ability given the items.
        n_iterations: Joint steps taken.
        converged: Whether the last step was below the tolerance.
        last_step: Greatest change of an ability in the last step.
    """

    theta: FloatArray
    slope: FloatArray
    intercept: FloatArray
    inverse: FloatArray
    information: FloatArray
    n_iterations: int
    converged: bool
    last_step: float


@dataclass(slots=True)
class _Half:
    """What a block of items contributes: C B^-1 in the factor L of B^-1 = L L', and B^-1 times the gradient."""

    z_a: FloatArray
    z_d: FloatArray
    l_aa: FloatArray
    l_da: FloatArray
    l_dd: FloatArray
    u_a: FloatArray
    u_d: FloatArray


def half(
    data: Answers,
    theta: FloatArray,
    a: FloatArray,
    d: FloatArray,
    residual: FloatArray,
    weight: FloatArray,
) -> _Half:
    """What these items contribute: their information is eliminated from that of the abilities."""
    g_a = theta @ residual - (a - data.slope_mean) * data.slope_precision
    g_d = residual.sum(axis=0) - (d - data.intercept_mean) * data.intercept_precision
    aa = (theta**2) @ weight + data.slope_precision
    ad, dd = theta @ weight, weight.sum(axis=0) + data.intercept_precision
    det = aa * dd - ad**2
    # B^-1 = [[dd, -ad], [-ad, aa]] / det = L L' with L lower triangular
    l_aa = np.sqrt(dd / det)
    l_da = -ad / det / l_aa
    l_dd = np.sqrt(np.maximum(aa / det - l_da**2, 0.0))
    of_d = weight * a
    of_a = of_d * theta[:, None]
    return _Half(
        of_a * l_aa + of_d * l_da, of_d * l_dd, l_aa, l_da, l_dd, l_aa * g_a + l_da * g_d, l_dd * g_d
    )


def _halves(
    data: Answers, theta: FloatArray, slope: FloatArray, intercept: FloatArray
) -> Iterator[tuple[int, int, _Half]]:
    """The blocks' contributions once more, where there are too many cells to keep them."""
    for start, end, y, seen in data.blocks():
        a, d = slope[start:end].copy(), intercept[start:end].copy()
        residual, weight = residuals(theta, a, d, y, seen)
        yield start, end, half(data, theta, a, d, residual, weight)


def _adjustment(
    theta: FloatArray, a: FloatArray, residual: FloatArray, weight: FloatArray, part: _Half, y: FloatArray
) -> FloatArray:
    """Gradient by ability of half the log determinant of the items' information (Cox and Reid).

    Without it abilities take up noise of the items, the more the fewer the models: intervals of 20 models'
    abilities on 500 items would cover 80%.
    """
    # rows of B^-1: [[p_aa, p_ad], [p_ad, p_dd]]
    p_aa, p_ad, p_dd = part.l_aa**2, part.l_aa * part.l_da, part.l_da**2 + part.l_dd**2
    t = theta[:, None]
    leverage = (t * p_aa + 2 * p_ad) * t + p_dd
    p = y - residual  # where a cell is missing its weight is 0, and so is what this is used for
    bent = weight * (1 - 2 * p) * leverage
    direct = bent @ a + 2 * ((weight * t) @ p_aa + weight @ p_ad)
    by_a, by_d = theta @ bent, bent.sum(axis=0)
    q_a, q_d = p_aa * by_a + p_ad * by_d, p_ad * by_a + p_dd * by_d
    through = residual @ q_a - theta * (weight @ (a * q_a)) - weight @ (a * q_d)
    found: FloatArray = 0.5 * (direct + through)
    return found


def joint_steps(
    data: Answers, theta: FloatArray, slope: FloatArray, intercept: FloatArray, most: int, tolerance: float
) -> Joint:
    """Joint Fisher scoring: the items are eliminated block by block, abilities solved together."""
    change = float("inf")
    iteration = 0
    small = data.m * data.n <= _KEPT_CELLS
    while True:
        schur, gradient, information = np.zeros((data.m, data.m)), -theta, np.ones(data.m)
        kept: list[tuple[int, int, _Half]] = []
        for start, end, y, seen in data.blocks():
            a, d = slope[start:end], intercept[start:end]
            residual, weight = residuals(theta, a, d, y, seen)
            part = half(data, theta, a, d, residual, weight)
            if small:
                kept.append((start, end, part))
            gradient = gradient + residual @ a - part.z_a @ part.u_a - part.z_d @ part.u_d
            gradient -= _adjustment(theta, a, residual, weight, part, y)
            information += weight @ a**2
            schur -= part.z_a @ part.z_a.T
            schur -= part.z_d @ part.z_d.T
        schur[np.diag_indices(data.m)] += information
        factor = cho_factor(schur, lower=True)
        if iteration > 0 and (change < tolerance or iteration >= max(most, 2)):
            inverse = cho_solve(factor, np.eye(data.m))
            return Joint(theta, slope, intercept, inverse, information, iteration, change < tolerance, change)
        # location and scale are held (Lagrange): the likelihood does not know them, see the rescaling below
        held = np.column_stack([np.ones(data.m), theta])
        free, towards = cho_solve(factor, gradient), cho_solve(factor, held)
        step = free - towards @ np.linalg.solve(held.T @ towards, held.T @ free)
        scale = min(1.0 if iteration < 30 else 0.5, 1.0 / float(np.abs(step).max() + 1e-12))
        moved = theta + scale * step
        spread = np.zeros((2, data.n))
        for start, end, part in kept if small else _halves(data, theta, slope, intercept):
            a, d = slope[start:end], intercept[start:end]
            v_a, v_d = part.u_a - step @ part.z_a, part.u_d - step @ part.z_d
            slope[start:end] = a + np.clip(scale * (part.l_aa * v_a), -1, 1)
            intercept[start:end] = d + np.clip(scale * (part.l_da * v_a + part.l_dd * v_d), -2, 2)
            spread[:, start:end] = part.l_aa**2, part.l_da**2 + part.l_dd**2
        mean, size = float(moved.mean()), float(np.sqrt(moved.var() + (1 / information).mean()))
        moved = (moved - mean) / size
        intercept += slope * mean
        slope *= size
        data.learn(slope, intercept, spread)
        change = float(np.abs(moved - theta).max())
        theta = moved
        iteration += 1
