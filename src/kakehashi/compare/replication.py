"""Did a second run of the same method on the same system give the same result?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.intervals import Clusters, Estimate, cluster_bootstrap_mean
from kakehashi.compare.paired import paired_difference
from kakehashi.compare.resampling import Rng, check_level, cluster_codes, finite_vector
from kakehashi.errors import InputError, NotEstimableError

#: Differences below this many units of the measure's range are taken as the same result.
MARGIN = 0.1

REPLICATED, NOT_REPLICATED, UNDECIDED = "replicated", "not-replicated", "undecided"

RULE = (
    "replicated: the interval of the difference lies within the margin on both sides of zero; "
    "not replicated: it excludes zero and reaches beyond the margin; else undecided"
)


@dataclass(frozen=True, slots=True)
class Replication:
    """What a second result says of a first.

    Attributes:
        verdict: ``"replicated"``, ``"not-replicated"`` or ``"undecided"``, by :data:`RULE`.
        difference: First minus second, with its interval; ``None`` where it cannot be estimated.
        margin: Largest difference that counts as the same result, in the unit of the measure.
        design: ``"paired"`` (item by item) or ``"unpaired"`` (from the two intervals alone).
        reason: Why it is undecided, as a short stable name: ``"too-wide"``, ``"no-interval"``, ``"no-range"``,
            a diagnostic of :class:`~kakehashi.errors.NotEstimableError`, or ``""``.
        settings: What the function was called with.
    """

    verdict: str
    difference: Estimate | None
    margin: float
    design: str
    reason: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)


def replication(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Clusters = None,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    margin: float = MARGIN,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> Replication:
    """Hold two results on the same items against each other, item by item.

    With a 95% interval, "replicated" is wrong in at most 2.5% of cases where the true difference is the margin or
    more (two one-sided tests), and "not replicated" in at most 5% where there is none. With few items it is
    undecided, however alike the results are.

    Args:
        first: Scores of N items; NaN is left out.
        second: Scores of the same items in the same order.
        clusters: N labels of items that stand or fall together.
        bounds: Least and greatest possible score.
        margin: Largest difference that counts as the same, as a share of the range between the bounds.
        confidence_level: Nominal coverage of the interval.
        rng: Generator or seed, for scores that are not 0 and 1.

    References:
        Schuirmann (1987). A comparison of the two one-sided tests procedure and the power approach for assessing
        the equivalence of average bioavailability. J. Pharmacokinetics and Biopharmaceutics 15, 657-680.
        Wellek (2010). Testing Statistical Hypotheses of Equivalence and Noninferiority, chapter 3.

    Examples:
        >>> same = [1, 0, 1, 1] * 20
        >>> replication(same, same).verdict
        'replicated'
        >>> replication(same[:8], same[:8]).verdict
        'undecided'
        >>> replication(same, [1 - x for x in same]).verdict
        'not-replicated'
    """
    span = _span(bounds)
    allowed = _margin(margin) * span
    settings = {"bounds": bounds, "margin": margin, "confidence_level": confidence_level, "rule": RULE}
    try:
        found = _paired(first, second, clusters, span, confidence_level, rng)
    except NotEstimableError as error:
        return Replication(UNDECIDED, None, allowed, "paired", error.diagnostic, settings)
    verdict, reason = decide(found.low, found.high, allowed)
    return Replication(verdict, found, allowed, "paired", reason, settings)


def replication_of_intervals(
    first: tuple[float, float, float],
    second: tuple[float, float, float],
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    margin: float = MARGIN,
    confidence_level: float = 0.95,
) -> Replication:
    """Hold two results against each other by their estimates and intervals alone (other items, or items unknown).

    Args:
        first: Estimate, lower and upper end.
        second: The same of the second result; both intervals have the confidence level named.
        bounds: Least and greatest possible value.
        margin: Largest difference that counts as the same, as a share of the range between the bounds.
        confidence_level: Nominal coverage of all three intervals.

    Raises:
        InputError: An interval that does not hold its estimate.

    Examples:
        >>> replication_of_intervals((0.9, 0.85, 0.94), (0.5, 0.42, 0.58)).verdict
        'not-replicated'
    """
    allowed = _margin(margin) * _span(bounds)
    settings = {"bounds": bounds, "margin": margin, "confidence_level": confidence_level, "rule": RULE}
    found = difference_of_intervals(first, second, confidence_level=confidence_level)
    verdict, reason = decide(found.low, found.high, allowed)
    return Replication(verdict, found, allowed, "unpaired", reason, settings)


def difference_of_intervals(
    first: tuple[float, float, float],
    second: tuple[float, float, float],
    *,
    confidence_level: float = 0.95,
) -> Estimate:
    """Difference of two independent estimates from their own intervals (MOVER).

    For two Wilson intervals this is Newcombe's hybrid score interval of two proportions.

    References:
        Newcombe (1998). Interval estimation for the difference between independent proportions: comparison of
        eleven methods. Statistics in Medicine 17, 873-890 (method 10).
        Zou, Donner (2008). Construction of confidence limits about effect measures: a general approach.
        Statistics in Medicine 27, 1693-1702.

    Examples:
        >>> e = difference_of_intervals((0.8, 0.6883, 0.8787), (0.6, 0.4758, 0.7127))  # 56/70 and 48/80 by Wilson
        >>> round(e.value, 3), e.low > 0
        (0.2, True)
    """
    check_level(confidence_level)
    for value, low, high in (first, second):
        if not (np.isfinite([value, low, high]).all() and low - 1e-9 <= value <= high + 1e-9):
            raise InputError(f"{value} does not lie in its interval {low} to {high}")
    (p, l1, u1), (q, l2, u2) = first, second
    return Estimate(
        value=p - q,
        low=p - q - float(np.hypot(p - l1, u2 - q)),
        high=p - q + float(np.hypot(u1 - p, q - l2)),
        confidence_level=confidence_level,
        method="mover",
        n=0,
        std_error=float("nan"),
    )


def decide(low: float, high: float, margin: float) -> tuple[str, str]:
    """Verdict and reason by :data:`RULE`, from the ends of the interval of the difference."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return UNDECIDED, "no-interval"
    if -margin < low and high < margin:
        return REPLICATED, ""
    if low > 0 or high < 0:
        return NOT_REPLICATED, ""
    return UNDECIDED, "too-wide"


