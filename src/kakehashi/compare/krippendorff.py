"""Krippendorff's alpha: agreement of any number of raters, with missing labels."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    bootstrap_weights,
    critical_value,
    seed_of,
)
from kakehashi.errors import InputError, NotEstimableError, UsageError

Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    ratings: Sequence[Sequence[Any]] | NDArray[Any],
    *,
    level: Level = "nominal",
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    rng: Rng = None,
) -> Estimate:
    """Krippendorff's alpha of R raters on U units, with an interval from resampling units.

    1 is perfect agreement; 0 is what pooling all labels and dealing them out at random would give; below
    0 the raters contradict one another. Units with fewer than two labels carry no pair and are passed
    over (and counted). With rare classes alpha can be low though raters hardly ever differ: look at the
    counts. Raters are taken as fixed: the interval says what other units would give, not other raters.

    All three levels are computed from sums over units, without a table of pairs of values, so scores
    with thousands of distinct values cost no more than labels.

    Args:
        ratings: R x U labels; ``None`` or NaN is missing. Ordinal and interval need numbers.
        level: ``"nominal"``, ``"ordinal"`` or ``"interval"``.
        confidence_level: Nominal coverage.
        n_resamples: Number of bootstrap samples of units; 0 for no interval.
        rng: Generator or seed.

    Raises:
        InputError: Not a matrix, infinity, labels that are not numbers where numbers are needed.
        NotEstimableError: No unit with two labels, or a single value throughout.

    References:
        Krippendorff (2019). Content Analysis, 4th ed., chapter 12.
        Hayes, Krippendorff (2007). Answering the call for a standard reliability measure for coding data.

    Examples:
        >>> n = None
        >>> four_coders = [
        ...     [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
        ...     [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
        ...     [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
        ...     [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
        ... ]
        >>> [round(krippendorff_alpha(four_coders, level=k, rng=1).value, 3) for k in ("nominal", "ordinal")]
        [0.743, 0.815]
    """
    if level not in ("nominal", "ordinal", "interval"):
        raise UsageError(f"unknown level {level!r}", hint="Use nominal, ordinal or interval.")
    codes, values = _code(ratings, level)
    units = codes.shape[1]
    labels = (codes >= 0).sum(axis=0)
    pairable = labels >= 2
    if not pairable.any():
        raise NotEstimableError(
            "no unit has labels of two raters", diagnostic="no-pairs", hint="Raters must share some units."
        )
    codes = codes[:, pairable]
    used, values = np.unique(codes[codes >= 0], return_inverse=False), values
    remap = np.full(len(values) + 1, -1, dtype=np.int64)
    remap[used] = np.arange(len(used))
    codes, values = remap[codes], values[used]
    if len(values) < 2:
        raise NotEstimableError(
            "all labels are the same: agreement beyond chance is not defined", diagnostic="one-class"
        )
    n_units = codes.shape[1]
    alpha_of = _nominal(codes, len(values)) if level == "nominal" else _metric(codes, values, level)
    value = float(alpha_of(np.ones((1, n_units)))[0])
    diagnostics: dict[str, object] = {
        "n_units_used": n_units,
        "n_units_left_out": int(units - n_units),
        "n_raters": int(codes.shape[0]),
        "n_labels": int((codes >= 0).sum()),
        "n_values": len(values),
    }
    low = high = spread = float("nan")
    if n_resamples > 0:
        generator = as_generator(rng)
        replicates = np.concatenate(
            [alpha_of(w.astype(np.float64)) for w in bootstrap_weights(n_units, n_resamples, generator)]
        )
        defined = replicates[~np.isnan(replicates)]
        diagnostics["undefined_resamples"] = len(replicates) - len(defined)
        mean_labels = float((codes >= 0).sum() / n_units)
        low, high, spread, reason = _interval(value, defined, n_units, mean_labels, confidence_level)
        if reason:
            diagnostics["no_interval"] = reason
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence_level=confidence_level,
        method="unit-bootstrap-variance-stabilized",
        n=n_units,
        std_error=spread,
        settings={"level": level, "n_resamples": n_resamples, "seed": seed_of(rng)},
        diagnostics=diagnostics,
    )


def _interval(
    value: float, replicates: FloatArray, n_units: int, mean_labels: float, confidence_level: float
) -> tuple[float, float, float, str]:
    """Interval on Fisher's scale for intraclass correlations, log((1 + (m - 1) a) / (1 - a)) with m labels a unit.

    Percentiles of the replicates cover too little with few units; on this scale the spread hardly
    depends on alpha, and Student's t allows for the number of units.
    """
    nan = float("nan")
    if n_units < 2 or len(replicates) < 2:
        return nan, nan, nan, "a single unit"
    if value >= 1.0:
        return nan, 1.0, nan, "perfect agreement: no disagreement was seen to resample"
    spread = float(replicates.std(ddof=1) * np.sqrt(n_units / (n_units - 1)))
    slope = mean_labels - 1
    floor = 1 + slope * value
    if spread == 0 or floor <= 1e-9:
        return nan, nan, spread if spread > 0 else nan, "at the least possible value"
    centre = np.log(floor / (1 - value))
    half = critical_value(confidence_level, n_units - 1) * spread * mean_labels / (floor * (1 - value))
    ends = np.exp(np.clip([centre - half, centre + half], -700, 700))
    low, high = (ends - 1) / (ends + slope)
    return float(low), float(high), spread, ""


def _code(ratings: Sequence[Sequence[Any]] | NDArray[Any], level: Level) -> tuple[IntArray, FloatArray]:
    """Codes (R x U, -1 for missing) into the sorted distinct labels, and those labels as numbers."""
    array = np.asarray(ratings) if isinstance(ratings, np.ndarray) else np.array(ratings, dtype=object)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"ratings must be a matrix of raters by units, not of shape {array.shape}")
    flat = array.ravel()
    if array.dtype.kind in "US" or any(isinstance(v, str) for v in flat if array.dtype.kind == "O"):
        if level != "nominal":
            raise InputError(
                f"{level} alpha needs numbers, not words", hint="Code the labels 1, 2, 3 in order."
            )
        missing = np.array([v is None or (isinstance(v, float) and np.isnan(v)) for v in flat])
        names = sorted({(str(type(v)), v) for v in flat[~missing]}) if (~missing).any() else []
        position = {v: i for i, (_, v) in enumerate(names)}
        codes = np.array(
            [-1 if gone else position[v] for v, gone in zip(flat, missing, strict=True)], dtype=np.int64
        )
        return codes.reshape(array.shape), np.arange(len(names), dtype=np.float64)
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{level} alpha needs numbers: {error}", hint="Code the labels 1, 2, 3 in order."
        ) from None
    if np.isinf(numbers).any():
        raise InputError("a rating is infinite", hint="Write NaN for a missing rating.")
    present = ~np.isnan(numbers)
    values, inverse = np.unique(numbers[present], return_inverse=True)
    codes = np.full(array.shape, -1, dtype=np.int64)
    codes[present] = inverse.reshape(-1)
    return codes, values


def _counts(codes: IntArray, n_values: int) -> FloatArray:
    """U x C: how often each value was given to each unit."""
    units = codes.shape[1]
    flat = (np.arange(units)[None, :] * (n_values + 1) + codes + 1).ravel()
    table = np.bincount(flat, minlength=units * (n_values + 1)).reshape(units, n_values + 1)
    return table[:, 1:].astype(np.float64)


def _nominal(codes: IntArray, n_values: int) -> Callable[[FloatArray], FloatArray]:
    counts = _counts(codes, n_values)
    size = counts.sum(axis=1)
    disagreement = (size**2 - (counts**2).sum(axis=1)) / (size - 1)
    terms = np.column_stack([disagreement, size, counts])

    def alpha(weights: FloatArray) -> FloatArray:
        drawn = weights @ terms
        observed, n, marginal = drawn[:, 0], drawn[:, 1], drawn[:, 2:]
        return _alpha(observed, n, n**2 - (marginal**2).sum(axis=1))

    return alpha


def _metric(codes: IntArray, values: FloatArray, level: Level) -> Callable[[FloatArray], FloatArray]:
    """Interval alpha on the values; ordinal alpha is the same on the mid-ranks of the pooled labels."""
    present = codes >= 0
    size = present.sum(axis=0).astype(np.float64)
    if level == "interval":
        scaled = values - values.mean()
        scores = np.where(present, scaled[codes], 0.0)
        total, square = scores.sum(axis=0), (scores**2).sum(axis=0)
        terms = np.column_stack([2 * (size * square - total**2) / (size - 1), size, total, square])

        def alpha(weights: FloatArray) -> FloatArray:
            observed, n, sums, squares = (weights @ terms).T
            return _alpha(observed, n, 2 * (n * squares - sums**2))

        return alpha

    counts = _counts(codes, len(values))
    few = len(values) <= 24
    pairs = np.zeros((0, 0))
    if few:
        # coincidences of each unit: n_c n_k / (m - 1), minus the label paired with itself
        pairs = counts[:, :, None] * counts[:, None, :] / (size - 1)[:, None, None]
        own = np.arange(len(values))
        pairs[:, own, own] -= counts / (size - 1)[:, None]
        pairs = pairs.reshape(len(counts), -1)

    def ordinal(weights: FloatArray) -> FloatArray:
        marginal = weights @ counts
        ranks = np.cumsum(marginal, axis=1) - marginal / 2
        n = marginal.sum(axis=1)
        sums, squares = (marginal * ranks).sum(axis=1), (marginal * ranks**2).sum(axis=1)
        expected = 2 * (n * squares - sums**2)
        if few:
            gaps = (ranks[:, :, None] - ranks[:, None, :]) ** 2
            observed = ((weights @ pairs) * gaps.reshape(len(ranks), -1)).sum(axis=1)
        else:
            observed = np.empty(len(weights))
            for b, row in enumerate(ranks):
                scores = np.where(present, row[codes], 0.0)
                spread = size * (scores**2).sum(axis=0) - scores.sum(axis=0) ** 2
                observed[b] = (weights[b] * 2 * spread / (size - 1)).sum()
        return _alpha(observed, n, expected)

    return ordinal


def _alpha(observed: FloatArray, n: FloatArray, expected: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = np.where(expected > 0, 1.0 - (n - 1) * observed / expected, np.nan)
    return out
