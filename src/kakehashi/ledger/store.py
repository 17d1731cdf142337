"""The ledger itself: append, read, hide, never change."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from kakehashi.errors import CorruptFileError, StorageError, UnknownNameError, UsageError
from kakehashi.ledger import layout as folders
from kakehashi.ledger.deposit import Deposit
from kakehashi.ledger.deposit import Entry as Entry
from kakehashi.ledger.files import read_bytes, remove_temporary
from kakehashi.ledger.items import Columns
from kakehashi.ledger.lock import WriterLock
from kakehashi.ledger.log import mend_log, read_log
from kakehashi.ledger.records import Record, now_utc, read_record
from kakehashi.ledger.texts import Texts, read_texts
from kakehashi.ledger.visibility import Hidden, hidden_records
from kakehashi.model import Measurement
from kakehashi.proof import Checkpoint, Frontier, TreeHead

if TYPE_CHECKING:
    from kakehashi.ledger.verify import VerifyReport

_PREFIX = re.compile(r"[0-9a-f]{4,64}")


class Ledger:
    """An append-only store of results in a folder.

    Open it with :meth:`init` or :meth:`open`; both give a context manager. One process writes at a time, any
    number read. A record's id is the SHA-256 of its bytes as stored; the same content again is a no-op.

    Examples:
        >>> import tempfile
        >>> with Ledger.init(Path(tempfile.mkdtemp()) / "ledger") as ledger:
        ...     plan = {"kind": "plan", "title": "July", "created": "2026-07-01T00:00:00Z",
        ...             "subjects": ["a"], "methods": [{"id": "kakehashi/core", "version": "1.0"}]}
        ...     first, again = ledger.append(plan), ledger.append(plan)
        ...     first == again, ledger.get(first[:8]).kind, ledger.root().size
        (True, 'plan', 1)
    """

    def __init__(self, path: Path | str, *, write: bool, wait: float = 0.0) -> None:
        self.layout = folders.Layout(Path(path))
        self.write = write
        self.about = folders.read_about(self.layout)
        self._lock = WriterLock(self.layout.lock, wait=wait) if write else None
        self._ids: list[str] | None = None
        self._index: dict[str, int] = {}
        self._records: dict[str, Record] = {}
        self._sources: dict[tuple[str, ...], str] | None = None
        self._hidden: dict[str, Hidden] | None = None
        if self._lock is not None:
            self._lock.__enter__()
            try:
                mend_log(self.layout.log)
                for folder in ("records", "items", "blobs"):
                    remove_temporary(self.layout.root / folder)
            except BaseException:
                self.close()
                raise

    @classmethod
    def init(cls, path: Path | str, *, wait: float = 0.0) -> "Ledger":
        """Make an empty ledger and open it for writing.

        Args:
            path: Its folder; what a crash in the middle of this left there is taken up.
            wait: Seconds to wait for another process that is making or writing it.

        Raises:
            LockedError: Another process is making or writing it.
            StorageError: There is something in the folder already.
        """
        folders.create(Path(path), wait=wait)
        return cls(path, write=True, wait=wait)

    @classmethod
    def open(cls, path: Path | str, *, write: bool = False, wait: float = 0.0) -> "Ledger":
        """Open a ledger.

        Args:
            path: Its folder.
            write: Whether to add to it; takes the writer's lock and cuts a half line that a crash left in the
                log.
            wait: Seconds to wait for another process that is writing to it.

        Raises:
            StorageError: There is no ledger here.
            FormatVersionError: It was written by a newer Kakehashi.
            LockedError: Another process writes to it.
        """
        return cls(path, write=write, wait=wait)

    @property
    def path(self) -> Path:
        """The ledger's folder."""
        return self.layout.root

    def close(self) -> None:
        """Let the lock go."""
        if self._lock is not None:
            self._lock.__exit__(None, None, None)
            self._lock = None
        self.write = False

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ add

    def append(
        self, record: Mapping[str, Any], items: Columns | None = None, texts: Texts | None = None
    ) -> str:
        """Add one record, with its item rows and texts.

        Args:
            record: Body of the record; ``format``, ``items`` and ``texts`` are filled in here.
            items: Columns of :data:`~kakehashi.ledger.items.ITEM_COLUMNS`.
            texts: ``{sample: {"prompt": …, "response": …}}`` or rows with a ``sample``. Where the items have
                no ``response_hash``, it is filled in from ``response`` (salted if the record is ``private``).

        Returns:
            The record's id; that of the record already there if it says the same, or comes from the same
            source file by the same version of the importer.

        Raises:
            InputError: The record breaks the schema, or items or texts cannot be stored. Nothing was changed.
            DiskFullError: No space is left. The ledger is as it was.
        """
        return self.append_all([Entry(record, items, texts)])[0]

    def append_all(
        self, entries: Iterable[Entry], *, replaces: Mapping[int, str] | None = None, reason: str = ""
    ) -> list[str]:
        """Add several records; the log names all of them or, if one is refused, none.

        Files are written and flushed first, then the log in one write. A crash in between leaves files that
        nothing names; doing the same again takes them up.

        Args:
            entries: What to add, in order.
            replaces: Position of an entry → id of the record that it supersedes, in the same write.
            reason: Why, where something is superseded.

        Returns:
            The records' ids in the order of the entries (see :meth:`append`).
        """
        self._must_write()
        ids: list[str] = []
        sources: dict[tuple[str, ...], str] = {}
        old = {place: self._visible_target(target, reason) for place, target in (replaces or {}).items()}
        with self._deposit() as deposit:
            for place, entry in enumerate(entries):
                source = _source_key(entry.record)
                known = sources.get(source) or self._find_source(source) if source else None
                if known is None:
                    known = deposit.add(entry)
                    if source:
                        sources[source] = known
                ids.append(known)
                if place in old and old[place].id != known:
                    if old[place].kind != entry.record["kind"]:
                        raise UsageError(
                            f"a {old[place].kind} cannot be superseded by a {entry.record['kind']}"
                        )
                    deposit.add(Entry(_superseding(old[place].id, known, reason, "")))
            deposit.commit()
        return ids

    def adopt(self, stored: Sequence[tuple[str, bytes]]) -> None:
        """Add records of another ledger, byte for byte, as ``(id, bytes)`` in order; what is here already stays.

        Raises:
            CorruptFileError: Bytes that are not those of their id.
        """
        self._must_write()
        with self._deposit() as deposit:
            for record_id, data in stored:
                deposit.add_bytes(record_id, data)
            deposit.commit()

    def retract(self, target: str, reason: str, author: str = "") -> str:
        """Withdraw a record: queries hide it from now on, reports count it. Returns the id of the retraction.

        Args:
            target: Id or prefix. The record of a run stands for all its results; a retraction can be
            retracted.
            reason: Why, for readers of later reports.
            author: Who answers for it.

        Raises:
            UsageError: It is hidden already, or no reason is given.
        """
        record = self._visible_target(target, reason)
        return self.append(
            {"kind": "retract", "target": record.id, "reason": reason, "author": author, "created": now_utc()}
        )

    def supersede(self, old: str, new: str, reason: str, author: str = "") -> str:
        """Put ``new`` in the place of ``old``, which queries hide from now on; returns that record's id."""
        record, by = self._visible_target(old, reason), self.get(new)
        if record.id == by.id:
            raise UsageError(f"the record {record.id[:12]} cannot supersede itself")
        if record.kind != by.kind:
            raise UsageError(f"a {record.kind} cannot be superseded by a {by.kind}")
        return self.append(_superseding(record.id, by.id, reason, author))

    def purge(self, target: str, reason: str, author: str = "") -> str:
        """Delete the texts of a record and leave a tombstone. Returns the tombstone's id.

        The tombstone is written first, so that no text is ever missing without one. Item rows, scores and
        hashes stay. Copies and backups elsewhere are not reached.

        Raises:
            UsageError: The record has no texts, or no reason is given.
        """
        self._must_write()
        record = self.get(target)
        reference = record.body.get("texts")
        if not isinstance(reference, Mapping):
            raise UsageError(
                f"the {record.kind} record {record.id[:12]} has no texts to purge",
                hint="kakehashi results show RUN lists the records of a run's results, which have."
                if record.kind == "run"
                else None,
            )
        if not reason:
            raise UsageError("a purge needs a reason")
        digest = str(reference["sha256"])
        sharing = [
            r.id
            for r in self._all()
            if r.id != record.id
            and isinstance(r.body.get("texts"), Mapping)
            and r.body["texts"]["sha256"] == digest
            and self.tombstone(r.id) is None
        ]
        done = self.tombstone(record.id)
        stone = (
            done.id
            if done is not None
            else self.append(
                {
                    "kind": "tombstone",
                    "target": record.id,
                    "purged": digest,
                    "reason": reason,
                    "author": author,
                    "created": now_utc(),
                }
            )
        )
        if not sharing:
            path = self.layout.blob(digest)
            with suppress(FileNotFoundError):
                path.unlink()
        return stone

    # ------------------------------------------------------------------ read

    def get(self, id_or_prefix: str) -> Record:
        """The record of an id, or of the beginning of one (at least four digits).

        Raises:
            UnknownNameError: There is none.
            UsageError: Several begin so.
        """
        asked = id_or_prefix.strip().lower()
        if not _PREFIX.fullmatch(asked):
            raise UsageError(
                f"{id_or_prefix!r} is not a record id",
                hint="Give at least its first four hexadecimal digits.",
            )
        known = self._known()
        found = [asked] if asked in self._index else [i for i in known if i.startswith(asked)]
        if not found:
            raise UnknownNameError("record", id_or_prefix, hint="List them with `kakehashi results list`.")
        if len(found) > 1:
            raise UsageError(
                f"{len(found)} records begin with {asked!r}: {', '.join(i[:16] for i in found[:4])}",
                hint="Give more digits.",
            )
        return self._record(found[0])

    def records(
        self,
        *,
        kind: str | None = None,
        run: str | None = None,
        subject: str | None = None,
        method: str | None = None,
        include_hidden: bool = False,
    ) -> list[Record]:
        """Records in the order of the log; retracted and superseded ones only on request."""
        hidden = {} if include_hidden else self.hidden()
        wanted = {"kind": kind, "run": run, "subject": subject, "method": method}
        return [
            record
            for record in self._all()
            if record.id not in hidden
            and all(value is None or record.text(key) == value for key, value in wanted.items())
        ]

    def measurements(
        self,
        *,
        run: str | None = None,
        subject: str | None = None,
        method: str | None = None,
        measure: str | Collection[str] | None = None,
        facets: Mapping[str, str] | None = None,
        include_retracted: bool = False,
    ) -> list[Measurement]:
        """Measurements of results, in the order of the log.

        Args:
            run: Only of this run.
            subject: Only of this subject.
            method: Only of this method.
            measure: Only this measure id, or these.
            facets: Only with exactly these facets; ``{}`` gives the numbers about the whole. None gives all.
            include_retracted: Whether to show what was retracted or superseded.
        """
        wanted = {measure} if isinstance(measure, str) else measure
        return [
            found
            for record in self.records(
                kind="result", run=run, method=method, include_hidden=include_retracted
            )
            for found in record.measurements()
            if (subject is None or found.subject == subject)
            and (wanted is None or found.measure.id in wanted)
            and (facets is None or dict(found.facets) == dict(facets))
        ]

    def items(
        self,
        *,
        run: str | None = None,
        subject: str | None = None,
        method: str | None = None,
        record: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Item rows of the visible records chosen, as arrays.

        Args:
            run: Only of this run.
            subject: Only of this subject.
            method: Only of this method.
            record: Only of the record of this id, hidden or not.
            columns: Columns of ``ITEM_COLUMNS`` and ``OWNER_COLUMNS``; None for all.

        Returns:
            Arrays of one length. Texts are object arrays with None, numbers have NaN where there is none.
        """
        from kakehashi.ledger.query import fetch_items

        chosen = (
            [self.get(record)]
            if record is not None
            else self.records(run=run, subject=subject, method=method)
        )
        return fetch_items(self.layout, chosen, columns)

    def query(self, sql: str, parameters: Sequence[object] = ()) -> dict[str, np.ndarray[Any, Any]]:
        """One SELECT over the views ``records``, ``measurements`` and ``items``; it cannot write anything.

        Raises:
            UsageError: The SQL is not one SELECT, or DuckDB refuses it.
        """
        from kakehashi.ledger.query import run_query

        return run_query(self.layout, self._all(), self.hidden(), sql, parameters)

    def texts(self, target: str) -> Iterator[dict[str, Any]]:
        """Rows of the prompts and answers of a record.

        Raises:
            UsageError: It never had texts.
            StorageError: They were purged, or left out of this copy of the ledger.
        """
        record = self.get(target)
        reference = record.body.get("texts")
        if not isinstance(reference, Mapping):
            raise UsageError(f"the {record.kind} record {record.id[:12]} has no texts")
        stone = self.tombstone(record.id)
        if stone is not None:
            raise StorageError(
                f"the texts of {record.id[:12]} were purged ({stone.text('created')}: {stone.text('reason')})"
            )
        path = self.layout.blob(str(reference["sha256"]))
        if not path.is_file():
            raise StorageError(
                f"the texts of {record.id[:12]} are not in this copy of the ledger",
                path=path,
                hint="Ask its sender for an export with texts.",
            )
        return read_texts(path)

    def tombstone(self, record_id: str) -> Record | None:
        """The tombstone over a record's texts, if they were purged."""
        for record in self._all():
            if record.kind == "tombstone" and record.text("target") == record_id:
                return record
        return None

    def hidden(self) -> dict[str, Hidden]:
        """What queries hide, by record id, with the reason. Reports print how many there are."""
        if self._hidden is None:
            self._hidden = hidden_records(self._all())
        return self._hidden

    def cut(self, size: int) -> None:
        """Read the ledger from now on as it was when its log had ``size`` records.

        Raises:
            UsageError: It is open for writing, or the log never had that size.
        """
        if self.write:
            raise UsageError(f"the ledger {self.path} is open for writing; only a reader can look back")
        kept = self._known()[: self.root(size).size]
        self._ids, self._index = kept, {record_id: place for place, record_id in enumerate(kept)}
        self._hidden = self._sources = None

    # ------------------------------------------------------------------ prove

    def root(self, size: int | None = None) -> TreeHead:
        """Size and Merkle root of the log, now or when it had ``size`` records.

        Raises:
            UsageError: The log never had that size.
        """
        ids = self._known()
        if size is not None and not 0 <= size <= len(ids):
            raise UsageError(f"the ledger has {len(ids)} records, not {size}")
        chosen = ids if size is None else ids[:size]
        return TreeHead(len(chosen), Frontier(map(bytes.fromhex, chosen)).root().hex())

    def checkpoint(self) -> Checkpoint:
        """The present state as an unsigned checkpoint; keep it elsewhere, or sign it with ``signed_by``."""
        return Checkpoint(self.about.origin, self.root())

    def verify(self, against: object = None, **options: Any) -> "VerifyReport":
        """Check every byte of the ledger: :func:`kakehashi.ledger.verify.verify_ledger`."""
        from kakehashi.ledger.verify import verify_ledger

        return verify_ledger(self.path, against, **options)

    # ------------------------------------------------------------------ inside

    def salt(self) -> bytes:
        """The secret that salts hashes of private texts.

        Raises:
            CorruptFileError: It is missing or damaged.
        """
        if not self.about.salt_sha256:
            raise StorageError(
                "this is a copy without a salt; texts are added to the ledger that it was copied from",
                path=self.path,
            )
        data = read_bytes(self.layout.salt)
        if sha256(data).hexdigest() != self.about.salt_sha256:
            raise CorruptFileError(
                "the salt is damaged",
                path=self.layout.salt,
                hint="Fetch this file from a copy of the ledger.",
            )
        return data

    @contextmanager
    def _deposit(self) -> Iterator[Deposit]:
        """A deposit whose records are known here once the log names them, whatever interrupts it."""
        deposit = Deposit(self.layout, self._known_index(), self.salt)
        try:
            with deposit:
                yield deposit
        finally:
            if deposit.fresh and deposit.logged:
                for record_id, data in deposit.fresh.items():
                    self._add_known(record_id, data)

    def _must_write(self) -> None:
        if not self.write:
            raise UsageError(
                f"the ledger {self.path} is open for reading only", hint="Open it with write=True."
            )

    def _visible_target(self, target: str, reason: str) -> Record:
        self._must_write()
        if not reason:
            raise UsageError("a retraction needs a reason")
        record = self.get(target)
        why = self.hidden().get(record.id)
        if why is not None:
            raise UsageError(f"the record {record.id[:12]} is hidden already, by {why.by[:12]}: {why.reason}")
        return record

    def _known(self) -> list[str]:
        if self._ids is None:
            self._ids = read_log(self.layout.log)
            self._index = {record_id: position for position, record_id in enumerate(self._ids)}
            if len(self._index) != len(self._ids):
                raise CorruptFileError(
                    "a record id stands twice", path=self.layout.log, hint="Run `kakehashi results verify`."
                )
        return self._ids

    def _known_index(self) -> dict[str, int]:
        self._known()
        return self._index

    def _add_known(self, record_id: str, data: bytes) -> None:
        known = self._known()
        self._index[record_id] = len(known)
        known.append(record_id)
        path = self.layout.record(record_id)
        self._records[record_id] = read_record(data, record_id, self._index[record_id], path)
        self._hidden = None
        if self._sources is not None and (source := _source_key(self._records[record_id].body)):
            self._sources[source] = record_id

    def _record(self, record_id: str) -> Record:
        found = self._records.get(record_id)
        if found is None:
            path = self.layout.record(record_id)
            if not path.is_file():
                raise CorruptFileError(
                    "the log names this record, but the file is missing",
                    path=path,
                    hint="Run `kakehashi results verify` and fetch this file from a copy of the ledger.",
                )
            found = read_record(read_bytes(path), record_id, self._known_index()[record_id], path)
            self._records[record_id] = found
        return found

    def _all(self) -> list[Record]:
        return [self._record(record_id) for record_id in self._known()]

    def _find_source(self, key: tuple[str, ...]) -> str | None:
        if self._sources is None:
            self._sources = {k: r.id for r in self._all() if (k := _source_key(r.body))}
        return self._sources.get(key)


def _superseding(old: str, new: str, reason: str, author: str) -> dict[str, Any]:
    return {
        "kind": "supersede",
        "target": old,
        "by": new,
        "reason": reason,
        "author": author,
        "created": now_utc(),
    }


def _source_key(body: Mapping[str, Any]) -> tuple[str, ...] | None:
    source = body.get("source")
    if not isinstance(source, Mapping):
        return None
    names = ("sha256", "importer", "importer_version", "part")
    return (str(body.get("kind")), *(str(source.get(name, "")) for name in names))
