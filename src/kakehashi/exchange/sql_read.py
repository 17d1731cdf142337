"""Reading a node's database: only ever through the eyes of somebody."""

import json
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from kakehashi.exchange.database import Connection, Database
from kakehashi.exchange.ids import TLP_IDS
from kakehashi.exchange.markings import (
    KEPT_HERE,
    Marking,
    end_refs,
    marking_refs,
    object_level_refs,
    read_marking,
)
from kakehashi.exchange.node_time import TIME_COLUMNS, NodeTime, read_time
from kakehashi.exchange.page_cache import PageCache
from kakehashi.exchange.policy import Caller, Item, Marks, may_see
from kakehashi.exchange.sql_base import SqlBase
from kakehashi.exchange.store import Entry, Filters, Outcome, Page, Receipt
from kakehashi.exchange.stretch import COLUMNS, PolicyKey, Stretch, Stretches, entry_of, policy_key
from kakehashi.exchange.subscription import Subscription
from kakehashi.proof import VerifierKey

_CHUNK = 500
_SETS = ("communities", "caveats", "reads", "writes", "roles", "models")
_ALL = Filters()


class SqlReads(SqlBase):
    """The reading half of the store."""

    _markings: tuple[str, Mapping[str, Marking]] = ("", {})

    def __init__(self, database: Database | Path, *, create: bool = False) -> None:
        super().__init__(database, create=create)
        self._pages, self._stretches = PageCache(), Stretches()
        self._ends: tuple[Mapping[str, Marking], list[datetime]] = ({}, [])

    def page(
        self,
        caller: Caller,
        collection: str,
        filters: Filters = _ALL,
        *,
        after: int = 0,
        limit: int = 100,
        budget: int = 1 << 23,
        now: datetime | None = None,
        kept: bool = False,
    ) -> Page:
        """What stands behind sequence ``after``, as far as the caller may see it and asked for it.

        Args:
            caller: Who asks.
            collection: Which collection.
            filters: What for.
            after: Sequence of the last entry that he has.
            limit: How many entries at most.
            budget: How many bytes at most; one entry is always given.
            now: The time, for embargoes; the node's own unless said.
            kept: Whether a page that was decided on earlier may be given, where nothing has changed since; the
                database's bytes are not looked at again then.
        """
        with self.reading() as con:
            seq, added, time = _head(con, datetime.now(UTC))
            who, at = _as_of(con, caller), now or time.now
            asked = (collection, filters, after, limit, budget)
            if not kept or self.database.is_writing():  # what a writer sees may yet be rolled back
                return self._decided(con, self._eyes(con, who, at), None, *asked)
            key = (seq, added, who, self._ended(con, at), asked)
            page = self._pages.get(key)
            if page is None:
                page = self._pages.put(
                    key, self._decided(con, self._eyes(con, who, at), (seq, added), *asked)
                )
            return page

    def _ended(self, con: Connection, now: datetime) -> int:
        """How many embargoes have ended: all that decisions take from the time."""
        return bisect_right(self._embargo_ends(con), now)

    def time(self) -> NodeTime:
        """The times that decisions go by."""
        with self.reading() as con:
            return read_time(con, datetime.now(UTC))

    def now(self) -> datetime:
        """The time by which embargoes end here."""
        return self.time().now

    def next_end(self, now: datetime) -> datetime | None:
        """When the next embargo ends."""
        with self.reading() as con:
            ends = self._embargo_ends(con)
        after = bisect_right(ends, now)
        return ends[after] if after < len(ends) else None

    def _embargo_ends(self, con: Connection) -> list[datetime]:
        markings, kept = self._known_markings(con), self._ends
        if kept[0] is not markings:
            ends = sorted(one.embargo_until for one in markings.values() if one.embargo_until is not None)
            kept = self._ends = (markings, ends)
        return kept[1]

    def _decided(
        self,
        con: Connection,
        eyes: "Eyes",
        head: Hashable | None,
        collection: str,
        filters: Filters,
        after: int,
        limit: int,
        budget: int,
    ) -> Page:
        """A page, each row of which was decided on."""
        where, values = _where(filters)
        found: list[Entry] = []
        size, most = 0, limit + 1
        while True:
            stretch = self._stretches.read(con, head, collection, where, values, after, most, budget)
            if not found and most == limit + 1:
                page = _all_of(stretch, eyes, collection, filters, limit, budget)
                if page is not None:
                    return page
            for row in stretch.rows:
                if not eyes.see(row, collection):
                    continue
                if not self._version_asked(con, eyes, row, collection, filters):
                    continue
                size += len(row[11])
                if len(found) >= limit or (found and size > budget):
                    return Page(tuple(found), True)
                found.append(entry_of(row))
            if stretch.ended:
                return Page(tuple(found), False)
            after, most = stretch.rows[-1][0], _CHUNK

    def _version_asked(
        self, con: Connection, eyes: "Eyes", row: Any, collection: str, filters: Filters
    ) -> bool:
        asked = filters.versions
        if "all" in asked or ("last" in asked and row[8] == row[10]):
            return True
        if row[8] in {version_key(v) for v in asked - {"last", "first"}}:
            return True
        if not asked & {"last", "first"}:
            return False
        others = con.execute(
            f"SELECT {COLUMNS} FROM objects o JOIN heads h USING (id) WHERE o.id = ? AND o.data IS NOT NULL",
            (row[2],),
        ).fetchall()
        seen = [other[8] for other in others if eyes.see(other, collection)]
        return ("last" in asked and row[8] == max(seen)) or ("first" in asked and row[8] == min(seen))

    def _eyes(self, con: Connection, caller: Caller, now: datetime) -> "Eyes":
        return Eyes(con, caller, self._known_markings(con), now)

    def _sees_row(self, con: Connection, caller: Caller, ref: str, vkey: str) -> bool:
        row = con.execute(
            f"SELECT {COLUMNS}, o.collection FROM objects o JOIN heads h USING (id) WHERE o.id = ? AND o.vkey = ?",
            (ref, vkey),
        ).fetchone()
        return row is not None and self._eyes(con, _as_of(con, caller), self.now()).see(row, row[11])

    def would_see(self, caller: Caller, collection: str, creator: str, obj: Mapping[str, Any]) -> bool:
        """Whether a caller would see an object if ``creator`` deposited it now."""
        policy = policy_of(obj)
        with self.reading() as con:
            eyes = self._eyes(con, _as_of(con, caller), self.now())
            return eyes.may(collection, (creator, policy, policy, obj["type"]))

    def _known_markings(self, con: Connection) -> Mapping[str, Marking]:
        """What the markings here say. Kept only by readers: a writer may yet roll back."""
        epoch = str(con.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0])
        kept = self._markings
        if kept[0] == epoch:
            return kept[1]
        rows = con.execute(
            "SELECT id, data FROM objects WHERE type = 'marking-definition' AND data IS NOT NULL"
        )
        found = {row[0]: read_marking(json.loads(row[1])) for row in rows}
        known = {ref: marking for ref, marking in found.items() if marking is not None}
        if not self.database.is_writing():
            self._markings = (epoch, known)
        return known

    def known_markings(self) -> Mapping[str, Marking]:
        """What the markings here say, by id."""
        with self.reading() as con:
            return self._known_markings(con)

    def status(self, caller: Caller, status_id: str) -> Receipt | None:
        """What became of an envelope of the caller's; of others' he does not learn."""
        with self.reading() as con:
            return self._receipt(con, caller, "id", status_id)

    def _receipt(self, con: Connection, caller: Caller, column: str, value: str) -> Receipt | None:
        row = con.execute(
            f"SELECT id, at, outcomes FROM statuses WHERE identity = ? AND {column} = ?",
            (caller.identity, value),
        ).fetchone()
        if row is None:
            return None
        return Receipt(row[0], row[1], tuple(Outcome(**one) for one in json.loads(row[2])))

    def members(self) -> dict[str, tuple[str, Caller]]:
        """Members by identity: name and rights."""
        with self.reading() as con:
            rows = con.execute("SELECT identity, name, rights FROM members ORDER BY name").fetchall()
        return {row[0]: (row[1], caller_of(row[0], row[2])) for row in rows}

    def _member(self, con: Connection, identity: str) -> Caller | None:
        row = con.execute("SELECT rights FROM members WHERE identity = ?", (identity,)).fetchone()
        return None if row is None else caller_of(identity, row[0])

    def member(self, identity: str) -> Caller | None:
        """A member's rights as they are now."""
        with self.reading() as con:
            return self._member(con, identity)

    def key_of(self, identity: str) -> VerifierKey | None:
        """The key that is registered for a member: what he deposits in his own name must be signed with it."""
        text = self.meta(f"key:{identity}")
        return None if text is None else VerifierKey.parse(text)

    def officers(self) -> tuple[VerifierKey, ...]:
        """Keys of those who may release alerts."""
        with self.reading() as con:
            rows = con.execute("SELECT value FROM meta WHERE key LIKE 'officer:%' ORDER BY key").fetchall()
        return tuple(VerifierKey.parse(row[0]) for row in rows)

    def creator_of(self, ref: str) -> str | None:
        """The member who deposited an object here."""
        with self.reading() as con:
            row = con.execute("SELECT creator FROM heads WHERE id = ?", (ref,)).fetchone()
        return None if row is None else str(row[0])

    def own_ids(self, identity: str, ids: Sequence[str]) -> set[str]:
        """Of these ids, those that a member made here: not others', and not pulled from another node."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id FROM heads WHERE creator = ? AND id IN ({marks}) AND id NOT IN (SELECT id FROM pulled)"
        with self.reading() as con:
            return {row[0] for row in con.execute(query, (identity, *ids))}

    def log_lines(self, after: int, limit: int) -> list[bytes]:
        """Lines of the log behind ``after``; they hold commitments, no content."""
        with self.reading() as con:
            query = "SELECT entry FROM log WHERE seq > ? ORDER BY seq LIMIT ?"
            return [bytes(row[0]) for row in con.execute(query, (after, limit))]

    def quarantined(self) -> list[tuple[str, list[str], bytes]]:
        """What is kept in quarantine: source, reasons, bytes."""
        with self.reading() as con:
            rows = con.execute("SELECT source, reasons, data FROM quarantine ORDER BY n").fetchall()
        return [(row[0], json.loads(row[1]), bytes(row[2])) for row in rows]


def _as_of(con: Connection, caller: Caller) -> Caller:
    """The caller with the rights that he has in this snapshot, cut to the collections that he came with.

    Rights that were read earlier would lose objects: what wider rights opened is entered again in the same
    transaction, and a page of this snapshot under the old rights would lead the cursor past it.
    """
    row = con.execute("SELECT rights FROM members WHERE identity = ?", (caller.identity,)).fetchone()
    if row is None:
        return caller
    now = caller_of(caller.identity, row[0])
    return replace(now, reads=now.reads & caller.reads, writes=now.writes & caller.writes)


def _head(con: Connection, clock: datetime) -> tuple[int, str, NodeTime]:
    """The newest line of the log in this snapshot, as every change of what can be seen makes one; the node's time."""
    seq, added, *time = con.execute(
        "SELECT (SELECT seq FROM log ORDER BY seq DESC LIMIT 1), (SELECT added FROM log ORDER BY seq DESC LIMIT 1),"
        f" {TIME_COLUMNS}"
    ).fetchone()
    return seq or 0, added or "", NodeTime.of(clock, *time)


