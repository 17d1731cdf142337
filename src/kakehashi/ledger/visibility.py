"""What queries hide: records that were retracted or superseded."""

from collections.abc import Sequence
from dataclasses import dataclass

from kakehashi.ledger.records import Record


@dataclass(frozen=True, slots=True)
class Hidden:
    """Why a record is hidden.

    Attributes:
        record: Id of the hidden record.
        by: Id of the record that hides it.
        how: ``"retract"`` or ``"supersede"``.
        reason: As its author gave it.
    """

    record: str
    by: str
    how: str
    reason: str


def hidden_records(records: Sequence[Record]) -> dict[str, Hidden]:
    """Which records are hidden, and why.

    Retracting the record of a run hides the run's results; retracting a retraction brings its target back.

    Args:
        records: All records in the order of the log.
    """
    found: dict[str, Hidden] = {}
    # From the last to the first: whether a retraction still stands is then known before it is applied.
    for record in reversed(records):
        if record.kind in ("retract", "supersede") and record.id not in found:
            target = record.text("target")
            found.setdefault(target, Hidden(target, record.id, record.kind, record.text("reason")))
    runs: dict[str, Hidden | None] = {}
    for record in records:
        if record.kind == "run":
            why = found.get(record.id)
            if why is None:
                runs[record.text("run")] = None
            elif why.how == "retract":
                runs.setdefault(record.text("run"), why)
    for record in records:
        if record.kind in ("result", "calibration") and (why := runs.get(record.text("run"))) is not None:
            found.setdefault(record.id, Hidden(record.id, why.by, why.how, why.reason))
    return found
