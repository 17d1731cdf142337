"""Records of this room as plain values for JSON: without the places of files, which are of one machine."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from kakehashi.commitments.convergence import Moment
from kakehashi.commitments.records import Instrument, Place
from kakehashi.commitments.table import CommitmentTable

FORMAT = "kakehashi.commitment-table/1"


def as_plain(value: Any) -> Any:
    """A record as mappings, lists and texts.

    Examples:
        >>> from kakehashi.commitments import Relationship
        >>> as_plain({"says": (Relationship("equal-to"),)})
        {'says': ['equal-to']}
    """
    if is_dataclass(value) and not isinstance(value, type):
        shown = [one.name for one in fields(value) if not one.name.startswith("_")]
        return {
            name: as_plain(getattr(value, name))
            for name in shown
            if not isinstance(getattr(value, name), Place)
        }
    if isinstance(value, Mapping):
        return {str(key): as_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(inner) for inner in value]
    return value.value if isinstance(value, Enum) else value


def instrument_plain(instrument: Instrument, *, provisions: bool = True) -> dict[str, Any]:
    """An instrument, with its provisions or their number (headings are none)."""
    found: dict[str, Any] = as_plain(instrument)
    if not provisions:
        found["provisions"] = sum(not one.heading for one in instrument.provisions)
    return found


def table_plain(table: CommitmentTable, moments: Sequence[Moment] = ()) -> dict[str, Any]:
    """A comparison with its counts, and its course over time."""
    return {
        "format": FORMAT,
        "instruments": [instrument_plain(one, provisions=False) for one in table.instruments],
        "maps": list(table.maps),
        "counts": {
            "rows": len(table.rows),
            "common": len(table.common),
            "partial": len(table.partial),
            "single": len(table.single),
        },
        "rows": [{**as_plain(row), "asked_by": list(row.asked_by)} for row in table.rows],
        "steps": as_plain(table.steps),
        "convergence": as_plain(tuple(moments)),
    }
