"""Answers that stand ready: the same question again, where nothing was committed in between, is answered at once.

An answer is kept under the database's stamp of before it was made. It is given again only to the same token for the
same address, while the stamp is the same (no member's rights, token, marking or object can have changed then, in any
process) and neither the token's end nor the end of an embargo has passed. Answers that must be written down before
they are given (reads of AMBER and above, deliveries of alerts) are never kept.
"""

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass
from hashlib import sha256

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kakehashi.errors import StorageError
from kakehashi.exchange.database import Database
from kakehashi.exchange.store import Entry, Page

PLACE = "kakehashi.ready"
_HEADERS = (b"authorization", b"accept", b"accept-encoding")
_MOST, _MOST_BYTES, _BESIDE = 4096, 48 << 20, 2000


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer that is being made may be kept.

    Attributes:
        stamp: The database's, before the answer was begun.
        question: Who asks what, in his own bytes.
        began: The time then.
    """

    stamp: Hashable
    question: Hashable
    began: float


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is sent: ``head``, with the cursor, is the caller's own; ``rest`` is one for all who are given the page."""

    headers: list[tuple[bytes, bytes]]
    head: bytes
    rest: bytes
    began: float
    until: float


class Ready:
    """The answers of one process, bounded; used by the thread of its event loop alone, but for :meth:`keep`.

    Args:
        database: The node's database.
        most_bytes: Bytes that are kept at most; when they are reached, everything is let go.
    """

    def __init__(self, database: Database, most_bytes: int = _MOST_BYTES) -> None:
        self._database, self._most, self._lock = database, most_bytes, threading.Lock()
        self._begin(None)

    def _begin(self, stamp: Hashable) -> None:
        self._kept: tuple[Hashable, dict[Hashable, _Answer]] = (stamp, {})
        self._rests: dict[int, tuple[tuple[Entry, ...], bytes]] = {}  # by the identity of the entries
        self._bytes = 0

    def before(self, application: ASGIApp) -> "Before":
        """An application that answers at once what it can, and hands the rest to another one."""
        return Before(self, application)

    def place(self, scope: Scope) -> Place | None:
        """Where the answer to a request may be kept; ``None`` where it may not be."""
        try:
            stamp = self._database.stamp()
        except StorageError:
            return None  # who waits for the disk will say so
        if stamp is None:
            return None
        asked = [pair for pair in scope["headers"] if pair[0] in _HEADERS]
        digest = sha256(repr(asked).encode()).digest()  # a token is nowhere kept as it is
        return Place(stamp, (digest, scope["path"], scope["query_string"]), time.time())

    def found(self, place: Place) -> tuple[list[tuple[bytes, bytes]], bytes] | None:
        """Headers and body that are kept there."""
        stamp, answers = self._kept
        if stamp != place.stamp:
            with self._lock:
                self._begin(place.stamp)
            return None
        found = answers.get(place.question)
        if found is None or not found.began <= place.began < found.until:
            return None
        return found.headers, found.head + found.rest

    def keep(self, place: Place, response: Response, page: Page, until: float) -> None:
        """Keep an answer.

        Args:
            place: Where; of the request that it answers.
            response: The answer.
            page: The page in it.
            until: When it may no longer be given, though nothing was committed.
        """
        body, rest, size = bytes(response.body), b"", _BESIDE
        with self._lock:
            stamp, answers = self._kept
            if stamp != place.stamp:
                return
            if page.entries and "content-encoding" not in response.headers:
                known = self._rests.get(id(page.entries))
                rest = known[1] if known else b",".join([entry.data for entry in page.entries]) + b"]}"
                size += 0 if known else 2 * len(rest)  # the entries are held as well
            head = body[: len(body) - len(rest)]
            size += len(head)
            if len(answers) >= _MOST or self._bytes + size > self._most:
                self._begin(stamp)
                return
            self._bytes += size
            if rest:
                self._rests[id(page.entries)] = (page.entries, rest)
            answers[place.question] = _Answer(response.raw_headers, head, rest, place.began, until)


class Before:
    """What stands before an application: an object, since Starlette takes a function for an endpoint of its own."""

    def __init__(self, ready: Ready, application: ASGIApp) -> None:
        self._ready, self._application = ready, application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["method"] == "GET":
            place = self._ready.place(scope)
            found = None if place is None else self._ready.found(place)
            if found is not None:
                headers, body = found
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": body})
                return
            scope[PLACE] = place
        await self._application(scope, receive, send)
