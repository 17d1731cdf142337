"""An institute's node: one folder with its database and its key."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from kakehashi.errors import InputError, StorageError, UnknownNameError, VerificationError
from kakehashi.exchange.alert_tables import ALERT_TABLES
from kakehashi.exchange.database import Database
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import Record
from kakehashi.exchange.signing import minimal_view, sign
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.sql_verify import read_head
from kakehashi.exchange.store import Collection, Filters, Finding, Verification
from kakehashi.exchange.tokens import Tokens
from kakehashi.exchange.trust_tables import TIME_TABLES, TRUST_TABLES
from kakehashi.proof import Checkpoint, SigningKey, TreeHead

FOLDER = "exchange"

#: Address of the node's PostgreSQL database with its password, where it has one.
DATABASE_VARIABLE = "KAKEHASHI_EXCHANGE_DB"

_EMBEDDED = "node.sqlite"
_SERVED = "node.database.json"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that was opened.

    Attributes:
        path: Its folder.
        store: Its store.
        owner: Identity of the institute whose node it is.
        name: Name of the institute.
    """

    path: Path
    store: SqlStore
    owner: str
    name: str

    @classmethod
    def init(cls, path: Path, name: str, *, key_name: str | None = None, db: str | None = None) -> "Node":
        """Make a node with a key, a collection ``findings`` and its owner as the first member.

        Args:
            path: The folder; made where it is not there.
            name: Name of the institute.
            key_name: Name of its key; ``exchange/<uuid>`` unless said.
            db: Address of a PostgreSQL database for its state, else an embedded one in the folder. A password in it
                is not kept: later it comes from :data:`DATABASE_VARIABLE`, or where libpq looks for one.

        Raises:
            InputError: There is a node already, or no such database.
            StorageError: The database cannot be reached.
        """
        if not name.strip():
            raise InputError("an institute needs a name")
        if cls.is_here(path):
            raise InputError("there is a node here already", path=path, hint="Give another --workspace.")
        served = None if db is None else _served(db)
        if served is not None and served.exists():
            raise InputError(
                "a node uses this database already", path=served.where, hint="Make another database."
            )
        path.mkdir(parents=True, exist_ok=True)
        owner = f"identity--{uuid4()}"
        key = SigningKey.generate(key_name or f"exchange/{owner.removeprefix('identity--')}")
        place = path / "node.key"
        place.touch(mode=0o600)
        place.write_text(key.secret_text() + "\n")
        if served is None:
            # before it is opened: its write-ahead log takes the same mode
            (path / _EMBEDDED).touch(mode=0o600)
            store = SqlStore(path / _EMBEDDED, create=True)
        else:
            store = SqlStore(served, create=True)
        findings = Collection(str(uuid4()), "Findings", "findings")
        store.add_collection(findings)
        store.set_meta("owner", owner)
        store.set_meta("name", name)
        store.set_meta("key", str(key.verifier))
        everything = frozenset({findings.id})
        caveats = frozenset({"national-security", "trade-secret", "personal-data"})
        store.put_member(Caller(owner, "red", caveats=caveats, reads=everything, writes=everything), name)
        if served is not None:  # the last step: what was not made whole is no node
            text = json.dumps({"database": served.where, "format": "kakehashi.exchange-database/1"}, indent=1)
            (path / _SERVED).write_text(text + "\n", encoding="utf-8")
        _ensure_all(store)
        return cls(path, store, owner, name)

    @staticmethod
    def is_here(path: Path) -> bool:
        """Whether a folder holds a node."""
        return (path / _EMBEDDED).is_file() or (path / _SERVED).is_file()

    @classmethod
    def open(cls, path: Path) -> "Node":
        """Open a node.

        Raises:
            InputError: There is none, or :data:`DATABASE_VARIABLE` names another database than it was made with.
            StorageError: Its database cannot be reached.
        """
        store = SqlStore(_database_of(path))
        _ensure_all(store)
        owner, name = store.meta("owner"), store.meta("name")
        if owner is None or name is None:
            store.close()
            raise InputError(
                "this node was not made whole", path=path, hint="Delete the folder and make it again."
            )
        with suppress(StorageError):  # a full disk does not keep anybody from reading
            store.keep_time()
        return cls(path, store, owner, name)

    @property
    def tokens(self) -> Tokens:
        """The tokens of its members."""
        return Tokens(self.store)

    def me(self) -> Caller:
        """The owner as a caller."""
        found = self.store.member(self.owner)
        assert found is not None
        return found

    def collection(self, word: str) -> Collection:
        """A collection by id, alias or title.

        Raises:
            UnknownNameError: There is none.
        """
        for one in self.store.collections():
            if word in (one.id, one.alias, one.title):
                return one
        raise UnknownNameError("collection", word, [c.alias or c.title for c in self.store.collections()])

    def member(self, word: str) -> Caller:
        """A member by identity or name.

        Raises:
            UnknownNameError: There is none.
        """
        for identity, (name, caller) in self.store.members().items():
            if word in (identity, name):
                return caller
        raise UnknownNameError("member", word, [name for name, _ in self.store.members().values()])

    def key(self) -> SigningKey:
        """The node's key: a secret."""
        return SigningKey.parse((self.path / "node.key").read_text())

    def view(
        self,
        ref: str,
        *,
        contact: str,
        affected_family: str = "withheld",
        level: str = "green",
        collection: str = "findings",
    ) -> Record:
        """Make a minimal view of a vulnerability of the owner's, and store both, signed.

        Raises:
            UnknownNameError: There is no such object.
            InputError: It is no vulnerability, is another member's, or was pulled from another node.
        """
        target = self.collection(collection).id
        page = self.store.page(self.me(), target, Filters(ids=frozenset({ref})))
        if not page.entries:
            raise UnknownNameError("object", ref, hint="See: kakehashi exchange list")
        if not self.store.own_ids(self.owner, [ref]):
            raise InputError(
                f"{ref} is not a record of your own making", hint="Ask its creator for a view of it."
            )
        record = {"created_by_ref": self.owner, **json.loads(page.entries[0].data)}
        opened, made = minimal_view(record, contact=contact, affected_family=affected_family, level=level)
        receipt = self.store.post(self.me(), target, [sign(opened, self.key()), sign(made, self.key())])
        if failures := [outcome.failure for outcome in receipt.outcomes if outcome.failure]:
            raise InputError("; ".join(failures))
        return made

    def recall(self, ref: str, *, collection: str = "findings", reason: str = "recalled") -> int:
        """Withdraw an object of the owner's own; its tombstone is signed, so that partners can tell whose it is.

        Returns:
            How many versions were deleted; 0 where there is no such object.

        Raises:
            PermissionError: It is another member's.
        """
        key, target = self.key(), self.collection(collection).id
        return self.store.withdraw(self.me(), target, ref, reason=reason, seal=lambda note: sign(note, key))

    def checkpoint(self) -> Checkpoint:
        """The log's head, signed by the node's key: what a partner keeps to find a rewriting by."""
        key = self.key()
        with self.store.reading() as con:
            head = read_head(con)
        return Checkpoint(f"kakehashi-exchange/{self.owner.removeprefix('identity--')}", head).signed_by(key)

    def verify(self, against: TreeHead | None = None) -> Verification:
        """Check every byte, offline.

        Args:
            against: A head that was kept elsewhere: it finds a log that was cut or rewritten as a whole.
        """
        from kakehashi.exchange.confirmed_time import check_time_words
        from kakehashi.exchange.cosigning import check_cosigned
        from kakehashi.exchange.reads import check_reads

        found = self.store.verify()
        more = (*check_reads(self.store), *check_time_words(self.store), *check_cosigned(self)[0])
        found = Verification(found.head, found.objects, (*found.findings, *more))
        if against is None:
            return found
        with self.store.reading() as con:
            then = read_head(con, against.size)
        if then == against:
            return found
        what = f"the log's first {against.size} lines are not those of the checkpoint"
        if then.size < against.size:
            what = f"the log has {then.size} lines, the checkpoint {against.size}: lines are missing"
        return Verification(found.head, found.objects, (*found.findings, Finding("log", what)))

    def must_verify(self, against: TreeHead | None = None) -> Verification:
        """:meth:`verify`, as an error where anything is wrong.

        Raises:
            VerificationError: Something does not match.
        """
        found = self.verify(against)
        if found.findings:
            lines = "; ".join(f"{one.where}: {one.what}" for one in found.findings[:5])
            raise VerificationError(
                f"{len(found.findings)} things do not match: {lines}",
                hint="Restore the node from a copy, and tell the partners which checkpoint was the last good one.",
            )
        return found


def _ensure_all(store: SqlStore) -> None:
    """Make all tables now: inside a look at a snapshot nothing can be made."""
    for tables in (ALERT_TABLES, TRUST_TABLES, TIME_TABLES):
        store.ensure(tables)


def _database_of(path: Path) -> Database | Path:
    """The database that a node was made with."""
    place = path / _SERVED
    if not place.is_file():
        return path / _EMBEDDED
    try:
        kept = str(json.loads(place.read_text(encoding="utf-8"))["database"])
    except (ValueError, KeyError, TypeError):
        raise InputError("does not name the node's database", path=place, hint="Restore a copy.") from None
    given = os.environ.get(DATABASE_VARIABLE)
    found = _served(given or kept)
    if found.where != kept:
        raise InputError(
            f"{DATABASE_VARIABLE} names {found.where}, and this node was made with {kept}", path=path
        )
    return found


def _served(address: str) -> Database:
    from kakehashi.exchange.postgres import PostgresDatabase

    return PostgresDatabase(address)
