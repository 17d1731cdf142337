"""Measures of the index as reports need them: in the units of pages, each value with its source."""

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from kakehashi.compare.suppression import THRESHOLD
from kakehashi.index.exchange_values import FEW
from kakehashi.index.words import facet_words, unbounded
from kakehashi.report.periodic.period import Period
from kakehashi.report.periodic.values import IndicatorFacts, IndicatorValue
from kakehashi.report.plain import finite
from kakehashi.report.sources import Sources

#: The index keeps percent and points as such (56.4); pages keep shares (0.564).
_HUNDREDTHS = {"percent": "proportion", "points": "points"}


def measure_sheets(workspace: Path, as_of: str) -> tuple[Any, ...]:
    """What the index holds for the day; nothing where this copy has no index.

    Args:
        workspace: Folder of the workspace.
        as_of: The last day that enters.
    """
    if importlib.util.find_spec("kakehashi.index") is None:
        return ()
    return tuple(importlib.import_module("kakehashi.index").assemble(workspace, as_of))


def indicator_facts(
    sheets: Iterable[Any], period: Period, sources: Sources, *, small_cell: int = THRESHOLD
) -> tuple[IndicatorFacts, ...]:
    """Sheets of the index (``kakehashi.index.MeasureSheet``) as facts of a report.

    A register of one's own is about few people: where a count of it is small, none of its values is shown.

    Args:
        sheets: One for each measure, in order.
        period: From when to when.
        sources: Collects the sources.
        small_cell: Counts from 1 to below this are small.
    """
    sheets = tuple(sheets)
    small = {
        _register(one)
        for sheet in sheets
        if "register" in sheet.measure.inputs
        for one in sheet.values
        if any(0 < count < small_cell for count in _counts(one, sheet.measure.unit))
    }
    return tuple(_facts(sheet, period, sources, small) for sheet in sheets)


def _register(one: Any) -> tuple[str, str, str]:
    return str(one.source), str(one.vintage), str(one.as_of)


def _counts(one: Any, unit: str) -> tuple[float, ...]:
    """The counts that a value of a register tells of, its complement and what was left out among them."""
    if one.value is None or one.n is None:
        return ()
    part = {"count": one.value, "percent": round(one.value * one.n / 100)}.get(unit, one.n)
    return part, one.n - part, int(one.facets.get("without severity", 0))


def _facts(sheet: Any, period: Period, sources: Sources, small: set[tuple[str, str, str]]) -> IndicatorFacts:
    measure = sheet.measure
    unit = _HUNDREDTHS.get(measure.unit, measure.unit)
    guarded = "register" in measure.inputs
    kept = [
        replace(one, value=None, interval=None, n=None, facets={}, reason=FEW)
        if guarded and _register(one) in small
        else one
        for one in sheet.values
        if not _late(one, period)
    ]
    values = tuple(_value(one, measure, sources) for one in kept)
    return IndicatorFacts(
        id=measure.id,
        title=dict(measure.title),
        formula=dict(measure.formula),
        unit=unit,
        caveat=dict(measure.caveat),
        licence=next((str(one.licence) for one in reversed(sheet.values) if one.licence), ""),
        siblings=tuple(sheet.siblings),
        values=values,
        agreement={} if any(one.reason is FEW for one in kept) else dict(sheet.agreement),
        why_empty=dict(sheet.why_empty or measure.why_empty) if not values else {},
    )


def _late(one: Any, period: Period) -> bool:
    """Whether the data behind a value are of a later day; a year or a month alone is told by the index."""
    return len(str(one.vintage)) >= 10 and not period.enters(str(one.vintage)[:10])


def _value(one: Any, measure: Any, sources: Sources) -> IndicatorValue:
    scale = 0.01 if measure.unit in _HUNDREDTHS else 1.0

    def scaled(number: float | None) -> float | None:
        return None if number is None else finite(round(number * scale, 10))

    interval = one.interval
    return IndicatorValue(
        value=scaled(one.value),
        low=scaled(interval.low) if interval else None,
        high=scaled(interval.high) if interval else None,
        as_of=str(one.as_of),
        vintage=str(one.vintage),
        facets=dict(one.facets),
        about=dict(facet_words(one.facets)),
        unbounded=unbounded(measure, one),
        reason=dict(one.reason),
        newer=str(one.newer),
        source=sources.add(
            "index",
            measure.id,
            f"kakehashi index show {measure.id}",
            int(one.n or 0) or 1,
            str(one.vintage or one.as_of),
            licence=str(one.licence),
            citation=str(one.source),
        ),
    )
