"""How sure a stated number is: the cascade from what the source says down to "unknown", which is never zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.intervals import cluster_bootstrap_mean, jeffreys, wilson
from kakehashi.compare.resampling import FloatArray, Rng, cluster_codes, critical_value, finite_vector
from kakehashi.compare.table import wilson_bounds
from kakehashi.errors import InputError, NotEstimableError
from kakehashi.model.measurement import Interval, Measurement

Step = Literal["stated", "wilson", "jeffreys", "cluster-bootstrap", "unknown"]

_SCALES = {"proportion": 1.0, "percent": 100.0}


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How sure a number is, and on what ground.

    Attributes:
        step: The step of the cascade that gave the interval; ``"unknown"`` where none could.
        interval: The interval, or None where it is unknown; ``method`` repeats the ground.
        std_error: The standard error, or None where it is unknown; never 0.
        reason: Why it is unknown, or another thing that the reader must know.
        diagnostics: Numbers behind it, such as ``n_clusters``.
    """

    step: Step
    interval: Interval | None = None
    std_error: float | None = None
    reason: str = ""
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def uncertainty(
    measurement: Measurement,
    items: ArrayLike | None = None,
    clusters: Sequence[Any] | None = None,
    *,
    proportion: Literal["wilson", "jeffreys"] = "wilson",
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> Uncertainty:
    """The interval and standard error of a number, by the first ground that there is.

    1. **stated**: the source's interval as it is; else from its standard error (for a proportion Wilson's
       interval with the effective number of items p(1 - p) / se², which keeps within the range; else normal).
    2. **wilson** or **jeffreys**: a proportion with its number of independent items.
    3. **cluster-bootstrap**: from the item scores, whose mean must be the number.
    4. **unknown**: no interval, and a reason.

    Items in clusters (twins, repetitions, questions on one document) carry less than their number says, and
    graded items between 0 and 1 more: where the items are at hand and are clustered or graded, step 3 goes
    before step 2. A stated standard error or interval of exactly zero states nothing.

    Args:
        measurement: The number as its source states it.
        items: Item scores in the unit of the number; NaN is missing.
        clusters: A label for each item; None where they are independent.
        proportion: The interval of step 2. Wilson's dips less: at n = 126 and a rate of 0.02 Jeffreys covers 88%.
        confidence_level: Nominal coverage of intervals made here; a stated one keeps its own.
        n_resamples: Bootstrap samples of step 3.
        rng: Generator or seed.

    Raises:
        InputError: Items that are infinite, or not as many as clusters.

    References:
        Wilson (1927), JASA 22; Brown, Cai, DasGupta (2001), Statistical Science 16; Korn, Graubard (1998), Survey
        Methodology 24 (effective number of items).

    Examples:
        >>> from kakehashi.model import Measure, Measurement, Polarity, Provenance
        >>> measure, source = Measure("a:rate", "own", Polarity.HIGHER), Provenance("s", "a", "1", "")
        >>> found = uncertainty(Measurement("m", measure, 0.0, source, n=20))
        >>> found.step, round(found.interval.high, 3), found.std_error > 0
        ('wilson', 0.161, True)
        >>> uncertainty(Measurement("m", measure, 0.5, source)).reason
        'neither interval, standard error, number of items nor items are known'
    """
    if measurement.value is None or not np.isfinite(measurement.value):
        return Uncertainty("unknown", reason=measurement.reason or "there is no number")
    found = _stated(measurement, confidence_level)
    if found is not None:
        return found
    scores = None if items is None else finite_vector(items, "items")
    if scores is not None and clusters is not None and len(clusters) != scores.size:
        raise InputError(
            f"{scores.size} items and {len(clusters)} clusters", hint="Give a cluster for each item."
        )
    counted = _counted(measurement, proportion, confidence_level)
    if scores is None:
        return counted or Uncertainty(
            "unknown", reason="neither interval, standard error, number of items nor items are known"
        )
    resampled = _resampled(measurement, scores, clusters, confidence_level, n_resamples, rng)
    if counted is None:
        return resampled
    simple = _independent(clusters, scores) and bool(
        np.isin(scores[~np.isnan(scores)], (0, _scale(measurement) or 1)).all()
    )
    # Items that do not belong to the number (another mean) say nothing of it; then its own n is what there is.
    return counted if simple or resampled.step == "unknown" else resampled


def with_uncertainty(measurement: Measurement, found: Uncertainty) -> Measurement:
    """The number with the interval and standard error found; a number without a ground stays without both."""
    if found.step == "unknown":
        return replace(measurement, interval=None, std_error=None)
    return replace(measurement, interval=found.interval, std_error=found.std_error)


def _scale(measurement: Measurement) -> float | None:
    """The greatest score of a proportion in its unit, or None where the number is none."""
    measure = measurement.measure
    scale = _SCALES.get(measure.unit)
    if scale is None or measure.low not in (0, None) or measure.high not in (scale, None):
        return None
    value = measurement.value
    return scale if value is not None and 0 <= value <= scale else None


def _stated(measurement: Measurement, level: float) -> Uncertainty | None:
    value, between, error = measurement.value, measurement.interval, measurement.std_error
    assert value is not None
    # below the noise of double precision, zero was meant
    error = (
        error if error is not None and np.isfinite(error) and error > 1e-12 * max(1.0, abs(value)) else None
    )
    if between is not None and between.low < between.high:
        half = (between.high - between.low) / 2 / critical_value(between.confidence_level)
        return Uncertainty("stated", between, error or half)
    if error is None:
        return None
    scale = _scale(measurement)
    critical = critical_value(level)
    if scale is not None:
        share, spread = value / scale, error / scale
        effective = share * (1 - share) / spread**2
        if effective >= 1:
            low, high = (scale * float(end) for end in wilson_bounds(share * effective, effective, critical))
            between = Interval(low, high, level, "stated standard error, wilson-effective-n")
            return Uncertainty("stated", between, error, diagnostics={"n_effective": effective})
    low, high = value - critical * error, value + critical * error
    if scale is not None:
        low, high = max(low, 0.0), min(high, scale)
    return Uncertainty("stated", Interval(low, high, level, "stated standard error, normal"), error)


def _counted(measurement: Measurement, kind: str, level: float) -> Uncertainty | None:
    scale, n, value = _scale(measurement), measurement.n, measurement.value
    if scale is None or not n or value is None:
        return None
    k = measurement.k if measurement.k is not None and 0 <= measurement.k <= n else value / scale * n
    made = (
        wilson(k, n, confidence_level=level) if kind == "wilson" else jeffreys(k, n, confidence_level=level)
    )
    low, high = scale * made.low, scale * made.high
    half = (high - low) / 2 / critical_value(level)
    return Uncertainty(
        "wilson" if kind == "wilson" else "jeffreys",
        Interval(low, high, level, f"{kind}, from n = {n}"),
        half,
        diagnostics={"n": n, "k": k},
    )


def _independent(clusters: Sequence[Any] | None, scores: FloatArray) -> bool:
    if clusters is None:
        return True
    codes, _ = cluster_codes(clusters, scores.size)
    kept = codes[~np.isnan(scores)]
    return len(np.unique(kept)) == kept.size


def _resampled(
    measurement: Measurement,
    scores: FloatArray,
    clusters: Sequence[Any] | None,
    level: float,
    n_resamples: int,
    rng: Rng,
) -> Uncertainty:
    value, scale = measurement.value, _scale(measurement)
    assert value is not None
    known = scores[~np.isnan(scores)]
    if not known.size:
        return Uncertainty("unknown", reason="no item has a number")
    mean = float(known.mean())
    # Sources round: to what the number of its digits allows.
    slack = max(1e-6 * max(1.0, abs(value)), _rounding(value))
    if abs(mean - value) > slack:
        return Uncertainty(
            "unknown", reason=f"the number is not the mean of its items ({value:.6g} against {mean:.6g})"
        )
    inside = scale is not None and bool(((known >= 0) & (known <= scale)).all())
    bounds = (0.0, scale) if inside and scale is not None else None
    try:
        made = cluster_bootstrap_mean(
            scores, clusters, bounds=bounds, confidence_level=level, n_resamples=n_resamples, rng=rng
        )
        between = made.interval
    except NotEstimableError as error:
        return Uncertainty("unknown", reason=error.message)
    half = (made.high - made.low) / 2 / critical_value(level)
    spread = made.std_error if np.isfinite(made.std_error) and made.std_error > 0 else half
    method = f"cluster-bootstrap ({made.method})"
    return Uncertainty(
        "cluster-bootstrap", replace(between, method=method), spread, diagnostics=dict(made.diagnostics)
    )


def _rounding(value: float) -> float:
    """Half a unit of the last digit stated, for numbers of at most six digits after the point."""
    digits = len(repr(float(value)).partition(".")[2])
    return 0.5 * 10.0**-digits if digits <= 6 and "e" not in repr(value) else 0.0
