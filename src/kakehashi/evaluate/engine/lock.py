"""An exclusive lock on a folder that says who holds it, and falls when its holder dies."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from kakehashi.errors import LockedError
from kakehashi.evaluate.engine.appendlog import storage_error


class FolderLock:
    """An exclusive lock, taken at construction and held until :meth:`release` or the end of the process.

    Args:
        path: The lock file.
        what: What is locked, for the message: ``"run folder"``.

    Raises:
        LockedError: Another process (or this one) holds it; the message names who.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as exc:
            raise storage_error(exc, path) from exc
        if not _try_lock(self._fd):
            holder = self._holder()
            os.close(self._fd)
            raise LockedError(
                f"this {what} is in use by {holder}",
                path=path.parent,
                hint="Wait until it has ended, end it, or give another folder with --out.",
            )
        note = {
            "host": platform.node(),
            "process": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)  # Windows has no pwrite
            os.write(self._fd, json.dumps(note, sort_keys=True).encode() + b"\n")
        except OSError as exc:
            os.close(self._fd)
            raise storage_error(exc, path) from exc

    def _holder(self) -> str:
        try:
            note = json.loads(self.path.read_bytes())
            return f"process {note['process']} on {note['host']} since {note['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def release(self) -> None:
        """Give the lock back; further calls do nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _try_lock(fd: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return _try_lock_windows(fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_windows(fd: int) -> bool:
    import importlib

    msvcrt = importlib.import_module("msvcrt")
    os.lseek(fd, 1 << 20, os.SEEK_SET)  # a byte beyond the note, so that others can read it
    try:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True
