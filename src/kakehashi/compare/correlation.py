"""Rank correlation between methods: tau-b, weighted tau, Kendall's W, overlap at the top."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.resampling import FloatArray, average_ranks
from kakehashi.errors import InputError, NotEstimableError, UsageError


def score_matrix(values: ArrayLike) -> FloatArray:
    """An M x K float array of scores, NaN for missing; infinity is refused."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"scores must be a matrix of models by methods, not of shape {array.shape}")
    if np.isinf(array).any():
        i, j = np.argwhere(np.isinf(array))[0]
        raise InputError(f"the score of model {i + 1} by method {j + 1} is infinite", row=int(i) + 1)
    return array


def pair_signs(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sign of the difference of each two models under each method, and whether both have a score.

    Returns:
        Two arrays of K x M x M in single precision, which holds such small whole numbers exactly.
    """
    columns = values.T
    with np.errstate(invalid="ignore"):
        above = columns[:, :, None] > columns[:, None, :]
        below = columns[:, :, None] < columns[:, None, :]
    present = ~np.isnan(columns)
    both = present[:, :, None] & present[:, None, :]
    return (above.astype(np.float32) - below.astype(np.float32)).astype(np.float64), both.astype(np.float64)


def kendall_tau_b(values: ArrayLike) -> FloatArray:
    """Kendall's tau-b between all methods, over the models that each two methods share.

    1: both order the models alike; 0: no relation; -1: reversed. Tied models count for neither side and
    are taken out of the denominator. NaN where two methods share fewer than two models or one of them
    ties all of them: not estimable, not zero.

    Args:
        values: M x K scores, NaN for missing. Turn every column so that higher is better.

    Returns:
        K x K matrix.

    References:
        Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika 33, 239-251.

    Examples:
        >>> kendall_tau_b([[1, 1], [2, 3], [3, 2]]).round(4).tolist()
        [[1.0, 0.3333], [0.3333, 1.0]]
    """
    array = score_matrix(values)
    m, k = array.shape
    numerator, ties = np.zeros((k, k)), np.zeros((k, k))
    block = max(1, int(2e7 // max(m * k, 1)))
    columns = array.T
    present = ~np.isnan(columns)
    for start in range(0, m, block):
        part = slice(start, start + block)
        with np.errstate(invalid="ignore"):
            signs = np.sign(columns[:, part, None] - columns[:, None, :])
        both = (present[:, part, None] & present[:, None, :]).reshape(k, -1).astype(np.float64)
        signs = np.where(np.isnan(signs), 0.0, signs).reshape(k, -1)
        numerator += signs @ signs.T
        ties += np.abs(signs) @ both.T
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = numerator / np.sqrt(ties * ties.T)
    out: FloatArray = np.clip(np.where(ties * ties.T > 0, tau, np.nan), -1.0, 1.0)
    return out


def weighted_tau(values: ArrayLike) -> FloatArray:
    """Weighted tau between all methods: exchanges near the top weigh more than those near the bottom.

    The weight of a pair of models is 1/r + 1/s for their ranks r and s (hyperbolic, additive), averaged
    over the ranking by each of the two methods. Use it where only the top matters; it rests on few models.

    Returns:
        K x K matrix over the models each two methods share; NaN where not estimable.

    References:
        Vigna (2015). A weighted correlation index for rankings with ties. WWW '15, 1166-1176.
    """
    array = score_matrix(values)
    k = array.shape[1]
    out = np.full((k, k), np.nan)
    for i in range(k):
        for j in range(i, k):
            shared = ~np.isnan(array[:, i]) & ~np.isnan(array[:, j])
            out[i, j] = out[j, i] = _weighted_tau(array[shared, i], array[shared, j])
    return out


def _weighted_tau(x: FloatArray, y: FloatArray) -> float:
    if len(x) < 2:
        return float("nan")
    sx, sy = np.sign(np.subtract.outer(x, x)), np.sign(np.subtract.outer(y, y))
    taus = []
    for first, second in ((x, y), (y, x)):
        order = np.lexsort((-second, -first))
        weight = np.empty(len(x))
        weight[order] = 1.0 / np.arange(1, len(x) + 1)
        pair = np.add.outer(weight, weight)
        scale = (pair * sx * sx).sum() * (pair * sy * sy).sum()
        if scale <= 0:
            return float("nan")
        taus.append((pair * sx * sy).sum() / np.sqrt(scale))
    return float(np.clip(np.mean(taus), -1, 1))


@dataclass(frozen=True, slots=True)
class Concordance:
    """Kendall's W.

    Attributes:
        value: Between 0 (no concordance) and 1 (all methods order the models alike), corrected for ties.
        n_models: Models used: those with a score by every method.
        n_methods: Number of methods.
        n_left_out: Models left out because a score was missing.
        mean_spearman: Mean Spearman correlation between methods; without ties it is (mW - 1) / (m - 1).
            NaN where a method ties all models.
    """

    value: float
    n_models: int
    n_methods: int
    n_left_out: int
    mean_spearman: float


def kendall_w(values: ArrayLike) -> Concordance:
    """Kendall's coefficient of concordance W, with the correction for ties, on complete cases.

    W of m unrelated methods is near 1/m, not 0: read it beside the number of methods. With many missing
    cells few models are left; the result says how many.

    Raises:
        NotEstimableError: Fewer than two methods or complete models, or every method ties all models.

    References:
        Kendall, Babington Smith (1939). The problem of m rankings. Ann. Math. Statist. 10, 275-287.

    Examples:
        >>> kendall_w([[1, 1, 6], [5, 5, 1], [6, 6, 5], [3, 2, 3], [4, 4, 2], [2, 3, 4]]).n_models
        6
    """
    array = score_matrix(values)
    complete = array[~np.isnan(array).any(axis=1)]
    n, m = complete.shape
    if m < 2:
        raise NotEstimableError(
            "one method cannot agree or disagree with itself",
            diagnostic="one-method",
            hint="Give two methods.",
        )
    if n < 2:
        raise NotEstimableError(
            f"only {n} of {len(array)} models have a score by every method",
            diagnostic="too-few-complete-models",
            hint="Drop the methods with many missing cells, or look at tau-b, which works by pairs.",
        )
    value = float(weighted_concordance(complete, np.ones((1, n)))[0])
    if np.isnan(value):
        raise NotEstimableError("every method gives all models the same score", diagnostic="constant-scores")
    pairs = [spearman(complete[:, i], complete[:, j]) for i in range(m) for j in range(i + 1, m)]
    return Concordance(value, n, m, len(array) - n, float(np.mean(pairs)))


def weighted_concordance(values: FloatArray, weights: FloatArray) -> FloatArray:
    """W of each row of ``weights`` (B x M counts of how often each model is drawn); NaN where undefined."""
    m = values.shape[1]
    n = weights.sum(axis=1)
    totals = np.zeros(weights.shape)
    ties = np.zeros(len(weights))
    for column in values.T:
        less = (column[None, :] < column[:, None]).astype(np.float64)
        same = (column[None, :] == column[:, None]).astype(np.float64)
        tied = weights @ same.T
        totals += weights @ less.T + tied / 2
        ties += (weights * (tied**2 - 1)).sum(axis=1)
    centre = (weights * totals).sum(axis=1) / n
    spread = (weights * (totals - centre[:, None]) ** 2).sum(axis=1)
    scale = m**2 * (n**3 - n) - m * ties
    with np.errstate(invalid="ignore", divide="ignore"):
        out: FloatArray = np.where(scale > 0, 12 * spread / scale, np.nan)
    return out


def weighted_tau_b(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Tau-b of all pairs of methods when model i is drawn ``weights[b, i]`` times.

    Copies of one model are tied under every method and drop out.

    Returns:
        B x P array over the pairs i < j in the order of ``np.triu_indices``; NaN where undefined.
    """
    signs, both = pair_signs(values)
    k = values.shape[1]
    complete = not np.isnan(values).any()
    w = np.asarray(weights, dtype=np.float64)

    def quadratic(matrix: FloatArray) -> FloatArray:
        out: FloatArray = np.einsum("bi,bi->b", w @ matrix, w)
        return out

    own = [quadratic(np.abs(signs[i])) for i in range(k)] if complete else []
    columns = []
    for i, j in zip(*np.triu_indices(k, 1), strict=True):
        first = own[i] if complete else quadratic(np.abs(signs[i]) * both[j])
        second = own[j] if complete else quadratic(np.abs(signs[j]) * both[i])
        with np.errstate(invalid="ignore", divide="ignore"):
            tau = quadratic(signs[i] * signs[j]) / np.sqrt(first * second)
        columns.append(np.where(first * second > 0, tau, np.nan))
    return np.column_stack(columns) if columns else np.zeros((len(w), 0))


def top_k_overlap(values: ArrayLike, k: int) -> FloatArray:
    """Share of the k best models of one method that are among the k best of another, over shared models.

    Models tied at the boundary count by their chance of being drawn into the k. By chance alone the
    overlap is k over the number of models shared.

    Returns:
        K x K matrix; NaN where two methods share fewer than k models.

    Raises:
        UsageError: ``k`` below 1.
    """
    if k < 1:
        raise UsageError(f"k must be at least 1, not {k}")
    array = score_matrix(values)
    methods = array.shape[1]
    out = np.full((methods, methods), np.nan)
    for i in range(methods):
        for j in range(i, methods):
            shared = ~np.isnan(array[:, i]) & ~np.isnan(array[:, j])
            if shared.sum() < k:
                continue
            chances = [_chance_of_top(array[shared, c], k) for c in (i, j)]
            overlap = (chances[0] * chances[1]).sum() / k if i != j else 1.0
            out[i, j] = out[j, i] = overlap
    return out


def _chance_of_top(column: FloatArray, k: int) -> FloatArray:
    cut = np.sort(column)[::-1][k - 1]
    above, tied = column > cut, column == cut
    out: FloatArray = above + tied * (k - above.sum()) / tied.sum()
    return out


def holm(p_values: ArrayLike) -> FloatArray:
    """Holm's step-down adjustment; NaN stays NaN and is not counted.

    References:
        Holm (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.

    Examples:
        >>> holm([0.01, 0.04, 0.03]).round(4).tolist()
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    flat = p.ravel()
    present = np.flatnonzero(~np.isnan(flat))
    order = present[np.argsort(flat[present], kind="stable")]
    steps = np.maximum.accumulate(flat[order] * np.arange(len(order), 0, -1))
    out = np.full(flat.shape, np.nan)
    out[order] = np.minimum(steps, 1.0)
    return out.reshape(p.shape)


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's correlation over the positions where both are present; NaN where not estimable."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    shared = ~np.isnan(a) & ~np.isnan(b)
    if shared.sum() < 2:
        return float("nan")
    ranks = average_ranks(np.column_stack([a[shared], b[shared]]))
    ranks -= ranks.mean(axis=0)
    scale = float(np.sqrt((ranks[:, 0] ** 2).sum() * (ranks[:, 1] ** 2).sum()))
    return float((ranks[:, 0] * ranks[:, 1]).sum() / scale) if scale > 0 else float("nan")
