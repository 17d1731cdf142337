"""Workspaces with evidence, for the tests."""

from datetime import date
from pathlib import Path
from typing import Any

from kakehashi.commitments import load_catalog
from kakehashi.exchange import Node
from kakehashi.ledger import encode
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance
from kakehashi.work.evidence import Source, add_evidence
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

DAY = date(2026, 11, 25)
SHIPPED = load_catalog()
SAFE = Measure("kakehashi/core:safe-handling-rate", "safety", Polarity.HIGHER)


def add(place: Workspace, **changes: Any) -> str:
    """Attach a piece of evidence."""
    made = {
        "organization": "anthropic",
        "provisions": ["frontier-commitments-2"],
        "finding": "found",
        "date": "2026-11-20",
        "author": "N. N.",
        "source": Source(url="https://example.org/a"),
        "today": DAY,
    }
    return add_evidence(SHIPPED, place, **(made | changes))


def add_run(place: Workspace, run: str, value: float) -> str:
    """A sealed run with one headline number: 3 of 4, written by hand."""
    provenance = Provenance("kakehashi/0.1.0", "kakehashi/core", "1.0", "2026-07-01T12:00:00Z", run=run)
    number = Measurement(
        "bare", SAFE, value, provenance, n=4, k=4 * value, facets={"language": "en"},
        interval=Interval(0.3, 0.95, 0.95, "wilson"),
    )  # fmt: skip
    with open_ledger(place.ledger, write=True) as ledger:
        head = ledger.append(
            {
                "kind": "run", "run": run, "created": "2026-07-01T12:00:00Z", "software": "kakehashi/0.1.0",
                "subjects": [{"name": "bare", "endpoint": "mock", "model": "m"}],
                "methods": [{"id": "kakehashi/core", "version": "1.0"}], "settings": {}, "counts": {}, "partial": False,
            }
        )  # fmt: skip
        ledger.append(
            {
                "kind": "result", "run": run, "subject": "bare", "method": "kakehashi/core", "method_version": "1.0",
                "measurements": [encode(number)],
            }
        )  # fmt: skip
    return head


def with_node(place: Workspace) -> Node:
    """A node in the workspace."""
    return Node.init(place.exchange, "Institute A")


def written(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def keep_nodes(monkeypatch: Any) -> list[Node]:
    """Nodes that are opened from now on; held here, so that none of them is closed by being forgotten."""
    kept: list[Node] = []
    real = Node.open

    def open_and_keep(path: Path) -> Node:
        kept.append(real(path))
        return kept[-1]

    monkeypatch.setattr(Node, "open", open_and_keep)
    return kept


def is_open_somewhere(place: Workspace) -> bool:
    """Whether a connection to the node's database is open: SQLite removes its log with the last one."""
    return any(place.exchange.glob("*-wal"))
