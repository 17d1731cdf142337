"""A draft of a report from evidence as a page: what is asked, what is on record, what is open."""

from kakehashi.commitments import Catalog
from kakehashi.commitments.drafts import Answer, Draft, DraftPoint, DraftSection
from kakehashi.report.document import (
    Blank,
    Block,
    Bullets,
    Code,
    Column,
    Date,
    Document,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Span,
    Style,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.pages.evidence import provision_name, what_was_found
from kakehashi.report.pages.words import language, measure_name


def draft_document(catalog: Catalog, draft: Draft) -> Document:
    """The draft as a page."""
    lead, *rest = draft_sentences(draft)
    summary: list[Block] = [Paragraph(lead, "lead"), *(Paragraph(one) for one in rest)]
    return Document(
        title=Term(draft.form.title),
        subtitle=Say("draft.subtitle", {"name": Term(draft.name), "date": Date(draft.date)}),
        independence=Say("independence"),
        mark=Say("page.print-draft"),
        sections=(
            Section("summary", Say("section.summary"), tuple(summary)),
            *(_section(catalog, draft, section, i) for i, section in enumerate(draft.sections, 1)),
        ),
        tree_size=draft.size,
        root=draft.root,
    )


def draft_sentences(draft: Draft) -> tuple[Piece, ...]:
    """What the draft holds and what it is not."""
    parts: dict[str, Piece] = {
        "points": Number(len(draft.points)),
        "drafted": Number(draft.count("drafted")),
        "check": Number(draft.count("to-check")),
        "open": Number(draft.count("unanswered")),
    }
    found: list[Piece] = [Say("draft.lead", parts), Term(draft.form.note), Say("draft.person")]
    found.append(Say("evidence.indicator"))
    return tuple(found)


def _section(catalog: Catalog, draft: Draft, section: DraftSection, number: int) -> Section:
    provision = catalog.provision(section.provision)
    title = provision_name(catalog, section.provision, whose=False)
    blocks: list[Block] = []
    if provision is not None and provision.summary:
        blocks.append(Paragraph(Term(provision.summary)))
    if not section.verified:
        blocks.append(Paragraph(Say("draft.unverified"), "note"))
    for place, point in enumerate(section.points, 1):
        blocks += _point(catalog, point, f"{number}-{place}")
    return Section(f"s{number}", title, tuple(blocks))


def _point(catalog: Catalog, point: DraftPoint, name: str) -> list[Block]:
    standing = Say(f"draft.standing.{point.standing}")
    asked: Piece = standing
    if point.title:
        parts: dict[str, Piece] = {"id": Verbatim(point.id), "title": Term(point.title), "standing": standing}
        asked = Say("draft.point", parts)
    blocks: list[Block] = [Paragraph(asked, "text" if point.standing == "drafted" else "warning")]
    if point.answers:
        blocks.append(Bullets(tuple(_answer(catalog, answer) for answer in point.answers)))
    figures = [figure for answer in point.answers for figure in answer.figures]
    if figures:
        names = ("system", "measure", "language", "value-of", "interval", "n", "run")
        rows = []
        for one in dict.fromkeys(figures):
            style: Style = "percent" if one.unit == "proportion" else "score"
            low, high = one.low, one.high
            rows.append(
                (
                    Verbatim(one.subject),
                    measure_name(one.measure),
                    language(one.language),
                    Blank("blank.not-estimable") if one.value is None else Number(one.value, style),
                    Blank("blank.none") if low is None or high is None else Span(low, high, style),
                    Blank("blank.none") if one.n is None else Number(one.n),
                    Code(one.run),
                )
            )
        blocks.append(
            Table(
                id=f"figures-{name}",
                caption=Say("caption.draft-figures"),
                columns=tuple(Column(Say(f"column.{n}"), n in ("value-of", "interval", "n")) for n in names),
                rows=tuple(rows),
            )
        )
    return blocks


def _answer(catalog: Catalog, answer: Answer) -> Piece:
    entry = answer.evidence
    parts: dict[str, Piece] = {
        "finding": Say(f"finding.{'gone' if entry.gone is not None else entry.finding}"),
        "what": what_was_found(entry),
        "date": Date(entry.date),
        "author": Verbatim(entry.author),
    }
    if answer.relation is None:
        return Say("draft.answer", parts)
    more: dict[str, Piece] = {
        "relation": Say(f"relation.{answer.relation.value}"),
        "provision": provision_name(catalog, answer.provision),
    }
    return Say("draft.answer-related", {**parts, **more})
