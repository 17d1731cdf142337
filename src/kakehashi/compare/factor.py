"""A consensus by one common factor: each method with its own loading and its own noise."""

from dataclasses import dataclass

import numpy as np

from kakehashi.compare.consensus import (
    Consensus,
    MethodWeight,
    check_table,
    shared_correlations,
    summarize,
    what_the_table_says,
)
from kakehashi.compare.correlation import kendall_tau_b
from kakehashi.compare.resampling import FloatArray, Rng, as_generator, check_level, seed_of
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError

LEAST_METHODS = 3
LEAST_MODELS = 5
CHAINS = 16
BURN_IN = 150
# inverse-gamma priors, on the scale where scores have variance 1: a method's own variance (mean 0.6), and
# the variance of loadings between methods; chosen once, by simulated coverage
SHAPE, SCALE = 3.0, 1.2
SPREAD_SHAPE, SPREAD_SCALE = 1.5, 0.3


def factor_consensus(
    table: ScoreTable, *, confidence_level: float = 0.95, n_draws: int = 4000, rng: Rng = None
) -> Consensus:
    """Consensus scores from a one-factor model: score = level + loading x factor + the method's own part + noise.

    Every method has a loading (how far it measures what the others measure) and a variance of its own;
    where the table has standard errors, each cell's noise is its own, and a cell with an unknown error is
    not taken as exact: its noise goes into the method's own variance. Missing cells are integrated out
    (missing at random given the other cells), never filled. All parameters are sampled together (Gibbs),
    so intervals carry their uncertainty; scores are centred and scaled over these models in every draw.

    Where methods hardly hang together (loadings below about 0.5) and models are few, score intervals cover
    less than they say (87% measured at 12 models, loadings 0.45): ``weak_factor`` marks it.

    The direction is that of most loadings. Read ``diagnostics``: ``opposed`` names methods that load the
    other way, ``second_factor`` says that one factor does not describe the table, and then the consensus is
    an average of different things and is not to be shown alone.

    Args:
        table: Models by methods.
        confidence_level: Nominal coverage.
        n_draws: Draws from the posterior, over all chains.
        rng: Generator or seed.

    Raises:
        NotEstimableError: Fewer than three methods whose scores differ, or fewer than five models.

    References:
        Bartholomew, Knott, Moustaki (2011). Latent Variable Models and Factor Analysis, 3rd ed.
        Geweke, Zhou (1996). Measuring the pricing error of the arbitrage pricing theory (Gibbs sampler).
        Gelman, Meng, Stern (1996). Posterior predictive assessment of model fitness. Statistica Sinica 6.
    """
    check_level(confidence_level)
    check_table(table, LEAST_METHODS)
    diagnostics = what_the_table_says(table)
    values = table.oriented().values
    varies = np.array([np.ptp(c[~np.isnan(c)]) > 0 for c in values.T])
    if not varies.all():
        diagnostics["constant_methods"] = tuple(
            n for n, kept in zip(table.methods, varies, strict=True) if not kept
        )
    kept = np.flatnonzero(varies)
    m = len(values)
    if len(kept) < LEAST_METHODS or m < LEAST_MODELS:
        raise NotEstimableError(
            f"one factor of {len(kept)} methods that tell models apart and {m} models is not determined: "
            f"it needs {LEAST_METHODS} and {LEAST_MODELS}",
            diagnostic="too-few-methods" if len(kept) < LEAST_METHODS else "too-few-models",
            hint="Use bradley_terry_consensus, or show the methods apart.",
        )
    values = values[:, kept]
    unknown = np.full(values.shape, np.nan)
    known = unknown if table.std_error is None else table.std_error[:, kept]
    diagnostics["n_unknown_errors"] = int((np.isnan(known) & ~np.isnan(values)).sum())
    standard, error = (x[0] for x in standardized(values[None], np.nan_to_num(known)[None]))
    generator = as_generator(rng)
    length = max(-(-n_draws // CHAINS), 2)
    chain = (CHAINS, 1, 1)
    sample = gibbs(np.tile(standard, chain), np.tile(error, chain), length, generator)
    factor = sample.factor.reshape(-1, m)
    loading, own = sample.loading.reshape(-1, len(kept)), sample.own.reshape(-1, len(kept))
    share = loading / np.sqrt(loading**2 + own)
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(share, [tail, 1 - tail], axis=0)
    score = factor.mean(axis=0)
    negative = share.mean(axis=0) < 0
    unsure = (low < 0) & (high > 0)
    kept_names = [table.methods[j] for j in kept]
    diagnostics["opposed"] = tuple(n for n, flag in zip(kept_names, negative, strict=True) if flag)
    diagnostics["unsure_loading"] = tuple(n for n, flag in zip(kept_names, unsure, strict=True) if flag)
    diagnostics["r_hat"] = float(_r_hat(sample.factor))
    p_value = _second_factor(standard, error, sample, generator)
    diagnostics["second_factor_p"] = p_value
    diagnostics["second_factor"] = p_value < 0.05
    diagnostics["reliability"] = float(score.var())
    if score.var() < 0.5:
        diagnostics["weak_factor"] = (
            "less than half of the variance of the scores is determined; intervals cover less"
        )
    if m < 10:
        diagnostics["few_models"] = f"with {m} models the prior has a part in the loadings"
    weight = (loading / (own + (error**2).mean(axis=0))).mean(axis=0)
    weight = weight / np.abs(weight).sum()
    tau = kendall_tau_b(np.column_stack([values, score]))[-1]
    weights, nan = [], float("nan")
    for j, name in enumerate(table.methods):
        if varies[j]:
            at = int(np.searchsorted(kept, j))
            weights.append(
                MethodWeight(
                    name,
                    float(weight[at]),
                    float(share[:, at].mean()),
                    float(low[at]),
                    float(high[at]),
                    float(tau[at]),
                )
            )
        else:
            weights.append(MethodWeight(name, 0.0, nan, nan, nan, nan))
    return summarize(
        table.models,
        score,
        factor,
        float("inf"),
        ends=(np.quantile(factor, tail, axis=0), np.quantile(factor, 1 - tail, axis=0)),
        confidence_level=confidence_level,
        method="one-factor model, posterior draws",
        weights=tuple(weights),
        settings={"n_draws": len(factor), "chains": CHAINS, "seed": seed_of(rng)},
        diagnostics=diagnostics,
    )


def standardized(values: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scores (C x M x K) and their errors, on the scale where each method's true scores have variance 1.

    True means without the noise that is known; at least a tenth of the variance seen is left to it.
    """
    here = ~np.isnan(values)
    n = here.sum(axis=1, keepdims=True)
    variance = np.nanvar(values, axis=1, keepdims=True)
    noise = np.where(here, error**2, 0.0).sum(axis=1, keepdims=True) / n
    spread = np.sqrt(np.maximum(variance - noise, 0.1 * variance))
    return (values - np.nanmean(values, axis=1, keepdims=True)) / spread, error / spread


@dataclass(frozen=True, slots=True, eq=False)
class FactorDraws:
    """Draws (D x C chains x ...): standardized factor scores, loadings, own variances, levels, raw factor."""

    factor: FloatArray
    loading: FloatArray
    own: FloatArray
    level: FloatArray
    raw: FloatArray


def gibbs(
    values: FloatArray, error: FloatArray, length: int, rng: np.random.Generator, *, burn_in: int = BURN_IN
) -> FactorDraws:
    """Gibbs sampler of many chains at once; a chain may have its own data.

    Args:
        values: C x M x K scores as :func:`standardized` gives them; NaN is missing.
        error: C x M x K standard errors; 0 where the noise is part of the method's own variance.
        length: Draws kept of each chain.
        rng: Generator.
        burn_in: Draws thrown away first.
    """
    chains, m, k = values.shape
    here = ~np.isnan(values)
    seen = np.where(here, values, 0.0)
    noise = np.where(here, error**2, 0.0)
    exact = not bool((noise > 0).any())
    count = here.sum(axis=1).astype(np.float64)
    reference = _reference(values)
    loading = reference * 0.7 + 0.2 * rng.standard_normal((chains, k))
    own, level = np.full((chains, k), 0.6), np.zeros((chains, k))
    centre, between = loading.mean(axis=1, keepdims=True), np.full((chains, 1), 0.2)
    truth = seen
    out = FactorDraws(
        np.empty((length, chains, m)),
        np.empty((length, chains, k)),
        np.empty((length, chains, k)),
        np.empty((length, chains, k)),
        np.empty((length, chains, m)),
    )
    for step in range(burn_in + length):
        # the factor, given scores with their noise (the true scores integrated out)
        precision = here / (own[:, None, :] + noise)
        variance = 1.0 / (1.0 + np.einsum("cmk,ck->cm", precision, loading**2))
        pull = np.einsum("cmk,ck->cm", precision * (seen - level[:, None, :]), loading)
        factor = variance * pull + np.sqrt(variance) * rng.standard_normal((chains, m))
        # the true scores behind noisy cells
        if not exact:
            expected = level[:, None, :] + factor[:, :, None] * loading[:, None, :]
            share = own[:, None, :] / (own[:, None, :] + noise)
            truth = expected + share * (seen - expected)
            truth = truth + np.sqrt(share * noise) * rng.standard_normal(truth.shape)
        # level and loading of each method: a regression on the factor, priors N(0, 4) and N(centre, between)
        fm = factor[:, :, None] * here
        s1, s2 = fm.sum(axis=1), (fm**2).sum(axis=1)
        t1, t2 = (truth * here).sum(axis=1), (truth * fm).sum(axis=1)
        a, b, c = count / own + 0.25, s1 / own, s2 / own + 1.0 / between
        right = t2 / own + centre / between
        det = a * c - b**2
        mean_level = (c * t1 / own - b * right) / det
        mean_loading = (a * right - b * t1 / own) / det
        z1, z2 = rng.standard_normal((2, chains, k))
        loading = mean_loading + np.sqrt(a / det) * z1
        level = mean_level - b / a * (loading - mean_loading) + z2 / np.sqrt(a)
        # what the loadings have in common: mean with prior N(0, 1), variance inverse-gamma
        tight = k / between + 1.0
        centre = loading.sum(axis=1, keepdims=True) / between / tight
        centre = centre + rng.standard_normal((chains, 1)) / np.sqrt(tight)
        apart = ((loading - centre) ** 2).sum(axis=1, keepdims=True)
        between = (SPREAD_SCALE + 0.5 * apart) / rng.standard_gamma(SPREAD_SHAPE + 0.5 * k, (chains, 1))
        # its own variance
        rest = (truth - level[:, None, :] - factor[:, :, None] * loading[:, None, :]) * here
        own = (SCALE + 0.5 * (rest**2).sum(axis=1)) / rng.standard_gamma(SHAPE + 0.5 * count)
        if step >= burn_in:
            at = step - burn_in
            sign = np.where((loading * reference).sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
            centred = factor - factor.mean(axis=1, keepdims=True)
            out.factor[at] = sign * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True))
            out.loading[at], out.own[at], out.level[at] = sign * loading, own, level
            out.raw[at] = sign * factor
    return out


def _reference(values: FloatArray) -> FloatArray:
    """C x K signs and sizes of the first component, turned to the side of most methods."""
    leading = np.linalg.eigh(shared_correlations(values))[1][:, :, -1]
    sign = np.where(leading.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    out: FloatArray = sign * leading / np.abs(leading).max(axis=1, keepdims=True)
    return out


def _r_hat(factor: FloatArray) -> float:
    """Greatest potential scale reduction over models (draws x chains x models), chains split in two."""
    half = len(factor) // 2
    parts = np.concatenate([factor[:half], factor[half : 2 * half]], axis=1)
    if half < 2:
        return float("nan")
    within = parts.var(axis=0, ddof=1).mean(axis=0)
    between = parts.mean(axis=0).var(axis=0, ddof=1)
    return float(np.sqrt((half - 1) / half + between / within).max())


def _second_factor(
    standard: FloatArray, error: FloatArray, sample: FactorDraws, rng: np.random.Generator, n: int = 200
) -> float:
    """Posterior predictive p value of the second eigenvalue of the correlations under one factor."""
    draws, chains = sample.own.shape[:2]
    pick = rng.integers(0, draws * chains, n)
    loading, own, level = (
        x.reshape(draws * chains, -1)[pick] for x in (sample.loading, sample.own, sample.level)
    )
    here = ~np.isnan(standard)
    # new models from the same population, with the same holes and the same noise
    factor = rng.standard_normal((n, len(standard)))
    made = level[:, None, :] + factor[:, :, None] * loading[:, None, :]
    made = made + np.sqrt(own[:, None, :] + error**2) * rng.standard_normal(made.shape)
    seconds = np.linalg.eigvalsh(shared_correlations(np.where(here, made, np.nan)))[:, -2]
    observed = np.linalg.eigvalsh(shared_correlations(standard[None]))[0, -2]
    return float((1 + (seconds >= observed).sum()) / (n + 1))
