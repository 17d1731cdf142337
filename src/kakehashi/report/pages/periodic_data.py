"""Sections of periodic reports on what was measured, counted and changed."""

from kakehashi.report.document import (
    Anchored,
    Blank,
    Block,
    Bullets,
    Code,
    Column,
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
from kakehashi.report.pages.disagreement import exposure_parts, noise_sentence, ranges_table, rank_plot
from kakehashi.report.pages.periodic_front import (
    capped,
    columns,
    count,
    day,
    listed,
    source_cell,
    style,
    threshold,
    value,
)
from kakehashi.report.pages.published import published_section
from kakehashi.report.pages.words import cite, construct, known, languages, measure_name, measure_of_key
from kakehashi.report.periodic.values import Periodic, SafeTable

#: Where the ledger's measures are told by their numbers.
_LEDGER_NAMES = "ledger-names"


def measures(report: Periodic) -> Section:
    """All measures of the ledger by construct: how many systems, the range, the newest date; nothing averaged."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.measures"))]
    for key in dict.fromkeys(one.construct for one in report.ledger.measures):
        figures = ("systems", "numbers", "lowest", "median", "highest")
        rows = tuple(
            (
                measure_name(one.measure, one.language),
                Say(f"polarity.{one.polarity}"),
                count(one.systems, one.source),
                count(one.numbers, one.source),
                value(one.low, one.unit, one.source),
                value(one.median, one.unit, one.source),
                value(one.high, one.unit, one.source),
                day(one.last),
                source_cell(one.source),
            )
            for one in report.ledger.measures
            if one.construct == key
        )
        blocks.append(
            Table(
                f"measures-{key}",
                Say("periodic.caption.measures", {"construct": construct(key)}),
                columns("measure", "direction", *figures, "newest", "source", figures=figures),
                rows,
            )
        )
    if not report.ledger.measures:
        blocks.append(Paragraph(Say("periodic.ledger.none")))
    return Section("measures", Say("periodic.section.measures"), tuple(blocks))


def runs(report: Periodic) -> Section | None:
    """The runs of the period."""
    if not report.ledger.present:
        return None
    rows = tuple(
        (
            Code(one.run),
            day(one.created),
            listed(one.systems, 4),
            listed(one.methods, 6),
            languages(one.languages) if one.languages else Blank("blank.not-stated"),
            count(one.numbers, one.source),
            Say("periodic.partial" if one.partial else "periodic.complete"),
            source_cell(one.source),
        )
        for one in report.ledger.runs
    )
    blocks: tuple[Block, ...] = (Paragraph(Say("periodic.no-runs")),)
    if rows:
        heads = ("run", "date", "systems", "methods", "languages", "numbers", "state", "source")
        caption = Say("periodic.caption.runs", {"count": Number(len(rows))})
        table = Table("runs", caption, columns(*heads, figures=("numbers",)), rows)
        blocks = (table, *capped(len(rows), report.ledger.fresh_runs))
    return Section("runs", Say("periodic.section.runs"), blocks)


def aggregates(report: Periodic) -> Section:
    """Counts that may be shown: small ones withheld, and others with them."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.aggregates", {"threshold": threshold(report)}))]
    blocks += [_safe(number, one) for number, one in enumerate(report.aggregates, start=1)]
    if not report.aggregates:
        blocks.append(Paragraph(Say("periodic.no-aggregates")))
    return Section("aggregates", Say("periodic.section.aggregates"), tuple(blocks))


def _safe(number: int, table: SafeTable) -> Table:
    names = (*(known("periodic.type", name) for name in table.rows), Say("periodic.total"))
    heads = [
        Code(f"TLP:{name.upper()}") if name != "none" else Say("periodic.no-level") for name in table.columns
    ]
    return Table(
        f"aggregates-{number}",
        Say("periodic.caption.aggregates"),
        (
            *columns("type"),
            *(Column(head, True) for head in heads),
            Column(Say("periodic.total"), True),
        ),
        tuple(
            (
                name,
                *(
                    Blank("periodic.blank.withheld") if cell is None else count(cell, table.source)
                    for cell in row
                ),
            )
            for name, row in zip(names, table.cells, strict=True)
        ),
        notes=(Say("periodic.note.aggregates"),),
    )


