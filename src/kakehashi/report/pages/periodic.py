"""The reports of a month, a quarter and a year: one document each, of the same sections."""

from collections.abc import Callable

from kakehashi.report.document import Code, Date, Document, Piece, Say, Section
from kakehashi.report.pages.periodic_annex import annex, unknown
from kakehashi.report.pages.periodic_data import (
    aggregates,
    comparison,
    crosswalk_changes,
    exposure,
    indicators,
    measures,
    runs,
)
from kakehashi.report.pages.periodic_exchange import disagreements, incidents, records, replications, response
from kakehashi.report.pages.periodic_front import front, made_for
from kakehashi.report.periodic.values import Periodic

Part = Callable[[Periodic], Section | None]

#: Kind → its sections in order; the first is the first page, and what is for specialists comes last.
PARTS: dict[str, tuple[Part, ...]] = {
    "monthly": (front, records, replications, disagreements, runs, crosswalk_changes, annex),
    "quarterly": (front, aggregates, indicators, crosswalk_changes, runs, unknown, annex),
    "annual": (
        *(front, measures, indicators, comparison, disagreements, exposure, incidents, response),
        *(aggregates, crosswalk_changes, unknown, annex),
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
        sections=tuple(section for part in PARTS[kind] if (section := part(report)) is not None),
        tree_size=report.ledger.tree_size,
        root=report.ledger.root,
    )
