"""How much of the disagreement of methods lies between constructs, and how much within."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import factorial

import numpy as np

from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import FloatArray, IntArray, critical_value


@dataclass(frozen=True, slots=True, eq=False)
class ConstructSplit:
    """Disagreement between constructs against disagreement within.

    The disagreement of two methods is (1 - tau) / 2: about the share of pairs of models that they order
    differently.

    Attributes:
        share_between: Share of all disagreement that lies in pairs of methods of different constructs.
        share_of_pairs: Share of such pairs among all pairs: what ``share_between`` would be if the construct
            made no difference.
        n_within: Pairs of methods of one construct.
        n_between: Pairs across constructs.
        mean_tau_within: Mean tau of the former.
        mean_tau_between: Mean tau of the latter.
        difference: Within minus between, with interval over models.
        p_value: Share of the ways to deal the construct labels to the methods that give at least this
            difference; with few methods it cannot be small.
        p_least: The least p value that so many labels allow, by the number of different ways to deal them.
        settings: What the figures rest on.
    """

    share_between: float
    share_of_pairs: float
    n_within: int
    n_between: int
    mean_tau_within: float
    mean_tau_between: float
    difference: Estimate
    p_value: float
    p_least: float
    settings: Mapping[str, object] = field(default_factory=dict)


def construct_split(
    tau: FloatArray,
    constructs: Sequence[str],
    replicates: FloatArray,
    *,
    confidence_level: float,
    n_models: int,
    n_permutations: int,
    rng: np.random.Generator,
) -> ConstructSplit | None:
    """The split of a matrix of tau-b by construct; ``None`` without estimable pairs on both sides.

    Args:
        tau: K x K tau-b, NaN where a pair has too few shared models.
        constructs: K construct names.
        replicates: B x P taus with models resampled, over the pairs of ``np.triu_indices``.
        confidence_level: Of the interval.
        n_models: Models behind the taus.
        n_permutations: Random ways to deal the labels; 0 for no p value.
        rng: Generator.
    """
    k = len(tau)
    first, second = np.triu_indices(k, 1)
    pair = tau[first, second]
    known = ~np.isnan(pair)
    label = np.unique(np.asarray(constructs), return_inverse=True)[1].reshape(-1)
    inside = label[first] == label[second]
    within, between = known & inside, known & ~inside
    if not within.any() or not between.any():
        return None
    gap = float(pair[within].mean() - pair[between].mean())
    drawn = replicates[:, within].mean(axis=1) - replicates[:, between].mean(axis=1)
    drawn = drawn[~np.isnan(drawn)]
    nan = float("nan")
    if len(drawn) >= 0.9 * len(replicates) and len(drawn) > 1:
        spread = float(drawn.std(ddof=1) * np.sqrt(n_models / (n_models - 1)))
        half = critical_value(confidence_level, n_models - 1) * spread
        difference = Estimate(
            gap, gap - half, gap + half, confidence_level, "model-bootstrap-t", n_models, spread
        )
    else:
        difference = Estimate(gap, nan, nan, confidence_level, "not-estimable", n_models)
    discord = (1 - pair) / 2
    total = float(discord[known].sum())
    p_value = nan
    if n_permutations > 0:
        count, tried = 0, 0
        for _ in range(n_permutations):
            dealt = rng.permutation(label)
            same = dealt[first] == dealt[second]
            a, b = known & same, known & ~same
            if a.any() and b.any():
                tried += 1
                count += pair[a].mean() - pair[b].mean() >= gap - 1e-12
        p_value = (count + 1) / (tried + 1)
    return ConstructSplit(
        share_between=float(discord[between].sum() / total) if total > 0 else nan,
        share_of_pairs=float(between.sum() / known.sum()),
        n_within=int(within.sum()),
        n_between=int(between.sum()),
        mean_tau_within=float(pair[within].mean()),
        mean_tau_between=float(pair[between].mean()),
        difference=difference,
        p_value=float(p_value),
        p_least=1 / _ways(np.bincount(label).astype(np.int64)),
        settings={"disagreement": "(1 - tau) / 2", "n_permutations": n_permutations},
    )


def _ways(sizes: IntArray) -> float:
    """Different ways to part so many methods into constructs of these sizes (constructs of one size alike)."""
    out = factorial(int(sizes.sum()))
    for size in sizes:
        out //= factorial(int(size))
    for same in np.bincount(sizes.astype(int)):
        out //= factorial(int(same))
    return float(out)
