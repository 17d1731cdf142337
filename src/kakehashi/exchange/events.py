"""What is new for one caller behind a place in the log: the door of server-sent events and of webhooks.

The order in which things are looked at is what makes it lossless and tight. First the length of the log is read, then
who the caller is, then the collections; entries up to that length only are given. A right that was granted before the
length was read is known; what a later grant opens is entered again, behind it.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import extension_of
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Entry, Filters

KINDS = ("alert", "drill", "withdrawn", "object")
_EVERYTHING = Filters(versions=frozenset({"all"}))
_ALERT, _TOMBSTONE = EXTENSIONS["alert"].encode(), EXTENSIONS["tombstone"].encode()


@dataclass(frozen=True, slots=True)
class Event:
    """An entry of the log that a caller may see.

    Attributes:
        seq: Its place in the log; a reader goes on behind it.
        added: Its time.
        collection: Where it stands.
        kind: One of :data:`KINDS`; an alert that is an exercise is a ``drill``, so that nobody takes it for one.
        id: Id of the object.
        version: Version of the object.
        data: The object as it is stored.
    """

    seq: int
    added: str
    collection: str
    kind: str
    id: str
    version: str
    data: bytes


def log_size(store: SqlStore) -> int:
    """How many lines the log has: one visit to an index, cheap enough to ask ten times a second."""
    with store.reading() as con:
        row = con.execute("SELECT MAX(seq) FROM log").fetchone()
    return int(row[0] or 0)


def events_after(
    store: SqlStore,
    caller: Caller,
    after: int,
    upto: int,
    *,
    collections: Collection[str] | None = None,
    limit: int = 100,
    budget: int = 1 << 18,
    now: datetime | None = None,
) -> tuple[tuple[Event, ...], int]:
    """What a caller may see of the log's lines behind ``after`` up to ``upto``.

    Args:
        store: The store.
        caller: Who asks, read after ``upto`` was.
        after: The place behind which to begin.
        upto: A length that the log had.
        collections: Only these; all that the caller may read unless said.
        limit: How many events of a collection at most.
        budget: How many bytes of a collection at most; one event is always given.
        now: The time, for embargoes.

    Returns:
        The events in order, and the place to go on from.
    """
    names = caller.reads if collections is None else caller.reads & set(collections)
    found: list[Event] = []
    place = upto
    for name in sorted(names):
        page = store.page(caller, name, _EVERYTHING, after=after, limit=limit, budget=budget, now=now)
        found += (Event(e.seq, e.added, name, kind_of(e.data), e.id, e.version, e.data) for e in page.entries)
        if page.more:
            place = min(place, page.entries[-1].seq)
    return tuple(sorted((e for e in found if e.seq <= place), key=lambda e: e.seq)), place


def kind_of(data: bytes) -> str:
    """What a stored object is to somebody who waits for news."""
    if _ALERT in data and (body := extension_of(json.loads(data), "alert")) is not None:
        return "drill" if body["drill"] else "alert"
    if _TOMBSTONE in data and extension_of(json.loads(data), "tombstone") is not None:
        return "withdrawn"
    return "object"


def as_entry(event: Event) -> Entry:
    """An event as the entry that it is of."""
    return Entry(event.seq, event.added, event.id, event.version, "2.1", event.data)


def as_sse(event: Event) -> bytes:
    """An event on the wire; stored objects have no line ends outside their strings, where JSON escapes them."""
    head = json.dumps({"collection": event.collection, "date_added": event.added}).encode()
    return b'id: %d\nevent: %s\ndata: %s, "object": %s}\n\n' % (
        event.seq,
        event.kind.encode(),
        head[:-1],
        event.data,
    )


@dataclass(frozen=True, slots=True)
class Received:
    """An event as it came in.

    Attributes:
        seq: Its place in the sender's log.
        kind: One of :data:`KINDS`.
        body: ``collection``, ``date_added`` and ``object``.
    """

    seq: int
    kind: str
    body: dict[str, Any]


class SseReader:
    """Reads a stream of server-sent events piece by piece (WHATWG HTML, section 9.2), as far as it is used here."""

    def __init__(self, most_bytes: int = 32 << 20) -> None:
        self._buffer = b""
        self._most = most_bytes
        self._fields: dict[str, list[str]] = {}

    def feed(self, piece: bytes) -> Iterator[Received]:
        """The events that are complete with this piece.

        Raises:
            ValueError: What came is no stream of ours, or one event is too large.
        """
        *lines, self._buffer = (self._buffer + piece).split(b"\n")
        if len(self._buffer) > self._most:
            raise ValueError("an event is too large")
        for line in lines:
            text = line.removesuffix(b"\r").decode()
            if text:
                name, _, value = text.partition(":")
                if name:  # a line that begins with a colon keeps the connection alive
                    self._fields.setdefault(name, []).append(value.removeprefix(" "))
                continue
            fields, self._fields = self._fields, {}
            if "data" in fields:
                body = json.loads("\n".join(fields["data"]))
                if not isinstance(body, dict) or not isinstance(body.get("object"), dict):
                    raise ValueError("an event holds no object")
                yield Received(int(fields["id"][-1]), fields.get("event", ["object"])[-1], body)
