"""The database behind a store: connections, transactions and what differs between one database and another.

Statements are written once, with ``?`` for values, in the SQL that SQLite and PostgreSQL share.
"""

import re
import sqlite3
import threading
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from kakehashi.errors import CorruptFileError, DiskFullError, InputError, LockedError, StorageError

BUSY_SECONDS = 30.0


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """The next row, or ``None``."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """The rows that are left."""


class Connection(Protocol):
    """A connection inside a transaction."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Rows:
        """Run one statement for each of several rows."""


class Database(Protocol):
    """A database that a node keeps its state in.

    ``writing`` and ``reading`` join a transaction of the same thread that is under way already.
    """

    @property
    def where(self) -> Path | str:
        """Where it is, for people: never with a password."""

    def exists(self) -> bool:
        """Whether a node's tables may be there."""

    def make(self, schema: str) -> None:
        """Make the tables of a schema where they are not there; joins a transaction that writes."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that holds the one write lock from its beginning to its commit."""

    def reading(self) -> AbstractContextManager[Connection]:
        """One snapshot for everything read inside."""

    def is_writing(self) -> bool:
        """Whether this thread is inside ``writing``."""

    def stamp(self) -> Hashable | None:
        """What is equal for two moments of this thread only where nothing was committed between them.

        ``None`` where that cannot be told without waiting, or inside a transaction.
        """

    def stream(self, con: Connection, sql: str) -> Iterator[Any]:
        """The rows of a statement without holding all of them."""

    def faults(self, con: Connection) -> list[str]:
        """What the database itself finds damaged."""

    def clear_deleted(self) -> None:
        """Clear away, as far as can be, the bytes of what was deleted."""

    def close(self) -> None:
        """Let go of the connections of this thread."""


class SqliteDatabase:
    """An embedded database in one file: WAL, ``synchronous=FULL``, a connection for each thread.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._local = threading.local()

    @property
    def where(self) -> Path:
        """The file."""
        return self.path

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.is_file()

    def make(self, schema: str) -> None:
        """Make the tables of a schema where they are not there; joins a transaction that writes."""
        with self.writing() as con:  # statement by statement: executescript would end a transaction under way
            for statement in re.sub(r"--[^\n]*", "", schema).split(";"):
                con.execute(statement)

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

    def is_writing(self) -> bool:
        """Whether this thread is inside ``writing``."""
        return bool(getattr(self._local, "writing", False))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its beginning to its commit."""
        with self._errors():
            con = self._connection()
            if self.is_writing():
                yield con
                return
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
        with self._errors():
            con = self._connection()
            if con.in_transaction:
                yield con
                return
            con.execute("BEGIN")
            try:
                yield con
            finally:
                con.execute("COMMIT")

    def stamp(self) -> Hashable | None:
        """The connection, others' commits as it sees them, whatever process they are of, and its own changes."""
        with self._errors():
            con = self._connection()
            if con.in_transaction:
                return None
            return con, con.execute("PRAGMA data_version").fetchone()[0], con.total_changes

    def stream(self, con: Connection, sql: str) -> Iterator[Any]:
        """The rows of a statement, read as they are asked for."""
        return iter(con.execute(sql))

    def faults(self, con: Connection) -> list[str]:
        """What SQLite's own check finds."""
        rows = con.execute("PRAGMA integrity_check").fetchall()
        return [str(said)[:200] for (said,) in rows if said != "ok"]

    def clear_deleted(self) -> None:
        """Empty the write-ahead log, where what was deleted would stay; pages are overwritten by ``secure_delete``."""
        with self._errors():
            self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn SQLite's complaints into ours.

        Raises:
            DiskFullError: No space left.
            LockedError: Another process held the database for too long.
            CorruptFileError: The file is damaged.
            InputError: Something is there already that may be there once.
            StorageError: Anything else.
        """
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise InputError(f"this is here already: {error}") from error
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            primary = None if code is None else code & 0xFF
            if primary == sqlite3.SQLITE_FULL:
                raise DiskFullError(
                    "no space left on the disk", path=self.path, hint="Free some; nothing was changed."
                ) from error
            if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise LockedError(
                    "another process is writing", path=self.path, hint="Try again when it has ended."
                ) from error
            if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise CorruptFileError(
                    f"the database is damaged: {error}", path=self.path, hint="Restore a copy."
                ) from error
            raise StorageError(
                str(error),
                path=self.path,
                hint="Is the disk full, or failing? What was not acknowledged does not count; try again.",
            ) from error
