"""Repair of results that are in the ledger already: a mended record takes the place of the one as imported."""

from typing import Any

from kakehashi.ledger.codec import decode, encode
from kakehashi.ledger.deposit import Entry
from kakehashi.ledger.items import ITEM_COLUMNS
from kakehashi.ledger.lint import lint, screen
from kakehashi.ledger.records import Record
from kakehashi.ledger.store import Ledger
from kakehashi.model import Measurement

REASON = "what lint is certain of was mended"


def as_imported(record: Record) -> list[Measurement]:
    """The numbers of a result as its source stated them, those in quarantine and those changed included."""
    details = record.body.get("details", {})
    originals = _stated(details, "originals")
    rows = list(record.measurements())
    for original in originals:
        for changed in (*screen([original]).kept, *screen([original], fix=True).kept):
            if changed in rows:
                rows[rows.index(changed)] = original
                break
    return rows + _stated(details, "quarantine")


def repair_record(ledger: Ledger, record: Record) -> str | None:
    """Mend a result and supersede it; the record as imported stays, hidden from queries.

    Args:
        ledger: The ledger, open for writing.
        record: A visible result.

    Returns:
        The id of the mended record, or None where nothing in it can be mended with certainty.
    """
    rows = as_imported(record)
    findings = lint(rows)
    mended = screen(rows, fix=True, findings=findings)
    stands = record.measurements()
    if not mended.repaired or (len(mended.kept) == len(stands) and all(m in stands for m in mended.kept)):
        return None
    known = ("lint", "originals", "quarantine")
    kept = {key: value for key, value in record.body.get("details", {}).items() if key not in known}
    body: dict[str, Any] = {
        key: value for key, value in record.body.items() if key not in ("format", "items", "texts", "source")
    }
    body["measurements"] = [encode(m) for m in mended.kept]
    body["details"] = {**kept, **mended.as_details(), "repaired_from": record.id}
    columns = ledger.items(record=record.id, columns=list(ITEM_COLUMNS)) if "items" in record.body else None
    with_texts = "texts" in record.body and ledger.tombstone(record.id) is None
    texts = list(ledger.texts(record.id)) if with_texts else None
    (made,) = ledger.append_all([Entry(body, columns, texts)], replaces={0: record.id}, reason=REASON)
    return made


def _stated(details: Any, key: str) -> list[Measurement]:
    return [decode(Measurement, one["measurement"], where=key) for one in details.get(key, ())]
