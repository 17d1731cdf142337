"""The page of a clause-by-clause table: what all ask, what some ask, what nobody has checked."""

from collections.abc import Iterable, Sequence

from kakehashi.commitments import Catalog, Cell, CommitmentTable, Instrument, Link, Row
from kakehashi.commitments.convergence import convergence
from kakehashi.report.document import (
    Blank,
    Block,
    Bullets,
    Code,
    Column,
    Date,
    Document,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.pages.sourced import counted
from kakehashi.report.pages.words import phrase


def crosswalk_document(catalog: Catalog, table: CommitmentTable) -> Document:
    """The comparison as a page."""
    sections = (
        _summary(table),
        _instruments(table),
        _rows("common", Say("text.crosswalk-common"), catalog, table, table.common),
        _rows("partial", Say("text.crosswalk-partial"), catalog, table, table.partial),
        _rows("single", Say("text.crosswalk-single"), catalog, table, table.single),
        _steps(catalog, table),
        _convergence(catalog, table),
        _searches(catalog, table),
        _maps(catalog, table),
    )
    return Document(
        title=Say("title.crosswalk"),
        subtitle=Listed(tuple(Term(instrument.short) for instrument in table.instruments), "comma"),
        independence=Say("independence"),
        mark=Say("page.print-crosswalk"),
        sections=tuple(section for section in sections if section is not None),
        tree_size=0,
        root="",
    )


def crosswalk_sentences(table: CommitmentTable) -> tuple[Piece, ...]:
    """What the table says in short."""
    parts: dict[str, Piece] = {
        "instruments": counted(len(table.instruments), "instruments"),
        "rows": Number(len(table.rows)),
        "common": counted(len(table.common), "common"),
        "partial": counted(len(table.partial), "partial"),
        "single": counted(len(table.single), "single"),
    }
    unread = [instrument for instrument in table.instruments if instrument.reading.extent.value != "whole"]
    sentences: list[Piece] = [Say("crosswalk.lead", parts), Say("crosswalk.not-absent")]
    if unread:
        sentences.append(
            Say("crosswalk.unread", {"instruments": Listed(tuple(Term(i.short) for i in unread), "and")})
        )
    return tuple(sentences)


def crosswalk_cells(catalog: Catalog, row: Row) -> tuple[Piece, ...]:
    """The cells of a row: its provision, then what each instrument has beside it."""
    return (_provision(catalog, row.provision.id), *(_cell(catalog, cell) for cell in row.cells))


def crosswalk_heads(table: CommitmentTable) -> tuple[Piece, ...]:
    """Heads of the columns of :func:`crosswalk_cells`."""
    return (Say("column.provision"), *(Term(instrument.short) for instrument in table.instruments))


def _summary(table: CommitmentTable) -> Section:
    lead, *rest = crosswalk_sentences(table)
    blocks: list[Block] = [Paragraph(lead, "lead"), *(Paragraph(one) for one in rest)]
    return Section("summary", Say("section.summary"), tuple(blocks))


def instruments_table(table: CommitmentTable) -> Table:
    """Who issued each text, for whom, with what force, and how much of it was read."""
    rows = tuple(
        (
            Term(one.title),
            Term(one.issuer),
            Listed(tuple(Say(f"addressee.{name}") for name in one.addressees), "and"),
            Say(f"legal-force.{one.legal_force}"),
            Date(one.adopted),
            Verbatim(one.version),
            Say(f"status.{one.status}"),
            _reading(one),
        )
        for one in table.instruments
    )
    names = ("instrument", "issuer", "addressee", "legal-force", "adopted", "version", "status", "read")
    return Table(
        id="crosswalk-instruments",
        caption=Say("caption.crosswalk-instruments"),
        columns=tuple(Column(Say(f"column.{name}")) for name in names),
        rows=rows,
    )


def _instruments(table: CommitmentTable) -> Section:
    found = instruments_table(table)
    dated = tuple(
        Say(
            "crosswalk.fact",
            {"instrument": Term(one.short), "date": Date(fact.date), "fact": Term(fact.words)},
        )
        for one in table.instruments
        for fact in one.facts
    )
    blocks: list[Block] = [found]
    if dated:
        blocks += [Paragraph(Say("crosswalk.facts")), Bullets(dated)]
    return Section("instruments", Say("section.crosswalk.instruments"), tuple(blocks))


def _reading(one: Instrument) -> Piece:
    said: list[Piece] = [Say(f"extent.{one.reading.extent.value}")]
    if one.reading.note:
        said.append(Term(one.reading.note))
    return Listed(tuple(said), "sentence")


def _rows(
    name: str, text: Piece, catalog: Catalog, table: CommitmentTable, rows: Sequence[Row]
) -> Section | None:
    if not rows:
        return None
    title = Say(f"section.crosswalk.{name}")
    found = Table(
        id=f"crosswalk-{name}",
        caption=title,
        columns=tuple(Column(head) for head in crosswalk_heads(table)),
        rows=tuple(crosswalk_cells(catalog, row) for row in rows),
    )
    return Section(name, title, (Paragraph(text), found))


def _provision(catalog: Catalog, name: str) -> Piece:
    provision = catalog.provision(name)
    if provision is None:
        return Term(catalog.instrument(name).short)
    return Say("crosswalk.provision", {"num": Verbatim(provision.num), "title": Term(provision.title)})


def _cell(catalog: Catalog, cell: Cell) -> Piece:
    if cell.standing == "own":
        return Blank("blank.this-row")
    if cell.standing == "related":
        rivals = len({link.map for link in cell.links}) > 1
        lines = tuple(
            Say("crosswalk.by-map", {"map": Verbatim(links[0].map), "said": _group(catalog, links)})
            if rivals
            else _group(catalog, links)
            for links in _by_line(cell.links)
        )
        return Listed(lines, "sentence")
    if cell.standing == "absent" and cell.absence is not None:
        by = phrase(cell.absence.searched_by, Verbatim(cell.absence.searched_by))
        parts: dict[str, Piece] = {"by": by, "date": Date(cell.absence.date)}
        return Say("crosswalk.absent", parts)
    if cell.absence is not None and cell.absence.note:
        return Say("crosswalk.not-checked-note", {"note": Term(cell.absence.note)})
    return Blank("blank.not-checked")


def _by_line(links: Iterable[Link]) -> list[list[Link]]:
    """Links of one line of a map together: its gap is said once."""
    found: dict[tuple[str, str, str], list[Link]] = {}
    for link in links:
        found.setdefault((link.map, link.relationship.value, link.gap["en"]), []).append(link)
    return list(found.values())


def _group(catalog: Catalog, links: Sequence[Link]) -> Piece:
    first = links[0]
    named = Listed(tuple(_provision(catalog, link.provision) for link in links), "comma")
    parts: dict[str, Piece] = {
        "provisions": named,
        "relation": Say(f"relation.{first.relationship.value}"),
        "confidence": Say(f"confidence.{first.confidence}"),
        "gap": Term(first.gap),
    }
    key = "crosswalk.link" if all(link.verified for link in links) else "crosswalk.link-summary"
    said = Say(key, parts)
    if not first.rationale:
        return said
    return Listed((said, Say("crosswalk.rationale", {"why": Term(first.rationale)})), "sentence")


def _steps(catalog: Catalog, table: CommitmentTable) -> Section | None:
    if not table.steps:
        return None
    rows = tuple(
        (
            Term(catalog.instrument(step.older).short),
            Term(catalog.instrument(step.newer).short),
            _provision(catalog, step.provision),
            Say(f"standing.{step.was}"),
            _group(catalog, (step.link,)),
        )
        for step in table.steps
    )
    names = ("instrument", "successor", "provision", "before", "after")
    found = Table(
        id="crosswalk-steps",
        caption=Say("caption.crosswalk-steps"),
        columns=tuple(Column(Say(f"column.{name}")) for name in names),
        rows=rows,
    )
    return Section("steps", Say("section.crosswalk.steps"), (Paragraph(Say("text.crosswalk-steps")), found))


def convergence_table(catalog: Catalog, table: CommitmentTable) -> Table:
    """The course of a comparison over time as a table."""
    rows = tuple(
        (
            Term(catalog.instrument(moment.adopted).short),
            Date(moment.date),
            Listed(tuple(Term(catalog.instrument(one).short) for one in moment.supersedes), "and")
            if moment.supersedes
            else Blank("blank.none"),
            *(Number(n) for n in (moment.rows, moment.common, moment.partial, moment.carried)),
        )
        for moment in convergence(catalog, table)
    )
    figures = ("rows", "common", "partial", "carried")
    names = ("adopted-text", "date", "follows", *figures)
    return Table(
        id="crosswalk-convergence",
        caption=Say("caption.convergence"),
        columns=tuple(Column(Say(f"column.{name}"), name in figures) for name in names),
        rows=rows,
    )


def _convergence(catalog: Catalog, table: CommitmentTable) -> Section:
    title = Say("section.crosswalk.convergence")
    blocks = (Paragraph(Say("text.convergence")), convergence_table(catalog, table))
    return Section("convergence", title, blocks)


def _searches(catalog: Catalog, table: CommitmentTable) -> Section | None:
    chosen = {instrument.id for instrument in table.instruments}
    searches = [
        one
        for one in catalog.absences
        if one.map in table.maps and one.instrument in chosen and catalog.owner(one.provision) in chosen
    ]
    if not searches:
        return None
    rows = tuple(
        (
            _provision(catalog, one.provision),
            Term(catalog.instrument(one.instrument).short),
            Verbatim(one.version),
            Say(f"extent.{one.extent.value}"),
            phrase(one.searched_by, Verbatim(one.searched_by)),
            Date(one.date),
            Say("standing.absent" if catalog.is_absent(one) else "standing.not-checked"),
        )
        for one in searches
    )
    names = ("provision", "instrument", "version", "read", "searched-by", "date", "standing")
    found = Table(
        id="crosswalk-searches",
        caption=Say("caption.crosswalk-searches"),
        columns=tuple(Column(Say(f"column.{name}")) for name in names),
        rows=rows,
    )
    return Section(
        "searches", Say("section.crosswalk.searches"), (Paragraph(Say("text.crosswalk-searches")), found)
    )


def _maps(catalog: Catalog, table: CommitmentTable) -> Section:
    rows = tuple(
        (
            Code(walk.id),
            phrase(walk.author, Verbatim(walk.author)),
            Date(walk.date),
            Say(f"map-origin.{walk.origin}"),
            Say(f"map-status.{walk.status}"),
            Number(len(walk.relations)),
        )
        for walk in (catalog.crosswalks[name] for name in table.maps)
    )
    figures = ("lines",)
    names = ("map", "author", "date", "origin", "status", "lines")
    found = Table(
        id="crosswalk-maps",
        caption=Say("caption.crosswalk-maps"),
        columns=tuple(Column(Say(f"column.{name}"), name in figures) for name in names),
        rows=rows,
    )
    return Section("maps", Say("section.crosswalk.maps"), (Paragraph(Say("text.crosswalk-maps")), found))
