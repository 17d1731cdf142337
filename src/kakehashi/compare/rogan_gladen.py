"""The prevalence that a judge with known errors implies: a diagnostic beside :mod:`kakehashi.compare.ppi`."""

import numpy as np

from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import critical_value
from kakehashi.errors import InputError, NotEstimableError

#: Below this much information (sensitivity + specificity - 1) the correction magnifies every error.
WEAK_JUDGE = 0.3
#: With fewer labels of either class the interval is conservative (covers more than 97% at nominal 95%).
CONSERVATIVE_BELOW = 100


def rogan_gladen(
    positives: float,
    n: float,
    true_positives: float,
    n_positive: float,
    true_negatives: float,
    n_negative: float,
    *,
    confidence_level: float = 0.95,
) -> Estimate:
    """Rate of positives corrected for the judge's sensitivity and specificity, with Lang and Reiczigel's interval.

    The estimate is (q + specificity - 1) / (sensitivity + specificity - 1), q the judge's rate, held within
    0 and 1. It trusts that sensitivity and specificity, found elsewhere, hold here too: a diagnostic. Where
    items of this very set have human labels, use :func:`~kakehashi.compare.ppi.ppi_mean`, which does not.
    With fewer than 100 labels of either class the interval is conservative.
    ``weak_judge`` stands in the diagnostics where sensitivity + specificity - 1 is below 0.3 or may be near 0.

    Args:
        positives: Items that the judge calls positive.
        n: Items that it judged.
        true_positives: Of the positive items with human labels, those that the judge calls positive.
        n_positive: Positive items with human labels.
        true_negatives: Of the negative items with human labels, those that the judge calls negative.
        n_negative: Negative items with human labels.
        confidence_level: Nominal coverage; independent items.

    Raises:
        InputError: Counts that are impossible.
        NotEstimableError: No labels of one class, no items, or a judge no better than chance.

    References:
        Rogan, Gladen (1978). Estimating prevalence from the results of a screening test. Am. J. Epidemiol. 107.
        Lang, Reiczigel (2014). Confidence limits for prevalence of disease adjusted for estimated
        sensitivity and specificity. Preventive Veterinary Medicine 113, 13-22.

    Examples:
        >>> e = rogan_gladen(300, 1000, 90, 100, 80, 100)
        >>> round(e.value, 3)  # (0.3 + 0.8 - 1) / (0.9 + 0.8 - 1) = 1/7
        0.143
    """
    for k, total, what in (
        (positives, n, "judged items"),
        (true_positives, n_positive, "positive items with human labels"),
        (true_negatives, n_negative, "negative items with human labels"),
    ):
        if not (np.isfinite(k) and np.isfinite(total)) or not 0 <= k <= max(total, 0):
            raise InputError(f"{k!r} of {total!r} {what} is not a count")
        if total == 0:
            raise NotEstimableError(
                f"there are no {what}", diagnostic="one-class", hint="Label both classes."
            )
    rate, sens, spec = positives / n, true_positives / n_positive, true_negatives / n_negative
    youden = sens + spec - 1
    z = critical_value(confidence_level)
    n_, se_n, sp_n = n + z**2, n_positive + 2, n_negative + 2
    q = (positives + z**2 / 2) / n_
    se, sp = (true_positives + 1) / se_n, (true_negatives + 1) / sp_n
    spread = float(np.sqrt(sens * (1 - sens) / n_positive + spec * (1 - spec) / n_negative))
    if youden <= 0 or se + sp - 1 <= 0:
        raise NotEstimableError(
            f"sensitivity {sens:.3f} and specificity {spec:.3f}: the judge tells nothing about the labels",
            diagnostic="useless-judge",
            hint="Use human labels, or another judge.",
        )
    inside = min(max((q + sp - 1) / (se + sp - 1), 0.0), 1.0)
    of_se, of_sp = se * (1 - se) / se_n, sp * (1 - sp) / sp_n
    shift = 2 * z**2 * (inside * of_se - (1 - inside) * of_sp)
    variance = q * (1 - q) / n_ + (1 - inside) ** 2 * of_sp + inside**2 * of_se
    half = z * float(np.sqrt(variance)) / (se + sp - 1)
    value = (rate + spec - 1) / youden
    diagnostics: dict[str, object] = {
        "judge_rate": rate,
        "sensitivity": sens,
        "specificity": spec,
        "youden": youden,
        "unbounded_value": value,
        "conservative": min(n_positive, n_negative) < CONSERVATIVE_BELOW,
    }
    if youden < WEAK_JUDGE or youden - z * spread <= 0:
        diagnostics["weak_judge"] = (
            f"sensitivity + specificity - 1 is {youden:.2f}: the correction multiplies every error by "
            f"{1 / youden:.1f}"
        )
    return Estimate(
        value=min(max(value, 0.0), 1.0),
        low=min(max(inside + shift - half, 0.0), 1.0),
        high=min(max(inside + shift + half, 0.0), 1.0),
        confidence_level=confidence_level,
        method="rogan-gladen, lang-reiczigel",
        n=int(n),
        std_error=half / z,
        settings={"n_positive": n_positive, "n_negative": n_negative},
        diagnostics=diagnostics,
    )
