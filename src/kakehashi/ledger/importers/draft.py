"""What an importer makes of a foreign file, and how it gets into the ledger."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.codec import encode
from kakehashi.ledger.deposit import Entry
from kakehashi.ledger.files import digest_of, storage_errors
from kakehashi.ledger.items import Columns, ItemWriter
from kakehashi.ledger.lint import LintFinding, Screened, lint, remedy, screen
from kakehashi.ledger.store import Ledger
from kakehashi.ledger.texts import Texts
from kakehashi.model import Measurement
from kakehashi.proof import Json, parse_json

MAX_FILE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Draft:
    """One subject by one method, as read from a foreign file and not yet looked at by lint.

    Attributes:
        subject: Exact name of the system in the source.
        method: Identifier of the method.
        method_version: As the source states it, ``""`` where it does not.
        measurements: The numbers as stated.
        run: The source's own identifier of the run.
        items: Item rows, where the source has them.
        texts: Prompts and answers, where the source has them.
        judge: Scorer or judge, where stated.
        part: Which part of the file this is; tells several drafts of one file apart.
        details: Anything else worth keeping; never texts.
        rows: Line of the file for each measurement, counted from 1, where the file has lines.
        partial: Whether the source says that the run did not end well.
        missing: How many cells of the source hold no value.
        unread: Rows of the file that could not be given to any subject; they go into quarantine here.
    """

    subject: str
    method: str
    method_version: str
    measurements: Sequence[Measurement]
    run: str = ""
    items: Columns | ItemWriter | None = None
    texts: Texts | None = None
    judge: str = ""
    part: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[int] = ()
    partial: bool = False
    missing: int = 0
    unread: Sequence["Unread"] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A row of a file that became no measurement.

    Attributes:
        row: Line of the file, from 1.
        code: A key of :data:`~kakehashi.ledger.lint.CODES`.
        cells: What stands in it.
    """

    row: int
    code: str
    cells: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The row as the record's quarantine keeps it."""
        return {"row": self.row, "codes": [self.code], "cells": dict(self.cells)}

    def finding(self) -> LintFinding:
        """The row as lint names it."""
        shown = ", ".join(f"{key} {value}" for key, value in self.cells.items())
        return LintFinding(self.code, self.row, "", "", shown[:200])


@dataclass(frozen=True, slots=True)
class Importer:
    """A reader of one foreign format.

    Attributes:
        name: Name of the format, such as ``"helm"``.
        version: Version of the reader; the same file read by the same version is imported once.
        recognizes: Whether a path looks like this format.
        read: The drafts in a path.
        covers: The files whose bytes identify the source.
    """

    name: str
    version: str
    recognizes: Any
    read: Any
    covers: Any = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the numbers of a source; nothing is dropped in silence.

    Attributes:
        rows: Numbers stated in the source: ``kept + repaired + reduced + quarantined``.
        kept: Taken in as they stand.
        repaired: Taken in mended, the original beside them.
        reduced: Taken in without an uncertainty that cannot be right, the original beside them.
        quarantined: Not taken in; they stand in the record's details with their reasons.
        missing: Cells without a value, which are no rows.
        items: Item rows taken in.
        unscored: Item rows among them that have no number.
        items_quarantined: Item rows among those whose score does not fit; the score stands in the record's
            details with its reason.
    """

    rows: int = 0
    kept: int = 0
    repaired: int = 0
    reduced: int = 0
    quarantined: int = 0
    missing: int = 0
    items: int = 0
    unscored: int = 0
    items_quarantined: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        path: What was read.
        importer: Name of the format.
        records: Ids of the records, in order, new and known; empty for a dry run.
        added: How many of them are new.
        findings: What lint found, row by row, beside the part of the file.
        tally: What became of the numbers.
        subjects: Names of the subjects.
        methods: Methods with their versions.
        passed_over: Columns of the source that were not read.
        notes: What a reader of the numbers must know.
        remedies: For each finding, what becomes of the row without ``fix`` and with it.
    """

    path: str
    importer: str
    records: tuple[str, ...]
    added: int
    findings: tuple[tuple[str, LintFinding], ...]
    tally: Tally = Tally()
    subjects: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    remedies: tuple[tuple[str, str], ...] = ()

    @property
    def quarantined(self) -> int:
        """How many numbers were put into quarantine."""
        return self.tally.quarantined

    def as_json(self) -> dict[str, Any]:
        """The report as ``--json`` prints it."""
        return {
            "path": self.path,
            "format": self.importer,
            "records": list(self.records),
            "added": self.added,
            "findings": [
                {"part": part, **finding.as_json(), "without_fix": without, "with_fix": mended}
                for (part, finding), (without, mended) in zip(self.findings, self.remedies, strict=True)
            ],
            "tally": self.tally.as_json(),
            "subjects": list(self.subjects),
            "methods": list(self.methods),
            "passed_over": list(self.passed_over),
            "notes": list(self.notes),
        }


