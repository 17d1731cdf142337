"""Cells of upstream's tables as questions need them: each wrong one is an error with file and row."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kakehashi.errors import DataMissingError, InputError
from kakehashi.evaluate.datasets import DataStore, read_rows
from kakehashi.evaluate.methods.base import NOT_PULLED


def rows_of(
    store: DataStore, name: str, file: str, columns: Sequence[str]
) -> tuple[Path, list[dict[str, Any]]]:
    """Path and rows of a pulled file; a cell that is null is no cell.

    Raises:
        DataMissingError: It was not pulled.
        InputError: It cannot be read, lacks a column or a cell.
    """
    path = store.file(name, file)
    rows = read_rows(path, store.set(name).files[file].format, columns)
    for number, row in enumerate(rows, start=1):
        missing = [column for column in columns if row[column] is None]
        if missing:
            raise InputError(f"a row has nothing in {', '.join(map(repr, missing))}", path=path, row=number)
    return path, rows


def revision_of(store: DataStore, name: str) -> str:
    """The revision of a set, or that it was not pulled: a card can be read without data."""
    try:
        return store.revision(name)
    except DataMissingError:
        return NOT_PULLED


def texts_of(value: object, *, path: Path, row: int, many: int) -> list[str]:
    """A list of so many texts; a table of text cells holds it as JSON.

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
    """Place of the right answer, from 0; upstream writes it as a number or as its digits.

    Raises:
        InputError: It is no such place.
    """
    if isinstance(value, int | str) and str(value).isdigit() and int(value) < many:
        return int(value)
    raise InputError(f"{value!r} is not the place of one of {many} answers", path=path, row=row)


def check_distinct(items: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Refuse rows that bear one id.

    Raises:
        InputError: An id stands twice.
    """
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        if item["id"] in seen:
            raise InputError(f"{item['id']!r} stands twice", path=path, row=number)
        seen.add(item["id"])
