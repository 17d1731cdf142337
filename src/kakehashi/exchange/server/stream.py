"""Server-sent events: whoever holds a token hears of what it may see, as soon as it is in the log."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kakehashi.errors import InputError, StorageError
from kakehashi.exchange.deliveries import Deliveries
from kakehashi.exchange.events import Event, as_entry, as_sse, events_after, log_size
from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.reads import ReadSpool
from kakehashi.exchange.server.talk import TaxiiError, token_of

MOST_STREAMS, MOST_OF_ONE = 1000, 100
KEEP_ALIVE, STALLED = 15.0, 60.0
LOOK_EVERY = 0.1


class Hub:
    """Watches the log for all streams of this process, whoever writes to it.

    Args:
        node: The node.
        deliveries: Where to say what was handed over.
        spool: Where reads of AMBER and above are written down.
        look_every: Seconds between two looks at the log's length.
        keep_alive: Seconds of silence after which a stream says that it is alive.
    """

    def __init__(
        self,
        node: Node,
        deliveries: Deliveries,
        spool: ReadSpool,
        *,
        look_every: float = LOOK_EVERY,
        keep_alive: float = KEEP_ALIVE,
    ) -> None:
        self.node, self.deliveries, self.spool, self.keep_alive = node, deliveries, spool, keep_alive
        self.open: Counter[str] = Counter()
        self.closed = False
        self.cut: Callable[[Any], None] | None = (
            None  # ends a client's connection; the server that runs this sets it
        )
        self.size = 0
        self._look_every = look_every
        self._changed, self._poked = asyncio.Event(), asyncio.Event()
        self.limiter = CapacityLimiter(4)  # many streams shall not take all threads from the other requests

    async def run(self) -> None:
        """Look at the log until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), self._look_every)
            self._poked.clear()
            if not self.open:
                continue
            with suppress(StorageError):  # the next look finds it
                size = await to_thread.run_sync(log_size, self.node.store, limiter=self.limiter)
                if size != self.size:
                    self.size = size
                    self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def poke(self) -> None:
        """Something was written by this process: look now."""
        self._poked.set()

    def close(self) -> None:
        """End all streams; their readers come back where they were."""
        self.closed = True
        self._wake()

    @property
    def changed(self) -> asyncio.Event:
        """Set when the log has grown; another one for each time."""
        return self._changed


class EventStream(Response):
    """One reader's stream.

    A page of events is read when the one before was sent, so that a slow reader holds one page and no more; one that
    takes nothing for :data:`STALLED` seconds is left, and comes back where it was.

    Args:
        hub: The hub.
        request: The request.
        caller: Whose it is.
    """

    def __init__(self, hub: Hub, request: Request, caller: Caller) -> None:
        super().__init__(
            status_code=200,
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "Vary": "Authorization", "X-Accel-Buffering": "no"},
        )
        del self.headers["content-length"]
        if not caller.reads:
            raise TaxiiError(403, "you may not read any collection")
        if hub.open.total() >= MOST_STREAMS or hub.open[caller.identity] >= MOST_OF_ONE:
            raise TaxiiError(503, "too many streams of events are open")
        self._hub, self._token, self._identity = hub, token_of(request), caller.identity
        self._place = _start(request)
        self._only = _collections(request, hub.node, caller)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the reader, the token or the server has gone."""
        hub = self._hub
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        gone = asyncio.create_task(_gone(receive))
        hub.open[self._identity] += 1
        hub.poke()
        try:
            await _write(send, b"retry: 1000\n: kakehashi events\n\n")
            while not (gone.done() or hub.closed):
                changed = hub.changed
                events, more = await to_thread.run_sync(self._next, limiter=hub.limiter)
                if events is None:
                    break
                if events:
                    await _write(send, b"".join(map(as_sse, events)))
                    for event in events:
                        hub.deliveries.note(self._identity, event.data, "events")
                if not more and not await self._wait(changed, gone):
                    await _write(send, b": alive\n\n")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except StorageError:  # a busy database: the reader comes back
            return  # without the end of the body: the server closes the connection
        except TimeoutError:  # a stalled reader: closing would wait for it to take what was sent
            if hub.cut is not None:
                hub.cut(scope.get("client"))
                await asyncio.sleep(0)
        finally:
            gone.cancel()
            hub.open[self._identity] -= 1
            hub.open += Counter()  # forgets members without streams

    def _next(self) -> tuple[tuple[Event, ...] | None, bool]:
        """The next events and whether more wait; no events at all once the token opens nothing."""
        store = self._hub.node.store
        upto = log_size(store)
        caller = self._hub.node.tokens.caller(self._token)  # after the length: see kakehashi.exchange.events
        if caller is None or caller.identity != self._identity:
            return None, False
        if upto <= self._place:
            return (), False
        events, self._place = events_after(store, caller, self._place, upto, collections=self._only)
        self._hub.spool.record(self._identity, map(as_entry, events))
        return events, self._place < upto

    async def _wait(self, changed: asyncio.Event, gone: "asyncio.Task[None]") -> bool:
        """Wait for news; whether there were any."""
        news = asyncio.create_task(changed.wait())
        try:
            done, _ = await asyncio.wait(
                {news, gone}, timeout=self._hub.keep_alive, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            news.cancel()
        return bool(done)


async def _write(send: Send, data: bytes) -> None:
    async with asyncio.timeout(STALLED):
        await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Receive) -> None:
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()


def _start(request: Request) -> int:
    """The place to begin behind: what the reader has last seen, else ``after``, else the beginning."""
    text = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InputError("Last-Event-ID and after are whole numbers")
    return int(text)


def _collections(request: Request, node: Node, caller: Caller) -> frozenset[str] | None:
    word = request.query_params.get("collection")
    if word is None:
        return None
    for one in node.store.collections():
        if word in (one.id, one.alias) and one.id in caller.reads:
            return frozenset({one.id})
    raise TaxiiError(404, "no such resource")
