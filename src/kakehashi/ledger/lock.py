"""One writer at a time: a lock that the operating system lets go when its holder dies."""

import contextlib
import importlib
import json
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO

from kakehashi.errors import LockedError
from kakehashi.ledger.files import storage_errors

# Windows locks bytes, and locked bytes cannot be read by others: lock one far behind the text.
_LOCKED_BYTE = 1 << 20


class WriterLock:
    """An exclusive lock on a file, with the holder's process written in it.

    Args:
        path: The lock file; made where it is missing, never deleted.
        wait: Seconds to wait for another holder.

    Raises:
        LockedError: On entering, when another process or another handle of this one holds it.
    """

    def __init__(self, path: Path, *, wait: float = 0.0) -> None:
        self.path = path
        self._wait = wait
        self._stream: IO[str] | None = None

    def __enter__(self) -> "WriterLock":
        with storage_errors(self.path):
            stream = self.path.open("a+", encoding="utf-8")
        try:
            self._take(stream)
        except OSError as error:
            stream.close()
            raise LockedError(
                f"another process writes to it ({self._holder()})",
                path=self.path.parent,
                hint="Wait until it has ended, or stop it; reading is possible meanwhile.",
            ) from error
        self._stream = stream
        with contextlib.suppress(OSError):  # a full disk must not keep the lock from being taken
            stream.truncate(0)
            stream.write(json.dumps(_me(), sort_keys=True))
            stream.flush()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.truncate(0)
            _unlock(self._stream)
            self._stream.close()
            self._stream = None

    def _take(self, stream: IO[str]) -> None:
        deadline = time.monotonic() + self._wait
        while True:
            try:
                _lock(stream)
            except OSError:
                if time.monotonic() >= deadline:
                    raise
            else:
                return
            time.sleep(0.05)

    def _holder(self) -> str:
        try:
            facts = json.loads(self.path.read_text(encoding="utf-8"))
            return f"process {facts['pid']} on {facts['host']} since {facts['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "it did not say which"


def _me() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _lock(stream: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        _lock_windows(stream, "LK_NBLCK")
    else:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unlock(stream: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        _lock_windows(stream, "LK_UNLCK")
    else:
        fcntl.flock(stream.fileno(), fcntl.LOCK_UN)


def _lock_windows(stream: IO[str], how: str) -> None:
    msvcrt = importlib.import_module("msvcrt")
    stream.seek(_LOCKED_BYTE)
    msvcrt.locking(stream.fileno(), getattr(msvcrt, how), 1)
    stream.seek(0)
