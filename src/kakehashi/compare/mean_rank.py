"""How sure the mean rank over several methods is: the interval to print beside an exposure."""

from typing import Literal

import numpy as np

from kakehashi.compare.rank import RankIntervals, rank_probability, surely_ahead, tie_groups
from kakehashi.compare.resampling import (
    FloatArray,
    Rng,
    as_generator,
    average_ranks,
    bootstrap_weights,
    check_level,
    critical_value,
    seed_of,
)
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError, UsageError


def mean_rank_intervals(
    table: ScoreTable,
    *,
    over: Literal["noise", "methods"] = "noise",
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> RankIntervals:
    """Rank intervals of models by their mean rank over all methods, the rule of ``exposure``.

    ``over="noise"``: these methods, other items. Scores are drawn from normal distributions with the cells'
    standard errors. ``over="methods"``: other methods like these. Whole methods are resampled, with
    Student's t for their number; it needs no standard errors and is the wider one where methods disagree.
    Both are bounds at a level that holds for all comparisons of one model together: they cover at least
    nominally, and more when models are close. Methods that all put two models equally far apart show no
    variation to judge by, and that pair stays unordered over methods.

    Args:
        table: Models by methods; models with a missing cell are left out and named.
        over: See above.
        confidence_level: Nominal coverage for each model.
        n_resamples: Number of resamples.
        rng: Generator or seed.

    Raises:
        NotEstimableError: Fewer than two complete models, an unknown standard error, or a single method.
    """
    check_level(confidence_level)
    oriented = table.oriented()
    complete = np.asarray(~np.isnan(oriented.values).any(axis=1))
    names = tuple(n for n, kept in zip(table.models, complete, strict=True) if kept)
    left_out = tuple(n for n, kept in zip(table.models, complete, strict=True) if not kept)
    if len(names) < 2:
        raise NotEstimableError(
            f"{len(names)} models have a score by all {len(table.methods)} methods",
            diagnostic="too-few-complete-models",
            hint="select() methods that share models.",
        )
    values = oriented.values[complete]
    ranks = average_ranks(values)
    k = values.shape[1]
    generator = as_generator(rng)
    if over == "noise":
        error = None if table.std_error is None else table.std_error[complete]
        if error is None or np.isnan(error).any():
            where = "" if error is None else f" ({names[int(np.argwhere(np.isnan(error))[0][0])]!r} has none)"
            raise NotEstimableError(
                f"not every score has a standard error{where}",
                diagnostic="no-std-error",
                hint="Give item scores or standard errors; unknown is not zero. Or use over='methods'.",
            )
        drawn = _noisy(values, error, n_resamples, generator)
        degrees = float("inf")
    elif over == "methods":
        if k < 2:
            raise NotEstimableError("a single method cannot be resampled", diagnostic="one-method")
        times = np.concatenate(list(bootstrap_weights(k, n_resamples, generator))).astype(np.float64)
        drawn, degrees = times @ ranks.T / k, k - 1.0
    else:
        raise UsageError(f"unknown source {over!r}", hint="Use noise or methods.")
    mean = ranks.mean(axis=1)
    ahead, spread = surely_ahead(-mean, -drawn.astype(np.float32), degrees, confidence_level)
    half = critical_value(confidence_level, degrees) * spread
    groups = tie_groups(-mean - half, -mean + half)
    return RankIntervals(
        models=names,
        score=mean,
        score_low=mean - half,
        score_high=mean + half,
        rank=average_ranks(-mean[:, None])[:, 0],
        low=(1 + ahead.sum(axis=0)).astype(np.int64),
        high=(len(names) - ahead.sum(axis=1)).astype(np.int64),
        ahead=ahead,
        rank_probability=rank_probability(-drawn),
        groups=tuple(tuple(names[i] for i in group) for group in groups),
        confidence_level=confidence_level,
        method=f"pairwise, mean rank of {k} methods, "
        + ("normal errors" if over == "noise" else "methods resampled"),
        settings={"n_resamples": n_resamples, "seed": seed_of(rng), "over": over},
        diagnostics={"conservative": True, **({"left_out_for_missing_cells": left_out} if left_out else {})},
    )


def _noisy(values: FloatArray, error: FloatArray, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """Mean ranks (B x M) of scores with fresh noise on top."""
    m = len(values)
    out = np.zeros((n_resamples, m))
    place = np.arange(1.0, m + 1)
    for column, sigma in zip(values.T, error.T, strict=True):
        order = np.argsort(-(column + sigma * rng.standard_normal((n_resamples, m))), axis=1)
        rank = np.empty(order.shape)
        np.put_along_axis(rank, order, np.broadcast_to(place, order.shape), axis=1)
        out += rank
    # a hundredth of a rank by one method on top, so that an order that never changed in all draws is not taken
    # for one that was not seen to vary
    out += 0.01 * rng.standard_normal(out.shape)
    out /= values.shape[1]
    return out
