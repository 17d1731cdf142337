"""Data sets of others, read once, checked to the line, and kept each in a file of its own with its licence."""

import csv
import io
import json
import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from kakehashi.errors import CorruptFileError, FormatVersionError, InputError, UnknownNameError
from kakehashi.index.records import UNITS
from kakehashi.ledger.files import flush_file, read_bytes, storage_errors, temporary_beside

FORMAT = "kakehashi.index-data/1"
Row = dict[str, Any]
_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data set.

    Attributes:
        columns: Our name → the column's name in the file.
        required: Those of our names that must have a value in every row.
        dates: Those that are days (or months).
        numbers: Those that are numbers.
        licence: Licence of the data, unless the user says otherwise.
        source: How to cite it, unless the user says otherwise.
        optional: Our names of columns that may be missing.
    """

    columns: Mapping[str, str]
    required: tuple[str, ...]
    dates: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    licence: str = "not stated"
    source: str = ""
    optional: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "aiid": Kind(
        {"id": "incident_id", "date": "date"},
        ("id", "date"),
        ("date",),
        licence="CC-BY-SA-4.0",
        source="AI Incident Database, weekly snapshot",
    ),
    "oecd-aim": Kind(
        {"id": "id", "date": "date"},
        ("id", "date"),
        ("date",),
        source="OECD AI Incidents and Hazards Monitor",
    ),
    "epoch-models": Kind(
        {"model": "model", "date": "publication_date", "developer": "organization", "country": "country"},
        ("model",),
        ("date",),
        licence="CC-BY-4.0",
        source="Epoch AI, notable AI models",
    ),
    "epoch-benchmarks": Kind(
        {
            "model": "Model Name",
            "date": "Version Release Date",
            "benchmark": "Benchmark",
            "score": "Benchmark Score",
            "developer": "Organization",
            "country": "Country",
        },
        ("model", "benchmark"),
        ("date",),
        ("score",),
        licence="CC-BY-4.0",
        source="Epoch AI, benchmarking hub",
    ),
    "epoch-eci": Kind(
        {
            "model": "Model",
            "date": "date",
            "score": "eci",
            "low": "eci_ci_low",
            "high": "eci_ci_high",
            "developer": "Organization",
            "country": "Country (of organization)",
        },
        ("model", "score"),
        ("date",),
        ("score", "low", "high"),
        licence="CC-BY-4.0",
        source="Epoch AI, Epoch Capabilities Index",
    ),
    "register": Kind(
        {"id": "id", "opened": "opened", "closed": "closed", "severity": "severity"},
        ("id", "opened"),
        ("opened", "closed"),
        optional=("severity",),
    ),
    "evaluations": Kind(
        {"model": "model", "developer": "developer", "method": "method", "evaluator": "evaluator"},
        ("model",),
        (),
    ),
    "survey": Kind(
        {"question": "question", "group": "group", "percent": "percent", "n": "n", "date": "date"},
        ("question", "group", "percent", "n", "date"),
        ("date",),
        ("percent", "n"),
    ),
    "audits": Kind(
        {"system": "system", "audited": "audited", "auditor": "auditor", "date": "date"},
        ("system", "audited"),
        ("date",),
        optional=("auditor", "date"),
    ),
    "values": Kind(
        {
            "measure": "measure",
            "value": "value",
            "unit": "unit",
            "date": "as_of",
            "source": "source",
            "n": "n",
            "low": "low",
            "high": "high",
        },
        ("measure", "value", "unit", "date", "source"),
        ("date",),
        ("value", "n", "low", "high"),
        optional=("n", "low", "high"),
    ),
}


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set of one vintage.

    Attributes:
        kind: One of :data:`KINDS`.
        vintage: Day on which the data were published or taken.
        retrieved: Day of the import.
        source: How to cite it.
        licence: Its licence, which goes with every value made of it.
        sha256: Hash of the file that was read.
        rows: Its rows, in our names.
    """

    kind: str
    vintage: str
    retrieved: str
    source: str
    licence: str
    sha256: str
    rows: tuple[Row, ...]


