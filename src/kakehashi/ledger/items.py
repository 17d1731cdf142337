"""Item rows: what became of every sample, as Parquet written by DuckDB. No texts."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.errors import InputError
from kakehashi.ledger.files import storage_errors

ITEM_COLUMNS: Mapping[str, str] = {
    "sample": "VARCHAR",
    "epoch": "BIGINT",
    "measure": "VARCHAR",
    "cluster": "VARCHAR",
    "category": "VARCHAR",
    "kind": "VARCHAR",
    "language": "VARCHAR",
    "technique": "VARCHAR",
    "task": "VARCHAR",
    "facets": "VARCHAR",
    "label": "VARCHAR",
    "value": "DOUBLE",
    "reason": "VARCHAR",
    "judge": "VARCHAR",
    "status": "VARCHAR",
    "guard": "VARCHAR",
    "seconds": "DOUBLE",
    "prompt_tokens": "BIGINT",
    "completion_tokens": "BIGINT",
    "response_hash": "VARCHAR",
}
"""Columns that a caller may give, with their SQL type.

``sample`` is required; ``epoch`` and ``measure`` (the name of the score, where a method gives several to a
sample) tell rows of one sample apart; ``facets`` is JSON text of further keys; ``value`` null means that
there is no number.
"""

OWNER_COLUMNS: Mapping[str, str] = {
    "run": "VARCHAR",
    "subject": "VARCHAR",
    "method": "VARCHAR",
    "method_version": "VARCHAR",
}
"""Columns that the ledger adds from the record, so that rows of many records can be queried together."""

Columns = Mapping[str, "np.ndarray[Any, Any] | Sequence[object]"]


ItemWriter = Callable[[Mapping[str, str], Path], int]
"""Item rows that write themselves, for more than Python's objects could hold: given the values of
:data:`OWNER_COLUMNS` and a path, it writes all columns as Parquet and returns the number of rows."""


@contextmanager
def duckdb_connection(**settings: str) -> Iterator[Any]:
    """A DuckDB in memory that fetches nothing from the network."""
    import tempfile

    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(Path(tempfile.gettempdir()) / "kakehashi-duckdb"),
        **settings,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        yield connection
    finally:
        connection.close()


def write_items(items: Columns, owner: Mapping[str, str], path: Path) -> int:
    """Write item rows as Parquet. The same rows give the same bytes.

    Args:
        items: Columns of :data:`ITEM_COLUMNS`, all of one length; what is missing becomes null.
        owner: The values of :data:`OWNER_COLUMNS`, one for all rows.
        path: The file to write.

    Returns:
        The number of rows.

    Raises:
        InputError: An unknown column, lengths that differ, a sample without id, two rows of one sample, epoch
            and measure, an infinite number.
        DiskFullError: No space is left.
    """
    columns, rows = _checked_columns(items)
    with storage_errors(path), duckdb_connection(threads="1") as connection:
        connection.register("given", columns)
        _refuse_doubles(connection, columns)
        copy_items(connection, "given", columns, owner, path)
    return rows


def copy_items(
    connection: Any, table: str, columns: Collection[str], owner: Mapping[str, str], path: Path
) -> None:
    """Have DuckDB write the rows of a table as item rows.

    Args:
        connection: The connection that knows the table.
        table: Name of the table, or SQL that can stand behind FROM.
        columns: Which of :data:`ITEM_COLUMNS` it has; the others become null.
        owner: The values of :data:`OWNER_COLUMNS`, one for all rows.
        path: The file to write.
    """
    select = [
        f"CAST({sql_text(owner.get(name, ''))} AS {sql}) AS {name}" for name, sql in OWNER_COLUMNS.items()
    ]
    select += [
        f"CAST({name if name in columns else 'NULL'} AS {sql}) AS {name}"
        for name, sql in ITEM_COLUMNS.items()
    ]
    connection.execute(
        f"COPY (SELECT {', '.join(select)} FROM {table}) TO {sql_text(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    )


def to_arrays(fetched: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """DuckDB's masked arrays as plain ones: null becomes None in texts and NaN in numbers."""
    return {name: _plain(array) for name, array in fetched.items()}


def _plain(array: Any) -> np.ndarray[Any, Any]:
    if not isinstance(array, np.ma.MaskedArray):
        return np.asarray(array)
    blank = np.ma.getmaskarray(array)
    if not blank.any() and array.dtype != object:
        return np.asarray(array.data)
    if array.dtype.kind in "iufb":
        return np.where(blank, np.nan, array.data.astype(np.float64))
    if array.dtype.kind in "mM":
        return np.where(blank, np.array("NaT", dtype=array.dtype), array.data)
    objects = array.data.astype(object)
    objects[blank] = None
    return objects


def _checked_columns(items: Columns) -> tuple[dict[str, np.ndarray[Any, Any]], int]:
    unknown = [name for name in items if name not in ITEM_COLUMNS]
    if unknown:
        raise InputError(f"unknown item column {unknown[0]!r}", hint=f"Known: {', '.join(ITEM_COLUMNS)}.")
    if "sample" not in items:
        raise InputError("item rows have no column 'sample'", hint="Give every row the id of its sample.")
    rows = len(items["sample"])
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for name, values in items.items():
        if len(values) != rows:
            raise InputError(f"the item column {name!r} has {len(values)} rows, 'sample' has {rows}")
        columns[name] = _array(name, values)
    for row, sample in enumerate(columns["sample"]):
        if not sample:
            raise InputError("an item row has no sample id", row=row + 1)
    return columns, rows


def _array(name: str, values: "np.ndarray[Any, Any] | Sequence[object]") -> np.ndarray[Any, Any]:
    kind = ITEM_COLUMNS[name]
    if kind == "VARCHAR":
        texts = np.empty(len(values), dtype=object)
        texts[:] = [v if v is None or type(v) is str else _text(name, row, v) for row, v in enumerate(values)]
        return texts
    try:
        if isinstance(values, np.ma.MaskedArray):
            numbers = np.where(np.ma.getmaskarray(values), np.nan, values.data.astype(np.float64))
        elif isinstance(values, np.ndarray) and values.dtype != object:
            numbers = values.astype(np.float64)
        else:
            numbers = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the item column {name!r} holds what is not a number: {error}") from error
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        raise InputError(f"the item column {name!r} holds an infinity", row=int(infinite[0]) + 1)
    if kind == "BIGINT":
        blank = np.isnan(numbers)
        whole: np.ndarray[Any, Any] = np.ma.masked_array(
            np.where(blank, 0, numbers).astype(np.int64), mask=blank
        )
        return whole
    return numbers


def _text(name: str, row: int, value: object) -> str:
    if isinstance(value, str):  # StrEnum, numpy.str_
        return str.__str__(value)
    raise InputError(f"the item column {name!r} holds {value!r}, which is not a text", row=row + 1)


def _refuse_doubles(connection: Any, columns: Mapping[str, object]) -> None:
    keys = [key for key in ("sample", "epoch", "measure") if key in columns]
    found = connection.execute(
        f"SELECT {', '.join(keys)}, count(*) FROM given GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1"
    ).fetchone()
    if found is not None:
        what = ", ".join(f"{key} {value!r}" for key, value in zip(keys, found[:-1], strict=True))
        raise InputError(
            f"{found[-1]} item rows are about one thing ({what})",
            hint="Sample ids must be unique; use 'epoch' for repetitions and 'measure' for several scores.",
        )


def sql_text(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
