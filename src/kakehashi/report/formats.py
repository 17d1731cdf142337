"""One document in every format that is asked for; figures are drawn once for all of them."""

from collections.abc import Mapping, Sequence

from kakehashi.errors import MissingExtraError, UnknownNameError, UsageError
from kakehashi.report.charts import charts_available, draw_png
from kakehashi.report.document import Document
from kakehashi.report.docx import render_docx
from kakehashi.report.html import Pictures, drawn_figures, figures_of, render_document
from kakehashi.report.pdf import FONT, font_folders, pdf_available, render_pdf
from kakehashi.report.tables import render_csv, render_xlsx, tables_available
from kakehashi.report.voice import LANGUAGES, Voice, check_languages

#: Formats: HTML with all languages in one file, JSON without language, and one file a language of the others.
FORMATS = ("html", "json", "pdf", "xlsx", "csv", "png", "docx")
STANDARD_FORMATS = ("html", "json")


def check_formats(formats: Sequence[str]) -> None:
    """Say at once, before anything is computed, that a format cannot be written.

    Raises:
        UsageError: No format.
        UnknownNameError: There is no such format.
        MissingExtraError: One needs an extra that is not installed.
    """
    if not formats:
        raise UsageError("a report needs a format", hint=f"Known: {', '.join(FORMATS)}.")
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("report format", name, FORMATS)
    needs = (
        ("pdf", pdf_available(), "pdf", "writing PDF"),
        ("xlsx", tables_available(), "tables", "writing a workbook"),
        ("png", charts_available(), "charts", "drawing figures"),
        ("png", pdf_available(), "pdf", "drawing figures with Japanese words"),
    )
    for name, there, extra, purpose in needs:
        if name in formats and not there:
            raise MissingExtraError(extra, purpose)


def available_formats() -> tuple[str, ...]:
    """The formats that the installed extras can write."""
    return tuple(name for name in FORMATS if _can(name))


def _can(name: str) -> bool:
    try:
        check_formats((name,))
    except MissingExtraError:
        return False
    return True


def render_files(
    document: Document,
    *,
    name: str,
    run: str,
    made: str,
    body: str,
    languages: Sequence[str] = LANGUAGES,
    formats: Sequence[str] = STANDARD_FORMATS,
    charts: bool | None = None,
) -> Mapping[str, str | bytes]:
    """Name of each file → what is to stand in it.

    Args:
        document: The document.
        name: Beginning of the names of the files.
        run: Id of the run that the foot names, ``""`` where there is none.
        made: Date of the document's data in ISO 8601.
        body: The values as JSON.
        languages: Languages, the first shown first.
        formats: Which formats.
        charts: Whether figures are drawn; by default where the extra ``charts`` is installed.

    Raises:
        UsageError: No format or no language, or a language twice.
        UnknownNameError: There is no such format or language.
        MissingExtraError: A format needs an extra that is not installed.
    """
    check_languages(languages)
    check_formats(formats)
    drawing = {"html", "pdf"} & set(formats)
    pictures: Pictures = drawn_figures(document, languages, charts=charts) if drawing else {}
    found: dict[str, str | bytes] = {}
    if "html" in formats:
        found[f"{name}.html"] = render_document(
            document, run=run, languages=languages, charts=charts, pictures=pictures
        )
    if "json" in formats:
        found[f"{name}.json"] = body
    for language in languages:
        start = f"{name}.{language}"
        if "pdf" in formats:
            found[f"{start}.pdf"] = render_pdf(
                document, run=run, language=language, made=made, charts=charts, pictures=pictures
            )
        if "xlsx" in formats:
            found[f"{start}.xlsx"] = render_xlsx(document, run=run, language=language, made=made)
        if "csv" in formats:
            found[f"{start}.csv"] = render_csv(document, language=language)
        if "docx" in formats:
            found[f"{start}.docx"] = render_docx(document, run=run, language=language)
        if "png" in formats:
            for figure in figures_of(document):
                picture = draw_png(figure, Voice(language), fonts=font_folders(), font=FONT)
                if picture is not None:
                    found[f"{start}.{figure.id}.png"] = picture
    return found
