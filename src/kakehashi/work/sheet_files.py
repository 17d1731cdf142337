"""Files of a sheet for annotators: as CSV that spreadsheets open, or as a workbook, and read back in either form."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.ledger.encodings import decode_table
from kakehashi.ledger.files import write_whole
from kakehashi.model.cell import safe_cell
from kakehashi.work import sheet_book

FORMS = ("csv", "xlsx")


def sheet_at(folder: Path, name: str, otherwise: str = ".csv") -> Path:
    """The sheet of that name in the form in which it came back.

    Raises:
        InputError: It is there in two forms, and nobody can say which holds.
    """
    found = [path for form in FORMS if (path := folder / f"{name}.{form}").exists()]
    if len(found) > 1:
        raise InputError(
            f"{found[0].name} and {found[1].name} are both here", path=folder, hint="Keep the one that holds."
        )
    return found[0] if found else folder / f"{name}{otherwise}"


def write_sheet(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], labels: Sequence[str]
) -> None:
    """Write a sheet in the form that its name says; a workbook offers the labels to choose from."""
    if path.suffix == ".xlsx":
        sheet_book.write_book(path, header, rows, labels=labels)
    else:
        write_csv(path, header, rows)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], *, bom: bool = True) -> None:
    """Write CSV of which no cell is a formula; with a mark of the encoding, which spreadsheets need, unless not."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    write_whole(path, ("\ufeff" * bom + stream.getvalue()).encode("utf-8", "replace"))


def read_sheet(path: Path) -> tuple[Sequence[str], Iterable[Mapping[str, str | None]]]:
    """Columns and rows of a sheet in either form.

    Raises:
        InputError: It cannot be read.
        MissingExtraError: A workbook needs the extra ``tables``.
    """
    if path.suffix == ".xlsx":
        return sheet_book.read_book(path)
    text = _decoded(path)
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    return reader.fieldnames or (), reader


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the sheet cannot be read ({error})", path=path) from error
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return decode_table(data)
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 at byte {error.start}", path=path, hint="Save it as 'CSV UTF-8' from the spreadsheet."
        ) from error
