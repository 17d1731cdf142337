"""Documents without dates of their own, taken in again: the same document is the same version, a changed one a newer.

A row of a CSV file or an incident's form says no date of change. Whether it changed is read from the hash of its
document that stands in the record of the last time.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kakehashi.exchange.node import Node
from kakehashi.exchange.records import extension_of, timestamp
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import moment

_BATCH = 500
_UNDATED = ("oecd/", "aiid/")


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a collection has of documents that come again.

    Attributes:
        node: The node.
        collection: Id of the collection.
    """

    node: Node
    collection: str

    def of(self, objects: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """The objects with the versions that they are to be stored under."""
        found = list(objects)
        undated = [obj["id"] for _, obj in found if _hash(obj) is not None]
        known: dict[str, Any] = {}
        for start in range(0, len(undated), _BATCH):
            filters = Filters(ids=frozenset(undated[start : start + _BATCH]))
            page = self.node.store.page(
                self.node.me(), self.collection, filters, limit=_BATCH, budget=1 << 40
            )
            known |= {entry.id: json.loads(entry.data) for entry in page.entries}
        return [(name, _renewed(obj, known.get(obj["id"]))) for name, obj in found]


def _hash(obj: Any) -> str | None:
    body = extension_of(obj, "imported") if isinstance(obj, dict) and "extensions" in obj else None
    if body is None or not str(body.get("format", "")).startswith(_UNDATED):
        return None
    return body.get("document_sha256")


def _renewed(obj: Any, known: Any) -> Any:
    if known is None or _hash(obj) is None:
        return obj
    if _hash(known) == _hash(obj):
        return known
    now = max(datetime.now(UTC), moment(known["modified"]) + timedelta(microseconds=1))
    return {**obj, "created": known["created"], "modified": timestamp(now)}
