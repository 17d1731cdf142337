"""Fewer items for the same score: a stratified choice and an estimator that stays unbiased, behind a gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kakehashi.compare.correlation import kendall_tau_b
from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    critical_value,
    seed_of,
)
from kakehashi.compare.table import ItemScores, wilson_bounds
from kakehashi.errors import InputError, NotEstimableError, UsageError

#: A bank of fewer models, or families of models, cannot vouch for a new one.
LEAST_MODELS = 12
LEAST_SELECTED = 40
#: Items asked in each stratum: two for each half of the cross-fit.
PER_STRATUM = 4
LEAST_COVERAGE = 0.93
LEAST_TAU = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The items to ask a new model.

    Attributes:
        items: Names of the items to ask, in the bank's order.
        n_bank: Items of the bank.
        bank: All items of the bank.
        stratum: For each item of the bank its stratum.
        half: For each item of the bank 0 or 1, the half of the cross-fit, or -1 where it is not asked.
        features: Items of the bank by features, from the bank's models alone.
        bounds: Least and greatest possible score, or ``None``.
        settings: What the function was called with.
    """

    items: tuple[str, ...]
    n_bank: int
    bank: tuple[str, ...]
    stratum: IntArray
    half: IntArray
    features: FloatArray
    bounds: tuple[float, float] | None
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelectionGate:
    """Whether a bank can vouch for a choice of so many items, tried on its own models.

    Attributes:
        passed: Whether the choice may be used.
        reasons: Why not; empty if passed.
        n_items: Items asked.
        n_bank: Items of the bank.
        n_models: Models of the bank.
        factor: How many times as many items a simple random choice takes for the same error, on models left
            out, with a conservative interval for other models like these on the same items. What was reached
            here; no promise for another bank.
        coverage: Share of nominal 95% intervals (or as set) that hold the full score, over models left out.
        coverage_error: Its standard error over models.
        tau: Mean tau-b between estimated and full scores.
        bias: Mean error over models and draws.
        root_mean_square_error: Of the estimates.
        settings: What the function was called with.
    """

    passed: bool
    reasons: tuple[str, ...]
    n_items: int
    n_bank: int
    n_models: int
    factor: Estimate
    coverage: float
    coverage_error: float
    tau: float
    bias: float
    root_mean_square_error: float
    settings: Mapping[str, object] = field(default_factory=dict)


