"""The reports of a month, a quarter and a year: one document each, of the same sections."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass

from kakehashi.report.document import Code, Date, Document, Linked, Piece, Say, Section
from kakehashi.report.pages.periodic_annex import annex, methods_section, unknown
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
    found = [section for part in PARTS[report.period.kind] if (section := part(report)) is not None]
    methods = methods_section(report)
    used = {to.removeprefix("source-") for to in links_of((found, methods)) if to.startswith("source-")}
    return (*found, annex(report, methods, used))


def links_of(value: object) -> set[str]:
    """Where the pieces in something lead to.

    Examples:
        >>> sorted(links_of([Linked(Code("a"), "x"), (Code("b"), Linked(Linked(Code("c"), "y"), "z"))]))
        ['x', 'y', 'z']
    """
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Linked):
            found.add(one.to)
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif is_dataclass(one) and not isinstance(one, type):
            waiting += [getattr(one, field.name) for field in fields(one)]
    return found