class Eyes:
    """What one caller sees in one snapshot."""

    def __init__(
        self, con: Connection, caller: Caller, markings: Mapping[str, Marking], now: datetime
    ) -> None:
        self.caller, self.now, self._markings = caller, now, markings
        self._heads = _Heads(con)
        self._asked = Subscription(con, caller) if caller.models else None
        self._known: dict[tuple[str, PolicyKey], bool] = {}
        self._ends: dict[str, bool] = {}

    def see(self, row: Any, collection: str) -> bool:
        """Whether the caller may see a row of :data:`COLUMNS`, and wants to."""
        if not self.may(collection, policy_key(row)):
            return False
        return self._asked is None or self._asked.wants(row[2], row[8], row[5])

    def may(self, collection: str, key: PolicyKey) -> bool:
        """Whether the caller may see what has a key; each is decided on once."""
        known = self._known.get((collection, key))
        if known is None:
            creator, policy, newest, kind = key
            own = read_policy(policy)
            marks = (own[0], read_policy(newest)[0])
            item = Item(creator, collection, marks, own[1], kind == "marking-definition")
            known = may_see(self.caller, item, self._markings, self.now, self._heads, self._ends)
            self._known[(collection, key)] = known
        return known

    @property
    def wants_all(self) -> bool:
        """Whether the caller wants whatever he may see."""
        return self._asked is None


