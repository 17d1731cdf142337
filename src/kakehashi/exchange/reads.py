"""Reads of AMBER and above, in the log: who read which record, and when.

Reads are gathered and committed to in batches, by one line of the log with a salted commitment. Whoever copies the log
learns that somebody read something, and neither who, nor what, nor how much; the auditor reads who, what id and when,
and no content. A server writes each read down in a spool before it answers, so that a killed process loses none;
a machine that loses its power may lose the reads of the last second.
"""

import json
import os
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from errno import ENOSPC
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from kakehashi.errors import LockedError
from kakehashi.exchange.ids import LEVELS
from kakehashi.exchange.log_notes import LogNotes
from kakehashi.exchange.markings import BUILT_IN
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Finding
from kakehashi.exchange.trust_tables import TRUST_TABLES

_AMBER = LEVELS.index("amber")
_MOST_LISTED = 100_000
_BATCHES = LogNotes("read", TRUST_TABLES, "read_batches", "reads", ("reads", "batch"))


class Given(Protocol):
    """A record on its way to somebody: an entry of a page, or an event."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def data(self) -> bytes:
        """Its bytes."""


G = TypeVar("G", bound=Given)


@dataclass(frozen=True, slots=True)
class Read:
    """One record that was given to somebody.

    Attributes:
        identity: Who read.
        ref: Id of the record.
        version: Its version.
        at: When.
    """

    identity: str
    ref: str
    version: str
    at: str


def restricted(store: SqlStore, entries: Iterable[G]) -> list[G]:
    """Of entries, those that name a marking of AMBER or above, on the whole or on a part."""
    given = list(entries)
    if not given:
        return []
    known = {**store.known_markings(), **BUILT_IN}
    ids = [ref for ref, one in known.items() if one.level and LEVELS.index(one.level) >= _AMBER]
    search = _any_of(tuple(sorted(ids))).search
    return [entry for entry in given if search(entry.data)]


@lru_cache(maxsize=16)
def _any_of(ids: tuple[str, ...]) -> re.Pattern[bytes]:
    return re.compile("|".join(ids).encode())  # ids hold hexadecimal digits and hyphens only


def note_reads(
    store: SqlStore, identity: str, entries: Iterable[Given], *, at: datetime | None = None
) -> int:
    """Write down at once what was given to somebody, such as in a bundle.

    Returns:
        How many of the entries are of AMBER and above.
    """
    when = timestamp(at or datetime.now(UTC))
    found = [Read(identity, one.id, one.version, when) for one in restricted(store, entries)]
    commit_reads(store, found)
    return len(found)


def commit_reads(store: SqlStore, reads: Sequence[Read]) -> None:
    """One batch of reads, and the line of the log that commits to it."""
    if not reads:
        return
    text = json.dumps([list(astuple(read)) for read in reads], separators=(",", ":"))
    with store.rows(TRUST_TABLES, write=True) as con:
        _BATCHES.add(con, text)


def reads_of(
    store: SqlStore, *, after: int = 0, most: int = _MOST_LISTED
) -> list[tuple[int, tuple[Read, ...]]]:
    """The batches behind a line of the log, each with its line."""
    with store.rows(TRUST_TABLES) as con:
        rows = con.execute(
            "SELECT seq, reads FROM read_batches WHERE seq > ? ORDER BY seq LIMIT ?", (after, most)
        ).fetchall()
    return [(row[0], tuple(Read(*one) for one in json.loads(row[1]))) for row in rows]


def check_reads(store: SqlStore) -> list[Finding]:
    """Whether every batch of reads fits its line of the log, and no batch is missing."""
    return _BATCHES.check(store)


class ReadSpool:
    """Where a server's process writes reads down before it answers, until they are committed to.

    Args:
        store: The node's store.
        folder: The node's folder.
    """

    def __init__(self, store: SqlStore, folder: Path) -> None:
        self._store, self._folder, self._lock = store, folder, threading.Lock()
        self._path = folder / f"reads-{uuid4()}.spool"
        self._stack = ExitStack()
        self._file: int | None = None

    def record(self, identity: str, entries: Iterable[Given]) -> None:
        """Write down what somebody is about to be given.

        Raises:
            StorageError: It cannot be written down, so it must not be given.
        """
        found = restricted(self._store, entries)
        if not found:
            return
        from kakehashi.ledger.files import storage_errors  # brings numpy: not before it is needed
        from kakehashi.ledger.lock import WriterLock

        at = timestamp(datetime.now(UTC))
        rows = "\n" + "".join(json.dumps([identity, one.id, one.version, at]) + "\n" for one in found)
        with self._lock, storage_errors(self._path):
            if self._file is None:
                self._stack.enter_context(WriterLock(self._path.with_suffix(".lock")))
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            if os.write(self._file, rows.encode()) != len(rows.encode()):
                raise OSError(ENOSPC, "no space left")

    def flush(self) -> None:
        """Commit to what was written down, here and by processes that were killed."""
        with self._lock:
            if self._file is not None and os.fstat(self._file).st_size:
                commit_reads(self._store, _read_rows(self._path.read_bytes()))
                os.ftruncate(self._file, 0)
        for path in self._folder.glob("reads-*.spool"):
            if path != self._path:
                self._adopt(path)

    def _adopt(self, path: Path) -> None:
        from kakehashi.ledger.lock import WriterLock

        lock = path.with_suffix(".lock")
        with suppress(LockedError, FileNotFoundError), WriterLock(lock):
            commit_reads(self._store, _read_rows(path.read_bytes()))
            path.unlink()
            lock.unlink(missing_ok=True)

    def close(self) -> None:
        """Commit to what is left and go."""
        self.flush()
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None
                self._path.unlink(missing_ok=True)
                self._stack.close()
                self._path.with_suffix(".lock").unlink(missing_ok=True)


def _read_rows(data: bytes) -> list[Read]:
    """The reads of a spool; a last line that was cut off by a kill was never answered."""
    found: list[Read] = []
    for line in data.splitlines():
        with suppress(ValueError, TypeError):
            row: Any = json.loads(line)
            found.append(Read(*row))
    return found
