"""From the ledger to the tables that ``kakehashi.compare`` works on."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kakehashi.errors import InputError, NotEstimableError
from kakehashi.ledger.identity import AliasTable
from kakehashi.ledger.query import fetch_cells
from kakehashi.ledger.records import Record
from kakehashi.ledger.store import Ledger
from kakehashi.ledger.uncertainty import measurements_with_uncertainty
from kakehashi.model import Measurement, Polarity

if TYPE_CHECKING:
    from kakehashi.compare.table import ItemScores, ScoreTable


def score_table(
    ledger: Ledger,
    *,
    run: str | None = None,
    measures: Collection[str] | None = None,
    methods: Collection[str] | None = None,
    subjects: Collection[str] | None = None,
    aliases: AliasTable | None = None,
    from_items: bool = True,
    rng: int = 0,
) -> "ScoreTable":
    """A table of subjects by measures, from the visible results.

    Only numbers about whole methods are taken (no facets). Their standard errors come by the cascade of
    :func:`kakehashi.compare.uncertainty.uncertainty`: stated, from n, from items, else unknown.

    Args:
        ledger: The ledger.
        run: Only of this run.
        measures: Only these measure ids.
        methods: Only measures of these methods.
        subjects: Only these subjects.
        aliases: Names that mean the same model become one row; None keeps every name as it stands.
        from_items: Whether a number that states no uncertainty gets it from its item rows, where it has some.
        rng: Seed of that bootstrap.

    Raises:
        InputError: A measure comes from two versions of its method, or a subject has two values of one
            measure.
        NotEstimableError: Nothing is left.
    """
    from kakehashi.compare.table import ScoreTable

    records = ledger.records(kind="result", run=run)
    stated = (
        measurements_with_uncertainty(ledger, records, rng=rng)
        if from_items
        else [m for r in records for m in r.measurements() if not m.facets]
    )
    found = [
        m
        for m in stated
        if (methods is None or m.provenance.method in methods)
        and (measures is None or m.measure.id in measures)
        and (subjects is None or m.subject in subjects)
    ]
    _refuse_mixed_versions(found)
    if aliases is not None:
        found = [replace(m, subject=aliases.resolve(m.subject)) for m in found]
    return ScoreTable.from_measurements(found, source=_source(ledger, run))


def item_scores(
    ledger: Ledger,
    *,
    run: str | None = None,
    methods: Collection[str] | None = None,
    subjects: Collection[str] | None = None,
    where: Mapping[str, str] | None = None,
    credit: Mapping[str, float] | None = None,
    higher_is_better: bool | None = None,
) -> "ItemScores":
    """A table of subjects by items, from the item rows of the visible results.

    Repetitions of a sample are averaged; several scores of one sample never are. An item without a number for
    a subject is a missing cell.

    Args:
        ledger: The ledger.
        run: Only of this run.
        methods: Only of these methods.
        subjects: Only these subjects.
        where: Only rows whose columns have these values, such as ``{"kind": "harmful"}``.
        credit: What a label is worth; labels not named are missing. None takes the column ``value``.
        higher_is_better: The direction; None takes that of each method's first measure with a direction.

    Raises:
        InputError: Two versions of one method are mixed, or a method's direction is not known.
        UsageError: A sample has several scores, and ``where`` does not choose one.
        NotEstimableError: No item is left.
    """
    from kakehashi.compare.table import ItemScores

    records = [
        r
        for r in ledger.records(kind="result", run=run)
        if "items" in r.body
        and (methods is None or r.text("method") in methods)
        and (subjects is None or r.text("subject") in subjects)
    ]
    versions: dict[str, str] = {}
    for record in records:
        _one_version(versions, record.text("method"), record.text("method_version"))
    cells = fetch_cells(ledger.layout, records, where or {}, credit)
    if not len(cells.rows):
        raise NotEstimableError(
            "no item row is left", diagnostic="no-items", hint="Choose other methods, subjects or columns."
        )
    values = np.full((len(cells.subjects), len(cells.samples)), np.nan)
    values[cells.rows, cells.columns] = cells.values
    order = list(dict.fromkeys(cells.methods))
    several = len(order) > 1
    directions = (
        tuple(_direction(records, method) for method in order)
        if higher_is_better is None
        else (higher_is_better,) * len(order)
    )
    names = [f"{m}:{s}" if several else s for m, s in zip(cells.methods, cells.samples, strict=True)]
    clusters = [f"{m}:{c}" if several else c for m, c in zip(cells.methods, cells.clusters, strict=True)]
    return ItemScores(
        models=cells.subjects,
        items=tuple(names),
        values=values,
        clusters=tuple(clusters),
        method=cells.methods,
        higher_is_better=directions,
        source=_source(ledger, run),
    )


def _direction(records: list[Record], method: str) -> bool:
    for record in records:
        if record.text("method") == method:
            for measurement in record.body.get("measurements", ()):
                polarity = measurement["measure"]["polarity"]
                if polarity != Polarity.NONE.value:
                    return bool(polarity == Polarity.HIGHER.value)
    raise InputError(f"the direction of the items of {method!r} is not known", hint="Give higher_is_better.")


def _refuse_mixed_versions(measurements: list[Measurement]) -> None:
    versions: dict[str, str] = {}
    for m in measurements:
        _one_version(versions, m.measure.id, m.provenance.method_version)


def _one_version(versions: dict[str, str], name: str, version: str) -> None:
    before = versions.setdefault(name, version)
    if before != version:
        raise InputError(
            f"{name!r} comes from two versions of its method, {before!r} and {version!r}",
            hint="Choose one run, or retract the results of one version.",
        )


def _source(ledger: Ledger, run: str | None) -> str:
    return f"{ledger.about.origin} {ledger.root()}" + ("" if run is None else f", run {run}")
