"""Two-parameter item response theory: abilities of models, and items that work backwards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, ndtr

from kakehashi.compare.correlation import holm
from kakehashi.compare.resampling import FloatArray, IntArray, critical_value
from kakehashi.compare.table import ItemScores
from kakehashi.errors import InputError, NotEstimableError, UsageError

#: Fewer models than this cannot place an item: abilities' intervals would cover too little.
LEAST_MODELS = 20
LEAST_ITEMS = 20
_BLOCK = 1 << 18
#: Up to so many cells what a block contributes is kept from one pass to the next (16 bytes a cell).
_KEPT_CELLS = 1 << 23


@dataclass(frozen=True, slots=True)
class BackwardItem:
    """An item that better models solve less often.

    Its slope is found from its own answers, not drawn to those of the other items.

    Attributes:
        item: Its name.
        discrimination: Its slope; below 0.
        low: Lower end of the interval of the slope.
        high: Upper end.
        p_value: One-sided p value of a slope of at least 0.
        p_holm: The same, adjusted by Holm over all items.
        certain: Whether ``p_holm`` is below 1 - the confidence level.
    """

    item: str
    discrimination: float
    low: float
    high: float
    p_value: float
    p_holm: float
    certain: bool


@dataclass(frozen=True, slots=True, eq=False)
class ItemResponse:
    """A fitted two-parameter logistic model: logit P(success) = discrimination * ability + intercept.

    Abilities are on the scale of these models: mean 0 and standard deviation 1 over them.

    Attributes:
        models: Names of the models, M of them.
        items: Names of the items that were fitted, N of them.
        ability: M abilities.
        ability_error: Their standard errors (joint Laplace: what is not known of the items is in them).
        ability_low: Lower ends of the intervals.
        ability_high: Upper ends.
        discrimination: N slopes.
        discrimination_error: Their standard errors.
        intercept: N intercepts: log-odds of success at ability 0.
        intercept_error: Their standard errors.
        backward: Items with a negative slope, the clearest first. See whether their key is wrong.
        left_out: Items that all models solve, or none, or that nobody was given: they tell no models apart.
        n_iterations: Iterations used.
        converged: Whether the last step was below the tolerance; if not, do not use the figures.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    models: tuple[str, ...]
    items: tuple[str, ...]
    ability: FloatArray
    ability_error: FloatArray
    ability_low: FloatArray
    ability_high: FloatArray
    discrimination: FloatArray
    discrimination_error: FloatArray
    intercept: FloatArray
    intercept_error: FloatArray
    backward: tuple[BackwardItem, ...]
    left_out: tuple[str, ...]
    n_iterations: int
    converged: bool
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    @property
    def difficulty(self) -> FloatArray:
        """Ability at which an item is solved half the time; NaN where the slope may be 0."""
        clear = np.abs(self.discrimination) > 2 * self.discrimination_error
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(clear, -self.intercept / self.discrimination, np.nan)


