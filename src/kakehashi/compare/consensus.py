"""What a consensus of several methods says of each model, whichever estimator made it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare.rank import chance_among_best, rank_probability, surely_ahead, tie_groups
from kakehashi.compare.resampling import FloatArray, IntArray, critical_value
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError


@dataclass(frozen=True, slots=True)
class MethodWeight:
    """What one method brings to a consensus.

    Attributes:
        method: Name.
        weight: Its share of the weight on a complete row of scores; sizes add up to 1, and one below 0
            says that a better score by this method lowers the consensus.
        loading: Correlation of the method's scores with the common factor; NaN outside the one-factor model.
        loading_low: Lower end of the loading's interval.
        loading_high: Upper end.
        tau: Tau-b of this method's own order with the consensus.
    """

    method: str
    weight: float
    loading: float
    loading_low: float
    loading_high: float
    tau: float


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """One order of models from several methods, and how sure it is.

    A consensus says what the methods have in common. Where they measure different things it is not a
    measure of safety: read ``diagnostics`` and the agreement of the methods first.

    Attributes:
        models: Names, in the order of the input.
        score: Higher is better, in the estimator's own unit; NaN where a model is not scoreable.
        std_error: Standard errors.
        low: Lower ends of the scores' own intervals.
        high: Upper ends.
        rank: Rank of the score, 1 best, mid-ranks for ties; NaN where not scoreable.
        rank_low: Best rank among the scoreable that the data allow; 0 where it is not known.
        rank_high: Worst rank; 0 where it is not known.
        ahead: M x M: whether the data put model i ahead of model j.
        rank_probability: M x M: chance that model i has rank r + 1; NaN where not known.
        groups: Scoreable models in groups, best first; within a group no order is given.
        weights: One entry a method: its weight, never hidden.
        not_scoreable: Models without a number, with the reason.
        confidence_level: Nominal coverage.
        method: The estimator, and how the intervals were made.
        settings: What the function was called with.
        diagnostics: What the reader must know before believing it.
    """

    models: tuple[str, ...]
    score: FloatArray
    std_error: FloatArray
    low: FloatArray
    high: FloatArray
    rank: FloatArray
    rank_low: IntArray
    rank_high: IntArray
    ahead: NDArray[np.bool_]
    rank_probability: FloatArray
    groups: tuple[tuple[str, ...], ...]
    weights: tuple[MethodWeight, ...]
    not_scoreable: Mapping[str, str]
    confidence_level: float
    method: str
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    def p_top(self, k: int) -> FloatArray:
        """Chance of each model to be among the k best (ties are dealt out evenly); NaN where not known."""
        return chance_among_best(self.rank_probability, k)


def summarize(
    models: tuple[str, ...],
    score: FloatArray,
    draws: FloatArray | None,
    degrees: float,
    *,
    confidence_level: float,
    method: str,
    ends: tuple[FloatArray, FloatArray] | None = None,
    spread: FloatArray | None = None,
    weights: tuple[MethodWeight, ...] = (),
    not_scoreable: Mapping[str, str] | None = None,
    settings: Mapping[str, object] | None = None,
    diagnostics: Mapping[str, object] | None = None,
) -> Consensus:
    """A consensus from scores and their replicates.

    Args:
        models: M names.
        score: M scores, NaN where not scoreable.
        draws: B replicates of the scores that are not NaN, or ``None`` where there is no interval.
        degrees: Degrees of freedom behind the spread of the draws.
        confidence_level: Nominal coverage.
        method: Words for the estimator.
        ends: Ends of the intervals of the scores that are not NaN; default Student's from the draws' spread.
        spread: Standard errors of the scores that are not NaN; default the draws'.
        weights: One entry a method.
        not_scoreable: Reasons.
        settings: For the result.
        diagnostics: For the result.
    """
    m = len(models)
    known = np.flatnonzero(~np.isnan(score))
    own = score[known]
    rank = np.full(m, np.nan)
    rank[known] = (own[None, :] > own[:, None]).sum(axis=1) + (
        (own[None, :] == own[:, None]).sum(axis=1) + 1
    ) / 2
    error, low, high = (np.full(m, np.nan) for _ in range(3))
    rank_low, rank_high = np.zeros(m, dtype=np.int64), np.zeros(m, dtype=np.int64)
    ahead = np.zeros((m, m), dtype=bool)
    probability = np.full((m, m), np.nan)
    groups: tuple[tuple[int, ...], ...] = ()
    if draws is not None and len(known) > 1:
        inside, drawn_spread = surely_ahead(own, draws.astype(np.float32), degrees, confidence_level)
        spread = drawn_spread if spread is None else spread
        rank_low[known] = 1 + inside.sum(axis=0)
        rank_high[known] = len(known) - inside.sum(axis=1)
        ahead[np.ix_(known, known)] = inside
        probability[known] = 0.0
        probability[np.ix_(known, np.arange(len(known)))] = rank_probability(draws)
    if spread is not None:
        half = critical_value(confidence_level, degrees) * spread
        lower, upper = (own - half, own + half) if ends is None else ends
        error[known], low[known], high[known] = spread, lower, upper
        groups = tie_groups(lower, upper)
    return Consensus(
        models=models,
        score=score,
        std_error=error,
        low=low,
        high=high,
        rank=rank,
        rank_low=rank_low,
        rank_high=rank_high,
        ahead=ahead,
        rank_probability=probability,
        groups=tuple(tuple(models[known[i]] for i in group) for group in groups),
        weights=weights,
        not_scoreable=dict(not_scoreable or {}),
        confidence_level=confidence_level,
        method=method,
        settings=dict(settings or {}),
        diagnostics={**(diagnostics or {}), "rank_intervals": "conservative"},
    )


def check_table(table: ScoreTable, least_methods: int = 1) -> None:
    """Refuse a table that no consensus can be made of.

    Raises:
        NotEstimableError: One model, too few methods, or a method that gives all its models one score.
    """
    if len(table.models) < 2:
        raise NotEstimableError(
            "one model has no rank among others", diagnostic="one-model", hint="Give two models."
        )
    if len(table.methods) < least_methods:
        raise NotEstimableError(
            f"{len(table.methods)} methods are too few for this consensus: it needs {least_methods}",
            diagnostic="too-few-methods",
            hint="Give scores by more methods, or use bradley_terry_consensus.",
        )


def what_the_table_says(table: ScoreTable) -> dict[str, object]:
    """Diagnostics that every consensus carries: holes, constructs, copies of methods."""
    values = table.values
    out: dict[str, object] = {"n_missing_cells": int(np.isnan(values).sum())}
    if table.constructs is not None and len(set(table.constructs)) > 1:
        out["constructs"] = tuple(dict.fromkeys(table.constructs))
    correlation = shared_correlations(values[None])[0]
    shared = (~np.isnan(values)).T.astype(np.float64) @ ~np.isnan(values)
    alike = np.argwhere(np.triu((np.abs(correlation) > 1 - 1e-9) & (shared > 2), 1))
    copies = [(table.methods[i], table.methods[j]) for i, j in alike.tolist()]
    if copies:
        out["copies"] = tuple(copies)
    return out


def shared_correlations(values: FloatArray) -> FloatArray:
    """C x K x K correlations of the columns of C x M x K scores over shared rows; 0 where there are none.

    Columns are centred over all their own rows, so with holes this is a screen, not an estimate.
    """
    here = ~np.isnan(values)
    mask = here.astype(np.float64)
    seen = np.where(here, values, 0.0)
    n = np.maximum(mask.sum(axis=1, keepdims=True), 1)
    centred = (seen - seen.sum(axis=1, keepdims=True) / n) * mask
    cross = np.swapaxes(centred, 1, 2) @ centred
    square = np.swapaxes(centred**2, 1, 2) @ mask
    scale = np.sqrt(square * np.swapaxes(square, 1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = np.where(scale > 1e-300, cross / scale, 0.0)
    return out
