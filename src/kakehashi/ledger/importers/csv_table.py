"""Reader of tables: wide CSV (a row a subject, a column a measure) and long CSV (a row a number), by a column map."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.files import read_bytes
from kakehashi.ledger.importers.draft import Draft, Importer, ImportReport, ingest
from kakehashi.ledger.store import Ledger
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance
from kakehashi.proof import canonical_bytes

VERSION = "1"
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "–"})


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Which column of a table means what.

    Attributes:
        source: Whose numbers these are, such as ``"safetywashing@bee302c11f"``; becomes the method's
            publisher.
        subject: Column of the subject.
        measures: Wide tables: columns to read; empty for every column not named elsewhere.
        measure: Long tables: column that names the measure.
        value: Long tables: column of the number.
        std_error: Long tables: column of the standard error.
        low: Long tables: column of the interval's lower end.
        high: Long tables: column of its upper end.
        n: Column of the number of items (long), or none.
        ignore: Columns to pass over.
        higher_is_better: One direction for all, or one for each measure; what is not stated stays unstated.
        constructs: Construct of each measure; ``"own"`` for the rest.
        minimum: Least possible score, where there is one for all.
        maximum: Greatest possible score.
        unit: Unit of the scores.
        confidence_level: Of the intervals in the table.
        created: When the numbers were measured, ISO 8601.
        method_version: Version of the method, where stated.
        citation: How to cite it.
        licence: Licence of the table.
    """

    source: str
    subject: str
    measures: tuple[str, ...] = ()
    measure: str = ""
    value: str = ""
    std_error: str = ""
    low: str = ""
    high: str = ""
    n: str = ""
    ignore: tuple[str, ...] = ()
    higher_is_better: bool | Mapping[str, bool] | None = None
    constructs: Mapping[str, str] = field(default_factory=dict)
    minimum: float | None = None
    maximum: float | None = None
    unit: str = "score"
    confidence_level: float = 0.95
    created: str = ""
    method_version: str = ""
    citation: str = ""
    licence: str = ""

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "ColumnMap":
        """A map from a parsed YAML or JSON file.

        Raises:
            InputError: A key that is not known, or one that is missing.
        """
        known = {f.name for f in fields(cls)}
        for key in given:
            if key not in known:
                raise InputError(
                    f"unknown key {key!r} in the column map", hint=f"Known: {', '.join(sorted(known))}."
                )
        for key in ("source", "subject"):
            if not given.get(key):
                raise InputError(f"the column map does not say {key!r}")
        settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return cls(**settings)


def import_csv(ledger: Ledger, path: Path | str, columns: ColumnMap, *, fix: bool = False) -> ImportReport:
    """Import a CSV table: one record for each subject, all or none.

    Args:
        ledger: The ledger, open for writing.
        path: The file: UTF-8, comma, semicolon or tab between the cells, names of the columns in the first
            line.
        columns: What the columns mean.
        fix: Whether to mend what lint is certain of.

    Raises:
        InputError: A column is missing or stands twice, a cell is not a number; the message names file and
            row.
    """
    path = Path(path)
    # The map belongs to the reading: the same file read by another map is another import.
    version = f"{VERSION}:{_fingerprint(columns)}"
    importer = Importer("csv", version, lambda _: False, lambda p: read_table(p, columns))
    return ingest(ledger, path, importer, read_table(path, columns), fix=fix, texts=False)


def read_table(path: Path, columns: ColumnMap) -> list[Draft]:
    """One draft for each subject of a table, in the order of the file.

    Raises:
        InputError: The table does not fit the map, or a cell is broken.
    """
    header, rows = _rows(path)
    long = bool(columns.measure or columns.value)
    needed = [columns.subject, *columns.measures, *columns.ignore, columns.n]
    if long:
        if not (columns.measure and columns.value):
            raise InputError("a long table needs both 'measure' and 'value' in its column map", path=path)
        needed += [columns.measure, columns.value, columns.std_error, columns.low, columns.high]
    for name in needed:
        if name and name not in header:
            raise InputError(
                f"there is no column {name!r}", path=path, row=1, hint=f"Columns: {', '.join(header[:20])}."
            )
    chosen = columns.measures or tuple(
        c for c in header if c not in {*columns.ignore, columns.subject, columns.n}
    )
    found: dict[str, list[tuple[int, Measurement]]] = {}
    for line, row in rows:
        subject = row[columns.subject].strip()
        if not subject:
            raise InputError(f"the cell of {columns.subject!r} is empty", path=path, row=line)
        cells = (
            [_long_cell(row, columns, path, line)] if long else _wide_cells(row, columns, chosen, path, line)
        )
        for name, number, more in cells:
            if number is not None:
                found.setdefault(subject, []).append(
                    (line, _measurement(columns, subject, name, number, more))
                )
            else:
                found.setdefault(subject, [])
    return [
        Draft(
            subject=subject,
            method=columns.source,
            method_version=columns.method_version,
            measurements=[m for _, m in members],
            rows=[line for line, _ in members],
            part=subject,
        )
        for subject, members in found.items()
    ]


_Cell = tuple[str, float | None, dict[str, Any]]


def _wide_cells(
    row: Mapping[str, str], columns: ColumnMap, chosen: Sequence[str], path: Path, line: int
) -> list[_Cell]:
    count = _number(row, columns.n, path, line)
    more = {} if count is None else {"n": int(count)}
    return [(name, _number(row, name, path, line, columns.unit), more) for name in chosen]


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
    return name, _number(row, columns.value, path, line, columns.unit), more


def _measurement(
    columns: ColumnMap, subject: str, name: str, value: float, more: Mapping[str, Any]
) -> Measurement:
    direction = columns.higher_is_better
    if isinstance(direction, Mapping):
        direction = direction.get(name)
    polarity = Polarity.NONE if direction is None else Polarity.HIGHER if direction else Polarity.LOWER
    return Measurement(
        subject=subject,
        measure=Measure(
            id=f"{columns.source}:{name}",
            construct=columns.constructs.get(name, "own"),
            polarity=polarity,
            unit=columns.unit,
            low=columns.minimum,
            high=columns.maximum,
        ),
        value=value,
        provenance=Provenance(
            source=columns.source,
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


def _rows(path: Path) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    data = read_bytes(path)
    try:
        text = data.decode("utf-8-sig")
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
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=1) from error
    if not any(header):
        raise InputError("the table is empty", path=path)
    for name in header:
        if header.count(name) > 1:
            raise InputError(f"the column {name!r} stands twice", path=path, row=1)
    return header, _checked(reader, header, path)


def _checked(reader: Any, header: list[str], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{len(cells)} cells, but {len(header)} columns", path=path, row=reader.line_num
                )
            yield reader.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=reader.line_num) from error


def _fingerprint(columns: ColumnMap) -> str:
    plain = {f.name: getattr(columns, f.name) for f in fields(columns)}
    return sha256(canonical_bytes(plain)).hexdigest()[:12]
