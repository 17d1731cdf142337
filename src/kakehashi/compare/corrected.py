"""A judge's rates and orders, corrected with human labels, and the point at which labels are too few to do it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.intervals import Clusters, Estimate
from kakehashi.compare.ppi import LEAST_LABELS, labels_alone, ppi_mean
from kakehashi.compare.resampling import Rng, finite_vector
from kakehashi.errors import InputError, NotEstimableError

#: With fewer labels of either outcome the judge is left out, and the interval is exact from the labels alone.
LEAST_OF_EACH = 10
#: With fewer labels there is no estimate at all.
LEAST_FOR_A_RATE = 10


@dataclass(frozen=True, slots=True)
class CorrectedOrder:
    """Whether one system's rate is above another's, by judge and human labels together.

    Attributes:
        first: Name of the first system.
        second: Name of the second.
        difference: Rate of the first minus the second's with its interval, or ``None`` with too few labels.
        higher: The system whose rate is higher, stated only where the interval excludes zero; else ``""``.
        reason: Why nothing is stated.
    """

    first: str
    second: str
    difference: Estimate | None
    higher: str
    reason: str = ""


def corrected_rate(
    human: ArrayLike,
    judge: ArrayLike,
    clusters: Clusters = None,
    *,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> Estimate:
    """Rate that humans would find on all items: PPI++ where the labels bear it, else the labels alone, else nothing.

    With fewer than 10 labels of either outcome a correction rests on a handful of disagreements; the interval is then
    that of the labels alone, exact (Clopper and Pearson) where they are independent. Which of the two it is stands in
    ``method``.

    Args:
        human: N human labels, 0 or 1; NaN where there is none. A random sample of all items.
        judge: N labels of the judge, 0 or 1; NaN is left out and counted.
        clusters: For each item the cluster it stands or falls with.
        confidence_level: Nominal coverage.
        rng: Generator or seed; it deals clusters to folds.

    Raises:
        NotEstimableError: Fewer than 10 labels (``insufficient-labels``), or nothing judged.
        InputError: Labels that are not 0 or 1, arrays of different length.

    References:
        Angelopoulos, Duchi, Zrnic (2023). PPI++: Efficient prediction-powered inference. arXiv:2311.01453.

    Examples:
        >>> few = [1] * 3 + [0] * 37 + [float("nan")] * 160
        >>> e = corrected_rate(few, [1] * 3 + [0] * 197, rng=1)
        >>> e.method, round(e.low, 3), round(e.high, 3)  # Clopper and Pearson of 3 in 40
        ('human labels alone, clopper-pearson', 0.016, 0.204)
    """
    y = finite_vector(human, "human")
    told = y[~np.isnan(y)]
    if not np.isin(told, (0.0, 1.0)).all():
        raise InputError("a rate needs labels that are 0 or 1")
    if told.size < LEAST_FOR_A_RATE:
        raise NotEstimableError(
            f"insufficient labels: {told.size}, and at least {LEAST_FOR_A_RATE} are needed",
            diagnostic="insufficient-labels",
            hint="Label more items, drawn at random: kakehashi judge sheet export.",
        )
    fewer = int(min(told.sum(), told.size - told.sum()))
    if fewer >= LEAST_OF_EACH:
        return ppi_mean(human, judge, clusters, confidence_level=confidence_level, rng=rng)
    found = labels_alone(human, judge, clusters, confidence_level=confidence_level, rng=rng)
    why = f"{fewer} labels of the rarer outcome, fewer than {LEAST_OF_EACH}"
    return replace(found, diagnostics={**found.diagnostics, "judge_left_out": why})


def corrected_order(
    names: tuple[str, str],
    human: tuple[ArrayLike, ArrayLike],
    judge: tuple[ArrayLike, ArrayLike],
    *,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> CorrectedOrder:
    """State which of two systems has the higher rate, if the corrected difference excludes zero.

    Items are paired: position i of all four arrays is the same item. Only items whose answers of both systems have
    labels correct the judge. Each statement stands for itself at the confidence level; over many pairs more are wrong.

    Args:
        names: Names of the two systems.
        human: Human labels of each, 0 or 1; NaN where there is none.
        judge: The judge's labels of each.
        confidence_level: Nominal coverage.
        rng: Generator or seed.

    Examples:
        >>> human = [1.0, 0.0] * 30 + [float("nan")] * 140
        >>> lower = [0.0, 0.0] * 30 + [float("nan")] * 140
        >>> judge = [1.0, 0.0] * 100
        >>> corrected_order(("a", "b"), (human, lower), (judge, [0.0] * 200), rng=1).higher
        'a'
    """
    y = [finite_vector(each, "human") for each in human]
    f = [finite_vector(each, "judge") for each in judge]
    if len({each.size for each in (*y, *f)}) > 1:
        raise InputError(
            "the labels of the two systems are not of the same items", hint="Align them by item."
        )
    gap, said = y[0] - y[1], f[0] - f[1]
    paired = int((~np.isnan(gap) & ~np.isnan(said)).sum())
    if paired < LEAST_LABELS:
        why = (
            f"insufficient labels: {paired} items with labels of both, and at least {LEAST_LABELS} are needed"
        )
        return CorrectedOrder(*names, None, "", why)
    found = ppi_mean(gap, said, bounds=(-1.0, 1.0), confidence_level=confidence_level, rng=rng)
    if found.low > 0:
        return CorrectedOrder(*names, found, names[0])
    if found.high < 0:
        return CorrectedOrder(*names, found, names[1])
    return CorrectedOrder(*names, found, "", "the interval of the difference includes zero")