def crosswalk_changes(report: Periodic) -> Section:
    """What changed among instruments and maps in the period."""
    found = report.catalog
    said: dict[str, Piece] = {
        "instruments": count(found.instruments, found.source),
        "provisions": count(found.provisions, found.source),
        "relations": count(found.relations, found.source),
        "absences": count(found.absences_checked, found.source),
        "date": Date(report.period.as_of),
    }
    blocks: list[Block] = [Paragraph(Say("periodic.catalog.state", said))]
    rows = tuple(
        (
            Verbatim(one.date) if len(one.date) < 10 else Date(one.date),
            Say(f"periodic.event.{one.kind}"),
            Term(one.what),
            Term(one.words) if one.words else Blank(),
            source_cell(one.source),
        )
        for one in found.events
    )
    if rows:
        heads = ("date", "event", "instrument", "words", "source")
        blocks.append(Table("catalog-events", Say("periodic.caption.events"), columns(*heads), rows))
    else:
        blocks.append(Paragraph(Say("periodic.no-events")))
    return Section("crosswalk-changes", Say("periodic.section.crosswalk"), tuple(blocks))


def comparison(report: Periodic) -> Section:
    """Measures by developer's country or region, with what must stand beside them; no order of countries."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.comparison"))]
    if not report.comparisons:
        blocks.append(Paragraph(Say("periodic.no-comparison", {"option": Code("--facts")})))
    for number, one in enumerate(report.comparisons, start=1):
        title = measure_name(one.measure, one.language)
        if one.reason:
            blocks.append(
                Paragraph(
                    Say("periodic.comparison-impossible", {"measure": title, "reason": Code(one.reason)})
                )
            )
            continue
        rows = tuple(
            (
                Term(group.region),
                Number(group.developers)
                if group.status == "shown"
                else Say(f"periodic.group.{group.status}"),
                Number(group.models) if group.status == "shown" else Blank(),
                value(group.value, one.unit, one.source) if group.status == "shown" else Blank(),
                cite(Span(group.low, group.high, style(one.unit)), one.source)
                if group.low is not None and group.high is not None
                else Blank("blank.unknown" if group.status == "shown" else "blank.none"),
            )
            for group in one.groups
        )
        figures = ("developers", "models", "mean", "interval")
        parts: dict[str, Piece] = {
            "date": Date(one.facts_as_of),
            "source": Verbatim(one.facts_source, "en"),
            "rule": Listed(
                tuple(Code(f"{k}={v}") for k, v in one.rule.items() if k not in ("as_of", "source")), "comma"
            ),
        }
        blocks.append(
            Table(
                f"comparison-{number}",
                Say("periodic.caption.comparison", {"measure": title}),
                columns("region", *figures, figures=figures),
                rows,
                notes=(Say("periodic.note.comparison", parts),),
            )
        )
    return Section("comparison", Say("periodic.section.comparison"), tuple(blocks))


def exposure(report: Periodic) -> Section:
    """What choosing among measures could show each system as, of the ledger and of published figures."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.exposure"))]
    found = report.exposure
    if found is None or found.status != "estimated":
        blocks.append(Paragraph(Say("periodic.no-exposure")))
    else:
        blocks.append(Paragraph(Say("text.exposure", exposure_parts(found)), "lead"))
        blocks.append(Paragraph(noise_sentence(found)))
        names = sorted({name for one in found.ranges for name in (*one.best_methods, *one.worst_methods)})
        numbers: dict[str, Piece] = {
            name: Number(place, "label") for place, name in enumerate(names, start=1)
        }
        table = ranges_table("ledger-ranges", found, numbers, told=_LEDGER_NAMES)
        blocks.append(rank_plot("figure-ledger-ranks", found, table))
        blocks.append(Paragraph(Anchored(Say("periodic.numbered"), _LEDGER_NAMES), "note"))
        blocks.append(Bullets(tuple(measure_of_key(name) for name in names), ordered=True))
    sections: tuple[Section, ...] = ()
    if report.published is not None:
        sections = (published_section(report.published, Paragraph(Say("periodic.text.published"))),)
    return Section("exposure", Say("section.choice"), tuple(blocks), sections)