def fit_2pl(
    scores: ItemScores,
    *,
    max_iterations: int = 200,
    tolerance: float = 1e-3,
    confidence_level: float = 0.95,
) -> ItemResponse:
    """Fit the two-parameter logistic model to right (1) and wrong (0) answers by joint MAP.

    Abilities have a standard normal prior, slopes a normal one that lets them be negative (its mean and spread,
    and those of the intercepts, are found from the items: empirical Bayes). Alternating
    Fisher scoring comes near, joint steps by the Schur complement over items finish; its inverse gives
    the standard errors. Missing cells are left out of the likelihood. Scores between 0 and 1 (means over
    repetitions) are taken as shares of successes and counted in the diagnostics.

    A plain joint fit takes up noise: slopes too steep, intervals too short, the more the fewer the models.
    Hence Cox and Reid's adjustment of abilities for the items, and priors of items found from the items
    themselves. With fewer than 100 items for a model, intervals of slopes cover a little less
    (``few_items``). One ability is assumed: for items of several
    constructs fit each construct.

    Args:
        scores: Models by items.
        max_iterations: Most iterations.
        tolerance: Greatest change of an ability at which the fit ends.
        confidence_level: Nominal coverage of the intervals.

    Raises:
        InputError: Scores outside 0 and 1.
        UsageError: An impossible tolerance or number of iterations.
        NotEstimableError: Fewer than 20 models or 20 items that tell models apart.

    References:
        Birnbaum (1968), in: Lord, Novick, Statistical Theories of Mental Test Scores.
        Cox, Reid (1987). Parameter orthogonality and approximate conditional inference. JRSS B 49.
        Baker, Kim (2004). Item Response Theory: Parameter Estimation Techniques, chapter 4.
        Lalor, Wu, Yu (2019). Learning latent parameters without human response patterns. EMNLP.
    """
    if not tolerance > 0 or max_iterations < 2:
        raise UsageError("tolerance must be above 0 and max_iterations at least 2")
    values = scores.values
    used = _check(scores)
    data = _Data(values, used)
    theta, slope, intercept, n_alternating = _alternate(data, max_iterations)
    joint = _joint(data, theta, slope, intercept, max_iterations - n_alternating, tolerance)
    theta, slope, intercept = joint.theta, joint.slope, joint.intercept
    ability, errors, slopes, slope_error, intercepts, intercept_error = _standardized(data, joint)
    z, t = critical_value(confidence_level), critical_value(confidence_level, data.m - 2)
    names = tuple(scores.items[i] for i in used)
    backward = _backward(names, *_free_slopes(data, joint, ability), t, 1 - confidence_level)
    present = data.n_of_model
    diagnostics: dict[str, object] = {
        "n_cells": int(present.sum()),
        "n_missing_cells": int(len(present) * len(used) - present.sum()),
        "n_fractional": data.n_fractional,
        "fewest_items_of_a_model": int(present.min()),
        "reliability": float(1 - np.mean(errors**2)) if np.isfinite(errors).all() else float("nan"),
        "last_step": joint.last_step,
        "discrimination_prior": (data.slope_mean, data.slope_precision**-0.5),
        "intercept_prior": (data.intercept_mean, data.intercept_precision**-0.5),
    }
    if present.min() < 100:
        diagnostics["few_items"] = True
    return ItemResponse(
        models=scores.models,
        items=names,
        ability=ability,
        ability_error=errors,
        ability_low=ability - z * errors,
        ability_high=ability + z * errors,
        discrimination=slopes,
        discrimination_error=slope_error,
        intercept=intercepts,
        intercept_error=intercept_error,
        backward=backward,
        left_out=tuple(scores.items[i] for i in sorted(set(range(len(scores.items))) - set(used.tolist()))),
        n_iterations=n_alternating + joint.n_iterations,
        converged=joint.converged,
        settings={
            "max_iterations": max_iterations,
            "confidence_level": confidence_level,
            "tolerance": tolerance,
        },
        diagnostics=diagnostics,
    )


def _check(scores: ItemScores) -> IntArray:
    """Positions of the items that tell models apart."""
    values = scores.values
    with np.errstate(invalid="ignore"):
        outside = (values < 0) | (values > 1)
    if outside.any():
        i, j = np.argwhere(outside)[0]
        raise InputError(
            f"the score of {scores.models[i]!r} on {scores.items[j]!r} is {values[i, j]}, not between 0 and 1",
            row=int(i) + 1,
            hint="Item response theory takes right (1) and wrong (0).",
        )
    used = np.flatnonzero(np.fmin.reduce(values, axis=0) < np.fmax.reduce(values, axis=0))
    unseen = np.isnan(np.fmax.reduce(values, axis=1))
    if unseen.any():
        raise NotEstimableError(
            f"{scores.models[int(unseen.argmax())]!r} has no score on any item", diagnostic="all-missing"
        )
    if len(scores.models) < LEAST_MODELS or used.size < LEAST_ITEMS:
        few = len(scores.models) < LEAST_MODELS
        raise NotEstimableError(
            f"{len(scores.models)} models and {used.size} items that some solve and some do not "
            f"({len(scores.items)} items in all): at least {LEAST_MODELS} and {LEAST_ITEMS} are needed",
            diagnostic="too-few-models" if few else "too-few-items",
            hint="Give more models." if few else "Give more items that are neither too easy nor too hard.",
        )
    return used.astype(np.int64)


