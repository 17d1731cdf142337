"""Quoted figures as pages: the check of a text, and the list of figures on record."""

from kakehashi.index.claims.check import CheckedFigure, ClaimCheck
from kakehashi.index.claims.records import ClaimBook, ClaimRecord
from kakehashi.report.document import (
    Blank,
    Block,
    Code,
    Column,
    Document,
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

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def claim_check_document(check: ClaimCheck) -> Document:
    """What was found in a text, as a page."""
    lead = check_sentences(check)
    blocks: list[Block] = [Paragraph(lead[0], "lead"), *(Paragraph(one) for one in lead[1:])]
    matched = [one for one in check.figures if one.match.claim is not None]
    rest = [one for one in check.figures if one.match.claim is None]
    sections = [Section("summary", Say("section.summary"), tuple(blocks))]
    if matched:
        sections.append(_section("matched", _table("matched", [_matched_row(one) for one in matched])))
    if rest:
        sections.append(_section("open", _table("open", [_open_row(one) for one in rest])))
    return _document(
        Say("claims.title.check"),
        Say("claims.subtitle.check", {"name": Verbatim(check.name), "date": day_words(check.read)}),
        tuple(sections),
    )


def claim_list_document(book: ClaimBook) -> Document:
    """The figures on record, as a page."""
    blocks = (
        Paragraph(Say("claims.list-lead"), "lead"),
        Paragraph(Say("claims.about")),
    )
    listed = _table("list", [list_cells(one) for one in book.claims])
    return _document(
        Term(book.title),
        Say("claims.subtitle.list", {"count": Number(len(book.claims)), "date": day_words(book.read)}),
        (Section("summary", Say("section.summary"), blocks), _section("list", listed)),
    )


def check_sentences(check: ClaimCheck) -> tuple[Piece, ...]:
    """What a check came to, in short."""
    counts = check.counts
    matched, rest = len(check.matched), len(check.figures) - len(check.matched)
    whole = {
        "figures": counted(len(check.figures), "matched" if matched else "open"),
        "matched": counted(matched, "matched"),
        "rest": counted(rest, "open"),
        "open": counted(counts["not-checked"], "open" if rest else "matched"),
        "confirmed": counted(counts["confirmed"], "matched"),
        "limits": counted(counts["confirmed-with-limits"], "matched"),
        "differs": counted(counts["differs"], "matched"),
        "absent": counted(counts["not-found"], "matched"),
    }
    first = () if check.matched else (Say("claims.none"),)
    return (
        Say("claims.lead", {name: whole[name] for name in ("figures", "matched", "rest")}),
        *first,
        Say(
            "claims.counts",
            {name: whole[name] for name in ("confirmed", "limits", "differs", "absent", "open")},
        ),
        Say("claims.about"),
        Say("claims.unmatched"),
    )


def claim_sentence(claim: ClaimRecord, verdict: str = "", figure: str = "") -> Piece:
    """A sentence that can be pasted: figure, as-of date, definition, source, newer edition, verdict, basis.

    Args:
        claim: The claim.
        verdict: Of the figure at hand; that of the claim by default.
        figure: The figure as it stands in the text, where it is the source's own and not the one quoted.
    """
    parts: dict[str, Piece] = {
        "source": Term(claim.source.title),
        "date": day_words(claim.source.date),
        "found": Term(claim.found),
        "as_of": day_words(claim.as_of),
        "definition": Term(claim.definition),
        "newer": Say("claims.newer", {"newer": Term(claim.newer)}) if claim.newer else Say("claims.no-newer"),
        "verdict": Say(f"claims.verdict.{verdict or claim.verdict}"),
        "basis": Say(f"claims.basis.{claim.source.grade}"),
    }
    if figure:
        return Say(
            "claims.paste-figure", {**parts, "figure": Verbatim(figure), "quantity": Term(claim.quantity)}
        )
    name = (
        "claims.paste-searched"
        if claim.source.grade == "S" or claim.verdict == "not-found"
        else "claims.paste"
    )
    return Say(name, {**parts, "quoted": Term(claim.quoted)})


def figure_sentence(one: CheckedFigure) -> Piece:
    """The sentence to paste for a figure that is on record."""
    claim = one.match.claim
    if claim is None:
        return Blank("blank.none")
    return claim_sentence(claim, one.match.verdict, one.figure.text if one.match.how == "source" else "")


def list_cells(claim: ClaimRecord) -> tuple[Piece, ...]:
    """The cells of a claim in the list."""
    return (
        Code(claim.id),
        Term(claim.quantity),
        Say(f"claims.verdict.{claim.verdict}"),
        claim_sentence(claim),
    )


def day_words(iso: str) -> Piece:
    """A day, a month or a year in words."""
    parts = [int(part) for part in iso.split("-") if part]
    if iso.startswith("-"):
        return Verbatim(iso)
    ja = (
        f"{parts[0]}年"
        + (f"{parts[1]}月" if len(parts) > 1 else "")
        + (f"{parts[2]}日" if len(parts) > 2 else "")
    )
    en = " ".join(
        [
            *([str(parts[2])] if len(parts) > 2 else []),
            *([_MONTHS[parts[1] - 1]] if len(parts) > 1 else []),
            str(parts[0]),
        ]
    )
    return Term({"en": en, "ja": ja})


_COLUMNS = {
    "matched": ("line", "figure", "verdict", "sentence", "paste"),
    "open": ("line", "figure", "sentence", "related"),
    "list": ("id", "quantity", "verdict", "paste"),
}


def _table(name: str, rows: list[tuple[Piece, ...]]) -> Table:
    return Table(
        id=f"claims-{name}",
        caption=Say(f"claims.caption.{name}"),
        columns=tuple(Column(Say(f"claims.column.{one}")) for one in _COLUMNS[name]),
        rows=tuple(rows),
        notes=(Say("claims.unmatched"),) if name == "open" else (),
    )


def _matched_row(one: CheckedFigure) -> tuple[Piece, ...]:
    return (
        Number(one.line, "label"),
        Verbatim(one.figure.text),
        Say(f"claims.verdict.{one.match.verdict}"),
        Verbatim(one.sentence),
        figure_sentence(one),
    )


def _open_row(one: CheckedFigure) -> tuple[Piece, ...]:
    related: Piece = Code(", ".join(one.match.related)) if one.match.related else Blank("blank.none")
    return (Number(one.line, "label"), Verbatim(one.figure.text), Verbatim(one.sentence), related)


def _section(name: str, *blocks: Block) -> Section:
    return Section(name, Say(f"claims.section.{name}"), blocks)


def _document(title: Piece, subtitle: Piece, sections: tuple[Section, ...]) -> Document:
    return Document(
        title=title,
        subtitle=subtitle,
        independence=Say("independence"),
        mark=Say("claims.mark"),
        sections=sections,
        tree_size=0,
        root="",
    )
