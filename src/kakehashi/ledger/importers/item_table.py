"""Reader of item tables (a row a subject and sample), Parquet or CSV, by a column map.

DuckDB reads, checks and writes whole columns; no row becomes an object of Python, so that millions of rows
are practical and memory stays flat.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.ledger.files import storage_errors
from kakehashi.ledger.importers.column_map import MISSING, ItemMap, ScoreColumn, fingerprint
from kakehashi.ledger.importers.csv_table import delimiter_of, read_header
from kakehashi.ledger.importers.draft import Draft, Importer, ImportReport, Tally, Unread, ingest
from kakehashi.ledger.items import copy_items, duckdb_connection, sql_text
from kakehashi.ledger.lint import SENTINELS
from kakehashi.ledger.store import Ledger
from kakehashi.model import Measure, Measurement, Provenance

VERSION = "1"
MEMORY = "512MB"
MAX_QUARANTINED = 1000
"""More bad rows than this are no slips of single rows: the map does not fit the table."""

_MAX_HEADER = 1 << 20
_KEYS = ("cluster", "category", "kind", "language", "technique", "task")
_TEXT = {**dict.fromkeys(("subject", "method", "sample", *_KEYS), "VARCHAR"), "epoch": "BIGINT"}

Progress = Callable[[int, int], None]
"""Called with how many results are written and how many there are."""


def import_items(
    ledger: Ledger | None,
    path: Path | str,
    columns: ItemMap,
    *,
    progress: Progress | None = None,
) -> ImportReport:
    """Import a table of item rows: one record for each subject and method, all or none.

    Args:
        ledger: The ledger, open for writing; None only looks.
        path: A Parquet file, or CSV in UTF-8.
        columns: What the columns mean.
        progress: Told how far the writing is.

    Raises:
        InputError: A column is missing, a row has no subject or sample, a cell is not a number, two rows are
            about one thing. The message names file and row; the ledger is as it was.
    """
    path = Path(path)
    importer = Importer("items", f"{VERSION}:{fingerprint(columns)}", lambda _: False, lambda _: [])
    with _table(path, columns) as table:
        drafts = table.drafts(progress)
        report = ingest(ledger, path, importer, drafts, fix=False, texts=False)
        counts = table.tally()
    return _with(report, counts)


def _with(report: ImportReport, counts: Tally) -> ImportReport:
    from dataclasses import replace

    tally = replace(report.tally, items=counts.items, unscored=counts.unscored)
    return replace(report, tally=tally)


@contextmanager
def _table(path: Path, columns: ItemMap) -> Iterator["_Table"]:
    import duckdb

    with duckdb_connection(memory_limit=MEMORY, threads="2") as connection:
        try:
            with storage_errors(path):
                yield _Table(connection, path, columns)
        except duckdb.Error as error:
            raise _unreadable(error, path) from error


@dataclass(frozen=True, slots=True)
class _Group:
    """A subject by a method: what becomes one record."""

    subject: str
    method: str
    rows: int


class _Table:
    """The rows of one file under the names of the ledger, in DuckDB."""

    def __init__(self, connection: Any, path: Path, columns: ItemMap) -> None:
        self.connection, self.path, self.columns = connection, path, columns
        self.header = self._open()
        self._make()
        self._check()

    def drafts(self, progress: Progress | None) -> list[Draft]:
        """One draft for each subject and method, in the order of the file."""
        found = self._all(
            "SELECT subject, method, count(*) FROM given GROUP BY ALL ORDER BY min(line), method"
        )
        groups = [_Group(*row) for row in found]
        unread = self._unread()
        stated = self._measurements()
        passed_over = [name for name in self.header if name not in self._used()]
        about = {"passed_over": [*passed_over, *self.columns.ignore], "notes": list(self.columns.notes)}
        return [
            Draft(
                subject=group.subject,
                method=self.columns.name_of(group.method),
                method_version=self.columns.method_version,
                measurements=stated[group.subject, group.method],
                items=self._writer(group, number, len(groups), progress),
                judge=", ".join(_judge(score) for score in self.columns.scores),
                part=f"{group.subject}/{group.method}",
                unread=unread.get((group.subject, group.method), ()),
                details={"columns": about} if number == 0 else {},
            )
            for number, group in enumerate(groups)
        ]

    def tally(self) -> Tally:
        """How many item rows there are, and how many of them have no number."""
        ((rows, scored),) = self._all("SELECT count(*), count(value) FROM given")
        return Tally(items=rows, unscored=rows - scored)

    # ------------------------------------------------------------------ reading

    def _open(self) -> list[str]:
        source = sql_text(str(self.path))
        with self.path.open("rb") as stream:
            head = stream.readline(_MAX_HEADER)
        if head.startswith(b"PAR1"):
            self.connection.execute(f"CREATE VIEW source AS SELECT * FROM read_parquet({source})")
            return [row[0] for row in self._all("DESCRIBE source")]
        try:
            first = head.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError("not UTF-8", path=self.path, row=1, hint="Save the table as UTF-8.") from error
        delimiter = delimiter_of(first)
        header = read_header(csv.reader([first], delimiter=delimiter, strict=True), self.path)
        names = ", ".join(f"{sql_text(name)}: 'VARCHAR'" for name in header)
        # Nothing is guessed and nothing filled up: a row with too many or too few cells is an error.
        self.connection.execute(
            f"CREATE VIEW source AS SELECT * FROM read_csv({source}, header = true, auto_detect = false, "
            f"columns = {{{names}}}, delim = {sql_text(delimiter)}, quote = '\"', escape = '\"', "
            "strict_mode = true, null_padding = false, ignore_errors = false)"
        )
        return header

    def _make(self) -> None:
        """The table ``given``: a row an item row of the ledger, sorted so that each record's rows lie together."""
        map_ = self.columns
        keys = {"subject": map_.subject, "method": map_.method or map_.source, "sample": map_.sample}
        keys |= {name: getattr(map_, name) for name in _KEYS} | {"epoch": map_.epoch}
        select = ["row_number() OVER () AS line"]
        select += [
            f"CAST({self._expression(name, text)} AS {_TEXT[name]}) AS {name}" for name, text in keys.items()
        ]
        for name in dict.fromkeys(score.column for score in map_.scores):
            self._must_have(name)
        for number, score in enumerate(map_.scores):
            select.append(f"{_name(score.column)} AS raw_{number}")
        self.connection.execute(f"CREATE TEMP VIEW read AS SELECT {', '.join(select)} FROM source")
        parts = [self._score(number, score) for number, score in enumerate(map_.scores)]
        self.connection.execute(
            "CREATE TABLE given AS SELECT * FROM ("
            + " UNION ALL ".join(parts)
            + ") ORDER BY subject, method, line, place"
        )

    def _score(self, number: int, score: ScoreColumn) -> str:
        raw = f"raw_{number}"
        text = f"CAST({raw} AS VARCHAR)"
        blank = f"({raw} IS NULL OR lower(trim({text})) IN ({', '.join(map(sql_text, sorted(MISSING)))}))"
        if score.values:
            cases = " ".join(f"WHEN {sql_text(str(k))} THEN {float(v)!r}" for k, v in score.values.items())
            known = ", ".join(sql_text(str(key)) for key in score.values)
            value = f"CASE {text} {cases} ELSE NULL END"
            label = (
                f"CASE WHEN {blank} THEN NULL WHEN {text} IN ({known}) THEN {text} ELSE 'judge-failed' END"
            )
            wrong = f"CASE WHEN NOT {blank} AND {text} NOT IN ({known}) THEN 'label-unknown' END"
        else:
            value, label = f"CASE WHEN {blank} THEN NULL ELSE TRY_CAST({raw} AS DOUBLE) END", "NULL"
            wrong = f"CASE WHEN NOT {blank} AND TRY_CAST({raw} AS DOUBLE) IS NULL THEN 'no-number' END"
        measure = sql_text("@" + _judge(score) if number else "")
        names = ", ".join(("line", "subject", "method", "sample", "epoch", *_KEYS))
        return (
            f"SELECT {names}, {number} AS place, {measure} AS suffix, {sql_text(_judge(score))} AS judge, "
            f"{value} AS value, {label} AS label, {wrong} AS wrong, {text} AS raw, "
            f"CASE WHEN {blank} THEN 'missing in the source' END AS reason FROM read"
        )

    # ------------------------------------------------------------------ checking

    def _check(self) -> None:
        if not self._all("SELECT 1 FROM given LIMIT 1"):
            raise InputError("no result was found in it", path=self.path)
        for name in ("subject", "method", "sample"):
            for (line,) in self._all(
                f"SELECT line FROM given WHERE {name} IS NULL OR trim({name}) = '' LIMIT 1"
            ):
                raise InputError(f"the row has no {name}", path=self.path, row=line + 1)
            for (line,) in self._all(f"SELECT line FROM given WHERE contains({name}, chr(0)) LIMIT 1"):
                raise InputError(
                    f"a NUL byte in the {name}; this is not a text table", path=self.path, row=line + 1
                )
        for line, judge, raw in self._all(
            "SELECT line, judge, raw FROM given WHERE wrong = 'no-number' LIMIT 1"
        ):
            raise InputError(
                f"the column {self._column(judge)!r} holds {raw[:40]!r}, which is not a number",
                path=self.path,
                row=line + 1,
                hint="Give the column 'values' in the map if it holds labels.",
            )
        for line, judge in self._all("SELECT line, judge FROM given WHERE isinf(value) LIMIT 1"):
            raise InputError(f"the column {self._column(judge)!r} is infinite", path=self.path, row=line + 1)
        # what is no number is a missing value, as Parquet files of pandas have it
        self.connection.execute(
            "UPDATE given SET value = NULL, reason = 'missing in the source' WHERE isnan(value)"
        )
        for sample, first, last in self._all(
            "SELECT sample, min(line), max(line) FROM given "
            "GROUP BY subject, method, sample, epoch, place HAVING count(*) > 1 ORDER BY 2 LIMIT 1"
        ):
            raise InputError(
                f"sample {sample!r} stands in rows {first + 1} and {last + 1}",
                path=self.path,
                row=last + 1,
                hint="Sample ids are unique within a subject and method; name the column of repetitions as 'epoch'.",
            )
        self._set_apart()

    def _set_apart(self) -> None:
        """Scores that cannot be right lose their number; the row stays and says why."""
        low, high = self.columns.minimum, self.columns.maximum
        bounds = [f"value < {low!r}"] * (low is not None) + [f"value > {high!r}"] * (high is not None)
        if bounds:
            markers = ", ".join(f"{value!r}" for value in sorted(SENTINELS))
            self.connection.execute(
                f"UPDATE given SET wrong = CASE WHEN value IN ({markers}) THEN 'sentinel' ELSE 'out-of-range' END "
                f"WHERE {' OR '.join(bounds)}"
            )
        ((count,),) = self._all("SELECT count(*) FROM given WHERE wrong IS NOT NULL")
        if count > MAX_QUARANTINED:
            ((line, code, raw),) = self._all(
                "SELECT line, wrong, raw FROM given WHERE wrong IS NOT NULL ORDER BY line LIMIT 1"
            )
            raise InputError(
                f"{count} rows do not fit the map, the first with {raw!r} ({code})",
                path=self.path,
                row=line + 1,
                hint="Check labels, minimum and maximum in the column map.",
            )
        self.connection.execute("UPDATE given SET value = NULL, reason = wrong WHERE wrong IS NOT NULL")

    def _unread(self) -> dict[tuple[str, str], list[Unread]]:
        found: dict[tuple[str, str], list[Unread]] = {}
        for subject, method, line, code, sample, judge, raw in self._all(
            "SELECT subject, method, line, wrong, sample, judge, raw FROM given WHERE wrong IS NOT NULL ORDER BY line"
        ):
            cells = {"sample": sample, "judge": judge, "value": raw[:80]}
            found.setdefault((subject, method), []).append(Unread(line + 1, code, cells))
        return found

    # ------------------------------------------------------------------ results

    def _measurements(self) -> dict[tuple[str, str], list[Measurement]]:
        found: dict[tuple[str, str], list[Measurement]] = {}
        for subject, method, place, judge, n, total, binary, blank in self._all(
            "SELECT subject, method, place, any_value(judge), count(value), sum(value), "
            "bool_and(value IN (0, 1)), count(*) - count(value) FROM given "
            "GROUP BY subject, method, place ORDER BY subject, method, place"
        ):
            found.setdefault((subject, method), []).append(
                self._measurement(subject, method, place, judge, n, total, bool(binary), blank)
            )
        return found

    def _measurement(
        self,
        subject: str,
        method: str,
        place: int,
        judge: str,
        n: int,
        total: float | None,
        binary: bool,
        blank: int,
    ) -> Measurement:
        map_ = self.columns
        name = map_.name_of(method)
        counted = map_.unit == "proportion" and binary and n > 0
        return Measurement(
            subject=subject,
            measure=Measure(
                f"{name}:{map_.setting(method, 'measure')}",
                str(map_.setting(method, "construct")),
                map_.direction(method),
                map_.unit,
                map_.minimum,
                map_.maximum,
            ),
            value=total / n if n and total is not None else None,
            provenance=Provenance(
                source=map_.source,
                method=name,
                method_version=map_.method_version,
                created=map_.created,
                citation=map_.citation,
                licence=map_.licence,
            ),
            n=n,
            k=total if counted else None,
            facets={} if place == 0 else {"judge": judge},
            counts={"unscored": blank} if blank else {},
            reason="" if n else "no item has a number",
        )

    def _writer(
        self, group: _Group, number: int, total: int, progress: Progress | None
    ) -> Callable[[Mapping[str, str], Path], int]:
        names = ["sample", "epoch", "measure", *_KEYS, "label", "value", "reason", "judge"]
        measure = sql_text(str(self.columns.setting(group.method, "measure")))

        def write(owner: Mapping[str, str], path: Path) -> int:
            rows = (
                f"(SELECT sample, epoch, {measure} || suffix AS measure, {', '.join(_KEYS)}, label, value, reason, "
                f"judge FROM given WHERE subject = {sql_text(group.subject)} AND method = {sql_text(group.method)} "
                "ORDER BY line, place)"
            )
            copy_items(self.connection, rows, names, owner, path)
            if progress is not None:
                progress(number + 1, total)
            return group.rows

        return write

    # ------------------------------------------------------------------ words

    def _all(self, sql: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        return rows

    def _must_have(self, name: str) -> None:
        if name not in self.header:
            raise InputError(
                f"there is no column {name!r}",
                path=self.path,
                row=1,
                hint=f"Columns: {', '.join(self.header[:20])}.",
            )

    def _column(self, judge: str) -> str:
        return next(score.column for score in self.columns.scores if _judge(score) == judge)

    def _used(self) -> set[str]:
        map_ = self.columns
        texts = [map_.subject, map_.method, map_.sample, map_.epoch, *(getattr(map_, name) for name in _KEYS)]
        braces = {name for text in texts for name in re.findall(r"\{([^{}]+)\}", text)}
        return {*texts, *braces, *(score.column for score in map_.scores), *map_.ignore}

    def _expression(self, key: str, text: str) -> str:
        """SQL for a column, a text with columns in braces, or a text."""
        if not text:
            return "NULL"
        names = re.findall(r"\{([^{}]+)\}", text)
        if text in self.header:
            found = f"CAST({_name(text)} AS VARCHAR)"
        elif names:
            for name in names:
                self._must_have(name)
            pieces = re.split(r"\{([^{}]+)\}", text)
            words = [
                f"CAST({_name(piece)} AS VARCHAR)" if place % 2 else sql_text(piece)
                for place, piece in enumerate(pieces)
                if piece
            ]
            found = " || ".join(words)
        elif key in ("method",):
            found = sql_text(text)
        else:
            self._must_have(text)
            raise AssertionError
        for old, new in self.columns.rename.get(key, {}).items():
            found = f"CASE WHEN {found} = {sql_text(str(old))} THEN {sql_text(str(new))} ELSE {found} END"
        return found


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _judge(score: ScoreColumn) -> str:
    return score.judge or score.column


def _unreadable(error: Exception, path: Path) -> InputError:
    """DuckDB's complaint about a file, in one line with the row where it names one."""
    text = str(error)
    row = re.search(r"(?:CSV Error on Line|Line|row):?\s*(\d+)", text)
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    words = re.sub(r"^[A-Za-z ]+ Error: ", "", first)[:200]
    why = next(
        (
            m
            for m in re.findall(
                r"^(Expected .*|Value with unterminated quote.*|Invalid unicode.*)$", text, re.M
            )
        ),
        "",
    )
    return InputError(
        f"it cannot be read as a table: {why or words}",
        path=path,
        row=int(row[1]) if row else None,
        hint="A table is Parquet, or CSV in UTF-8 with the same number of cells in every row.",
    )
