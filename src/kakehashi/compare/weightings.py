"""Weights made visible: who comes first under which weighting, and what holds under every one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from kakehashi.compare.resampling import (
    FloatArray,
    Rng,
    as_generator,
    average_ranks,
    check_level,
    seed_of,
)
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError, UsageError

EXACT_METHODS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Weightings:
    """What weighting the methods can do to first place.

    Attributes:
        models: Models with a score by every method.
        methods: Names of the methods.
        share_first: Share of all weightings under which each model comes first; ties share. Adds up to 1.
        low: Lower ends of the Monte Carlo intervals; equal to the share where it is exact.
        high: Upper ends.
        can_come_first: Whether some weighting puts the model first (solved exactly, not by sampling).
        first_weights: M x K: a weighting that puts the model first by the greatest lead; NaN where none does.
        dominates: M x M: model i is ahead of j or level under every weighting, and ahead under some.
        undominated: Models that no model dominates.
        exact: Whether shares are areas rather than counts of random weightings.
        confidence_level: Nominal coverage of the Monte Carlo intervals (Clopper-Pearson: at least this).
        settings: Rules that the figures rest on.
        diagnostics: What the reader must know.
    """

    models: tuple[str, ...]
    methods: tuple[str, ...]
    share_first: FloatArray
    low: FloatArray
    high: FloatArray
    can_come_first: NDArray[np.bool_]
    first_weights: FloatArray
    dominates: NDArray[np.bool_]
    undominated: tuple[str, ...]
    exact: bool
    confidence_level: float
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def weightings(
    table: ScoreTable,
    *,
    scale: Literal["rank", "standard"] = "rank",
    confidence_level: float = 0.95,
    n_samples: int = 20_000,
    rng: Rng = None,
) -> Weightings:
    """The share of all weightings of the methods under which each model comes first, and the dominance order.

    A weighting gives every method a weight of at least 0, all adding up to 1; all weightings count alike
    (uniform on the simplex). Models are ordered by their weighted mean rank, or, with
    ``scale="standard"``, by the weighted mean of scores divided by their spread. With two or three methods the
    shares are exact lengths and areas; beyond, random weightings with an interval.

    Dominance needs no weights and no scale: i dominates j where no method puts j ahead and some method
    puts i ahead. It is the only order of the whole that nobody's weights can overturn; noise still can.

    Args:
        table: Models by methods; models with a missing cell do not compete and are named.
        scale: See above.
        confidence_level: Of the Monte Carlo intervals.
        n_samples: Random weightings.
        rng: Generator or seed.

    Raises:
        NotEstimableError: Fewer than two models with a score by every method.

    References:
        Foster, McGillivray, Seth (2013). Composite indices: rank robustness, statistical association, and
            redundancy. Econometric Reviews 32.
        Saisana, Saltelli, Tarantola (2005). Uncertainty and sensitivity analysis for composite indicators.

    Examples:
        >>> t = ScoreTable(("a", "b"), ("x", "y"), [[1.0, 0.0], [0.0, 3.0]], (True, True))
        >>> weightings(t).share_first.tolist()
        [0.5, 0.5]
    """
    check_level(confidence_level)
    values = table.oriented().values
    complete = np.asarray(~np.isnan(values).any(axis=1))
    names = tuple(n for n, kept in zip(table.models, complete, strict=True) if kept)
    if len(names) < 2:
        raise NotEstimableError(
            f"{len(names)} models have a score by all {len(table.methods)} methods: there is no order to weigh",
            diagnostic="too-few-complete-models",
            hint="select() methods that share models, or look at completion_bounds.",
        )
    values = values[complete]
    if scale == "rank":
        cost = average_ranks(values)
    elif scale == "standard":
        spread = values.std(axis=0)
        cost = -(values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    else:
        raise UsageError(f"unknown scale {scale!r}", hint="Use rank or standard.")
    k = cost.shape[1]
    exact = k <= EXACT_METHODS
    if exact:
        share = _exact_shares(cost)
        low = high = share
    else:
        share = _sampled_shares(cost, n_samples, as_generator(rng))
        low, high = _sampling_bounds(share, n_samples, confidence_level)
    able, witness = _first_weights(cost)
    better = np.asarray((values[:, None, :] >= values[None, :, :]).all(axis=2))
    dominates: NDArray[np.bool_] = np.asarray(better & ~better.T)
    below = np.asarray(dominates.any(axis=0))
    left_out = tuple(n for n, kept in zip(table.models, complete, strict=True) if not kept)
    return Weightings(
        models=names,
        methods=table.methods,
        share_first=share,
        low=low,
        high=high,
        can_come_first=able,
        first_weights=witness,
        dominates=dominates,
        undominated=tuple(n for n, behind in zip(names, below, strict=True) if not behind),
        exact=exact,
        confidence_level=confidence_level,
        settings={
            "scale": scale,
            "weightings": "uniform on the simplex",
            "n_samples": 0 if exact else n_samples,
            "seed": seed_of(rng),
        },
        diagnostics={"left_out_for_missing_cells": left_out} if left_out else {},
    )


def _sampled_shares(cost: FloatArray, n_samples: int, rng: np.random.Generator) -> FloatArray:
    m, k = cost.shape
    hits = np.zeros(m)
    step = max(1, int(4e6 // m))
    for start in range(0, n_samples, step):
        block = rng.standard_exponential((min(step, n_samples - start), k))
        total = block @ cost.T
        first = total <= total.min(axis=1, keepdims=True) * (1 + 1e-12) + 1e-12
        hits += (first / first.sum(axis=1, keepdims=True)).sum(axis=0)
    hits /= n_samples
    return hits


def _sampling_bounds(
    share: FloatArray, n_samples: int, confidence_level: float
) -> tuple[FloatArray, FloatArray]:
    """Clopper and Pearson's ends for shares counted in so many random weightings."""
    hits, tail = share * n_samples, (1 - confidence_level) / 2
    rest = n_samples - hits
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-9), rest + 1, tail), 0.0)
    high = np.where(rest > 0, betaincinv(hits + 1, np.maximum(rest, 1e-9), 1 - tail), 1.0)
    return low, high