def ingest(
    ledger: Ledger | None,
    path: Path,
    importer: Importer,
    drafts: Sequence[Draft],
    *,
    fix: bool,
    texts: bool,
) -> ImportReport:
    """Lint drafts and put them into the ledger, all or none.

    Args:
        ledger: The ledger, open for writing; None only looks (a dry run).
        path: What was read.
        importer: Which reader read it.
        drafts: What it read.
        fix: Whether to mend what lint is certain of.
        texts: Whether prompts and answers are taken in too.

    Raises:
        InputError: The file holds no result.
    """
    if not drafts:
        raise InputError("no result was found in it", path=path)
    digest = source_digest(importer.covers(path) if importer.covers else [path])
    findings: list[tuple[str, LintFinding]] = []
    remedies: list[tuple[str, str]] = []
    tally = Tally()
    entries = []
    # Linted together: whether rows contradict each other is seen only across subjects.
    everything = lint(
        [m for draft in drafts for m in draft.measurements],
        places=[place for draft in drafts for place in _places(draft)],
    )
    start = 0
    for draft in drafts:
        end = start + len(draft.measurements)
        own = [replace(f, row=f.row - start) for f in everything if start <= f.row < end]
        start = end
        screened = screen(draft.measurements, fix=fix, findings=own)
        findings += [
            (draft.part, replace(f, row=draft.rows[f.row] if draft.rows else f.row + 1)) for f in own
        ]
        findings += [(draft.part, row.finding()) for row in draft.unread]
        remedies += [_remedies(f, draft.measurements[f.row]) for f in own]
        remedies += [_remedies(row.finding(), None) for row in draft.unread]
        tally += _tally(draft, screened)
        details = {**draft.details, **screened.as_details()}
        if draft.unread:
            details["quarantined_rows"] = [row.as_json() for row in draft.unread]
        record = {
            "kind": "result",
            "run": draft.run,
            "subject": draft.subject,
            "method": draft.method,
            "method_version": draft.method_version,
            "judge": draft.judge,
            "measurements": [encode(m) for m in screened.kept],
            "source": {
                "sha256": digest,
                "name": path.name,
                "importer": importer.name,
                "importer_version": importer.version + ("+fix" if fix else ""),
                "part": draft.part,
            },
            "details": details,
            **({"partial": True} if draft.partial else {}),
        }
        entries.append(Entry(record, draft.items, draft.texts if texts else None))
    before = 0 if ledger is None else ledger.root().size
    ids = [] if ledger is None else _append(ledger, entries, path)
    about = drafts[0].details.get("columns", {})
    return ImportReport(
        str(path),
        importer.name,
        tuple(ids),
        0 if ledger is None else ledger.root().size - before,
        tuple(findings),
        tally,
        tuple(dict.fromkeys(draft.subject for draft in drafts)),
        tuple(dict.fromkeys(f"{d.method}@{d.method_version}".rstrip("@") for d in drafts)),
        tuple(about.get("passed_over", ())),
        tuple(about.get("notes", ())),
        tuple(remedies),
    )


