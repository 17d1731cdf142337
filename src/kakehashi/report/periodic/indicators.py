"""Measures of the index as reports need them."""

from pathlib import Path

from kakehashi.index import MeasureSheet, MeasureValue, assemble
from kakehashi.report.periodic.period import Period
from kakehashi.report.periodic.sources import Sources
from kakehashi.report.periodic.values import IndicatorFacts, IndicatorValue


def indicator_facts(workspace: Path, period: Period, sources: Sources) -> tuple[IndicatorFacts, ...]:
    """All measures with the values that were known on the last day of the period.

    Args:
        workspace: Folder of the workspace.
        period: From when to when.
        sources: Collects the sources.
    """
    return tuple(_facts(one, sources) for one in assemble(workspace, period.as_of))


def _facts(sheet: MeasureSheet, sources: Sources) -> IndicatorFacts:
    measure = sheet.measure
    return IndicatorFacts(
        id=measure.id,
        title=measure.title,
        formula=measure.formula,
        unit=measure.unit,
        caveat=measure.caveat,
        licence=", ".join(sorted({one.licence for one in sheet.values})),
        siblings=sheet.siblings,
        values=tuple(_value(one, sources) for one in sheet.values),
        agreement=sheet.agreement,
        why_empty=sheet.why_empty,
    )


def _value(one: MeasureValue, sources: Sources) -> IndicatorValue:
    source = sources.add(
        "index", one.source, one.vintage, 1, one.vintage, licence=one.licence, citation=one.source
    )
    return IndicatorValue(
        value=one.value,
        low=None if one.interval is None else one.interval.low,
        high=None if one.interval is None else one.interval.high,
        as_of=one.as_of,
        vintage=one.vintage,
        facets=one.facets,
        reason=one.reason,
        source=source,
    )
