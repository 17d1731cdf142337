"""Where things stand in a ledger's folder, and its own small file."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kakehashi.errors import CorruptFileError, FormatVersionError, InputError, StorageError
from kakehashi.ledger.files import TEMPORARY, read_bytes, storage_errors, write_whole
from kakehashi.ledger.lock import WriterLock
from kakehashi.proof import canonical_bytes, parse_json

LEDGER_FORMAT = "kakehashi.ledger/1"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of a ledger.

    ``ledger.json`` (format, origin, checks), ``log`` (one record id a line), ``records/ab/<id>.json``,
    ``items/ab/<sha256>.parquet``, ``blobs/ab/<sha256>.jsonl.zst``, ``salt`` (secret), ``lock``.
    """

    root: Path

    @property
    def about(self) -> Path:
        """The ledger's own file."""
        return self.root / "ledger.json"

    @property
    def log(self) -> Path:
        """The ordered list of record ids."""
        return self.root / "log"

    @property
    def salt(self) -> Path:
        """The secret that salts hashes of private texts; never exported."""
        return self.root / "salt"

    @property
    def lock(self) -> Path:
        """The writer's lock."""
        return self.root / "lock"

    def record(self, record_id: str) -> Path:
        """Where the record of this id stands."""
        return self.root / "records" / record_id[:2] / f"{record_id}.json"

    def items(self, digest: str) -> Path:
        """Where the item rows of this hash stand."""
        return self.root / "items" / digest[:2] / f"{digest}.parquet"

    def blob(self, digest: str) -> Path:
        """Where the texts of this hash stand."""
        return self.root / "blobs" / digest[:2] / f"{digest}.jsonl.zst"


@dataclass(frozen=True, slots=True)
class About:
    """What ``ledger.json`` says.

    Attributes:
        origin: Unique name of the ledger, the first line of its checkpoints.
        salt_sha256: Hash of the salt, so that a damaged salt is noticed; ``""`` in an export, which has none.
    """

    origin: str
    salt_sha256: str


def create(root: Path, *, wait: float = 0.0) -> Layout:
    """Make an empty ledger in ``root``; what a crash in the middle of this left there is taken up.

    Args:
        root: The folder; made when missing.
        wait: Seconds to wait for another process that is making it.

    Raises:
        LockedError: Another process is making it.
        StorageError: There is something in the folder already.
    """
    layout = Layout(root)
    _must_be_free(layout)
    with storage_errors(root):
        root.mkdir(parents=True, exist_ok=True)
    with WriterLock(layout.lock, wait=wait):
        _must_be_free(layout)
        salt = secrets.token_hex(32).encode()
        origin = f"kakehashi.ledger/{secrets.token_hex(8)}"
        write_whole(layout.salt, salt, mode=0o600)
        write_whole(layout.log, b"")
        write_about(layout, About(origin, sha256(salt).hexdigest()))  # last: it makes the folder a ledger
    return layout


def _must_be_free(layout: Layout) -> None:
    root = layout.root
    unfinished = {layout.salt.name, layout.lock.name, layout.log.name}
    if root.exists() and (
        not root.is_dir()
        or any(p.name not in unfinished and not p.name.startswith(TEMPORARY) for p in root.iterdir())
        or (layout.log.exists() and layout.log.stat().st_size)
    ):
        raise StorageError(
            "there is something here already", path=root, hint="Open it, or name a folder that is empty."
        )


def write_about(layout: Layout, about: About) -> None:
    """Write ``ledger.json`` with a check over itself."""
    body = {"format": LEDGER_FORMAT, "origin": about.origin, "salt_sha256": about.salt_sha256}
    check = sha256(canonical_bytes(body)).hexdigest()
    write_whole(layout.about, canonical_bytes({**body, "check": check}) + b"\n")


def read_about(layout: Layout) -> About:
    """Read ``ledger.json``.

    Raises:
        StorageError: There is no ledger here.
        FormatVersionError: It was written by a newer Kakehashi.
        CorruptFileError: It is damaged.
    """
    if not layout.about.is_file():
        raise StorageError(
            "there is no ledger here",
            path=layout.root,
            hint="A run or an import makes one; check --workspace.",
        )
    data = read_bytes(layout.about)
    try:
        body = parse_json(data, path=layout.about)
    except InputError as error:
        raise CorruptFileError(error.message, hint="Fetch this file from a copy of the ledger.") from error
    if not isinstance(body, dict):
        raise _damaged(layout)
    name, _, version = str(body.get("format")).partition("/")
    if name == LEDGER_FORMAT.partition("/")[0] and version.isdigit() and int(version) > 1:
        raise FormatVersionError(str(body["format"]), LEDGER_FORMAT, path=layout.about)
    check = body.pop("check", None)
    if check != sha256(canonical_bytes(body)).hexdigest() or body.get("format") != LEDGER_FORMAT:
        raise _damaged(layout)
    if data != canonical_bytes({**body, "check": check}) + b"\n":
        raise _damaged(layout)
    return About(str(body.get("origin")), str(body.get("salt_sha256")))


def _damaged(layout: Layout) -> CorruptFileError:
    return CorruptFileError(
        "the file is damaged (its check does not fit)",
        path=layout.about,
        hint="Fetch this file from a copy of the ledger.",
    )
