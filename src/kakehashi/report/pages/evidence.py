"""Evidence as pages: coverage of an instrument, and the index of a pack."""

from collections.abc import Mapping, Sequence

from kakehashi.commitments import Catalog
from kakehashi.commitments.coverage import STATES, Coverage
from kakehashi.commitments.evidence import Evidence, EvidenceLink, Reply, state_of
from kakehashi.report.document import (
    Blank,
    Block,
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
    Span,
    Table,
    Term,
    Verbatim,
)

_FIGURES = ("provisions", "signatories", "found", "not-found", "gone", "not-checked", "checked")


def coverage_document(catalog: Catalog, coverage: Coverage) -> Document:
    """Coverage of an instrument as a page."""
    sections = (
        _summary(catalog, coverage),
        _organizations(catalog, coverage),
        _provisions(catalog, coverage),
    )
    shown = evidence_table(
        catalog, [e for cell in coverage.cells for e in cell.evidence], instrument=coverage.instrument.id
    )
    listed = () if shown is None else (_section("listed", (Paragraph(Say("text.evidence-listed")), shown)),)
    return Document(
        title=Say("title.coverage"),
        subtitle=Term(coverage.instrument.title),
        independence=Say("independence"),
        mark=Say("page.print-evidence"),
        sections=(*sections, *listed),
        tree_size=coverage.size,
        root=coverage.root,
    )


def coverage_sentences(catalog: Catalog, coverage: Coverage) -> tuple[Piece, ...]:
    """What coverage says in short, and what it is not."""
    parts: dict[str, Piece] = {
        "instrument": Term(coverage.instrument.short),
        "organizations": Number(len(coverage.organizations)),
        "provisions": Number(len(coverage.provisions)),
        **{
            state: Number(sum(cell.state == state for cell in coverage.cells))
            for state in STATES
            if state != "not-found" and state != "not-checked"
        },
        "searched": Number(sum(cell.state == "not-found" for cell in coverage.cells)),
        "open": Number(sum(cell.state == "not-checked" for cell in coverage.cells)),
        "cells": Number(len(coverage.cells)),
    }
    found: list[Piece] = [Say("coverage.lead", parts), Say("evidence.indicator"), Say("coverage.no-grade")]
    if coverage.total is not None and coverage.total != coverage.listed:
        found.append(
            Say("coverage.incomplete", {"listed": Number(coverage.listed), "total": Number(coverage.total)})
        )
    found.append(Say("coverage.sampled" if coverage.sampled else "coverage.census"))
    if coverage.withdrawn:
        found.append(Say("coverage.withdrawn", {"count": Number(coverage.withdrawn)}))
    return tuple(found)


def evidence_table(
    catalog: Catalog,
    entries: Sequence[Evidence],
    *,
    instrument: str = "",
    files: Mapping[str, str] | None = None,
) -> Table | None:
    """Pieces of evidence, each once, with what the organization answers beside it.

    Args:
        catalog: Names of organizations and provisions.
        entries: The evidence.
        instrument: Only provisions of this one are named.
        files: Id of evidence → name of its file, in a pack.
    """
    once = {e.id: e for e in entries}
    if not once:
        return None
    rows = tuple(_row(catalog, e, instrument, files) for e in once.values())
    names = ("organization", "provision", "finding", "what", "date", "author", "reply")
    return Table(
        id="evidence",
        caption=Say("caption.evidence"),
        columns=tuple(Column(Say(f"column.{name}")) for name in names),
        rows=rows,
        heads=1,
        notes=(Say("evidence.indicator"),),
    )


def pack_document(
    catalog: Catalog, entries: Sequence[Evidence], files: Mapping[str, str], *, size: int, root: str
) -> Document:
    """The index of a pack of evidence."""
    shown = evidence_table(catalog, entries, files=files)
    blocks: list[Block] = [
        Paragraph(Say("pack.lead", {"count": Number(len(entries)), "records": Number(size)}), "lead"),
        Paragraph(Say("evidence.indicator")),
        Paragraph(Say("pack.check")),
    ]
    sections = [Section("summary", Say("section.summary"), tuple(blocks))]
    if shown is not None:
        sections.append(_section("listed", (Paragraph(Say("text.evidence-listed")), shown)))
    return Document(
        title=Say("title.pack"),
        subtitle=Say("pack.subtitle", {"size": Number(size), "root": Code(root)}),
        independence=Say("independence"),
        mark=Say("page.print-evidence"),
        sections=tuple(sections),
        tree_size=size,
        root=root,
    )


