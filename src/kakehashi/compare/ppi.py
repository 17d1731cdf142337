"""A rate by a judge, corrected with few human labels (prediction-powered inference)."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.intervals import Clusters, Estimate, clopper_pearson, cluster_bootstrap_mean
from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    cluster_codes,
    critical_value,
    finite_vector,
    seed_of,
)
from kakehashi.compare.table import wilson_bounds
from kakehashi.errors import InputError, NotEstimableError, UsageError

#: Fewer independent labels than this get the interval of the human labels alone.
LEAST_LABELS = 30
#: Below this many independent labels, or clusters of labels, the interval is conservative: its average
#: coverage in simulations is above 97%.
CONSERVATIVE_BELOW = 75
CONSERVATIVE_BELOW_CLUSTERS = 200
#: Weight of each of the two labels of extreme disagreement that are added to what was seen.
PSEUDO_LABELS = 0.75

Power = Literal["cross-fit", "plug-in"] | float


def ppi_mean(
    human: ArrayLike,
    judge: ArrayLike,
    clusters: Clusters = None,
    *,
    power: Power = "cross-fit",
    bounds: tuple[float, float] | None = None,
    n_folds: int = 5,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> Estimate:
    """Mean that humans would find on all items, from the judge on all and humans on some (PPI++).

    The estimate is lam * mean(judge on items without a label) + mean(human - lam * judge on items with
    one). It is unbiased however wrong the judge is, if the items with labels are a random sample of all. A
    good judge makes the interval shorter, a useless one leaves it as it was (lam near 0).

    With few labels the usual interval is far too short: where judge and humans agree on all of 20 labels
    its width is nearly zero. Here two labels of extreme disagreement, of weight 0.75, are added to the
    variance (and one of each kind to the estimate of lam), and Wilson's interval is taken with the effective
    number of labels and Student's t. With fewer than 30 independent labels the judge is left out and the
    interval is that of the human labels alone (``method`` says so).

    Not for labels that were chosen by what the judge said, unless the choice was random within strata and
    each stratum is estimated for itself.

    Args:
        human: N human scores; NaN where there is no label.
        judge: N scores of the judge; NaN is left out and counted.
        clusters: For each item the cluster it stands or falls with.
        power: How lam is found: ``"cross-fit"`` (on the other folds; the default), ``"plug-in"`` (on the
            same labels, as in the paper and in ppi-python), or a number: 1 is plain PPI, 0 the labels alone.
        bounds: Least and greatest possible score; 0 and 1 where all scores are 0 or 1, else required.
        n_folds: Number of folds of clusters.
        confidence_level: Nominal coverage.
        rng: Generator or seed; it deals clusters to folds.

    Raises:
        InputError: Arrays of different length, infinity, scores outside the bounds.
        UsageError: No bounds for scores that are not 0 or 1; an impossible ``power``.
        NotEstimableError: No labels, labels of a single cluster, or no item judged.

    References:
        Angelopoulos, Duchi, Zrnic (2023). PPI++: Efficient prediction-powered inference. arXiv:2311.01453.
        Zrnic, Candes (2024). Cross-prediction-powered inference. PNAS 121.
        Korn, Graubard (1998). Confidence intervals for proportions with small expected number of positive
        counts estimated from survey data. Survey Methodology 24.

    Examples:
        >>> human = [1, 0] * 20 + [float("nan")] * 160
        >>> judge = [1, 0] * 20 + [1, 1, 0, 0] * 40
        >>> e = ppi_mean(human, judge, rng=1)
        >>> round(e.value, 2), e.diagnostics["n_labels"], e.diagnostics["n_judged_only"]
        (0.5, 40, 160)
    """
    y, f, codes, low, high, missing = _prepare(human, judge, clusters, bounds)
    labelled = ~np.isnan(y)
    n, extra = int(labelled.sum()), int((~labelled).sum())
    groups = len(np.unique(codes[labelled]))
    if groups < 2:
        raise NotEstimableError(
            f"the {n} human labels belong to a single cluster" if n else "there is no human label",
            diagnostic="one-cluster" if n else "no-labels",
            hint="Label a random sample of items from several clusters.",
        )
    settings: dict[str, object] = {
        "power": power,
        "bounds": (low, high),
        "n_folds": n_folds,
        "seed": seed_of(rng),
    }
    diagnostics: dict[str, object] = {
        "n_labels": n,
        "n_judged_only": extra,
        "n_clusters_labelled": groups,
        "n_missing": missing,
        "judge_mean": float(f.mean()),
    }
    for name, values in (("labels", y[labelled]), ("judge", f)):
        if np.ptp(values) == 0:
            diagnostics[f"{name}_constant"] = True
    unit, guess = (y - low) / (high - low), (f - low) / (high - low)
    if groups < LEAST_LABELS or extra == 0:
        diagnostics["judge_left_out"] = (
            f"fewer than {LEAST_LABELS} independent labels" if extra else "every item has a human label"
        )
        return _labels_alone(unit, codes, (low, high), confidence_level, rng, settings, diagnostics)
    fold, weights = _fold_weights(unit, guess, labelled, codes, power, n_folds, rng)
    lam = np.zeros(len(unit))
    lam[labelled] = weights[fold]
    mean_lam = float(lam[labelled].mean())
    residual = unit[labelled] - lam[labelled] * guess[labelled]
    others = guess[~labelled]
    value = float(residual.mean() + mean_lam * others.mean())
    variance = _variance(residual, mean_lam, others, codes, labelled, groups)
    p = min(max(value, 0.0), 1.0)
    smooth = (p * groups + 1) / (groups + 2)
    effective = smooth * (1 - smooth) / variance
    ends = wilson_bounds(p * effective, effective, critical_value(confidence_level, groups - 1))
    alone = cluster_bootstrap_mean(
        unit[labelled],
        codes[labelled],
        bounds=(0.0, 1.0),
        confidence_level=confidence_level,
        n_resamples=400,
        rng=0,
    )
    diagnostics |= {
        "lam": mean_lam,
        "n_effective": effective,
        "labels_alone": (
            alone.value * (high - low) + low,
            alone.low * (high - low) + low,
            alone.high * (high - low) + low,
        ),
        "conservative": groups < (CONSERVATIVE_BELOW if groups == n else CONSERVATIVE_BELOW_CLUSTERS),
    }
    return Estimate(
        value=value * (high - low) + low,
        low=float(ends[0]) * (high - low) + low,
        high=float(ends[1]) * (high - low) + low,
        confidence_level=confidence_level,
        method="ppi++" if isinstance(power, str) else f"ppi, lam {power:g}",
        n=n + extra,
        std_error=float(np.sqrt(variance)) * (high - low),
        settings=settings,
        diagnostics=diagnostics,
    )


def labels_alone(
    human: ArrayLike,
    judge: ArrayLike,
    clusters: Clusters = None,
    *,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> Estimate:
    """The rate by the human labels without the judge: exact where they are independent.

    Args:
        human: N human labels, 0 or 1; NaN where there is none.
        judge: N labels of the judge; items that it did not judge are left out, as in :func:`ppi_mean`.
        clusters: For each item the cluster it stands or falls with.
        confidence_level: Nominal coverage.
        rng: Generator or seed.
    """
    y, f, codes, low, high, missing = _prepare(human, judge, clusters, (0.0, 1.0))
    told = int((~np.isnan(y)).sum())
    if not told:
        raise NotEstimableError("there is no human label", diagnostic="no-labels", hint="Label some items.")
    diagnostics: dict[str, object] = {
        "n_labels": told,
        "n_judged_only": int(y.size - told),
        "n_missing": missing,
        "judge_mean": float(f.mean()),
    }
    return _labels_alone(y, codes, (low, high), confidence_level, rng, {}, diagnostics)


def _prepare(
    human: ArrayLike, judge: ArrayLike, clusters: Clusters, bounds: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray, IntArray, float, float, int]:
    """Both scores where the judge gave one, cluster codes, bounds, number without a judge's score."""
    y, f = finite_vector(human, "human"), finite_vector(judge, "judge")
    if y.shape != f.shape:
        raise InputError(
            f"there are {y.size} human labels and {f.size} of the judge",
            hint="Align them by item; write NaN where there is no human label.",
        )
    codes, _ = cluster_codes(clusters, y.size)
    keep = ~np.isnan(f)
    missing = int((~keep).sum())
    y, f, codes = y[keep], f[keep], codes[keep]
    if not f.size:
        raise NotEstimableError("the judge gave no score", diagnostic="no-items")
    found = np.concatenate([y[~np.isnan(y)], f])
    if bounds is None:
        if not np.isin(found, (0.0, 1.0)).all():
            raise UsageError(
                "these scores are not all 0 or 1 and have no bounds",
                hint="Give bounds=(least, greatest): the interval depends on them.",
            )
        bounds = (0.0, 1.0)
    low, high = bounds
    if not low < high or not np.isfinite([low, high]).all():
        raise UsageError(f"bounds must be two increasing numbers, not {bounds!r}")
    if ((found < low) | (found > high)).any():
        raise InputError(
            f"a score lies outside the bounds {bounds}", hint="Check percent against proportion."
        )
    return y, f, codes, low, high, missing


