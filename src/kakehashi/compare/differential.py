"""Items that one language (or method, or attack) makes harder than ability explains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from scipy.special import expit, gammaincc, ndtr, ndtri

from kakehashi.compare.correlation import holm
from kakehashi.compare.resampling import FloatArray, check_level
from kakehashi.compare.table import ItemScores
from kakehashi.errors import InputError, NotEstimableError, UsageError

Correction = Literal["holm", "bh"]
#: Rows (a model in a language) in the smaller group below which the test says nothing.
LEAST_ROWS = 10


@dataclass(frozen=True, slots=True)
class DifferentialItem:
    """One item in two groups of answers.

    Attributes:
        item: Its name.
        n: Rows with a score.
        log_odds_ratio: Log-odds of success in the second group minus the first, at equal ability; NaN where
            it cannot be estimated.
        low: Lower end of its interval.
        high: Upper end.
        delta: 2.35 times the log-odds ratio: the ETS scale; below 0 the second group finds the item harder.
        size: ``"negligible"``, ``"moderate"`` or ``"large"`` by the ETS rule, ``"unknown"`` without an estimate.
        p_value: P value of no difference at equal ability.
        p_adjusted: The same, adjusted over the items.
        p_crossing: P value of a difference that changes with ability (logistic only, else NaN).
        flagged: Whether the adjusted p value is below 1 - confidence level and the size is not negligible.
        reason: Why there is no estimate.
    """

    item: str
    n: int
    log_odds_ratio: float
    low: float
    high: float
    delta: float
    size: str
    p_value: float
    p_adjusted: float
    p_crossing: float
    flagged: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DifferentialFunctioning:
    """All items of two groups.

    Attributes:
        first: Name of the reference group.
        second: Name of the other.
        items: The items in the order of the table.
        n_first: Rows of the first group.
        n_second: Rows of the second.
        difference: Mean score of the second group minus the first: the effect that the items share, which is
            not differential functioning.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    first: str
    second: str
    items: tuple[DifferentialItem, ...]
    n_first: int
    n_second: int
    difference: float
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    @property
    def flagged(self) -> tuple[DifferentialItem, ...]:
        """The items flagged, the greatest difference first."""
        return tuple(sorted((i for i in self.items if i.flagged), key=lambda i: -abs(i.log_odds_ratio)))


def differential_functioning(
    scores: ItemScores,
    group: Sequence[Any],
    *,
    method: Literal["mantel-haenszel", "logistic"] = "mantel-haenszel",
    correction: Correction = "holm",
    n_strata: int | None = None,
    confidence_level: float = 0.95,
) -> DifferentialFunctioning:
    """Which items are harder in one of two groups than the rest of the items would lead one to expect.

    Rows are answers of one model in one group (a language, a method, an attack); both groups have the same
    items. What the group does to all items alike is ``difference``; an item functions differently when it
    departs from that. Rows are matched by their mean score over all items. A flagged item is to be read by
    a person: a bad translation and a real cultural difference look the same here.

    The same models in both groups make the tests conservative. With few rows only large differences show.

    Args:
        scores: Rows by items; 0 and 1 only.
        group: For each row its group; exactly two.
        method: Mantel-Haenszel (Robins, Breslow and Greenland's variance), or logistic regression on the
            matching score with likelihood ratio tests, which also sees differences that change with ability.
        correction: Over items: Holm, or Benjamini and Hochberg (false discovery rate).
        n_strata: Strata of the matching score for Mantel-Haenszel; ``None`` takes about eight rows each.
        confidence_level: Nominal coverage; 1 - this is the level of the tests.

    Raises:
        InputError: Scores other than 0 and 1, lengths that differ.
        UsageError: Not exactly two groups.
        NotEstimableError: A group of fewer than ten rows, or fewer than five items.

    References:
        Holland, Thayer (1988). Differential item performance and the Mantel-Haenszel procedure.
        Robins, Breslow, Greenland (1986). Estimators of the Mantel-Haenszel variance. Biometrics 42.
        Swaminathan, Rogers (1990). Detecting differential item functioning using logistic regression. JEM 27.
        Zwick (2012). A review of ETS differential item functioning assessment procedures. ETS RR-12-08.
    """
    level = check_level(confidence_level)
    y, second, names = _prepare(scores, group)
    matching = np.nanmean(y, axis=1)
    z = float(ndtri(0.5 + level / 2))
    if method == "mantel-haenszel":
        strata = _strata(matching, n_strata)
        log_odds, error, p = _mantel_haenszel(y, second, strata)
        crossing = np.full(y.shape[1], np.nan)
        kept: object = int(strata.max()) + 1
    elif method == "logistic":
        log_odds, error, p, crossing = _logistic(y, second, matching)
        kept = None
    else:
        raise UsageError(f"unknown method {method!r}", hint="Use 'mantel-haenszel' or 'logistic'.")
    adjusted = _adjust(p, correction)
    items = tuple(
        _item(
            scores.items[j],
            int((~np.isnan(y[:, j])).sum()),
            float(log_odds[j]),
            float(error[j]),
            z,
            float(p[j]),
            float(adjusted[j]),
            float(crossing[j]),
            1 - level,
        )
        for j in range(y.shape[1])
    )
    with np.errstate(invalid="ignore"):
        difference = float(np.nanmean(y[second]) - np.nanmean(y[~second]))
    return DifferentialFunctioning(
        first=names[0],
        second=names[1],
        items=items,
        n_first=int((~second).sum()),
        n_second=int(second.sum()),
        difference=difference,
        settings={"method": method, "correction": correction, "confidence_level": level, "n_strata": kept},
        diagnostics={
            "n_items_without_estimate": sum(item.reason != "" for item in items),
            "n_missing_cells": int(np.isnan(y).sum()),
        },
    )


