"""Exposure: the ranks that each model could truthfully be given by choosing among the methods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import comb

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare.resampling import FloatArray, Rng, as_generator, average_ranks, seed_of
from kakehashi.compare.subsets import BoolArray, all_subsets, some_subsets
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError, UsageError

EXACT_METHODS = 20


@dataclass(frozen=True, slots=True)
class ModelExposure:
    """The rank range of one model. The best rank is never to be shown without the worst.

    Attributes:
        model: Name.
        best_rank: Best rank over all subsets; ties count for the model. ``None``: it never competes.
        best_methods: A subset that gives it: of all those, one with the most methods.
        best_of: Models that compete in that subset.
        worst_rank: Worst rank over all subsets; ties count against the model.
        worst_methods: A subset that gives it, again with the most methods.
        worst_of: Models that compete in that subset.
        share_first: Share of the subsets that it competes in where no model is strictly ahead of it.
        best_rank_bound: No subset whatever gives a better rank than this (equal to ``best_rank`` when exact).
        worst_rank_bound: No subset whatever gives a worse rank than this.
    """

    model: str
    best_rank: int | None
    best_methods: tuple[str, ...]
    best_of: int
    worst_rank: int | None
    worst_methods: tuple[str, ...]
    worst_of: int
    share_first: float
    best_rank_bound: int | None
    worst_rank_bound: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What choosing among methods can do to the order of models.

    Attributes:
        models: One entry a model, in the order of the table.
        min_methods: Least number of methods in a subset.
        n_methods: Number of methods to choose from.
        n_subsets: Subsets looked at.
        exact: Whether these were all; otherwise ranges are inner bounds (the truth may be wider) and counts
            of models that can come first are "at least".
        n_first: Models that can come first.
        n_first_by_min_methods: For k = 1..K the number of models that can come first by choosing at least
            k methods.
        ranges_by_min_methods: For k = 1..K each model's best and worst rank by choosing at least k methods,
            ``(None, None)`` where it never competes: exposure against k.
        always_ahead: Pairs (ahead, behind) whose order no choice of at least ``min_methods`` methods can
            change, or ``None`` where it was not computed.
        settings: Rules that the figures rest on.
        diagnostics: What the reader must know.
    """

    models: tuple[ModelExposure, ...]
    min_methods: int
    n_methods: int
    n_subsets: int
    exact: bool
    n_first: int
    n_first_by_min_methods: Mapping[int, int]
    ranges_by_min_methods: Mapping[int, tuple[tuple[int | None, int | None], ...]]
    always_ahead: tuple[tuple[str, str], ...] | None
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    @property
    def mean_width_by_min_methods(self) -> Mapping[int, float]:
        """For k = 1..K the mean width of the rank ranges (worst minus best), over models that compete."""
        out = {}
        for size, ranges in self.ranges_by_min_methods.items():
            widths = [high - low for low, high in ranges if low is not None and high is not None]
            out[size] = float(np.mean(widths)) if widths else float("nan")
        return out

    @property
    def can_come_first(self) -> tuple[str, ...]:
        """Names of the models that some subset puts first."""
        return tuple(m.model for m in self.models if m.best_rank == 1)

    def __getitem__(self, model: str) -> ModelExposure:
        """The entry of one model."""
        for entry in self.models:
            if entry.model == model:
                return entry
        raise KeyError(model)


