"""Measures of the index on the pages of a report: families whole, newest periods first chosen, the rest counted."""

from kakehashi.compare import GroupRule
from kakehashi.index.words import bounds_note, bounds_words
from kakehashi.report.document import (
    Blank,
    Block,
    Code,
    Date,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Span,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.pages.periodic_front import columns, source_cell, style, value
from kakehashi.report.pages.words import cite
from kakehashi.report.periodic.families import chosen, in_families, whole_family
from kakehashi.report.periodic.values import IndicatorFacts, IndicatorValue, Periodic


def indicators(report: Periodic) -> Section:
    """Measures of the index; siblings stand together, and what is empty says why."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.indicators"))]
    for number, family in enumerate(in_families(report.indicators), start=1):
        blocks.append(_table(number, family))
    if not report.indicators:
        blocks.append(Paragraph(Say("periodic.no-indicators")))
    return Section("indicators", Say("periodic.section.indicators"), tuple(blocks))


def _silent(entry: IndicatorValue) -> bool:
    """A value that is withheld or missing, unless its region always stands beside the others."""
    return entry.value is None and entry.facets.get("region") not in GroupRule().beside()


def _table(number: int, family: list[IndicatorFacts]) -> Table:
    newest = chosen(family)
    everything = [(one, entry) for one in newest for entry in one.values]
    shown = [(one, entry) for one, entry in everything if not _silent(entry)] or everything
    silent = len(everything) - len(shown)
    older = sum(len(one.values) for one in family) - len(shown) - silent
    heads = ("indicator", "of", "value", "interval", "as-of", "vintage", "source")
    notes: list[Piece] = [
        Say(
            "periodic.indicator-note",
            {"title": Term(one.title), "formula": Term(one.formula), "caveat": Term(one.caveat)},
        )
        for one in family
    ]
    why = dict.fromkeys(entry.unbounded for _, entry in shown if entry.unbounded)
    notes += [Term(bounds_note(one)) for one in why]
    command = Code(f"kakehashi index show {family[0].id}")
    rests_on = whole_family(family)
    for key, count in (("older", older), ("silent", silent)):
        if count:
            notes.append(
                Say(f"periodic.indicator-{key}", {"count": cite(Number(count), rests_on), "command": command})
            )
    if family[0].agreement and (len(family) > 1 or len({one.vintage for one in family[0].values}) > 1):
        notes.append(Say("periodic.agreement", {"words": cite(Term(family[0].agreement), rests_on)}))
    return Table(
        f"indicators-{number}",
        Say(
            "periodic.caption.indicators",
            {"titles": Listed(tuple(Term(one.title) for one in family), "slash")},
        ),
        columns(*heads, figures=("value", "interval")),
        tuple(_row(one, entry) for one, entry in shown),
        heads=2,
        notes=tuple(notes),
    )


def _row(one: IndicatorFacts, found: IndicatorValue) -> tuple[Piece, ...]:
    missing = found.value is None
    return (
        Term(one.title),
        Term(found.about) if found.about else Say("periodic.whole"),
        (Term(found.reason) if found.reason else Blank("blank.not-estimable"))
        if missing
        else value(found.value, one.unit, found.source),
        _interval(one, found),
        Date(found.as_of),
        Say("periodic.newer", {"vintage": Date(found.vintage), "newer": Verbatim(found.newer)})
        if found.newer
        else Date(found.vintage),
        source_cell(found.source),
    )


def _interval(one: IndicatorFacts, found: IndicatorValue) -> Piece:
    if found.low is not None and found.high is not None:
        return cite(Span(found.low, found.high, style(one.unit)), found.source)
    return Term(bounds_words(found.unbounded)) if found.unbounded else Blank("blank.none")
