"""Where numbers come from, and the question that gives their rows again."""

from collections.abc import Iterable

from kakehashi.index.words import licence_words, source_words
from kakehashi.report.document import (
    Anchored,
    Blank,
    Code,
    Column,
    Date,
    Linked,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.pages.sourced import links_of
from kakehashi.report.pages.words import source_anchor
from kakehashi.report.sources import SourceFacts

_HEADS = ("source", "kind-of-source", "what", "question", "rows", "as-of", "licence", "citation")


def sources_section(found: Iterable[SourceFacts], parts: object) -> Section:
    """The sources that something in the parts of the document leads to, as a table.

    Args:
        found: All sources; :func:`~kakehashi.report.pages.words.cite` leads to their rows.
        parts: Everything else that the document is made of.
    """
    cited = {to.removeprefix("source-") for to in links_of(parts) if to.startswith("source-")}
    columns = tuple(Column(Say(f"periodic.column.{name}"), name == "rows") for name in _HEADS)
    caption = Say("periodic.caption.sources")
    table = Table("sources", caption, columns, tuple(_source(one) for one in found if one.id in cited))
    title = Say("periodic.section.sources")
    return Section("sources", title, (Paragraph(Say("periodic.text.sources")), table))


def _source(one: SourceFacts) -> tuple[Piece, ...]:
    what: Piece = Code(one.what)
    if one.what.startswith(("https://", "http://")):
        what = Linked(what, one.what)
    return (
        Anchored(Code(one.id), source_anchor(one.id)),
        Say(f"periodic.source.{one.kind}"),
        what,
        Code(one.rows),
        Number(one.count),
        Date(one.as_of),
        Term(licence_words(one.licence)) if one.licence else Blank("blank.not-stated"),
        _citation(one.citation),
    )


def _citation(text: str) -> Piece:
    if own := source_words(text):
        return Term(own)
    return Verbatim(text, "en") if text else Blank()