def import_file(
    folder: Path,
    path: Path,
    kind: str,
    *,
    vintage: str,
    source: str = "",
    licence: str = "",
    today: date | None = None,
    known: Mapping[str, str] | None = None,
) -> tuple[DataSet, Path]:
    """Read a file whole, check it, and put it into the workspace; nothing is written where a row is wrong.

    Args:
        folder: The workspace's folder of the index.
        path: The file: UTF-8 with or without a byte-order mark, or cp932.
        kind: One of :data:`KINDS`.
        vintage: Day of the data, ISO 8601; a year or a month alone counts from its last day.
        source: How to cite it; the kind's own by default.
        licence: Its licence; the kind's own by default.
        today: Days after it are refused.
        known: Measure → unit, for the kind ``values``.

    Raises:
        UnknownNameError: No such kind.
        InputError: The file cannot be used; the message names file and line.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of data", kind, sorted(KINDS))
    now = today or latest_day()
    one = KINDS[kind]
    vintage = last_day(vintage)
    check_date(vintage, now, what="vintage")
    cite = source or one.source
    if not cite:
        raise InputError(f"data of the kind {kind!r} name no source", path=path, hint="Say it with --source.")
    data = read_bytes(path)
    rows = tuple(_rows(data, path, one, now, _checker(kind, known or {})))
    if not rows:
        raise InputError("holds no row", path=path)
    made = DataSet(
        kind, vintage, now.isoformat(), cite, licence or one.licence, sha256(data).hexdigest(), rows
    )
    return made, _write(folder, made)


def read_sets(folder: Path, as_of: str) -> tuple[DataSet, ...]:
    """Every data set of a workspace whose vintage is not after a day, sorted by kind and vintage.

    Raises:
        CorruptFileError: A file is damaged.
        FormatVersionError: A file of a newer format.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            body = json.loads(read_bytes(path))
            if body["format"] != FORMAT:
                raise FormatVersionError(str(body["format"]), FORMAT, path=path)
            one = DataSet(rows=tuple(body.pop("rows")), **{k: v for k, v in body.items() if k != "format"})
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptFileError(
                f"damaged: {error}", path=path, hint="Import the file again: kakehashi index import"
            ) from None
        if last_day(one.vintage) <= as_of:
            found.append(one)
    return tuple(sorted(found, key=lambda one: (one.kind, one.vintage, one.sha256)))


def last_day(vintage: str) -> str:
    """The day from which a vintage counts as known: a year or a month alone counts from its last day.

    Examples:
        >>> last_day("2026"), last_day("2024-02"), last_day("2025-04-07")
        ('2026-12-31', '2024-02-29', '2025-04-07')
    """
    if re.fullmatch(r"\d{4}", vintage):
        return f"{vintage}-12-31"
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", vintage):
        return f"{vintage}-{monthrange(int(vintage[:4]), int(vintage[5:]))[1]:02d}"
    return vintage


def latest_day() -> date:
    """Today where the user is or by UTC, whichever is later: a morning in Tokyo is no day to come."""
    return max(date.today(), datetime.now(UTC).date())


def check_date(text: str, today: date, *, what: str = "date") -> None:
    """Refuse what is no day (or month), and what is still to come.

    Raises:
        InputError: With the reason; the caller adds file and line.
    """
    try:
        if not _DATE.fullmatch(
            text
        ):  # 20250331 and 2025-W13 are dates to Python, and sort among none of ours
            raise ValueError(text)
        day = date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        raise InputError(f"the {what} {text!r} is no date", hint="Write 2025-03-31 or 2025-03.") from None
    if day > today:
        raise InputError(f"the {what} {text} is in the future (today is {today})", hint="Correct the date.")


