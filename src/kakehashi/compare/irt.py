"""Two-parameter item response theory: abilities of models, and items that work backwards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr

from kakehashi.compare.correlation import holm
from kakehashi.compare.irt_fit import Answers, Joint, alternate, half, joint_steps, residuals
from kakehashi.compare.resampling import FloatArray, IntArray, critical_value
from kakehashi.compare.table import ItemScores
from kakehashi.errors import InputError, NotEstimableError, UsageError

#: Fewer models than this cannot place an item: abilities' intervals would cover too little.
LEAST_MODELS = 20
LEAST_ITEMS = 20


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
    data = Answers(values, used)
    theta, slope, intercept, n_alternating = alternate(data, max_iterations)
    joint = joint_steps(data, theta, slope, intercept, max_iterations - n_alternating, tolerance)
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


def _free_slopes(
    data: Answers, joint: Joint, ability: FloatArray
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
            residual, weight = residuals(ability, a, d, y, seen)
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
    data: Answers, joint: Joint
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
        residual, weight = residuals(theta, a, d, y, seen)
        part = half(data, theta, a, d, residual, weight)
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