def exposure(
    table: ScoreTable,
    *,
    min_methods: int = 3,
    min_models: int | None = None,
    n_samples: int = 100_000,
    rng: Rng = None,
) -> Exposure:
    """Best and worst rank of every model over every subset of at least ``min_methods`` methods.

    The rules, which every figure rests on: within a subset each method ranks the models (mid-ranks), and
    models are ordered by their mean rank, so each method counts once whatever its scale. A model comes
    first where no other has a strictly smaller mean rank. A model competes only in subsets where it
    has a score by every method, and is ranked among those that compete there; subsets with fewer than
    ``min_models`` competitors are passed over. Up to 20 methods all subsets are looked at; beyond, random
    subsets and the likeliest ones for each model, and the result says that it is an inner bound.

    An exposed order is not proof of a false claim: read it beside :func:`noise_exposure`, which says what
    choosing would do if nothing but noise were behind it, and beside the constructs of the methods.

    Args:
        table: Models by methods.
        min_methods: Least number of methods that a claim rests on.
        min_models: Least number of competitors; default half of the models, at least two.
        n_samples: Random subsets with more than 20 methods.
        rng: Generator or seed for those.

    Raises:
        UsageError: ``min_methods`` below 1 or above the number of methods.
        NotEstimableError: One model, or no subset with enough competitors.

    Examples:
        >>> t = ScoreTable(("a", "b"), ("x", "y", "z"), [[1, 1, 5], [2, 2, 1]], (True,) * 3)
        >>> e = exposure(t, min_methods=1)
        >>> e["a"].best_rank, e["a"].best_methods, e["a"].worst_rank
        (1, ('x', 'z'), 2)
    """
    m, k = table.shape
    if m < 2:
        raise NotEstimableError(
            "one model has no rank among others", diagnostic="one-model", hint="Give two models."
        )
    if not 1 <= min_methods <= k:
        raise UsageError(
            f"min_methods is {min_methods}, but there are {k} methods", hint=f"Choose a number from 1 to {k}."
        )
    least = max(2, -(-m // 2)) if min_models is None else max(2, min_models)
    values = table.oriented().values
    exact = k <= EXACT_METHODS
    generator = as_generator(rng)
    search = _Search(values, least)
    blocks = all_subsets(k) if exact else some_subsets(values, min_methods, n_samples, generator)
    n_subsets = 0
    for block in blocks:
        search.look(block)
        n_subsets += int((block.sum(axis=1) >= min_methods).sum())
    best, best_mask = search.best.at_least(min_methods)
    worst, worst_mask = search.worst.at_least(min_methods)
    if not (best < _NEVER).any():
        raise NotEstimableError(
            f"no {min_methods} methods have scores of {least} models in common",
            diagnostic="no-shared-models",
            hint="Lower min_methods or min_models, or fill missing cells.",
        )
    ahead = _always_ahead(values, min_methods)
    competes = search.competed[min_methods:].sum(axis=0)
    first = search.first[min_methods:].sum(axis=0)
    entries = []
    for i, model in enumerate(table.models):
        never = bool(best[i] >= _NEVER)
        dominated = None if ahead is None else int(ahead[:, i].sum())
        dominates = None if ahead is None else int(ahead[i].sum())
        entries.append(
            ModelExposure(
                model=model,
                best_rank=None if never else int(best[i]),
                best_methods=_names(table, best_mask[i]),
                best_of=_competitors(values, best_mask[i]),
                worst_rank=None if never else int(-worst[i]),
                worst_methods=_names(table, worst_mask[i]),
                worst_of=_competitors(values, worst_mask[i]),
                share_first=float(first[i] / competes[i]) if competes[i] else float("nan"),
                best_rank_bound=(None if never else int(best[i])) if exact else 1 + (dominated or 0),
                worst_rank_bound=(None if never else int(-worst[i])) if exact else m - (dominates or 0),
            )
        )
    by_k: dict[int, int] = {}
    ranges: dict[int, tuple[tuple[int | None, int | None], ...]] = {}
    for size in range(1, k + 1):
        low, high = search.best.at_least(size)[0], -search.worst.at_least(size)[0]
        by_k[size] = int((low == 1).sum())
        ranges[size] = tuple(
            (None, None) if a >= _NEVER else (a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True)
        )
    missing = int(np.isnan(values).sum())
    diagnostics: dict[str, object] = {"n_missing_cells": missing, "n_subsets_passed_over": search.passed_over}
    if not exact:
        diagnostics["inner_bound"] = (
            f"{n_subsets} of about {sum(comb(k, s) for s in range(min_methods, k + 1)):.3g} subsets"
        )
    if table.constructs is not None and len(set(table.constructs)) > 1:
        diagnostics["constructs"] = tuple(dict.fromkeys(table.constructs))
    return Exposure(
        models=tuple(entries),
        min_methods=min_methods,
        n_methods=k,
        n_subsets=n_subsets,
        exact=exact,
        n_first=by_k[min_methods],
        n_first_by_min_methods=by_k,
        ranges_by_min_methods=ranges,
        always_ahead=None
        if ahead is None
        else tuple((table.models[i], table.models[j]) for i, j in np.argwhere(ahead)),
        settings={
            "aggregation": "mean rank",
            "first": "no other model has a strictly smaller mean rank",
            "ties": "for the model in its best rank, against it in its worst",
            "missing": "a model competes only where it has a score by every method of the subset",
            "min_models": least,
            "seed": seed_of(rng),
        },
        diagnostics=diagnostics,
    )


_NEVER = 2**30


class _Record:
    """For each subset size and model the smallest value so far and the subset that gave it."""

    def __init__(self, sizes: int, models: int, methods: int) -> None:
        self.value = np.full((sizes + 1, models), _NEVER, dtype=np.int64)
        self.mask = np.zeros((sizes + 1, models, methods), dtype=bool)

    def take(self, size: int, values: NDArray[np.int64], masks: BoolArray) -> None:
        where = values.argmin(axis=0)
        found = values[where, np.arange(values.shape[1])]
        better = found < self.value[size]
        self.value[size, better] = found[better]
        self.mask[size, better] = masks[where[better]]

    def at_least(self, size: int) -> tuple[NDArray[np.int64], BoolArray]:
        """Smallest value over all sizes from ``size`` on; of equal ones the greatest subset."""
        part = self.value[size:]
        # argmin from the largest size down, so that ties fall to the subset with the most methods
        pick = len(part) - 1 - part[::-1].argmin(axis=0) + size
        columns = np.arange(part.shape[1])
        return self.value[pick, columns], self.mask[pick, columns]


class _Search:
    """Looks at blocks of subsets and remembers the extremes."""

    def __init__(self, values: FloatArray, min_models: int) -> None:
        self.present = ~np.isnan(values)
        self.complete = bool(self.present.all())
        self.min_models = min_models
        m, k = values.shape
        self.best, self.worst = _Record(k, m, k), _Record(k, m, k)
        self.first = np.zeros((k + 1, m), dtype=np.int64)
        self.competed = np.zeros((k + 1, m), dtype=np.int64)
        self.passed_over = 0
        # mid-ranks are halves, so their sums are exact in single precision
        self.ranks = average_ranks(values).T.astype(np.float32)
        if not self.complete:
            columns = values.T
            with np.errstate(invalid="ignore"):
                ahead = (columns[:, None, :] > columns[:, :, None]) + 0.5 * (
                    columns[:, None, :] == columns[:, :, None]
                )
            self.ahead = ahead.reshape(k, m * m).astype(np.float32)

    def look(self, masks: BoolArray) -> None:
        """Take a block of subsets (B x K) into account."""
        size_of = masks.sum(axis=1)
        step = max(1, int(4e6 // (self.ranks.shape[1] ** (1 if self.complete else 2))))
        for size in np.unique(size_of):
            chosen = masks[size_of == size]
            for start in range(0, len(chosen), step):
                self._look(int(size), chosen[start : start + step])

    def _look(self, size: int, masks: BoolArray) -> None:
        weights = masks.astype(np.float32)
        if self.complete:
            totals = weights @ self.ranks
            competing = np.ones(totals.shape, dtype=bool)
        else:
            competing = (weights @ (~self.present.T).astype(np.float32)) == 0
            enough = competing.sum(axis=1) >= self.min_models
            self.passed_over += int((~enough).sum())
            masks, weights, competing = masks[enough], weights[enough], competing[enough]
            if not len(masks):
                return
            m = self.ranks.shape[1]
            pairs = (weights @ self.ahead).reshape(-1, m, m)
            totals = np.einsum("bij,bj->bi", pairs, competing.astype(np.float32))
            totals[~competing] = np.inf
        better, not_worse = _positions(totals)
        first = (better == 0) & competing
        self.first[size] += first.sum(axis=0)
        self.competed[size] += competing.sum(axis=0)
        self.best.take(size, np.where(competing, better + 1, _NEVER), masks)
        self.worst.take(size, np.where(competing, -not_worse, _NEVER), masks)


def _positions(totals: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each entry of each row how many are strictly smaller, and how many are not greater."""
    rows, m = totals.shape
    order = np.argsort(totals, axis=1)
    ordered = np.take_along_axis(totals, order, axis=1)
    new = np.ones((rows, m), dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    index = np.arange(m)
    start = np.maximum.accumulate(np.where(new, index, 0), axis=1)
    last = np.ones((rows, m), dtype=bool)
    last[:, :-1] = new[:, 1:]
    end = np.minimum.accumulate(np.where(last, index + 1, m)[:, ::-1], axis=1)[:, ::-1]
    smaller, not_greater = np.empty((rows, m), dtype=np.int64), np.empty((rows, m), dtype=np.int64)
    np.put_along_axis(smaller, order, start, axis=1)
    np.put_along_axis(not_greater, order, end, axis=1)
    return smaller, not_greater


def _always_ahead(values: FloatArray, min_methods: int) -> BoolArray | None:
    """Whether model i is ahead of j by mean rank in every subset; complete tables only.

    The subset that is worst for i against j has the ``min_methods`` methods with the least lead, and
    every further method with a negative one.
    """
    if np.isnan(values).any():
        return None
    ranks = average_ranks(values)
    m = len(ranks)
    out = np.zeros((m, m), dtype=bool)
    for i in range(m):
        lead = np.sort(ranks - ranks[i], axis=1)
        least = lead[:, :min_methods].sum(axis=1) + np.minimum(lead[:, min_methods:], 0).sum(axis=1)
        out[i] = least > 0
    return out


def _names(table: ScoreTable, mask: BoolArray) -> tuple[str, ...]:
    return tuple(name for name, chosen in zip(table.methods, mask, strict=True) if chosen)


def _competitors(values: FloatArray, mask: BoolArray) -> int:
    return int((~np.isnan(values[:, mask])).all(axis=1).sum()) if mask.any() else 0
