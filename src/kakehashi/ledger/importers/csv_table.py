"""Reader of tables: wide CSV (a row a subject, a column a measure) and long CSV (a row a number), by a column map."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.encodings import decode_table
from kakehashi.ledger.files import read_bytes
from kakehashi.ledger.importers.column_map import MISSING, ColumnMap, fingerprint
from kakehashi.ledger.importers.draft import Draft, Importer, ImportReport, Unread, ingest
from kakehashi.ledger.store import Ledger
from kakehashi.model import Interval, Measure, Measurement, Provenance

VERSION = "2"


def import_csv(
    ledger: Ledger | None, path: Path | str, columns: ColumnMap, *, fix: bool = False
) -> ImportReport:
    """Import a CSV table: one record for each subject, all or none.

    Args:
        ledger: The ledger, open for writing; None only looks.
        path: The file: UTF-8, comma, semicolon or tab between the cells, names of the columns in the first
            line.
        columns: What the columns mean.
        fix: Whether to mend what lint is certain of.

    Raises:
        InputError: A column is missing or stands twice, a cell is not a number; the message names file and
            row.
    """
    path = Path(path)
    return ingest(ledger, path, table_importer(columns), read_table(path, columns), fix=fix, texts=False)


def table_importer(columns: ColumnMap) -> Importer:
    """The importer that a map makes: the same file read by another map is another import."""
    version = f"{VERSION}:{fingerprint(columns)}"
    return Importer("csv", version, lambda _: False, lambda path: read_table(path, columns))


def read_table(path: Path, columns: ColumnMap) -> list[Draft]:
    """One draft for each subject of a table, in the order of the file.

    Raises:
        InputError: The table does not fit the map, or a cell is broken.
    """
    header, rows = table_rows(path)
    chosen = _chosen(header, columns, path)
    found: dict[str, list[tuple[int, Measurement]]] = {}
    described: dict[str, dict[str, str]] = {}
    blank: dict[str, int] = {}
    unread: list[Unread] = []
    for line, row in rows:
        subject = row[columns.subject].strip()
        if subject.lower() in MISSING and columns.subject_missing == "quarantine":
            cells = [columns.measure, columns.value] if columns.long else chosen
            unread.append(Unread(line, "subject-missing", {name: row[name] for name in cells}))
            continue
        if not subject:
            raise InputError(f"the cell of {columns.subject!r} is empty", path=path, row=line)
        own = described.setdefault(subject, {})
        for key, column in columns.describe.items():
            if row[column].strip().lower() not in MISSING:
                own.setdefault(key, row[column].strip())
        members = found.setdefault(subject, [])
        publisher = row[columns.publisher].strip() if columns.publisher else ""
        for name, number, more in _cells(row, columns, chosen, path, line):
            if number is None:
                blank[subject] = blank.get(subject, 0) + 1
            else:
                members.append((line, _measurement(columns, subject, name, number, publisher, more)))
    used = {*_needed(columns), *chosen}
    about = {
        "passed_over": [name for name in header if name not in used or name in columns.ignore],
        "notes": list(columns.notes),
    }
    return [
        Draft(
            subject=subject,
            method=columns.source,
            method_version=columns.method_version,
            measurements=[m for _, m in members],
            rows=[line for line, _ in members],
            part=subject,
            missing=blank.get(subject, 0),
            unread=unread if number == 0 else (),
            details={
                **({"columns": about} if number == 0 else {}),
                **({"subject": described[subject]} if described[subject] else {}),
            },
        )
        for number, (subject, members) in enumerate(found.items())
    ]


def _needed(columns: ColumnMap) -> list[str]:
    more = [columns.measure, columns.value, columns.std_error, columns.low, columns.high]
    named = [columns.subject, *columns.measures, *columns.ignore, columns.n, columns.publisher]
    named += columns.describe.values()
    return [name for name in named + (more if columns.long else []) if name]


def _chosen(header: list[str], columns: ColumnMap, path: Path) -> tuple[str, ...]:
    """The columns of measures of a wide table; none of a long one."""
    if columns.long and not (columns.measure and columns.value):
        raise InputError("a long table needs both 'measure' and 'value' in its column map", path=path)
    needed = _needed(columns)
    for name in needed:
        if name not in header:
            raise InputError(
                f"there is no column {name!r}", path=path, row=1, hint=f"Columns: {', '.join(header[:20])}."
            )
    if columns.long:
        return ()
    return columns.measures or tuple(name for name in header if name not in needed)


_Cell = tuple[str, float | None, dict[str, Any]]


def _cells(
    row: Mapping[str, str], columns: ColumnMap, chosen: Sequence[str], path: Path, line: int
) -> list[_Cell]:
    if columns.long:
        return [_long_cell(row, columns, path, line)]
    return _wide_cells(row, columns, chosen, path, line)


def _wide_cells(
    row: Mapping[str, str], columns: ColumnMap, chosen: Sequence[str], path: Path, line: int
) -> list[_Cell]:
    count = _number(row, columns.n, path, line)
    more = {} if count is None else {"n": int(count)}
    return [(name, _number(row, name, path, line, columns.unit_of(name)), more) for name in chosen]


def _long_cell(row: Mapping[str, str], columns: ColumnMap, path: Path, line: int) -> _Cell:
    name = row[columns.measure].strip()
    if not name:
        raise InputError(f"the cell of {columns.measure!r} is empty", path=path, row=line)
    more: dict[str, Any] = {}
    error, count = _number(row, columns.std_error, path, line), _number(row, columns.n, path, line)
    low, high = _number(row, columns.low, path, line), _number(row, columns.high, path, line)
    if error is not None:
        more["std_error"] = error
    if count is not None:
        more["n"] = int(count)
    if low is not None and high is not None:
        more["interval"] = Interval(low, high, columns.confidence_level, "stated")
    return name, _number(row, columns.value, path, line, columns.unit_of(name)), more


def _measurement(
    columns: ColumnMap, subject: str, name: str, value: float, publisher: str, more: Mapping[str, Any]
) -> Measurement:
    low, high = columns.range_of(name)
    return Measurement(
        subject=subject,
        measure=Measure(
            id=f"{columns.source}:{name}",
            construct=columns.construct(name),
            polarity=columns.direction(name),
            unit=columns.unit_of(name),
            low=low,
            high=high,
        ),
        value=value,
        provenance=Provenance(
            source=columns.source if publisher.lower() in MISSING else publisher,
            method=columns.source,
            method_version=columns.method_version,
            created=columns.created,
            citation=columns.citation,
            licence=columns.licence,
        ),
        **more,
    )


def _number(row: Mapping[str, str], column: str, path: Path, line: int, unit: str = "") -> float | None:
    if not column:
        return None
    text = row[column].strip()
    if text.lower() in MISSING:
        return None
    try:
        number = float(text.removesuffix("%") if unit == "percent" else text)
    except ValueError:
        raise InputError(
            f"{column!r} holds {text[:40]!r}, which is not a number",
            path=path,
            row=line,
            hint="Name the column under 'ignore', or mend the cell.",
        ) from None
    if not math.isfinite(number):
        raise InputError(f"{column!r} is infinite", path=path, row=line)
    return number


def table_rows(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The names of the columns, and the rows with their lines; rows without any text are passed over.

    Raises:
        InputError: The file is no table in UTF-8 or cp932; at the row, where a row is broken.
    """
    data = read_bytes(path)
    try:
        text = decode_table(data)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"not UTF-8 (byte 0x{data[error.start]:02x})",
            path=path,
            row=line,
            hint="Save the table as UTF-8.",
        ) from error
    if "\0" in text:
        raise InputError("a NUL byte; this is not a text table", path=path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    header = read_header(reader, path)
    return header, _checked(reader, header, path)


def delimiter_of(text: str) -> str:
    """Comma, semicolon or tab: what stands most often in the first line."""
    return max(",;\t", key=text.partition("\n")[0].count)


def read_header(reader: Iterator[list[str]], path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        InputError: There are none, or one stands twice.
    """
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=1) from error
    if not any(header):
        raise InputError("the table is empty", path=path)
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"the column {name!r} stands twice", path=path, row=1)
    return header


def _checked(reader: Any, header: list[str], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{len(cells)} cells, but {len(header)} columns",
                    path=path,
                    row=reader.line_num,
                    hint="The file may be cut off, or the separator stands in a cell without quotes.",
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=reader.line_num) from error
