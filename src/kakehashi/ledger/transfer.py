"""A ledger's way out and in: copies for others, and taking in another's records with its head."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kakehashi.errors import StorageError, VerificationError
from kakehashi.ledger.files import read_bytes, settle, storage_errors, temporary_beside, write_whole
from kakehashi.ledger.layout import About, Layout, write_about
from kakehashi.ledger.records import RECORD_FORMAT, Record, check_record, now_utc, record_bytes
from kakehashi.ledger.store import Ledger
from kakehashi.proof import Checkpoint, TreeHead, VerifierKey


@dataclass(frozen=True, slots=True)
class MergeResult:
    """What a merge did.

    Attributes:
        origin: Name of the other ledger.
        head: Its state when it was taken in.
        added: Ids of records that were new here, in its order.
        record: Id of the record of the merge itself.
    """

    origin: str
    head: TreeHead
    added: tuple[str, ...]
    record: str


def copy_ledger(ledger: Ledger, path: Path | str, *, texts: bool = False) -> TreeHead:
    """A copy for somebody else: all records and item rows, the same log and root; without the salt.

    Args:
        ledger: The ledger to copy.
        path: A folder that does not exist or is empty.
        texts: Whether prompts and answers go along.

    Raises:
        StorageError: There is something in the folder already.
    """
    target = Layout(Path(path))
    if target.root.exists() and (not target.root.is_dir() or any(target.root.iterdir())):
        raise StorageError("there is something here already", path=path, hint="Name a folder that is empty.")
    records = ledger.records(include_hidden=True)
    for record in records:
        _copy_parts(ledger.layout, target, record, texts=texts and ledger.tombstone(record.id) is None)
        write_whole(target.record(record.id), read_bytes(ledger.layout.record(record.id)))
    write_whole(target.lock, b"")
    write_whole(target.log, "".join(f"{record.id}\n" for record in records).encode())
    write_about(target, About(ledger.about.origin, ""))
    return ledger.root()


def merge_ledger(
    ledger: Ledger,
    other: Path | str,
    *,
    checkpoint: Checkpoint | None = None,
    keys: tuple[VerifierKey, ...] = (),
) -> MergeResult:
    """Take in what another ledger has and this one has not, byte for byte, and record the other's head.

    The other ledger is verified first. Its retractions come along and hide here what they hide there.

    Args:
        ledger: The ledger to add to, open for writing.
        other: Folder of the other ledger or of a copy of it.
        checkpoint: A state that the other side vouches for; the other log must begin with it.
        keys: Whoever must have signed the checkpoint.

    Raises:
        VerificationError: The other ledger is damaged, or its log does not begin with the checkpoint.
    """
    with Ledger.open(other) as source:
        source.verify(checkpoint, keys=keys).raise_if_bad()
        head = source.root()
        known = {record.id for record in ledger.records(include_hidden=True)}
        fresh = [record for record in source.records(include_hidden=True) if record.id not in known]
        done = _merged_before(ledger, source.about.origin, head)
        if not fresh and done is not None:
            return MergeResult(source.about.origin, head, (), done)
        for record in fresh:
            _copy_parts(source.layout, ledger.layout, record, texts=source.tombstone(record.id) is None)
        body = {
            "format": RECORD_FORMAT,
            "kind": "merge",
            "origin": source.about.origin,
            "size": head.size,
            "root": head.root_hex,
            "created": now_utc(),
            **({} if checkpoint is None else {"checkpoint": checkpoint.text()}),
        }
        stored = [(record.id, read_bytes(source.layout.record(record.id))) for record in fresh]
        check_record(body)
        own = record_bytes(body)
        ledger.adopt([*stored, own])
        return MergeResult(source.about.origin, head, tuple(record.id for record in fresh), own[0])


def _merged_before(ledger: Ledger, origin: str, head: TreeHead) -> str | None:
    for record in ledger.records(kind="merge", include_hidden=True):
        if record.text("origin") == origin and record.text("root") == head.root_hex:
            return record.id
    return None


def _copy_parts(source: Layout, target: Layout, record: Record, *, texts: bool) -> None:
    for key, place in (("items", "items"), ("texts", "blob")):
        reference = record.body.get(key)
        if not isinstance(reference, Mapping) or (key == "texts" and not texts):
            continue
        digest = str(reference["sha256"])
        there, here = getattr(source, place)(digest), getattr(target, place)(digest)
        if here.is_file() or (key == "texts" and not there.is_file()):
            continue
        with temporary_beside(here.parent) as temporary:
            with storage_errors(here):
                shutil.copyfile(there, temporary)
            if (found := sha256(read_bytes(temporary)).hexdigest()) != digest:
                raise VerificationError(f"{there}: expected SHA-256 {digest}, found {found}")
            settle(temporary, here)
