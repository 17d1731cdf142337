"""The first page of a periodic report, for a reader; and what every other page of it needs."""

from collections.abc import Sequence

from kakehashi.report.document import (
    Blank,
    Block,
    Bullets,
    Code,
    Column,
    Date,
    Linked,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Span,
    Style,
    Term,
    Verbatim,
)
from kakehashi.report.pages.words import cite
from kakehashi.report.periodic.families import chosen, in_families, whole_family
from kakehashi.report.periodic.values import IndicatorFacts, IndicatorValue, Periodic

#: A family with more values of its newest period than this is told on the first page by their range.
_MOST_LINES = 3
_MOST_FAMILIES = 8


def count(value: int, source: str) -> Piece:
    """A count that leads to its rows."""
    return cite(Number(value), source)


def source_cell(source: str) -> Piece:
    """The name of a source, for those who read on paper."""
    return cite(Code(source), source) if source else Blank()


def style(unit: str) -> Style:
    """How numbers of a unit are shown."""
    if unit in ("count", "months", "days"):
        return "count"
    return "percent" if unit == "proportion" else "points" if unit == "points" else "score"


def value(number: float | None, unit: str, source: str) -> Piece:
    """A number in its unit, or that there is none."""
    if number is None:
        return Blank("blank.not-estimable")
    shown: Piece = cite(Number(number, style(unit)), source)
    return Say(f"periodic.unit.{unit}", {"value": shown}) if unit in ("months", "days") else shown


def columns(*names: str, figures: Sequence[str] = ()) -> tuple[Column, ...]:
    """Heads of columns from messages ``periodic.column.<name>``."""
    return tuple(Column(Say(f"periodic.column.{name}"), name in figures) for name in names)


def day(iso: str) -> Piece:
    """The day of a date or time."""
    return Date(iso[:10]) if len(iso) >= 10 else Verbatim(iso)


def made_for(report: Periodic) -> Piece:
    """For whom the report was made."""
    if report.exchange.by_member:
        return Say("periodic.for.member", {"member": Verbatim(report.made_for)})
    return Say("periodic.for.level", {"level": Code(f"TLP:{report.made_for.upper()}")})


def front(report: Periodic) -> Section:
    """What a reader has to know, in a few sentences."""
    blocks: list[Block] = [Paragraph(one, "lead") for one in (_ledger(report), *_exchange(report))]
    blocks += _kind(report)
    blocks += [
        Paragraph(Say("periodic.how-to-read")),
        Paragraph(Say("periodic.no-answers"), "note"),
    ]
    return Section("summary", Say("section.summary"), tuple(blocks))


def _ledger(report: Periodic) -> Piece:
    found = report.ledger
    if not found.present:
        return Say("periodic.ledger.none")
    parts: dict[str, Piece] = {
        "runs": count(found.fresh_runs, found.run_source),
        "fresh": count(found.fresh_numbers, found.source),
        "systems": count(len(found.systems), found.source),
        "numbers": count(found.numbers, found.source),
        "all": count(found.all_systems, found.source),
        "date": Date(report.period.as_of),
    }
    return Say("periodic.ledger.some" if found.fresh_numbers else "periodic.ledger.nothing-new", parts)


def _exchange(report: Periodic) -> tuple[Piece, ...]:
    found = report.exchange
    if not found.present:
        return (Say("periodic.exchange.none"),)
    changes = [one.change for one in found.records]
    states = [one.status for one in found.findings]
    return (
        Say(
            "periodic.exchange.records",
            {
                "new": count(changes.count("new"), found.source),
                "changed": count(changes.count("changed"), found.source),
                "withdrawn": count(changes.count("withdrawn"), found.source),
            },
        ),
        Say(
            "periodic.exchange.findings",
            {
                "all": count(len(states), found.source),
                "open": count(states.count("open"), found.source),
                "agree": count(states.count("agree"), found.source),
                "disagree": count(states.count("disagree"), found.source),
            },
        ),
    )


