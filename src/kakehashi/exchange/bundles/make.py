"""Making a bundle: what a partner may see behind a line of the log, with proof that it stands in the log.

The policy decides: what goes in is exactly what the partner's own walk over the node would show it.
"""

import base64
import json
from collections.abc import Collection as Names
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange.bundles.file import seal
from kakehashi.exchange.bundles.ranges import as_ranges, from_ranges
from kakehashi.exchange.markings import marking_refs
from kakehashi.exchange.node import Node
from kakehashi.exchange.node_log import NodeLog, openings, origin_of
from kakehashi.exchange.partners import Partner, partner_of
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.reads import note_reads
from kakehashi.exchange.records import extension_of, timestamp
from kakehashi.exchange.store import Entry, Filters
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.proof import Checkpoint, MerkleTree

PAYLOAD = "kakehashi.bundle-payload/1"
KINDS = ("alerts", "recalls", "views", "full")
_EVERYTHING = Filters(versions=frozenset({"all"}))
_PAGE, _PROOFS = 500, 64

Seen = tuple[Entry, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle that was made.

    Attributes:
        data: The file.
        first: Line of the log behind which it begins.
        last: Line up to which it goes.
        entries: How many records are in it.
        left: How many that the partner may see were left out, by choice of kinds, ids or size.
        sha256: Hash of the file.
    """

    data: bytes
    first: int
    last: int
    entries: int
    left: int
    sha256: str


def kind_of(obj: Mapping[str, Any]) -> str:
    """How urgent a record is: one of :data:`KINDS`, most urgent first."""
    if extension_of(obj, "alert"):
        return "alerts"
    if extension_of(obj, "tombstone"):
        return "recalls"
    return "views" if extension_of(obj, "view") else "full"


def make_bundle(
    node: Node,
    to: str,
    *,
    since: int | None = None,
    only: Names[str] = (),
    limit: int | None = None,
    ids: Names[str] = (),
    now: datetime | None = None,
) -> Made:
    """One file with what a partner may see, behind a line of the log.

    Args:
        node: The node.
        to: The partner; its card is pinned, and it is a member, whose rights decide.
        since: Behind which line; where the partner's last answer stands unless said.
        only: Only these of :data:`KINDS`.
        limit: How many bytes the file may have; the most urgent come first.
        ids: Only these records.
        now: The time.

    Raises:
        UnknownNameError: No such partner, or it is no member.
        InputError: Not even one record fits, or the line is behind the end of the log.
    """
    partner = partner_of(node, to)
    caller = node.store.member(partner.identity)
    if caller is None:
        raise UnknownNameError(
            "member",
            partner.name,
            hint=f"Say what it may see: kakehashi exchange member {partner.name!r} --identity {partner.identity} …",
        )
    at = now or datetime.now(UTC)
    node.store.tick(now)  # what the end of an embargo opened is entered again, so stands behind the cursor
    tree = NodeLog(node).tree()
    last = len(tree)
    first, skipped = _acked(node, partner)
    if since is not None:
        first, skipped = since, set()
    if not 0 <= first <= last:
        raise InputError(f"the log has {last} lines, so nothing is behind line {first}")
    seen = [pair for pair in _walk(node, caller, first, now) if pair[0].seq <= last]
    seen = [pair for pair in seen if pair[0].seq not in skipped]
    wanted = sorted(_asked(seen, only, ids), key=lambda pair: (KINDS.index(kind_of(pair[1])), pair[0].seq))
    count = len(wanted)
    head = Checkpoint(origin_of(node.owner), tree.head(last)).signed_by(node.key())
    while True:
        whole = count == len(seen)
        chosen = seen if whole else _with_markings(seen, wanted[:count])
        payload = {
            "format": PAYLOAD,
            "first": first,
            "last": last,
            "left": len(seen) - len(chosen),
            "skipped": as_ranges(skipped),
            "checkpoint": head.text(),
            **_proven(node, partner, tree, first, last, [entry for entry, _ in chosen]),
        }
        data = seal(
            payload,
            maker=node.owner,
            recipient=partner.identity,
            made=timestamp(at),
            key=node.key(),
            to=(partner.recipient,),
        )
        if limit is None or len(data) <= limit:
            break
        if count <= 1:
            raise InputError(
                f"not even the most urgent record fits into {limit} bytes: the file has {len(data)}",
                hint="Give a greater --limit.",
            )
        count = min(count - 1, max(1, int(count * limit / len(data))))
    digest = sha256(data).hexdigest()
    with node.store.rows(TRUST_TABLES, write=True) as con:
        con.execute(
            "INSERT INTO bundles_made VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (digest, partner.identity, timestamp(at), first, last),
        )
    note_reads(node.store, partner.identity, [entry for entry, _ in chosen], at=at)
    return Made(data, first, last, len(payload["entries"]), payload["left"], digest)


def _acked(node: Node, partner: Partner) -> tuple[int, set[int]]:
    """Up to which line the partner says that it has everything, and which lines behind it."""
    with node.store.rows(TRUST_TABLES) as con:
        row = con.execute(
            "SELECT stands, also FROM bundle_acks WHERE partner = ?", (partner.identity,)
        ).fetchone()
    return (0, set()) if row is None else (int(row[0]), from_ranges(json.loads(row[1])))


def _walk(node: Node, caller: Caller, after: int, now: datetime | None) -> list[Seen]:
    """All that a member may see behind a line, over all its collections, in the order of the log."""
    found: list[Seen] = []
    for one in node.store.collections():
        if one.id in caller.reads:
            found += [(entry, json.loads(entry.data)) for entry in _pages(node, caller, one.id, after, now)]
    return sorted(found, key=lambda pair: pair[0].seq)


def _pages(node: Node, caller: Caller, collection: str, after: int, now: datetime | None) -> Iterator[Entry]:
    while True:
        page = node.store.page(caller, collection, _EVERYTHING, after=after, limit=_PAGE, now=now)
        yield from page.entries
        if not page.more:
            return
        after = page.entries[-1].seq


def _asked(seen: Sequence[Seen], only: Names[str], ids: Names[str]) -> list[Seen]:
    found = [pair for pair in seen if not only or kind_of(pair[1]) in only]
    if not ids:
        return found
    chosen = [pair for pair in found if pair[0].id in ids]
    if missing := sorted(set(ids) - {entry.id for entry, _ in chosen}):
        raise InputError(
            f"the partner may not see {missing[0]}, or it is not here",
            hint="See: kakehashi exchange list --as PARTNER",
        )
    return chosen


def _with_markings(seen: Sequence[Seen], chosen: Sequence[Seen]) -> list[Seen]:
    """What was chosen and the markings that it bears, without which it cannot be decided on; in the log's order."""
    by_id = {entry.id: (entry, obj) for entry, obj in seen if obj["type"] == "marking-definition"}
    taken = {entry.seq: (entry, obj) for entry, obj in chosen}
    waiting = [obj for _, obj in chosen]
    while waiting:
        for ref in marking_refs(waiting.pop()):
            pair = by_id.get(ref)
            if pair is not None and pair[0].seq not in taken:
                taken[pair[0].seq] = pair
                waiting.append(pair[1])
    return [taken[seq] for seq in sorted(taken)]


def _proven(
    node: Node, partner: Partner, tree: MerkleTree, first: int, last: int, entries: Sequence[Entry]
) -> dict[str, Any]:
    """Each record with what opens its line and its proof, and proofs that the log goes on from older heads.

    Hashes are shared by many proofs, so they stand in one list and proofs name their places in it.
    """
    places: dict[bytes, int] = {}

    def listed(proof: Sequence[bytes]) -> list[int]:
        return [places.setdefault(one, len(places)) for one in proof]

    rows = []
    found = openings(node.store, [entry.seq for entry in entries])
    for entry in entries:
        opened = found.get(entry.seq)
        if opened is None or opened[1] != entry.data:
            continue  # entered again or withdrawn meanwhile: the next bundle brings it
        rows.append(
            {
                "seq": entry.seq,
                "event": opened[0].event,
                "beside": opened[0].beside.hex(),
                "salt": opened[0].salt.hex(),
                "data": entry.data.decode(),
                "proof": listed(tree.inclusion(entry.seq - 1, last)),
            }
        )
    with node.store.rows(TRUST_TABLES) as con:
        made = con.execute(
            "SELECT last FROM bundles_made WHERE partner = ? ORDER BY last DESC LIMIT ?",
            (partner.identity, _PROOFS),
        ).fetchall()
    sizes = sorted({first, *(int(row[0]) for row in made)} - {0, last})
    older = [{"size": size, "proof": listed(tree.consistency(size, last))} for size in sizes if size < last]
    return {
        "entries": rows,
        "consistency": older,
        "hashes": [base64.b64encode(one).decode() for one in places],
    }
