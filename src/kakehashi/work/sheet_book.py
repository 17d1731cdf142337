"""Sheets for annotators as workbooks (XLSX) and back, for people who work in a spreadsheet."""

import zipfile
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError, MissingExtraError
from kakehashi.ledger.files import write_whole
from kakehashi.work.cells import legal_text, settled_book, text_cell

#: Most characters of a cell, by the format.
MOST = 32_767

#: A workbook that unpacks to more is not opened.
_MOST_BYTES = 256 << 20

_WIDTHS = {"row": 9, "language": 10, "prompt": 60, "answer": 80, "label": 18, "note": 30}


def write_book(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], *, labels: Sequence[str] = ()
) -> None:
    """Write a sheet with wrapped text and, in the column ``label``, a list to choose from.

    Every cell is text, whatever it begins with: nothing is ever a formula.

    Args:
        path: The file.
        header: Names of the columns.
        rows: Their cells.
        labels: What may be chosen as a label.

    Raises:
        MissingExtraError: The extra ``tables`` is not installed.
        InputError: A text is longer than a cell may be.
    """
    openpyxl = library("writing sheets as workbooks")
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "sheet"
    wrapped = Alignment(wrap_text=True, vertical="top")
    last = 1
    for last, row in enumerate([header, *rows], start=1):
        sheet.append([text_cell(sheet, _fitting(text, path, last)) for text in row])
        for cell in sheet[last]:
            cell.number_format, cell.alignment = "@", wrapped
            if last == 1:
                cell.font = Font(bold=True)
    for place, name in enumerate(header, start=1):
        column = sheet.cell(1, place)
        sheet.column_dimensions[column.column_letter].width = _WIDTHS.get(name, 14)
        if name == "label" and labels:
            choice = DataValidation(type="list", formula1=f'"{",".join(labels)}"', allow_blank=True)
            sheet.add_data_validation(choice)
            choice.add(f"{column.column_letter}2:{column.column_letter}{max(2, last)}")
    sheet.freeze_panes = "A2"
    held = BytesIO()
    book.save(held)
    write_whole(path, settled_book(held.getvalue()))


def read_book(path: Path) -> tuple[list[str], list[dict[str, str | None]]]:
    """Columns and rows of the first sheet as texts.

    Raises:
        MissingExtraError: The extra ``tables`` is not installed.
        InputError: The file is no workbook, or unpacks to too much.
    """
    openpyxl = library("reading sheets from workbooks")
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(one.file_size for one in packed.infolist())
        if size > _MOST_BYTES:
            raise InputError(f"unpacks to more than {_MOST_BYTES >> 20} MiB", path=path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        rows = [[_text(cell) for cell in row] for row in book.worksheets[0].iter_rows(values_only=True)]
        book.close()
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"the sheet cannot be read ({error})", path=path) from error
    except Exception as error:  # what damaged workbooks raise is as manifold as the damage
        raise InputError("not a workbook", path=path, hint="Save it as XLSX from the spreadsheet.") from error
    names = [name.strip() for name in rows[0]] if rows else []
    filled = [row + [""] * (len(names) - len(row)) for row in rows[1:]]
    return names, [dict(zip(names, row, strict=False)) for row in filled]


def check_fits(texts: Iterable[tuple[str, Path]]) -> None:
    """Refuse texts that no cell can hold, before anything is written.

    Raises:
        InputError: A text is too long.
    """
    for number, (text, path) in enumerate(texts, start=1):
        _fitting(text, path, (number + 1) // 2)


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _fitting(text: str, path: Path, row: int) -> str:
    text = legal_text(text)
    if len(text) > MOST:
        raise InputError(
            f"a text of {len(text):,} characters does not fit into a cell ({MOST:,})",
            path=path,
            row=row,
            hint="Export CSV instead.",
        )
    return text


def library(purpose: str) -> Any:
    """The library that reads and writes workbooks.

    Raises:
        MissingExtraError: The extra ``tables`` is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise MissingExtraError("tables", purpose) from None
    return openpyxl
