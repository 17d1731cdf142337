"""How much of a method is general capability in another dress."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.correlation import kendall_tau_b, spearman, weighted_tau_b
from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import FloatArray, average_ranks, critical_value
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import InputError, NotEstimableError


def capability_vector(capability: ArrayLike, m: int) -> FloatArray:
    """One finite or missing value a model, checked."""
    control = np.asarray(capability, dtype=np.float64)
    if control.shape != (m,):
        raise InputError(
            f"capability has shape {control.shape}, but there are {m} models", hint="One value a model."
        )
    if np.isinf(control).any():
        raise InputError("capability is infinite for a model", hint="Write NaN for a missing value.")
    return control


def partial_tau(values: ArrayLike, control: ArrayLike) -> FloatArray:
    """Kendall's partial tau of all pairs of methods with ``control`` (M values) held fixed.

    From the three pairwise tau-b on the models that have all three. It shows how much of the agreement
    of two methods goes through capability; its sampling distribution is not simple, so there is no p value.

    References:
        Kendall (1942). Partial rank correlation. Biometrika 32, 277-283.
    """
    scores, fixed = np.asarray(values, dtype=np.float64), np.asarray(control, dtype=np.float64)
    k = scores.shape[1]
    out = np.full((k, k), np.nan)
    for i in range(k):
        for j in range(i, k):
            triple = np.column_stack([scores[:, i], scores[:, j], fixed])
            triple = triple[~np.isnan(triple).any(axis=1)]
            if len(triple) < 3:
                continue
            tau = kendall_tau_b(triple)
            scale = (1 - tau[0, 2] ** 2) * (1 - tau[1, 2] ** 2)
            if scale > 1e-12:
                out[i, j] = out[j, i] = (tau[0, 1] - tau[0, 2] * tau[1, 2]) / np.sqrt(scale)
    return out


def partial_tau_replicates(values: FloatArray, control: FloatArray, weights: FloatArray) -> FloatArray:
    """Partial tau of all pairs of methods when model i is drawn ``weights[b, i]`` times.

    Returns:
        B x P over the pairs of ``np.triu_indices``; NaN where undefined.
    """
    k = values.shape[1]
    whole = np.column_stack([values, control])
    position = {pair: p for p, pair in enumerate(zip(*np.triu_indices(k + 1, 1), strict=True))}
    complete = not np.isnan(whole).any()
    taus = weighted_tau_b(whole, weights) if complete else np.zeros((0, 0))
    columns = []
    for i, j in zip(*np.triu_indices(k, 1), strict=True):
        if complete:
            three = taus[:, [position[i, j], position[i, k], position[j, k]]]
        else:
            rows = ~np.isnan(whole[:, [i, j, k]]).any(axis=1)
            three = weighted_tau_b(whole[rows][:, [i, j, k]], weights[:, rows])
        ab, ac, bc = three.T
        scale = (1 - ac**2) * (1 - bc**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            columns.append(np.where(scale > 1e-12, (ab - ac * bc) / np.sqrt(scale), np.nan))
    return np.column_stack(columns)


def capability_score(table: ScoreTable) -> FloatArray:
    """One number of general capability for each model: the first component of several capability methods.

    Columns are standardized; the component is the leading eigenvector of their Spearman correlations, with
    the sign that most methods follow. Complete cells are needed.

    Raises:
        NotEstimableError: A missing cell, a constant method, or fewer than two methods or three models.

    References:
        Ren et al. (2024). Safetywashing. arXiv:2407.21792.
    """
    values = table.oriented().values
    m, k = values.shape
    if np.isnan(values).any():
        i, j = np.argwhere(np.isnan(values))[0]
        raise NotEstimableError(
            f"{table.models[i]!r} has no score by {table.methods[j]!r}: the component needs complete cells",
            diagnostic="missing-cells",
            hint="select() models or methods without missing cells.",
        )
    if k < 2 or m < 3 or (values.std(axis=0) == 0).any():
        raise NotEstimableError(
            "a component needs two methods, three models and scores that differ", diagnostic="too-little-data"
        )
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    _, vectors = np.linalg.eigh(np.corrcoef(average_ranks(values), rowvar=False))
    leading = vectors[:, -1]
    leading = leading * (1.0 if np.abs(leading).max() == leading.max() else -1.0)
    out: FloatArray = standard @ leading
    return out


def capability_correlation(table: ScoreTable, capability: ArrayLike) -> Mapping[str, float]:
    """Spearman correlation of each method (higher = better) with capability: capability in disguise?

    Near 1 the method mostly measures capability; strongly negative, capable models do worse by it.
    """
    control = capability_vector(capability, len(table.models))
    values = table.oriented().values
    return {name: spearman(values[:, j], control) for j, name in enumerate(table.methods)}


def capability_share(
    table: ScoreTable, capability: ArrayLike, *, confidence_level: float = 0.95
) -> Mapping[str, Estimate]:
    """Spearman correlation of each method (higher = better) with capability, with its interval over models.

    The interval is Fisher's with the variance (1 + r^2 / 2) / (n - 3); NaN ends, with a diagnostic, where fewer
    than ten models share a method and the capability score.

    References:
        Bonett, Wright (2000). Sample size requirements for estimating Pearson, Kendall and Spearman
            correlations. Psychometrika 65, 23-28.
    """
    control = capability_vector(capability, len(table.models))
    values = table.oriented().values
    out = {}
    for j, name in enumerate(table.methods):
        n = int((~np.isnan(values[:, j]) & ~np.isnan(control)).sum())
        r = spearman(values[:, j], control)
        low = high = spread = float("nan")
        diagnostics: dict[str, object] = {}
        if n < 10 or np.isnan(r):
            diagnostics["no_interval"] = f"{n} models have both scores" if n < 10 else "constant scores"
        else:
            centre = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
            error = np.sqrt((1 + r**2 / 2) / (n - 3))
            half = critical_value(confidence_level) * error
            low, high = float(np.tanh(centre - half)), float(np.tanh(centre + half))
            spread = float(error * (1 - r**2))
        out[name] = Estimate(
            r, low, high, confidence_level, "Fisher, Bonett and Wright", n, spread, {}, diagnostics
        )
    return out
