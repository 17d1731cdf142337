"""Questions to the ledger in SQL: DuckDB over Parquet, reading only."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from kakehashi.errors import CorruptFileError, StorageError, UsageError
from kakehashi.ledger.files import storage_errors
from kakehashi.ledger.items import ITEM_COLUMNS, OWNER_COLUMNS, duckdb_connection, to_arrays
from kakehashi.ledger.layout import Layout
from kakehashi.ledger.records import Record
from kakehashi.ledger.visibility import Hidden

ALL_COLUMNS = {**OWNER_COLUMNS, **ITEM_COLUMNS}

_RECORD_COLUMNS = {
    "position": "BIGINT",
    "id": "VARCHAR",
    "kind": "VARCHAR",
    "run": "VARCHAR",
    "subject": "VARCHAR",
    "method": "VARCHAR",
    "method_version": "VARCHAR",
    "created": "TIMESTAMP",
    "item_rows": "BIGINT",
    "hidden": "VARCHAR",
}
_MEASUREMENT_COLUMNS = {
    "record": "VARCHAR",
    "run": "VARCHAR",
    "subject": "VARCHAR",
    "method": "VARCHAR",
    "method_version": "VARCHAR",
    "measure": "VARCHAR",
    "construct": "VARCHAR",
    "polarity": "VARCHAR",
    "unit": "VARCHAR",
    "value": "DOUBLE",
    "n": "BIGINT",
    "k": "DOUBLE",
    "std_error": "DOUBLE",
    "low": "DOUBLE",
    "high": "DOUBLE",
    "confidence_level": "DOUBLE",
    "interval_method": "VARCHAR",
    "facets": "VARCHAR",
    "category": "VARCHAR",
    "language": "VARCHAR",
    "reason": "VARCHAR",
    "created": "TIMESTAMP",
}


def fetch_items(
    layout: Layout, records: Sequence[Record], columns: Sequence[str] | None
) -> dict[str, np.ndarray[Any, Any]]:
    """Item rows of the given records, in their order.

    Raises:
        UsageError: There is no such column.
        StorageError: A file of item rows is missing.
    """
    chosen = list(ALL_COLUMNS) if columns is None else list(columns)
    for name in chosen:
        if name not in ALL_COLUMNS:
            raise UsageError(f"unknown item column {name!r}", hint=f"Known: {', '.join(ALL_COLUMNS)}.")
    with duckdb_connection() as connection, storage_errors(layout.root / "items"):
        _create_items(connection, layout, records)
        return to_arrays(_fetch(connection, f"SELECT {', '.join(chosen)} FROM items", (), layout))


def run_query(
    layout: Layout,
    records: Sequence[Record],
    hidden: Mapping[str, Hidden],
    sql: str,
    parameters: Sequence[object],
) -> dict[str, np.ndarray[Any, Any]]:
    """One SELECT over the views ``records`` (all), ``measurements`` and ``items`` (of visible records).

    Raises:
        UsageError: The SQL is not one SELECT, or DuckDB refuses it.
    """
    import duckdb

    visible = [r for r in records if r.id not in hidden]
    with duckdb_connection() as connection, storage_errors(layout.root / "items"):
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            raise UsageError(f"the SQL cannot be read: {_first_line(error)}") from error
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UsageError("a query must be one SELECT", hint="Views: records, measurements, items.")
        _create_table(connection, "records", _RECORD_COLUMNS, [_record_row(r, hidden) for r in records])
        _create_table(
            connection,
            "measurements",
            _MEASUREMENT_COLUMNS,
            [row for r in visible if r.kind == "result" for row in _measurement_rows(r)],
        )
        paths = _create_items(connection, layout, visible)
        connection.execute("SET allowed_paths = ?", [paths])
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        return to_arrays(_fetch(connection, sql, parameters, layout))


def _fetch(connection: Any, sql: str, parameters: Sequence[object], layout: Layout) -> Mapping[str, Any]:
    with _sql_errors(layout):
        found: Mapping[str, Any] = connection.execute(sql, list(parameters)).fetchnumpy()
        return found


@contextmanager
def _sql_errors(layout: Layout) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.IOException:
        raise  # storage_errors knows these
    except duckdb.Error as error:
        words = str(error).lower()
        if "parquet" in words and ("magic" in words or "file" in words):
            raise CorruptFileError(
                f"item rows cannot be read: {_first_line(error)}",
                path=layout.root / "items",
                hint="Run `kakehashi results verify`.",
            ) from error
        raise UsageError(_first_line(error)) from error


def _create_items(connection: Any, layout: Layout, records: Sequence[Record]) -> list[str]:
    digests = [str(r.body["items"]["sha256"]) for r in records if isinstance(r.body.get("items"), Mapping)]
    paths = [layout.items(digest) for digest in dict.fromkeys(digests)]
    for path in paths:
        if not path.is_file():
            raise StorageError(
                "the file of item rows is missing", path=path, hint="Run `kakehashi results verify`."
            )
    if not paths:
        nothing = ", ".join(f"CAST(NULL AS {sql}) AS {name}" for name, sql in ALL_COLUMNS.items())
        connection.execute(f"CREATE VIEW items AS SELECT {nothing} WHERE false")
        return []
    # DuckDB takes a path for a pattern: a folder "a*b" must not bring in the rows of its neighbor "axb".
    literal = [re.sub(r"([*?\[])", r"[\1]", str(p)) for p in paths]
    listed = ", ".join("'" + p.replace("'", "''") + "'" for p in literal)
    view = f"CREATE VIEW items AS SELECT * FROM read_parquet([{listed}], union_by_name = true)"
    with _sql_errors(layout):
        connection.execute(view)
    return [*map(str, paths), *literal]


def _create_table(connection: Any, name: str, columns: Mapping[str, str], rows: list[list[Any]]) -> None:
    arrays = {
        key: np.array(
            [row[place] for row in rows], dtype=np.float64 if sql in ("DOUBLE", "BIGINT") else object
        )
        for place, (key, sql) in enumerate(columns.items())
    }
    connection.register(f"given_{name}", arrays)
    casts = ", ".join(f"TRY_CAST({key} AS {sql}) AS {key}" for key, sql in columns.items())
    connection.execute(f"CREATE TABLE {name} AS SELECT {casts} FROM given_{name}")
    connection.unregister(f"given_{name}")


def _record_row(record: Record, hidden: Mapping[str, Hidden]) -> list[Any]:
    items = record.body.get("items")
    why = hidden.get(record.id)
    return [
        record.position,
        record.id,
        *(record.text(key) for key in ("kind", "run", "subject", "method", "method_version")),
        record.text("created").removesuffix("Z") or None,
        items["rows"] if isinstance(items, Mapping) else np.nan,
        None if why is None else why.how,
    ]


def _measurement_rows(record: Record) -> list[list[Any]]:
    rows = []
    for m in record.measurements():
        between = m.interval
        rows.append(
            [
                record.id,
                record.text("run"),
                m.subject,
                record.text("method"),
                record.text("method_version"),
                m.measure.id,
                m.measure.construct,
                str(m.measure.polarity.value),
                m.measure.unit,
                *(np.nan if v is None else v for v in (m.value, m.n, m.k, m.std_error)),
                *([np.nan] * 3 if between is None else [between.low, between.high, between.confidence_level]),
                None if between is None else between.method,
                json.dumps(dict(m.facets), sort_keys=True, ensure_ascii=False),
                m.facets.get("category"),
                m.facets.get("language"),
                m.reason or None,
                m.provenance.created.removesuffix("Z") or None,
            ]
        )
    return rows


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Item values in coordinates: ``values[i]`` belongs to subject ``rows[i]`` and item ``columns[i]``.

    Attributes:
        subjects: Names of the subjects.
        methods: Method of each item.
        samples: Sample id of each item.
        clusters: Cluster of each item; its own id where it has none.
        rows: Position of the subject of each value.
        columns: Position of the item of each value.
        values: The values; repetitions are averaged, missing ones are left out.
    """

    subjects: tuple[str, ...]
    methods: tuple[str, ...]
    samples: tuple[str, ...]
    clusters: tuple[str, ...]
    rows: np.ndarray[Any, Any]
    columns: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]


