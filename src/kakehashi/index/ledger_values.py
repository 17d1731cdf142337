"""Values that one's own ledger gives: agreement between methods, evidence for commitments."""

from collections import Counter
from pathlib import Path

from kakehashi.commitments.catalog import load_catalog
from kakehashi.commitments.coverage import STATES, evidence_coverage
from kakehashi.commitments.evidence import read_evidence
from kakehashi.compare import agreement
from kakehashi.errors import InputError, NotEstimableError, UsageError
from kakehashi.index.records import MeasureValue
from kakehashi.ledger import Ledger, score_table
from kakehashi.model import Interval


def ledger_values(path: Path, as_of: str) -> list[MeasureValue]:
    """Values from a ledger; none where there is no ledger.

    The ledger speaks as of its own state: records made after ``as_of`` make both measures empty, not wrong.
    """
    if not path.is_dir():
        return []
    with Ledger.open(path) as ledger:
        records = ledger.records()
        if not records:
            return []
        created = max(record.text("created")[:10] for record in records)
        if created > as_of:
            return []
        return [*_methods(ledger, created), *_evidence(ledger, created)]


def _methods(ledger: Ledger, day: str) -> list[MeasureValue]:
    try:
        table = score_table(ledger, from_items=False)
        found = agreement(table, n_resamples=500, n_permutations=99, rng=0)
    except (NotEstimableError, InputError):
        return []
    if found.overall is None or found.overall.mean_tau is None:
        return []
    tau = found.overall.mean_tau
    return [
        MeasureValue(
            "method-disagreement",
            100 * tau.value,
            day,
            day,
            "own ledger",
            "own",
            interval=Interval(100 * tau.low, 100 * tau.high, tau.confidence_level, tau.method),
            n=found.overall.n_pairs,
            facets={"of": "pairs of methods"},
        )
    ]


def _evidence(ledger: Ledger, day: str) -> list[MeasureValue]:
    book = read_evidence(ledger, clearance="clear")
    catalog = load_catalog()
    values = []
    for name in catalog.instruments:
        provisions = {one.id for one in catalog.instruments[name].provisions}
        if not any(provisions & set(entry.provisions) for entry in book.entries):
            continue
        try:
            coverage = evidence_coverage(catalog, book, name)
        except UsageError:
            continue
        counts = Counter(cell.state for cell in coverage.cells)
        values += [
            MeasureValue(
                "commitment-evidence",
                counts[state],
                day,
                day,
                f"own ledger, records: {book.size}",
                "own",
                n=len(coverage.cells),
                facets={"instrument": name, "state": state},
            )
            for state in STATES
        ]
    return values
