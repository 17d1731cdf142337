"""The endpoints of TAXII 2.1, and a few of our own under ``x-kakehashi``."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, request_response

from kakehashi.errors import InputError, KakehashiError, LockedError, StorageError
from kakehashi.exchange.confirmed_time import clock_trouble
from kakehashi.exchange.cursor import make_next
from kakehashi.exchange.deliveries import Deliveries, maybe_alerts
from kakehashi.exchange.escalation import escalate
from kakehashi.exchange.ids import LEVELS
from kakehashi.exchange.node import Node
from kakehashi.exchange.node_log import NodeLog
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.reads import ReadSpool, restricted
from kakehashi.exchange.server import log_pages, role_pages
from kakehashi.exchange.server.openapi import openapi
from kakehashi.exchange.server.private import PrivateQuestions
from kakehashi.exchange.server.question import MAX_LIMIT, STIX_TYPE, Question, is_taxii, read_question
from kakehashi.exchange.server.ready import PLACE, Ready
from kakehashi.exchange.server.stream import KEEP_ALIVE, EventStream, Hub
from kakehashi.exchange.server.talk import (
    MAX_BODY,
    TaxiiError,
    answer,
    body_of,
    caller_of_token,
    failure,
    known_caller,
    token_of,
)
from kakehashi.exchange.store import Collection, Filters, Page, Receipt
from kakehashi.exchange.validate import moment
from kakehashi.exchange.webhook_send import sending
from kakehashi.proof import parse_json

API_ROOT = "api"
PAGE_BYTES = 4 << 20
_LOG = logging.getLogger("kakehashi.exchange")
_ANY = Filters(versions=frozenset({"all"}))

Endpoint = Callable[["Server", Request, Caller], Response]


def make_app(
    node: Node, *, tick_seconds: float = 1.0, page_bytes: int = PAGE_BYTES, keep_alive: float = KEEP_ALIVE
) -> Starlette:
    """The application that serves a node.

    Args:
        node: The node.
        tick_seconds: How often the clock task looks for embargoes that ended.
        page_bytes: How many bytes of objects a page may hold.
        keep_alive: Seconds of silence after which a stream of events says that it is alive.
    """
    server = Server(node, page_bytes)

    @asynccontextmanager
    async def lifespan(application: Starlette) -> AsyncIterator[None]:
        hub = server.hub = application.state.hub = Hub(
            node, server.deliveries, server.spool, keep_alive=keep_alive
        )
        tasks = [
            asyncio.create_task(work)
            for work in (_ticking(server, tick_seconds), hub.run(), sending(node, tick_seconds))
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            with suppress(StorageError):
                server.deliveries.flush()
            with suppress(StorageError):
                server.spool.close()

    def route(path: str, **methods: Endpoint | None) -> Route:  # None: a body must be read first
        async def endpoint(request: Request) -> Response:
            return await _guarded(
                server, request, methods["GET" if request.method == "HEAD" else request.method]
            )

        if methods.get("GET") is Server.objects:  # what is asked most, and first in the list
            return Route(path, server.ready.before(request_response(endpoint)), methods=list(methods))
        return Route(path, endpoint, methods=list(methods))

    root, one = f"/{API_ROOT}/", f"/{API_ROOT}/collections/{{collection}}/"
    app = Starlette(
        routes=[
            route(f"{one}objects/", GET=Server.objects, POST=None),
            route("/taxii2/", GET=Server.discovery),
            route(root, GET=Server.api_root),
            route(f"{root}status/{{status}}/", GET=Server.status),
            route(f"{root}collections/", GET=Server.collections),
            route(one, GET=Server.collection),
            route(f"{one}manifest/", GET=Server.manifest),
            route(f"{one}objects/{{object}}/", GET=Server.one_object, DELETE=Server.delete_object),
            route(f"{one}objects/{{object}}/versions/", GET=Server.versions),
            route(f"{root}x-kakehashi/events/", GET=Server.events),
            route(f"{root}x-kakehashi/markings/", GET=Server.markings),
            route(f"{root}x-kakehashi/checkpoint/", GET=Server.checkpoint),
            route(f"{root}x-kakehashi/known/", POST=None),
            route(f"{root}x-kakehashi/openapi.json", GET=Server.openapi),
            route(f"{root}x-kakehashi/log/", GET=Server.lines),
            *(
                route(f"{root}{path}", GET=page)
                for path, page in (log_pages.PAGES | role_pages.PAGES).items()
            ),
            Route(f"{root}x-kakehashi/log/cosigned/", log_pages.cosigned(server), methods=["GET", "POST"]),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, Exception: _defect},
    )
    app.router.redirect_slashes = False
    return app


async def _ticking(server: "Server", seconds: float) -> None:
    while True:
        works = (
            server.node.store.tick,
            server.say_time,
            server.spool.flush,
            server.deliveries.flush,
            partial(escalate, server.node),
        )
        for work in works:
            try:  # visibility is enforced when reading as well; the next turn catches up
                await run_in_threadpool(work)
            except KakehashiError as error:
                if not isinstance(error, StorageError):
                    _LOG.error("clock: %s", error)
        await asyncio.sleep(seconds)


async def _guarded(server: "Server", request: Request, endpoint: Endpoint | None) -> Response:
    """Every request goes through here: who asks, what he may be told, and how errors are said."""

    def ask() -> Response:  # one visit to the thread that may wait for the disk
        assert endpoint is not None
        known = caller_of_token if endpoint is Server.events else known_caller
        reads_only = endpoint in _READERS and request.method != "DELETE"
        with server.node.store.reading() if reads_only else nullcontext():
            return endpoint(server, request, known(server.node.tokens, request))

    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        return failure(400, "an address holds a NUL character")
    try:
        if endpoint is None:
            caller = await run_in_threadpool(known_caller, server.node.tokens, request)
            asked = server.private_questions if request.url.path.endswith("/known/") else server.add_objects
            return await asked(request, caller)
        return await run_in_threadpool(ask)
    except TaxiiError as error:
        return failure(error.status, error.title)
    except InputError as error:
        return failure(400, error.message if error.path is None else "this cannot be read")
    except LockedError:
        return failure(503, "the node is busy; try again", retry_after=1)
    except StorageError:
        return failure(
            503, "the node cannot write at present; what was not acknowledged does not count", retry_after=60
        )


async def _http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return failure(
        status, {404: "no such resource", 405: "this resource knows no such method"}.get(status, "refused")
    )


async def _defect(_: Request, __: Exception) -> Response:
    return failure(500, "a defect of the server, not of your request")


class Server:
    """The endpoints of a node.

    Args:
        node: The node.
        page_bytes: How many bytes of objects a page may hold.
    """

    def __init__(self, node: Node, page_bytes: int) -> None:
        self.node = node
        self.private_questions = PrivateQuestions(node)
        self.log = NodeLog(node)
        self.ready = Ready(node.store.database)
        self.spool = ReadSpool(node.store, node.path)
        self.deliveries = Deliveries(node.store)
        self.hub: Hub | None = None
        self._secret = node.store.meta("secret") or ""
        self._page_bytes = page_bytes
        self._said: tuple[str, str] | None = None

    def say_time(self) -> None:
        """Say in the server's log, once, that embargoes stand because the clock is not believed."""
        trouble = clock_trouble(self.node.store)
        if trouble is not None and self._said is None:
            _LOG.warning("%s. %s", *trouble)
        self._said = trouble

    def discovery(self, request: Request, _: Caller) -> Response:
        """Which API roots there are."""
        root = f"/{API_ROOT}/"
        return answer(request, {"title": self.node.name, "default": root, "api_roots": [root]})

    def api_root(self, request: Request, _: Caller) -> Response:
        """What the API root can do."""
        versions = ["application/taxii+json;version=2.1"]
        body = {"title": self.node.name, "versions": versions, "max_content_length": MAX_BODY}
        return answer(request, body)

    def status(self, request: Request, caller: Caller) -> Response:
        """What became of an envelope."""
        receipt = self.node.store.status(caller, request.path_params["status"])
        if receipt is None:
            raise TaxiiError(404, "no such resource")
        return answer(request, _status(receipt))

    def collections(self, request: Request, caller: Caller) -> Response:
        """The collections that the caller may know of."""
        known = self.node.store.collections()
        shown = [_collection(one, caller) for one in known if one.id in caller.reads | caller.writes]
        return answer(request, {"collections": shown} if shown else {})

    def collection(self, request: Request, caller: Caller) -> Response:
        """One collection."""
        return answer(request, _collection(self._known(request, caller), caller))

    def manifest(self, request: Request, caller: Caller) -> Response:
        """What stands in a collection, without content."""
        question, page = self.ask(request, caller)
        rows = [
            {"id": e.id, "date_added": e.added, "version": e.version, "media_type": STIX_TYPE}
            for e in page.entries
        ]
        return self._paged(request, question, page, "objects", [json.dumps(row).encode() for row in rows])

    def objects(self, request: Request, caller: Caller) -> Response:
        """The objects of a collection, as they were stored."""
        question, page = self.ask(request, caller)
        return self._handed_over(request, caller, question, page)

    def one_object(self, request: Request, caller: Caller) -> Response:
        """One object."""
        question, page = self.ask(request, caller, one=True)
        return self._handed_over(request, caller, question, page)

    def _handed_over(self, request: Request, caller: Caller, question: Question, page: Page) -> Response:
        if request.method == "GET":
            if not page.notes:
                notes = {"restricted": restricted(self.node.store, page.entries)}
                page.notes.update(notes, alerts=maybe_alerts(page.entries))
            self.spool.record(caller.identity, page.notes["restricted"])
            for entry in page.notes["alerts"]:
                self.deliveries.note(caller.identity, entry.data, "page")
        response = self._paged(request, question, page, "objects", [entry.data for entry in page.entries])
        place = request.scope.get(PLACE)
        if place is not None and not page.notes["restricted"] and not page.notes["alerts"]:
            ends = self.node.tokens.expires(token_of(request))
            until = self.node.store.next_end(datetime.fromtimestamp(place.began, UTC))
            self.ready.keep(place, response, page, min(ends, until or ends).timestamp())
        return response

    def events(self, request: Request, caller: Caller) -> Response:
        """What is new, as server-sent events, until the caller goes."""
        if self.hub is None:
            raise TaxiiError(503, "events begin when the server has started")
        return EventStream(self.hub, request, caller)

    def versions(self, request: Request, caller: Caller) -> Response:
        """The versions of an object."""
        question, page = self.ask(request, caller, one=True, default="all")
        rows = [json.dumps(entry.version).encode() for entry in page.entries]
        return self._paged(request, question, page, "versions", rows)

    async def add_objects(self, request: Request, caller: Caller) -> Response:
        """Take in an envelope."""
        collection = await run_in_threadpool(self._known, request, caller)
        if collection.id not in caller.writes:
            raise TaxiiError(403, "you may not write to this collection")
        if not is_taxii(request.headers.get("content-type")):
            raise TaxiiError(415, "send application/taxii+json;version=2.1")
        body = await body_of(request)
        caller = await run_in_threadpool(known_caller, self.node.tokens, request)  # a body may take its time
        if collection.id not in caller.writes:
            raise TaxiiError(403, "you may not write to this collection")
        envelope = parse_json(body)
        objects = envelope.get("objects") if isinstance(envelope, dict) else None
        if not isinstance(objects, list) or not objects:
            raise TaxiiError(422, "an envelope needs objects")
        key = sha256(collection.id.encode() + body).hexdigest()
        receipt = await run_in_threadpool(self.node.store.post, caller, collection.id, objects, key=key)
        if self.hub is not None:
            self.hub.poke()
        return answer(request, _status(receipt), status=202)

    def delete_object(self, request: Request, caller: Caller) -> Response:
        """Withdraw an object of the caller's own."""
        collection = self._known(request, caller)
        ref = request.path_params["object"]
        question = self._question(request, caller, ref, "all")
        if collection.id not in caller.writes:
            self.ask(request, caller, one=True)  # 404 for what he may not know
            raise TaxiiError(403, "you may not write to this collection")
        withdraw = self.node.store.withdraw
        try:
            count = withdraw(caller, collection.id, ref, versions=question.filters.versions)
        except PermissionError as error:
            raise TaxiiError(403, str(error)) from None
        if count == 0:
            raise TaxiiError(404, "no such resource")
        return answer(request, {})

    def markings(self, request: Request, caller: Caller) -> Response:
        """Which markings the caller may see."""
        upto = LEVELS.index(caller.clearance) + 1 if caller.clearance else 0
        body = {
            "levels": list(LEVELS[:upto]),
            "communities": sorted(caller.communities),
            "caveats": sorted(caller.caveats),
        }
        return answer(request, body)

    def checkpoint(self, request: Request, _: Caller) -> Response:
        """The log's head, signed."""
        note = self.log.checkpoint()
        return answer(request, {"checkpoint": note.text(), "key": self.node.store.meta("key")})

    def lines(self, request: Request, _: Caller) -> Response:
        """Lines of the log: commitments without content, for every partner to copy."""
        text = request.query_params.get("after", "0")
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise InputError("after: not a whole number")
        lines = self.node.store.log_lines(int(text), MAX_LIMIT)
        return answer(request, {"lines": [line.decode() for line in lines]})

    def openapi(self, request: Request, _: Caller) -> Response:
        """What the server answers, as OpenAPI."""
        return answer(request, openapi(request.app.routes, title=self.node.name))

    def _known(self, request: Request, caller: Caller) -> Collection:
        """The collection of an address; one that the caller has no grant for does not exist for him."""
        word = request.path_params["collection"]
        for one in self.node.store.collections():
            if word in (one.id, one.alias) and one.id in caller.reads | caller.writes:
                return one
        raise TaxiiError(404, "no such resource")

    def _question(self, request: Request, caller: Caller, one: str | None, default: str) -> Question:
        query = dict(request.query_params)
        return read_question(
            query,
            caller=caller.identity,
            place=request.scope["path"],
            secret=self._secret,
            one=one,
            default=default,
        )

    def ask(
        self, request: Request, caller: Caller, *, one: bool = False, default: str = "last"
    ) -> tuple[Question, Page]:
        """A page of what the caller asks for and may see; 404 where one object is asked for and none is seen."""
        collection = self._known(request, caller)
        if collection.id not in caller.reads:
            raise TaxiiError(403, "you may not read this collection")
        ref = request.path_params["object"] if one else None
        question = self._question(request, caller, ref, default)

        def look() -> Page:
            page = self.node.store.page(
                caller,
                collection.id,
                question.filters,
                after=question.after,
                limit=question.limit,
                budget=self._page_bytes,
                kept=True,
            )
            if ref is not None and not page.entries:
                whole = Filters(ids=frozenset({ref}), versions=_ANY.versions)
                if not self.node.store.page(caller, collection.id, whole, limit=1).entries:
                    raise TaxiiError(404, "no such resource")
            return page

        return question, look()

    def _paged(
        self, request: Request, question: Question, page: Page, name: str, rows: list[bytes]
    ) -> Response:
        if not rows:
            return answer(request, {})
        parts = [f'"{name}":['.encode() + b",".join(rows) + b"]"]
        if page.more:
            cursor = make_next(self._secret, page.entries[-1].seq, *question.bound)
            parts.insert(0, f'"more":true,"next":"{cursor}"'.encode())
        headers = {
            "X-TAXII-Date-Added-First": page.entries[0].added,
            "X-TAXII-Date-Added-Last": page.entries[-1].added,
        }
        return answer(request, b"{" + b",".join(parts) + b"}", headers=headers)


