"""How much of the difference between two methods comes from construct, items, attack, judge, policy, language."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from kakehashi.compare.intervals import Estimate
from kakehashi.compare.method_rows import Aspect, MethodRows, Sides
from kakehashi.compare.resampling import (
    FloatArray,
    Rng,
    as_generator,
    bootstrap_weights,
    critical_value,
    seed_of,
)
from kakehashi.errors import NotEstimableError

NOISE = "noise"
REST = "not attributable"
State = frozenset[Aspect]


@dataclass(frozen=True, slots=True)
class Part:
    """One source of the difference.

    Attributes:
        source: ``"construct"``, ``"items"``, ``"attack"``, ``"judge"``, ``"blank policy"``, ``"language"``,
            ``"noise"`` or ``"not attributable"``.
        estimate: Its part of the difference, with interval.
        reason: What was done to find it, or why no more can be said.
    """

    source: str
    estimate: Estimate
    reason: str


@dataclass(frozen=True, slots=True)
class ItemPart:
    """What one item brings to the difference.

    Attributes:
        item: Its name.
        contribution: Its part; those of all items sum to the difference.
        shared: Whether both methods have it.
    """

    item: str
    contribution: float
    shared: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The difference of two methods on one subject, taken apart.

    Attributes:
        first: Name of one method.
        second: Name of the other.
        scores: Scores of both.
        difference: First minus second, with interval.
        parts: The sources; their estimates sum to the difference.
        same: What is the same on both sides, so that it explains nothing.
        items: The items that carry most of the difference, greatest first.
        settings: What the function was called with.
        diagnostics: What the reader must know; ``sum_error`` is the difference minus the sum of the parts.
    """

    first: str
    second: str
    scores: tuple[float, float]
    difference: Estimate
    parts: tuple[Part, ...]
    same: tuple[str, ...]
    items: tuple[ItemPart, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)

    def part(self, source: str) -> Part:
        """The part of a source."""
        for one in self.parts:
            if one.source == source:
                return one
        raise KeyError(source)


def explain(
    first: MethodRows,
    second: MethodRows,
    *,
    n_items: int = 10,
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    rng: Rng = None,
) -> Explanation:
    """Take the difference of two methods on one subject apart.

    The two sides are made equal in one aspect after the other: the same judge for both, the same worth of
    empty and blocked answers, the same credit for a label, the same languages and attacks in the same
    shares, at last the same items. What the difference loses at a step is that aspect's part, averaged over
    all orders of the steps that the rows allow (Shapley's value where all are allowed) and over which side's
    judge, policy and credit both get. The parts sum to the difference.

    Swapping a judge needs both judges' verdicts on the same answers. Where they are only there for shared
    items, that step comes after the restriction to them; where they are not there at all, the judge is
    part of what is "not attributable". What is left when both sides are equal in every aspect is the
    difference of answers to the same prompts: "noise" if its interval holds 0, else "not attributable"
    (settings, version or date of the system). Items are restricted within language and attack, so "items"
    never takes what those explain.

    Intervals resample clusters of items, with the mix of languages and attacks as it is, and count half an
    item in either direction that was not seen. A part says what
    the difference would lose, not which method is right.

    Args:
        first: Rows of one method on the subject.
        second: Rows of the other method on the same subject.
        n_items: How many items to name.
        confidence_level: Nominal coverage.
        n_resamples: Number of bootstrap samples.
        rng: Generator or seed.

    Raises:
        InputError: Methods that point in different directions.
        NotEstimableError: A method without a score, or a single cluster of items.

    References:
        Shapley (1953). A value for n-person games.
        Shorrocks (2013). Decomposition procedures for distributional analysis: a unified framework based on
        the Shapley value. Journal of Economic Inequality 11.
    """
    sides = Sides(first, second)
    if sides.n_clusters < 2:
        raise NotEstimableError("all items stand in one cluster", diagnostic="one-cluster")
    differing = sides.differing()
    plan = _plan(sides, differing)
    columns, weights = _linear(plan)
    sums = np.stack(
        [sides.sums(column) for column in columns]
    )  # columns x (numerator, denominator) x clusters
    generator = as_generator(rng)
    means = _ratios(sums.sum(axis=2))
    drawn = np.concatenate(
        [
            _ratios(np.einsum("bg,ckg->bck", block.astype(np.float64), sums))
            for block in bootstrap_weights(sides.n_clusters, n_resamples, generator)
        ]
    )
    total = weights.pop("difference")
    difference = _estimate(total, means, drawn, sides.n_clusters, confidence_level, sides.reach)
    difference = replace(
        difference, low=max(difference.low, -sides.reach), high=min(difference.high, sides.reach)
    )
    parts = []
    for source, row in weights.items():
        if source != NOISE:
            reason = _REASONS[source]
            estimate = _estimate(row, means, drawn, sides.n_clusters, confidence_level, sides.reach)
            parts.append(Part(source, estimate, reason))
    missing = [aspect for aspect in differing if aspect not in plan.final]
    parts.append(_rest(weights[NOISE], means, drawn, sides, confidence_level, missing))
    found = sum(part.estimate.value for part in parts)
    return Explanation(
        first=first.name,
        second=second.name,
        scores=(float(means[plan.own[0]]), float(means[plan.own[1]])),
        difference=difference,
        parts=tuple(parts),
        same=tuple(
            a.value
            for a in Aspect
            if a not in differing and not (a is Aspect.CONSTRUCT and sides.constructs_differ)
        ),
        items=_items(sides, n_items),
        settings={
            "n_resamples": n_resamples,
            "confidence_level": confidence_level,
            "seed": seed_of(rng),
            "n_orders": plan.n_orders,
            "n_variants": len(plan.variants),
        },
        diagnostics={
            "sum_error": difference.value - found,
            "n_shared_items": sides.n_shared_items,
            "n_clusters": sides.n_clusters,
            "n_unjudged": sides.n_unjudged,
            "few_clusters": sides.n_clusters < 10,
        },
    )


