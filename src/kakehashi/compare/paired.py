"""Differences of two systems on the same items, and the smallest one that a test could see."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from kakehashi.compare.intervals import Clusters, Estimate, cluster_bootstrap_mean
from kakehashi.compare.resampling import Rng, cluster_codes, critical_value, finite_vector
from kakehashi.compare.table import wilson_bounds
from kakehashi.errors import InputError, NotEstimableError, UsageError


def newcombe_paired(
    both: float, only_first: float, only_second: float, neither: float, *, confidence_level: float = 0.95
) -> Estimate:
    """Difference of two paired proportions (first minus second) by Newcombe's hybrid score method.

    For two systems on the same independent items: counts of items that both solved, only the first, only
    the second, neither. For items in clusters use :func:`paired_difference`.

    References:
        Newcombe (1998). Improved confidence intervals for the difference between binomial proportions based
        on paired data. Statistics in Medicine 17, 2635-2650 (method 10).

    Examples:
        >>> e = newcombe_paired(36, 12, 2, 0)
        >>> round(e.value, 3), round(e.low, 4), round(e.high, 4)
        (0.2, 0.0569, 0.3404)
    """
    counts = (both, only_first, only_second, neither)
    if any(not np.isfinite(c) or c < 0 for c in counts):
        raise InputError(f"the four counts must be numbers of at least zero, not {counts}")
    n = sum(counts)
    if n <= 0:
        raise NotEstimableError("there is no item that both systems answered", diagnostic="no-items")
    low, high = _newcombe(*counts, z=critical_value(confidence_level))
    spread = float(np.sqrt(max(only_first + only_second - (only_first - only_second) ** 2 / n, 0)) / n)
    return Estimate(
        value=(only_first - only_second) / n,
        low=low,
        high=high,
        confidence_level=confidence_level,
        method="newcombe-paired",
        n=int(n),
        std_error=spread if spread > 0 else float("nan"),
        settings={"counts": counts},
    )


def _newcombe(
    both: float, only_first: float, only_second: float, neither: float, *, z: float
) -> tuple[float, float]:
    n = both + only_first + only_second + neither
    first, second = (both + only_first) / n, (both + only_second) / n
    (l1, l2), (u1, u2) = wilson_bounds([both + only_first, both + only_second], [n, n], z)
    product = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if product <= 0:
        phi = 0.0
    else:
        cross = both * neither - only_first * only_second
        phi = (max(cross - n / 2, 0.0) if cross > 0 else cross) / np.sqrt(product)
    difference = first - second
    below = (first - l1) ** 2 - 2 * phi * (first - l1) * (u2 - second) + (u2 - second) ** 2
    above = (second - l2) ** 2 - 2 * phi * (second - l2) * (u1 - first) + (u1 - first) ** 2
    low = difference - np.sqrt(max(below, 0.0))
    high = difference + np.sqrt(max(above, 0.0))
    return float(max(low, -1.0)), float(min(high, 1.0))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Clusters = None,
    *,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> Estimate:
    """Mean difference (first minus second) of two systems on the same items, items in clusters.

    Scores of 0 and 1 get Newcombe's paired interval, its four counts shrunk to the effective number of
    items (design effect of the difference) with Student's t for the number of clusters; other scores get
    the studentized bootstrap of the differences. Items that one system lacks are left out and counted.

    Raises:
        NotEstimableError: No item in common, or a single cluster.

    Examples:
        >>> e = paired_difference([1, 1, 1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0, 0, 1], rng=1)
        >>> round(e.value, 3), e.method
        (0.375, 'newcombe-paired')
    """
    a, b = finite_vector(first, "first"), finite_vector(second, "second")
    if a.shape != b.shape:
        raise InputError(
            f"the two systems have {a.size} and {b.size} scores", hint="Align them by item first."
        )
    keep = ~(np.isnan(a) | np.isnan(b))
    codes, _ = cluster_codes(clusters, a.size)
    missing = int((~keep).sum())
    a, b, codes = a[keep], b[keep], codes[keep]
    if a.size == 0:
        raise NotEstimableError("there is no item that both systems answered", diagnostic="no-items")
    if not (np.isin(a, (0.0, 1.0)).all() and np.isin(b, (0.0, 1.0)).all()):
        return cluster_bootstrap_mean(
            a - b, codes, confidence_level=confidence_level, n_resamples=n_resamples, rng=rng
        )
    counts = np.array([(a * b).sum(), (a * (1 - b)).sum(), ((1 - a) * b).sum(), ((1 - a) * (1 - b)).sum()])
    groups = np.unique(codes, return_inverse=True)[1].reshape(-1)
    n_clusters = int(groups.max()) + 1
    if n_clusters < 2:
        raise NotEstimableError("all items stand in one cluster", diagnostic="one-cluster")
    n = a.size
    difference = float((a - b).mean())
    residual = np.bincount(groups, weights=a - b - difference)
    clustered = float((residual**2).sum() * n_clusters / (n_clusters - 1)) / n**2
    plain = float(((a - b - difference) ** 2).sum() / n**2)
    diagnostics: dict[str, object] = {"n_clusters": n_clusters, "n_missing": missing}
    independent = n_clusters == n
    if independent:
        effect = 1.0
    elif plain > 0:
        effect = max(clustered / plain, 1e-9)
    else:
        effect = n / n_clusters
        diagnostics["no_variation"] = True
    critical = critical_value(confidence_level, None if independent else n_clusters - 1)
    low, high = _newcombe(*(float(c) / effect for c in counts), z=critical)
    diagnostics["design_effect"] = effect
    return Estimate(
        value=difference,
        low=low,
        high=high,
        confidence_level=confidence_level,
        method="newcombe-paired" if independent else "newcombe-paired-effective-n",
        n=n,
        std_error=float(np.sqrt(clustered)) if clustered > 0 else float("nan"),
        diagnostics=diagnostics,
    )


@dataclass(frozen=True, slots=True)
class DetectableDifference:
    """The smallest true difference that a test of two systems would see.

    Attributes:
        value: The greater of ``up`` and ``down`` (of those that exist): what may safely be quoted.
        up: Smallest detectable increase above ``p``; NaN where even 1 is too near.
        down: Smallest detectable decrease below ``p``; NaN where even 0 is too near.
        n: Items for each system.
        p: Rate of the first system.
        alpha: Two-sided level of the test.
        power: Chance of seeing the difference.
        design: ``"independent"`` or ``"paired"``.
    """

    value: float
    up: float
    down: float
    n: float
    p: float
    alpha: float
    power: float
    design: str


def smallest_detectable_difference(
    n: float,
    p: float = 0.5,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    design: Literal["independent", "paired"] = "independent",
    correlation: float = 0.0,
    design_effect: float = 1.0,
) -> DetectableDifference:
    """Smallest true difference of two rates that a two-sided test sees with the power given.

    Normal approximation: two independent groups of ``n`` items (pooled variance under equality), or the
    same ``n`` items for both systems (McNemar), whose item scores correlate by ``correlation``.
    ``design_effect`` divides ``n`` for items in clusters. For planning and for reading tables, not a test.

    Raises:
        NotEstimableError: No difference is large enough to be seen with so few items.

    References:
        Fleiss, Levin, Paik (2003). Statistical Methods for Rates and Proportions, chapters 4 and 13.

    Examples:
        >>> round(smallest_detectable_difference(126, 0.5).value, 3)
        0.173
    """
    if not (np.isfinite(n) and n > 0 and design_effect > 0):
        raise InputError(f"n must be a positive number, not {n!r}")
    if not 0 <= p <= 1 or not 0 < alpha < 1 or not alpha / 2 < power < 1:
        raise UsageError(f"p={p!r}, alpha={alpha!r} and power={power!r} must be proportions")
    size = n / design_effect
    z_alpha = float(ndtri(1 - alpha / 2))

    def shortfall(delta: float, sign: float) -> float:
        q = min(max(p + sign * delta, 0.0), 1.0)
        if design == "paired":
            covariance = correlation * np.sqrt(p * (1 - p) * q * (1 - q))
            discordant = max(p + q - 2 * (p * q + covariance), delta)
            null, alternative = discordant, max(discordant - delta**2, 0.0)
        else:
            pooled = (p + q) / 2
            null, alternative = 2 * pooled * (1 - pooled), p * (1 - p) + q * (1 - q)
        reach = delta * np.sqrt(size) - z_alpha * np.sqrt(null)
        if alternative <= 0:
            return 1.0 - power if reach > 0 else -power
        return float(ndtr(reach / np.sqrt(alternative))) - power

    from scipy.optimize import brentq  # slow to load, and needed here only

    ends = []
    for sign, room in ((1.0, 1 - p), (-1.0, p)):
        if room <= 0 or shortfall(room, sign) < 0:
            ends.append(float("nan"))
        else:
            ends.append(float(brentq(shortfall, 1e-12, room, args=(sign,), xtol=1e-10)))
    found = [end for end in ends if not np.isnan(end)]
    if not found:
        raise NotEstimableError(
            f"with {n:g} items at a rate of {p:g} no difference can be seen with power {power:g}",
            diagnostic="too-few-items",
            hint="More items are needed.",
        )
    return DetectableDifference(max(found), ends[0], ends[1], n, p, alpha, power, design)
