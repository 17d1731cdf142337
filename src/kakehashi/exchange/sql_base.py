"""The database of a node: connections, transactions, settings, and the clock that allots the sequence."""

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kakehashi.errors import (
    CorruptFileError,
    DiskFullError,
    FormatVersionError,
    InputError,
    LockedError,
    StorageError,
)
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_schema import FORMAT, SCHEMA
from kakehashi.exchange.store import Collection
from kakehashi.exchange.validate import moment

BUSY_SECONDS = 30.0


class SqlBase:
    """A node's database file, with a connection for each thread.

    Args:
        path: The database.
        create: Make it where it is not there.

    Raises:
        InputError: There is no database, and none was to be made.
        FormatVersionError: It was written by a newer Kakehashi.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = Path(path)
        self._local = threading.local()
        if not create and not self.path.is_file():
            raise InputError(
                "no exchange node here", path=path, hint="Make one: kakehashi exchange init NAME"
            )
        with storage_errors(self.path):
            con = self._connection()
            if create:
                con.executescript(SCHEMA)
                con.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
                con.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', '0')")
                con.execute("INSERT OR IGNORE INTO meta VALUES ('secret', ?)", (secrets.token_hex(32),))
            found = self.meta("format")
        if found != FORMAT:
            raise FormatVersionError(str(found), FORMAT, path=path)

    def _connection(self) -> sqlite3.Connection:
        con: sqlite3.Connection | None = getattr(self._local, "con", None)
        if con is None:
            con = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            con.execute("PRAGMA journal_mode=WAL")
            con.execute("PRAGMA synchronous=FULL")
            con.execute("PRAGMA secure_delete=ON")
            self._local.con = con
        return con

    def close(self) -> None:
        """Close this thread's connection."""
        con: sqlite3.Connection | None = getattr(self._local, "con", None)
        if con is not None:
            con.close()
            self._local.con = None

    def _is_writing(self) -> bool:
        return bool(getattr(self._local, "writing", False))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its beginning to its commit."""
        with storage_errors(self.path):
            con = self._connection()
            con.execute("BEGIN IMMEDIATE")
            self._local.writing = True
            try:
                yield con
                con.execute("COMMIT")
            except BaseException:
                if con.in_transaction:
                    con.execute("ROLLBACK")
                raise
            finally:
                self._local.writing = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot for everything read inside."""
        with storage_errors(self.path):
            con = self._connection()
            con.execute("BEGIN")
            try:
                yield con
            finally:
                con.execute("COMMIT")

    def meta(self, key: str) -> str | None:
        """A setting of the node."""
        row = self._connection().execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Change a setting of the node."""
        with self.writing() as con:
            con.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def add_collection(self, collection: Collection) -> None:
        """Add a collection."""
        with self.writing() as con:
            con.execute(
                "INSERT INTO collections VALUES (?, ?, ?)",
                (collection.id, collection.title, collection.alias),
            )

    def collections(self) -> tuple[Collection, ...]:
        """The node's collections."""
        with storage_errors(self.path):
            rows = (
                self._connection()
                .execute("SELECT id, title, alias FROM collections ORDER BY title")
                .fetchall()
            )
        return tuple(Collection(*row) for row in rows)


class Clock:
    """Allots sequence and time inside a writing transaction.

    A time is the greater of the machine's clock and the last time plus a microsecond, so that a clock that goes
    backwards changes nothing of the order.
    """

    def __init__(self, con: sqlite3.Connection) -> None:
        row = con.execute("SELECT seq, added FROM log ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq: int = 0 if row is None else row[0]
        self._last = datetime.min.replace(tzinfo=UTC) if row is None else moment(row[1])

    def next(self) -> tuple[int, str]:
        """The next sequence number and its time."""
        self._seq += 1
        self._last = max(datetime.now(UTC), self._last + timedelta(microseconds=1))
        return self._seq, timestamp(self._last)

    def stamp(self) -> str:
        """The time of this transaction."""
        return timestamp(max(datetime.now(UTC), self._last))


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's complaints into ours.

    Raises:
        DiskFullError: No space left.
        LockedError: Another process held the database for too long.
        CorruptFileError: The file is damaged.
        StorageError: Anything else.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        primary = None if code is None else code & 0xFF
        if primary == sqlite3.SQLITE_FULL:
            raise DiskFullError(
                "no space left on the disk", path=path, hint="Free some; nothing was changed."
            ) from error
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LockedError(
                "another process is writing", path=path, hint="Try again when it has ended."
            ) from error
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise CorruptFileError(
                f"the database is damaged: {error}", path=path, hint="Restore a copy."
            ) from error
        raise StorageError(str(error), path=path) from error
