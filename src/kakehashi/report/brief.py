"""The values of a brief: do the methods of a table agree, and what could choosing among them do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Literal

import numpy as np

from kakehashi.compare import ScoreTable, agreement, mean_rank_intervals, weightings
from kakehashi.errors import NotEstimableError
from kakehashi.report.choosing import MIN_METHODS, choice_groups
from kakehashi.report.choosing_values import PublishedGroup
from kakehashi.report.plain import as_lines, as_plain, finite
from kakehashi.report.values import Titles
from kakehashi.work.reconcile import kept_out_note, unreviewed_editions
from kakehashi.work.tables import Sheet

FORMAT = "kakehashi.brief/1"


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """Disagreement between constructs against disagreement within; see :class:`kakehashi.compare.ConstructSplit`."""

    share_between: float
    share_of_pairs: float
    tau_within: float
    tau_between: float


@dataclass(frozen=True, slots=True)
class RankBounds:
    """The interval of one system's rank by mean rank over all methods."""

    model: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class WeightingFacts:
    """What weighting the methods can do.

    Attributes:
        share_first: System → share of all weightings under which it comes first.
        low: System → lower end of the share's interval.
        high: System → upper end.
        n_dominated: Pairs of systems whose order every weighting keeps.
        dominance: These pairs (ahead, behind), at most twelve.
        n_pairs: All pairs of the systems with a score by every method.
        exact: Whether the shares are exact.
    """

    share_first: Mapping[str, float]
    low: Mapping[str, float]
    high: Mapping[str, float]
    n_dominated: int
    dominance: tuple[tuple[str, str], ...]
    n_pairs: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything that a brief says, as values.

    Attributes:
        citation: Where the figures come from.
        licence: Licence of the source.
        data_date: Date of the figures, ``""`` where unknown.
        population: What the systems are, by language.
        selection: What the methods are, by language.
        models: Number of systems.
        methods: Names of the methods.
        constructs: Construct of each.
        groups: All methods, those of the largest construct, the rest.
        split: Disagreement by construct, or ``None`` where it cannot be split.
        rank_bounds: Rank intervals, in the order of the table.
        rank_basis: ``"noise"`` (other items), ``"methods"`` (other methods like these) or ``"none"``.
        rank_reason: Why there are no rank intervals.
        weightings: What weights can do, or ``None`` where too few systems have all scores.
        missing: Missing cells.
        notes: What was left out.
        unreviewed: Methods and languages of the run that were kept out because nobody has reviewed the edition.
        tree_size: Size of the ledger's log where the figures are from a run, else 0.
        root: Its root.
        settings: Seed and least number of methods.
    """

    citation: str
    licence: str
    data_date: str
    population: Titles
    selection: Titles
    models: int
    methods: tuple[str, ...]
    constructs: tuple[str, ...]
    groups: tuple[PublishedGroup, ...]
    split: SplitFacts | None
    rank_bounds: tuple[RankBounds, ...]
    rank_basis: str
    rank_reason: str
    weightings: WeightingFacts | None
    missing: int
    notes: tuple[str, ...]
    unreviewed: tuple[tuple[str, str], ...] = ()
    tree_size: int = 0
    root: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> str:
        """Strict JSON, sorted and stable."""
        ledger = {"ledger": {"size": self.tree_size, "root": self.root}} if self.root else {}
        return as_lines({"format": FORMAT, **ledger, **as_plain(self)})


def build_brief(sheet: Sheet, *, rng: int = 0) -> Brief:
    """All values of the brief of a table.

    Args:
        sheet: The table and what has to be said of it.
        rng: Seed; the same table and seed give the same values.
    """
    table = sheet.table
    constructs = table.constructs or ("own",) * len(table.methods)
    bounds, basis, reason = rank_bounds(table, rng)
    view = sheet.view
    unreviewed = tuple(unreviewed_editions(view)) if view is not None else ()
    told = {kept_out_note(*one) for one in unreviewed}
    return Brief(
        citation=sheet.citation,
        licence=sheet.licence,
        data_date=sheet.data_date,
        population=dict(sheet.population),
        selection=dict(sheet.selection),
        models=len(table.models),
        methods=table.methods,
        constructs=constructs,
        groups=tuple(choice_groups(table, data_date=sheet.data_date, rng=rng)),
        split=_split(table, rng),
        rank_bounds=bounds,
        rank_basis=basis,
        rank_reason=reason,
        weightings=_weightings(table, rng),
        missing=int(np.isnan(table.values).sum()),
        notes=tuple(note for note in sheet.notes if note not in told),
        unreviewed=unreviewed,
        tree_size=view.tree_size if view else 0,
        root=view.root if view else "",
        settings={"seed": rng, "min_methods": MIN_METHODS, "confidence_level": 0.95},
    )


def _split(table: ScoreTable, rng: int) -> SplitFacts | None:
    if table.constructs is None:
        return None
    try:
        found = agreement(table, n_permutations=0, n_resamples=200, rng=rng).split
    except NotEstimableError:
        return None
    if found is None or isnan(found.share_between):
        return None
    return SplitFacts(
        found.share_between, found.share_of_pairs, found.mean_tau_within, found.mean_tau_between
    )


def rank_bounds(table: ScoreTable, rng: int) -> tuple[tuple[RankBounds, ...], str, str]:
    """Over other items where standard errors are known, else over other methods like these."""
    reason = ""
    bases: tuple[Literal["noise"], Literal["methods"]] = ("noise", "methods")
    for over in bases:
        try:
            found = mean_rank_intervals(table, over=over, n_resamples=1000, rng=rng)
        except NotEstimableError as error:
            reason = reason or error.diagnostic
            continue
        bounds = tuple(
            RankBounds(model, int(low), int(high))
            for model, low, high in zip(found.models, found.low, found.high, strict=True)
        )
        return bounds, over, ""
    return (), "none", reason


def _weightings(table: ScoreTable, rng: int) -> WeightingFacts | None:
    try:
        found = weightings(table, rng=rng)
    except NotEstimableError:
        return None
    ahead = [(found.models[int(i)], found.models[int(j)]) for i, j in np.argwhere(found.dominates)]
    count = len(found.models)
    by_model = {
        name: {m: value for m, x in zip(found.models, column, strict=True) if (value := finite(float(x))) is not None}
        for name, column in (("share", found.share_first), ("low", found.low), ("high", found.high))
    }  # fmt: skip
    return WeightingFacts(
        by_model["share"],
        by_model["low"],
        by_model["high"],
        len(ahead),
        tuple(ahead[:12]),
        count * (count - 1) // 2,
        found.exact,
    )
