"""The numbers of the ledger with their uncertainty: stated, from n, from their item rows, or unknown."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kakehashi.ledger.records import Record
from kakehashi.ledger.store import Ledger
from kakehashi.model import Measurement


def measurements_with_uncertainty(
    ledger: Ledger, records: Iterable[Record], *, rng: int = 0, n_resamples: int = 2000
) -> list[Measurement]:
    """The numbers about whole methods in the records, each with interval and standard error where there is ground.

    Args:
        ledger: The ledger.
        records: Results; their item rows are read only where a number states no uncertainty of its own.
        rng: Seed of the bootstrap; each number gets the same, so that the order of records does not matter.
        n_resamples: Bootstrap samples.

    Returns:
        The numbers in order. ``interval.method`` says the ground; an unknown uncertainty is None.
    """
    from kakehashi.compare.uncertainty import uncertainty, with_uncertainty

    found = []
    for record in records:
        rows: dict[str, Any] | None = None
        for m in record.measurements():
            if m.facets:
                continue
            made = uncertainty(m, n_resamples=n_resamples, rng=rng)
            if made.step not in ("stated",) and m.value is not None and "items" in record.body:
                rows = rows if rows is not None else _rows(ledger, record)
                values, clusters = _of(rows, m)
                if len(values):
                    made = uncertainty(m, values, clusters, n_resamples=n_resamples, rng=rng)
            found.append(with_uncertainty(m, made))
    return found


def _rows(ledger: Ledger, record: Record) -> dict[str, Any]:
    return ledger.items(
        record=record.id, columns=["sample", "measure", "cluster", "kind", "facets", "judge", "value"]
    )


def _of(rows: dict[str, Any], m: Measurement) -> tuple[np.ndarray[Any, Any], list[str]]:
    """The item rows that a number is the mean of, as far as names can tell; the cascade checks the mean."""
    name = m.measure.id.rpartition(":")[2]
    own = np.array(
        [s in (name, m.measure.id) or (bool(s) and name.startswith(f"{s}/")) for s in rows["measure"]],
        dtype=bool,
    )
    if not own.any() and len({s for s in rows["measure"] if s}) <= 1:
        own = np.ones(len(rows["value"]), dtype=bool)
    # HELM: the number about the whole is that of the test split, unperturbed.
    splits = {kind for kind in rows["kind"] if kind}
    if {"test", "valid"} <= splits or {"test", "train"} <= splits:
        own &= rows["kind"] == "test"
    plain = np.array([text is None or "perturbation" not in text for text in rows["facets"]], dtype=bool)
    own &= plain
    clusters = [
        cluster or sample for cluster, sample in zip(rows["cluster"][own], rows["sample"][own], strict=True)
    ]
    return rows["value"][own], clusters