def decode(data: bytes, path: Path) -> str:
    """Bytes of a table or text as UTF-8 (with or without a byte-order mark) or cp932.

    Raises:
        InputError: It is neither, or holds zero bytes.
    """
    if b"\0" in data:
        row = data[: data.index(b"\0")].count(b"\n") + 1
        raise InputError("holds zero bytes: this is no text", path=path, row=row, hint="Save it as UTF-8.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
    try:
        return data.decode("cp932")
    except UnicodeDecodeError:
        raise InputError("neither UTF-8 nor cp932", path=path, row=row, hint="Save it as UTF-8.") from None


Check = Callable[[Row], None]


def _checker(kind: str, known: Mapping[str, str]) -> Check:
    def values(row: Row) -> None:
        unit = known.get(row["measure"])
        if unit is None:
            raise UnknownNameError("measure", row["measure"], sorted(known))
        if row["unit"] not in UNITS or row["unit"] != unit:
            raise InputError(f"unknown unit {row['unit']!r} of {row['measure']}", hint=f"Its unit is {unit}.")
        if row["n"] is not None and not _counts(row["n"]):
            raise InputError(f"n is {row['n']:g}, which counts nothing", hint="Give a whole number from 1.")
        low, high = row["low"], row["high"]
        if (low is None) != (high is None):
            raise InputError("an interval of one end", hint="Give low and high, or neither.")
        if low is not None and not low <= row["value"] <= high:
            raise InputError(
                f"the value {row['value']:g} is outside its interval, {low:g} to {high:g}",
                hint="Correct the row.",
            )

    def survey(row: Row) -> None:
        if not 0 <= row["percent"] <= 100 or not _counts(row["n"]):
            raise InputError(
                "percent is outside 0 to 100, or n is no whole number from 1", hint="Correct the row."
            )

    def register(row: Row) -> None:
        # a month without its day may hold the day on which the case was opened
        if row["closed"] and last_day(row["closed"]) < row["opened"]:
            raise InputError(f"closed on {row['closed']}, before it was opened", hint="Correct the dates.")

    def audits(row: Row) -> None:
        if row["audited"] not in ("yes", "no"):
            raise InputError(f"audited is {row['audited']!r}", hint="Write yes or no.")

    checks: dict[str, Check] = {"values": values, "survey": survey, "register": register, "audits": audits}
    return checks.get(kind, lambda _: None)


def _counts(number: float) -> bool:
    return number >= 1 and number == int(number)


def _rows(data: bytes, path: Path, kind: Kind, today: date, check: Check) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(decode(data, path), newline=""), strict=True)
    seen: set[str] = set()
    try:
        head = [name.strip() for name in next(lines, [])]
        twice = [name for name in kind.columns.values() if head.count(name) > 1]
        missing = [
            column
            for ours, column in kind.columns.items()
            if column not in head and ours not in kind.optional
        ]
        if missing or twice:
            what = f"lacks the column {', '.join(missing)}" if missing else f"has {twice[0]!r} twice"
            raise InputError(what, path=path, row=1, hint=f"Columns: {', '.join(kind.columns.values())}.")
        places = {ours: head.index(column) for ours, column in kind.columns.items() if column in head}
        for cells in lines:
            if not any(cells):
                continue
            if len(cells) != len(head):
                raise InputError(f"{len(cells)} cells, the head has {len(head)}", hint="Quote commas.")
            row: Row = {ours: cells[at].strip() for ours, at in places.items()}
            for name in kind.columns:
                row.setdefault(name, "")
            _check(row, kind, today)
            check(row)
            if "id" in row:
                if row["id"] in seen:
                    raise InputError(f"the id {row['id']!r} stands twice", hint="Keep one of the rows.")
                seen.add(row["id"])
            yield row
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=lines.line_num) from None
    except (InputError, UnknownNameError) as error:
        if getattr(error, "path", None):
            raise
        raise InputError(error.message, path=path, row=lines.line_num, hint=error.hint) from None


def _check(row: Row, kind: Kind, today: date) -> None:
    for name in kind.required:
        if not row[name]:
            raise InputError(f"{kind.columns[name]!r} is empty", hint="Fill it in, or leave the row out.")
    for name in kind.dates:
        if row[name]:
            check_date(row[name], today)
    for name in kind.numbers:
        text = row[name]
        try:
            if "_" in text:  # 1_000 is a number to Python
                raise ValueError(text)
            row[name] = float(text) if text else None
        except ValueError:
            raise InputError(f"{text!r} in {kind.columns[name]!r} is no number") from None
        if row[name] is not None and not isfinite(row[name]):
            raise InputError(f"{text!r} in {kind.columns[name]!r} is not finite")


def _write(folder: Path, made: DataSet) -> Path:
    target = folder / f"{made.kind}-{made.vintage}-{made.sha256[:8]}.json"
    text = json.dumps({"format": FORMAT, **asdict(made)}, ensure_ascii=False, sort_keys=True, allow_nan=False)
    with temporary_beside(folder) as part, storage_errors(target):
        part.write_text(text, encoding="utf-8")
        flush_file(part)
        part.replace(target)
    return target
