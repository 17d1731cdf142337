"""One writer at a time: a lock that the operating system lets go when its holder dies."""

import contextlib
import json
import os
import socket
import sys
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

    Raises:
        LockedError: On entering, when another process or another handle of this one holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[str] | None = None

    def __enter__(self) -> "WriterLock":
        with storage_errors(self.path):
            stream = self.path.open("a+", encoding="utf-8")
        try:
            _lock(stream)
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


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[str]) -> None:
        stream.seek(_LOCKED_BYTE)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        stream.seek(0)

    def _unlock(stream: IO[str]) -> None:
        stream.seek(_LOCKED_BYTE)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[str]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(stream: IO[str]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_UN)