def _exact_shares(cost: FloatArray) -> FloatArray:
    """Length or area of the weightings that put each model first; twins share theirs."""
    distinct, inverse, count = np.unique(cost, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    k = cost.shape[1]
    size = np.zeros(len(distinct))
    for i, own in enumerate(distinct):
        lead = distinct - own  # ahead where weights @ lead >= 0 for all
        lead = np.delete(lead, i, axis=0)
        if k == 1:
            size[i] = float((lead >= 0).all())
        elif k == 2:
            # w = (1 - t, t): a + t (b - a) >= 0
            a, slope = lead[:, 0], lead[:, 1] - lead[:, 0]
            low, high = 0.0, 1.0
            for start, rise in zip(a.tolist(), slope.tolist(), strict=True):
                if rise > 0:
                    low = max(low, -start / rise)
                elif rise < 0:
                    high = min(high, -start / rise)
                elif start < 0:
                    high = -1.0
            size[i] = max(high - low, 0.0)
        else:
            size[i] = _area(lead)
    out: FloatArray = (size / count)[inverse]
    out /= out.sum()
    return out


def _area(lead: FloatArray) -> float:
    """Share of the triangle of weights in which every row of ``lead`` has a product of at least 0."""
    corners = [np.eye(3)[c] for c in range(3)]
    for row in lead:
        kept = []
        for p, q in zip(corners, corners[1:] + corners[:1], strict=True):
            side_p, side_q = float(row @ p), float(row @ q)
            if side_p >= 0:
                kept.append(p)
            if (side_p > 0 > side_q) or (side_p < 0 < side_q):
                kept.append(p + side_p / (side_p - side_q) * (q - p))
        corners = kept
        if len(corners) < 3:
            return 0.0
    x, y = np.array(corners)[:, 0], np.array(corners)[:, 1]
    return float(abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()))


def _first_weights(cost: FloatArray) -> tuple[NDArray[np.bool_], FloatArray]:
    """For each model a weighting with the greatest lead over all others, if any puts it first."""
    from scipy.optimize import linprog  # slow to load, and needed here only

    m, k = cost.shape
    able, witness = np.zeros(m, dtype=bool), np.full((m, k), np.nan)
    aim = np.r_[np.zeros(k), -1.0]
    equal = np.r_[np.ones(k), 0.0][None, :]
    bounds = [(0.0, 1.0)] * k + [(None, None)]
    for i in range(m):
        lead = np.delete(cost, i, axis=0) - cost[i]
        if (lead <= 0).all(axis=1).any() and (lead[(lead <= 0).all(axis=1)] < 0).all(axis=1).any():
            continue  # some model is strictly ahead by every method
        found = linprog(
            aim,
            A_ub=np.column_stack([-lead, np.ones(m - 1)]),
            b_ub=np.zeros(m - 1),
            A_eq=equal,
            b_eq=[1.0],
            bounds=bounds,
            method="highs",
        )
        if found.status == 0 and found.x is not None and found.x[-1] >= -1e-9:
            able[i] = True
            weight = np.maximum(found.x[:k], 0.0)
            witness[i] = weight / weight.sum()
    return able, witness
