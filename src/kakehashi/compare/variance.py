"""Where the variance of item scores comes from: model, method, category, item, judge, language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from kakehashi.compare.resampling import (
    FloatArray,
    IntArray,
    Rng,
    as_generator,
    check_level,
    critical_value,
    finite_vector,
    seed_of,
)
from kakehashi.errors import InputError, NotEstimableError

RESIDUAL = "residual"


@dataclass(frozen=True, slots=True)
class Component:
    """The variance that one factor brings.

    Attributes:
        factor: Name of the factor; several joined by " + " where they cannot be separated.
        n_levels: Levels seen (of the first, where several are joined).
        variance: Estimate; below 0 where the factor brings less than chance would (read: about 0).
        low: Lower end of the interval, 0 or more.
        high: Upper end.
        share: Share of the sum of the variances, those below 0 taken as 0; no interval.
        few_levels: Whether fewer than ten levels were seen, so that the interval is very wide.
    """

    factor: str
    n_levels: int
    variance: float
    low: float
    high: float
    share: float
    few_levels: bool


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """The split of the variance.

    Attributes:
        components: The factors in the order given, and the residual.
        inseparable: Groups of factors that the data cannot separate, with the reason.
        constant: Factors with a single level: nothing can be said of them.
        n: Rows used.
        mean: Mean score.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    components: tuple[Component, ...]
    inseparable: tuple[tuple[tuple[str, ...], str], ...]
    constant: tuple[str, ...]
    n: int
    mean: float
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    def component(self, factor: str) -> Component:
        """The component of a factor."""
        for one in self.components:
            if factor in one.factor.split(" + "):
                return one
        raise KeyError(factor)


def variance_components(
    values: ArrayLike,
    factors: Mapping[str, Sequence[Any]],
    *,
    interactions: Sequence[tuple[str, ...]] = (),
    confidence_level: float = 0.95,
    n_resamples: int = 400,
    rng: Rng = None,
) -> VarianceComponents:
    """Split the variance of scores over crossed or nested random factors (Henderson's method 1).

    Each row is one score with its levels. Sums of squares between the levels of each factor are set equal to
    their expectations, which hold for unbalanced data with missing cells. Intervals join two sources (modified
    large-sample): the levels are a draw (chi-square with one degree of freedom less than levels), and the
    estimate is noisy even for these levels (parametric bootstrap). Factors whose equations are the same (each
    method has its own judge) "cannot be separated" and are given together.

    The factors are taken as random draws: for three models, read the model component with its interval or
    not at all. Scores of 0 and 1 are taken on their own scale: the residual holds their coin-tossing.

    Args:
        values: N scores; NaN is left out.
        factors: For each factor N labels; ``None`` as a label is a level like others.
        interactions: Combinations of factors that are factors too, such as ``("model", "method")``.
        confidence_level: Nominal coverage.
        n_resamples: Parametric bootstrap samples.
        rng: Generator or seed.

    Raises:
        InputError: Lengths that differ, infinity, an unknown factor in an interaction.
        NotEstimableError: No rows, no factor with two levels, constant scores, or no factor that can be
            separated from the residual.

    References:
        Henderson (1953). Estimation of variance and covariance components. Biometrics 9, 226-252.
        Searle, Casella, McCulloch (1992). Variance Components, chapter 5.
        Burdick, Graybill (1992). Confidence Intervals on Variance Components, chapter 3.

    Examples:
        >>> values = [1.0, 1.2, 3.0, 3.1, 5.0, 5.3]
        >>> found = variance_components(values, {"model": ["a", "a", "b", "b", "c", "c"]}, rng=1)
        >>> round(found.component("model").variance, 3)  # (8.205 between - 0.0233 within) / 2
        4.091
    """
    level = check_level(confidence_level)
    y, codes, constant, missing = _prepare(values, factors, interactions)
    names = list(codes)
    matrix = _expectations(list(codes.values()), y.size)
    groups, inseparable = _separable(names, list(codes.values()), matrix)
    kept = [names[group[0]] for group in groups]
    used = [codes[name] for name in kept]
    system = _Henderson(used, y.size)
    estimate = system.solve(y)
    mean = float(y.mean())
    positive = np.maximum(estimate, 0.0)
    total = float(positive.sum())
    drawn = system.simulate(positive, n_resamples, as_generator(rng))
    labels = [" + ".join(names[i] for i in group) for group in groups]
    levels = [int(c.max()) + 1 for c in used]
    rest = max(y.size - sum(size - 1 for size in levels), 2)
    low, high = _large_sample(estimate, drawn, [*levels, rest], level)
    components = tuple(
        Component(
            factor=label,
            n_levels=size,
            variance=float(estimate[i]),
            low=float(low[i]),
            high=float(high[i]),
            share=float(positive[i]) / total if total > 0 else float("nan"),
            few_levels=size < 10,
        )
        for i, (label, size) in enumerate(zip([*labels, RESIDUAL], [*levels, y.size], strict=True))
    )
    return VarianceComponents(
        components=components,
        inseparable=inseparable,
        constant=constant,
        n=y.size,
        mean=mean,
        settings={
            "interactions": tuple(interactions),
            "confidence_level": level,
            "n_resamples": n_resamples,
            "seed": seed_of(rng),
        },
        diagnostics={
            "n_missing": missing,
            "negative": tuple(c.factor for c in components if c.variance < 0),
            "total": total,
        },
    )


