"""A small reader of Arrow IPC streams: flat tables of texts, numbers and truth values, uncompressed.

The Hub's cache stores tables so, and DuckDB reads them only through an extension from the network or pyarrow (40 MB).
The format is read by its specification; what this reader does not know is refused, never guessed.

References:
    Apache Arrow columnar format, version 1.5: "Serialization and Interprocess Communication (IPC)".
"""

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError

_SCHEMA, _BATCH = 1, 3
_INT, _FLOAT, _UTF8, _BOOL, _LARGE_UTF8 = 2, 3, 5, 6, 20
_INTEGERS = {(8, True): "b", (16, True): "h", (32, True): "i", (64, True): "q"} | {
    (8, False): "B",
    (16, False): "H",
    (32, False): "I",
    (64, False): "Q",
}
_FLOATS = {1: "f", 2: "d"}
_CONTINUES = 0xFFFFFFFF


def read_stream(data: bytes, path: Path) -> list[dict[str, Any]]:
    """All rows of a stream.

    Args:
        data: The bytes of the stream.
        path: Where they came from, for messages.

    Raises:
        InputError: It is no Arrow stream, was cut, or holds a kind of column that this reader does not know.
    """
    try:
        return _read(data)
    except _UnknownError as error:
        raise InputError(f"holds {error}, which is not read here", path=path) from None
    except (struct.error, IndexError, ValueError, UnicodeDecodeError):
        raise InputError("is no Arrow stream, or was cut", path=path) from None


class _UnknownError(Exception):
    """Something of the format that is not read here."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: int
    code: str


class _Table:
    """A flatbuffers table."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position
        self._vtable = position - _int(data, "i", position)
        self._size = _int(data, "H", self._vtable)

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, _int(data, "I", 0))

    def _at(self, field: int) -> int:
        slot = 4 + 2 * field
        if slot >= self._size:
            return 0
        offset = _int(self.data, "H", self._vtable + slot)
        return self.position + offset if offset else 0

    def scalar(self, field: int, code: str, default: int = 0) -> int:
        at = self._at(field)
        return _int(self.data, code, at) if at else default

    def table(self, field: int) -> "_Table | None":
        at = self._at(field)
        return _Table(self.data, at + _int(self.data, "I", at)) if at else None

    def vector(self, field: int) -> tuple[int, int]:
        """Position of the first element, and the number of elements."""
        at = self._at(field)
        if not at:
            return 0, 0
        start = at + _int(self.data, "I", at)
        return start + 4, _int(self.data, "I", start)

    def tables(self, field: int) -> list["_Table"]:
        start, count = self.vector(field)
        places = [start + 4 * number for number in range(count)]
        return [_Table(self.data, place + _int(self.data, "I", place)) for place in places]

    def text(self, field: int) -> str:
        start, count = self.vector(field)
        return _part(self.data, start, count).decode("utf-8") if start else ""


def _int(data: bytes, code: str, position: int) -> int:
    if position < 0:
        raise ValueError("outside")
    value: int = struct.unpack_from(f"<{code}", data, position)[0]
    return value


def _part(data: bytes, start: int, length: int) -> bytes:
    if start < 0 or length < 0 or start + length > len(data):
        raise ValueError("cut")
    return data[start : start + length]


def _read(data: bytes) -> list[dict[str, Any]]:
    columns: list[_Column] | None = None
    rows: list[dict[str, Any]] = []
    position = 0
    while position < len(data):
        length = _int(data, "I", position)
        position += 4
        if length == _CONTINUES:
            length = _int(data, "I", position)
            position += 4
        if length == 0:
            break
        message = _Table.root(_part(data, position, length))
        position += length
        body = _part(data, position, message.scalar(3, "q"))
        position += len(body)
        kind, header = message.scalar(1, "B"), message.table(2)
        if header is None:
            raise ValueError("no header")
        if kind == _SCHEMA:
            columns = _columns(header)
        elif kind == _BATCH:
            if columns is None:
                raise ValueError("rows before their columns")
            rows += _batch(header, body, columns)
        else:
            raise _UnknownError("a dictionary or another kind of message")
    if columns is None:
        raise ValueError("no columns")
    return rows


def _columns(schema: _Table) -> list[_Column]:
    if schema.scalar(0, "h"):
        raise _UnknownError("big-endian numbers")
    found = []
    for field in schema.tables(1):
        name, kind, detail = field.text(0), field.scalar(2, "B"), field.table(3)
        if field.table(4) is not None:
            raise _UnknownError(f"a column {name!r} of dictionary codes")
        code = ""
        if kind == _INT and detail is not None:
            code = _INTEGERS.get((detail.scalar(0, "i"), bool(detail.scalar(1, "B"))), "")
        elif kind == _FLOAT and detail is not None and detail.scalar(0, "h") in _FLOATS:
            code = _FLOATS[detail.scalar(0, "h")]
        if not code and kind not in (_UTF8, _LARGE_UTF8, _BOOL):
            raise _UnknownError(f"a column {name!r} of another kind than text, number or truth value")
        found.append(_Column(name, kind, code))
    return found


def _batch(batch: _Table, body: bytes, columns: list[_Column]) -> list[dict[str, Any]]:
    if batch.table(3) is not None:
        raise _UnknownError("compressed columns")
    length = batch.scalar(0, "q")
    start, count = batch.vector(2)
    buffers = [
        _part(body, _int(batch.data, "q", start + 16 * n), _int(batch.data, "q", start + 16 * n + 8))
        for n in range(count)
    ]
    following = iter(buffers)
    values: dict[str, list[Any]] = {}
    try:
        for column in columns:
            valid = next(following)
            found = _values(column, length, next(following), following)
            values[column.name] = [
                value if not valid or valid[place >> 3] >> (place & 7) & 1 else None
                for place, value in enumerate(found)
            ]
    except StopIteration:
        raise ValueError("fewer buffers than columns need") from None
    return [{name: column[place] for name, column in values.items()} for place in range(length)]


def _values(column: _Column, length: int, first: bytes, following: Any) -> list[Any]:
    if column.kind in (_UTF8, _LARGE_UTF8):
        ends = struct.unpack_from(f"<{length + 1}{'i' if column.kind == _UTF8 else 'q'}", first)
        text = next(following)
        return [_part(text, low, high - low).decode("utf-8") for low, high in pairwise(ends)]
    if column.kind == _BOOL:
        return [bool(first[place >> 3] >> (place & 7) & 1) for place in range(length)]
    return list(struct.unpack_from(f"<{length}{column.code}", first))
