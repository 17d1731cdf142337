"""What is not known, and the annex: methods and vintages, coefficients, ledger, sources and rows."""

from kakehashi.index.words import licence_words
from kakehashi.report.document import (
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
    Table,
    Term,
)
from kakehashi.report.pages.annex import coefficients
from kakehashi.report.pages.periodic_front import columns, day, source_cell
from kakehashi.report.pages.sourced import sourced_row, sourced_section
from kakehashi.report.pages.sources import sources_section
from kakehashi.report.pages.words import cite, construct, source_anchor
from kakehashi.report.periodic.values import Periodic


def unknown(report: Periodic) -> Section:
    """What this report cannot say, and why."""
    said: list[Piece] = []
    if not report.ledger.present:
        said.append(Say("periodic.ledger.none"))
    if not report.exchange.present:
        said.append(Say("periodic.exchange.none"))
    missing = sum(one.missing for one in report.ledger.measures)
    if missing:
        said.append(Say("periodic.unknown.missing", {"count": cite(Number(missing), report.ledger.source)}))
    if report.ledger.hidden:
        said.append(
            Say(
                "periodic.unknown.hidden",
                {"count": cite(Number(report.ledger.hidden), report.ledger.log_source)},
            )
        )
    tested = {one.language for one in report.ledger.measures if one.language}
    if report.ledger.present and tested <= {"en"}:
        said.append(Say("periodic.unknown.languages"))
    if report.period.kind == "annual" and not report.comparisons:
        said.append(Say("periodic.no-comparison", {"option": Code("--facts")}))
    no_exposure = report.exposure is None or report.exposure.status != "estimated"
    if report.period.kind == "annual" and no_exposure:
        said.append(Say("periodic.no-exposure"))
    said += [
        Say("periodic.unknown.indicator", {"title": Term(one.title), "why": Term(one.why_empty)})
        for one in report.indicators
        if not one.values and one.why_empty
    ]
    said.append(Say("periodic.unknown.as-of"))
    return Section(
        "unknown",
        Say("periodic.section.unknown"),
        (Paragraph(Say("periodic.text.unknown")), Bullets(tuple(said))),
    )


def annex(report: Periodic, before: tuple[Section, ...]) -> Section:
    """For specialists: methods, coefficients, the ledger, and the sources of everything that stands before it."""
    whole = source_anchor(report.ledger.source)
    parts = [sourced_section(_methods(report), whole)]
    if report.period.kind == "annual" and report.agreement is not None:
        parts.append(sourced_section(_statistics(report), whole))
    parts.append(sourced_section(_ledger(report), source_anchor(report.ledger.log_source)))
    sources = sources_section(report.sources, (before, parts))
    return Section("annex", Say("section.annex"), (), (*parts, sources))


def _methods(report: Periodic) -> Section:
    """Methods with versions and dates, and the vintages of indicators."""
    methods: dict[str, list[int]] = {}
    for number, one in enumerate(report.ledger.measures):
        methods.setdefault(one.method, []).append(number)
    rows = []
    for name, places in sorted(methods.items()):
        mine = [report.ledger.measures[place] for place in places]
        rows.append(
            (
                Code(name),
                Listed(
                    tuple(Code(v) for v in dict.fromkeys(v for one in mine for v in one.versions)), "comma"
                ),
                Listed(
                    tuple(construct(key) for key in dict.fromkeys(one.construct for one in mine)), "comma"
                ),
                Number(sum(one.numbers + one.parts for one in mine)),
                day(min(one.first for one in mine)),
                day(max(one.last for one in mine)),
            )
        )
    blocks: list[Block] = [Paragraph(Say("periodic.text.methods"))]
    if rows:
        heads = ("method", "versions", "constructs", "numbers", "oldest", "newest")
        caption = Say("periodic.caption.methods")
        blocks.append(Table("methods", caption, columns(*heads, figures=("numbers",)), tuple(rows)))
    vintages = tuple(
        (
            Term(one.title),
            Date(one.values[-1].vintage),
            Term(licence_words(one.licence)),
            source_cell(one.values[-1].source),
        )
        for one in report.indicators
        if one.values
    )
    if vintages:
        named = columns("indicator", "vintage", "licence", "source")
        blocks.append(Table("vintages", Say("periodic.caption.vintages"), named, vintages))
    return Section("methods", Say("periodic.section.methods"), tuple(blocks))


def _statistics(report: Periodic) -> Section:
    rows: list[tuple[Piece, ...]] = []
    if report.agreement is not None and report.ledger.present:
        rows.append(coefficients(Say("periodic.group.ledger"), report.agreement))
    for group in report.published.groups if report.published else ():
        name = group.name.removeprefix("construct:")
        title: Piece = Say(f"group.{name}") if name == group.name else construct(name)
        row = coefficients(Say("group.published", {"group": title}), group.agreement)
        rows.append(sourced_row(row, source_anchor(report.published.source) if report.published else ""))
    figures = ("models", "methods", "kendall-w", "interval", "tau", "interval", "alpha", "interval")
    table = Table(
        "coefficients",
        Say("caption.coefficients"),
        (Column(Say("column.group")), *(Column(Say(f"column.{key}"), True) for key in figures)),
        tuple(rows),
    )
    return Section("statistics", Say("section.statistics"), (Paragraph(Say("text.statistics")), table))


def _ledger(report: Periodic) -> Section:
    found = report.ledger
    if not found.present:
        return Section("ledger", Say("section.ledger"), (Paragraph(Say("periodic.ledger.none")),))
    kinds = Listed(
        tuple(
            Say("periodic.records-of-kind", {"kind": Code(kind), "count": Number(number)})
            for kind, number in found.records.items()
        ),
        "comma",
    )
    blocks: list[Block] = [
        Paragraph(Say("text.ledger", {"size": Number(found.tree_size), "root": Code(found.root or "-")})),
        Paragraph(Say("periodic.text.ledger", {"kinds": kinds if found.records else Blank()})),
    ]
    if found.root:
        command = Code(f"kakehashi results verify --against {report.period.kind}.html")
        blocks.append(Paragraph(Say("text.verify", {"command": command}), "note"))
    return Section("ledger", Say("section.ledger"), tuple(blocks))