def _prepare(
    values: ArrayLike, factors: Mapping[str, Sequence[Any]], interactions: Sequence[tuple[str, ...]]
) -> tuple[FloatArray, dict[str, IntArray], tuple[str, ...], int]:
    y = finite_vector(values, "values")
    keep = ~np.isnan(y)
    missing = int((~keep).sum())
    labels: dict[str, IntArray] = {}
    for name, given in factors.items():
        if name == RESIDUAL:
            raise InputError(f"a factor cannot be named {RESIDUAL!r}")
        if len(given) != y.size:
            raise InputError(f"the factor {name!r} has {len(given)} labels for {y.size} scores")
        labels[name] = _codes([str(label) for label, k in zip(given, keep, strict=True) if k])
    y = y[keep]
    if y.size < 3:
        raise NotEstimableError(f"{y.size} scores have no variance to split", diagnostic="no-items")
    for combination in interactions:
        unknown = [name for name in combination if name not in labels]
        if unknown:
            raise InputError(f"the interaction {combination} names no factor {unknown[0]!r}")
        labels[":".join(combination)] = _codes(
            [":".join(map(str, row)) for row in zip(*(labels[n].tolist() for n in combination), strict=True)]
        )
    if float(np.ptp(y)) == 0:
        raise NotEstimableError("all scores are equal: there is no variance to split", diagnostic="constant")
    constant = tuple(name for name, c in labels.items() if int(c.max()) == 0)
    found = {name: c for name, c in labels.items() if name not in constant}
    if not found:
        raise NotEstimableError(
            "no factor has two levels", diagnostic="one-level", hint="Give more methods or models."
        )
    return y, found, constant, missing


def _codes(labels: Sequence[str]) -> IntArray:
    _, codes = np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)
    found: IntArray = codes.reshape(-1).astype(np.int64)
    return found


