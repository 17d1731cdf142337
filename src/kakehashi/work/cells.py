"""Cells of spreadsheets: what a spreadsheet must not take for a formula, and workbooks that are the same each time."""

import io
import re
import zipfile
from datetime import datetime
from typing import Any

from kakehashi.model.cell import safe_cell

#: Control characters that no workbook may hold.
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

#: The oldest date that an entry of a ZIP archive can have.
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def legal_text(text: str) -> str:
    r"""A text without the control characters that no workbook may hold.

    Examples:
        >>> legal_text("a\x07b\nc")
        'ab\nc'
    """
    return _ILLEGAL.sub("", text)


def text_cell(sheet: Any, text: str) -> Any:
    """A cell of text, whatever it begins with; what a spreadsheet could take for a formula is marked as text."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = text != safe_cell(text)
    return cell


def settled_book(data: bytes, made: str = "") -> bytes:
    """A workbook without the hour at which it was written: the same values, the same bytes.

    Args:
        data: The workbook.
        made: Date that it bears, in ISO 8601; 2000 without one.
    """
    try:
        when = datetime.fromisoformat(made).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        when = "2000-01-01T00:00:00Z"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            body = old.read(name)
            if name == "docProps/core.xml":
                body = re.sub(rb">[^<]*(</dcterms:)", b">" + when.encode() + rb"\1", body)
                body = body.replace(b"openpyxl", b"Kakehashi")
            new.writestr(zipfile.ZipInfo(name, _ZIP_DATE), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()