def _collection(one: Collection, caller: Caller) -> dict[str, Any]:
    body = {
        "id": one.id,
        "title": one.title,
        "alias": one.alias,
        "can_read": one.id in caller.reads,
        "can_write": one.id in caller.writes,
        "media_types": [STIX_TYPE],
    }
    return {key: value for key, value in body.items() if value is not None}


def _status(receipt: Receipt) -> dict[str, Any]:
    stored = [{"id": o.id, "version": _time(o.version)} for o in receipt.outcomes if o.failure is None]
    failed = [
        {"id": o.id, "version": _time(o.version), "message": o.failure}
        for o in receipt.outcomes
        if o.failure is not None
    ]
    body: dict[str, Any] = {
        "id": receipt.id,
        "status": "complete",
        "request_timestamp": receipt.at,
        "total_count": len(receipt.outcomes),
        "success_count": len(stored),
        "failure_count": len(failed),
        "pending_count": 0,
    }
    return body | ({"successes": stored} if stored else {}) | ({"failures": failed} if failed else {})


def _time(version: str) -> str:
    try:
        moment(version)
    except ValueError:
        return "1970-01-01T00:00:00.000000Z"
    return version


# What is answered from one snapshot, that of the token included.
_READERS = (Server.objects, Server.one_object, Server.manifest, Server.versions)
