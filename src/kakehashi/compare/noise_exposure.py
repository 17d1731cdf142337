"""What noise alone would do to the number of models that could come first."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kakehashi.compare.resampling import FloatArray, Rng, as_generator, average_ranks, seed_of
from kakehashi.compare.subsets import all_subsets, likely_subsets, random_subsets
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError, UsageError

EXACT_NOISE_METHODS = 12
SAMPLED_NOISE_SUBSETS = 4096


@dataclass(frozen=True, slots=True)
class NoiseExposure:
    """How many models could come first if only chance were behind the methods.

    Attributes:
        observed: Models that can come first in the table itself.
        independent_mean: Mean count when every method orders the models at random.
        independent_low: 2.5% quantile of that count.
        independent_high: 97.5% quantile.
        correlated_mean: Mean count when the models are exchangeable, and methods correlate as these do.
        correlated_low: 2.5% quantile.
        correlated_high: 97.5% quantile.
        min_methods: As in :func:`~kakehashi.compare.exposure`.
        n_simulations: Simulated tables of each kind.
        settings: Seed and rules.
    """

    observed: int
    independent_mean: float
    independent_low: float
    independent_high: float
    correlated_mean: float
    correlated_low: float
    correlated_high: float
    min_methods: int
    n_simulations: int
    settings: Mapping[str, object] = field(default_factory=dict)


def noise_exposure(
    table: ScoreTable, *, min_methods: int = 3, n_simulations: int = 200, rng: Rng = None
) -> NoiseExposure:
    """What noise alone would do: the number of models that could come first in simulated tables.

    Independent: each method's scores are shuffled among the models, ties kept. Correlated: models are
    drawn at random from a normal population in which methods correlate as they do here (Spearman's
    correlation, turned into that of the normal by 2 sin(pi r / 6)). Complete models only.

    Up to 12 methods every subset is looked at; beyond, the same search in every table (the likeliest subsets
    for each model and 4,096 random ones), so that ``observed`` and the simulated counts are alike and all of them
    may be too low; ``settings`` says which.

    Raises:
        NotEstimableError: Fewer than two complete models.

    References:
        Kruskal (1958). Ordinal measures of association. JASA 53, 814-861 (the sine relation).
    """
    values = table.oriented().values
    values = values[~np.isnan(values).any(axis=1)]
    m, k = values.shape
    if m < 2:
        raise NotEstimableError(
            f"{m} models with a score by all of {k} methods: no noise level can be simulated",
            diagnostic="too-few-complete-models",
            hint="Choose methods that share at least two models.",
        )
    if not 1 <= min_methods <= k:
        raise UsageError(f"min_methods is {min_methods}, but there are {k} methods")
    generator = as_generator(rng)
    exact = k <= EXACT_NOISE_METHODS
    blocks = all_subsets(k) if exact else random_subsets(k, min_methods, SAMPLED_NOISE_SUBSETS, generator)
    subsets = np.concatenate([block[block.sum(axis=1) >= min_methods] for block in blocks])
    weights = np.ascontiguousarray(subsets.T, dtype=np.float32)

    def count(scores: FloatArray) -> int:
        ranks = average_ranks(scores).astype(np.float32)
        first = np.zeros(m, dtype=bool)
        looked = [weights]
        if not exact:
            likely = np.concatenate(list(likely_subsets(scores)))
            looked.append(np.ascontiguousarray(likely[likely.sum(axis=1) >= min_methods].T, dtype=np.float32))
        for block in looked:
            for start in range(0, block.shape[1], 1 << 12):
                totals = ranks @ block[:, start : start + (1 << 12)]
                first |= (totals == totals.min(axis=0)).any(axis=1)
        return int(first.sum())

    ranks = average_ranks(values)
    constant = ranks.std(axis=0) == 0
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = np.corrcoef(ranks, rowvar=False).reshape(k, k)
    rho[constant, :] = rho[:, constant] = 0.0
    np.fill_diagonal(rho, 1.0)
    eigenvalues, vectors = np.linalg.eigh(2 * np.sin(np.pi * rho / 6))
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0))
    independent, correlated = [], []
    for _ in range(n_simulations):
        independent.append(count(generator.permuted(values, axis=0)))
        correlated.append(count(generator.standard_normal((m, k)) @ root.T))
    low = np.quantile([independent, correlated], 0.025, axis=1)
    high = np.quantile([independent, correlated], 0.975, axis=1)
    return NoiseExposure(
        observed=count(values),
        independent_mean=float(np.mean(independent)),
        independent_low=float(low[0]),
        independent_high=float(high[0]),
        correlated_mean=float(np.mean(correlated)),
        correlated_low=float(low[1]),
        correlated_high=float(high[1]),
        min_methods=min_methods,
        n_simulations=n_simulations,
        settings={
            "seed": seed_of(rng),
            "n_models": m,
            "n_methods": k,
            "subsets": "all" if exact else "likely and random: counts may be too low, all alike",
        },
    )
