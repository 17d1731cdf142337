"""A document's tables for analysts: one long CSV, and a workbook with a sheet a table."""

import csv
import importlib.util
import io
from collections.abc import Iterator
from typing import Any

from kakehashi.errors import MissingExtraError
from kakehashi.model.cell import safe_cell
from kakehashi.report.document import Document, Figure, Number, Piece, Say, Section, Table
from kakehashi.report.html import document_footer
from kakehashi.report.runs import Run, runs_of
from kakehashi.report.voice import Voice
from kakehashi.work.cells import legal_text, settled_book, text_cell

#: Columns of the CSV; the same in every language, so that a program finds them.
CSV_COLUMNS = ("section", "table", "row", "column", "shown", "number", "date", "source")

_WIDEST = 60


def tables_available() -> bool:
    """Whether the extra ``tables`` is installed."""
    return importlib.util.find_spec("openpyxl") is not None


def all_tables(document: Document) -> Iterator[tuple[Section, Table]]:
    """Every table with its section, those under figures included, in the order of the document."""
    sections = list(document.sections)
    while sections:
        section = sections.pop(0)
        for block in section.blocks:
            if isinstance(block, Table):
                yield section, block
            elif isinstance(block, Figure):
                yield section, block.table
        sections = [*section.sections, *sections]


def render_csv(document: Document, *, language: str) -> str:
    """All tables as one long CSV with a byte-order mark: a line for each number, and for each cell without one.

    ``number`` is the value as stored (a share of 25% is 0.25), ``shown`` the cell as the page shows it. A cell
    that a spreadsheet could take for a formula begins with an apostrophe.

    Args:
        document: The document.
        language: ``"en"`` or ``"ja"``.
    """
    voice = Voice(language)
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(CSV_COLUMNS)
    for section, table in all_tables(document):
        heads = [voice.plain(column.title) for column in table.columns]
        for row in table.rows:
            name = " / ".join(voice.plain(cell) for cell in row[: table.heads])
            for head, cell in zip(heads[table.heads :], row[table.heads :], strict=True):
                runs = runs_of(cell, voice)
                place = [voice.plain(section.title), table.id, name, head, "".join(run.text for run in runs)]
                marked = [run for run in runs if run.value is not None or run.date] or [Run("")]
                source = next((run.link for run in runs if run.link), "")
                for run in marked:
                    number = "" if run.value is None else f"{run.value:.6g}"
                    lines.writerow([*(safe_cell(text) for text in (*place, number)), run.date, source])
    return "\ufeff" + out.getvalue()


def render_xlsx(document: Document, *, run: str, language: str, made: str) -> bytes:
    """All tables as a workbook: a sheet that says what there is, then a sheet a table.

    A cell that is one number holds it as a number; every other cell is text, never a formula.

    Args:
        document: The document.
        run: Id of the run that the foot names, ``""`` where there is none.
        language: ``"en"`` or ``"ja"``.
        made: Date of the document's data in ISO 8601; the same values give the same bytes.

    Raises:
        MissingExtraError: The extra ``tables`` is not installed.
    """
    if not tables_available():
        raise MissingExtraError("tables", "writing a workbook")
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    voice = Voice(language)
    book = Workbook()
    first: Any = book.active
    first.title = voice.plain(Say("page.contents"))
    bold, wrapped = Font(bold=True), Alignment(wrap_text=True, vertical="top")
    for text in (document.title, document.subtitle, document.independence, document_footer(document, run)):
        first.append([_text(first, voice.plain(text))])
    first["A1"].font = Font(bold=True, size=14)
    first.append([])
    first.column_dimensions["A"].width, first.column_dimensions["B"].width = 8, 90
    for number, (_, table) in enumerate(all_tables(document), start=1):
        sheet = book.create_sheet(str(number))
        caption = voice.plain(table.caption)
        first.append([number, _text(first, caption)])
        first.cell(first.max_row, 1).hyperlink = f"#'{number}'!A1"
        sheet.append([_text(sheet, caption)])
        sheet["A1"].font = bold
        sheet.append([_text(sheet, voice.plain(column.title)) for column in table.columns])
        for cell in sheet[2]:
            cell.font, cell.alignment = bold, wrapped
        for row in table.rows:
            sheet.append([_cell(sheet, piece, voice) for piece in row])
        for note in table.notes:
            sheet.append([_text(sheet, voice.plain(note))])
        sheet.freeze_panes = sheet.cell(3, table.heads + 1)
        for column in sheet.iter_cols(min_row=2, max_row=2 + len(table.rows)):
            longest = max(len(str(cell.value or "")) for cell in column)
            sheet.column_dimensions[column[0].column_letter].width = min(_WIDEST, longest + 4)
    held = io.BytesIO()
    book.save(held)
    return settled_book(held.getvalue(), made)


def _cell(sheet: Any, piece: Piece, voice: Voice) -> Any:
    from openpyxl.cell import WriteOnlyCell

    inner: Any = piece
    while hasattr(inner, "piece"):
        inner = inner.piece
    if not isinstance(inner, Number):
        return _text(sheet, voice.plain(piece))
    style = inner.style.removeprefix("signed-")
    if style == "points":
        return _numbered(WriteOnlyCell(sheet, inner.value * 100), "0.0")
    formats = {"percent": "0.0%", "whole-percent": "0%", "rank-mean": "0.0"}
    whole = float(inner.value).is_integer()
    plain = "#,##0" if whole else "#,##0.0"
    kind = formats.get(style, "0.000" if style in ("score", "coefficient") else plain)
    return _numbered(WriteOnlyCell(sheet, int(inner.value) if whole and kind == plain else inner.value), kind)


def _numbered(cell: Any, kind: str) -> Any:
    cell.number_format = kind
    return cell


def _text(sheet: Any, text: str) -> Any:
    return text_cell(sheet, legal_text(text)[:32_000])