class _Data:
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


def _residuals(
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


def _alternate(data: _Data, max_iterations: int) -> tuple[FloatArray, FloatArray, FloatArray, int]:
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
            residual, weight = _residuals(theta, a, d, y, seen)
            g_a = theta @ residual - (a - data.slope_mean) * data.slope_precision
            g_d = residual.sum(axis=0) - (d - data.intercept_mean) * data.intercept_precision
            aa = (theta**2) @ weight + data.slope_precision
            ad, dd = theta @ weight, weight.sum(axis=0) + data.intercept_precision
            det = aa * dd - ad**2
            a = a + np.clip((dd * g_a - ad * g_d) / det, -1, 1)
            d = d + np.clip((aa * g_d - ad * g_a) / det, -2, 2)
            slope[start:end], intercept[start:end] = a, d
            spread[:, start:end] = dd / det, aa / det
            residual, weight = _residuals(theta, a, d, y, seen)
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
class _Joint:
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


def _half(
    data: _Data,
    theta: FloatArray,
    a: FloatArray,
    d: FloatArray,
    residual: FloatArray,
    weight: FloatArray,
) -> _Half:
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
    data: _Data, theta: FloatArray, slope: FloatArray, intercept: FloatArray
) -> Iterator[tuple[int, int, _Half]]:
    """The blocks' contributions once more, where there are too many cells to keep them."""
    for start, end, y, seen in data.blocks():
        a, d = slope[start:end].copy(), intercept[start:end].copy()
        residual, weight = _residuals(theta, a, d, y, seen)
        yield start, end, _half(data, theta, a, d, residual, weight)


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


def _joint(
    data: _Data, theta: FloatArray, slope: FloatArray, intercept: FloatArray, most: int, tolerance: float
) -> _Joint:
    """Joint Fisher scoring: the items are eliminated block by block, abilities solved together."""
    change = float("inf")
    iteration = 0
    small = data.m * data.n <= _KEPT_CELLS
    while True:
        schur, gradient, information = np.zeros((data.m, data.m)), -theta, np.ones(data.m)
        kept: list[tuple[int, int, _Half]] = []
        for start, end, y, seen in data.blocks():
            a, d = slope[start:end], intercept[start:end]
            residual, weight = _residuals(theta, a, d, y, seen)
            part = _half(data, theta, a, d, residual, weight)
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
            return _Joint(
                theta, slope, intercept, inverse, information, iteration, change < tolerance, change
            )
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


