"""The reports of a month, a quarter and a year: one document each, of the same sections."""

from collections.abc import Callable

from kakehashi.report.document import Code, Date, Document, Piece, Say, Section
from kakehashi.report.pages.periodic_annex import annex, unknown
from kakehashi.report.pages.periodic_data import (
    aggregates,
    comparison,
    crosswalk_changes,
    exposure,
    measures,
    runs,
)
from kakehashi.report.pages.periodic_exchange import disagreements, incidents, records, replications, response
from kakehashi.report.pages.periodic_front import front, made_for
from kakehashi.report.pages.periodic_indicators import indicators
from kakehashi.report.pages.sourced import sourced_section
from kakehashi.report.pages.words import source_anchor
from kakehashi.report.periodic.values import Periodic

Part = Callable[[Periodic], Section | None]

#: Kind → its sections in order before the annex; the first is the first page.
PARTS: dict[str, tuple[Part, ...]] = {
    "monthly": (front, records, replications, disagreements, runs, crosswalk_changes),
    "quarterly": (front, aggregates, indicators, crosswalk_changes, runs, unknown),
    "annual": (
        *(front, measures, indicators, comparison, disagreements, exposure, incidents, response),
        *(aggregates, crosswalk_changes, unknown),
    ),
}


def periodic_document(report: Periodic) -> Document:
    """The report of a period."""
    kind = report.period.kind
    parts: dict[str, Piece] = {
        "start": Date(report.period.start),
        "end": Date(report.period.as_of),
        "for": made_for(report),
    }
    return Document(
        title=Say(f"periodic.title.{kind}"),
        subtitle=Say("periodic.subtitle", parts),
        independence=Say("independence"),
        mark=Say("periodic.mark", {"for": made_for(report), "date": Code(report.period.as_of)}),
        sections=_sections(report),
        tree_size=report.ledger.tree_size,
        root=report.ledger.root,
    )


def _sections(report: Periodic) -> tuple[Section, ...]:
    """All sections; the annex lists the sources that something leads to."""
    found = tuple(
        sourced_section(section, source_anchor(_origin(report, section.id)))
        for part in PARTS[report.period.kind]
        if (section := part(report)) is not None
    )
    return (*found, annex(report, found))


def _origin(report: Periodic, section: str) -> str:
    """Id of the source of those numbers of a section that cite none of their own."""
    if section in ("measures", "comparison", "exposure"):
        return report.ledger.source
    if section in ("runs", "disagreements"):
        return report.ledger.run_source
    if section in ("records", "replications", "incidents", "response"):
        return report.exchange.source
    return report.catalog.source if section == "crosswalk-changes" else ""
