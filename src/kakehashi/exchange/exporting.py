"""Records of a node in the formats of others, with what belongs to them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kakehashi.errors import UnknownNameError
from kakehashi.exchange.formats import STATUSES, Status, Writing, source_document, write_as
from kakehashi.exchange.node import Node
from kakehashi.exchange.records import Record, extension_of
from kakehashi.exchange.store import Filters

_HOLDERS = frozenset({"report", "grouping"})


@dataclass(frozen=True, slots=True)
class FieldStatus:
    """How often a field of a format was mapped in which way."""

    format: str
    field: str
    counts: Mapping[Status, int]


def export(
    node: Node,
    ids: Sequence[str],
    name: str,
    *,
    types: Iterable[str] = (),
    collection: str = "findings",
) -> Writing:
    """Records, with the measurements of them, as a document.

    Args:
        node: The node.
        ids: Their ids; all of ``types`` where none are given.
        name: The format.
        types: STIX types.
        collection: Where they stand.

    Raises:
        UnknownNameError: There is no such record, or no such format.
        InputError: The format has no place for them.
    """
    target = node.collection(collection).id
    chosen = _objects(node, target, Filters(ids=frozenset(ids), types=frozenset(types)))
    if ids:
        by_id = {obj["id"]: obj for obj in chosen}
        for one in ids:
            if one not in by_id:
                raise UnknownNameError("object", one, hint="See: kakehashi exchange list")
        chosen = [by_id[one] for one in dict.fromkeys(ids)]
    wanted = {obj["id"] for obj in chosen if obj["type"] in ("vulnerability", "attack-pattern")}
    if wanted:
        sightings = _objects(node, target, Filters(types=frozenset({"sighting"})))
        chosen += [obj for obj in sightings if obj["sighting_of_ref"] in wanted and obj not in chosen]
    if name == "csaf" and any(obj.get("created_by_ref", node.owner) == node.owner for obj in chosen):
        chosen.append({"type": "identity", "id": node.owner, "name": node.name})
    return write_as(name, chosen)


def source_of(node: Node, obj: Record, *, collection: str = "findings") -> bytes:
    """The document that an object was imported from: its own, or that of the report or grouping it came with.

    Raises:
        InputError: It was imported from none, or the one that carries it is not here.
    """
    body = extension_of(obj, "imported") or {}
    if "document" not in body and body.get("document_sha256"):
        target = node.collection(collection).id
        for one in _objects(node, target, Filters(types=_HOLDERS)):
            held = extension_of(one, "imported") or {}
            if held.get("document_sha256") == body["document_sha256"] and "document" in held:
                return source_document(one)
    return source_document(obj)


def field_statuses(objects: Iterable[Record]) -> list[FieldStatus]:
    """How each field of the documents that objects carry was mapped, counted over documents."""
    counted: dict[tuple[str, str], Counter[Status]] = {}
    for obj in objects:
        body = extension_of(obj, "imported") if "extensions" in obj else None
        if body is None or "document" not in body:
            continue
        for field, status in body["fields"].items():
            counted.setdefault((body["format"], field), Counter())[status] += 1
    return [
        FieldStatus(form, field, {status: counts[status] for status in STATUSES})
        for (form, field), counts in counted.items()
    ]


def _objects(node: Node, collection: str, filters: Filters) -> list[Any]:
    page = node.store.page(node.me(), collection, filters, limit=1_000_000, budget=1 << 40)
    return [json.loads(entry.data) for entry in page.entries]
