"""One append: the files that are written before the log names them, and taken back if it never does."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.ledger.files import digest_of, flush_folder, settle, temporary_beside, write_whole
from kakehashi.ledger.items import Columns, ItemWriter, write_items
from kakehashi.ledger.layout import Layout
from kakehashi.ledger.log import append_log
from kakehashi.ledger.records import RECORD_FORMAT, check_record, read_record, record_bytes
from kakehashi.ledger.texts import Texts, write_texts


@dataclass(frozen=True, slots=True)
class Entry:
    """What one append takes.

    Attributes:
        record: The record without ``format``, ``items`` and ``texts``; those are filled in.
        items: Item rows, or what writes them, or None.
        texts: Prompts and answers, or None.
    """

    record: Mapping[str, Any]
    items: Columns | ItemWriter | None = None
    texts: Texts | None = None


class Deposit:
    """Records on their way into a ledger, as a context: left without :meth:`commit`, nothing has changed.

    Args:
        layout: The ledger's folder.
        known: Ids that the log names already.
        salt: Gives the ledger's secret when texts need it.
    """

    def __init__(self, layout: Layout, known: Collection[str], salt: Callable[[], bytes]) -> None:
        self.layout = layout
        self.known = known
        self.salt = salt
        self.fresh: dict[str, bytes] = {}
        """Id and bytes of the records that are new, in order."""
        self._made: list[Path] = []
        self._log_bytes = layout.log.stat().st_size

    def __enter__(self) -> "Deposit":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # An interrupt may come after the log was written: what the log names stays.
        if kind is not None and not self.logged:
            for path in self._made:
                with suppress(OSError):
                    path.unlink()

    @property
    def logged(self) -> bool:
        """Whether the log names the new records by now."""
        return self.layout.log.stat().st_size > self._log_bytes

    def add(self, entry: Entry) -> str:
        """Write the files of an entry; returns its record's id, new or known.

        Raises:
            InputError: The record breaks the schema, or items or texts cannot be stored.
            UnknownNameError: It is about a record that is not there.
        """
        if "items" in entry.record or "texts" in entry.record:
            raise InputError("'items' and 'texts' of a record are filled in by the ledger; leave them out")
        body = {**entry.record, "format": RECORD_FORMAT}
        check_record(body)
        for key in ("target", "by"):
            if key in body and body[key] not in self.known and body[key] not in self.fresh:
                raise UnknownNameError("record", str(body[key]))
        items = entry.items
        if entry.texts is not None:
            body["texts"], hashes = self._write_texts(body, entry.texts)
            if items is not None and not callable(items) and "response_hash" not in items:
                items = {**items, "response_hash": _response_hashes(items, hashes)}
        if items is not None:
            body["items"] = self._write_items(body, items)
        record_id, data = record_bytes(body)
        self._write_record(record_id, data)
        return record_id

    def add_bytes(self, record_id: str, data: bytes) -> None:
        """Write a record of another ledger as it is.

        Raises:
            CorruptFileError: The bytes are not those of the id.
        """
        check_record(read_record(data, record_id, -1, self.layout.record(record_id)).body)
        self._write_record(record_id, data)

    def commit(self) -> None:
        """Make the names of the new files durable, then name the records in the log, in one write."""
        for folder in sorted({path.parent for path in self._made}):
            flush_folder(folder)
        if self.fresh:
            append_log(self.layout.log, list(self.fresh))

    def _write_record(self, record_id: str, data: bytes) -> None:
        if record_id in self.known or record_id in self.fresh:
            return
        place = self.layout.record(record_id)
        if not place.is_file():
            self._made.append(place)
        write_whole(place, data, flush_name=False)
        self.fresh[record_id] = data

    def _write_items(self, body: Mapping[str, Any], items: Columns | ItemWriter) -> dict[str, Any]:
        owner = {key: str(body.get(key, "")) for key in ("run", "subject", "method", "method_version")}
        with temporary_beside(self.layout.root / "items") as temporary:
            rows = items(owner, temporary) if callable(items) else write_items(items, owner, temporary)
            digest = digest_of(temporary)
            self._settle(temporary, self.layout.items(digest))
        return {"sha256": digest, "rows": rows}

    def _write_texts(
        self, body: Mapping[str, Any], texts: Texts
    ) -> tuple[dict[str, Any], dict[tuple[str, int], str]]:
        salt = self.salt()
        keys = ("kind", "run", "subject", "method", "method_version")
        owner = "\n".join(str(body.get(key, "")) for key in keys)
        with temporary_beside(self.layout.root / "blobs") as temporary:
            rows, hashes = write_texts(
                texts,
                temporary,
                nonce=sha256(salt + b"\n" + owner.encode()).hexdigest(),
                salt=salt if body.get("private") else None,
            )
            digest = digest_of(temporary)
            self._settle(temporary, self.layout.blob(digest))
        return {"sha256": digest, "rows": rows}, hashes

    def _settle(self, temporary: Path, place: Path) -> None:
        if place.is_file() and digest_of(place) == place.name.partition(".")[0]:
            return
        self._made.append(place)
        settle(temporary, place, flush_name=False)


def _response_hashes(items: Columns, hashes: Mapping[tuple[str, int], str]) -> list[str | None]:
    samples = items.get("sample", ())
    epochs = items.get("epoch", [0] * len(samples))
    return [
        hashes.get((str(sample), int(epoch or 0))) for sample, epoch in zip(samples, epochs, strict=False)
    ]
