"""Holding the methods of one run against each other: what differs, what conflicts, what cannot be said."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare import (
    Estimate,
    ItemScores,
    RankIntervals,
    ScoreTable,
    paired_difference,
    rank_intervals,
    smallest_detectable_difference,
)
from kakehashi.errors import NotEstimableError
from kakehashi.model import Measure, Polarity
from kakehashi.work.view import RunView

#: Fewer subjects than this say nothing of how far methods agree on order.
MIN_SUBJECTS_FOR_AGREEMENT = 10


@dataclass(frozen=True, slots=True)
class Column:
    """One measure in one language: a column of the table of systems.

    Attributes:
        measure: The measure.
        language: Language of the items.
        method: Method that it belongs to.
    """

    measure: Measure
    language: str
    method: str

    @property
    def key(self) -> str:
        """Unique name, such as ``"kakehashi/core:over-refusal-rate [en]"``."""
        return f"{self.measure.id} [{self.language}]"


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Two systems on the same items.

    Attributes:
        column: Measure and language.
        first: Name of a system.
        second: Name of another.
        estimate: First minus second with interval, or ``None`` where it cannot be estimated.
        better: Name of the better system where the interval excludes zero, else ``""``.
        detectable: Smallest difference that so many items show four times out of five, or ``None``.
        reason: Why there is no estimate.
    """

    column: Column
    first: str
    second: str
    estimate: Estimate | None
    better: str
    detectable: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two measures that order two systems in opposite ways, each beyond its noise.

    Attributes:
        one: Measure by which ``first`` is the better system.
        other: Measure by which ``second`` is the better system.
        first: Name of a system.
        second: Name of another.
        same_construct: Whether both are meant to measure the same thing.
    """

    one: Column
    other: Column
    first: str
    second: str
    same_construct: bool


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What can and cannot be said of the systems of one run by all its methods together.

    Attributes:
        columns: Measures with a direction, in the order of the methods.
        table: Systems by columns, or ``None`` where there are not two systems and two columns.
        differences: Every pair of systems on every column.
        conflicts: Measures that order two systems in opposite ways.
        agreement: ``"insufficient"`` with fewer than ten systems, else ``"estimated"``.
    """

    columns: tuple[Column, ...]
    table: ScoreTable | None
    differences: tuple[PairedDifference, ...]
    conflicts: tuple[Conflict, ...]
    agreement: str


def reconcile(view: RunView, *, confidence_level: float = 0.95) -> Reconciliation:
    """Compare the systems of a run pair by pair on every measure, and the measures with one another.

    Args:
        view: The run.
        confidence_level: Nominal coverage of the intervals of differences.
    """
    columns = run_columns(view)
    names = [subject.name for subject in view.subjects]
    differences = tuple(
        _difference(view, column, first, second, confidence_level)
        for column in columns
        for first, second in combinations(names, 2)
    )
    return Reconciliation(
        columns=columns,
        table=score_table(view, columns),
        differences=differences,
        conflicts=_conflicts(differences),
        agreement="insufficient" if len(names) < MIN_SUBJECTS_FOR_AGREEMENT else "estimated",
    )


def run_columns(view: RunView) -> tuple[Column, ...]:
    """The measures that systems are compared on, in each language, in the order of the methods.

    These are the first measure of each construct on each method's card: what a method reports besides (reasons,
    before and after an attack) rests on the same items and must not count twice. A measure that nobody has a value
    of (not judged, incomplete) stands back for the next of its construct. Language editions that nobody has reviewed
    are kept out (:func:`unreviewed_editions`).
    """
    kept_out = set(unreviewed_editions(view))
    valued = {one.measure.id for one in view.headlines() if one.value is not None}
    chosen: dict[tuple[str, str], str] = {}
    for card in view.cards.values():
        some = [measure for measure in card.measures if measure.id in valued]
        for measure in some or card.measures:
            chosen.setdefault((card.id, measure.construct), measure.id)
    found: dict[tuple[str, str], Column] = {}
    for one in view.headlines():
        counts = one.measure.id in chosen.values() and one.measure.polarity is not Polarity.NONE
        if counts and (one.provenance.method, one.facets["language"]) not in kept_out:
            column = Column(one.measure, one.facets["language"], one.provenance.method)
            found.setdefault((one.measure.id, column.language), column)
    return tuple(found.values())


