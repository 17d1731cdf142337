"""Reading rows of upstream files: CSV, TSV, JSON Lines, JSON, Arrow streams, Parquet, each also gzipped where text.

A row that is not of the announced shape is an error with file and row: a column that upstream has renamed must not
become an empty prompt.
"""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError

Row = dict[str, Any]

#: Most characters of a cell; documents of FACTS come near a million.
_FIELD_LIMIT = 1 << 27


def read_rows(path: Path, form: str, columns: Sequence[str] = (), *, under: str = "") -> list[Row]:
    """All rows of a file.

    Args:
        path: The file; a name that ends in ``.gz`` is unpacked.
        form: ``"csv"``, ``"tsv"``, ``"jsonl"``, ``"json"``, ``"parquet"`` or ``"arrow-stream"``.
        columns: Columns that every row must have; more may stand beside them.
        under: For JSON, the key of the list of rows, where the file is not itself a list.

    Raises:
        InputError: The file is damaged or cut, holds no rows, or lacks a column.
    """
    rows = _READERS[form](path, under)
    if not rows:
        raise InputError("holds no rows", path=path)
    missing = [column for column in columns if column not in rows[0]]
    if missing:
        raise InputError(
            f"has no column {', '.join(map(repr, missing))}; its columns are {', '.join(map(str, rows[0]))}",
            path=path,
            hint="Upstream has changed the file's columns; this version reads the pinned revision only.",
        )
    for number, row in enumerate(rows, start=1):
        if any(column not in row for column in columns):
            raise InputError("a row lacks a column that others have", path=path, row=number)
    return rows


def duplicates(keys: Iterable[str]) -> dict[str, int]:
    """Keys that stand more than once, with how often: such rows are kept, counted, and clustered together.

    Examples:
        >>> duplicates(["a", "b", "a"])
        {'a': 2}
    """
    return {key: count for key, count in Counter(keys).items() if count > 1}


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.name.endswith(".gz") else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be read ({error})", path=path) from None


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", path=path) from None


def _separated(delimiter: str) -> Callable[[Path, str], list[Row]]:
    def read(path: Path, _: str) -> list[Row]:
        reader = csv.DictReader(io.StringIO(_text(path), newline=""), delimiter=delimiter, strict=True)
        rows = []
        before = csv.field_size_limit(_FIELD_LIMIT)  # of the whole process: others rely on theirs
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise InputError(
                        "has another number of cells than the head", path=path, row=reader.line_num
                    )
                rows.append(dict(row))
        except csv.Error as error:
            raise InputError(f"is damaged or cut ({error})", path=path, row=reader.line_num) from None
        finally:
            csv.field_size_limit(before)
        return rows

    return read


def _lines(path: Path, _: str) -> list[Row]:
    rows = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            rows.append(_object(_parsed(line, path, number), path, number))
    return rows


def _json(path: Path, under: str) -> list[Row]:
    content = _parsed(_text(path), path, None)
    if under and isinstance(content, Mapping):
        if under not in content:
            raise InputError(f"has no key {under!r}; its keys are {', '.join(map(str, content))}", path=path)
        content = content[under]
    if not isinstance(content, list):
        raise InputError("is not a list of rows", path=path)
    return [_object(row, path, number) for number, row in enumerate(content, start=1)]


def _parsed(text: str, path: Path, row: int | None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("is not JSON, or was cut", path=path, row=row) from None


def _object(value: Any, path: Path, row: int) -> Row:
    if not isinstance(value, dict):
        raise InputError("a row is not an object", path=path, row=row)
    return value


def _parquet(path: Path, _: str) -> list[Row]:
    import duckdb

    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    except duckdb.Error as error:
        raise InputError(f"is not Parquet, or was cut ({str(error).splitlines()[0]})", path=path) from None


def _arrow(path: Path, _: str) -> list[Row]:
    from kakehashi.evaluate.datasets.arrow import read_stream

    return read_stream(_bytes(path), path)


_READERS: Mapping[str, Callable[[Path, str], list[Row]]] = {
    "csv": _separated(","),
    "tsv": _separated("\t"),
    "jsonl": _lines,
    "json": _json,
    "parquet": _parquet,
    "arrow-stream": _arrow,
}
