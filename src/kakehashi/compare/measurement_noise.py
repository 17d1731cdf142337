"""What measurement noise does to agreement, and what is left without it."""

import numpy as np

from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    bootstrap_weights,
    critical_value,
    sums_by_cluster,
)
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import InputError, NotEstimableError


def noise_intervals(
    table: ScoreTable,
    items: ItemScores | None,
    tau: FloatArray,
    n_resamples: int,
    confidence_level: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Intervals of tau and of Spearman's rho of these very models, had each method unlimited items, for all pairs.

    Noise in scores pulls tau towards 0, and resampling items pulls it down once more, so percentiles of a
    plain bootstrap miss the truth most of the time. Here cluster resampling only gives the noise of each
    model's two scores; true scores are then drawn from their posterior under a normal population (means and
    variances estimated from the same models, a flat prior on the correlation), and tau and rho are taken of each.

    Returns:
        Lower and upper ends of tau, then of rho, over the pairs of ``np.triu_indices``; NaN for methods without
        items.

    References:
        Morris (1983). Parametric empirical Bayes inference. JASA 78, 47-55.
    """
    k = len(table.methods)
    first, second = np.triu_indices(k, 1)
    ends = np.full((4, len(first)), np.nan)
    if items is None:
        return ends[0], ends[1], ends[2], ends[3]
    rows = [items.models.index(name) if name in items.models else -1 for name in table.models]
    if min(rows) < 0:
        missing = [n for n, r in zip(table.models, rows, strict=True) if r < 0]
        raise InputError(
            f"items has no model {missing[0]!r}", hint="Give items of the same models, or select() the table."
        )
    known = {c: items.methods.index(name) for c, name in enumerate(table.methods) if name in items.methods}
    if len(known) < 2:
        return ends[0], ends[1], ends[2], ends[3]
    replicates = resampled_scores(items, n_resamples, rng)[:, rows]
    values = table.oriented().values
    tail = (1 - confidence_level) / 2
    for p, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        if i not in known or j not in known or np.isnan(tau[i, j]):
            continue
        both = ~np.isnan(values[:, [i, j]]).any(axis=1)
        drawn = replicates[:, both][:, :, [known[i], known[j]]]
        noise = _noise_covariance(drawn)
        if noise is not None:
            taus, rhos = _posterior_agreement(values[both][:, [i, j]], noise, n_resamples, rng)
            ends[:2, p] = np.quantile(taus, [tail, 1 - tail])
            ends[2:, p] = np.quantile(rhos, [tail, 1 - tail])
    return ends[0], ends[1], ends[2], ends[3]


def concordance_bounds(rho: FloatArray, n_models: int, n_methods: int) -> tuple[float, float]:
    """Kendall's W and Krippendorff's alpha of ranks (interval level) that go with pairs' rhos, without ties.

    W = (1 + (K - 1) r) / K, and alpha = 1 - (1 - r)(K M - 1) / (K M), with r the mean of Spearman's rho over all
    pairs of K methods on M models: both grow with r, so bounds of r are bounds of both.

    Examples:
        >>> [round(value, 6) for value in concordance_bounds(np.array([1.0, 0.0, 0.5]), 10, 3)]
        [0.666667, 0.516667]
    """
    r = float(np.mean(rho))
    cells = n_methods * n_models
    return (1 + (n_methods - 1) * r) / n_methods, 1 - (1 - r) * (cells - 1) / cells


def _noise_covariance(drawn: FloatArray) -> FloatArray | None:
    """M x 2 x 2 covariances of replicates (B x M x 2); a score that never varied gets the least variance seen."""
    drawn = drawn[~np.isnan(drawn).any(axis=(1, 2))]
    if len(drawn) < 10:
        return None
    centred = drawn - drawn.mean(axis=0)
    noise: FloatArray = np.einsum("bmi,bmj->mij", centred, centred) / (len(drawn) - 1)
    for c in range(2):
        variance = noise[:, c, c]
        if not (variance > 1e-15).any():
            return None
        least = variance[variance > 1e-15].min()
        variance[variance <= 1e-15] = least
    return noise


GRID = np.linspace(-0.99, 0.99, 67)


def _posterior_agreement(
    scores: FloatArray, noise: FloatArray, n_draws: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Tau and rho of draws from the posterior of the true scores (M x 2): flat prior on their correlation."""
    m = len(scores)
    shift = scores - scores.mean(axis=0)
    seen = shift.var(axis=0, ddof=1)
    true = np.sqrt(np.maximum(seen - np.array([noise[:, c, c].mean() for c in range(2)]), 0.05 * seen))
    covariance = np.empty((len(GRID), 2, 2))
    covariance[:, 0, 0], covariance[:, 1, 1] = true[0] ** 2, true[1] ** 2
    covariance[:, 0, 1] = covariance[:, 1, 0] = GRID * true[0] * true[1]
    total = covariance[:, None] + noise[None]
    inverse = np.linalg.inv(total)
    misfit = np.log(np.linalg.det(total)) + np.einsum("mi,gmij,mj->gm", shift, inverse, shift)
    log_likelihood = -0.5 * misfit.sum(axis=1)
    weight = np.exp(log_likelihood - log_likelihood.max())
    chosen = rng.choice(len(GRID), n_draws, p=weight / weight.sum())
    gain = covariance[:, None] @ inverse
    left = covariance[:, None] - gain @ covariance[:, None]
    roots, vectors = np.linalg.eigh((left + np.swapaxes(left, -1, -2)) / 2)
    factor = vectors * np.sqrt(np.maximum(roots, 0))[..., None, :]
    mean = np.einsum("gmij,mj->gmi", gain, shift)
    tau, rho = np.empty(n_draws), np.empty(n_draws)
    step = max(1, int(4e6 // m**2))
    for start in range(0, n_draws, step):
        part = chosen[start : start + step]
        truth = mean[part] + np.einsum("bmij,bmj->bmi", factor[part], rng.standard_normal((len(part), m, 2)))
        signs = np.sign(truth[:, :, None, :] - truth[:, None, :, :])
        tau[start : start + step] = (signs[..., 0] * signs[..., 1]).sum(axis=(1, 2)) / (m * (m - 1))
        ranks = signs.sum(axis=2)  # twice the rank, centred; draws have no ties
        rho[start : start + step] = (ranks[..., 0] * ranks[..., 1]).sum(axis=1) / (m * (m**2 - 1) / 3)
    return tau, rho


def resampled_scores(items: ItemScores, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """Mean scores by method (B x M x K, oriented so that higher is better) with clusters of items resampled.

    A cluster that holds items of several methods is drawn for all of them at once.
    """
    codes, n_clusters = items.cluster_codes()
    if n_clusters < 2:
        raise NotEstimableError(
            "all items stand in one cluster: nothing can be resampled", diagnostic="one-cluster"
        )
    method = items.method_codes()
    m, k = len(items.models), len(items.methods)
    out = np.empty((n_resamples, m, k))
    weights = [w.astype(np.float64) for w in bootstrap_weights(n_clusters, n_resamples, rng)]
    for j in range(k):
        columns = np.flatnonzero(method == j)
        block = np.asarray(items.values[:, columns], dtype=np.float64)
        present = ~np.isnan(block)
        totals = sums_by_cluster(np.where(present, block, 0.0).T, codes[columns], n_clusters)
        sizes = sums_by_cluster(present.T.astype(np.float64), codes[columns], n_clusters)
        sign = 1.0 if items.directions[j] else -1.0
        done = 0
        for w in weights:
            with np.errstate(invalid="ignore", divide="ignore"):
                out[done : done + len(w), :, j] = sign * (w @ totals) / (w @ sizes)
            done += len(w)
    return out


def reliability(table: ScoreTable) -> FloatArray:
    """Share of the variance between models that is not measurement noise, for each method; NaN if unknown.

    One minus the mean squared standard error over the variance of scores. At or below 0 the scores are
    noise as far as can be seen.
    """
    if table.std_error is None:
        return np.full(len(table.methods), np.nan)
    known = ~np.isnan(table.values) & ~np.isnan(table.std_error)
    out = np.full(len(table.methods), np.nan)
    for j in range(len(table.methods)):
        rows = known[:, j]
        if rows.sum() > 2 and rows.sum() == (~np.isnan(table.values[:, j])).sum():
            variance = table.values[rows, j].var(ddof=1)
            if variance > 0:
                out[j] = 1 - (table.std_error[rows, j] ** 2).mean() / variance
    return out


def disattenuated_correlation(
    values: FloatArray, std_error: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Pearson correlations over shared models, and the same freed from measurement noise.

    The observed correlation over the root of the two reliabilities, cut off at 1 in size. NaN where a
    standard error is unknown or a reliability is at most 0.1: then noise leaves nothing to correct.

    References:
        Spearman (1904). The proof and measurement of association between two things. Am. J. Psychol. 15.
    """
    k = values.shape[1]
    plain, true = np.full((k, k), np.nan), np.full((k, k), np.nan)
    for i in range(k):
        for j in range(i + 1, k):
            both = ~np.isnan(values[:, i]) & ~np.isnan(values[:, j])
            x, y = values[both, i], values[both, j]
            if both.sum() < 3 or x.std() == 0 or y.std() == 0:
                continue
            plain[i, j] = plain[j, i] = np.corrcoef(x, y)[0, 1]
            if std_error is None:
                continue
            share = [1 - (std_error[both, c] ** 2).mean() / values[both, c].var(ddof=1) for c in (i, j)]
            if not np.isnan(share).any() and min(share) > 0.1:
                corrected = plain[i, j] / np.sqrt(share[0] * share[1])
                true[i, j] = true[j, i] = float(np.clip(corrected, -1, 1))
    return plain, true


def disattenuated_interval(
    plain: FloatArray, true: FloatArray, shared: IntArray, confidence_level: float
) -> tuple[FloatArray, FloatArray]:
    """Interval of the freed correlations for other models: Fisher's of the plain one, freed in the same way.

    The reliabilities are taken as known, and ends beyond 1 are cut off; with few models and reliabilities
    near one half it is rough.

    References:
        Hunter, Schmidt (2004). Methods of Meta-Analysis, 2nd ed., chapter 3.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(plain != 0, true / plain, np.nan)
        half = critical_value(confidence_level) / np.sqrt(np.maximum(shared - 3, 0.0))
        centre = np.arctanh(np.clip(plain, -1 + 1e-12, 1 - 1e-12))
        ends = [np.clip(np.tanh(centre + sign * half) * factor, -1.0, 1.0) for sign in (-1.0, 1.0)]
    return ends[0], ends[1]
