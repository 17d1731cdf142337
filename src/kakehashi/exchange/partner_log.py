"""A partner's log over the network: copied whole, checked, cosigned; and single records proved to stand in it."""

import asyncio
import base64
import binascii
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kakehashi.errors import BadAnswerError, InputError, VerificationError
from kakehashi.exchange.client import api_root_of, ask, open_session
from kakehashi.exchange.cosigning import cosign_heard
from kakehashi.exchange.heard import check_goes_on, heard_of, read_checkpoint, remember_heard
from kakehashi.exchange.log_line import Opening
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import Partner, partner_of
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.proof import MerkleTree, canonical_bytes, parse_json, verify_inclusion

if TYPE_CHECKING:
    import aiohttp

    from kakehashi.exchange.tls import Tls


@dataclass(frozen=True, slots=True)
class Copied:
    """A partner's log, as it was copied here.

    Attributes:
        lines: How many lines the copy has.
        new: How many came now.
        cosigned: Whether our cosignature under its head was taken there.
    """

    lines: int
    new: int
    cosigned: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What a copy of a partner's log shows without any content.

    Attributes:
        lines: How many lines the copy has.
        events: How many of each kind.
        heard: Size of the newest checkpoint that was checked, 0 where none.
        stands: Up to which line bundles brought everything that we may see.
        also: Lines behind that which bundles brought besides.
    """

    lines: int
    events: dict[str, int]
    heard: int
    stands: int
    also: tuple[tuple[int, int], ...]


def copy_log(
    node: Node, url: str, token: str, partner: str, *, cosign: bool = False, tls: "Tls | None" = None
) -> Copied:
    """Bring a partner's log up to its newest checkpoint, and check that it goes on from what was known.

    Args:
        node: The node.
        url: Address of any of its collections, or of its API root.
        token: What opens it.
        partner: Whose log.
        cosign: Whether to sign that it was seen to go on, and send that there.
        tls: Certificates to show and to trust.

    Raises:
        EndpointError: The other side cannot be reached, or refuses.
        VerificationError: The log was cut or rewritten, or its lines do not make its checkpoint.
    """
    return asyncio.run(_copy(node, api_root_of(url), token, partner_of(node, partner), cosign, tls))


async def _copy(
    node: Node, root: str, token: str, partner: Partner, cosign: bool, tls: "Tls | None"
) -> Copied:
    with node.store.rows(TRUST_TABLES) as con:
        rows = con.execute(
            "SELECT entry FROM copied WHERE identity = ? ORDER BY seq", (partner.identity,)
        ).fetchall()
    tree = MerkleTree(str(row[0]).encode() for row in rows)
    before = len(tree)
    async with open_session(token, tls) as session:
        _, said = await ask(session, "GET", f"{root}x-kakehashi/checkpoint/")
        checkpoint = read_checkpoint(partner, str(said.get("checkpoint")))
        fresh: list[str] = []
        while before + len(fresh) < checkpoint.head.size:
            lines = await _lines(session, root, before + len(fresh))
            fresh += lines[: checkpoint.head.size - before - len(fresh)]
        for line in fresh:
            tree.add(line.encode())
        if len(tree) < checkpoint.head.size or tree.head(checkpoint.head.size) != checkpoint.head:
            raise VerificationError(
                f"the lines of {partner.name}'s log do not make its checkpoint",
                hint="Keep what you have, and tell the other partners: this is how a rewritten log shows.",
            )
        check_goes_on(
            node, partner, checkpoint.head, lambda size: tree.consistency(size, checkpoint.head.size)
        )
        with node.store.rows(TRUST_TABLES, write=True) as con:
            con.executemany(
                "INSERT INTO copied VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(partner.identity, before + n, line) for n, line in enumerate(fresh, 1)],
            )
            remember_heard(con, partner, checkpoint)
        if cosign:
            note = cosign_heard(node, partner).text()
            body = canonical_bytes({"checkpoint": note})
            await ask(session, "POST", f"{root}x-kakehashi/log/cosigned/", body=body)
    return Copied(len(tree), len(fresh), cosign)


async def _lines(session: "aiohttp.ClientSession", root: str, after: int) -> list[str]:
    _, body = await ask(session, "GET", f"{root}x-kakehashi/log/", query={"after": str(after)})
    lines = body.get("lines")
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        raise BadAnswerError(f"the log ends before its checkpoint says, at line {after}", endpoint=root)
    for number, line in enumerate(lines, after + 1):
        entry = parse_json(line.encode())
        if (
            not isinstance(entry, dict)
            or set(entry) != {"commitment", "event", "seq"}
            or entry["seq"] != number
        ):
            raise BadAnswerError(f"line {number} of the log is missing or is none", endpoint=root)
    return lines


def overview(node: Node, partner: str) -> Overview:
    """What our copy of a partner's log shows: gaps are visible, content is not."""
    from kakehashi.exchange.bundles.apply import stands_of
    from kakehashi.exchange.bundles.ranges import as_ranges

    whose = partner_of(node, partner)
    with node.store.rows(TRUST_TABLES) as con:
        rows = con.execute("SELECT entry FROM copied WHERE identity = ?", (whose.identity,)).fetchall()
    events = Counter(str(json.loads(row[0])["event"]) for row in rows)
    heard, (stands, also) = heard_of(node, whose), stands_of(node, whose)
    ranges = tuple((low, high) for low, high in as_ranges(also))
    return Overview(len(rows), dict(events), 0 if heard is None else heard.head.size, stands, ranges)


