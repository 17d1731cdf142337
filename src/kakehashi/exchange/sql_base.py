"""What every part of a node's store stands on: settings, collections, and the clock that allots the sequence."""

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.exchange.database import Connection, Database, SqliteDatabase
from kakehashi.exchange.node_time import KNOWN
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_schema import FORMAT, SCHEMA
from kakehashi.exchange.store import Collection
from kakehashi.exchange.validate import moment


@dataclass(frozen=True, slots=True)
class Tables:
    """Tables that stand beside the log.

    Attributes:
        name: Names them.
        version: Of their schema.
        schema: Statements that make them where they are not there, in the SQL that both databases share.
    """

    name: str
    version: str
    schema: str


class SqlBase:
    """A node's database.

    Args:
        database: The database, or the file of an embedded one.
        create: Make it where it is not there.

    Raises:
        InputError: There is no database, and none was to be made.
        FormatVersionError: It was written by a newer Kakehashi.
    """

    def __init__(self, database: Database | Path, *, create: bool = False) -> None:
        self.database = SqliteDatabase(database) if isinstance(database, Path) else database
        self._made: set[str] = set()
        if not create and not self.database.exists():
            raise InputError(
                "no exchange node here", path=self.path, hint="Make one: kakehashi exchange init NAME"
            )
        if create:
            self.database.make(SCHEMA)
            with self.writing() as con:
                for key, value in (("format", FORMAT), ("epoch", "0"), ("secret", secrets.token_hex(32))):
                    con.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value))
        found = self.meta("format")
        if found != FORMAT:
            raise FormatVersionError(str(found), FORMAT, path=self.path)
        if self.meta(KNOWN) is None:
            self._begin_time()

    def _begin_time(self) -> None:
        """The first time that a node knows: its clock's, or that of its log's last line where it is older than this."""
        with self.writing() as con:
            row = con.execute("SELECT added FROM log ORDER BY seq DESC LIMIT 1").fetchone()
            first = timestamp(datetime.now(UTC)) if row is None else row[0]
            con.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (KNOWN, first))

    @property
    def path(self) -> Path | str:
        """Where the database is, for people."""
        return self.database.where

    def close(self) -> None:
        """Let go of this thread's connections."""
        self.database.close()

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that holds the write lock from its beginning to its commit."""
        return self.database.writing()

    def reading(self) -> AbstractContextManager[Connection]:
        """One snapshot for everything read inside."""
        return self.database.reading()

    def ensure(self, tables: Tables) -> None:
        """Make further tables where they are not there.

        Raises:
            FormatVersionError: They were made by a newer Kakehashi.
        """
        if tables.name in self._made:
            return
        key = f"{tables.name}-tables"
        found = self.meta(key)
        if found is None:
            with self.writing():
                self.database.make(tables.schema)
                self.set_meta(key, tables.version)
        elif found != tables.version:
            raise FormatVersionError(f"{key}/{found}", f"{key}/{tables.version}", path=self.path)
        if not self.database.is_writing():  # what a writer made may yet be rolled back
            self._made.add(tables.name)

    @contextmanager
    def rows(self, tables: Tables, *, write: bool = False) -> Iterator[Connection]:
        """A connection to further tables, in one transaction; they are made where they are not there."""
        self.ensure(tables)
        with self.writing() if write else self.reading() as con:
            yield con

    def meta(self, key: str) -> str | None:
        """A setting of the node."""
        with self.reading() as con:
            row = con.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Change a setting of the node."""
        with self.writing() as con:
            con.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def add_collection(self, collection: Collection) -> None:
        """Add a collection."""
        with self.writing() as con:
            con.execute(
                "INSERT INTO collections VALUES (?, ?, ?)",
                (collection.id, collection.title, collection.alias),
            )

    def collections(self) -> tuple[Collection, ...]:
        """The node's collections."""
        with self.reading() as con:
            rows = con.execute("SELECT id, title, alias FROM collections ORDER BY title").fetchall()
        return tuple(Collection(*row) for row in rows)


class Clock:
    """Allots sequence and time inside a writing transaction.

    A time is the greater of the machine's clock and the last time plus a microsecond, so that a clock that goes
    backwards changes nothing of the order.
    """

    def __init__(self, con: Connection) -> None:
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