def what_was_found(entry: Evidence, file: str = "") -> Piece:
    """The link, or where it was searched, and what has become of it."""
    parts: list[Piece] = []
    if entry.link is not None:
        parts.append(_link(entry.link, file))
    if entry.searched:
        parts.append(Say("evidence.searched", {"where": Verbatim(entry.searched)}))
    if entry.gone is not None:
        parts.append(Say("evidence.gone", {"reason": Verbatim(entry.gone.reason)}))
    if entry.note:
        parts.append(Term(entry.note))
    return Listed(tuple(parts), "semicolon") if parts else Blank("blank.not-stated")


def provision_name(catalog: Catalog, name: str, *, whose: bool = True) -> Piece:
    """A provision with its number, and the text that it is of."""
    found = catalog.provision(name)
    if found is None:
        return Code(name)
    parts: dict[str, Piece] = {"num": Verbatim(found.num), "title": Term(found.title)}
    if not whose:
        return Say("crosswalk.provision", parts)
    return Say(
        "evidence.provision", {**parts, "instrument": Term(catalog.instrument(found.instrument).short)}
    )


def organization_name(catalog: Catalog, name: str, date: str) -> Piece:
    """An organization by the name that held on a date."""
    found = catalog.organizations.get(name)
    return Code(name) if found is None else Term(found.name_on(date))


def _row(
    catalog: Catalog, entry: Evidence, instrument: str, files: Mapping[str, str] | None
) -> tuple[Piece, ...]:
    named = [n for n in entry.provisions if not instrument or catalog.owner(n) == instrument]
    return (
        organization_name(catalog, entry.organization, entry.date),
        Listed(tuple(provision_name(catalog, n, whose=not instrument) for n in named), "semicolon"),
        Say(f"finding.{state_of([entry])}"),
        what_was_found(entry, (files or {}).get(entry.id, "")),
        Date(entry.date),
        Verbatim(entry.author),
        _replies(entry.replies),
    )


def _replies(replies: Sequence[Reply]) -> Piece:
    if not replies:
        return Blank("blank.no-reply")
    said = tuple(Say("evidence.reply", {"date": Date(r.date), "text": Term(r.text)}) for r in replies)
    return Listed(said, "sentence")


def _link(link: EvidenceLink, file: str) -> Piece:
    ref: Piece = Code(file or link.ref)
    if link.title and link.title != link.ref:
        ref = Say("evidence.titled", {"title": Verbatim(link.title), "ref": ref})
    return Say(f"evidence.link-{link.type}", {"ref": ref})


def _section(name: str, blocks: tuple[Block, ...]) -> Section:
    return Section(name, Say(f"section.evidence.{name}"), blocks)


def _summary(catalog: Catalog, coverage: Coverage) -> Section:
    lead, *rest = coverage_sentences(catalog, coverage)
    blocks: list[Block] = [Paragraph(lead, "lead"), *(Paragraph(one) for one in rest)]
    return Section("summary", Say("section.summary"), tuple(blocks))


def _organizations(catalog: Catalog, coverage: Coverage) -> Section:
    rows = []
    for name in coverage.organizations:
        signature = coverage.signatures.get(name)
        counts = coverage.counts(name)
        if signature is None:
            signed: Piece = Blank("blank.no-signature")
        elif signature.date:
            signed = Date(signature.date)
        else:
            signed = Say("coverage.by", {"date": Verbatim(signature.by)})
        rows.append(
            (
                organization_name(catalog, name, signature.on if signature is not None else "9999"),
                signed,
                Number(len(coverage.provisions)),
                *(Number(counts[state]) for state in STATES),
            )
        )
    names = ("organization", "signed", "provisions", *STATES)
    found = Table(
        id="coverage-organizations",
        caption=Say("caption.coverage-organizations"),
        columns=tuple(Column(Say(f"column.{name}"), name in _FIGURES) for name in names),
        rows=tuple(rows),
        notes=(Say("evidence.indicator"),),
    )
    return _section("organizations", (Paragraph(Say("text.coverage-organizations")), found))


def _provisions(catalog: Catalog, coverage: Coverage) -> Section:
    rows = []
    for one in coverage.provisions:
        cells: list[Piece] = [provision_name(catalog, one.provision, whose=False), Number(one.n)]
        cells += [Number(one.counts[state]) for state in STATES]
        if coverage.sampled:
            interval = one.interval
            cells.append(
                Blank("blank.not-estimable")
                if interval is None
                else Span(interval.low, interval.high, "percent")
            )
        rows.append(tuple(cells))
    names = ("provision", "signatories", *STATES, *(("share-interval",) if coverage.sampled else ()))
    found = Table(
        id="coverage-provisions",
        caption=Say("caption.coverage-provisions"),
        columns=tuple(Column(Say(f"column.{name}"), name in _FIGURES) for name in names),
        rows=tuple(rows),
        notes=(Say("evidence.indicator"),),
    )
    return _section("provisions", (found,))
