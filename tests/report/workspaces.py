"""Workspaces for periodic reports: runs sealed on given days, and a node with findings of three institutes."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kakehashi.exchange import Caller, Node, measurement, sharing_marking
from kakehashi.exchange.records import make
from kakehashi.ledger import Entry, Ledger, encode
from kakehashi.work.view import RunView

B, C = (f"identity--00000000-0000-4000-8000-00000000000{n}" for n in (2, 3))


def entries(view: RunView, run: str, created: str) -> list[Entry]:
    """The records of a run as it would be sealed on a day, items included."""
    head = {
        "kind": "run",
        "run": run,
        "created": created,
        "software": "kakehashi/test",
        "subjects": [{**asdict(one), "parameters": dict(one.parameters)} for one in view.subjects],
        "methods": [
            {"id": card.id, "version": card.version, "card": encode(card)} for card in view.cards.values()
        ],
        "settings": {"languages": list(view.manifest["languages"])},
        "counts": {"planned": 1},
        "partial": False,
        "details": {"notes": []},
    }
    found = [Entry(head)]
    for subject in view.subjects:
        for card in view.cards.values():
            mine = (view.items["subject"] == subject.name) & (view.items["method"] == card.id)
            columns = {
                name: list(view.items[name][mine])
                for name in (
                    "sample",
                    "cluster",
                    "category",
                    "kind",
                    "language",
                    "label",
                    "technique",
                    "guard",
                    "status",
                    "measure",
                )
            }
            columns["value"] = [None if x != x else float(x) for x in view.items["credit"][mine]]
            numbers = [
                replace(m, provenance=replace(m.provenance, created=created, run=run))
                for m in view.measurements
                if m.subject == subject.name and m.provenance.method == card.id
            ]
            body: dict[str, Any] = {
                "kind": "result",
                "run": run,
                "subject": subject.name,
                "method": card.id,
                "method_version": card.version,
                "measurements": [encode(m) for m in numbers],
            }
            found.append(Entry(body, columns))
    return found


def add_runs(workspace: Path, runs: Sequence[tuple[RunView, str, str]]) -> None:
    """Seal runs into the workspace's ledger, each with its name and day."""
    path = workspace / "ledger"
    with Ledger.open(path, write=True) if path.exists() else Ledger.init(path) as ledger:
        for view, run, created in runs:
            ledger.append_all(entries(view, run, created))


def node_with_findings(workspace: Path) -> tuple[Node, dict[str, str]]:
    """A node: a GREEN finding measured by A and B, apart; one by A alone; an AMBER one for B; a RED one for C."""
    node = Node.init(workspace / "exchange", "Institute A")
    target = node.collection("findings").id
    rights = {"reads": frozenset({target}), "writes": frozenset({target})}
    for identity, name in ((B, "Institute B"), (C, "Institute C")):
        node.store.put_member(Caller(identity, "red", **rights), name)  # type: ignore[arg-type]
    a, b = node.me(), node.member("Institute B")
    for_b = sharing_marking(recipients=[B], creator=node.owner)
    for_c = sharing_marking(recipients=[C], creator=node.owner)
    shared, alone = (
        make("vulnerability", level="green", creator=node.owner, name=name)
        for name in ("weakness 1", "weakness 2")
    )
    amber = make(
        "vulnerability", level="amber", markings=[for_b["id"]], creator=node.owner, name="weakness for B"
    )
    red = make(
        "vulnerability", level="red", markings=[for_c["id"]], creator=node.owner, name="weakness for C"
    )
    first = [for_b, for_c, shared, alone, amber, red]
    more = {"counted": "complied", "subject": {"name": "system-x"}, "method": "m", "level": "green"}
    first += [
        measurement(ref, 18, 20, creator=node.owner, **more)  # type: ignore[arg-type]
        for ref in (shared["id"], alone["id"])
    ]
    assert not [o.failure for o in node.store.post(a, target, first).outcomes if o.failure]
    second = measurement(shared["id"], 2, 20, creator=B, **more)  # type: ignore[arg-type]
    assert not [o.failure for o in node.store.post(b, target, [second]).outcomes if o.failure]
    return node, {"shared": shared["id"], "alone": alone["id"], "amber": amber["id"], "red": red["id"]}
