"""Sending webhooks: to addresses that are allowed and nowhere else, however their names resolve.

The address that was checked is the address that is connected to: the name is resolved once for each connection, by the
resolver below. Redirects are not followed, proxies of the environment are not used, and what the receiver answers is
not read beyond its status.
"""

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kakehashi.errors import InputError, KakehashiError
from kakehashi.exchange.node import Node
from kakehashi.exchange.webhooks import (
    DELAYS,
    Delivery,
    Hook,
    body_of_delivery,
    check_url,
    claim,
    delivered,
    dropped,
    due_deliveries,
    failed,
    fill_queues,
    hooks,
    message_id,
    signed_headers,
)

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

TIMEOUT = 20.0
_LOG = logging.getLogger("kakehashi.exchange")


def is_public(address: str) -> bool:
    """Whether an address belongs to the public network, also where it is an IPv4 address in IPv6 clothes.

    Examples:
        >>> [is_public(a) for a in ("93.184.215.14", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1")]
        [True, False, False, False]
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is None and found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and not found.is_reserved


def _resolver(private: bool) -> "AbstractResolver":
    """A resolver that gives no private address, unless the host is allowed to have one."""
    from aiohttp.abc import AbstractResolver, ResolveResult

    class Checked(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
            made = []
            for kind, _, proto, _, address in found:
                if not private and not is_public(str(address[0])):
                    raise OSError("the name resolves to a private address")
                made.append(
                    ResolveResult(
                        hostname=host,
                        host=str(address[0]),
                        port=int(address[1]),
                        family=kind,
                        proto=proto,
                        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                    )
                )
            return made

        async def close(self) -> None:
            return None

    return Checked()


class Sender:
    """Sends what is due, each hook by itself, so that one that hangs keeps no other waiting.

    Args:
        node: The node.
        delays: Seconds until the next attempt, after each.
        timeout_seconds: How long a receiver may take.
    """

    def __init__(
        self, node: Node, *, delays: Sequence[float] = DELAYS, timeout_seconds: float = TIMEOUT
    ) -> None:
        self._node, self._delays, self._timeout = node, delays, timeout_seconds
        self._running: dict[str, asyncio.Task[int]] = {}
        self.taken = 0

    async def turn(self) -> None:
        """Look for what is new and what is due, and begin to send it."""
        for name in [name for name, task in self._running.items() if task.done()]:
            self._ended(self._running.pop(name))
        known = {hook.id: hook for hook in await asyncio.to_thread(hooks, self._node)}
        if not known:
            return
        await asyncio.to_thread(fill_queues, self._node)
        for name in known.keys() - self._running.keys():
            rows = await asyncio.to_thread(due_deliveries, self._node, name)
            if rows:
                work = _send_all(self._node, known[name], rows, self._delays, self._timeout)
                self._running[name] = asyncio.create_task(work)

    def _ended(self, task: "asyncio.Task[int]") -> None:
        error = task.exception()
        if error is None:
            self.taken += task.result()
        else:
            _LOG.error("webhooks: %s", error if isinstance(error, KakehashiError) else repr(error))

    async def finish(self) -> int:
        """Wait for what was begun; returns how many deliveries were taken by their receivers."""
        if self._running:
            await asyncio.wait(self._running.values())
        for name in list(self._running):
            self._ended(self._running.pop(name))
        return self.taken

    async def cancel(self) -> None:
        """Leave what was begun; it is sent again later."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)


async def send_due(node: Node, *, delays: Sequence[float] = DELAYS, timeout_seconds: float = TIMEOUT) -> int:
    """Send what is due once; returns how many deliveries were taken by their receivers."""
    sender = Sender(node, delays=delays, timeout_seconds=timeout_seconds)
    await sender.turn()
    return await sender.finish()


async def _send_all(
    node: Node, hook: Hook, rows: Sequence[Delivery], delays: Sequence[float], timeout_seconds: float
) -> int:
    """One hook's deliveries in order; after a failure the others wait for the next round."""
    count = 0
    for one in rows:
        if not await asyncio.to_thread(claim, node, one, 3 * timeout_seconds):
            continue
        body = await asyncio.to_thread(body_of_delivery, node, hook, one)
        if body is None:
            await asyncio.to_thread(dropped, node, one)
            continue
        status, reason, retry_after = await _post(node, hook, one, body, timeout_seconds)
        if 200 <= status < 300:
            await asyncio.to_thread(delivered, node, hook, one)
            count += 1
            continue
        work = partial(failed, retry_after=retry_after, gone=status == 410, delays=delays)
        await asyncio.to_thread(work, node, one, reason)
        break
    return count


async def _post(
    node: Node, hook: Hook, one: Delivery, body: bytes, timeout_seconds: float
) -> tuple[int, str, float | None]:
    """Status (0 where there was none), reason in words, and how long the receiver asks to wait."""
    import aiohttp

    try:
        private = await asyncio.to_thread(check_url, node, hook.url)
        host = urlsplit(hook.url).hostname or ""
        with suppress(ValueError):
            ipaddress.ip_address(host)
            if not private and not is_public(host):
                return 0, "the address is private", None
    except InputError as error:
        return 0, error.message, None
    headers = signed_headers(hook.secret, message_id(one), int(time.time()), body)
    connector = aiohttp.TCPConnector(resolver=_resolver(private), use_dns_cache=False, force_close=True)
    limit = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit, trust_env=False) as session,
            session.post(
                hook.url,
                data=body,
                headers={**headers, "Content-Type": "application/json", "User-Agent": "kakehashi"},
                allow_redirects=False,
            ) as answer,
        ):
            words = "a redirect, which is not followed" if 300 <= answer.status < 400 else ""
            return (
                answer.status,
                words or f"status {answer.status}",
                _seconds(answer.headers.get("Retry-After")),
            )
    except TimeoutError:
        return 0, f"no answer within {timeout_seconds:g} s", None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        why = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        told = isinstance(why, OSError) and "private address" in str(why)
        return 0, "the name resolves to a private address" if told else type(error).__name__, None


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None


async def sending(node: Node, seconds: float) -> None:
    """Send until cancelled; what goes wrong waits for the next turn."""
    sender = Sender(node)
    try:
        while True:
            try:
                await sender.turn()
            except KakehashiError as error:
                _LOG.error("webhooks: %s", error)
            await asyncio.sleep(seconds)
    finally:
        await sender.cancel()