def select_items(
    bank: ItemScores,
    n_items: int,
    *,
    families: Sequence[Any] | None = None,
    n_draws: int = 20,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> tuple[Selection, SelectionGate]:
    """Choose the items to ask a new model, if the bank passes the gate.

    Items are put in strata of like difficulty in the bank, and a random sample is drawn from each. The
    bank's models predict what is not asked (:func:`estimate_full_score`); a wrong prediction costs
    precision, never a bias. Only for a model like those of the bank does it save calls: the gate tries
    this with each family of models left out, and says what was reached.

    Args:
        bank: Models by all items; missing cells are filled by the item's mean.
        n_items: Items to ask.
        families: For each model its family (developer, base model); left out together.
        n_draws: Draws for each model in the gate.
        confidence_level: Nominal coverage.
        rng: Generator or seed.

    Returns:
        The choice and the gate that it passed.

    Raises:
        NotEstimableError: The bank is too small or the gate refuses; the message says why.
        UsageError: Fewer than 40 items, or as many as the bank has.
    """
    generator = as_generator(rng)
    gate = selection_gate(
        bank,
        n_items,
        families=families,
        n_draws=n_draws,
        confidence_level=confidence_level,
        rng=generator,
    )
    if not gate.passed:
        raise NotEstimableError(
            f"the bank cannot vouch for {n_items} of {len(bank.items)} items: {'; '.join(gate.reasons)}",
            diagnostic="gate",
            hint="Ask all items, more of them, or bring results of more models.",
        )
    values = _values(bank)
    return _draw(bank.items, values, n_items, _bounds(bank.values), generator, seed_of(rng)), gate


def estimate_full_score(
    selection: Selection, answers: Mapping[str, float], *, confidence_level: float = 0.95
) -> Estimate:
    """The score on all items of the bank from the items asked (cross-fitted difference estimator).

    Half of the answers fits a ridge regression on the bank's features; the other half, a random sample of
    what is left, corrects its prediction; then the halves change places. Either way the expectation over
    draws is the full-set score exactly, whatever the model.

    Args:
        selection: What was asked.
        answers: For each item asked its score.
        confidence_level: Nominal coverage.

    Raises:
        InputError: An item without an answer, or a score that is not finite or outside the bounds.

    References:
        Sarndal, Swensson, Wretman (1992). Model Assisted Survey Sampling, chapter 6.
        Polo and others (2024). tinyBenchmarks: evaluating LLMs with fewer examples. ICML.
    """
    asked = np.flatnonzero(selection.half >= 0)
    lacking = [selection.bank[i] for i in asked if selection.bank[i] not in answers]
    if lacking:
        raise InputError(
            f"{len(lacking)} of {asked.size} items asked have no answer, such as {lacking[0]!r}",
            hint="Leaving out what was not answered would bias the score; give it the worth it has.",
        )
    y = np.full(selection.n_bank, np.nan)
    y[asked] = [float(answers[selection.bank[i]]) for i in asked]
    if not np.isfinite(y[asked]).all():
        raise InputError("an answer is not a finite number", hint="Give every item asked a score.")
    if selection.bounds is not None:
        low, high = selection.bounds
        if ((y[asked] < low) | (y[asked] > high)).any():
            raise InputError(f"an answer lies outside the bounds {selection.bounds} of the bank")
    value, variance, degrees = _difference(selection, y)
    t = critical_value(confidence_level, degrees)
    if variance <= 0:
        low = high = float("nan")
    elif selection.bounds is None:
        low, high = value - t * np.sqrt(variance), value + t * np.sqrt(variance)
    else:
        least, most = selection.bounds
        p = min(max((value - least) / (most - least), 0.0), 1.0)
        smooth = (p * asked.size + 1) / (asked.size + 2)
        effective = smooth * (1 - smooth) / variance * (most - least) ** 2
        ends = wilson_bounds(p * effective, effective, t)
        low, high = (least + float(end) * (most - least) for end in ends)
    return Estimate(
        value=value,
        low=float(low),
        high=float(high),
        confidence_level=confidence_level,
        method="stratified, cross-fitted difference",
        n=int(asked.size),
        std_error=float(np.sqrt(variance)) if variance > 0 else float("nan"),
        settings=selection.settings,
        diagnostics={
            "n_bank": selection.n_bank,
            "mean_of_answers": float(y[asked].mean()),
            **({"no_variation": True} if variance <= 0 else {}),
        },
    )


def selection_gate(
    bank: ItemScores,
    n_items: int,
    *,
    families: Sequence[Any] | None = None,
    n_draws: int = 20,
    confidence_level: float = 0.95,
    rng: Rng = None,
) -> SelectionGate:
    """Try the choice on each model of the bank, built without its family: error, coverage, order.

    Only models with all items are tried; all models serve as bank.

    Raises:
        NotEstimableError: Too few models, or no model with all items.
        UsageError: As in :func:`select_items`.
    """
    generator = as_generator(rng)
    m, n = bank.values.shape
    groups = np.arange(m) if families is None else _family_codes(families, m)
    n_families = len(np.unique(groups))
    if n_families < LEAST_MODELS:
        raise NotEstimableError(
            f"a bank of {m} models in {n_families} families cannot vouch for a new model "
            f"(at least {LEAST_MODELS})",
            diagnostic="too-few-models",
            hint="Ask all items.",
        )
    if not LEAST_SELECTED <= n_items < n:
        raise UsageError(
            f"{n_items} of {n} items cannot be chosen",
            hint=f"Choose at least {LEAST_SELECTED} and fewer than all.",
        )
    full = np.flatnonzero(~np.isnan(bank.values).any(axis=1))
    if full.size < LEAST_MODELS:
        raise NotEstimableError(
            f"only {full.size} models have all {n} items (at least {LEAST_MODELS})",
            diagnostic="missing-cells",
        )
    bounds = _bounds(bank.values)
    truth = np.asarray(bank.values[full], dtype=np.float64).mean(axis=1)
    estimates, hits = np.zeros((n_draws, full.size)), np.zeros((n_draws, full.size))
    for place, model in enumerate(full):
        others = groups != groups[model]
        features, strata = _features(_filled(np.asarray(bank.values[others], dtype=np.float64))), None
        y = np.asarray(bank.values[model], dtype=np.float64)
        for draw in range(n_draws):
            chosen, strata = _sample(features, n_items, generator, strata)
            selection = Selection((), n, bank.items, strata, chosen, features, bounds)
            answers = {bank.items[i]: float(y[i]) for i in np.flatnonzero(chosen >= 0)}
            found = estimate_full_score(selection, answers, confidence_level=confidence_level)
            estimates[draw, place] = found.value
            hits[draw, place] = found.low <= truth[place] <= found.high
    errors = estimates - truth
    squared: FloatArray = np.asarray((errors**2).mean(axis=0), dtype=np.float64)
    spread = np.asarray(bank.values[full], dtype=np.float64).var(axis=1, ddof=1)
    factor = _factor(squared, spread, n_items, n, confidence_level)
    by_model = hits.mean(axis=0)
    taus = [float(kendall_tau_b(np.column_stack([row, truth]))[0, 1]) for row in estimates]
    tau = float(np.nanmean(taus)) if np.isfinite(taus).any() else float("nan")
    coverage = float(by_model.mean())
    reasons = []
    least = LEAST_COVERAGE - (0.95 - confidence_level)
    if coverage < least:
        reasons.append(
            f"intervals held {coverage:.1%} of the full scores of models left out, less than {least:.0%}"
        )
    if not tau >= LEAST_TAU:
        reasons.append(f"the order of models left out agrees with the full order by tau {tau:.2f} only")
    if factor.value <= 1:
        reasons.append(f"a simple random choice does as well (factor {factor.value:.2f})")
    return SelectionGate(
        passed=not reasons,
        reasons=tuple(reasons),
        n_items=n_items,
        n_bank=n,
        n_models=m,
        factor=factor,
        coverage=coverage,
        coverage_error=float(by_model.std(ddof=1) / np.sqrt(full.size)),
        tau=tau,
        bias=float(errors.mean()),
        root_mean_square_error=float(np.sqrt(squared.mean())),
        settings={
            "n_draws": n_draws,
            "confidence_level": confidence_level,
            "n_families": n_families,
            "seed": seed_of(rng),
        },
    )


def _family_codes(families: Sequence[Any], m: int) -> IntArray:
    if len(families) != m:
        raise InputError(f"families has {len(families)} entries for {m} models")
    _, codes = np.unique(np.array([str(f) for f in families]), return_inverse=True)
    found: IntArray = codes.reshape(-1).astype(np.int64)
    return found


def _bounds(values: np.ndarray) -> tuple[float, float] | None:
    """0 and 1 where all scores lie there."""
    return (0.0, 1.0) if np.nanmin(values) >= 0 and np.nanmax(values) <= 1 else None


def _values(bank: ItemScores) -> FloatArray:
    return _filled(np.asarray(bank.values, dtype=np.float64))


def _filled(values: FloatArray) -> FloatArray:
    """Missing cells by the item's mean, and that of an item nobody has by the mean of all."""
    present = ~np.isnan(values)
    if not present.any():
        raise NotEstimableError("the bank has no score", diagnostic="all-missing")
    counts = present.sum(axis=0)
    sums = np.where(present, values, 0.0).sum(axis=0)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), sums.sum() / counts.sum())
    return np.where(present, values, means)