def _paired(
    first: ArrayLike, second: ArrayLike, clusters: Clusters, span: float, level: float, rng: Rng
) -> Estimate:
    a, b = finite_vector(first, "first"), finite_vector(second, "second")
    if a.shape != b.shape:
        raise InputError(
            f"the two results have {a.size} and {b.size} scores", hint="Align them by item first."
        )
    keep = ~(np.isnan(a) | np.isnan(b))
    if not keep.any():
        raise NotEstimableError("there is no item that both answered", diagnostic="no-items")
    codes, _ = cluster_codes(clusters, a.size)
    if np.isin(a[keep], (0.0, 1.0)).all() and np.isin(b[keep], (0.0, 1.0)).all():
        return paired_difference(a, b, codes, confidence_level=level, rng=rng)
    difference = (a - b)[keep]
    if difference.any():
        return cluster_bootstrap_mean(difference, codes[keep], confidence_level=level, rng=rng)
    groups = len(np.unique(codes[keep]))
    # No cluster of G differs: at most 1 - (alpha/2)^(1/G) of all clusters do, each by the whole range at most.
    reach = span * (1 - ((1 - check_level(level)) / 2) ** (1 / groups))
    return Estimate(
        value=0.0,
        low=-reach,
        high=reach,
        confidence_level=level,
        method="no-difference-exact",
        n=int(keep.sum()),
        std_error=float("nan"),
        diagnostics={"n_clusters": groups},
    )


def _span(bounds: tuple[float, float]) -> float:
    low, high = bounds
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"bounds must be two numbers in order, not {bounds}")
    return high - low


def _margin(margin: float) -> float:
    if not 0 < margin < 1:
        raise InputError(f"the margin must be a share between 0 and 1, not {margin}")
    return margin
