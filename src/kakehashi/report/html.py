"""A document as one HTML file: all languages in it, a switch that needs no script, nothing loaded from elsewhere."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from kakehashi import __version__
from kakehashi.commitments import Catalog, CommitmentTable
from kakehashi.errors import MissingExtraError
from kakehashi.report.brief import Brief
from kakehashi.report.charts import charts_available, draw
from kakehashi.report.document import (
    Bullets,
    Code,
    Document,
    Figure,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Table,
)
from kakehashi.report.pages import assessment_document
from kakehashi.report.pages.brief import brief_document
from kakehashi.report.pages.crosswalk import crosswalk_document
from kakehashi.report.values import Assessment
from kakehashi.report.voice import LANGUAGES, Voice, check_languages

#: Names of the languages as their speakers write them.
ENDONYMS = {"ja": "日本語", "en": "English"}

#: Language → id of a figure → the figure as inline SVG, ``None`` where it has nothing to show.
Pictures: TypeAlias = Mapping[str, Mapping[str, Markup | None]]


def render_html(
    assessment: Assessment, *, languages: Sequence[str] = LANGUAGES, charts: bool | None = None
) -> str:
    """The report of one assessment as a single self-contained HTML file.

    Args:
        assessment: The values.
        languages: Languages in the file; the first is shown first.
        charts: Whether figures are drawn; by default where the extra ``charts`` is installed. The tables
            under the figures are there in any case.

    Raises:
        UsageError: No language, or one twice.
        UnknownNameError: A language that there are no messages for.
        MissingExtraError: Figures were asked for, and the extra is not installed.
    """
    document = assessment_document(assessment)
    return render_document(document, run=assessment.run.id, languages=languages, charts=charts)


def render_brief(brief: Brief, *, languages: Sequence[str] = LANGUAGES, charts: bool | None = None) -> str:
    """A brief as a single self-contained HTML file; arguments as for :func:`render_html`."""
    return render_document(brief_document(brief), run="", languages=languages, charts=charts)


def render_crosswalk(
    catalog: Catalog, table: CommitmentTable, *, languages: Sequence[str] = LANGUAGES
) -> str:
    """A clause-by-clause table as a single self-contained HTML file; languages as for :func:`render_html`."""
    return render_document(crosswalk_document(catalog, table), run="", languages=languages)


def render_document(
    document: Document,
    *,
    run: str,
    languages: Sequence[str] = LANGUAGES,
    charts: bool | None = None,
    pictures: Pictures | None = None,
) -> str:
    """Any composed document as a single self-contained HTML file; arguments as for :func:`render_html`.

    Args:
        document: The document.
        run: Id of the run that the foot names, ``""`` where there is none.
        languages: See :func:`render_html`.
        charts: See :func:`render_html`.
        pictures: Figures that are drawn already, by language and id.
    """
    check_languages(languages)
    voices = [Voice(language) for language in languages]
    drawn = _drawn(charts)
    shown = drawn_figures(document, languages, charts=charts) if pictures is None else pictures
    template = _environment().get_template("page.html.j2")
    missing = MissingExtraError("charts", "drawing figures").hint or ""
    return template.render(
        document=document,
        voices=voices,
        css=Markup(_text("page.css")),
        feet={voice.language: _css_string(voice.plain(document.mark)) for voice in voices},
        endonyms=ENDONYMS,
        pictures=shown,
        drawn=drawn or not figures_of(document),
        charts_command=Code(missing.removeprefix("Run: ")),
        footer=document_footer(document, run),
        say=Say,
        joined=lambda pieces: Listed(tuple(pieces), "sentence"),
        kind=_kind,
        spans=first_cell_spans,
        shape=_shape,
    )


def drawn_figures(
    document: Document, languages: Sequence[str] = LANGUAGES, *, charts: bool | None = None
) -> Pictures:
    """The document's figures as inline SVG: language → id of the figure → picture.

    Raises:
        MissingExtraError: Figures were asked for, and the extra is not installed.
    """
    drawn = _drawn(charts)
    return {
        language: {figure.id: draw(figure, Voice(language)) for figure in figures_of(document)}
        if drawn
        else {}
        for language in languages
    }


def _drawn(charts: bool | None) -> bool:
    if charts and not charts_available():
        raise MissingExtraError("charts", "drawing figures")
    return charts_available() if charts is None else charts


def document_footer(document: Document, run: str) -> Piece:
    """What stands at the end of a document: the software, the run, size and root of the ledger."""
    if document.root and not run:
        return Say(
            "page.footer-ledger",
            {
                "software": Code(f"kakehashi {__version__}"),
                "size": Number(document.tree_size),
                "root": Code(document.root),
            },
        )
    if not document.root:
        return Say("page.footer-plain", {"software": Code(f"kakehashi {__version__}")})
    return Say(
        "page.footer",
        {
            "software": Code(f"kakehashi {__version__}"),
            "run": Code(run),
            "size": Number(document.tree_size),
            "root": Code(document.root or "-"),
        },
    )


def _css_string(text: str) -> Markup:
    """Words as a string of a style sheet that can end neither the string nor the element."""
    return Markup("".join(c if c.isalnum() or c in " -_.,/()、。（）" else f"\\{ord(c):x} " for c in text))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _text(name: str) -> str:
    return (files("kakehashi.report") / "templates" / name).read_text(encoding="utf-8")


def figures_of(document: Document) -> list[Figure]:
    """All figures of a document, in their order."""
    sections = list(document.sections)
    found = []
    while sections:
        section = sections.pop(0)
        found += [block for block in section.blocks if isinstance(block, Figure)]
        sections = [*section.sections, *sections]
    return found


def _kind(block: object) -> str:
    names: dict[type, str] = {Paragraph: "paragraph", Bullets: "bullets", Table: "table", Figure: "figure"}
    return names[type(block)]


def _shape(table: Table) -> str:
    """Classes of a table: ``wide`` is set smaller, ``short`` is kept on one printed page."""
    wide, short = len(table.columns) > 9, len(table.rows) <= 12
    return " ".join(name for name, holds in (("wide", wide), ("short", short)) if holds)


def first_cell_spans(table: Table) -> list[int]:
    """For each row how many rows its first cell stands for; 0 where it is covered by one above."""
    if table.heads < 2:
        return [1] * len(table.rows)
    spans = [1] * len(table.rows)
    start = 0
    for i in range(1, len(table.rows)):
        if table.rows[i][0] == table.rows[start][0]:
            spans[start] += 1
            spans[i] = 0
        else:
            start = i
    return spans