def _prepare(scores: ItemScores, group: Sequence[Any]) -> tuple[FloatArray, np.ndarray, tuple[str, str]]:
    y = np.asarray(scores.values, dtype=np.float64)
    if len(group) != y.shape[0]:
        raise InputError(
            f"there are {y.shape[0]} rows and {len(group)} groups", hint="Give each row its group."
        )
    labels = list(dict.fromkeys(str(g) for g in group))
    if len(labels) != 2:
        raise UsageError(
            f"there are {len(labels)} groups ({', '.join(labels[:5])}); exactly two are compared at a time",
            hint="Choose two, such as the original language and a translation.",
        )
    second = np.array([str(g) == labels[1] for g in group])
    odd = ~(np.isnan(y) | np.isin(y, (0.0, 1.0)))
    if odd.any():
        i, j = np.argwhere(odd)[0]
        raise InputError(
            f"the score of {scores.models[i]!r} on {scores.items[j]!r} is {y[i, j]}, not 0 or 1",
            row=int(i) + 1,
        )
    unseen = np.isnan(y).all(axis=1)
    y, second = y[~unseen], second[~unseen]
    fewest = min(int(second.sum()), int((~second).sum()))
    if fewest < LEAST_ROWS or y.shape[1] < 5:
        raise NotEstimableError(
            f"the smaller group has {fewest} rows on {y.shape[1]} items: at least {LEAST_ROWS} and 5 are needed",
            diagnostic="too-few-models" if fewest < LEAST_ROWS else "too-few-items",
            hint="Give more models, or more items.",
        )
    return y, second, (labels[0], labels[1])


