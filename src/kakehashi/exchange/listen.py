"""Listen to another node: what is new there comes at once, and after a loss from where it ended."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kakehashi.errors import BadAnswerError, EndpointError, InputError, RateLimitedError, ServerError
from kakehashi.exchange.client import (
    Exchanged,
    check_status,
    collection_address,
    open_session,
    take_pulled,
)
from kakehashi.exchange.events import Received, SseReader
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import partner_of

if TYPE_CHECKING:
    import aiohttp

    from kakehashi.exchange.tls import Tls

#: The server says that it is alive every 15 seconds.
_SILENT = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class Listening:
    """How to listen.

    Attributes:
        url: Address of the other node's collection, as for a pull.
        token: What opens it.
        into: Our collection.
        store: Whether what comes is taken in; else it is only told.
        count: Stop after so many events; never unless said.
        seconds: Stop after so long; never unless said.
        partner: Whose node it is, as for a pull: keys and policy of what it brings are then checked.
        tls: Certificates to show and to trust.
        silent: Seconds without a sign of life after which the connection is taken for lost.
    """

    url: str
    token: str = field(repr=False)
    into: str = "findings"
    store: bool = True
    count: int | None = None
    seconds: float | None = None
    partner: str | None = None
    tls: "Tls | None" = None
    silent: float = _SILENT


def listen(
    node: Node,
    how: Listening,
    *,
    heard: Callable[[Received], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> Exchanged:
    """Take in what another node sends, until it is told to stop.

    What came is on the disk before the place to go on from is; a kill at any time repeats at most what came last,
    which changes nothing.

    Args:
        node: Our node.
        how: How to listen.
        heard: Called with each event, after it was taken in.
        say: Called with short messages, such as that the connection was lost.

    Raises:
        EndpointError: The other side refuses for good.
        InputError: The address is none.
    """
    return asyncio.run(_listen(node, how, heard, say))


def events_address(collection_url: str) -> str:
    """Where a collection's node sends its events.

    Examples:
        >>> events_address("https://hub.example.org/api/collections/findings/")
        'https://hub.example.org/api/x-kakehashi/events/?collection=findings'
    """
    url = collection_address(collection_url)
    head, found, tail = url.rpartition("/collections/")
    if not found or tail.count("/") != 1:
        raise InputError(
            f"{urlsplit(url).path!r} is not the path of a collection",
            hint="Give it as https://host/api/collections/<id>/, as for a pull.",
        )
    return f"{head}/x-kakehashi/events/?collection={tail.rstrip('/')}"


async def _listen(
    node: Node, how: Listening, heard: Callable[[Received], None], say: Callable[[str], None]
) -> Exchanged:
    import aiohttp

    address, target, done = events_address(how.url), node.collection(how.into).id, Exchanged()
    source = collection_address(how.url)
    if how.partner is not None:
        node.store.set_meta(f"source:{source}", partner_of(node, how.partner).identity)
    mark = f"listen:{source}"
    place = int(node.store.meta(mark) or "0")
    wait, told = _FIRST_WAIT, 0
    end = None if how.seconds is None else time.monotonic() + how.seconds
    limit = aiohttp.ClientTimeout(total=None, connect=15, sock_read=how.silent)
    async with open_session(how.token, how.tls) as session:
        while True:
            try:
                async with asyncio.timeout(None if end is None else max(end - time.monotonic(), 0)):
                    headers = {"Last-Event-ID": str(place), "Accept": "text/event-stream"}
                    async with session.get(
                        address, headers=headers, timeout=limit, allow_redirects=False
                    ) as response:
                        await _check(address, response)
                        wait, reader = _FIRST_WAIT, SseReader()
                        async for piece in response.content.iter_any():
                            events = list(reader.feed(piece))
                            if how.count is not None:
                                events = events[: how.count - told]
                            if not events:
                                continue
                            if how.store:
                                objects = [event.body["object"] for event in events]
                                take_pulled(node, target, objects, source, done)
                                node.store.set_meta(mark, str(events[-1].seq))
                            else:
                                done.sent += len(events)
                            place, told = events[-1].seq, told + len(events)
                            for event in events:
                                heard(event)
                            if how.count is not None and told >= how.count:
                                return done
                why = "the connection ended"
            except (ServerError, RateLimitedError) as error:
                why = error.message
            except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
                why = type(error).__name__
            except (ValueError, KeyError, IndexError) as error:
                raise BadAnswerError(
                    f"{address}: not a stream of events: {error}", endpoint=address
                ) from None
            if end is not None and time.monotonic() >= end:
                return done
            pause = wait * random.uniform(0.5, 1.0)
            say(f"{why}; trying again in {pause:.1f} s")
            await asyncio.sleep(pause if end is None else min(pause, max(end - time.monotonic(), 0)))
            wait = min(2 * wait, _LONGEST_WAIT)


async def _check(address: str, response: "aiohttp.ClientResponse") -> None:
    if response.status != 200:
        check_status(address, response.status, await response.content.read(10_000))
        raise EndpointError(f"{address} answered {response.status}", endpoint=address, status=response.status)
    if response.content_type != "text/event-stream":
        raise BadAnswerError(f"{address}: not a stream of events", endpoint=address)