def prove(
    node: Node, collection_url: str, token: str, partner: str, ref: str, *, tls: "Tls | None" = None
) -> list[tuple[str, int]]:
    """Prove that a record, as it is here, stands in a partner's log.

    Returns:
        For each version that is here and there: version and line of the log.

    Raises:
        VerificationError: The other side's proof does not fit what is here, or its log.
        InputError: No version of it is here.
    """
    return asyncio.run(_prove(node, collection_url, token, partner_of(node, partner), ref, tls))


async def _prove(
    node: Node, url: str, token: str, partner: Partner, ref: str, tls: "Tls | None"
) -> list[tuple[str, int]]:
    from kakehashi.exchange.store import Filters

    filters = Filters(ids=frozenset({ref}), versions=frozenset({"all"}))
    here = {
        entry.version: entry.data
        for one in node.store.collections()
        for entry in node.store.page(node.me(), one.id, filters, limit=1000, budget=1 << 40).entries
    }
    if not here:
        raise InputError(f"{ref} is not here", hint="Pull it first.")
    root, found = api_root_of(url), []
    async with open_session(token, tls) as session:
        path = f"{url.rstrip('/')}/objects/{ref}/x-kakehashi-proof/"
        _, body = await ask(session, "GET", path)
        checkpoint = read_checkpoint(partner, str(body.get("checkpoint")))
        for row in _rows(body, root):
            data = here.get(row["version"])
            if data is None:
                continue
            head, seq = checkpoint.head, row["opening"].seq
            if not verify_inclusion(
                row["opening"].line(data), seq - 1, head.size, row["proof"], bytes.fromhex(head.root_hex)
            ):
                raise VerificationError(
                    f"version {row['version']} of {ref} here is not what line {seq} of {partner.name}'s log is about",
                    hint="One of the two was changed; ask its maker for it again.",
                )
            found.append((row["version"], seq))
    return found


def remote_reads(
    url: str, token: str, *, after: int = 0, tls: "Tls | None" = None
) -> list[dict[str, str | int]]:
    """Who read which record of AMBER and above at a node, for its auditor: line, member, id, version and time.

    Raises:
        EndpointError: The node cannot be reached, or the token is not an auditor's.
    """
    return asyncio.run(_remote_reads(api_root_of(url), token, after, tls))


async def _remote_reads(root: str, token: str, after: int, tls: "Tls | None") -> list[dict[str, str | int]]:
    found: list[dict[str, str | int]] = []
    async with open_session(token, tls) as session:
        while True:
            _, body = await ask(session, "GET", f"{root}x-kakehashi/log/reads/", query={"after": str(after)})
            rows = body.get("reads", [])
            if not rows:
                return found
            try:
                last = max(int(row["line"]) for row in rows)
            except (KeyError, TypeError, ValueError) as error:
                raise BadAnswerError("not lines about reads", endpoint=root) from error
            if last <= after:
                raise BadAnswerError("the lines about reads do not go on", endpoint=root)
            found, after = found + rows, last


def _rows(body: dict[str, Any], root: str) -> list[dict[str, Any]]:
    try:
        return [
            {
                "version": str(row["version"]),
                "opening": Opening(
                    int(row["seq"]),
                    str(row["event"]),
                    bytes.fromhex(row["beside"]),
                    bytes.fromhex(row["salt"]),
                ),
                "proof": read_hashes(row["proof"]),
            }
            for row in body["lines"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswerError("not a proof that can be read", endpoint=root) from error


def read_hashes(proof: Sequence[str]) -> list[bytes]:
    """Hashes of a proof as they travel: base64.

    Raises:
        ValueError: They are not.
    """
    try:
        return [base64.b64decode(one, validate=True) for one in proof]
    except binascii.Error as error:
        raise ValueError("not base64") from error