def _all_of(
    found: Stretch, eyes: Eyes, collection: str, filters: Filters, limit: int, budget: int
) -> Page | None:
    """The page that holds a whole stretch, where its caller may see and wants all of it; else ``None``."""
    if not (found.newest and eyes.wants_all and ("last" in filters.versions or "all" in filters.versions)):
        return None
    more = len(found.rows) > limit
    if not (more or found.ended) or sum(found.sizes[:limit]) > budget:
        return None
    if not all(eyes.may(collection, key) for key in found.keys):
        return None
    return Page(found.entries, more, found.notes)


class _Heads(Mapping[str, Item]):
    """What objects are about, looked up when asked for."""

    def __init__(self, con: Connection) -> None:
        self._con = con
        self._found: dict[str, Item | None] = {}

    def __getitem__(self, ref: str) -> Item:
        if ref not in self._found:
            row = self._con.execute(
                "SELECT creator, collection, policy, type FROM heads WHERE id = ?", (ref,)
            ).fetchone()
            self._found[ref] = None
            if row is not None:
                marks, ends = read_policy(row[2])
                self._found[ref] = Item(row[0], row[1], (marks,), ends, row[3] == "marking-definition")
        item = self._found[ref]
        if item is None:
            raise KeyError(ref)
        return item

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def policy_of(obj: Mapping[str, Any], *, kept: bool = False) -> str:
    """What the policy needs of an object, as the store keeps it beside the bytes.

    Args:
        obj: The object.
        kept: Whether it stays with the member who pulled it.
    """
    whole, every = object_level_refs(obj), marking_refs(obj) | ({KEPT_HERE} if kept else frozenset())
    if obj["type"] == "marking-definition" and obj["id"] not in TLP_IDS:
        every |= {obj["id"]}  # who may see what a marking marks may see the marking
    body = {"ends": list(end_refs(obj)), "every": sorted(every), "whole": sorted(whole)}
    return json.dumps(body, separators=(",", ":"))


