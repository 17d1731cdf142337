"""Interval of the growth from one count to the next."""

from kakehashi.compare import wilson
from kakehashi.errors import InputError
from kakehashi.model import Interval


def growth_interval(count: int, before: int, *, confidence_level: float = 0.95) -> Interval:
    """Interval, in percent, of the change in the rate behind two counts of independent events.

    Given their sum, the later of two Poisson counts is binomial with the share r / (1 + r) of the rate ratio r;
    the ends of Wilson's interval for that share give those of r. Too narrow where events come together; it knows
    nothing of late reports. Not for a reader who asks of the recorded counts alone, which are complete.

    Args:
        count: Events of the later period.
        before: Events of an earlier period of the same length.
        confidence_level: Nominal coverage.

    Raises:
        InputError: A count below 0, or none before.

    References:
        Przyborowski, J. and Wilenski, H. (1940). Homogeneity of results in testing samples from Poisson series.
        Biometrika 31, 313-323.

    Examples:
        >>> found = growth_interval(233, 149)
        >>> round(found.low, 1), round(found.high, 1)
        (27.4, 92.0)
    """
    if count < 0 or before <= 0:
        raise InputError(
            f"no growth from {before} to {count}", hint="Counts are at least 0, that before at least 1."
        )
    share = wilson(count, count + before, confidence_level=confidence_level)
    low, high = (end / (1 - end) for end in (share.low, share.high))
    return Interval(100 * (low - 1), 100 * (high - 1), confidence_level, "conditional poisson ratio, wilson")