def _power_weight(
    y: FloatArray, guess: FloatArray, all_guesses: FloatArray, ratio: float, pseudo: float
) -> float:
    """The lam of least variance, with ``pseudo`` labels of (1, 0) and as many of (0, 1) added."""
    n = y.size + 2 * pseudo
    mean_y, mean_f = (y.sum() + pseudo) / n, (guess.sum() + pseudo) / n
    covariance = float((y * guess).sum() / n - mean_y * mean_f)
    if pseudo:
        variance = float(((guess**2).sum() + pseudo) / n - mean_f**2)
    else:
        variance = float(all_guesses.var(ddof=1))
    return float(np.clip(covariance / (1 + ratio) / variance, 0.0, 1.0)) if variance > 0 else 0.0


def _fold_weights(
    y: FloatArray,
    guess: FloatArray,
    labelled: np.ndarray,
    codes: IntArray,
    power: Power,
    n_folds: int,
    rng: Rng,
) -> tuple[IntArray, FloatArray]:
    """For each label its fold, and for each fold its lam."""
    n = int(labelled.sum())
    ratio = n / (y.size - n)
    if not isinstance(power, str):
        if not np.isfinite(power):
            raise UsageError(f"power must be a finite number, not {power!r}")
        return np.zeros(n, dtype=np.int64), np.array([float(power)])
    if power == "plug-in":
        lam = _power_weight(y[labelled], guess[labelled], guess, ratio, 0.0)
        return np.zeros(n, dtype=np.int64), np.array([lam])
    if power != "cross-fit":
        raise UsageError(f"unknown power {power!r}", hint="Use 'cross-fit', 'plug-in' or a number.")
    if n_folds < 2:
        raise UsageError(f"n_folds must be at least 2, not {n_folds}")
    _, local = np.unique(codes[labelled], return_inverse=True)
    local = local.reshape(-1)
    deal = as_generator(rng).permutation(int(local.max()) + 1) % n_folds
    fold = deal[local].astype(np.int64)
    weights = np.array(
        [
            _power_weight(y[labelled][fold != k], guess[labelled][fold != k], guess, ratio, 1.0)
            for k in range(n_folds)
        ]
    )
    return fold, weights


