"""A node's database on PostgreSQL, for a busy hub with several server processes.

One advisory lock, held from the beginning of a writing transaction to its commit, keeps the promises of the store:
sequence and times are allotted under it, so that no reader ever sees a gap fill later.
"""

import ipaddress
import re
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any

from kakehashi.errors import DiskFullError, InputError, LockedError, MissingExtraError, StorageError
from kakehashi.exchange.database import BUSY_SECONDS, Connection, Rows

if TYPE_CHECKING:
    import psycopg

#: Connections of one process; a server's threads wait for one beyond that.
MOST_CONNECTIONS = 16
_LOCK = 0x6B6B_6861_7368_6931  # of this application in one database
_SAFE_MODES = ("require", "verify-ca", "verify-full")


class PostgresDatabase:
    """A database on a PostgreSQL server; safe for several threads and processes.

    Args:
        address: ``postgresql://user@host/database``, or what else libpq takes. A password may stand in it, or where
            libpq looks for one (``PGPASSWORD``, ``~/.pgpass``); it is never shown.

    Raises:
        InputError: Not such an address, or one of another machine without TLS.
        MissingExtraError: The driver is not installed.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._where = place_of(address)
        self._idle: list[psycopg.Connection[Any]] = []
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        self._local = threading.local()
        weakref.finalize(self, _close_all, self._idle)

    @property
    def where(self) -> str:
        """The address without its password."""
        return self._where

    def exists(self) -> bool:
        """Whether a node's tables are there."""
        with self.reading() as con:
            return con.execute("SELECT to_regclass('meta')").fetchone()[0] is not None

    def make(self, schema: str) -> None:
        """Make the tables of a schema where they are not there; joins a transaction that writes."""
        with self.writing() as con:
            con.script(schema)

    def is_writing(self) -> bool:
        """Whether this thread is inside ``writing``."""
        return getattr(self._local, "mode", "") == "write"

    @contextmanager
    def writing(self) -> Iterator["PostgresConnection"]:
        """A transaction that holds the one write lock from its beginning to its commit."""
        with self._transaction("BEGIN", "write") as con:
            yield con

    @contextmanager
    def reading(self) -> Iterator["PostgresConnection"]:
        """One snapshot for everything read inside."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "read") as con:
            yield con

    @contextmanager
    def _transaction(self, begin: str, mode: str) -> Iterator["PostgresConnection"]:
        under_way: PostgresConnection | None = getattr(self._local, "con", None)
        if under_way is not None:
            if mode == "write" and self._local.mode == "read":
                raise RuntimeError("a transaction that reads cannot begin to write")
            yield under_way
            return
        with self._errors(), self._free:
            raw = self._begun(begin)
            con = PostgresConnection(raw)
            self._local.con, self._local.mode = con, mode
            try:
                if mode == "write":
                    con.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
                yield con
                raw.execute("COMMIT")
            except BaseException:
                with suppress(Exception):
                    raw.execute("ROLLBACK")
                raise
            finally:
                self._local.con, self._local.mode = None, ""
                self._give_back(raw)

    def _begun(self, begin: str) -> "psycopg.Connection[Any]":
        """A connection in a fresh transaction; one that has gone stale meanwhile is replaced, once."""
        import psycopg

        with self._lock:
            raw = self._idle.pop() if self._idle else None
        if raw is not None:
            try:
                raw.execute(begin)
                return raw
            except psycopg.OperationalError:
                raw.close()
        raw = psycopg.connect(
            self._address,
            autocommit=True,
            application_name="kakehashi",
            options=f"-c lock_timeout={int(BUSY_SECONDS)}s -c synchronous_commit=on -c timezone=UTC",
        )
        raw.execute(begin)
        return raw

    def _give_back(self, raw: "psycopg.Connection[Any]") -> None:
        if (
            raw.closed or raw.info.transaction_status != 0
        ):  # not idle: nobody knows what it is in the middle of
            raw.close()
            return
        with self._lock:
            self._idle.append(raw)

    def stream(self, con: Connection, sql: str) -> Iterator[Any]:
        """The rows of a statement, some thousand at a time."""
        assert isinstance(con, PostgresConnection)
        return con.stream(sql)

    def faults(self, con: Connection) -> list[str]:
        """Nothing: the server checks its pages itself, where it was set up with checksums."""
        return []

    def clear_deleted(self) -> None:
        """Let the server take the rows of what was deleted out of its tables.

        Its write-ahead log, archives and backups keep the bytes for as long as the server's administrator has set.
        """
        with self._errors(), self._free:
            raw = self._begun("SELECT 1")
            try:
                raw.execute("VACUUM objects")
            finally:
                self._give_back(raw)

    def close(self) -> None:
        """Close the connections that nobody is using."""
        with self._lock:
            _close_all(self._idle)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the driver's complaints into ours; its words never hold the password.

        Raises:
            DiskFullError: No space left on the server.
            LockedError: Another process held the lock for too long.
            InputError: Something is there already, or holds what PostgreSQL cannot keep.
            StorageError: The server cannot be reached or went away, or anything else.
        """
        psycopg = _driver()
        codes = psycopg.errors
        try:
            yield
        except codes.DiskFull as error:
            raise DiskFullError(
                "no space left on the database server", path=self.where, hint="Nothing was changed."
            ) from error
        except (codes.LockNotAvailable, codes.DeadlockDetected) as error:
            raise LockedError(
                "another process is writing", path=self.where, hint="Try again when it has ended."
            ) from error
        except codes.UniqueViolation as error:
            raise InputError(f"this is here already: {error.diag.message_primary}") from error
        except psycopg.DataError as error:
            raise InputError(
                "a text holds what PostgreSQL cannot keep, such as a NUL character", path=self.where
            ) from error
        except psycopg.Error as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise StorageError(
                f"the database does not answer: {said[0]}"
                if isinstance(error, psycopg.OperationalError)
                else said[0],
                path=self.where,
                hint="Is the server running? Nothing that was not acknowledged counts; try again.",
            ) from error


