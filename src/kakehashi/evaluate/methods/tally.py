"""From scores to measurements: proportions with intervals and every outcome counted."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

from kakehashi.evaluate.methods.base import Credit, Scored
from kakehashi.model import Label, Measure, Measurement, Provenance

if TYPE_CHECKING:
    from kakehashi.compare import Estimate

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
    estimate = _estimate(hits, [row.sample.cluster for row in present], (0.0, 1.0), confidence_level)
    return Measurement(
        subject=subject,
        measure=measure,
        value=sum(hits) / len(hits) if hits else None,
        provenance=provenance,
        n=len(hits),
        k=sum(hits),
        std_error=_finite(estimate),
        interval=None if estimate is None else estimate.interval,
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
    bounds = None if measure.low is None or measure.high is None else (measure.low, measure.high)
    estimate = _estimate(values, [row.sample.cluster for row in rows], bounds, confidence_level)
    return Measurement(
        subject=subject,
        measure=measure,
        value=sum(values) / len(values) if values else None,
        provenance=provenance,
        n=len(values),
        std_error=_finite(estimate),
        interval=None if estimate is None else estimate.interval,
        facets=dict(facets),
        reason="" if values else "no item could be used",
    )


def share_credit(measure: str, row: Scored, success: Iterable[Label]) -> Credit:
    """A sample's credit for a share: 1 where its label counts, 0 where not, none without an outcome."""
    label = row.score.label
    return Credit(measure, None if label in MISSING else float(label in frozenset(success)))


def _reason(asked: int, present: int) -> str:
    if present == 0:
        return "no item has an outcome"
    return "" if present == asked else f"{asked - present} of {asked} items have no outcome"


def _estimate(
    values: list[float], clusters: list[str], bounds: tuple[float, float] | None, confidence_level: float
) -> "Estimate | None":
    from kakehashi.compare import cluster_bootstrap_mean, wilson

    alone = len(set(clusters)) == len(clusters)
    if not values or (len(set(clusters)) < 2 and not alone):
        return None
    if alone and bounds == (0.0, 1.0) and set(values) <= {0.0, 1.0}:
        return wilson(sum(values), len(values), confidence_level=confidence_level)
    if len(values) < 2:
        return None
    return cluster_bootstrap_mean(values, clusters, bounds=bounds, confidence_level=confidence_level, rng=0)


def _finite(estimate: "Estimate | None") -> float | None:
    return None if estimate is None or isnan(estimate.std_error) else estimate.std_error
