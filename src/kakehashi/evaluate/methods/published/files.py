"""Where published methods find upstream's files, and how rows are read from them as upstream writes them."""

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kakehashi.errors import InputError


class DataFiles(Protocol):
    """What a method needs of a store of data sets."""

    def file(self, name: str, file: str) -> Path:
        """A file of a set, its bytes checked."""
        ...

    def revision(self, name: str) -> str:
        """``"sha256:…"`` over the files of a set."""
        ...


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """Data sets in a plain folder, ``<root>/<set>/<file>``: for files of one's own, nothing is pinned."""

    root: Path

    def file(self, name: str, file: str) -> Path:
        """A file of a set.

        Raises:
            InputError: It is not there.
        """
        path = self.root / name / file
        if not path.is_file():
            raise InputError(f"no such file of the data set {name!r}", path=path)
        return path

    def revision(self, name: str) -> str:
        """``"sha256:…"`` over names and bytes of the set's files."""
        digest = hashlib.sha256()
        for path in sorted((self.root / name).iterdir()):
            digest.update(f"{path.name}\x1f{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return f"sha256:{digest.hexdigest()}"


def read_rows(path: Path, columns: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of a file: Parquet, CSV with a header, JSON lines, or one of the last two packed by gzip.

    Args:
        path: The file; its name says what it is.
        columns: Columns that every row must have.

    Raises:
        InputError: The file cannot be read, holds no rows, or lacks a column.
    """
    try:
        rows = _parquet(path) if path.suffix == ".parquet" else _text_rows(path)
    except (OSError, UnicodeDecodeError, csv.Error, EOFError, zlib.error) as error:
        raise InputError(f"cannot be read ({error})", path=path) from None
    if not rows:
        raise InputError("holds no rows", path=path)
    wanted = tuple(columns)
    for number, row in enumerate(rows, start=1):
        missing = [column for column in wanted if row.get(column) is None]
        if missing:
            raise InputError(
                f"a row has no {', '.join(map(repr, missing))} among {', '.join(map(repr, row))}",
                path=path,
                row=number,
                hint="Upstream may have changed its columns; pull the pinned revision.",
            )
    return rows


def _parquet(path: Path) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        try:
            found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, values, strict=True)) for values in found.fetchall()]
        except duckdb.Error as error:
            raise InputError(f"is not Parquet ({str(error).splitlines()[0]})", path=path) from None


def _text_rows(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if kind == ".csv":
        return [dict(row) for row in csv.DictReader(text.splitlines(keepends=True))]
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"is not JSON ({error})", path=path, row=number) from None
        if not isinstance(row, dict):
            raise InputError("is not an object", path=path, row=number)
        rows.append(row)
    return rows


def texts_of(value: object, *, path: Path, row: int, many: int) -> list[str]:
    """A list of so many texts, which CSV holds as JSON.

    Raises:
        InputError: It is no such list.
    """
    found = value
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    if not isinstance(found, Sequence) or len(found) != many or not all(isinstance(t, str) for t in found):
        raise InputError(f"does not hold {many} texts to choose from", path=path, row=row)
    return [str(text) for text in found]


def place_of(value: object, *, path: Path, row: int, many: int) -> int:
    """Place of the right answer, from 0.

    Raises:
        InputError: It is no such place.
    """
    if isinstance(value, int | str) and str(value).isdigit() and int(value) < many:
        return int(value)
    raise InputError(f"{value!r} is not the place of one of {many} answers", path=path, row=row)


def distinct(items: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Refuse rows that bear one id.

    Raises:
        InputError: An id stands twice.
    """
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        if item["id"] in seen:
            raise InputError(f"{item['id']!r} stands twice", path=path, row=number)
        seen.add(item["id"])
