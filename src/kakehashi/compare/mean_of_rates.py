"""Interval for the mean of several independent rates, such as the score of a composite benchmark."""

from collections.abc import Sequence

import numpy as np

from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import critical_value
from kakehashi.errors import InputError, NotEstimableError


def mean_of_rates(
    values: Sequence[float],
    sizes: Sequence[float],
    std_errors: Sequence[float | None] | None = None,
    *,
    confidence_level: float = 0.95,
) -> Estimate:
    """Unweighted mean of K independent rates or mean grades between 0 and 1, with Price and Bonett's interval.

    Each rate gets 2/K successes and 2/K failures more before its variance is taken, so rates of 0 and 1 still count as
    uncertain. A standard error larger than that of so many independent items (clustered items) makes the number of
    items smaller; a smaller one (graded items) does not make it larger. Not for rates that share items.

    Args:
        values: K rates.
        sizes: Items behind each.
        std_errors: Their standard errors, ``None`` where unknown.
        confidence_level: Nominal coverage.

    Raises:
        InputError: Different lengths, or a rate outside 0 to 1.
        NotEstimableError: No rate, or one without items.

    References:
        Price, Bonett (2004). An improved confidence interval for a linear function of binomial proportions.
        Computational Statistics & Data Analysis 45.

    Examples:
        >>> e = mean_of_rates([0.5, 0.3], [20, 30])
        >>> e.value, round(e.low, 3), round(e.high, 3)
        (0.4, 0.274, 0.538)
    """
    rates, items = np.asarray(values, dtype=float), np.asarray(sizes, dtype=float)
    known = [None] * len(rates) if std_errors is None else list(std_errors)
    if not len(rates) == len(items) == len(known):
        raise InputError(f"{len(rates)} rates, {len(items)} sizes and {len(known)} standard errors")
    if not len(rates) or (items <= 0).any():
        raise NotEstimableError("a mean needs rates that stand on items", diagnostic="no-items")
    if not ((rates >= 0) & (rates <= 1)).all():
        raise InputError("a rate lies outside 0 to 1", hint="Check percent against proportion.")
    count = len(rates)
    effective = items.copy()
    for place, error in enumerate(known):
        spread = rates[place] * (1 - rates[place])
        if error is not None and error > 0 and spread > 0:
            effective[place] = min(items[place], spread / error**2)
    more = effective + 4 / count
    shifted = (rates * effective + 2 / count) / more
    half = critical_value(confidence_level) * float(np.sqrt((shifted * (1 - shifted) / more).sum())) / count
    center = float(shifted.mean())
    return Estimate(
        value=float(rates.mean()),
        low=max(0.0, center - half),
        high=min(1.0, center + half),
        confidence_level=confidence_level,
        method="price-bonett",
        n=int(items.sum()),
        std_error=float("nan"),
        settings={},
        diagnostics={"rates": count, "n_effective": float(effective.sum())},
    )