def _kind(report: Periodic) -> list[Block]:
    if report.period.kind == "monthly":
        return [Paragraph(one) for one in _disagreements(report)]
    if report.period.kind == "quarterly":
        withheld = sum(one.withheld for one in report.aggregates)
        said: list[Block] = [
            Paragraph(Say("periodic.safe", {"threshold": Linked(threshold(report), "aggregates")}))
        ]
        if withheld:
            source = report.aggregates[0].source
            said.append(Paragraph(Say("periodic.withheld", {"count": count(withheld, source)})))
        said.append(
            Paragraph(
                Say(
                    "periodic.catalog.changes",
                    {"count": count(len(report.catalog.events), report.catalog.source)},
                )
            )
        )
        return said
    empty = [one for one in report.indicators if not one.values]
    parts: dict[str, Piece] = {
        "measures": count(len(report.ledger.measures), report.ledger.source),
        "constructs": count(len({one.construct for one in report.ledger.measures}), report.ledger.source),
        "indicators": Linked(Number(len(report.indicators) - len(empty)), "indicators"),
        "empty": Linked(Number(len(empty)), "unknown"),
    }
    key = "periodic.annual.measures" if report.indicators else "periodic.annual.ledger"
    if not report.ledger.present:
        key = "periodic.annual.indicators" if report.indicators else ""
    return [
        *(Paragraph(one) for one in _disagreements(report)),
        *((Paragraph(Say(key, parts)),) if key else ()),
        *_headlines(report.indicators),
    ]


def _headlines(found: tuple[IndicatorFacts, ...]) -> list[Block]:
    """For the first page: the newest values of a family, all siblings beside each other, or how far they lie apart."""
    items: list[Piece] = []
    for family in in_families(found)[:_MOST_FAMILIES]:
        shown = [
            (one, entry) for one in chosen(family, most=0) for entry in one.values if entry.value is not None
        ]
        if not shown:
            continue
        if len(shown) <= _MOST_LINES:
            items += [_line(one, entry) for one, entry in shown]
            continue
        title = Linked(Term(family[0].title), "indicators")
        words = family[0].agreement if len(family) > 1 else {}
        count = Linked(Number(len(shown)), "indicators")
        items.append(
            Say(
                "periodic.indicator-range", {"title": title, "words": cite(Term(words), whole_family(family))}
            )
            if words
            else Say("periodic.indicator-many", {"title": title, "count": count})
        )
    return [Bullets(tuple(items))] if items else []


def _line(one: IndicatorFacts, entry: IndicatorValue) -> Piece:
    title: Piece = Term(one.title)
    if entry.about:
        title = Say("periodic.indicator-about", {"title": title, "about": Term(entry.about)})
    shown = value(entry.value, one.unit, entry.source)
    if entry.low is not None and entry.high is not None:
        span = cite(Span(entry.low, entry.high, style(one.unit)), entry.source)
        shown = Say("periodic.indicator-interval", {"value": shown, "interval": span})
    dates: dict[str, Piece] = {"date": Date(entry.as_of), "vintage": Date(entry.vintage)}
    return Say("periodic.indicator-line", {"title": title, "value": shown, **dates})


def threshold(report: Periodic) -> Number:
    """Counts below this are withheld: a setting, which the section on aggregates tells."""
    return Number(int(str(report.settings["small_cell"])))


def _disagreements(report: Periodic) -> tuple[Piece, ...]:
    found = report.ledger
    if not found.present:
        return ()
    verdicts = found.repeat_counts
    return (
        Say(
            "periodic.conflicts",
            {
                "same": count(found.conflict_counts["same"], found.run_source),
                "other": count(found.conflict_counts["other"], found.run_source),
                "repeats": count(sum(verdicts.values()), found.source),
                "replicated": count(verdicts["replicated"], found.source),
                "not": count(verdicts["not-replicated"], found.source),
                "undecided": count(verdicts["undecided"], found.source),
            },
        ),
    )


def capped(shown: int, count: int) -> list[Block]:
    """That a table shows only some of its rows, where it does."""
    if shown >= count:
        return []
    return [Paragraph(Say("periodic.capped", {"shown": Number(shown), "count": Number(count)}), "note")]


def listed(names: Sequence[str], most: int = 8) -> Piece:
    """Names one after another; of many, the first and how many more."""
    shown = [Verbatim(name) for name in names[:most]]
    if not shown:
        return Blank()
    if len(names) <= most:
        return Listed(tuple(shown), "comma")
    return Say(
        "periodic.and-more",
        {"names": Listed(tuple(shown), "comma"), "count": Number(len(names) - most)},
    )
