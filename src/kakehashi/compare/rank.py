"""Rank intervals, the chance of being among the best, and groups that the data do not order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    bootstrap_weights,
    check_level,
    critical_value,
    multiplier_replicates,
    seed_of,
)
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError, UsageError

WILD_CLUSTERS = 200


@dataclass(frozen=True, slots=True, eq=False)
class RankIntervals:
    """Ranks of models by one method (or by one mean of methods), and how sure they are.

    Attributes:
        models: Names, in the order of the input.
        score: Scores in the method's own unit.
        score_low: Lower ends of the scores' own intervals.
        score_high: Upper ends.
        rank: Rank of the score, 1 best; ties share the mid-rank.
        low: Best rank that the data allow.
        high: Worst rank that the data allow.
        ahead: M x M: whether the data put model i ahead of model j.
        rank_probability: M x M: share of the resamples in which model i has rank r + 1.
        groups: Models in groups, best first; within a group no order is given.
        confidence_level: Nominal coverage of each model's rank interval.
        method: How the intervals were made.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    models: tuple[str, ...]
    score: FloatArray
    score_low: FloatArray
    score_high: FloatArray
    rank: FloatArray
    low: IntArray
    high: IntArray
    ahead: NDArray[np.bool_]
    rank_probability: FloatArray
    groups: tuple[tuple[str, ...], ...]
    confidence_level: float
    method: str
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    def p_top(self, k: int) -> FloatArray:
        """Share of the resamples in which each model is among the k best (ties are dealt out evenly)."""
        return chance_among_best(self.rank_probability, k)


def chance_among_best(rank_probability: FloatArray, k: int) -> FloatArray:
    """Chance of each of M models to have one of the ranks 1 to ``k``, from an M x M matrix of rank probabilities.

    Raises:
        UsageError: ``k`` is not a rank of these models.
    """
    if not 1 <= k <= len(rank_probability):
        raise UsageError(f"k is {k}, but there are {len(rank_probability)} models")
    out: FloatArray = rank_probability[:, :k].sum(axis=1)
    return out


def rank_intervals(
    data: ItemScores | ScoreTable,
    *,
    method: str | None = None,
    interval: Literal["pairwise", "percentile"] = "pairwise",
    confidence_level: float = 0.95,
    n_resamples: int = 2000,
    rng: Rng = None,
) -> RankIntervals:
    """How surely a method orders the models.

    With items, clusters of items are resampled, the same ones for all models, so that what is hard for
    all cancels out: drawn with replacement, or from 200 clusters on with random signs (wild bootstrap).
    With a table, scores are drawn from normal distributions with the cells' standard errors,
    independently (so differences look less sure than items would show them).

    ``interval="pairwise"`` (default) counts the models that are surely ahead or surely behind, at a level
    that holds for all comparisons of one model together: a bound that covers the true rank at least
    nominally, and more when many models are close. ``"percentile"`` takes quantiles of resampled ranks:
    narrower, but among models that are close it covers less than it says; for exploration only.

    Scores of several methods are not averaged here: name one, or build a consensus
    (:mod:`kakehashi.compare.consensus`).

    Args:
        data: Item scores, or a table with standard errors.
        method: Which method; needed where there are several.
        interval: See above.
        confidence_level: Nominal coverage for each model.
        n_resamples: Number of resamples.
        rng: Generator or seed.

    Raises:
        UsageError: Several methods and none named.
        NotEstimableError: One model, one cluster, or a model without a score or standard error.

    References:
        Mogstad, Romano, Shaikh, Wilhelm (2024). Inference for ranks. Review of Economic Studies 91.
        Goldstein, Spiegelhalter (1996). League tables and their limitations. JRSS A 159.
    """
    check_level(confidence_level)
    chosen = _choose(data.methods, method)
    if len(data.models) < 2:
        raise NotEstimableError(
            "one model has no rank among others", diagnostic="one-model", hint="Give two models."
        )
    generator = as_generator(rng)
    if isinstance(data, ItemScores):
        score, replicates, degrees, diagnostics = _resample_items(data, chosen, n_resamples, generator)
        sign = 1.0 if data.directions[chosen] else -1.0
    else:
        score, replicates, degrees, diagnostics = _resample_table(data, chosen, n_resamples, generator)
        sign = 1.0 if data.higher_is_better[chosen] else -1.0
    oriented, drawn = sign * score, np.float32(sign) * replicates
    probability = rank_probability(drawn)
    ahead, spread = surely_ahead(oriented, drawn, degrees, confidence_level)
    if interval == "pairwise":
        low, high = 1 + ahead.sum(axis=0), len(oriented) - ahead.sum(axis=1)
    elif interval == "percentile":
        cumulative = np.cumsum(probability, axis=1)
        tail = (1 - confidence_level) / 2
        low = 1 + (cumulative < tail - 1e-12).sum(axis=1)
        high = 1 + (cumulative < 1 - tail - 1e-12).sum(axis=1)
    else:
        raise UsageError(f"unknown interval {interval!r}", hint="Use pairwise or percentile.")
    half = critical_value(confidence_level, degrees) * spread
    names = np.array(data.models, dtype=object)
    groups = tie_groups(oriented - half, oriented + half)
    return RankIntervals(
        models=data.models,
        score=score,
        score_low=score - half,
        score_high=score + half,
        rank=_mid_ranks(oriented),
        low=low.astype(np.int64),
        high=high.astype(np.int64),
        ahead=ahead,
        rank_probability=probability,
        groups=tuple(tuple(str(name) for name in names[list(group)]) for group in groups),
        confidence_level=confidence_level,
        method=f"{interval}, {'cluster bootstrap' if isinstance(data, ItemScores) else 'normal errors'}",
        settings={"n_resamples": n_resamples, "seed": seed_of(rng), "method": data.methods[chosen]},
        diagnostics={**diagnostics, "conservative": interval == "pairwise"},
    )