_REASONS = {
    Aspect.CONSTRUCT.value: "the same label is worth the same on both sides (not: the same questions)",
    Aspect.ITEMS.value: "only items that both methods have, in the same shares",
    Aspect.ATTACK.value: "only attacks that both methods use, in the same shares",
    Aspect.JUDGE.value: "the same answers judged by one judge on both sides",
    Aspect.POLICY.value: "empty and blocked answers are worth the same on both sides",
    Aspect.LANGUAGE.value: "only languages that both methods use, in the same shares",
}


@dataclass(slots=True)
class _Plan:
    """The orders that the rows allow."""

    own: tuple[int, int]
    columns: list[Hashable]
    final: State
    variants: list[dict[Aspect, int]]
    terms: list[dict[str, dict[int, float]]]
    n_orders: int


def _plan(sides: Sides, differing: Sequence[Aspect]) -> _Plan:
    """For each variant the coefficients of every part in the columns; a column is one side in one state."""
    columns: dict[Hashable, int] = {}
    swaps = [a for a in (Aspect.JUDGE, Aspect.POLICY, Aspect.CONSTRUCT) if a in differing]
    candidates = []
    for choice in product((0, 1), repeat=len(swaps)):
        variant = dict(zip(swaps, choice, strict=True))
        states = _reachable(sides, differing, variant)
        final = max(states, key=lambda s: (len(s), [a in s for a in Aspect]))
        candidates.append((variant, states, final))
    best = max((final for _, _, final in candidates), key=lambda s: (len(s), [a in s for a in Aspect]))
    variants, terms, n_orders = [], [], 0
    for variant, states, _ in candidates:
        if best not in states:
            continue
        edges, count = _edges([s for s in states if s <= best], best)
        n_orders = max(n_orders, count)
        found: dict[str, dict[int, float]] = {}

        def add(
            part: str,
            state: State,
            weight: float,
            into: dict[str, dict[int, float]] = found,
            chosen: dict[Aspect, int] = variant,
        ) -> None:
            row = into.setdefault(part, {})
            for side, sign in ((0, 1.0), (1, -1.0)):
                place = columns.setdefault(sides.column(side, state, chosen), len(columns))
                row[place] = row.get(place, 0.0) + sign * weight

        add("difference", frozenset(), 1.0)
        for before, aspect, share in edges:
            add(aspect.value, before, share)
            add(aspect.value, before | {aspect}, -share)
        add(NOISE, best, 1.0)
        variants.append(variant)
        terms.append(found)
    own = tuple(columns[sides.column(side, frozenset(), variants[0])] for side in (0, 1))
    return _Plan((own[0], own[1]), list(columns), best, variants, terms, n_orders)