def _places(draft: Draft) -> list[str]:
    """Where each number of a draft stands: its line of the file, else its place in its part."""
    if draft.rows:
        return [f"row {line}" for line in draft.rows]
    part = f" of {draft.part}" if draft.part else ""
    return [f"row {place}{part}" for place in range(1, len(draft.measurements) + 1)]


def _append(ledger: Ledger, entries: Sequence[Entry], path: Path) -> list[str]:
    try:
        return ledger.append_all(entries)
    except InputError as error:
        if error.path is not None:
            raise
        raise InputError(error.message, path=path, hint=error.hint) from error


def _remedies(finding: LintFinding, row: Measurement | None) -> tuple[str, str]:
    return remedy(finding, row, fix=False), remedy(finding, row, fix=True)


def _tally(draft: Draft, screened: Screened) -> Tally:
    # Of a table of items, what could not be read is a score of an item, not a number of the source.
    items = draft.items
    columnar, unread = (len(draft.unread), 0) if callable(items) else (0, len(draft.unread))
    values: list[object] = [] if items is None or callable(items) else list(items.get("value", ()))
    rows = len(draft.measurements) + unread
    quarantined = len(screened.quarantined) + unread
    return Tally(
        rows=rows,
        kept=rows - quarantined - len(screened.changed),
        repaired=screened.repaired,
        reduced=len(screened.changed) - screened.repaired,
        quarantined=quarantined,
        missing=draft.missing,
        items=len(values),
        unscored=sum(value is None for value in values),
        items_quarantined=columnar,
    )


def source_digest(paths: Sequence[Path]) -> str:
    """Hash that identifies a source: that of the file, or over the hashes and names of several."""
    if len(paths) == 1:
        return digest_of(paths[0])
    lines = [f"{digest_of(path)}  {path.name}\n" for path in sorted(paths)]
    return sha256("".join(lines).encode()).hexdigest()


def read_head(path: Path, length: int = 1 << 16) -> bytes:
    """The first bytes of a file, by which importers know their formats."""
    with storage_errors(path), path.open("rb") as stream:
        return stream.read(length)


def read_json(path: Path) -> Json:
    """A foreign JSON file; NaN and Infinity, which other programs write, become null.

    Raises:
        InputError: It is too large, not UTF-8, not JSON, or nested too deep.
    """
    with storage_errors(path):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"larger than {MAX_FILE_BYTES >> 20} MiB", path=path)
        data = path.read_bytes()
    return parse_json(data, path=path, nan_as_null=True)


def an_object(value: object, where: str, path: Path) -> dict[str, Any]:
    """``value`` if it is an object.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, dict):
        raise InputError(
            f"{where} is not an object", path=path, hint="Is the file complete and of this format?"
        )
    return value


def a_list(value: object, where: str, path: Path) -> list[Any]:
    """``value`` if it is a list.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, list):
        raise InputError(f"{where} is not a list", path=path, hint="Is the file complete and of this format?")
    return value


def a_text(value: object, where: str, path: Path) -> str:
    """``value`` if it is a text that is not empty.

    Raises:
        InputError: It is not.
    """
    if not isinstance(value, str) or not value:
        raise InputError(f"{where} is not a text: {value!r}"[:200], path=path)
    return value


def a_number(value: object, where: str, path: Path) -> float:
    """``value`` as a float.

    Raises:
        InputError: It is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where} is not a number: {value!r}"[:200], path=path)
    return float(value)


def utc_time(value: object) -> str:
    """A time as records carry it, from ISO 8601 with an offset or Unix time; what is neither stays as stated.

    Examples:
        >>> utc_time("2025-07-03T16:44:30+02:00"), utc_time("1750000000"), utc_time(None), utc_time("July")
        ('2025-07-03T14:44:30Z', '2025-06-15T15:06:40Z', '', 'July')
    """
    text = "" if value is None else str(value)
    try:
        if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
            moment = datetime.fromtimestamp(float(text), UTC)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return text
    if moment.tzinfo is None:  # a date or a local time: saying UTC would be a guess
        return text
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number_or_none(value: object) -> float | None:
    """``value`` as a float, or None where it is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
