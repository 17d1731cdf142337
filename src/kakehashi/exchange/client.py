"""Pull from and push to another node, over plain TAXII 2.1.

What was pulled above GREEN, or bears any audience, caveat or embargo, stays with its receiver: it is never forwarded
to this node's other members, since communities of the same name may have other members here. RED, AMBER+STRICT and
unmarked objects are never pushed. What a pinned partner brings is checked again (:mod:`kakehashi.exchange.receipt`).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kakehashi.errors import (
    AuthenticationError,
    BadAnswerError,
    EndpointError,
    EndpointUnreachableError,
    InputError,
    RequestRefusedError,
    ServerError,
)
from kakehashi.exchange.markings import BUILT_IN, Marking, end_refs, marking_refs
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import partner_of
from kakehashi.exchange.receipt import Received, check_received, quarantine_received
from kakehashi.exchange.records import extension_of, stored_bytes
from kakehashi.exchange.store import Filters
from kakehashi.proof import parse_json

if TYPE_CHECKING:
    import aiohttp

    from kakehashi.exchange.tls import Tls

TAXII = "application/taxii+json;version=2.1"
_PAGE, _ENVELOPE, _MOST_BYTES = 500, 100, 32 << 20
_EVERYTHING = Filters(versions=frozenset({"all"}))
_PUSHED = {"clear", "green", "amber"}


@dataclass(slots=True)
class Exchanged:
    """What a pull or push did.

    Attributes:
        sent: Objects that the other side has now (push), or that came (pull).
        new: Of those that came, how many were not here before.
        recalls: Ids that their creators ask to withdraw.
        failures: Ids that were not taken, with the reason; they are tried again by the next push, or kept in
            quarantine by a pull.
        partner: Name of the partner against whose pinned keys a pull checked what came; ``None`` where it did not.
    """

    sent: int = 0
    new: int = 0
    recalls: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    partner: str | None = None


def pull(
    node: Node,
    collection_url: str,
    token: str,
    *,
    into: str = "findings",
    partner: str | None = None,
    tls: "Tls | None" = None,
) -> Exchanged:
    """Bring what is new in another node's collection, behind the cursor of the last pull.

    Args:
        node: The node.
        collection_url: Address of the collection, as in ``https://hub.example.org/api/collections/…/``.
        token: What opens it.
        into: Our collection.
        partner: Whose node it is; remembered for the address. Keys and policy of what it brings are then checked.
        tls: Certificates to show and to trust.

    Raises:
        EndpointError: The other side cannot be reached, or refuses.
        UnknownNameError: No such partner is pinned.
    """
    url = collection_address(collection_url)
    if partner is not None:
        node.store.set_meta(f"source:{url}", partner_of(node, partner).identity)
    return asyncio.run(_pull(node, url, token, into, tls))


def push(
    node: Node,
    collection_url: str,
    token: str,
    *,
    collection: str = "findings",
    tls: "Tls | None" = None,
) -> Exchanged:
    """Send the owner's own records that may leave the node, those behind the cursor of the last push.

    Raises:
        EndpointError: The other side cannot be reached, or refuses.
    """
    return asyncio.run(_push(node, collection_address(collection_url), token, collection, tls))


async def _pull(node: Node, url: str, token: str, into: str, tls: "Tls | None") -> Exchanged:
    target, done = node.collection(into), Exchanged()
    mark = f"pull:{url}"
    async with open_session(token, tls) as session:
        while True:
            after = node.store.meta(mark)
            query = {"limit": str(_PAGE), "match[version]": "all"} | ({"added_after": after} if after else {})
            headers, body = await ask(session, "GET", f"{url}objects/", query=query)
            objects = body.get("objects", [])
            if not isinstance(objects, list):
                raise BadAnswerError("objects is not a list", endpoint=url)
            if not objects:
                return done
            take_pulled(node, target.id, objects, url, done)
            last = headers.get("X-TAXII-Date-Added-Last")
            if not last or last == after:
                raise BadAnswerError("no X-TAXII-Date-Added-Last, so no cursor", endpoint=url)
            node.store.set_meta(mark, last)  # only now: what came before is on the disk


def take_pulled(node: Node, collection: str, objects: Sequence[Any], source: str, done: Exchanged) -> None:
    """Store objects that came from another node; what cannot be taken in goes into quarantine.

    Where a partner is known for the source, keys and policy are checked first.
    """
    identity = node.store.meta(f"source:{source}")
    received = Received(list(objects))
    if identity is not None:
        deliverer = partner_of(node, identity)
        done.partner, received = deliverer.name, check_received(node, deliverer, objects)
    receipt = node.store.post(node.me(), collection, received.sound, pulled=True)
    for obj, outcome in zip(received.sound, receipt.outcomes, strict=True):
        if outcome.failure is not None:
            received.held.append((outcome.id, json.dumps(obj).encode(), outcome.failure))
        else:
            done.sent += 1
            done.new += outcome.new
            if body_of := extension_of(obj, "tombstone"):
                done.recalls.append(str(body_of["removed"]))
    done.failures |= {ref: reason for ref, _, reason in received.held}
    quarantine_received(node, source, received.held)


async def _push(node: Node, url: str, token: str, collection: str, tls: "Tls | None") -> Exchanged:
    source, done = node.collection(collection), Exchanged()
    mark, owed = f"push:{url}", f"owed:{url}"
    async with open_session(token, tls) as session:
        refs = json.loads(node.store.meta(owed) or "[]")
        if refs:
            again = Filters(ids=frozenset(refs), versions=_EVERYTHING.versions)
            page = node.store.page(node.me(), source.id, again, limit=10_000, budget=1 << 40)
            objects = [json.loads(e.data) for e in page.entries]
            await _send(session, url, _leaving(node, source.id, objects), done)
        while True:
            after = int(node.store.meta(mark) or "0")
            page = node.store.page(node.me(), source.id, _EVERYTHING, after=after, limit=_ENVELOPE)
            if not page.entries:
                node.store.set_meta(owed, json.dumps(sorted(done.failures)))
                return done
            objects = [json.loads(entry.data) for entry in page.entries]
            mine = node.store.own_ids(node.owner, [obj["id"] for obj in objects])
            leaving = _leaving(node, source.id, [obj for obj in objects if obj["id"] in mine])
            await _send(session, url, leaving, done)
            node.store.set_meta(owed, json.dumps(sorted(done.failures)))
            node.store.set_meta(mark, str(page.entries[-1].seq))


async def _send(session: "aiohttp.ClientSession", url: str, objects: Sequence[Any], done: Exchanged) -> None:
    for obj in objects:
        if tombstone := extension_of(obj, "tombstone"):
            await ask(session, "DELETE", f"{url}objects/{tombstone['removed']}/", missing_is_fine=True)
    for start in range(0, len(objects), _ENVELOPE):
        batch = objects[start : start + _ENVELOPE]
        _, status = await ask(session, "POST", f"{url}objects/", body=stored_bytes({"objects": batch}))
        failed = {str(one.get("id")): str(one.get("message")) for one in status.get("failures", [])}
        done.failures.update(failed)
        done.sent += len(batch) - len(failed)


def _leaving(node: Node, collection: str, objects: Sequence[Any]) -> list[Any]:
    """Those that may be given to a hub: they may leave, and so may all records of ours that they are about."""
    markings = {**node.store.known_markings(), **BUILT_IN}
    newest: dict[str, Any] = {}
    waiting = {ref for obj in objects for ref in end_refs(obj)}
    while waiting:
        filters = Filters(ids=frozenset(node.store.own_ids(node.owner, sorted(waiting))))
        page = (
            node.store.page(node.me(), collection, filters, limit=len(filters.ids), budget=1 << 40)
            if filters.ids
            else None
        )
        found = [json.loads(entry.data) for entry in page.entries] if page else []
        newest |= {obj["id"]: obj for obj in found}
        waiting = {ref for obj in found for ref in end_refs(obj)} - newest.keys()
    stays = {ref for ref, obj in newest.items() if not _may_leave(obj, markings)}
    while more := {ref for ref, obj in newest.items() if not stays.isdisjoint(end_refs(obj))} - stays:
        stays |= more
    return [obj for obj in objects if _may_leave(obj, markings) and stays.isdisjoint(end_refs(obj))]


def _may_leave(obj: Mapping[str, Any], markings: Mapping[str, Marking]) -> bool:
    """Whether a record of ours may be given to a hub: marked, understood, and no stricter than AMBER."""
    is_marking = obj["type"] == "marking-definition"
    refs = marking_refs(obj) | ({obj["id"]} if is_marking else frozenset())
    marks = [markings.get(ref) for ref in refs]
    levels = {one.level for one in marks if one is not None and one.level}
    return None not in marks and levels <= _PUSHED and (is_marking or bool(levels))


def open_session(token: str, tls: "Tls | None" = None) -> "aiohttp.ClientSession":
    """A session that shows a token to the other side, and a certificate where it asks for one."""
    import aiohttp

    headers = {"Authorization": f"Bearer {token}", "Accept": TAXII}
    return aiohttp.ClientSession(
        headers=headers,
        trust_env=True,
        timeout=aiohttp.ClientTimeout(total=300, connect=15),
        connector=None if tls is None else aiohttp.TCPConnector(ssl=tls.context()),
    )


async def ask(
    session: "aiohttp.ClientSession",
    method: str,
    url: str,
    *,
    query: Mapping[str, str] | None = None,
    body: bytes | None = None,
    missing_is_fine: bool = False,
) -> tuple[Mapping[str, str], dict[str, Any]]:
    """Headers and body of an answer; what goes wrong is an error of ours.

    Raises:
        EndpointError: The other side cannot be reached, refuses, or answers what is not JSON.
    """
    import aiohttp

    sent = {"Content-Type": TAXII} if body is not None else {}
    try:
        async with session.request(
            method, url, params=query, data=body, headers=sent, allow_redirects=False
        ) as response:
            data = await response.content.read(_MOST_BYTES + 1)
            while len(data) <= _MOST_BYTES and not response.content.at_eof():
                data += await response.content.read(_MOST_BYTES + 1 - len(data))
            if missing_is_fine and response.status == 404:
                return {}, {}
            check_status(url, response.status, data)
            return response.headers, _json(url, data)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise EndpointUnreachableError(
            f"{url} cannot be reached ({type(error).__name__})",
            endpoint=url,
            hint="Is the address right, and the node running? Try again: it goes on behind its cursor.",
        ) from None


def check_status(url: str, status: int, data: bytes) -> None:
    """Raise what an answer's status means.

    Raises:
        EndpointError: It is not 2xx.
    """
    if 200 <= status < 300:
        return
    kinds: dict[int, type[EndpointError]] = {401: AuthenticationError, 403: AuthenticationError}
    kind = kinds.get(status, ServerError if status >= 500 else RequestRefusedError)
    try:
        title = str(json.loads(data)["title"])[:200]
    except (ValueError, KeyError, TypeError):
        title = "no reason given"
    hint = "Ask its administrator for a token with the right scope." if kind is AuthenticationError else None
    raise kind(f"{url} answered {status}: {title}", endpoint=url, status=status, hint=hint)


def _json(url: str, data: bytes) -> dict[str, Any]:
    if len(data) > _MOST_BYTES:
        raise BadAnswerError(f"an answer of more than {_MOST_BYTES} bytes", endpoint=url)
    try:
        found = parse_json(data)
    except InputError as error:
        raise BadAnswerError(f"{url}: {error.message}", endpoint=url) from None
    if not isinstance(found, dict):
        raise BadAnswerError(f"{url}: not an object", endpoint=url)
    return found


def api_root_of(url: str) -> str:
    """The API root that a collection's address stands under; an API root's own address stays.

    Raises:
        InputError: It is no address that a token may be sent to.
    """
    return collection_address(url).partition("collections/")[0]


def collection_address(url: str) -> str:
    """A collection's address as it is used.

    Raises:
        InputError: It is none, or would show the token to others.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or "@" in parts.netloc:
        _, _, shown = url.partition("?")[0].partition("#")[0].rpartition("@")  # no user name, no password
        raise InputError(
            f"{shown[:120]!r} is not the address of a collection",
            hint="Give it as https://host/api/collections/<id>/; the token goes into an environment variable.",
        )
    assert parts.hostname is not None
    loopback = parts.hostname in ("localhost", "::1") or parts.hostname.startswith("127.")
    if parts.scheme == "http" and not loopback:
        raise InputError(f"{parts.hostname} without TLS would see the token in clear", hint="Use https.")
    return url if url.endswith("/") else url + "/"
