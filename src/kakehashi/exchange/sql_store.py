"""The store on a SQL database, embedded or served: one writer at a time."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.database import Connection
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.markings import KEPT_HERE, Marking, read_marking, stays_here
from kakehashi.exchange.node_time import note_time
from kakehashi.exchange.officers import persons_needed, releasers
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import Record, extension, extension_of, stored_bytes, timestamp, version_of
from kakehashi.exchange.signing import verify_signature
from kakehashi.exchange.sql_base import Clock
from kakehashi.exchange.sql_read import SqlReads, hangs_on, policy_of, rights_of, version_key
from kakehashi.exchange.sql_verify import check_rows, log_entry
from kakehashi.exchange.store import Outcome, Receipt, Verification
from kakehashi.exchange.stretch import COLUMNS
from kakehashi.exchange.subscription import models_of
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import VerifierKey, canonical_bytes

_TAKEN = "this id is not available to you"


class SqlStore(SqlReads):
    """A node's store; see :mod:`kakehashi.exchange.store` for its promises.

    Safe for several threads and processes.
    """

    def post(
        self,
        caller: Caller,
        collection: str,
        objects: Sequence[Any],
        *,
        key: str | None = None,
        pulled: bool = False,
    ) -> Receipt:
        """Take in the objects of an envelope: what is sound in one transaction, what is not with its reason.

        Args:
            caller: Who deposits.
            collection: Where to.
            objects: Parsed objects.
            key: What makes the envelope one and the same; sent again it gives the same receipt and changes nothing.
            pulled: Whether it came from another node: its objects may be of other members' making, and what may not
                be forwarded is kept for the caller alone.
        """
        checked = [(obj, *_prepare(obj)) for obj in objects]  # before the lock is taken
        self.keep_time()
        with self.writing() as con:
            if key is not None and (old := self._receipt(con, caller, "key", key)):
                return old
            clock = Clock(con)
            made, changed, fresh = dict[int, Outcome](), set[str](), set[int]()
            others = {row[0] for row in con.execute("SELECT identity FROM members")} - {caller.identity}
            known = self._known_markings(con) if pulled else {}
            statements = frozenset(ref for ref, marking in known.items() if marking == Marking())
            signer = None if pulled else self.key_of(caller.identity)
            for n in sorted(range(len(checked)), key=lambda n: _rank(checked[n][0])):
                obj, data, failure, signed = checked[n]
                own = signer is not None and failure is None
                if own and obj.get("created_by_ref", caller.identity) == caller.identity and signed != signer:
                    failure = "not signed with the key that is registered for you"
                if failure is None and not pulled and obj.get("created_by_ref") in others:
                    failure = "created_by_ref names another member"
                if failure is None and not pulled and extension_of(obj, "alert") is not None:
                    failure = self._unreleased(con, caller, obj)
                kept = pulled and failure is None and stays_here(obj, statements)
                made[n], seq = self._take(con, clock, caller, collection, obj, data, failure, kept, changed)
                if pulled and made[n].new:
                    con.execute("INSERT INTO pulled VALUES (?) ON CONFLICT DO NOTHING", (made[n].id,))
                fresh.update(seq)
            outcomes = [made[n] for n in range(len(checked))]
            self._touch(con, clock, changed, fresh)
            receipt = Receipt(str(uuid4()), clock.stamp(), tuple(outcomes))
            con.execute(
                "INSERT INTO statuses VALUES (?, ?, ?, ?, ?)",
                (receipt.id, caller.identity, key, receipt.at, json.dumps([_kept(one) for one in outcomes])),
            )
        return receipt

    def _unreleased(self, con: Connection, caller: Caller, alert: Mapping[str, Any]) -> str | None:
        """Why an alert of this node's own institute may not be entered; others' officers are known to their nodes."""
        if caller.identity != self.meta("owner"):
            return None
        missing = persons_needed(alert, self._known_markings(con)) - len(releasers(alert, self.officers()))
        if missing <= 0:
            return None
        return "an alert is released by officers: exchange alert, then exchange release"

    def _take(
        self,
        con: Connection,
        clock: Clock,
        caller: Caller,
        collection: str,
        obj: Any,
        data: bytes,
        failure: str | None,
        kept: bool,
        changed: set[str],
    ) -> tuple[Outcome, tuple[int, ...]]:
        """Store one object, or say why not; what hangs on it is added to ``changed``."""
        ref = obj.get("id") if isinstance(obj, Mapping) else None
        name = ref[:300] if isinstance(ref, str) else "unknown"
        version = (version_of(obj) if isinstance(obj, Mapping) else None) or ""
        if failure is not None:
            return Outcome(_sayable(name), _sayable(version[:40]), _sayable(failure)), ()
        vkey = version_key(version)
        query = "SELECT collection, creator, vkey, policy, withdrawn FROM heads WHERE id = ?"
        head = con.execute(query, (name,)).fetchone()
        if head is not None:
            row = con.execute("SELECT data FROM objects WHERE id = ? AND vkey = ?", (ref, vkey)).fetchone()
            same = row is not None and row[0] is not None and _equal(bytes(row[0]), obj)
            if head[1] != caller.identity:
                seen = same and head[0] == collection and self._sees_row(con, caller, name, vkey)
                return Outcome(name, version, None if seen else _TAKEN), ()
            if head[0] != collection:
                return Outcome(name, version, "this object stands in another collection"), ()
            if head[4] or (row is not None and row[0] is None):
                return Outcome(name, version, "this object was withdrawn"), ()
            if obj["type"] == "marking-definition" and row is None:
                return Outcome(name, version, "a marking definition has no further versions"), ()
            if row is not None:
                return Outcome(name, version, None if same else "this version is here with other content"), ()
        policy = policy_of(obj, kept=kept)
        seq = self._enter(
            con,
            clock,
            "add",
            (collection, name, version, vkey, obj["type"], obj["spec_version"]),
            caller.identity,
            policy,
            data,
        )
        con.executemany(
            "INSERT INTO hangs VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(target, ref) for target in hangs_on(policy)],
        )
        if obj["type"] == "marking-definition":
            con.execute("UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE key = 'epoch'")
            marking = read_marking(obj)
            if marking is not None and marking.embargo_until is not None:
                until = timestamp(marking.embargo_until)
                con.execute("INSERT INTO embargoes VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (ref, until, 0))
        if head is None:
            con.execute(
                "INSERT INTO heads VALUES (?, ?, ?, ?, ?, ?, 0)",
                (ref, collection, caller.identity, vkey, obj["type"], policy),
            )
            changed.add(name)
        elif vkey > head[2]:
            con.execute("UPDATE heads SET vkey = ?, policy = ? WHERE id = ?", (vkey, policy, ref))
            if policy != head[3] or _names_other_models(con, name, head[2], obj):
                changed.add(name)
        return Outcome(name, version, None, True), (seq,)

    def _enter(
        self,
        con: Connection,
        clock: Clock,
        kind: str,
        what: tuple[str, str, str, str, str, str],
        creator: str,
        policy: str,
        data: bytes | None,
        replaces: int | None = None,
    ) -> int:
        """Write one line of the log and the row that it is about."""
        seq, added = clock.next()
        salt = secrets.token_bytes(16)
        row = (seq, added, kind, *what, creator, policy, salt, data)
        con.execute("INSERT INTO log VALUES (?, ?, ?)", (seq, added, log_entry(row)))
        if replaces is None:
            con.execute(f"INSERT INTO objects VALUES ({','.join('?' * 13)})", row)
        else:
            con.execute(
                "UPDATE objects SET seq = ?, added = ?, kind = ?, salt = ?, data = ? WHERE seq = ?",
                (seq, added, kind, salt, data, replaces),
            )
        return seq

    def _touch(self, con: Connection, clock: Clock, changed: set[str], fresh: set[int]) -> int:
        """Enter again whatever hangs on objects whose visibility changed; ``fresh`` lines are new enough."""
        met = dict.fromkeys(sorted(changed))
        waiting = list(met)
        while waiting:
            for (name,) in con.execute("SELECT id FROM hangs WHERE target = ?", (waiting.pop(),)).fetchall():
                if name not in met:
                    met[name] = None
                    waiting.append(name)
        return sum(self._again(con, clock, ref, fresh) for ref in sorted(met, key=_after_markings))

    def _again(self, con: Connection, clock: Clock, ref: str, fresh: set[int]) -> int:
        rows = con.execute(
            "SELECT seq, collection, id, version, vkey, type, spec, creator, policy, data FROM objects"
            " WHERE id = ? AND data IS NOT NULL ORDER BY vkey",
            (ref,),
        ).fetchall()
        rows = [row for row in rows if row[0] not in fresh]
        for row in rows:
            fresh.add(self._enter(con, clock, "again", row[1:7], row[7], row[8], row[9], replaces=row[0]))
        return len(rows)

    def withdraw(
        self,
        caller: Caller,
        collection: str,
        ref: str,
        *,
        versions: frozenset[str] = frozenset({"all"}),
        reason: str = "deleted",
        seal: Callable[[Record], Record] | None = None,
    ) -> int:
        """Delete versions of an object of the caller's own and leave a tombstone that partners receive.

        Args:
            caller: Who withdraws.
            collection: Where it stands.
            ref: Which object.
            versions: Which versions.
            reason: Why, for the partners.
            seal: What signs the tombstone.

        Returns:
            How many versions were deleted; 0 where the caller may not know of any.

        Raises:
            PermissionError: The caller may see the object, but it is another member's.
        """
        with self.writing() as con:
            head = con.execute(
                "SELECT creator, policy, withdrawn FROM heads WHERE id = ? AND collection = ?",
                (ref, collection),
            ).fetchone()
            rows = con.execute(
                "SELECT seq, collection, id, version, vkey, type, spec, creator, policy FROM objects"
                " WHERE id = ? AND collection = ? AND data IS NOT NULL ORDER BY vkey",
                (ref, collection),
            ).fetchall()
            if head is None or not rows:
                return 0
            if rows[0][5] == "marking-definition" and head[0] == caller.identity:
                raise PermissionError("a marking definition is never deleted: what bears it hangs on it")
            if head[0] != caller.identity:
                if any(self._sees_row(con, caller, ref, row[4]) for row in rows):
                    raise PermissionError("only its creator may delete an object")
                return 0
            gone = _chosen(rows, versions)
            if not gone:
                return 0
            clock = Clock(con)
            for row in gone:
                self._enter(con, clock, "delete", row[1:7], row[7], row[8], None, replaces=row[0])
            fresh: set[int] = set()
            if len(gone) == len(rows):
                con.execute("UPDATE heads SET withdrawn = 1 WHERE id = ?", (ref,))
            else:  # the newest of what remains is what readers see now
                self._again(con, clock, ref, fresh)
            self._bury(con, clock, caller, collection, ref, [row[3] for row in gone], head[1], reason, seal)
        self.database.clear_deleted()
        return len(gone)

    def _bury(
        self,
        con: Connection,
        clock: Clock,
        caller: Caller,
        collection: str,
        ref: str,
        versions: Sequence[str],
        policy: str,
        reason: str,
        seal: Callable[[Record], Record] | None,
    ) -> None:
        """Enter a tombstone: an ordinary note, seen by whoever might have seen the newest version."""
        at = clock.stamp()
        note: dict[str, Any] = {
            "type": "note",
            "spec_version": "2.1",
            "id": f"note--{uuid4()}",
            "created_by_ref": caller.identity,
            "created": at,
            "modified": at,
            "content": f"Withdrawn ({reason}). Holders should withdraw it too.",
            "object_refs": [ref],
            "extensions": extension("tombstone", removed=ref, removed_versions=list(versions), reason=reason),
        }
        if every := [one for one in json.loads(policy)["every"] if one != KEPT_HERE]:
            note["object_marking_refs"] = every
        if seal is not None:
            note = seal(note)
        what = (collection, str(note["id"]), at, version_key(at), "note", "2.1")
        self._enter(con, clock, "add", what, caller.identity, policy, stored_bytes(note))
        con.execute(
            "INSERT INTO heads VALUES (?, ?, ?, ?, 'note', ?, 0)",
            (what[1], collection, caller.identity, what[3], policy),
        )
        con.executemany(
            "INSERT INTO hangs VALUES (?, ?) ON CONFLICT DO NOTHING", [(t, what[1]) for t in hangs_on(policy)]
        )

    def keep_time(self) -> None:
        """Write the last time known down anew, where the clock is believed and has gone on for a while."""
        time = self.time()
        if time.is_worth_noting:
            with self.writing() as con:
                note_time(con, time.now)

    def tick(self, now: datetime | None = None) -> int:
        """Enter again what became visible because an embargo ended; catches up after any pause.

        Args:
            now: The time; the node's own unless said.

        Returns:
            How many entries were made.
        """
        if now is None:
            self.keep_time()
        at = now or self.now()
        until = timestamp(at)
        due = "SELECT marking FROM embargoes WHERE done = 0 AND until <= ?"
        with self.reading() as con:
            if con.execute(due, (until,)).fetchone() is None:
                return 0
        with self.writing() as con:
            note_time(con, at)
            ended = {row[0] for row in con.execute(due, (until,))}
            count = self._touch(con, Clock(con), ended, set())
            con.executemany("UPDATE embargoes SET done = 1 WHERE marking = ?", [(one,) for one in ended])
        return count

    def put_member(self, member: Caller, name: str, *, now: datetime | None = None) -> int:
        """Add a member or change one's rights; what a known member may newly see is entered again.

        Returns:
            How many entries were made.

        Raises:
            InputError: Another member has that name.
        """
        with self.writing() as con:
            before = self._member(con, member.identity)
            query = "SELECT identity FROM members WHERE name = ? AND identity <> ?"
            if con.execute(query, (name, member.identity)).fetchone() is not None:
                raise InputError(f"another member is called {name}", hint="Give this one another name.")
            con.execute(
                "INSERT INTO members VALUES (?, ?, ?)"
                " ON CONFLICT (identity) DO UPDATE SET name = excluded.name, rights = excluded.rights",
                (member.identity, name, rights_of(member)),
            )
            if before is None:
                return 0
            at, clock, count = now or self.now(), Clock(con), 0
            old, new = self._eyes(con, before, at), self._eyes(con, member, at)
            rows = con.execute(
                f"SELECT {COLUMNS}, o.collection FROM objects o JOIN heads h USING (id)"
                " WHERE o.data IS NOT NULL ORDER BY o.seq"
            ).fetchall()
            wider = {row[2] for row in rows if new.see(row, row[11]) and not old.see(row, row[11])}
            for ref in sorted(sorted(wider), key=_after_markings):
                count += self._again(con, clock, ref, set())
        return count

    def quarantine(self, source: str, held: Sequence[tuple[bytes, Sequence[str]]]) -> None:
        """Keep what could not be taken in, with the reasons; it is never exchanged."""
        with self.writing() as con:
            at = timestamp(datetime.now(UTC))
            con.executemany(
                "INSERT INTO quarantine (at, source, reasons, data) VALUES (?, ?, ?, ?)",
                [(at, source, json.dumps(list(reasons)), data) for data, reasons in held],
            )

    def verify(self) -> Verification:
        """Check every byte of every object, what is kept beside it, and the log's order."""
        with self.reading() as con:
            return check_rows(self.database, con)