def _expectations(codes: Sequence[IntArray], n: int) -> FloatArray:
    """Coefficients of the variances (and the residual) in the sums of squares of the factors and the total.

    Row f: E[sum of n_a mean_a^2 - n mean^2]; the last row: E[sum of (y - mean)^2].
    """
    size = len(codes)
    out = np.zeros((size + 1, size + 1))
    counts = [np.bincount(c).astype(np.float64) for c in codes]
    grand = [float((k**2).sum() / n) for k in counts]
    for f, own in enumerate(codes):
        for g, other in enumerate(codes):
            width = len(counts[g])
            pairs, together = np.unique(own * width + other, return_counts=True)
            out[f, g] = float((together.astype(np.float64) ** 2 / counts[f][pairs // width]).sum()) - grand[g]
        out[f, size] = len(counts[f]) - 1
    out[size, :size] = [n - g for g in grand]
    out[size, size] = n - 1
    return out


def _separable(
    names: Sequence[str], codes: Sequence[IntArray], matrix: FloatArray
) -> tuple[list[list[int]], tuple[tuple[tuple[str, ...], str], ...]]:
    """Factors that go together because they partition the rows alike or their equations depend on one another."""
    groups: list[list[int]] = []
    reasons: list[tuple[tuple[str, ...], str]] = []
    n = len(codes[0])
    for i in range(len(names)):
        if int(codes[i].max()) + 1 == n:
            reasons.append(
                (
                    (names[i], RESIDUAL),
                    f"every score has its own {names[i]}: it cannot be separated from the residual",
                )
            )
            continue
        for group in groups:
            if _alike(codes[group[0]], codes[i]):
                group.append(i)
                break
        else:
            groups.append([i])
    reasons += [
        (tuple(names[i] for i in group), "their levels always occur together: they cannot be separated")
        for group in groups
        if len(group) > 1
    ]
    while groups:
        rows = [group[0] for group in groups] + [len(names)]
        block = matrix[np.ix_(rows, rows)]
        scaled = block / np.linalg.norm(block, axis=0)
        _, singular, right = np.linalg.svd(scaled)
        if singular[-1] > 1e-8 * singular[0]:
            break
        involved = [k for k, load in enumerate(right[-1]) if abs(load) > 1e-6]
        inside = [k for k in involved if k < len(groups)]
        together = tuple(names[i] for k in inside for i in groups[k])
        if len(involved) > len(inside):
            together += (RESIDUAL,)
            reasons.append(
                (together, "their sums of squares depend on one another: they cannot be separated")
            )
            for k in sorted(inside, reverse=True)[:1]:
                del groups[k]
            continue
        reasons.append((together, "their sums of squares depend on one another: they cannot be separated"))
        merged = [i for k in inside for i in groups[k]]
        groups = [g for k, g in enumerate(groups) if k not in inside[1:]]
        groups[inside[0]] = merged
    if not groups:
        raise NotEstimableError(
            "no factor can be separated from the residual: every score has levels of its own",
            diagnostic="confounded",
            hint="Give several scores of each level.",
        )
    return groups, tuple(reasons)


def _alike(first: IntArray, second: IntArray) -> bool:
    """Whether two factors part the rows in the same way."""
    width = int(second.max()) + 1
    pairs = len(np.unique(first * width + second))
    return pairs == int(first.max()) + 1 == width


class _Henderson:
    """Henderson's method 1 for one design, applied to many vectors of scores."""

    def __init__(self, codes: Sequence[IntArray], n: int) -> None:
        self.codes, self.n = list(codes), n
        self.counts = [np.bincount(c).astype(np.float64) for c in codes]
        self.matrix = _expectations(codes, n)

    def solve(self, y: FloatArray) -> FloatArray:
        centred = y - y.mean()
        squares = [
            float((np.bincount(c, weights=centred) ** 2 / k).sum())
            for c, k in zip(self.codes, self.counts, strict=True)
        ]
        found: FloatArray = np.linalg.solve(self.matrix, np.array([*squares, float((centred**2).sum())]))
        return found

    def simulate(self, variances: FloatArray, n_resamples: int, rng: np.random.Generator) -> FloatArray:
        """Estimates from normal scores with these variances."""
        spreads = np.sqrt(variances)
        out = np.empty((n_resamples, len(variances)))
        for b in range(n_resamples):
            y = spreads[-1] * rng.standard_normal(self.n)
            for c, k, spread in zip(self.codes, self.counts, spreads[:-1], strict=True):
                if spread > 0:
                    y += (spread * rng.standard_normal(len(k)))[c]
            out[b] = self.solve(y)
        return out


def _large_sample(
    estimate: FloatArray, drawn: FloatArray, levels: Sequence[int], level: float
) -> tuple[FloatArray, FloatArray]:
    """Ends that join the chi-square of the levels drawn with the noise of the estimate about them."""
    tail = (1 - level) / 2
    z = np.array([critical_value(level, size - 1) for size in levels])
    value = np.maximum(estimate, 0.0)
    degrees = np.maximum(np.array(levels, dtype=np.float64) - 1, 1.0)
    spread = drawn.var(axis=0, ddof=1)
    noise = np.maximum(spread - 2 * value**2 / degrees, spread / 4)
    least, most = 2 * gammaincinv(degrees / 2, tail), 2 * gammaincinv(degrees / 2, 1 - tail)
    above, below = value * (degrees / least - 1), value * (1 - degrees / most)
    low = np.maximum(value - np.sqrt(z**2 * noise + below**2), 0.0)
    return low, value + np.sqrt(z**2 * noise + above**2)