def _free_slopes(
    data: _Data, joint: _Joint, ability: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Slope and error of each item by itself at the abilities found, with a weak prior about 0.

    Also the p value of a slope of at least 0 by the signed root of the likelihood ratio (Wald's test has
    little power where slopes are steep); 1 where the slope is above 0, and slope and error are then not given.
    """
    slope, error, p_value = np.zeros(data.n), np.ones(data.n), np.ones(data.n)
    for start, end, whole, known in data.blocks():
        total = np.full(end - start, float(data.m)) if known is None else known.sum(axis=0)
        rate = whole.sum(axis=0) / total
        # the sign of the slope is that of the covariance with ability: only negative ones are fitted
        expected = float(ability.sum()) if known is None else ability @ known
        back = np.flatnonzero(ability @ whole - rate * expected < 0)
        if not back.size:
            continue
        y, seen = whole[:, back], None if known is None else known[:, back]
        a, d = np.full(back.size, -0.5), joint.intercept[start:end][back]
        for _ in range(20):
            residual, weight = _residuals(ability, a, d, y, seen)
            g_a, g_d = ability @ residual - a / 6.25, residual.sum(axis=0) - d / 25
            aa = (ability**2) @ weight + 1 / 6.25
            ad, dd = ability @ weight, weight.sum(axis=0) + 1 / 25
            det = aa * dd - ad**2
            step = np.clip((dd * g_a - ad * g_d) / det, -1, 1)
            a, d = a + step, d + np.clip((aa * g_d - ad * g_a) / det, -2, 2)
            if np.abs(step).max() < 1e-4:
                break
        eta = np.multiply.outer(ability, a) + d
        fitted = (y * eta - np.logaddexp(0.0, eta)) * (1.0 if seen is None else seen)
        n, share = total[back], rate[back]
        flat = n * (share * np.log(share) + (1 - share) * np.log1p(-share))
        place = start + back
        slope[place], error[place] = a, np.sqrt(dd / det)
        p_value[place] = ndtr(np.sign(a) * np.sqrt(2 * np.maximum(fitted.sum(axis=0) - flat, 0.0)))
    return slope, error, p_value


def _backward(
    names: tuple[str, ...],
    slope: FloatArray,
    error: FloatArray,
    p: FloatArray,
    t: float,
    alpha: float,
) -> tuple[BackwardItem, ...]:
    adjusted = holm(p)
    return tuple(
        BackwardItem(
            names[i],
            float(slope[i]),
            float(slope[i] - t * error[i]),
            float(slope[i] + t * error[i]),
            float(p[i]),
            float(adjusted[i]),
            bool(adjusted[i] < alpha),
        )
        for i in np.argsort(p, kind="stable")
        if slope[i] < 0
    )


def _standardized(
    data: _Data, joint: _Joint
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Abilities and items on the scale of these models, with standard errors by the delta method."""
    theta, slope, intercept, inverse = joint.theta, joint.slope, joint.intercept, joint.inverse
    m = data.m
    # the spread of true abilities is that of the estimates plus what is not known of them
    mean = float(theta.mean())
    spread = float(np.sqrt(theta.var() + np.mean(1 / joint.information)))
    ability = (theta - mean) / spread
    # d ability_i / d theta_k = (delta_ik - 1/M - ability_i ability_k / M) / spread
    jacobian = (np.eye(m) - 1 / m - np.outer(ability, ability) / m) / spread
    covariance = jacobian @ inverse @ jacobian.T
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    by_mean, by_spread = np.full(m, 1 / m), ability / m
    h_mean, h_spread = inverse @ by_mean, inverse @ by_spread
    v_mean, v_spread = float(by_mean @ h_mean), float(by_spread @ h_spread)
    slope_error, intercept_error = np.empty(data.n), np.empty(data.n)
    root = np.linalg.cholesky((inverse + inverse.T) / 2)
    for start, end, y, seen in data.blocks():
        a, d = slope[start:end], intercept[start:end]
        residual, weight = _residuals(theta, a, d, y, seen)
        part = _half(data, theta, a, d, residual, weight)
        z = (part.z_a, part.z_d)
        r_a, r_d = root.T @ z[0], root.T @ z[1]
        s_aa, s_ad, s_dd = (r_a**2).sum(axis=0) + 1, (r_a * r_d).sum(axis=0), (r_d**2).sum(axis=0) + 1
        var_a = part.l_aa**2 * s_aa
        var_d = part.l_da**2 * s_aa + 2 * part.l_da * part.l_dd * s_ad + part.l_dd**2 * s_dd
        # cov(item, theta) = -L Z' S^-1; the new slope is a * spread, the new intercept d + a * mean
        cov_a_spread = -part.l_aa * (h_spread @ z[0])
        cov_a_mean = -part.l_aa * (h_mean @ z[0])
        cov_d_mean = -(part.l_da * (h_mean @ z[0]) + part.l_dd * (h_mean @ z[1]))
        cov_ad = part.l_aa * (part.l_da * s_aa + part.l_dd * s_ad)
        slope_error[start:end] = spread**2 * var_a + 2 * spread * a * cov_a_spread + a**2 * v_spread
        intercept_error[start:end] = (
            var_d
            + mean**2 * var_a
            + a**2 * v_mean
            + 2 * (mean * cov_ad + a * cov_d_mean + mean * a * cov_a_mean)
        )
    return (
        ability,
        errors,
        slope * spread,
        np.sqrt(np.maximum(slope_error, 1e-30)),
        intercept + slope * mean,
        np.sqrt(np.maximum(intercept_error, 1e-30)),
    )
