"""Evidence from a spreadsheet: every row is checked before any is written."""

import csv
import io
from collections.abc import Sequence
from datetime import date as calendar_day
from pathlib import Path

from kakehashi.commitments import Catalog
from kakehashi.errors import InputError, KakehashiError
from kakehashi.ledger.files import read_bytes
from kakehashi.work.evidence import Prepared, Source, append_evidence, prepare_evidence
from kakehashi.work.workspace import Workspace

REQUIRED = ("organization", "provisions", "finding", "date", "author")
OPTIONAL = ("run", "exchange", "document", "url", "title", "searched", "marking", "note_en", "note_ja")


def import_evidence(
    catalog: Catalog, place: Workspace, path: Path, *, today: calendar_day | None = None
) -> list[str]:
    """Attach the evidence of a CSV file: one record a row, all of them or none; returns their ids.

    Provisions of one row are separated by semicolons. A document's path is read from the folder of the file. UTF-8,
    with or without a byte-order mark, or cp932 as Japanese spreadsheets write it.

    Args:
        catalog: Organizations and provisions.
        place: The workspace.
        path: The file.
        today: Day that nothing may be later than.

    Raises:
        InputError: No such file, a column that is missing or unknown, or a row that cannot be used; with the line.
    """
    if not path.is_file():
        raise InputError("no such file", path=path)
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    prepared: list[Prepared] = []
    try:
        head = [name.strip() for name in next(rows, [])]
        _check_head(head, path)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(head):
                raise InputError(
                    f"{len(row)} cells, the head has {len(head)}",
                    path=path,
                    row=rows.line_num,
                    hint="Quote commas.",
                )
            cells = dict(zip(head, (cell.strip() for cell in row), strict=True))
            try:
                prepared.append(_prepare(catalog, place, cells, path.parent, today))
            except KakehashiError as error:
                raise InputError(error.message, path=path, row=rows.line_num, hint=error.hint) from None
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=rows.line_num) from None
    if not prepared:
        raise InputError("holds no row", path=path)
    return append_evidence(place, prepared)


def _text(path: Path) -> str:
    data = read_bytes(path)
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("neither UTF-8 nor cp932", path=path, hint="Save it as UTF-8.")


def _check_head(head: Sequence[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in head]
    if missing:
        raise InputError(
            f"lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            path=path,
            row=1,
            hint=f"Columns: {', '.join((*REQUIRED, *OPTIONAL))}",
        )
    for name in head:
        if name not in (*REQUIRED, *OPTIONAL):
            raise InputError(f"has an unknown column {name!r}", path=path, row=1)
        if head.count(name) > 1:
            raise InputError(f"has the column {name!r} twice", path=path, row=1)


def _prepare(
    catalog: Catalog, place: Workspace, cells: dict[str, str], folder: Path, today: calendar_day | None
) -> Prepared:
    document = cells.get("document", "")
    source = Source(
        cells.get("run", ""),
        cells.get("exchange", ""),
        folder / document if document else None,
        cells.get("url", ""),
        cells.get("title", ""),
    )
    return prepare_evidence(
        catalog,
        place,
        organization=cells["organization"],
        provisions=[name.strip() for name in cells["provisions"].split(";") if name.strip()],
        finding=cells["finding"],
        date=cells["date"],
        author=cells["author"],
        source=source,
        searched=cells.get("searched", ""),
        marking=cells.get("marking") or None,
        note={key: cells[f"note_{key}"] for key in ("en", "ja") if cells.get(f"note_{key}")},
        today=today,
    )
