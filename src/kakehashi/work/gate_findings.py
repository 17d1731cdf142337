"""Open findings of the exchange that concern a system: what a release gate may be held on."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kakehashi.exchange import Node, extension_of
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import moment
from kakehashi.model import Subject
from kakehashi.work.workspace import Workspace

SEVERITIES = ("low", "medium", "high", "critical")
"""Least severe first; ``unknown`` is none of them and is always counted: what cannot be decided holds a release."""

_PAGE = 500


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A vulnerability that nobody has shown to be fixed.

    Attributes:
        id: Its id in the node.
        name: Its name.
        severity: ``low`` to ``critical``, or ``unknown``.
        affected: Names of the systems that it says it affects; none where it does not say.
        fixed_for: Names of the systems for which the last retest says that it is fixed.
    """

    id: str
    name: str
    severity: str
    affected: tuple[str, ...]
    fixed_for: tuple[str, ...]

    def concerns(self, subject: Subject) -> bool:
        """Whether it may concern a system: one that it names by name or model, or any where it names none."""
        names = {subject.name.casefold(), subject.model.casefold()} - {""}
        if any(name.casefold() in names for name in self.fixed_for):
            return False
        return not self.affected or any(name.casefold() in names for name in self.affected)

    def at_least(self, severity: str) -> bool:
        """Whether it is as severe as that, or of unknown severity."""
        if self.severity not in SEVERITIES:
            return True
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(severity)


def load_findings(place: Workspace) -> tuple[OpenFinding, ...] | None:
    """The vulnerabilities of the workspace's node that are neither withdrawn nor revoked; ``None`` without a node."""
    if not Node.is_here(place.exchange):
        return None
    node = Node.open(place.exchange)
    found: dict[str, Mapping[str, Any]] = {}
    retests: dict[tuple[str, str], tuple[datetime, bool]] = {}
    with closing(node.store):
        bodies = [body for each in node.store.collections() for body in _objects(node, each.id)]
    for body in bodies:
        if body.get("revoked"):
            continue
        if body["type"] == "vulnerability":
            found[str(body["id"])] = body
        elif "retest" in (said := extension_of(body, "measurement") or {}):
            times = said["retest"]
            key = str(body.get("sighting_of_ref")), str(said["subject"]["name"]).casefold()
            said_at = moment(str(times.get("retested") or body["created"]))
            # Of several retests of a system the last one holds: what came back after it was fixed is open again.
            # Of two at the same time the one that does not call it fixed does: a gate errs on the side of holding.
            retests[key] = max(retests.get(key, (said_at, False)), (said_at, not times.get("fixed")))
    fixed: dict[str, list[str]] = {}
    for (ref, system), (_, is_open) in retests.items():
        if not is_open:
            fixed.setdefault(ref, []).append(system)
    return tuple(
        made for name, body in found.items() if (made := _finding(body, fixed.get(name, ()))) is not None
    )


def _objects(node: Node, collection: str) -> list[Mapping[str, Any]]:
    wanted = Filters(types=frozenset({"vulnerability", "sighting"}))
    found: list[Mapping[str, Any]] = []
    after = 0
    while True:
        page = node.store.page(node.me(), collection, wanted, after=after, limit=_PAGE)
        found += [json.loads(entry.data) for entry in page.entries]
        if not page.more or not page.entries:
            return found
        after = page.entries[-1].seq


def _finding(body: Mapping[str, Any], fixed: Sequence[str]) -> OpenFinding | None:
    said = extension_of(body, "vulnerability") or {}
    if said.get("disclosure_state") == "withdrawn":
        return None
    affected = tuple(str(one["name"]) for one in said.get("affected", ()))
    severity = str(said.get("severity_band", "unknown"))
    return OpenFinding(str(body["id"]), str(body.get("name", body["id"])), severity, affected, tuple(fixed))