def _prepare(obj: Any) -> tuple[bytes, str | None, VerifierKey | None]:
    """An object's bytes as they will be stored, what is wrong with it, and the key that it is signed with."""
    try:
        if problems := problems_of(obj):
            return b"", "; ".join(problems)[:1000], None
        signed = verify_signature(obj)  # which makes the canonical form of all but the signature
        canonical_bytes(obj if signed is None else obj["extensions"][EXTENSIONS["signature"]])
        return stored_bytes(obj), None, signed
    except VerificationError as error:
        return b"", error.message, None
    except (InputError, ValueError, RecursionError) as error:
        return b"", f"cannot be stored: {str(error)[:300]}", None


def _rank(obj: Any) -> int:
    """Markings come before what bears them: who takes in one page at a time could not decide on it else."""
    if not isinstance(obj, Mapping) or obj.get("type") != "marking-definition":
        return 2
    return int("object_marking_refs" in obj or "granular_markings" in obj)


def _after_markings(ref: str) -> bool:
    return not ref.startswith("marking-definition--")


def _sayable(text: str) -> str:
    """A text of an object that was refused, so that it can be said in an answer: without lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def _kept(outcome: Outcome) -> dict[str, Any]:
    return {"id": outcome.id, "version": outcome.version, "failure": outcome.failure, "new": outcome.new}


def _names_other_models(con: Connection, ref: str, vkey: str, obj: Mapping[str, Any]) -> bool:
    """Whether a new version concerns other models than the one before: who subscribed must be sent what hangs on it."""
    row = con.execute("SELECT data FROM objects WHERE id = ? AND vkey = ?", (ref, vkey)).fetchone()
    older = [] if row is None or row[0] is None else models_of(json.loads(bytes(row[0])))
    return set(older) != set(models_of(obj))


def _equal(data: bytes, obj: Any) -> bool:
    return canonical_bytes(json.loads(data)) == canonical_bytes(obj)


def _chosen(rows: Sequence[Any], versions: frozenset[str]) -> list[Any]:
    """Of rows in the order of versions, those that are meant."""
    keys = {version_key(v) for v in versions - {"all", "first", "last"}}
    return [
        row
        for n, row in enumerate(rows)
        if "all" in versions
        or ("first" in versions and n == 0)
        or ("last" in versions and n == len(rows) - 1)
        or row[4] in keys
    ]