def _choose(methods: tuple[str, ...], method: str | None) -> int:
    if method is None:
        if len(methods) > 1:
            raise UsageError(
                f"there are {len(methods)} methods, and scores of different methods are not averaged",
                hint=f"Name one of them: {', '.join(methods[:8])}",
            )
        return 0
    if method not in methods:
        raise UnknownNameError("method", method, methods)
    return methods.index(method)


def _mid_ranks(oriented: FloatArray) -> FloatArray:
    below = (oriented[None, :] > oriented[:, None]).sum(axis=1)
    same = (oriented[None, :] == oriented[:, None]).sum(axis=1)
    out: FloatArray = below + (same + 1) / 2
    return out


def _resample_items(
    data: ItemScores, chosen: int, n_resamples: int, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.float32], float, dict[str, object]]:
    """Means, bootstrap means (B x M), degrees of freedom, diagnostics."""
    codes, _ = data.cluster_codes()
    mine = data.method_codes() == chosen
    everything = bool(mine.all())
    values = data.values if everything else data.values[:, mine]
    codes = np.unique(codes if everything else codes[mine], return_inverse=True)[1].reshape(-1)
    n_clusters = int(codes.max()) + 1
    if n_clusters < 2:
        raise NotEstimableError(
            "all items stand in one cluster: nothing can be resampled", diagnostic="one-cluster"
        )
    missing = np.isnan(values)
    counts = (~missing).sum(axis=1)
    if (counts == 0).any():
        name = data.models[int(np.flatnonzero(counts == 0)[0])]
        raise NotEstimableError(f"model {name!r} has no score", diagnostic="no-items", hint="Leave it out.")
    score = np.where(missing, 0.0, values).sum(axis=1, dtype=np.float64) / counts
    # the bootstrap of a ratio mean, linearized: cluster totals of what an item adds to the mean
    residual = np.subtract(values, score[:, None], dtype=np.float32)
    residual[missing] = 0.0
    residual /= counts[:, None].astype(np.float32)
    order = np.argsort(codes, kind="stable")
    totals = residual[:, order]
    if n_clusters < len(codes):
        totals = np.add.reduceat(totals, np.flatnonzero(np.r_[True, np.diff(codes[order]) > 0]), axis=1)
    totals = np.ascontiguousarray(totals.T)
    if n_clusters >= WILD_CLUSTERS:
        drawn = multiplier_replicates(totals, n_resamples, rng)
    else:
        drawn = np.concatenate([w @ totals for w in bootstrap_weights(n_clusters, n_resamples, rng)])
    drawn += score.astype(np.float32)
    diagnostics: dict[str, object] = {
        "n_items": len(codes),
        "n_clusters": n_clusters,
        "n_missing": int(missing.sum()),
        "resampling": "wild (random signs)" if n_clusters >= WILD_CLUSTERS else "multinomial",
    }
    return score, drawn, n_clusters - 1, diagnostics


def _resample_table(
    data: ScoreTable, chosen: int, n_resamples: int, rng: np.random.Generator
) -> tuple[FloatArray, NDArray[np.float32], float, dict[str, object]]:
    score = np.array(data.values[:, chosen])
    error = None if data.std_error is None else data.std_error[:, chosen]
    unknown = np.isnan(score) if error is None else np.isnan(score) | np.isnan(error)
    if error is None or unknown.any():
        name = data.models[int(np.flatnonzero(unknown)[0])] if error is not None else data.models[0]
        raise NotEstimableError(
            f"score or standard error of {name!r} by {data.methods[chosen]!r} is not known",
            diagnostic="no-std-error",
            hint="Give item scores, or a table with standard errors; unknown is not zero.",
        )
    drawn = score + error * rng.standard_normal((n_resamples, len(score)))
    return score, drawn.astype(np.float32), float("inf"), {"independent_errors": True}