def _variance(
    residual: FloatArray,
    lam: float,
    others: FloatArray,
    codes: IntArray,
    labelled: np.ndarray,
    groups: int,
) -> float:
    """Clustered variance of the estimate, with two added clusters of extreme residuals."""
    n, extra = residual.size, others.size
    size = int(codes.max()) + 1
    mean = float(residual.mean())
    first = np.bincount(codes[labelled], weights=residual - mean, minlength=size) / n
    second = np.bincount(codes[~labelled], weights=lam * (others - others.mean()), minlength=size) / extra
    extremes = ((min(0.0, -lam) - mean) ** 2 + (max(1.0, 1.0 - lam) - mean) ** 2) / groups**2
    inflate = groups / (groups - 1 + 2 * PSEUDO_LABELS)
    of_labels = float((first**2).sum() + PSEUDO_LABELS * extremes) * inflate
    filled = len(np.unique(codes[~labelled]))
    of_others = float((second**2).sum()) * filled / max(filled - 1, 1)
    return of_labels + max(of_others + 2 * float((first * second).sum()), 0.0)


def _labels_alone(
    unit: FloatArray,
    codes: IntArray,
    bounds: tuple[float, float],
    level: float,
    rng: Rng,
    settings: Mapping[str, object],
    diagnostics: dict[str, object],
) -> Estimate:
    """The human labels without the judge: exact where they are independent and 0 or 1."""
    labelled = ~np.isnan(unit)
    y, groups = unit[labelled], codes[labelled]
    if len(np.unique(groups)) == y.size and np.isin(y, (0.0, 1.0)).all():
        found = clopper_pearson(float(y.sum()), y.size, confidence_level=level)
        diagnostics["conservative"] = True
    else:
        found = cluster_bootstrap_mean(y, groups, bounds=(0.0, 1.0), confidence_level=level, rng=rng)
    low, high = bounds
    return Estimate(
        value=found.value * (high - low) + low,
        low=found.low * (high - low) + low,
        high=found.high * (high - low) + low,
        confidence_level=level,
        method=f"human labels alone, {found.method}",
        n=int(y.size),
        std_error=found.std_error * (high - low),
        settings=settings,
        diagnostics={**found.diagnostics, **diagnostics, "lam": 0.0},
    )
