"""A judge held against human labels, or two raters against one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare.intervals import Clusters, Estimate, cluster_bootstrap_mean
from kakehashi.compare.paired import paired_difference
from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    bootstrap_weights,
    cluster_codes,
    critical_value,
    seed_of,
)
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError

Labels = Sequence[Any] | NDArray[Any]
Weights = Literal["linear", "quadratic"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Counts of label pairs.

    Attributes:
        labels: The classes, in the order of rows and columns.
        counts: Rows are the reference (human), columns the judge.
        n: Number of pairs.
        n_missing: Pairs left out because one label was missing (``None`` or NaN).
    """

    labels: tuple[Any, ...]
    counts: IntArray
    n: int
    n_missing: int

    @property
    def accuracy(self) -> float:
        """Share of pairs that agree."""
        return float(np.trace(self.counts) / self.n)


@dataclass(frozen=True, slots=True)
class ClassBias:
    """How much oftener the judge gives a class than the reference does.

    Attributes:
        label: The class.
        reference_rate: Share of the reference's labels.
        judge_rate: Share of the judge's labels.
        difference: Judge minus reference, with a paired interval.
        recall: Share of the reference's items of this class that the judge gives it, or ``None`` with none.
    """

    label: Any
    reference_rate: float
    judge_rate: float
    difference: Estimate
    recall: Estimate | None


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """A judge against a reference: everything that a reader needs before trusting its numbers."""

    kappa: Estimate
    accuracy: Estimate
    bias: tuple[ClassBias, ...]
    confusion: Confusion
    sensitivity: Estimate | None = None
    specificity: Estimate | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


def _missing(label: Any) -> bool:
    return label is None or (isinstance(label, float | np.floating) and np.isnan(label))


def _code(
    reference: Labels, judge: Labels, labels: Sequence[Any] | None, clusters: Clusters
) -> tuple[tuple[Any, ...], IntArray, IntArray, IntArray, int]:
    """Classes, codes of both label arrays where both are present, cluster codes, number missing."""
    a, b = list(reference), list(judge)
    if len(a) != len(b):
        raise InputError(
            f"there are {len(a)} reference labels and {len(b)} of the judge", hint="Align them by item."
        )
    codes, _ = cluster_codes(clusters, len(a))
    keep = [i for i in range(len(a)) if not (_missing(a[i]) or _missing(b[i]))]
    if not keep:
        raise NotEstimableError("there is no item that both labelled", diagnostic="no-items")
    a, b = [a[i] for i in keep], [b[i] for i in keep]
    if labels is None:
        found = set(a) | set(b)
        classes = tuple(sorted(found, key=lambda v: (str(type(v)), v)))
    else:
        classes = tuple(labels)
    position = {label: i for i, label in enumerate(classes)}
    for label in (*a, *b):
        if label not in position:
            raise UnknownNameError("label", str(label), [str(c) for c in classes])
    groups = np.unique(codes[keep], return_inverse=True)[1].reshape(-1)
    return (
        classes,
        np.array([position[label] for label in a], dtype=np.int64),
        np.array([position[label] for label in b], dtype=np.int64),
        groups.astype(np.int64),
        len(codes) - len(keep),
    )


def confusion(reference: Labels, judge: Labels, *, labels: Sequence[Any] | None = None) -> Confusion:
    """Count label pairs; rows are the reference, columns the judge.

    Examples:
        >>> confusion(["yes", "no", "yes"], ["yes", "yes", "yes"]).counts.tolist()
        [[0, 1], [0, 2]]
    """
    classes, a, b, _, missing = _code(reference, judge, labels, None)
    size = len(classes)
    counts = np.bincount(a * size + b, minlength=size * size).reshape(size, size)
    return Confusion(classes, counts.astype(np.int64), len(a), missing)


def _disagreement_weights(size: int, weights: Weights) -> FloatArray:
    distance: FloatArray = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(np.float64)
    if weights is None:
        return (distance > 0).astype(np.float64)
    return distance if weights == "linear" else distance**2


def _kappa(tables: FloatArray, disagreement: FloatArray) -> FloatArray:
    """Kappa of each table (B x C x C); NaN where chance alone leaves no disagreement."""
    n = tables.sum(axis=(1, 2))
    observed = (tables * disagreement).sum(axis=(1, 2)) / n
    rows, columns = tables.sum(axis=2), tables.sum(axis=1)
    expected = np.einsum("bi,ij,bj->b", rows, disagreement, columns) / n**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1.0 - observed / expected, np.nan)