def rank_probability(drawn: NDArray[np.floating]) -> FloatArray:
    """M x M share of the rows of ``drawn`` (B x M, higher is better) in which model i has rank r + 1.

    A model tied with others is dealt out evenly over the ranks that they share.
    """
    rows, m = drawn.shape
    # each model adds 1/length to every rank of its tie; kept as rises and falls along the ranks
    change = np.zeros(m * (m + 1))
    step = max(1, int(1e6 // m))
    index = np.arange(m)
    for begin in range(0, rows, step):
        block = -drawn[begin : begin + step]
        order = np.argsort(block, axis=1)
        ordered = np.take_along_axis(block, order, axis=1)
        new = np.ones(order.shape, dtype=bool)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        cell = order * (m + 1)
        if new.all():
            counts = np.bincount((cell + index).ravel(), minlength=len(change))
            change += counts
            change[1:] -= counts[:-1]
            continue
        start = np.maximum.accumulate(np.where(new, index, 0), axis=1)
        last = np.ones(order.shape, dtype=bool)
        last[:, :-1] = new[:, 1:]
        end = np.minimum.accumulate(np.where(last, index + 1, m)[:, ::-1], axis=1)[:, ::-1]
        share = (1.0 / (end - start)).ravel()
        change += np.bincount((cell + start).ravel(), weights=share, minlength=len(change))
        change -= np.bincount((cell + end).ravel(), weights=share, minlength=len(change))
    out: FloatArray = np.cumsum(change.reshape(m, m + 1), axis=1)[:, :m] / rows
    return np.maximum(out, 0.0)


def surely_ahead(
    oriented: FloatArray, drawn: NDArray[np.float32], degrees: float, confidence_level: float
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Which model is surely ahead of which (level held for each model's comparisons), and standard errors."""
    m = len(oriented)
    centred = drawn - drawn.mean(axis=0)
    inflate = 1.0 if np.isinf(degrees) else (degrees + 1) / degrees
    covariance = (centred.T @ centred).astype(np.float64) / (len(drawn) - 1) * inflate
    variance = np.diag(covariance)
    gap = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0.0))
    floor = 1e-6 * max(float(np.sqrt(variance.max())), 1e-300)
    same = gap <= floor
    gap[same] = np.inf  # no difference was seen to vary: nothing is sure about such a pair
    used = np.ascontiguousarray(centred[:1000].T) * np.float32(np.sqrt(inflate))
    apart = np.empty_like(used)
    ratio = critical_value(confidence_level, degrees) / critical_value(confidence_level)
    lead = oriented[:, None] - oriented[None, :]
    ahead = np.zeros((m, m), dtype=bool)
    behind = np.zeros((m, m), dtype=bool)
    inverse = (1.0 / gap).astype(np.float32)
    for i in range(m):
        np.subtract(used, used[i], out=apart)
        np.abs(apart, out=apart)
        np.multiply(apart, inverse[i][:, None], out=apart)
        widest = apart.max(axis=0)
        critical = max(float(np.quantile(widest, confidence_level)), critical_value(confidence_level)) * ratio
        ahead[i] = lead[i] > critical * gap[i]
        behind[i] = lead[i] < -critical * gap[i]
    # a pair counts as ordered for i's interval by i's own level; as one relation only where both agree
    return ahead & behind.T, np.sqrt(variance)


def tie_groups(low: ArrayLike, high: ArrayLike) -> tuple[tuple[int, ...], ...]:
    """Groups of positions whose intervals overlap, directly or through others; highest group first.

    Every interval of a group lies wholly above every interval of the next: that order may be shown.
    Within a group none is.

    Args:
        low: M lower ends (higher is better).
        high: M upper ends.

    Examples:
        >>> tie_groups([0.1, 0.5, 0.15], [0.2, 0.7, 0.4])
        ((1,), (2, 0))
    """
    lower, upper = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if lower.shape != upper.shape or lower.ndim != 1 or np.isnan(lower).any() or np.isnan(upper).any():
        raise InputError("tie_groups needs two equally long rows of ends without missing ones")
    order = sorted(range(len(lower)), key=lambda i: (-upper[i], -lower[i], i))
    groups: list[list[int]] = []
    reach = np.inf
    for i in order:
        if groups and upper[i] >= reach:
            groups[-1].append(i)
            reach = min(reach, lower[i])
        else:
            groups.append([i])
            reach = lower[i]
    return tuple(tuple(group) for group in groups)


def group_names(names: Sequence[str], groups: tuple[tuple[int, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """The groups of :func:`tie_groups` with names in place of positions."""
    return tuple(tuple(names[i] for i in group) for group in groups)
