"""Do methods agree, would other models agree too, and is the disagreement more than noise?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kakehashi.compare.agreement_results import Agreement, GroupAgreement, PairAgreement
from kakehashi.compare.capability import capability_vector, partial_tau, partial_tau_replicates
from kakehashi.compare.constructs import construct_split
from kakehashi.compare.correlation import (
    holm,
    kendall_tau_b,
    kendall_w,
    pair_signs,
    top_k_overlap,
    weighted_concordance,
    weighted_tau,
    weighted_tau_b,
)
from kakehashi.compare.intervals import Clusters, Estimate
from kakehashi.compare.judges import cohen_kappa
from kakehashi.compare.krippendorff import krippendorff_alpha
from kakehashi.compare.measurement_noise import (
    concordance_bounds,
    disattenuated_correlation,
    disattenuated_interval,
    noise_intervals,
)
from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    average_ranks,
    bootstrap_weights,
    critical_value,
    seed_of,
)
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import NotEstimableError, UsageError

LEAST_MODELS = 10

__all__ = ["Agreement", "GroupAgreement", "PairAgreement", "agreement", "item_agreement"]


def agreement(
    table: ScoreTable,
    items: ItemScores | None = None,
    *,
    capability: ArrayLike | None = None,
    top_k: int = 5,
    min_models: int = LEAST_MODELS,
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    n_permutations: int = 999,
    rng: Rng = None,
) -> Agreement:
    """Agreement of methods in the order they give to models.

    Two questions are kept apart. "Would other models agree?": models are resampled. "Is it noise?": the
    items behind the scores are resampled, with the models fixed (needs ``items``). Noise in scores pulls
    correlations towards 0; ``disattenuated`` undoes that where standard errors are known, so that a noisy
    method is not called a dissenter. Methods of different constructs need not agree: look at ``within``
    before ``overall``.

    Args:
        table: Models by methods.
        items: Item scores of the same models and methods, for the second question; methods that it lacks
            have no noise interval.
        capability: M values (such as :func:`capability_score`): adds tau with capability held fixed.
        top_k: Size of the top for the overlap.
        min_models: Fewer shared models than this are "insufficient".
        confidence_level: Nominal coverage.
        n_resamples: Number of resamples of models, and of items.
        n_permutations: Number of permutations for p values.
        rng: Generator or seed.

    Raises:
        NotEstimableError: A single method.
        InputError: ``capability`` of the wrong length.

    References:
        Kendall, Gibbons (1990). Rank Correlation Methods, 5th ed.
        Spearman (1904). The proof and measurement of association between two things (disattenuation).
        Phipson, Smyth (2010). Permutation p-values should never be zero. SAGMB 9.
    """
    m, k = table.shape
    if k < 2:
        raise NotEstimableError(
            "one method cannot agree or disagree with itself",
            diagnostic="one-method",
            hint="Give scores of a second method on the same models.",
        )
    values = table.oriented().values
    control = None if capability is None else capability_vector(capability, m)
    settings: dict[str, object] = {
        "min_models": min_models,
        "confidence_level": confidence_level,
        "n_resamples": n_resamples,
        "n_permutations": n_permutations,
        "top_k": top_k,
        "seed": seed_of(rng),
        "rank_of": "higher is better in every method",
    }
    present = (~np.isnan(values)).astype(np.int64)
    shared = present.T @ present
    first, second = np.triu_indices(k, 1)
    enough = shared[first, second] >= min_models
    diagnostics: dict[str, object] = {
        "n_missing_cells": int(np.isnan(values).sum()),
        "n_pairs_insufficient": int((~enough).sum()),
        "most_shared_models": int(shared[first, second].max()),
    }
    if not enough.any():
        reason = (
            f"no two methods share {min_models} models (the most is {int(shared[first, second].max())}); "
            "agreement in rank would be a matter of luck"
        )
        empty = np.full((k, k), np.nan)
        pairs = tuple(
            _pair(table, i, j, int(shared[i, j]), {})
            for i, j in zip(first.tolist(), second.tolist(), strict=True)
        )
        return Agreement(
            "insufficient", reason, table.models, table.methods, table.constructs, empty, pairs, None, (), None,
            None, settings, diagnostics,
        )  # fmt: skip
    generator = as_generator(rng)
    allowed = np.zeros((k, k), dtype=bool)
    allowed[first[enough], second[enough]] = True
    allowed |= allowed.T | np.eye(k, dtype=bool)
    tau = np.where(allowed, kendall_tau_b(values), np.nan)
    weighted = weighted_tau(values)
    overlap = top_k_overlap(values, top_k)
    drawn = np.concatenate([w.astype(np.float64) for w in bootstrap_weights(m, n_resamples, generator)])
    replicates = weighted_tau_b(values, drawn)
    tail = (1 - confidence_level) / 2
    low, high = _quantiles(replicates, tail)
    p_values = _permutation_p(values, allowed, n_permutations, generator)
    adjusted = holm(p_values)
    noise_low, noise_high, rho_low, rho_high = noise_intervals(
        table, items, tau, n_resamples, confidence_level, generator
    )
    pearson, true = disattenuated_correlation(values, table.std_error)
    true_low, true_high = disattenuated_interval(pearson, true, shared, confidence_level)
    partial = np.full((k, k), np.nan)
    partial_drawn = np.full((len(drawn), len(first)), np.nan)
    if control is not None:
        partial = partial_tau(values, control)
        partial_drawn = partial_tau_replicates(values, control, drawn)
    partial_low, partial_high = _quantiles(partial_drawn, tail)
    pairs = tuple(
        _pair(
            table,
            i,
            j,
            int(shared[i, j]),
            {}
            if not enough[p]
            else {
                "tau": tau[i, j],
                "tau_low": low[p],
                "tau_high": high[p],
                "noise_low": noise_low[p],
                "noise_high": noise_high[p],
                "weighted_tau": weighted[i, j],
                "top_overlap": overlap[i, j],
                "pearson": pearson[i, j],
                "disattenuated": true[i, j],
                "disattenuated_low": true_low[i, j],
                "disattenuated_high": true_high[i, j],
                "partial_tau": partial[i, j],
                "partial_low": partial_low[p],
                "partial_high": partial_high[p],
                "p_value": p_values[p],
                "p_holm": adjusted[p],
            },
        )
        for p, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True))
    )
    context = _Context(
        values, table.methods, tau, replicates, partial, partial_drawn, (noise_low, noise_high),
        (rho_low, rho_high), drawn, first, second, enough, min_models, confidence_level, n_permutations, generator,
    )  # fmt: skip
    everything = np.ones(len(first), dtype=bool)
    overall = context.group("all", np.arange(k), everything)
    within: list[GroupAgreement] = []
    between: GroupAgreement | None = None
    split = None
    if table.constructs is not None:
        construct = np.array(table.constructs)
        for name in dict.fromkeys(table.constructs):
            columns = np.flatnonzero(construct == name)
            if len(columns) > 1:
                inside = np.isin(first, columns) & np.isin(second, columns)
                within.append(context.group(name, columns, inside))
        across = construct[first] != construct[second]
        if across.any():
            columns = np.unique(np.r_[first[across], second[across]])
            between = context.group("between constructs", columns, across, whole=False)
        split = construct_split(
            tau, table.constructs, replicates, confidence_level=confidence_level, n_models=m,
            n_permutations=n_permutations, rng=generator,
        )  # fmt: skip
    return Agreement(
        "ok", "", table.models, table.methods, table.constructs, tau, pairs, overall, tuple(within), between,
        split, settings, diagnostics,
    )  # fmt: skip


def _pair(table: ScoreTable, i: int, j: int, shared: int, figures: Mapping[str, float]) -> PairAgreement:
    nan = float("nan")
    names = (
        "tau", "tau_low", "tau_high", "noise_low", "noise_high", "weighted_tau", "top_overlap", "pearson",
        "disattenuated", "disattenuated_low", "disattenuated_high", "partial_tau", "partial_low",
        "partial_high", "p_value", "p_holm",
    )  # fmt: skip
    same = None if table.constructs is None else table.constructs[i] == table.constructs[j]
    return PairAgreement(
        first=table.methods[i],
        second=table.methods[j],
        same_construct=same,
        n_shared=shared,
        status="ok" if figures else "insufficient",
        **{name: float(figures.get(name, nan)) for name in names},
    )


def _quantiles(replicates: FloatArray, tail: float) -> tuple[FloatArray, FloatArray]:
    """Percentiles of each column over its defined rows; NaN where fewer than nine in ten are defined."""
    out = np.full((2, replicates.shape[1]), np.nan)
    for p, column in enumerate(replicates.T):
        defined = column[~np.isnan(column)]
        if len(defined) >= 0.9 * len(column) and len(defined) > 1:
            out[:, p] = np.quantile(defined, [tail, 1 - tail])
    return out[0], out[1]


def _permutation_p(
    values: FloatArray, allowed: Any, n_permutations: int, rng: np.random.Generator
) -> FloatArray:
    """Two-sided p value of each pair's tau: the models of each method shuffled among those it has scores for.

    Signs of all pairs of models are computed once; shuffling models shuffles rows and columns alike.
    """
    k = values.shape[1]
    first, second = np.triu_indices(k, 1)
    if n_permutations < 1:
        return np.full(len(first), np.nan)
    observed = np.abs(kendall_tau_b(values)[first, second])
    exceed = np.zeros(len(first))
    missing = np.isnan(values)
    single = pair_signs(values)[0].astype(np.float32)
    if not missing.any():
        ties = (single**2).reshape(k, -1).sum(axis=1, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(ties > 0, 1.0 / np.sqrt(ties), 0.0)
        scale = share[first] * share[second]
        for _ in range(n_permutations):
            shuffled = np.empty_like(single)
            for c in range(k):
                order = rng.permutation(len(values))
                shuffled[c] = single[c][np.ix_(order, order)]
            flat = shuffled.reshape(k, -1)
            tau = np.abs((flat @ flat.T)[first, second] * scale)
            exceed += tau >= observed - 1e-6
    else:
        for p, (i, j) in enumerate(zip(first, second, strict=True)):
            both = ~(missing[:, i] | missing[:, j])
            if not allowed[i, j]:
                continue
            a, b = single[i][np.ix_(both, both)], single[j][np.ix_(both, both)]
            factor = 1.0 / max(float(np.sqrt((a**2).sum() * (b**2).sum())), 1e-12)
            for _ in range(n_permutations):
                order = rng.permutation(len(b))
                exceed[p] += abs(float((a * b[np.ix_(order, order)]).sum())) * factor >= observed[p] - 1e-6
    out = (exceed + 1) / (n_permutations + 1)
    out[np.isnan(observed) | ~allowed[first, second]] = np.nan
    return np.asarray(out, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Context:
    """What the groups of one call share."""

    values: FloatArray
    methods: tuple[str, ...]
    tau: FloatArray
    replicates: FloatArray
    partial: FloatArray
    partial_replicates: FloatArray
    noise: tuple[FloatArray, FloatArray]
    rho_noise: tuple[FloatArray, FloatArray]
    weights: FloatArray
    first: IntArray
    second: IntArray
    enough: Any
    min_models: int
    confidence_level: float
    n_permutations: int
    rng: np.random.Generator

    def group(self, name: str, columns: IntArray, pairs: Any, *, whole: bool = True) -> GroupAgreement:
        """The summary of some pairs; with ``whole`` also the coefficients of all their methods together."""
        used = np.flatnonzero(pairs & self.enough)
        methods = tuple(self.methods[c] for c in columns)
        taus = self.tau[self.first[used], self.second[used]]
        used, taus = used[~np.isnan(taus)], taus[~np.isnan(taus)]
        mean: Estimate | None = None
        reasons = []
        if len(taus):
            mean = self._estimate(float(taus.mean()), self.replicates[:, used].mean(axis=1), -1.0)
        else:
            reasons.append(f"no pair of methods shares {self.min_models} models")
        partial: Estimate | None = None
        partials = self.partial[self.first[used], self.second[used]]
        if len(used) and not np.isnan(partials).any():
            partial = self._estimate(
                float(partials.mean()), self.partial_replicates[:, used].mean(axis=1), -1.0
            )
        noise = [float(ends[used].mean()) if len(used) else float("nan") for ends in self.noise]
        complete = ~np.isnan(self.values[:, columns]).any(axis=1)
        joint = np.full((2, 2), np.nan)  # W and alpha rest on all pairs over the same models
        if whole and complete.all() and 0 < len(used) == len(columns) * (len(columns) - 1) // 2:
            joint = np.array(
                [concordance_bounds(ends[used], len(self.values), len(columns)) for ends in self.rho_noise]
            )
        concordance: Estimate | None = None
        alpha: Estimate | None = None
        p_value = float("nan")
        if whole and complete.sum() < self.min_models:
            reasons.append(
                f"only {int(complete.sum())} models have a score by all {len(columns)} methods: no W"
            )
        elif whole:
            scores = self.values[np.ix_(complete, columns)]
            try:
                concordance, p_value = self._concordance(scores)
            except NotEstimableError as error:
                reasons.append(error.message)
        if whole:
            try:
                alpha = self._alpha(self.values[:, columns])
            except NotEstimableError as error:
                reasons.append(error.message)
        return GroupAgreement(
            name=name,
            methods=methods,
            n_models=int(complete.sum()),
            n_pairs=len(taus),
            mean_tau=mean,
            share_negative=float((taus < 0).mean()) if len(taus) else float("nan"),
            kendall_w=concordance,
            w_p_value=p_value,
            alpha=alpha,
            mean_partial_tau=partial,
            noise_low=noise[0],
            noise_high=noise[1],
            w_noise_low=float(np.maximum(joint[0, 0], 0.0)),
            w_noise_high=float(joint[1, 0]),
            alpha_noise_low=float(joint[0, 1]),
            alpha_noise_high=float(joint[1, 1]),
            reason="; ".join(reasons),
        )

    def _estimate(self, value: float, replicates: FloatArray, least: float) -> Estimate:
        """Student's interval from the spread of the replicates: their percentiles cover too little here."""
        defined = replicates[~np.isnan(replicates)]
        n = len(self.values)
        if len(defined) < 0.9 * len(replicates) or len(defined) < 2:
            nan = float("nan")
            return Estimate(value, nan, nan, self.confidence_level, "not-estimable", n)
        spread = float(defined.std(ddof=1) * np.sqrt(n / (n - 1)))
        half = critical_value(self.confidence_level, n - 1) * spread
        low, high = max(value - half, least), min(value + half, 1.0)
        return Estimate(value, low, high, self.confidence_level, "model-bootstrap-t", n, spread)

    def _alpha(self, scores: FloatArray) -> Estimate | None:
        """Alpha of the ranks as shares of each method's models: equal to alpha of the ranks without holes."""
        two = (~np.isnan(scores)).sum(axis=1) >= 2
        if two.sum() < self.min_models:
            return None
        place = (average_ranks(scores) - 0.5) / (~np.isnan(scores)).sum(axis=0)
        return krippendorff_alpha(
            place.T,
            level="interval",
            confidence_level=self.confidence_level,
            n_resamples=len(self.weights),
            rng=self.rng,
        )

    def _concordance(self, scores: FloatArray) -> tuple[Estimate, float]:
        found = kendall_w(scores)
        drawn = np.concatenate(
            [w.astype(np.float64) for w in bootstrap_weights(len(scores), len(self.weights), self.rng)]
        )
        replicates = weighted_concordance(scores, drawn)
        estimate = self._estimate(found.value, replicates, 0.0)
        ranks = average_ranks(scores)
        observed = ranks.sum(axis=1).var()
        exceed = sum(
            self.rng.permuted(ranks, axis=0).sum(axis=1).var() >= observed - 1e-9
            for _ in range(self.n_permutations)
        )
        p_value = (exceed + 1) / (self.n_permutations + 1) if self.n_permutations > 0 else float("nan")
        return estimate, p_value


def item_agreement(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Clusters = None,
    *,
    rng: Rng = None,
    n_resamples: int = 2000,
) -> Estimate:
    """Agreement of two judges or methods item by item: Cohen's kappa, for use with few models.

    Raises:
        UsageError: More than twenty distinct labels: scores, not labels.
    """
    a, b = list(np.asarray(first, dtype=object)), list(np.asarray(second, dtype=object))
    if len({str(v) for v in a} | {str(v) for v in b}) > 20:
        raise UsageError(
            "kappa is for labels, and here are more than twenty",
            hint="Use krippendorff_alpha(level='interval').",
        )
    return cohen_kappa(a, b, clusters=clusters, rng=rng, n_resamples=n_resamples)