@lru_cache(maxsize=4096)
def read_policy(text: str) -> tuple[Marks, tuple[str, ...]]:
    """Marks and ends from :func:`policy_of`."""
    body = json.loads(text)
    return Marks(frozenset(body["whole"]), frozenset(body["every"])), tuple(body["ends"])


def hangs_on(policy: str) -> tuple[str, ...]:
    """Ids whose change changes who may see an object."""
    marks, ends = read_policy(policy)
    return (*marks.every, *ends)


def version_key(version: str) -> str:
    """A version's time in a form that sorts: nine digits of seconds, more where there are more.

    Examples:
        >>> version_key("2026-01-01T00:00:00Z") == version_key("2026-01-01T00:00:00.000Z")
        True
    """
    whole, _, fraction = version.removesuffix("Z").partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<9}"


def _where(filters: Filters) -> tuple[str, tuple[str, ...]]:
    parts: list[str] = []
    values: list[str] = []
    if filters.added_after is not None:
        parts.append("AND o.added > ?")
        values.append(filters.added_after)
    for column, wanted in (
        ("o.id", filters.ids),
        ("o.type", filters.types),
        ("o.spec", filters.spec_versions),
    ):
        if wanted:
            parts.append(f"AND {column} IN ({','.join('?' * len(wanted))})")
            values += sorted(wanted)
    return " ".join(parts), tuple(values)


@lru_cache(maxsize=1024)
def caller_of(identity: str, rights: str) -> Caller:
    """A member from what is kept of one."""
    body = json.loads(rights)
    sets = {name: frozenset(body.get(name, ())) for name in _SETS}
    return Caller(identity, body["clearance"], **sets)


def rights_of(member: Caller) -> str:
    """What is kept of a member."""
    sets = {name: sorted(getattr(member, name)) for name in _SETS}
    return json.dumps({"clearance": member.clearance, **sets}, sort_keys=True)