def _features(values: FloatArray) -> FloatArray:
    """A constant, the item's mean, and its loadings on the first axes of the bank."""
    mean = values.mean(axis=0)
    centred = values - mean
    centred = centred - centred.mean(axis=1, keepdims=True)
    axes = min(3, max(len(values) // 6, 1))
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    scaled = right[:axes].T * np.sqrt(values.shape[1])
    spread = mean.std()
    return np.column_stack([np.ones_like(mean), (mean - mean.mean()) / (spread or 1.0), scaled])


def _sample(
    features: FloatArray, n_items: int, rng: np.random.Generator, strata: IntArray | None = None
) -> tuple[IntArray, IntArray]:
    """Half (0, 1) or -1 for every item, and its stratum: like difficulty, about four asked in each."""
    n = len(features)
    if strata is None:
        order = np.lexsort((features[:, 2], features[:, 1]))
        count = max(n_items // PER_STRATUM, 1)
        strata = np.empty(n, dtype=np.int64)
        strata[order] = np.arange(n) * count // n
    sizes = np.bincount(strata)
    wanted = np.full(len(sizes), n_items // len(sizes))
    wanted[rng.permutation(len(sizes))[: n_items - int(wanted.sum())]] += 1
    wanted = np.minimum(wanted, sizes)
    half = np.full(n, -1, dtype=np.int64)
    for h, take in enumerate(wanted):
        chosen = rng.permutation(np.flatnonzero(strata == h))[:take]
        start = int(rng.integers(2))
        half[chosen] = (np.arange(take) + start) % 2
    return half, strata


def _draw(
    names: tuple[str, ...],
    values: FloatArray,
    n_items: int,
    bounds: tuple[float, float] | None,
    rng: np.random.Generator,
    seed: int | None,
) -> Selection:
    features = _features(values)
    half, strata = _sample(features, n_items, rng)
    asked = tuple(names[i] for i in np.flatnonzero(half >= 0))
    return Selection(
        asked, len(names), names, strata, half, features, bounds, {"n_items": n_items, "seed": seed}
    )


def _difference(selection: Selection, y: FloatArray) -> tuple[float, float, int]:
    """Estimate, variance and degrees of freedom."""
    half, strata, x = selection.half, selection.stratum, selection.features
    n = len(half)
    h = int(strata.max()) + 1
    values, residual = [], np.full(n, np.nan)
    for fit in (0, 1):
        trained, rest = half == fit, half == 1 - fit
        predicted = x @ _ridge(x[trained], y[trained])
        residual[rest] = y[rest] - predicted[rest]
        left = half != fit
        size = np.bincount(strata[left], minlength=h)
        hits = np.bincount(strata[rest], minlength=h)
        correction = np.bincount(strata[rest], weights=residual[rest], minlength=h) / np.maximum(hits, 1)
        total = y[trained].sum() + predicted[left].sum() + (size * correction).sum()
        values.append(total / n)
    asked = half >= 0
    sizes, taken = np.bincount(strata, minlength=h), np.bincount(strata[asked], minlength=h)
    means = np.bincount(strata[asked], weights=residual[asked], minlength=h) / np.maximum(taken, 1)
    squares = np.bincount(strata[asked], weights=(residual[asked] - means[strata[asked]]) ** 2, minlength=h)
    within = squares / np.maximum(taken - 1, 1)
    variance = float(((sizes / n) ** 2 * (1 - taken / sizes) * within / np.maximum(taken, 1)).sum())
    return float(np.mean(values)), variance, max(int(asked.sum()) - h, 1)


def _ridge(x: FloatArray, y: FloatArray) -> FloatArray:
    """Coefficients with a penalty of two items' worth on all but the constant."""
    penalty = np.diag([0.0, *[2.0] * (x.shape[1] - 1)])
    found: FloatArray = np.asarray(np.linalg.solve(x.T @ x + penalty, x.T @ y), dtype=np.float64)
    return found


def _factor(squared: FloatArray, spread: FloatArray, n_items: int, n: int, level: float) -> Estimate:
    """Size of a simple random sample with the same mean squared error, over the items asked.

    The interval is a jackknife over models on the scale of the logarithm, with Student's t. The models left
    out one after another share most of their banks, which the jackknife does not see: its variance is
    raised as Nadeau and Bengio (2003, Machine Learning 52) propose, which makes the interval conservative.
    """
    m = len(squared)

    def of(error: FloatArray, variance: FloatArray) -> FloatArray:
        # (1 - k/N) S2 / k = error, so k = S2 / (error + S2 / N)
        found: FloatArray = variance / (error + variance / n) / n_items
        return found

    value = float(of(np.atleast_1d(squared.mean()), np.atleast_1d(spread.mean()))[0])
    without = np.log(of((squared.sum() - squared) / (m - 1), (spread.sum() - spread) / (m - 1)))
    error = float(np.sqrt((m - 1) / m * ((without - without.mean()) ** 2).sum() * (1 + m / (m - 1))))
    half = critical_value(level, m - 1) * error
    return Estimate(
        value=value,
        low=value * float(np.exp(-half)),
        high=value * float(np.exp(half)),
        confidence_level=level,
        method="corrected jackknife over models, log scale",
        n=m,
        std_error=value * error,
        diagnostics={"conservative": True},
    )