def fetch_cells(
    layout: Layout, records: Sequence[Record], where: Mapping[str, str], credit: Mapping[str, float] | None
) -> Cells:
    """Item values of the given records, as coordinates of a matrix.

    Raises:
        UsageError: ``where`` names no column, or a sample has several scores left.
    """
    for name in where:
        if name not in ALL_COLUMNS:
            raise UsageError(f"unknown item column {name!r}", hint=f"Known: {', '.join(ALL_COLUMNS)}.")
    wanted = " AND ".join(f"{name} = ?" for name in where) or "true"
    parameters = list(where.values())
    subjects = tuple(dict.fromkeys(record.text("subject") for record in records))
    with duckdb_connection() as connection, storage_errors(layout.root / "items"):
        _create_items(connection, layout, records)
        connection.execute("CREATE TABLE subjects (subject VARCHAR, i BIGINT)")
        connection.register("given_subjects", {"subject": _texts(subjects), "i": np.arange(len(subjects))})
        connection.execute("INSERT INTO subjects SELECT subject, i FROM given_subjects")
        worth, join = "value", ""
        if credit is not None:
            worth, join = "worth", "JOIN credit USING (label)"
            connection.register(
                "credit",
                {"label": _texts(tuple(credit)), "worth": np.array(list(credit.values()), dtype=float)},
            )
        with _sql_errors(layout):
            connection.execute(
                f"CREATE TEMP TABLE cells AS SELECT subject, method, sample, avg({worth}) AS v, "
                "any_value(cluster) AS cluster, min(measure) AS least, max(measure) AS greatest "
                f"FROM items {join} WHERE {wanted} GROUP BY subject, method, sample",
                parameters,
            )
        mixed = connection.execute(
            "SELECT method, sample, least, greatest FROM cells WHERE least <> greatest LIMIT 1"
        ).fetchone()
        if mixed is not None:
            raise UsageError(
                f"sample {mixed[1]!r} of {mixed[0]!r} has several scores, such as {mixed[2]!r} and {mixed[3]!r}",
                hint="Choose one, for example with where={'measure': …} or where={'judge': …}.",
            )
        connection.execute(
            "CREATE TEMP TABLE columns AS SELECT method, sample, coalesce(any_value(cluster), sample) AS cluster, "
            "row_number() OVER (ORDER BY method, sample) - 1 AS j FROM cells GROUP BY method, sample"
        )
        items = _fetch(connection, "SELECT method, sample, cluster FROM columns ORDER BY j", (), layout)
        found = _fetch(
            connection,
            "SELECT i, j, v FROM cells JOIN subjects USING (subject) JOIN columns USING (method, sample) "
            "WHERE v IS NOT NULL",
            (),
            layout,
        )
    plain = to_arrays(found)
    return Cells(
        subjects,
        tuple(items["method"]),
        tuple(items["sample"]),
        tuple(items["cluster"]),
        plain["i"],
        plain["j"],
        plain["v"],
    )


def _texts(values: Sequence[str]) -> np.ndarray[Any, Any]:
    array = np.empty(len(values), dtype=object)
    array[:] = list(values)
    return array