def _reachable(sides: Sides, differing: Sequence[Aspect], variant: Mapping[Aspect, int]) -> set[State]:
    """States that can be reached step by step with all rows scored."""
    found: set[State] = {frozenset()}
    frontier: list[State] = [frozenset()]
    broad = {a for a in differing if a in (Aspect.LANGUAGE, Aspect.ATTACK)}
    while frontier:
        state = frontier.pop()
        for aspect in differing:
            if aspect in state or (aspect is Aspect.ITEMS and not broad <= state):
                continue
            after = state | {aspect}
            if after not in found and all(sides.possible(sides.column(i, after, variant)) for i in (0, 1)):
                found.add(after)
                frontier.append(after)
    return found


def _edges(states: Sequence[State], final: State) -> tuple[list[tuple[State, Aspect, float]], int]:
    """Steps from state to state with the share of orders that take them, and the number of orders."""
    known = set(states)
    ordered = sorted(known, key=len)
    onward: dict[State, int] = {}
    for state in reversed(ordered):
        onward[state] = (
            1 if state == final else sum(onward[state | {a}] for a in final - state if state | {a} in known)
        )
    arriving: dict[State, int] = dict.fromkeys(ordered, 0)
    arriving[frozenset()] = 1
    total = onward[frozenset()]
    edges = []
    for state in ordered:
        for aspect in sorted(final - state, key=lambda a: a.value):
            after = state | {aspect}
            if after in known:
                arriving[after] += arriving[state]
                edges.append((state, aspect, arriving[state] * onward[after] / total))
    return edges, total


def _linear(plan: _Plan) -> tuple[list[Hashable], dict[str, FloatArray]]:
    """For each part its coefficients in the columns, averaged over variants."""
    out: dict[str, FloatArray] = {}
    for terms in plan.terms:
        for part, row in terms.items():
            array = out.setdefault(part, np.zeros(len(plan.columns)))
            for place, weight in row.items():
                array[place] += weight / len(plan.terms)
    return plan.columns, out


def _ratios(sums: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], np.nan)
    return found


def _estimate(
    row: FloatArray, means: FloatArray, drawn: FloatArray, n_clusters: int, level: float, reach: float
) -> Estimate:
    used = np.flatnonzero(row)
    replicates = drawn[:, used] @ row[used]
    replicates = replicates[np.isfinite(replicates)]
    value = float(means[used] @ row[used]) if used.size else 0.0
    variance = (
        float(replicates.var(ddof=1)) * n_clusters / (n_clusters - 1) if len(replicates) > 1 else np.nan
    )
    diagnostics: dict[str, object] = {}
    if variance < 1e-24:
        diagnostics["no_variation"] = True
    # half an item in either direction that was not seen: a part made by few items is not known so well
    spread = float(np.sqrt(variance + (reach / n_clusters) ** 2))
    half = critical_value(level, n_clusters - 1) * spread
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        confidence_level=level,
        method="cluster-bootstrap-t-quantile",
        n=n_clusters,
        std_error=spread,
        diagnostics=diagnostics,
    )


def _rest(
    row: FloatArray,
    means: FloatArray,
    drawn: FloatArray,
    sides: Sides,
    level: float,
    missing: Sequence[Aspect],
) -> Part:
    estimate = _estimate(row, means, drawn, sides.n_clusters, level, sides.reach)
    if missing:
        found = [a.value for a in missing]
        if Aspect.ITEMS in missing and sides.constructs_differ and Aspect.CONSTRUCT not in missing:
            found.insert(0, Aspect.CONSTRUCT.value)  # beyond the credit: the questions themselves
        names = ", ".join(found)
        why = "; ".join(sides.why_not(a) for a in missing)
        return Part(REST, estimate, f"{names} and noise cannot be told apart: {why}")
    if abs(estimate.value) < 1e-12 or (estimate.low <= 0 <= estimate.high):
        return Part(
            NOISE, estimate, "the same prompts, judge, policy and credit; the answers differ by chance"
        )
    return Part(
        REST,
        estimate,
        "the same prompts, judge, policy and credit got other answers, more than chance explains: "
        "look at settings, versions and dates of the two runs",
    )


def _items(sides: Sides, n_items: int) -> tuple[ItemPart, ...]:
    found = sides.item_contributions()
    order = sorted(found, key=lambda name: (-abs(found[name][0]), name))
    return tuple(ItemPart(name, *found[name]) for name in order[:n_items])