def unreviewed_editions(view: RunView) -> list[tuple[str, str]]:
    """Methods and languages of a run whose items nobody has reviewed: they are run and reported, and not compared."""
    run = {(one.provenance.method, one.facets["language"]) for one in view.headlines()}
    return [
        (card.id, language)
        for card in view.cards.values()
        for language, status in card.review.items()
        if status == "unreviewed" and (card.id, language) in run
    ]


def kept_out_note(method: str, language: str) -> str:
    """The note on such an edition."""
    return (
        f"{method} [{language}]: nobody has reviewed this language edition, so it is kept out of comparisons"
    )


def score_table(view: RunView, columns: tuple[Column, ...] | None = None) -> ScoreTable | None:
    """Systems by measures; columns and systems without any value are left out and named."""
    chosen = run_columns(view) if columns is None else columns
    names = [subject.name for subject in view.subjects]
    values = np.full((len(names), len(chosen)), np.nan)
    errors = np.full_like(values, np.nan)
    sizes = np.full_like(values, np.nan)
    place = {(column.measure.id, column.language): j for j, column in enumerate(chosen)}
    for one in view.headlines():
        j = place.get((one.measure.id, one.facets["language"]))
        if j is None or one.value is None:
            continue
        i = names.index(one.subject)
        values[i, j] = one.value
        errors[i, j] = np.nan if one.std_error is None else one.std_error
        sizes[i, j] = np.nan if one.n is None else one.n
    unread = [kept_out_note(method, language) for method, language in unreviewed_editions(view)]
    rows = np.flatnonzero(~np.isnan(values).all(axis=1))
    kept = np.flatnonzero(~np.isnan(values).all(axis=0))
    if len(rows) < 2 or len(kept) < 2:
        return None
    block = np.ix_(rows, kept)
    left_out = [f"{names[i]}: no value" for i in range(len(names)) if i not in rows]
    left_out += [f"{chosen[j].key}: no value" for j in range(len(chosen)) if j not in kept]
    return ScoreTable(
        models=tuple(names[i] for i in rows),
        methods=tuple(chosen[j].key for j in kept),
        values=values[block],
        higher_is_better=tuple(chosen[j].measure.polarity is Polarity.HIGHER for j in kept),
        std_error=errors[block],
        constructs=tuple(chosen[j].measure.construct for j in kept),
        n=sizes[block],
        source=f"run {view.run}",
        left_out=tuple(left_out + unread),
    )


def aligned_credits(
    view: RunView, column: Column, names: list[str]
) -> tuple[NDArray[np.float64], list[str], list[str]]:
    """Credits of systems on the items of a column.

    Returns:
        An array of systems by items with NaN where an item has no outcome, the items, and their clusters.
    """
    items = view.items
    chosen = (items["measure"] == column.measure.id) & (items["language"] == column.language)
    samples = items["sample"][chosen]
    names_of_items, position = np.unique(samples, return_inverse=True)
    clusters = np.empty(len(names_of_items), dtype=object)
    clusters[position] = items["cluster"][chosen]
    values = np.full((len(names), len(names_of_items)), np.nan)
    row_of = {name: i for i, name in enumerate(names)}
    subjects = items["subject"][chosen]
    for subject in set(subjects.tolist()) & set(row_of):
        mine = subjects == subject
        values[row_of[subject], position[mine]] = items["credit"][chosen][mine].astype(float)
    return values, [str(name) for name in names_of_items], [str(cluster) for cluster in clusters]