class PostgresConnection:
    """A connection inside a transaction, which takes the statements of :mod:`kakehashi.exchange.database`."""

    def __init__(self, raw: "psycopg.Connection[Any]") -> None:
        self._raw = raw
        self._names = count()

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        found: Rows = self._raw.execute(translated(sql).encode(), tuple(values))
        return found

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Rows:
        """Run one statement for each of several rows."""
        cursor = self._raw.cursor()
        cursor.executemany(translated(sql).encode(), list(rows))
        return cursor

    def script(self, sql: str) -> None:
        """Run several statements that make tables."""
        self._raw.execute(as_postgres(sql).encode())

    def stream(self, sql: str) -> Iterator[Any]:
        """The rows of a statement, some thousand at a time."""
        with self._raw.cursor(name=f"rows{next(self._names)}") as cursor:
            cursor.itersize = 1000
            yield from cursor.execute(sql.encode())


@lru_cache(maxsize=512)
def translated(sql: str) -> str:
    """A statement as the driver takes it.

    Examples:
        >>> translated("SELECT a FROM t WHERE b = ? AND c LIKE 'x%'")
        "SELECT a FROM t WHERE b = %s AND c LIKE 'x%%'"
    """
    found = sql.replace("%", "%%").replace("?", "%s")
    return as_postgres(found) if found.lstrip().upper().startswith(("CREATE", "--")) else found


def as_postgres(schema: str) -> str:
    """Tables as PostgreSQL spells them; texts are compared byte by byte, as in SQLite.

    Examples:
        >>> as_postgres("CREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT, b BLOB) WITHOUT ROWID")
        'CREATE TABLE t (n BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a TEXT COLLATE "C", b BYTEA) '
    """
    found = re.sub(r"\s*\bWITHOUT ROWID\b", " ", schema)
    found = re.sub(r"\bINTEGER PRIMARY KEY\b", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", found)
    found = re.sub(r"\bINTEGER\b", "BIGINT", found)
    found = re.sub(r"\bBLOB\b", "BYTEA", found)
    return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', found)


def place_of(address: str) -> str:
    """Where a database is, without its password.

    Raises:
        InputError: Not an address, or another machine's without TLS. The address is not repeated.
    """
    psycopg = _driver()
    hint = "Write it like postgresql://user@host/database?sslmode=verify-full"
    try:
        parts = psycopg.conninfo.conninfo_to_dict(address)
    except psycopg.Error:
        raise InputError("this is no address of a PostgreSQL database", hint=hint) from None
    host = str(parts.get("host") or parts.get("hostaddr") or "")
    if not _is_local(host) and parts.get("sslmode") not in _SAFE_MODES:
        raise InputError(f"{host} would be reached without TLS", hint=hint)
    port = f":{parts['port']}" if parts.get("port") else ""
    user = f"{parts['user']}@" if parts.get("user") else ""
    name = str(parts.get("dbname") or parts.get("user") or "")
    if host.startswith("/"):
        return f"postgresql://{user}/{name}?host={host}{'&port=' + port[1:] if port else ''}"
    kept = f"?sslmode={parts['sslmode']}" if parts.get("sslmode") else ""
    return f"postgresql://{user}{host}{port}/{name}{kept}"


def _close_all(idle: "list[psycopg.Connection[Any]]") -> None:
    while idle:
        idle.pop().close()


def _is_local(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _driver() -> Any:
    try:
        import psycopg
    except ImportError:
        raise MissingExtraError("postgres", "a node on PostgreSQL") from None
    return psycopg