def _strata(matching: FloatArray, n_strata: int | None) -> np.ndarray:
    wanted = n_strata if n_strata is not None else int(np.clip(len(matching) // 8, 2, 20))
    if wanted < 2:
        raise UsageError(f"n_strata must be at least 2, not {n_strata}")
    edges = np.unique(np.quantile(matching, np.linspace(0, 1, wanted + 1)[1:-1]))
    _, codes = np.unique(np.searchsorted(edges, matching, side="right"), return_inverse=True)
    return codes.reshape(-1)


def _mantel_haenszel(
    y: FloatArray, second: np.ndarray, strata: np.ndarray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-odds ratio, its standard error and the p value (with correction for continuity), by item."""
    present = ~np.isnan(y)
    member = np.zeros((int(strata.max()) + 1, len(y)))
    member[strata, np.arange(len(y))] = 1.0
    right = np.where(present, y, 0.0)
    a, n2 = member @ (right * second[:, None]), member @ (present * second[:, None])
    c, n1 = member @ (right * ~second[:, None]), member @ (present * ~second[:, None])
    b, d, n = n2 - a, n1 - c, n1 + n2
    use = (n1 > 0) & (n2 > 0)
    safe = np.where(use, n, 1.0)
    r, s = np.where(use, a * d / safe, 0.0), np.where(use, b * c / safe, 0.0)
    p, q = np.where(use, (a + d) / safe, 0.0), np.where(use, (b + c) / safe, 0.0)
    top, bottom = r.sum(axis=0), s.sum(axis=0)
    m1 = a + c
    expected = np.where(use, n2 * m1 / safe, 0.0)
    variance = np.where(use & (n > 1), n1 * n2 * m1 * (n - m1) / (safe**2 * np.maximum(safe - 1, 1)), 0.0)
    surplus = np.abs(np.where(use, a - expected, 0.0).sum(axis=0))
    total = variance.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_odds = np.where((top > 0) & (bottom > 0), np.log(top / bottom), np.nan)
        squared = (
            (p * r).sum(axis=0) / (2 * top**2)
            + (p * s + q * r).sum(axis=0) / (2 * top * bottom)
            + (q * s).sum(axis=0) / (2 * bottom**2)
        )
        statistic = np.maximum(surplus - 0.5, 0) ** 2 / total
    p_value = np.where(total > 0, gammaincc(0.5, np.where(total > 0, statistic, 0.0) / 2), np.nan)
    return log_odds, np.sqrt(squared), p_value


def _logistic(
    y: FloatArray, second: np.ndarray, matching: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Coefficient of the group with its error, likelihood ratio p values of it and of the crossing."""
    share = np.clip(matching, 0.5 / y.shape[1], 1 - 0.5 / y.shape[1])
    ability = np.log(share / (1 - share))
    ability = (ability - ability.mean()) / (ability.std() or 1.0)
    g = second.astype(float)
    design = np.column_stack([np.ones_like(g), ability, g, ability * g])
    out = np.full((4, y.shape[1]), np.nan)
    for j in range(y.shape[1]):
        present = ~np.isnan(y[:, j])
        fits = [_fit(design[present, :k], y[present, j]) for k in (2, 3, 4)]
        if fits[0] is not None and fits[1] is not None:
            beta, error, likelihood = fits[1]
            out[:3, j] = beta[2], error[2], gammaincc(0.5, max(likelihood - fits[0][2], 0.0))
            if fits[2] is not None:
                out[3, j] = gammaincc(0.5, max(fits[2][2] - likelihood, 0.0))
    return out[0], out[1], out[2], out[3]


def _fit(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray, float] | None:
    """Coefficients, standard errors and log-likelihood; None where they do not exist (separation)."""
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        p = expit(x @ beta)
        weight = p * (1 - p)
        information = x.T @ (x * weight[:, None])
        if np.linalg.cond(information) > 1e10:
            return None
        step = np.linalg.solve(information, x.T @ (y - p))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            eta = x @ beta
            likelihood = float((y * eta - np.logaddexp(0, eta)).sum())
            return beta, np.sqrt(np.diag(np.linalg.inv(information))), likelihood
    return None


def _adjust(p: FloatArray, correction: Correction) -> FloatArray:
    known = ~np.isnan(p)
    out = np.full(p.shape, np.nan)
    if not known.any():
        return out
    if correction == "holm":
        out[known] = holm(p[known])
    elif correction == "bh":
        order = np.argsort(p[known])
        n = int(known.sum())
        scaled = p[known][order] * n / np.arange(1, n + 1)
        adjusted = np.empty(n)
        adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
        out[known] = adjusted
    else:
        raise UsageError(f"unknown correction {correction!r}", hint="Use 'holm' or 'bh'.")
    return out


def _item(
    name: str,
    n: int,
    log_odds: float,
    error: float,
    z: float,
    p: float,
    adjusted: float,
    crossing: float,
    alpha: float,
) -> DifferentialItem:
    if np.isnan(log_odds) or not np.isfinite(error):
        reason = "all answers of one group, or of all rows, are alike at every level of ability"
        nan = float("nan")
        return DifferentialItem(name, n, nan, nan, nan, nan, "unknown", p, adjusted, crossing, False, reason)
    delta = 2.35 * log_odds
    beyond_one = (abs(delta) - 1) / (2.35 * error) > float(ndtri(0.95))
    if abs(delta) < 1 or float(ndtr(-abs(log_odds) / error)) * 2 > alpha:
        size = "negligible"
    else:
        size = "large" if abs(delta) >= 1.5 and beyond_one else "moderate"
    return DifferentialItem(
        item=name,
        n=n,
        log_odds_ratio=log_odds,
        low=log_odds - z * error,
        high=log_odds + z * error,
        delta=delta,
        size=size,
        p_value=p,
        p_adjusted=adjusted,
        p_crossing=crossing,
        flagged=bool(adjusted < alpha and size != "negligible"),
    )
