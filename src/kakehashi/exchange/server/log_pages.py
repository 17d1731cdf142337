"""The log over HTTP: proofs for everybody who may copy it, cosignatures in and out, and lines about reads."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from kakehashi.errors import InputError, LockedError, StorageError, UsageError, VerificationError
from kakehashi.exchange.cosigning import keep_cosigned, newest_cosigned
from kakehashi.exchange.node_log import openings
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.reads import reads_of
from kakehashi.exchange.server.talk import TaxiiError, answer, body_of, failure, known_caller
from kakehashi.proof import parse_json

if TYPE_CHECKING:
    from kakehashi.exchange.server.app import Server

AUDITOR = "auditor"
_BATCHES, _MOST_NOTE = 1000, 1 << 16


def consistency(server: "Server", request: Request, _: Caller) -> Response:
    """Proof that the log's first ``old`` lines are the beginning of its first ``size``."""
    tree = server.log.tree()
    old, size = _number(request, "old"), _number(request, "size", len(tree))
    return answer(request, {"old": old, "size": size, "proof": _proof(lambda: tree.consistency(old, size))})


def inclusion(server: "Server", request: Request, _: Caller) -> Response:
    """Proof that a line stands among the log's first ``size``."""
    tree = server.log.tree()
    line, size = _number(request, "line"), _number(request, "size", len(tree))
    return answer(
        request, {"line": line, "size": size, "proof": _proof(lambda: tree.inclusion(line - 1, size))}
    )


def object_proof(server: "Server", request: Request, caller: Caller) -> Response:
    """What opens the lines about an object that the caller may see, with proofs and the checkpoint they end in."""
    _, page = server.ask(request, caller, one=True, default="all")
    head = server.log.checkpoint()
    tree = server.log.tree()
    found = openings(server.node.store, [entry.seq for entry in page.entries if entry.seq <= head.head.size])
    rows = [
        {
            "version": entry.version,
            "seq": entry.seq,
            "event": found[entry.seq][0].event,
            "beside": found[entry.seq][0].beside.hex(),
            "salt": found[entry.seq][0].salt.hex(),
            "proof": _text(tree.inclusion(entry.seq - 1, head.head.size)),
        }
        for entry in page.entries
        if entry.seq in found and found[entry.seq][1] == entry.data
    ]
    return answer(request, {"checkpoint": head.text(), "lines": rows})


def reads(server: "Server", request: Request, caller: Caller) -> Response:
    """Who read which record of AMBER and above, and when; for auditors, to others there is no such page."""
    if AUDITOR not in caller.roles:
        raise TaxiiError(404, "no such resource")
    server.spool.flush()
    batches = reads_of(server.node.store, after=_number(request, "after", 0), most=_BATCHES)
    rows = [
        {"line": seq, "member": one.identity, "id": one.ref, "version": one.version, "at": one.at}
        for seq, batch in batches
        for one in batch
    ]
    return answer(request, {"reads": rows} if rows else {})


PAGES = {
    "x-kakehashi/log/consistency/": consistency,
    "x-kakehashi/log/inclusion/": inclusion,
    "x-kakehashi/log/reads/": reads,
    "collections/{collection}/objects/{object}/x-kakehashi-proof/": object_proof,
}


def cosigned(server: "Server") -> Callable[[Request], Awaitable[Response]]:
    """The newest checkpoint that partners cosigned; a partner posts one with its cosignature."""

    def newest(request: Request) -> Response:
        known_caller(server.node.tokens, request)
        note = newest_cosigned(server.node)
        return answer(request, {} if note is None else {"checkpoint": note.text()})

    async def page(request: Request) -> Response:
        try:
            if request.method != "POST":
                return await run_in_threadpool(newest, request)
            await run_in_threadpool(known_caller, server.node.tokens, request)
            body = parse_json(await body_of(request, most=_MOST_NOTE))
            note = body.get("checkpoint") if isinstance(body, dict) else None
            if not isinstance(note, str):
                raise TaxiiError(422, "a checkpoint is needed")
            size = await run_in_threadpool(keep_cosigned, server.node, note)
            return answer(request, {"size": size})
        except TaxiiError as error:
            return failure(error.status, error.title)
        except (InputError, VerificationError) as error:
            return failure(400, error.message)
        except LockedError:
            return failure(503, "the node is busy; try again", retry_after=1)
        except StorageError:
            return failure(503, "the node cannot write at present", retry_after=60)

    return page


def _number(request: Request, name: str, default: int | None = None) -> int:
    text = request.query_params.get(name, "" if default is None else str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InputError(f"{name}: not a whole number")
    return int(text)


def _proof(make: Callable[[], Sequence[bytes]]) -> list[str]:
    try:
        return _text(make())
    except UsageError as error:
        raise InputError(error.message) from None


def _text(proof: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in proof]
