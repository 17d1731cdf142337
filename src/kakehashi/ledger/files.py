"""Files that survive a crash: written whole beside their place, flushed to the disk, then renamed into it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from kakehashi.errors import DiskFullError, StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CHUNK = 1 << 20
TEMPORARY = ".tmp-"


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's and DuckDB's complaints about ``path`` into ours.

    Raises:
        DiskFullError: No space, quota or permitted file size is left.
        StorageError: The file cannot be read or written for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _disk_full(path) from error
        raise StorageError(
            f"{error.strerror or error}", path=path, hint="Check the path and its permissions."
        ) from error
    except Exception as error:
        if type(error).__module__ in {"_duckdb", "duckdb"} and type(error).__name__ == "IOException":
            number = re.search(r'"errno":\s*"(\d+)"', str(error))
            if "No space left" in str(error) or (number and int(number[1]) in _FULL):
                raise _disk_full(path) from error
            raise StorageError(str(error).splitlines()[0][:200], path=path) from error
        raise


def _disk_full(path: Path) -> DiskFullError:
    return DiskFullError(
        "no space left on the disk",
        path=path,
        hint="Free some space and run the same command again; the ledger is as it was.",
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal, read piece by piece."""
    found = sha256()
    with storage_errors(path), path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def read_bytes(path: Path) -> bytes:
    """All bytes of a file; what the system refuses becomes a StorageError."""
    with storage_errors(path):
        return path.read_bytes()


@contextmanager
def temporary_beside(folder: Path) -> Iterator[Path]:
    """A path in ``folder`` for a file under construction; whatever stands there afterwards is deleted."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{TEMPORARY}{uuid4().hex}"
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def flush_file(path: Path) -> None:
    """Force a file's bytes to the disk."""
    with storage_errors(path):
        # Windows wants a descriptor that may write.
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Force a folder's names to the disk, where the system knows how."""
    if os.name == "nt":
        return
    with storage_errors(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def settle(temporary: Path, place: Path, *, flush_name: bool = True) -> None:
    """Flush a finished temporary file, rename it into its place and flush the folder.

    Args:
        temporary: The finished file, on the same disk.
        place: Where it will stand.
        flush_name: Whether to flush the folder too; who writes many files does it once, at the end.
    """
    flush_file(temporary)
    with storage_errors(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(place)
    if flush_name:
        flush_folder(place.parent)


def write_whole(place: Path, data: bytes, *, mode: int | None = None, flush_name: bool = True) -> None:
    """Write a file so that after a crash it is there whole or not at all.

    Args:
        place: Where it will stand.
        data: Its bytes.
        mode: Permission bits, where the system's default will not do.
        flush_name: As in :func:`settle`.

    Raises:
        DiskFullError: No space left; nothing was changed.
        StorageError: The place cannot be written.
    """
    with temporary_beside(place.parent) as temporary:
        with storage_errors(place):
            temporary.write_bytes(data)
            if mode is not None:
                temporary.chmod(mode)
        settle(temporary, place, flush_name=flush_name)


def remove_temporary(folder: Path) -> None:
    """Delete the unfinished files that a crash left below a folder; only for who holds the lock."""
    for path in folder.rglob(f"{TEMPORARY}*"):
        with suppress(OSError):
            path.unlink()


def append_whole(place: Path, data: bytes) -> None:
    """Append to a file and flush; if that fails, cut the file back to what it was.

    Raises:
        DiskFullError: No space left; the file is as it was.
        StorageError: The place cannot be written.
    """
    with storage_errors(place), place.open("r+b") as stream:
        before = stream.seek(0, os.SEEK_END)
        try:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        except BaseException:  # an interrupt too must not leave half a line
            with suppress(OSError):
                stream.close()
            with suppress(OSError):
                os.truncate(place, before)
            raise
