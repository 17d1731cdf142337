"""What institutes measured of one vulnerability or attack, side by side and pooled."""

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.compare.random_effects import PooledRate, random_effects_rate
from kakehashi.compare.replication import Replication, replication_of_intervals
from kakehashi.errors import UnknownNameError
from kakehashi.exchange import Node, extension_of, measured
from kakehashi.exchange.store import Filters
from kakehashi.work.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Measured:
    """One sighting with a measurement.

    Attributes:
        id: Its id.
        institute: Identity of who says that it measured.
        subject: Name of the system.
        k: How often it happened.
        n: Of how many trials.
        rate: k of n.
        low: Lower end of Wilson's interval.
        high: Upper end.
        fixed: Whether it was measured after a mending: then it is shown and not pooled.
        replicates: The sighting that it repeats, if it says so.
        verdict: What the replication came to, where both are here.
    """

    id: str
    institute: str
    subject: str
    k: int
    n: int
    rate: float
    low: float
    high: float
    fixed: bool
    replicates: str | None
    verdict: Replication | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Sightings that count the same thing.

    Attributes:
        counted: What k counts.
        rows: The sightings.
        pooled: The pooled rate; ``None`` with fewer than two sightings to pool.
        institutes: How many institutes are in the pool.
        subjects: How many systems are in it: with more than one, the spread is also that between systems.
    """

    counted: str
    rows: tuple[Measured, ...]
    pooled: PooledRate | None
    institutes: int
    subjects: int


def pooled(
    ref: str,
    *,
    subject: str | None = None,
    collection: str = "findings",
    workspace: Path | str | None = None,
    confidence_level: float = 0.95,
) -> tuple[Pool, ...]:
    """Pool what the sightings of a record measured, apart for each thing that is counted.

    Args:
        ref: Id of the vulnerability or attack pattern.
        subject: Only this system.
        collection: Collection of the node.
        workspace: Folder of the node.
        confidence_level: Nominal coverage.

    Raises:
        UnknownNameError: Nothing was measured of it here.
    """
    node = Node.open(Workspace.of(workspace).exchange)
    wanted = Filters(types=frozenset({"sighting"}))
    with closing(node.store):
        page = node.store.page(node.me(), node.collection(collection).id, wanted, limit=10**6, budget=1 << 40)
    objects = [json.loads(entry.data) for entry in page.entries]
    mine = {
        obj["id"]: (obj, body)
        for obj in objects
        if obj["sighting_of_ref"] == ref and (body := extension_of(obj, "measurement")) is not None
        if subject is None or body["subject"]["name"] == subject
    }
    if not mine:
        raise UnknownNameError("measured object", ref, hint="See: kakehashi exchange list --type sighting")
    groups: dict[str, list[Measured]] = {}
    for obj, body in mine.values():
        groups.setdefault(_what(body), []).append(_row(obj, body, mine, confidence_level))
    return tuple(_pool(counted, rows, confidence_level) for counted, rows in sorted(groups.items()))


def _what(body: Mapping[str, Any]) -> str:
    """What is counted, without the name that an institute gave its own copy of the method."""
    counted = str(body["counted"])
    return counted.rpartition(":")[2] if counted.startswith("own/") else counted


def _row(
    obj: Mapping[str, Any], body: Mapping[str, Any], others: Mapping[str, Any], level: float
) -> Measured:
    found = measured(obj, confidence_level=level)
    assert found is not None
    verdict = None
    if (first := others.get(body.get("replicates", ""))) is not None and (
        a := measured(first[0])
    ) is not None:
        verdict = replication_of_intervals(
            (a.value, a.low, a.high), (found.value, found.low, found.high), confidence_level=level
        )
    return Measured(
        obj["id"],
        str(obj.get("created_by_ref", "")),
        body["subject"]["name"],
        body["observed_count"],
        body["trial_count"],
        found.value,
        found.low,
        found.high,
        "fixed" in body.get("retest", {}),
        body.get("replicates"),
        verdict,
    )


def _pool(counted: str, rows: list[Measured], level: float) -> Pool:
    kept = [row for row in rows if not row.fixed]
    found = (
        random_effects_rate([r.k for r in kept], [r.n for r in kept], confidence_level=level)
        if len(kept) > 1
        else None
    )
    return Pool(counted, tuple(rows), found, len({r.institute for r in kept}), len({r.subject for r in kept}))
