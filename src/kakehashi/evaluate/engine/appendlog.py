"""A file of JSON lines that only grows, and survives a kill at any moment.

What is appended within one turn of the event loop goes out in one unbuffered write at its end; without a loop
each append is a write. What is written outlives the process. A half line at the end (a kill
or a full disk in the middle of a write) is cut off when the file is opened again.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kakehashi.errors import CorruptFileError, DiskFullError, StorageError
from kakehashi.evaluate.engine.wire import canonical

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BLOCK = 1 << 16


def storage_error(exc: OSError, path: Path) -> StorageError:
    """The error of our tree for a failed file operation."""
    if exc.errno in FULL:
        return DiskFullError(
            f"no space left to write ({exc.strerror})",
            path=path,
            hint="Free some space and run the same command again: it goes on where it was.",
        )
    return StorageError(f"cannot be written or read ({exc.strerror})", path=path)


def line(record: object) -> bytes:
    """One record as a line: strict JSON, sorted keys, UTF-8."""
    return canonical(record).encode() + b"\n"


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise storage_error(exc, path) from exc


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each whole line with its offset; a half line at the end is not yielded."""
    if not path.exists():
        return
    offset = 0
    with path.open("rb", buffering=1 << 20) as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            yield offset, raw
            offset += len(raw)


def parse(raw: bytes, path: Path, offset: int) -> dict[str, Any]:
    """One line as a mapping.

    Raises:
        CorruptFileError: The line is no JSON object.
    """
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CorruptFileError(
            f"damaged at byte {offset}",
            path=path,
            hint="Move the run folder aside and start again: the cache still answers what was paid for.",
        )
    return value


class AppendLog:
    """A growing file of JSON lines.

    Args:
        path: The file; made when missing. A half line at its end is cut off.

    Raises:
        DiskFullError: No space left; the file then ends with its last whole line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
            self.size = self._cut_half_line()
        except OSError as exc:
            raise storage_error(exc, path) from exc
        self._synced = self.size
        self._pending: list[bytes] = []
        self._failure: StorageError | None = None

    def _cut_half_line(self) -> int:
        end = size = os.fstat(self._fd).st_size
        while end > 0:
            start = max(0, end - _BLOCK)
            newline = self._read(end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._fd, end)
        return end

    def _read(self, size: int, offset: int) -> bytes:
        # Appending goes to the end wherever this leaves the place; Windows has no pread.
        os.lseek(self._fd, offset, os.SEEK_SET)
        return os.read(self._fd, size)

    def append(self, data: bytes) -> int:
        """Append whole lines; returns the offset of the first byte. They are written with :meth:`flush`.

        Raises:
            DiskFullError: An earlier write found no space.
        """
        if self._failure is not None:
            raise self._failure
        start = self.size
        self._pending.append(data)
        self.size = start + len(data)
        return start

    def flush(self) -> None:
        """Write what was appended, in one unbuffered write.

        Raises:
            DiskFullError: No space left. What was whole before is whole still.
        """
        if self._failure is not None:
            raise self._failure
        if not self._pending:
            return
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        start = self.size - len(data)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:] if written else data)
        except OSError as exc:
            whole = data.rfind(b"\n", 0, written) + 1
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, start + whole)
            self.size = start + whole
            self._failure = storage_error(exc, self.path)
            raise self._failure from exc

    def read_at(self, offset: int) -> dict[str, Any]:
        """The record whose line begins at ``offset``."""
        self.flush()
        raw = b""
        while True:
            part = self._read(_BLOCK, offset + len(raw))
            newline = part.find(b"\n")
            if newline >= 0:
                return parse(raw + part[:newline], self.path, offset)
            if not part:
                return parse(b"", self.path, offset)
            raw += part

    def sync(self) -> None:
        """Force what was written onto the disk; may run in another thread than :meth:`append`."""
        size = self.size
        if size == self._synced:
            return
        try:
            os.fsync(self._fd)
        except OSError as exc:
            raise storage_error(exc, self.path) from exc
        self._synced = size

    def close(self) -> None:
        """Close the file without what was not written; further calls do nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
