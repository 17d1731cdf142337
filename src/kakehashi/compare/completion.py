"""What missing cells could do: the best and the worst rank under every way to fill them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kakehashi.compare.resampling import FloatArray, IntArray, average_ranks
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError


@dataclass(frozen=True, slots=True, eq=False)
class CompletionBounds:
    """Ranks by mean rank over all methods, whatever the missing cells would have shown.

    Attributes:
        models: Names, in the order of the table.
        low: No completion gives a better rank than this.
        high: No completion gives a worse rank.
        low_reached: Best rank that a completion was found for; equal to ``low`` where the bound is exact.
        high_reached: Worst rank that a completion was found for.
        exact: For each model whether both bounds are reached.
        n_missing: Missing cells of each model.
        settings: Rules that the figures rest on.
        diagnostics: What the reader must know.
    """

    models: tuple[str, ...]
    low: IntArray
    high: IntArray
    low_reached: IntArray
    high_reached: IntArray
    exact: tuple[bool, ...]
    n_missing: IntArray
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def completion_bounds(table: ScoreTable) -> CompletionBounds:
    """Best and worst rank of each model over all completions of the missing cells.

    Models are ordered by their mean rank over all methods, as in :func:`~kakehashi.compare.exposure.exposure`
    with every method chosen. A missing cell may hold any score, above, below or between those present.
    The bound counts the models that are strictly ahead of this one in the best case of each pair alone: it
    always holds, and may be too wide, since one completion must serve all pairs. Completions that are tried
    outright say how far it is reached; where both meet, the bound is exact. Nothing here assumes why a
    cell is missing.

    Raises:
        NotEstimableError: One model.

    References:
        Manski (2003). Partial Identification of Probability Distributions (worst-case bounds).

    Examples:
        >>> t = ScoreTable(("a", "b", "c"), ("x", "y"), [[3, 3], [2, np.nan], [1, 1]], (True, True))
        >>> found = completion_bounds(t)
        >>> found.low.tolist(), found.high.tolist()
        ([1, 1, 2], [2, 3, 3])
    """
    m, k = table.shape
    if m < 2:
        raise NotEstimableError(
            "one model has no rank among others", diagnostic="one-model", hint="Give two models."
        )
    values = table.oriented().values
    missing = np.isnan(values)
    best_case = _least_gaps(values)
    # the worst case for i against p is the best case with every order turned round
    worst_case = -_least_gaps(-values)
    other = ~np.eye(m, dtype=bool)
    low = 1 + ((best_case > 1e-9) & other).sum(axis=1)
    high = 1 + ((worst_case >= -1e-9) & other).sum(axis=1)
    low_reached, high_reached = _reached(values, low, high)
    return CompletionBounds(
        models=table.models,
        low=low.astype(np.int64),
        high=high.astype(np.int64),
        low_reached=low_reached,
        high_reached=high_reached,
        exact=tuple(((low == low_reached) & (high == high_reached)).tolist()),
        n_missing=missing.sum(axis=1).astype(np.int64),
        settings={
            "aggregation": "mean rank over all methods",
            "ties": "for the model in its best rank, against it in its worst",
        },
        diagnostics={"n_missing_cells": int(missing.sum()), "n_methods": k},
    )


def _least_gaps(values: FloatArray) -> FloatArray:
    """M x M: the least that (sum of ranks of i) minus (sum of ranks of p) can be over all completions."""
    m, k = values.shape
    gap = np.zeros((m, m))
    for j in range(k):
        column = values[:, j]
        gone = np.isnan(column)
        n_gone = int(gone.sum())
        rank = np.where(gone, 0.0, average_ranks(column[:, None])[:, 0])
        both = rank[:, None] - rank[None, :]
        with np.errstate(invalid="ignore"):
            # models without a score can stand between i and p, where i is ahead of p
            both = both - n_gone * (column[:, None] > column[None, :])
        own = 1.0 - (rank[None, :] + n_gone)  # i at the top, the other missing ones between
        theirs = rank[:, None] - m  # p at the bottom, the other missing ones between
        gap += np.where(
            gone[:, None] & gone[None, :],
            1.0 - m,
            np.where(gone[:, None], own, np.where(gone[None, :], theirs, both)),
        )
    np.fill_diagonal(gap, 0.0)
    return gap


def _reached(values: FloatArray, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    """Best and worst ranks under completions that are likely to reach the bounds."""
    m = len(values)
    best, worst = np.full(m, m, dtype=np.int64), np.ones(m, dtype=np.int64)
    for i in range(m):
        for filled in _completions(values, i):
            total = average_ranks(filled).sum(axis=1)
            best[i] = min(best[i], 1 + int((total < total[i] - 1e-9).sum()))
            worst[i] = max(worst[i], int((total <= total[i] + 1e-9).sum()))
            if best[i] == low[i] and worst[i] == high[i]:
                break
    return best, worst


def _completions(values: FloatArray, i: int) -> list[FloatArray]:
    """Tables without holes: this model's own at one end, the others' at the other end or next to it."""
    gone = np.isnan(values)
    ranks = average_ranks(values)
    spot = -ranks  # scores by place alone: present ones lie between -M and -1
    mean = np.nanmean(ranks, axis=1)
    out = []
    for sign in (1.0, -1.0):
        own = np.where(gone[i], sign * 3.0 * len(values), spot[i])
        for others in ("end", "near", "rivals"):
            filled = spot.copy()
            filled[i] = own
            far = np.full_like(spot, -sign * 3.0 * len(values))
            near = np.broadcast_to(own - sign * 0.25, spot.shape)
            if others == "end":
                put = far
            elif others == "near":
                put = near
            else:  # those who are out of reach anyhow stand near, where they keep rivals back
                lost = (sign * (mean - mean[i]) < 0)[:, None]
                put = np.where(lost, near, far)
            filled = np.where(gone & (np.arange(len(values)) != i)[:, None], put, filled)
            out.append(filled)
    return out
