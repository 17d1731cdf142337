"""From scores to measurements: proportions with intervals and every outcome counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from kakehashi.evaluate.methods.base import Scored
from kakehashi.model import Interval, Label, Measure, Measurement, Provenance

#: Outcomes that say nothing about the system: no answer was had, or nobody competent judged it.
MISSING = frozenset({Label.ERROR, Label.NOT_JUDGED, Label.JUDGE_FAILED})


def proportion(
    rows: Sequence[Scored],
    success: Iterable[Label],
    *,
    subject: str,
    measure: Measure,
    provenance: Provenance,
    facets: Mapping[str, str],
    confidence_level: float = 0.95,
) -> Measurement:
    """Share of rows with one of the ``success`` labels, among rows with an outcome.

    Rows whose label is in :data:`MISSING` are counted but stand outside ``n``; with none left the value is
    ``None`` and ``reason`` says so. The interval is Wilson's where every row is its own cluster, and a
    cluster bootstrap otherwise.

    Args:
        rows: Scored samples of one subject.
        success: Labels that count.
        subject: Name of the subject.
        measure: What the share stands for.
        provenance: Provenance of the result.
        facets: What part it is about.
        confidence_level: Nominal coverage of the interval.
    """
    wanted = frozenset(success)
    counts = Counter(row.score.label for row in rows)
    present = [row for row in rows if row.score.label not in MISSING]
    hits = [float(row.score.label in wanted) for row in present]
    value = sum(hits) / len(hits) if hits else None
    return Measurement(
        subject=subject,
        measure=measure,
        value=value,
        provenance=provenance,
        n=len(hits),
        k=sum(hits),
        interval=_interval(hits, [row.sample.cluster for row in present], confidence_level),
        facets=dict(facets),
        counts=dict(sorted(counts.items())),
        reason=_reason(len(rows), len(hits)),
    )


def mean(
    rows: Sequence[Scored],
    value_of: Callable[[Scored], float],
    *,
    subject: str,
    measure: Measure,
    provenance: Provenance,
    facets: Mapping[str, str],
    confidence_level: float = 0.95,
) -> Measurement:
    """Mean of a number over rows, with a cluster-bootstrap interval."""
    values = [value_of(row) for row in rows]
    interval = _bootstrap(values, [row.sample.cluster for row in rows], confidence_level) if values else None
    return Measurement(
        subject=subject,
        measure=measure,
        value=sum(values) / len(values) if values else None,
        provenance=provenance,
        n=len(values),
        interval=interval,
        facets=dict(facets),
        reason="" if values else "no item could be used",
    )


def _reason(asked: int, present: int) -> str:
    if present == 0:
        return "no item has an outcome"
    return "" if present == asked else f"{asked - present} of {asked} items have no outcome"


def _interval(hits: list[float], clusters: list[str], confidence_level: float) -> Interval | None:
    if not hits:
        return None
    if len(set(clusters)) < len(clusters):
        return _bootstrap(hits, clusters, confidence_level)
    from kakehashi.compare import wilson

    return wilson(int(sum(hits)), len(hits), confidence_level=confidence_level)


def _bootstrap(values: list[float], clusters: list[str], confidence_level: float) -> Interval | None:
    if len(set(clusters)) < 2:
        return None
    from kakehashi.compare import cluster_bootstrap_mean

    return cluster_bootstrap_mean(values, clusters, confidence_level=confidence_level, rng=0)