def cohen_kappa(
    first: Labels,
    second: Labels,
    *,
    labels: Sequence[Any] | None = None,
    weights: Weights = None,
    clusters: Clusters = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> Estimate:
    """Cohen's kappa of two raters with any number of classes, interval clustered.

    1 is perfect agreement, 0 what chance would give with these shares of classes, below 0 less than
    that. The same judge can have high or low kappa as classes are balanced or rare: look at
    :func:`sensitivity` and :func:`specificity` beside it. For more than two raters or missing labels use
    :func:`~kakehashi.compare.krippendorff.krippendorff_alpha`.

    The interval comes from the bootstrap over clusters: its standard error on the scale of
    log(1 - kappa), with Student's t for the number of clusters; so it never passes 1.

    Args:
        first: Labels of the first rater (the reference); ``None`` or NaN is missing.
        second: Labels of the second rater.
        labels: The classes in order (needed for ``weights``); default: those found, sorted.
        weights: ``None``, ``"linear"`` or ``"quadratic"`` for ordered classes.
        clusters: For each item the unit of resampling, such as its prompt.
        confidence_level: Nominal coverage.
        n_resamples: Number of bootstrap samples.
        rng: Generator or seed.

    Raises:
        NotEstimableError: No item in common, or only one class in use.

    References:
        Cohen (1960). A coefficient of agreement for nominal scales. Educ. Psychol. Meas. 20, 37-46.
        Cohen (1968). Weighted kappa. Psychological Bulletin 70, 213-220.

    Examples:
        >>> a = ["yes"] * 20 + ["yes"] * 5 + ["no"] * 10 + ["no"] * 15
        >>> b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
        >>> round(cohen_kappa(a, b, rng=1).value, 6)
        0.4
    """
    classes, a, b, groups, missing = _code(first, second, labels, clusters)
    size = len(classes)
    disagreement = _disagreement_weights(size, weights)
    cell = a * size + b
    table = np.bincount(cell, minlength=size * size).astype(np.float64)
    value = float(_kappa(table.reshape(1, size, size), disagreement)[0])
    if np.isnan(value):
        raise NotEstimableError(
            f"both raters gave every item the label {classes[a[0]]!r}: kappa is not defined",
            diagnostic="one-class",
            hint="Quote the share of agreement instead.",
        )
    n_clusters = int(groups.max()) + 1
    by_cluster = np.bincount(groups * size * size + cell, minlength=n_clusters * size * size)
    patterns = by_cluster.reshape(n_clusters, -1).astype(np.float64)
    generator = as_generator(rng)
    drawn = np.concatenate(
        [w.astype(np.float64) @ patterns for w in bootstrap_weights(n_clusters, n_resamples, generator)]
    )
    replicates = _kappa(drawn.reshape(-1, size, size), disagreement)
    replicates = replicates[~np.isnan(replicates)]
    low, high, spread, diagnostics = _log_interval(value, replicates, n_clusters, confidence_level)
    total = table.sum()
    diagnostics |= {
        "n_clusters": n_clusters,
        "n_missing": missing,
        "observed_agreement": float(np.trace(table.reshape(size, size)) / total),
        "undefined_resamples": n_resamples - len(replicates),
    }
    return Estimate(
        value=value,
        low=low,
        high=high,
        confidence_level=confidence_level,
        method="cluster-bootstrap-log",
        n=len(a),
        std_error=spread,
        settings={"weights": weights, "n_resamples": n_resamples, "seed": seed_of(rng), "labels": classes},
        diagnostics=diagnostics,
    )


def _log_interval(
    value: float, replicates: FloatArray, n_clusters: int, confidence_level: float
) -> tuple[float, float, float, dict[str, object]]:
    """Interval for a coefficient of at most 1 from bootstrap replicates, made on the scale log(1 - x)."""
    nan = float("nan")
    if n_clusters < 2 or len(replicates) < 2:
        return nan, nan, nan, {"no_interval": "a single cluster"}
    if value >= 1.0:
        return nan, 1.0, nan, {"no_interval": "perfect agreement: no disagreement was seen to resample"}
    inflate = np.sqrt(n_clusters / (n_clusters - 1))
    spread = float(replicates.std(ddof=1) * inflate)
    half = critical_value(confidence_level, n_clusters - 1) * spread / (1 - value)
    if spread == 0:
        return nan, nan, nan, {"no_interval": "resamples do not vary"}
    low, high = 1 - (1 - value) * np.exp(half), 1 - (1 - value) * np.exp(-half)
    return float(max(low, -1.0)), float(high), spread, {}


def _binary(labels: Labels, positive: Any) -> FloatArray:
    return np.array([np.nan if _missing(v) else float(v == positive) for v in labels])


def _conditional(
    reference: Labels,
    judge: Labels,
    positive: Any,
    of: bool,
    clusters: Clusters,
    level: float,
    resamples: int,
    rng: Rng,
) -> Estimate:
    truth, said = _binary(reference, positive), _binary(judge, positive)
    if truth.size != said.size:
        raise InputError(f"there are {truth.size} reference labels and {said.size} of the judge")
    wanted = truth == float(of)
    if not wanted.any():
        raise NotEstimableError(
            f"the reference has no item {'with' if of else 'without'} the label {positive!r}",
            diagnostic="no-items",
        )
    codes, _ = cluster_codes(clusters, truth.size)
    hits = said if of else 1 - said
    return cluster_bootstrap_mean(
        hits[wanted], codes[wanted], bounds=(0.0, 1.0), confidence_level=level, n_resamples=resamples, rng=rng
    )


def sensitivity(
    reference: Labels,
    judge: Labels,
    positive: Any,
    *,
    clusters: Clusters = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> Estimate:
    """Share of the reference's ``positive`` items that the judge calls ``positive``.

    Examples:
        >>> sensitivity([1, 1, 1, 1, 0], [1, 1, 1, 0, 0], 1, rng=1).value
        0.75
    """
    return _conditional(reference, judge, positive, True, clusters, confidence_level, n_resamples, rng)


def specificity(
    reference: Labels,
    judge: Labels,
    positive: Any,
    *,
    clusters: Clusters = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> Estimate:
    """Share of the items that the reference does not call ``positive`` and the judge does not either."""
    return _conditional(reference, judge, positive, False, clusters, confidence_level, n_resamples, rng)


def bias_by_class(
    reference: Labels,
    judge: Labels,
    *,
    labels: Sequence[Any] | None = None,
    clusters: Clusters = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> tuple[ClassBias, ...]:
    """For each class how much oftener the judge gives it than the reference, and its recall.

    Kappa can be high while the bias is large enough to turn a ranking: this shows it.
    """
    classes, a, b, groups, _ = _code(reference, judge, labels, clusters)
    generator = as_generator(rng)
    out = []
    for i, label in enumerate(classes):
        truth, said = (a == i).astype(float), (b == i).astype(float)
        recall: Estimate | None = None
        if len(np.unique(groups[a == i])) > 1:
            recall = cluster_bootstrap_mean(
                said[a == i],
                groups[a == i],
                bounds=(0.0, 1.0),
                confidence_level=confidence_level,
                n_resamples=n_resamples,
                rng=generator,
            )
        out.append(
            ClassBias(
                label,
                float(truth.mean()),
                float(said.mean()),
                paired_difference(
                    said,
                    truth,
                    groups,
                    confidence_level=confidence_level,
                    n_resamples=n_resamples,
                    rng=generator,
                ),
                recall,
            )
        )
    return tuple(out)


def judge_report(
    reference: Labels,
    judge: Labels,
    *,
    labels: Sequence[Any] | None = None,
    positive: Any = None,
    clusters: Clusters = None,
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> JudgeReport:
    """Kappa, accuracy, bias by class, confusion; sensitivity and specificity of ``positive`` where given."""
    generator = as_generator(rng)
    classes, a, b, groups, _ = _code(reference, judge, labels, clusters)
    options: dict[str, Any] = {
        "confidence_level": confidence_level,
        "n_resamples": n_resamples,
        "rng": generator,
    }
    first, second = [classes[i] for i in a], [classes[i] for i in b]
    pair: tuple[Estimate | None, Estimate | None] = (None, None)
    if positive is not None:
        if positive not in classes:
            raise UnknownNameError("label", str(positive), [str(c) for c in classes])
        pair = (
            sensitivity(first, second, positive, clusters=groups, **options),
            specificity(first, second, positive, clusters=groups, **options),
        )
    return JudgeReport(
        kappa=cohen_kappa(first, second, labels=classes, clusters=groups, **options),
        accuracy=cluster_bootstrap_mean((a == b).astype(float), groups, bounds=(0.0, 1.0), **options),
        bias=bias_by_class(first, second, labels=classes, clusters=groups, **options),
        confusion=confusion(reference, judge, labels=labels),
        sensitivity=pair[0],
        specificity=pair[1],
        settings={"n_resamples": n_resamples, "seed": seed_of(rng), "positive": positive},
    )
