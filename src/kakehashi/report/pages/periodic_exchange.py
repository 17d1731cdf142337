"""Sections of periodic reports on the exchange: records, replications, disagreements, incidents, response times."""

from kakehashi.report.document import (
    Blank,
    Block,
    Code,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Span,
    Table,
    Verbatim,
)
from kakehashi.report.pages.periodic_front import (
    capped,
    columns,
    count,
    day,
    made_for,
    source_cell,
    style,
)
from kakehashi.report.pages.words import cite, known, measure_name, measure_of_key
from kakehashi.report.periodic.values import ExchangeRecord, FindingFacts, Periodic


def records(report: Periodic) -> Section:
    """New and changed records, as the reader may see them."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.records", {"for": made_for(report)}))]
    blocks.append(_records("records", report.exchange.records))
    return Section("records", Say("periodic.section.records"), tuple(blocks))


def _records(name: str, found: tuple[ExchangeRecord, ...]) -> Block:
    if not found:
        return Paragraph(Say("periodic.no-records"))
    rows = tuple(
        (
            known("periodic.type", one.type),
            Verbatim(one.title),
            Say(f"periodic.change.{one.change}"),
            Code(f"TLP:{one.level.upper()}") if one.level else Say("periodic.no-level"),
            Verbatim(one.creator) if one.creator else Blank("blank.not-stated"),
            day(one.created),
            day(one.modified),
            source_cell(one.source),
        )
        for one in found
    )
    heads = ("type", "title", "change", "level", "creator", "created", "modified", "source")
    caption = Say("periodic.caption.records", {"count": Number(len(rows))})
    return Table(name, caption, columns(*heads), rows)


def replications(report: Periodic) -> Section:
    """Findings that one institute alone has measured: they wait for a second."""
    found = [one for one in report.exchange.findings if one.status == "open"]
    blocks: list[Block] = [Paragraph(Say("periodic.text.replications"))]
    blocks.append(_findings("replications", found) if found else Paragraph(Say("periodic.no-replications")))
    return Section("replications", Say("periodic.section.replications"), tuple(blocks))


def _findings(name: str, found: list[FindingFacts]) -> Table:
    rows = tuple(
        (
            Verbatim(one.title),
            Verbatim(one.system) if one.system else Blank("blank.not-stated"),
            Code(one.counted),
            Listed(
                tuple(
                    cite(
                        Say(
                            "periodic.rate",
                            {
                                "institute": Verbatim(institute),
                                "k": Number(k),
                                "n": Number(n),
                                "interval": Span(low, high),
                            },
                        ),
                        one.source,
                    )
                    for institute, k, n, low, high in one.rates
                ),
                "slash",
            ),
            Say(f"periodic.finding.{one.status}"),
            source_cell(one.source),
        )
        for one in found
    )
    caption = Say("periodic.caption.findings", {"count": Number(len(rows))})
    heads = ("finding", "system", "counted", "rates", "state", "source")
    return Table(name, caption, columns(*heads), rows)


def disagreements(report: Periodic) -> Section:
    """Where institutes, runs and measures differ beyond noise."""
    blocks: list[Block] = [Paragraph(Say("periodic.text.disagreements"))]
    several = [one for one in report.exchange.findings if one.status != "open"]
    if several:
        blocks.append(_findings("institutes", several))
    ledger = report.ledger
    if ledger.repeats:
        rows: tuple[tuple[Piece, ...], ...] = tuple(
            (
                measure_name(one.measure, one.language),
                Verbatim(one.system),
                cite(Number(one.first, style(one.unit)), one.source),
                cite(Number(one.second, style(one.unit)), one.source),
                Blank("blank.not-estimable")
                if one.low is None or one.high is None
                else cite(
                    Span(one.low, one.high, "signed-points" if one.unit == "proportion" else "signed-score"),
                    one.source,
                ),
                Say(f"verdict.{one.verdict}"),
                source_cell(one.source),
            )
            for one in ledger.repeats
        )
        figures = ("before", "after", "difference")
        blocks.append(
            Table(
                "repeats",
                Say("periodic.caption.repeats", {"count": Number(len(rows))}),
                columns("measure", "system", *figures, "verdict", "source", figures=figures),
                rows,
            )
        )
        blocks += capped(len(rows), sum(ledger.repeat_counts.values()))
    if ledger.conflicts:
        rows = tuple(
            (
                Code(one.run),
                measure_of_key(one.one),
                measure_of_key(one.other),
                Verbatim(one.first),
                Verbatim(one.second),
                Say("periodic.same-construct" if one.same_construct else "periodic.other-construct"),
                source_cell(one.source),
            )
            for one in ledger.conflicts
        )
        heads = ("run", "by-one", "by-other", "better-by-one", "better-by-other", "kind", "source")
        caption = Say("periodic.caption.conflicts", {"count": Number(len(rows))})
        blocks.append(Table("conflicts", caption, columns(*heads), rows))
        blocks += capped(len(rows), sum(ledger.conflict_counts.values()))
    if len(blocks) == 1:
        blocks.append(Paragraph(Say("periodic.no-disagreements")))
    return Section("disagreements", Say("periodic.section.disagreements"), tuple(blocks))


def incidents(report: Periodic) -> Section:
    """Incidents that the reader may see; figures on incidents in public registers stand among the indicators."""
    found = tuple(one for one in report.exchange.records if one.type == "incident")
    blocks: list[Block] = [Paragraph(Say("periodic.text.incidents"))]
    blocks.append(_records("incidents", found) if found else Paragraph(Say("periodic.no-incidents")))
    return Section("incidents", Say("periodic.section.incidents"), tuple(blocks))


def response(report: Periodic) -> Section:
    """How fast alerts were answered, with how many have not answered."""
    found = report.exchange.alerts
    blocks: list[Block] = [Paragraph(Say("periodic.text.response"))]
    if not found:
        blocks.append(Paragraph(Say("periodic.no-alerts")))
    else:
        figures = ("audience", "answered", "overdue", "median-hours")
        rows = tuple(
            (
                Verbatim(one.title),
                day(one.created),
                Say("periodic.drill" if one.drill else "periodic.real"),
                Number(one.audience),
                count(one.answered, one.source),
                Number(one.overdue),
                Blank("periodic.blank.no-answer")
                if one.median_hours is None
                else cite(Number(round(one.median_hours, 1)), one.source),
                source_cell(one.source),
            )
            for one in found
        )
        heads = ("alert", "date", "kind", *figures, "source")
        caption = Say("periodic.caption.alerts", {"count": Number(len(rows))})
        blocks.append(Table("alerts", caption, columns(*heads, figures=figures), rows))
    return Section("response", Say("periodic.section.response"), tuple(blocks))
