"""How many human labels a wanted half-width takes, given how good the judge is."""

from dataclasses import dataclass

import numpy as np

from kakehashi.compare.ppi import LEAST_LABELS, PSEUDO_LABELS
from kakehashi.compare.resampling import critical_value
from kakehashi.errors import NotEstimableError, UsageError


@dataclass(frozen=True, slots=True)
class LabelBudget:
    """Labels needed for an interval of :func:`~kakehashi.compare.ppi.ppi_mean` of a wanted half-width.

    Attributes:
        half_width: The half-width wanted.
        n_labels: Human labels needed with the judge, never fewer than 30 independent ones.
        n_without_judge: Labels needed without a judge.
        expected_half_width: Half-width to be expected with ``n_labels``.
        saved: Share of labels that the judge saves; 0 where it saves none.
        lam: Weight that the judge would get.
        correlation: Correlation of judge and human on single items.
        rate: Rate assumed.
        sensitivity: Sensitivity assumed.
        specificity: Specificity assumed.
        n_items: Items in all, with and without labels.
        design_effect: Factor for items in clusters.
        confidence_level: Nominal coverage.
    """

    half_width: float
    n_labels: int
    n_without_judge: int
    expected_half_width: float
    saved: float
    lam: float
    correlation: float
    rate: float
    sensitivity: float
    specificity: float
    n_items: int
    design_effect: float
    confidence_level: float


def label_budget(
    half_width: float,
    n_items: int,
    *,
    rate: float,
    sensitivity: float,
    specificity: float,
    design_effect: float = 1.0,
    confidence_level: float = 0.95,
) -> LabelBudget:
    """Human labels needed so that the corrected rate of ``n_items`` judged items is known to ± ``half_width``.

    The half-width is that of :func:`~kakehashi.compare.ppi.ppi_mean` for items as a sample of more like
    them, with its two labels of extreme disagreement, so that a small number is not promised too much. For
    planning: rate, sensitivity and specificity are guesses until labels are there; try several.

    Args:
        half_width: Half the width of the interval, as a proportion.
        n_items: Items that the judge can judge, labelled ones among them.
        rate: Rate of positives expected.
        sensitivity: Share of positives that the judge calls positive.
        specificity: Share of negatives that the judge does not.
        design_effect: At least 1; how much more labels it takes because items come in clusters.
        confidence_level: Nominal coverage.

    Raises:
        UsageError: A number outside its range.
        NotEstimableError: Labels on all the items would not reach the half-width.

    References:
        Angelopoulos, Duchi, Zrnic (2023). PPI++: Efficient prediction-powered inference. arXiv:2311.01453.

    Examples:
        >>> plan = label_budget(0.05, 5000, rate=0.2, sensitivity=0.95, specificity=0.95)
        >>> plan.n_labels < plan.n_without_judge
        True
    """
    for name, value in (("rate", rate), ("sensitivity", sensitivity), ("specificity", specificity)):
        if not 0 <= value <= 1:
            raise UsageError(f"{name} must be a proportion, not {value!r}")
    if not 0 < half_width < 0.5:
        raise UsageError(f"half_width must lie between 0 and 0.5, not {half_width!r}")
    if n_items < 2 or not design_effect >= 1:
        raise UsageError(f"{n_items} items with a design effect of {design_effect!r} cannot be planned")
    rates = rate, sensitivity, specificity
    level = confidence_level
    sizes = np.arange(2, n_items + 1)
    with_judge = _half_widths(sizes, n_items, rates, design_effect, level, judge=True)
    without = _half_widths(sizes, n_items, rates, design_effect, level, judge=False)
    needed, needed_alone = (_first(h <= half_width, sizes) for h in (with_judge, without))
    if needed is None:
        raise NotEstimableError(
            f"even with human labels on all {n_items} items the interval would be ± {with_judge[-1]:.3f}",
            diagnostic="too-few-items",
            hint="Take more items, or a wider interval.",
        )
    needed = min(max(needed, int(np.ceil(LEAST_LABELS * design_effect))), n_items)
    alone = n_items if needed_alone is None else needed_alone
    weight, correlation = _weight(*rates, needed, n_items)
    return LabelBudget(
        half_width=half_width,
        n_labels=needed,
        n_without_judge=alone,
        expected_half_width=float(with_judge[needed - 2]),
        saved=max(1 - needed / alone, 0.0),
        lam=weight,
        correlation=correlation,
        rate=rate,
        sensitivity=sensitivity,
        specificity=specificity,
        n_items=n_items,
        design_effect=design_effect,
        confidence_level=level,
    )


def _first(reached: np.ndarray, sizes: np.ndarray) -> int | None:
    return int(sizes[reached.argmax()]) if reached.any() else None


def _weight(
    rate: float, sensitivity: float, specificity: float, n: np.ndarray | int, n_items: int
) -> tuple[float, float]:
    """The best lam with ``n`` labels, and the correlation of judge and human."""
    of_human = rate * (1 - rate)
    judged = rate * sensitivity + (1 - rate) * (1 - specificity)
    of_judge = judged * (1 - judged)
    covariance = of_human * (sensitivity + specificity - 1)
    if of_judge == 0 or of_human == 0:
        return 0.0, 0.0
    lam = covariance / of_judge * (1 - np.asarray(n) / n_items)
    return float(np.clip(lam, 0.0, 1.0)), float(covariance / np.sqrt(of_human * of_judge))


def _half_widths(
    n: np.ndarray,
    n_items: int,
    rates: tuple[float, float, float],
    effect: float,
    level: float,
    *,
    judge: bool,
) -> np.ndarray:
    """Expected half-width for each number of labels."""
    rate, sensitivity, specificity = rates
    of_human = rate * (1 - rate)
    judged = rate * sensitivity + (1 - rate) * (1 - specificity)
    of_judge = judged * (1 - judged)
    covariance = of_human * (sensitivity + specificity - 1)
    share = 1 - n / n_items
    lam = np.clip(covariance / of_judge * share, 0.0, 1.0) if judge and of_judge > 0 else np.zeros(n.size)
    labels = np.maximum(n / effect, 2.0)
    mean = rate - lam * judged
    residual = of_human - 2 * lam * covariance + lam**2 * of_judge
    extremes = (np.minimum(0.0, -lam) - mean) ** 2 + (np.maximum(1.0, 1 - lam) - mean) ** 2
    pseudo = PSEUDO_LABELS
    variance = (residual * (labels - 1) + pseudo * extremes) / (labels - 1 + 2 * pseudo) / labels
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = variance + np.where(share > 0, lam**2 * of_judge * effect / (n_items - n), 0.0)
    smooth = (rate * labels + 1) / (labels + 2)
    effective = smooth * (1 - smooth) / variance
    t = np.array([critical_value(level, df) for df in np.unique(labels - 1)])[
        np.unique(labels - 1, return_inverse=True)[1].reshape(-1)
    ]
    half: np.ndarray = t * np.sqrt(of_human / effective + t**2 / (4 * effective**2)) / (1 + t**2 / effective)
    return half
