"""One finding as one file: written by a node, read by a person without one."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.exchange.bundles import make_bundle
from kakehashi.exchange.ids import TLP_IDS
from kakehashi.exchange.markings import BUILT_IN, marking_refs, read_marking
from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import extension_of
from kakehashi.exchange.signing import verify_signature
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import parse_json


def write_finding(node: Node, ref: str, *, to: str | None = None, collection: str = "findings") -> bytes:
    """A record as a file that can be sent by any means.

    Without a partner it is plain JSON (a STIX bundle of the record and its markings), for what anybody cleared for
    GREEN might see, by the policy. With one, it is a bundle encrypted to it, of whatever it may see.

    Raises:
        UnknownNameError: There is no such record.
        InputError: It is not signed, or the partner may not see it.
        UsageError: It, or what it is about, is not for everybody, and nobody was named to encrypt it to.
    """
    if to is not None:
        return make_bundle(node, to, since=0, ids=(ref,)).data
    target = node.collection(collection).id
    page = node.store.page(node.me(), target, Filters(ids=frozenset({ref})))
    if not page.entries:
        raise UnknownNameError("object", ref, hint="See: kakehashi exchange list")
    obj = json.loads(page.entries[0].data)
    if verify_signature(obj) is None:
        raise InputError(f"{ref} is not signed", hint="Add it with: kakehashi exchange add FILE --sign")
    anybody = Caller("identity--nobody", clearance="green", reads=frozenset({target}))
    if not node.store.would_see(anybody, target, node.owner, obj):
        raise UsageError(
            f"{ref}, or what it is about, is not for everybody: a plain file could be read on its way",
            hint="Name the partner that it is for: --to NAME",
        )
    refs = frozenset(marking_refs(obj) - TLP_IDS.keys())
    markings = node.store.page(node.me(), target, Filters(ids=refs), limit=1000).entries if refs else ()
    objects = [*(json.loads(entry.data) for entry in markings), obj]
    text = json.dumps(
        {"type": "bundle", "id": f"bundle--{uuid4()}", "objects": objects}, ensure_ascii=False, indent=1
    )
    return text.encode() + b"\n"


def read_objects(data: bytes, *, path: object = None) -> list[dict[str, Any]]:
    """The valid objects of a plain file: one object, a list, a STIX bundle or an envelope.

    Raises:
        InputError: There is none, or one of them is not valid.
    """
    shown = None if path is None else str(path)
    document = parse_json(data, path=shown)
    if isinstance(document, dict) and isinstance(document.get("objects"), list):
        found: Sequence[Any] = document["objects"]  # type: ignore[assignment]
    else:
        found = document if isinstance(document, list) else [document]
    for obj in found:
        if problems := problems_of(obj):
            raise InputError(f"not a finding that can be read: {'; '.join(problems)[:300]}", path=shown)
    if not found:
        raise InputError("there is nothing in this file", path=shown)
    return list(found)


def level_of(obj: Mapping[str, Any], others: Sequence[Mapping[str, Any]] = ()) -> str | None:
    """The strictest level that an object bears, as far as the markings are known; ``None`` where it bears none."""
    made = {one["id"]: read_marking(one) for one in others if one["type"] == "marking-definition"}
    marks = [BUILT_IN.get(ref) or made.get(ref) for ref in marking_refs(obj)]
    levels = [one.level for one in marks if one is not None and one.level]
    order = list(dict.fromkeys(TLP_IDS.values()))
    return max(levels, key=order.index, default=None)


def embargo_of(obj: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> datetime | None:
    """Until when an object is under embargo; ``None`` where it is not, or not any more."""
    made = {one["id"]: read_marking(one) for one in others if one["type"] == "marking-definition"}
    until = [one.embargo_until for ref in marking_refs(obj) if (one := made.get(ref)) and one.embargo_until]
    latest = max(until, default=None)
    return latest if latest is not None and latest > datetime.now(UTC) else None


def is_about(obj: Mapping[str, Any]) -> str:
    """What kind of record an object is, in the words of this program."""
    for name in ("tombstone", "alert", "acknowledgement", "request", "view", "measurement"):
        if extension_of(obj, name):
            return name
    return str(obj["type"])
