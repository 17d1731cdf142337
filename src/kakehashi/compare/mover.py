"""Interval for the mean of independent estimates, from their own intervals."""

from collections.abc import Sequence

import numpy as np

from kakehashi.compare.intervals import Estimate
from kakehashi.errors import InputError, NotEstimableError
from kakehashi.model.measurement import Interval


def mover_mean(values: Sequence[float], intervals: Sequence[Interval]) -> Estimate:
    """Unweighted mean of independent estimates, with an interval recovered from each one's interval.

    Each end's distance from its estimate stands for that estimate's standard error in that direction: skewed
    intervals stay skewed, the result lies within the mean of the bounds, and an estimate of 0 or 1 still counts as
    uncertain. Not for estimates that share items.

    Args:
        values: K estimates.
        intervals: Their intervals, all of one confidence level.

    Raises:
        InputError: Different lengths or levels, or an estimate outside its interval.
        NotEstimableError: No estimate.

    References:
        Zou, Donner (2008). Construction of confidence limits about effect measures: a general approach. Statistics
        in Medicine 27.

    Examples:
        >>> halves = [Interval(0.4, 0.6, 0.95, "wilson"), Interval(0.2, 0.6, 0.95, "wilson")]
        >>> e = mover_mean([0.5, 0.3], halves)
        >>> round(e.value, 3), round(e.low, 4), round(e.high, 4)
        (0.4, 0.3293, 0.5581)
    """
    if len(values) != len(intervals):
        raise InputError(f"{len(values)} estimates and {len(intervals)} intervals")
    if not values:
        raise NotEstimableError("there is no estimate to average", diagnostic="no-items")
    levels = {interval.confidence_level for interval in intervals}
    if len(levels) > 1:
        raise InputError(f"intervals of different confidence levels: {sorted(levels)}")
    estimates = np.asarray(values, dtype=float)
    low = np.array([interval.low for interval in intervals])
    high = np.array([interval.high for interval in intervals])
    if not ((low <= estimates + 1e-12) & (estimates <= high + 1e-12)).all():
        raise InputError("an estimate lies outside its own interval")
    count = len(estimates)
    mean = float(estimates.mean())
    return Estimate(
        value=mean,
        low=mean - float(np.sqrt(((estimates - low) ** 2).sum())) / count,
        high=mean + float(np.sqrt(((high - estimates) ** 2).sum())) / count,
        confidence_level=levels.pop(),
        method="mover",
        n=count,
        std_error=float("nan"),
        settings={},
        diagnostics={"estimates": count},
    )
