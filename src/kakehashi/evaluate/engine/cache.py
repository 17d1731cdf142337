"""Responses by the key of their wire request, in one SQLite file that several processes may share.

A cache only saves calls: the run folder is what must not be lost. So writes are batched, and a damaged file
is moved aside with a warning and a new one begun.
"""

import contextlib
import sqlite3
import tempfile
import threading
import time
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from kakehashi.errors import DiskFullError, FormatVersionError, StorageError
from kakehashi.evaluate.engine.appendlog import FULL, storage_error
from kakehashi.evaluate.engine.keyfilter import KeyFilter
from kakehashi.evaluate.engine.lock import FolderLock

FORMAT = 1
_BATCH = 256
_PROBE = 1 << 18
_ROWS_A_STATEMENT = 128
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
#: Seconds after which it is looked whether another process has written: what it wrote since is asked for again.
_FRESH = 0.02
#: With more keys to read than this the file is asked each time: reading them would cost more than it saves.
_MOST_KEYS = 50_000
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class ResponseCache:
    """A content-addressed store of responses.

    Args:
        path: The SQLite file; made when missing.
        busy_seconds: How long to wait for another process that is writing.

    Attributes:
        warnings: What happened that the reader of a run should know.

    Raises:
        StorageError: The file cannot be opened (no permission, no folder).
    """

    def __init__(self, path: Path, *, busy_seconds: float = 30.0) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self._busy = busy_seconds
        self._pending: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._failure: StorageError | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kakehashi-cache")
        self._flushing: Future[None] | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise storage_error(exc, self.path.parent) from exc
        self._db = self._open()
        self._begin_filter()

    def __enter__(self) -> "ResponseCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except StorageError:
            if error is None:
                raise

    def _connect(self) -> sqlite3.Connection:
        """Open the file; other processes may be opening, writing or closing it at this moment."""
        deadline = time.monotonic() + self._busy
        while True:
            try:
                return self._connect_once()
            except sqlite3.OperationalError as exc:
                # SQLite does not wait by itself where the mode of the journal is set or a log is recovered.
                if exc.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def _connect_once(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=self._busy, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found > FORMAT:
                raise FormatVersionError(
                    f"kakehashi.cache/{found}", f"kakehashi.cache/{FORMAT}", path=self.path
                )
            db.execute(
                "CREATE TABLE IF NOT EXISTS responses"
                " (key BLOB PRIMARY KEY, crc INTEGER NOT NULL, body BLOB NOT NULL)"
            )
            if found == 0:
                db.execute(f"PRAGMA user_version={FORMAT}")
            db.execute("SELECT count(*) FROM (SELECT 1 FROM responses LIMIT 1)").fetchone()
        except BaseException:
            db.close()
            raise
        return db

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as exc:
            if exc.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise self._error(exc) from exc
            self._move_aside()
        try:
            return self._connect()
        except sqlite3.DatabaseError as exc:
            raise self._error(exc) from exc

    def _move_aside(self) -> None:
        """Rename the damaged file; under a lock, so that of two processes only one does."""
        deadline = time.monotonic() + self._busy
        while True:
            try:
                lock = FolderLock(self.path.with_name(self.path.name + ".lock"), "cache")
                break
            except StorageError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        try:
            try:
                self._connect().close()
            except sqlite3.DatabaseError as exc:
                if exc.sqlite_errorcode & 0xFF not in _DAMAGED and not self._is_cut():
                    raise self._error(exc) from exc
            else:
                if not self._fails_check():
                    return  # another process has already begun a new one
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            self.path.replace(aside)
            for suffix in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).unlink()
            self.warnings.append(
                f"the response cache was damaged; it was moved to {aside.name} and a new one begun"
            )
        except OSError as exc:
            raise storage_error(exc, self.path) from exc
        finally:
            lock.release()

    def _is_cut(self) -> bool:
        return self.path.exists() and 0 < self.path.stat().st_size < 100

    def _fails_check(self) -> bool:
        try:
            db = self._connect()
        except sqlite3.DatabaseError:
            return True
        try:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
        except sqlite3.DatabaseError:
            return True
        finally:
            db.close()

    def _error(self, exc: sqlite3.Error) -> StorageError:
        code = getattr(exc, "sqlite_errorcode", 0)
        if code & 0xFF == sqlite3.SQLITE_FULL or self._disk_is_full(code):
            return DiskFullError(
                "no space left to write",
                path=self.path,
                hint="Free some space and run the same command again: it goes on where it was.",
            )
        return StorageError(
            f"the response cache cannot be used ({exc})",
            path=self.path,
            hint="Look at the folder's permissions, or run without a cache.",
        )

    def _disk_is_full(self, code: int) -> bool:
        """Whether the system refuses more bytes here: SQLite calls a limit or a quota an I/O error."""
        if code & 0xFF != sqlite3.SQLITE_IOERR:
            return False
        largest = max((p.stat().st_size for p in self.path.parent.glob(self.path.name + "*")), default=0)
        try:
            with tempfile.TemporaryFile(dir=self.path.parent, buffering=0) as probe:
                probe.seek(largest)
                left = _PROBE
                while left:  # a write that is cut short tells why only when it is tried again
                    left -= probe.write(bytes(left))
        except OSError as exc:
            return exc.errno in FULL
        return False

    def get(self, key: str) -> str | None:
        """The text stored under a key, or ``None``."""
        body = self._pending.get(key)
        if body is not None:
            return body.decode()
        try:
            if self._lacks(key):
                return None
            row = self._db.execute(
                "SELECT crc, body FROM responses WHERE key=?", (bytes.fromhex(key),)
            ).fetchone()
        except sqlite3.DatabaseError as exc:
            self._recover(exc)
            return None
        if row is None:
            return None
        crc, body = row
        if zlib.crc32(body) != crc:
            self.warnings.append(f"the cached response {key[:12]} was damaged and is asked for again")
            return None
        return str(body, "utf-8")

    def _begin_filter(self) -> None:
        self._filter: KeyFilter | None = KeyFilter()
        self._version, self._last_row, self._looked = -1, 0, float("-inf")

    def _lacks(self, key: str) -> bool:
        """Whether the file surely does not hold a key; most questions of a first run end here, without SQL."""
        if self._filter is None:
            return False
        now = time.monotonic()
        if now - self._looked > _FRESH:
            self._looked = now
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._version = version
                self._learn()
        return self._filter is not None and not self._filter.may_hold(key)

    def _learn(self) -> None:
        """Take up the keys that were written since, by this process or by others."""
        (last,) = self._db.execute("SELECT ifnull(max(rowid), 0) FROM responses").fetchone()
        if last - self._last_row > _MOST_KEYS or self._filter is None:
            self._filter = None
            return
        for (key,) in self._db.execute("SELECT key FROM responses WHERE rowid > ?", (self._last_row,)):
            self._filter.add(key.hex())
        self._last_row = last

    def put(self, key: str, text: str) -> None:
        """Store a response; it reaches the file with the next batch.

        Raises:
            DiskFullError: An earlier batch found no space.
        """
        if self._failure is not None:
            raise self._failure
        body = text.encode()
        if self._filter is not None:
            self._filter.add(key)
        with self._lock:
            self._pending[key] = body
        if len(self._pending) >= _BATCH:
            self.flush_soon()

    def flush_soon(self) -> None:
        """Begin to write what is pending, in the background."""
        if self._failure is not None:
            raise self._failure
        if self._pending and (self._flushing is None or self._flushing.done()):
            self._flushing = self._writer.submit(self._write_batch)

    def flush(self) -> None:
        """Write what is pending and wait for it.

        Raises:
            DiskFullError: There is no space left.
        """
        self._writer.submit(self._write_batch).result()
        if self._failure is not None:
            raise self._failure

    def _write_batch(self) -> None:
        with self._lock:
            batch = list(self._pending.items())
        if not batch or self._failure is not None:
            return
        rows = [(bytes.fromhex(key), zlib.crc32(body), body) for key, body in batch]
        for attempt in (1, 2):
            try:
                self._insert(rows)
                break
            except sqlite3.DatabaseError as exc:
                if exc.sqlite_errorcode & 0xFF in _DAMAGED and attempt == 1:
                    try:
                        self._move_aside()
                        self._connect().close()
                    except (StorageError, sqlite3.DatabaseError) as again:
                        self._failure = (
                            again
                            if isinstance(again, StorageError)
                            else self._error(again)  # pragma: no cover
                        )
                        return
                else:
                    self._failure = self._error(exc)
                    return
        with self._lock:
            for key, _ in batch:
                self._pending.pop(key, None)

    def _insert(self, rows: list[tuple[bytes, int, bytes]]) -> None:
        db = self._connect()
        try:
            db.execute("BEGIN IMMEDIATE")
            # Many rows a statement: the interpreter's lock is given away once for each, not for every row.
            for first in range(0, len(rows), _ROWS_A_STATEMENT):
                part = rows[first : first + _ROWS_A_STATEMENT]
                places = ",".join(["(?,?,?)"] * len(part))
                values = [value for row in part for value in row]
                db.execute(f"INSERT OR REPLACE INTO responses VALUES {places}", values)
            db.execute("COMMIT")
        finally:
            db.close()

    def _recover(self, exc: sqlite3.DatabaseError) -> None:
        if exc.sqlite_errorcode & 0xFF not in _DAMAGED:
            raise self._error(exc) from exc
        self._db.close()
        self._move_aside()
        self._db = self._open()
        self._begin_filter()

    def __len__(self) -> int:
        self.flush()
        (n,) = self._db.execute("SELECT count(*) FROM responses").fetchone()
        return int(n)

    def close(self) -> None:
        """Write what is pending and close.

        Raises:
            DiskFullError: There was no space for it.
        """
        if self._flushing is not None or self._pending:
            self._writer.submit(self._write_batch).result()
        self._writer.shutdown()
        self._db.close()
        if self._failure is not None and self._pending:
            raise self._failure
