"""Answers that stand ready: the same question again, where nothing was committed in between, is answered at once.

An answer is kept under the database's stamp of before it was made. It is given again only to the same token for the
same address, while the stamp is the same (no member's rights, token, marking or object can have changed then, in any
process) and neither the token's end nor the end of an embargo has passed. Answers that must be written down before
they are given (reads of AMBER and above, deliveries of alerts) are never kept.
"""

import time
import weakref
from collections.abc import Hashable
from dataclasses import dataclass
from hashlib import sha256

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kakehashi.errors import StorageError
from kakehashi.exchange.database import Database
from kakehashi.exchange.store import Page

PLACE = "kakehashi.ready"
_HEADERS = (b"authorization", b"accept", b"accept-encoding")
_MOST, _MOST_BYTES = 4096, 16 << 20


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
    """What is sent: ``head``, and the page's objects where there is one; those are held by the cache of pages."""

    headers: list[tuple[bytes, bytes]]
    head: bytes
    page: "weakref.ref[Page] | None"
    began: float
    until: float

    def body(self) -> bytes | None:
        if self.page is None:
            return self.head
        page = self.page()
        return None if page is None else _joined(self.head, page)


class Ready:
    """The answers of one process; used by the thread of its event loop alone, but for :meth:`keep`.

    Args:
        database: The node's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: tuple[Hashable, dict[Hashable, _Answer]] = (None, {})
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
            self._kept, self._bytes = (place.stamp, {}), 0
            return None
        found = answers.get(place.question)
        if found is None or not found.began <= place.began < found.until:
            return None
        body = found.body()
        return None if body is None else (found.headers, body)

    def keep(self, place: Place, response: Response, page: Page, until: float) -> None:
        """Keep an answer.

        Args:
            place: Where; of the request that it answers.
            response: The answer.
            page: The page in it.
            until: When it may no longer be given, though nothing was committed.
        """
        stamp, answers = self._kept
        if stamp != place.stamp or len(answers) >= _MOST:
            return
        body, held = bytes(response.body), None
        size = sum(len(entry.data) + 1 for entry in page.entries)
        if page.entries and "content-encoding" not in response.headers:
            body, held = body[: len(body) - size - 1], weakref.ref(page)
        if self._bytes + len(body) > _MOST_BYTES:
            return
        self._bytes += len(body)
        answers[place.question] = _Answer(response.raw_headers, body, held, place.began, until)


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


def _joined(head: bytes, page: Page) -> bytes:
    return b"".join((head, b",".join([entry.data for entry in page.entries]), b"]}"))
