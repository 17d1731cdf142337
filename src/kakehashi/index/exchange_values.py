"""Values that one's own exchange node gives: disclosure cases that are open, and for how long."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from kakehashi.compare.suppression import THRESHOLD, suppress_small_cells
from kakehashi.exchange import Filters, Node, extension_of
from kakehashi.index.records import MeasureValue, Words

FEW: Words = {
    "en": "a small count: not shown",
    "ja": "件数が少ないため示さない",
}
_CASES = Filters(types=frozenset({"grouping"}), versions=frozenset({"all"}))


def exchange_values(path: Path, as_of: str) -> list[MeasureValue]:
    """Open disclosure cases on a node and the median of their age; none where there is no node or no case.

    A case is a grouping that carries our ``disclosure``; it is opened on the day that it was created, and closed
    from the version on that says so. Retracted cases are left out. Small counts are withheld, since cases are
    seldom for everybody. Incidents carry no closing date: they are not counted.
    """
    if not Node.is_here(path):
        return []
    node = Node.open(path)
    try:
        cases = _cases(node, as_of)
    finally:
        node.store.close()
    if not cases:
        return []
    last = date.fromisoformat(as_of)
    ages = [
        (last - date.fromisoformat(str(one["created"])[:10])).days
        for one, state in cases
        if state != "closed"
    ]
    shown = suppress_small_cells([[len(ages), len(cases) - len(ages)]], threshold=THRESHOLD).shown[0]
    withheld = bool(shown[0] < 0)
    total = None if shown[-1] < 0 else int(shown[-1])

    def made(measure: str, value: float | None, n: int | None) -> MeasureValue:
        facets = {"register": "exchange"}
        reason = FEW if withheld else {}
        return MeasureValue(
            measure, value, as_of, as_of, "own exchange node", "own", n=n, facets=facets, reason=reason
        )

    found = [made("open-cases", None if withheld else len(ages), total)]
    if ages:
        found.append(
            made("median-days-open", None if withheld else median(ages), None if withheld else len(ages))
        )
    return found


def _cases(node: Node, as_of: str) -> Sequence[tuple[dict[str, Any], str]]:
    """Disclosure cases with the state that they had at the end of a day."""
    end = date.fromisoformat(as_of) + timedelta(days=1)
    moment = min(datetime(end.year, end.month, end.day, tzinfo=UTC), datetime.now(UTC))
    newest: dict[str, dict[str, Any]] = {}
    for collection in node.store.collections():
        page = node.store.page(node.me(), collection.id, _CASES, limit=10**6, budget=1 << 40, now=moment)
        for entry in page.entries:
            one = json.loads(entry.data)
            modified = str(one.get("modified", ""))
            if max(entry.added[:10], modified[:10]) > as_of:
                continue
            known = newest.get(one["id"])
            if known is None or str(known["modified"]) <= modified:
                newest[one["id"]] = one
    found = []
    for one in newest.values():
        body = extension_of(one, "disclosure")
        if body is not None and not one.get("revoked") and extension_of(one, "tombstone") is None:
            found.append((one, str(body["case_state"])))
    return found