def run_items(view: RunView, table: ScoreTable) -> ItemScores | None:
    """The item credits behind a run's table, for what noise in items does to agreement; ``None`` without items.

    Clusters keep their names across measures: what stands or falls together is drawn together.
    """
    blocks, items, clusters, methods, directions = [], [], [], [], []
    for column in run_columns(view):
        if column.key not in table.methods:
            continue
        values, names, groups = aligned_credits(view, column, list(table.models))
        if not names:
            continue
        blocks.append(values)
        items += [f"{column.key}:{name}" for name in names]
        clusters += [f"{column.method}:{group}" for group in groups]
        methods += [column.key] * len(names)
        directions.append(column.measure.polarity is Polarity.HIGHER)
    if not blocks:
        return None
    return ItemScores(
        models=table.models,
        items=tuple(items),
        values=np.hstack(blocks),
        clusters=tuple(clusters),
        method=tuple(methods),
        higher_is_better=tuple(directions),
        source=table.source,
    )


def _difference(
    view: RunView, column: Column, first: str, second: str, confidence_level: float
) -> PairedDifference:
    if any(
        one.value is None and one.subject in (first, second)
        for one in view.headlines()
        if (one.measure.id, one.facets["language"]) == (column.measure.id, column.language)
    ):
        # Parts that are never added up, or nothing to compare: items pooled over them would be that sum.
        return PairedDifference(column, first, second, None, "", None, reason="the whole has no value")
    values, _, clusters = aligned_credits(view, column, [first, second])
    try:
        found = paired_difference(values[0], values[1], clusters, confidence_level=confidence_level, rng=0)
    except NotEstimableError as error:
        return PairedDifference(column, first, second, None, "", None, reason=error.message)
    direction = 1 if column.measure.polarity is Polarity.HIGHER else -1
    better = ""
    if found.low * direction > 0 and found.high * direction > 0:
        better = first
    elif found.low * direction < 0 and found.high * direction < 0:
        better = second
    return PairedDifference(column, first, second, found, better, _detectable(values, found))


def _detectable(values: NDArray[np.float64], found: Estimate) -> float | None:
    present = values[:, ~np.isnan(values).any(axis=0)]
    rate = float(present[1].mean())
    spread = np.asarray(present.std(axis=1))
    correlation = float(np.asarray(np.corrcoef(present))[0, 1]) if (spread > 0).all() else 0.0
    effect = found.diagnostics.get("design_effect", 1.0)
    try:
        return smallest_detectable_difference(
            found.n,
            min(max(rate, 0.5 / found.n), 1 - 0.5 / found.n),
            design="paired",
            correlation=min(max(correlation, 0.0), 0.95),
            design_effect=max(effect, 1.0) if isinstance(effect, float) else 1.0,
        ).value
    except NotEstimableError:
        return None


def _conflicts(differences: tuple[PairedDifference, ...]) -> tuple[Conflict, ...]:
    found = []
    for one, other in combinations(differences, 2):
        same_pair = (one.first, one.second) == (other.first, other.second)
        if same_pair and one.better and other.better and one.better != other.better:
            favors_first, favors_second = (one, other) if one.better == one.first else (other, one)
            found.append(
                Conflict(
                    favors_first.column,
                    favors_second.column,
                    one.first,
                    one.second,
                    one.column.measure.construct == other.column.measure.construct,
                )
            )
    return tuple(found)


def rank_columns(view: RunView, *, rng: int = 0) -> dict[str, RankIntervals | str]:
    """Rank intervals of the systems by each measure, from their items.

    Returns:
        By column key the intervals, or the reason why there are none.
    """
    names = [subject.name for subject in view.subjects]
    found: dict[str, RankIntervals | str] = {}
    for column in run_columns(view):
        values, items, clusters = aligned_credits(view, column, names)
        if not items:
            found[column.key] = "no item counts for this measure alone"
            continue
        scores = ItemScores(
            models=tuple(names),
            items=tuple(items),
            values=values,
            clusters=tuple(clusters),
            higher_is_better=column.measure.polarity is Polarity.HIGHER,
            source=f"run {view.run}",
        )
        try:
            found[column.key] = rank_intervals(scores, rng=rng)
        except NotEstimableError as error:
            found[column.key] = error.message
    return found
