"""What comes from a partner is checked again before it is taken in: keys and policy, by pull and by bundle alike.

- A record in the name of a partner whose key is pinned must be signed with that key; unsigned ones go by what is
  declared of that partner. Records in the name of somebody unknown go by what is declared of who brought them.
- What this node should not have been given is not kept: RED that does not name it, AMBER and above without an
  audience, an audience or embargo without it, AMBER+STRICT and RED brought by another than their maker, and what
  bears no level. Of those only id and hash are kept.
- What cannot be decided (a marking that is not known here) is put in quarantine whole.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from kakehashi.errors import VerificationError
from kakehashi.exchange.ids import LEVELS
from kakehashi.exchange.markings import BUILT_IN, Marking, marking_refs, object_level_refs, read_marking
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import Partner, partners
from kakehashi.exchange.records import stored_bytes, version_of
from kakehashi.exchange.signing import verify_signature
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import canonical_bytes

_RANK = {level: rank for rank, level in enumerate(LEVELS)}


@dataclass(slots=True)
class Received:
    """What a partner brought, looked through.

    Attributes:
        sound: What may be taken in.
        held: What may not: id, the bytes to keep in quarantine, and why.
    """

    sound: list[Any] = field(default_factory=list)
    held: list[tuple[str, bytes, str]] = field(default_factory=list)


def check_received(
    node: Node, deliverer: Partner, objects: Sequence[Any], *, now: datetime | None = None
) -> Received:
    """Look through what a partner brought.

    Args:
        node: The node that received it.
        deliverer: Who brought it.
        objects: Parsed objects, in the order in which they came.
        now: The time, for embargoes.
    """
    at, done = now or node.store.time().latest, Received()
    known = dict(node.store.known_markings())
    for obj in objects:
        if isinstance(obj, Mapping) and obj.get("type") == "marking-definition" and not problems_of(obj):
            marking = read_marking(obj)
            if marking is not None:
                known.setdefault(obj["id"], marking)
    pinned = {one.identity: one for one in partners(node)}
    for obj in objects:
        if not isinstance(obj, Mapping) or problems_of(obj):
            done.sound.append(obj)  # the store says what is wrong with it
            continue
        signer = None
        try:
            signer = verify_signature(obj)
            reason = _key_refusal(node, obj, None if signer is None else signer.public, deliverer, pinned)
        except VerificationError as error:
            reason = error.message
        if reason is not None:
            done.held.append((obj["id"], stored_bytes(obj), reason))
            continue
        maker = obj.get("created_by_ref")
        if maker is None and signer is not None and signer == deliverer.key:
            maker = deliverer.identity
        try:
            reason = misplaced(obj, node.owner, deliverer.identity, maker, known, at)
        except LookupError as error:
            done.held.append((obj["id"], stored_bytes(obj), str(error.args[0])))
            continue
        if reason is not None:
            stub = {"id": obj["id"], "type": obj["type"], "sha256": sha256(stored_bytes(obj)).hexdigest()}
            done.held.append((obj["id"], canonical_bytes(stub), reason))
            continue
        done.sound.append(obj)
    return done


def _key_refusal(
    node: Node,
    obj: Mapping[str, Any],
    signed_by: bytes | None,
    deliverer: Partner,
    pinned: Mapping[str, Partner],
) -> str | None:
    """Why a record is not believed to be its maker's."""
    claimed = obj.get("created_by_ref")
    if claimed == node.owner:
        if signed_by == node.key().verifier.public or _is_here(node, obj):
            return None
        return "in your own name, neither here already nor signed with your key"
    maker = pinned.get(claimed) if isinstance(claimed, str) else None
    if maker is not None and signed_by is not None:
        return None if signed_by == maker.key.public else f"not signed with the key pinned for {maker.name}"
    if signed_by is not None and claimed is None and signed_by == deliverer.key.public:
        return None
    judge = maker or deliverer
    if judge.unsigned == "accept":
        return None
    if maker is not None:
        return f"in the name of {maker.name}, and not signed"
    return "signed with a key that is not pinned here" if signed_by is not None else "not signed"


def _is_here(node: Node, obj: Mapping[str, Any]) -> bool:
    filters = Filters(ids=frozenset({obj["id"]}), versions=frozenset({"all"}))
    wanted = canonical_bytes(obj)
    return any(
        entry.version == version_of(obj) and canonical_bytes(json.loads(entry.data)) == wanted
        for one in node.store.collections()
        for entry in node.store.page(node.me(), one.id, filters, limit=1000, budget=1 << 40).entries
    )


def misplaced(
    obj: Mapping[str, Any],
    me: str,
    deliverer: str,
    maker: str | None,
    markings: Mapping[str, Marking],
    now: datetime,
) -> str | None:
    """Why a record should not have been given to this node; ``None`` where nothing speaks against it.

    Whether this node is in a community named, and what caveats it was cleared for, its sender decides: that
    cannot be checked here.

    Args:
        obj: A valid object.
        me: Identity of this node.
        deliverer: Identity of who brought it.
        maker: Who made it, as far as is known.
        markings: What the markings known here say.
        now: The time.

    Raises:
        LookupError: It cannot be decided, since a marking is not known here.
    """
    if maker == me:
        return None
    is_marking = obj["type"] == "marking-definition"
    every = marking_refs(obj) | ({obj["id"]} if is_marking and obj["id"] not in BUILT_IN else frozenset())
    found = {ref: BUILT_IN.get(ref) or markings.get(ref) for ref in every}
    if unknown := sorted(ref for ref, one in found.items() if one is None):
        raise LookupError(f"bears a marking that is not known here: {unknown[0]}")
    known = [one for one in found.values() if one is not None]
    if not is_marking and not any((one := found[ref]) and one.level for ref in object_level_refs(obj)):
        return "bears no level: it is its maker's alone"
    strictest = max((_RANK[one.level] for one in known if one.level), default=0)
    audiences = [one for one in known if one.audience]
    if strictest >= _RANK["amber"] and not audiences and not is_marking:
        return f"{LEVELS[strictest].upper()} without an audience"
    red = strictest == _RANK["red"]
    for one in audiences:
        if me not in one.recipients and (red or not one.communities):
            return "RED, and does not name you" if red else "its audience does not name you"
    for one in known:
        if one.embargo_until is not None and now < one.embargo_until and me not in one.embargo_recipients:
            return "under an embargo that does not name you"
    if strictest >= _RANK["amber+strict"] and maker != deliverer:
        return f"{LEVELS[strictest].upper()}, brought by another than its maker"
    return None


def quarantine_received(node: Node, source: str, held: Sequence[tuple[str, bytes, str]]) -> None:
    """Keep aside what was not taken in; the same from the same source is kept once."""
    there = {(where, data) for where, _, data in node.store.quarantined()}
    fresh = [(data, [reason]) for _, data, reason in held if (source, data) not in there]
    if fresh:
        node.store.quarantine(source, fresh)
