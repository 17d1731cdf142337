"""How far the best scores of two groups are apart over time, in points and in months.

The best observed score is too high on average, because it is the luckiest of several. So the frontier here is
made of true scores as far as the measurement errors let them be known (:mod:`kakehashi.compare.shrinkage`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import nan

import numpy as np

from kakehashi.compare.facts import FactsRecord, MethodScores, ReportedScore, by_method
from kakehashi.compare.grouping import MIN_DEVELOPERS, By, GroupRule
from kakehashi.compare.groups import placed_models
from kakehashi.compare.resampling import FloatArray, IntArray, Rng, as_generator, check_level, seed_of
from kakehashi.compare.shrinkage import TrueScores, draw_true_scores
from kakehashi.errors import NotEstimableError, UnknownNameError, UsageError

_DAYS_A_MONTH = 30.4375


@dataclass(frozen=True, slots=True)
class GapPoint:
    """The gap at one date.

    Attributes:
        date: The date; models released later are not in it.
        status: ``"shown"`` or ``"too-few-developers"`` (of one group, up to this date).
        gap: First minus second frontier in the method's unit, turned so that above zero the first is the better
            one.
        low: Lower end of its interval; NaN where standard errors are not known.
        high: Upper end.
        uncorrected: Difference of the best observed scores.
        lag: Months by which the second follows the first; below zero the first follows the second.
        lag_low: Lower end of its interval.
        lag_high: Upper end.
        lag_at_least: Share of the draws in which the leader had reached the level with its first model in
            the data already, so that the lag may be longer.
        lowest_without_one: Least gap that leaving out one developer gives.
        highest_without_one: Greatest such gap.
        n_developers: Developers of the two groups up to this date.
        n_models: Models of the two groups up to this date.
    """

    date: date
    status: str
    gap: float = nan
    low: float = nan
    high: float = nan
    uncorrected: float = nan
    lag: float = nan
    lag_low: float = nan
    lag_high: float = nan
    lag_at_least: float = nan
    lowest_without_one: float = nan
    highest_without_one: float = nan
    n_developers: tuple[int, int] = (0, 0)
    n_models: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class FrontierGap:
    """The gap between two groups by one method.

    Attributes:
        method: Name of the method.
        by: What the groups are made by.
        groups: The two groups, in the order of the subtraction.
        points: By date.
        beside: For groups by country: region → ``"shown"``, ``"too-few-developers"`` or ``"no-data"``.
        shrunken: Whether frontiers are corrected for measurement error.
        test_language: Language of the items, ``""`` where not stated.
        selection: How the models came into the data.
        weights: For each of the two groups, models with open, closed and unstated weights.
        endpoints: For each of the two groups, how models were reached.
        facts_as_of: Date of the record of developers.
        facts_source: Its source.
        rule: How doubtful cases are grouped.
        left_out: Models not used, with the reason.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    method: str
    by: By
    groups: tuple[str, str]
    points: tuple[GapPoint, ...]
    beside: Mapping[str, str]
    shrunken: bool
    test_language: str
    selection: str
    weights: tuple[Mapping[str, int], Mapping[str, int]]
    endpoints: tuple[Mapping[str, int], Mapping[str, int]]
    facts_as_of: str
    facts_source: str
    rule: Mapping[str, str]
    left_out: tuple[str, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Side:
    """One group's models in the order of their release.

    Attributes:
        days: Release dates as ordinals, ascending.
        values: Observed scores, higher is better.
        std_error: Standard errors, NaN where unknown.
        developers: Codes of developers.
    """

    days: FloatArray
    values: FloatArray
    std_error: FloatArray
    developers: IntArray


def frontier_gap(
    scores: Sequence[ReportedScore],
    facts: FactsRecord,
    *,
    method: str,
    first: str,
    second: str,
    by: By = "country",
    at: Sequence[date] | None = None,
    higher_is_better: bool = True,
    std_error: float | None = None,
    rule: GroupRule | None = None,
    test_language: str = "",
    selection: str = "",
    confidence_level: float = 0.95,
    n_draws: int = 2000,
    rng: Rng = None,
) -> FrontierGap:
    """The gap between the best true scores of two groups at several dates, by one method.

    The question is about the models in the data: how far is the best of one group from the best of the other,
    measurement error taken off? Models that nobody measured by this method are not in it. Gaps by
    several methods stand side by side (:func:`sibling_gaps`) and are never averaged.

    Where standard errors are unknown for a model it cannot be told how lucky its score is: with
    ``std_error`` given that one is assumed and the result says so; else the gap is of the best observed
    scores, without an interval, and the diagnostics name it ``no-std-error``.

    Args:
        scores: Reported scores.
        facts: Developers, countries, weights, release dates.
        method: Which method.
        first: Group that is subtracted from.
        second: Group that is subtracted.
        by: ``"country"``, ``"weights"`` or ``"developer"``.
        at: Dates; by default the ends of the years in the data, and the last release.
        higher_is_better: Direction of the method.
        std_error: Standard error to assume where it is unknown.
        rule: How doubtful cases are grouped.
        test_language: Language of the items.
        selection: How models were selected.
        confidence_level: Nominal coverage of the interval at each single date.
        n_draws: Draws of the true scores.
        rng: Generator or seed.

    Raises:
        UnknownNameError: No such method, or no such group in the data.
        NotEstimableError: No release dates (``no-dates``), scores all the same (``constant-scores``), one
            group only (``one-group``), or at no date enough developers (``too-few-developers``).
    """
    check_level(confidence_level)
    if first == second:
        raise UsageError(f"the gap of {first!r} to itself", hint="Name two groups.")
    if std_error is not None and not 0 < std_error < np.inf:
        raise UsageError(f"std_error is {std_error!r}", hint="Give a positive number, or nothing.")
    rule = rule or GroupRule()
    data = by_method(scores, method, higher_is_better=higher_is_better)
    if len(data.values) > 1 and np.ptp(data.values) == 0:
        raise NotEstimableError(
            f"all models have the same score by {method!r}",
            diagnostic="constant-scores",
            hint="This method does not tell these models apart; choose another.",
        )
    placed, left_out = placed_models(data, facts, rule, by)
    if len(placed) == 1:
        raise NotEstimableError(
            f"all models are in one group, {next(iter(placed))!r}",
            diagnostic="one-group",
            hint="Give models of two groups.",
        )
    for name in (first, second):
        if name not in placed:
            raise UnknownNameError("group", name, sorted(placed))
    dated, undated = _dated(data, facts, placed)
    left_out += undated
    sides = tuple(_side(data, facts, rule, dated.get(name, ())) for name in (first, second))
    if not all(len(side.days) for side in sides):
        raise NotEstimableError(
            f"no model of {first if not len(sides[0].days) else second!r} has a release date",
            diagnostic="no-dates",
            hint="Give release dates (YYYY-MM-DD) in the record of facts.",
        )
    dates = tuple(at) if at else _dates(sides)
    known = bool(all(np.isfinite(side.std_error).all() for side in sides)) or std_error is not None
    generator = as_generator(rng)
    trues = tuple(_true(side, std_error, n_draws, generator) if known else None for side in sides)
    least = 1 if by == "developer" else MIN_DEVELOPERS
    points = tuple(_point(day, sides, trues, least, confidence_level) for day in dates)
    if all(point.status != "shown" for point in points):
        raise NotEstimableError(
            f"at no date {first!r} and {second!r} have {MIN_DEVELOPERS} developers each",
            diagnostic="too-few-developers",
            hint="Figures of fewer than three developers are not shown; choose other groups.",
        )
    members = [[facts.of(data.models[i]) for i in dated[name]] for name in (first, second)]
    return FrontierGap(
        method=method,
        by=by,
        groups=(first, second),
        points=points,
        beside=_beside(data, facts, rule, placed) if by == "country" else {},
        shrunken=known,
        test_language=test_language,
        selection=selection,
        weights=_two([_counted([rule.weights(one) for one in side]) for side in members]),
        endpoints=_two([_counted([one.endpoint for one in side]) for side in members]),
        facts_as_of=facts.as_of,
        facts_source=facts.source,
        rule=rule.stated(),
        left_out=left_out,
        settings={
            "confidence_level": confidence_level,
            "n_draws": n_draws,
            "seed": seed_of(rng),
            "assumed_std_error": std_error,
            "higher_is_better": higher_is_better,
            "min_developers": least,
        },
        diagnostics=_diagnostics(sides, trues, known, std_error, data),
    )


def sibling_gaps(
    scores: Sequence[ReportedScore],
    facts: FactsRecord,
    *,
    methods: Sequence[str],
    directions: Mapping[str, bool] | None = None,
    rng: Rng = None,
    **words: object,
) -> tuple[FrontierGap | NotEstimableError, ...]:
    """The gap by each of several methods, side by side in the order given; never averaged.

    A method that does not allow the gap gives its error in the gap's place, so that what one measure cannot
    say stands beside what another says.

    Args:
        scores: Reported scores.
        facts: Developers, countries, weights, release dates.
        methods: Which methods.
        directions: Method → whether higher is better; higher where not named.
        rng: Seed; the same for every method.
        words: As in :func:`frontier_gap`.
    """
    if not methods:
        raise UsageError("no method was named", hint="Name at least one method.")
    found: list[FrontierGap | NotEstimableError] = []
    for method in methods:
        try:
            found.append(
                frontier_gap(
                    scores,
                    facts,
                    method=method,
                    higher_is_better=(directions or {}).get(method, True),
                    rng=rng,
                    **words,  # type: ignore[arg-type]
                )
            )
        except NotEstimableError as error:
            found.append(error)
    return tuple(found)


def _two(pair: Sequence[Mapping[str, int]]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    return pair[0], pair[1]


def _counted(words: Sequence[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


def _dated(
    data: MethodScores, facts: FactsRecord, placed: Mapping[str, Sequence[int]]
) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    kept, without = {}, []
    for group, models in placed.items():
        kept[group] = [i for i in models if facts.of(data.models[i]).release_date is not None]
        without += [f"{data.models[i]}: no release date" for i in models if i not in kept[group]]
    return kept, tuple(without)


def _side(data: MethodScores, facts: FactsRecord, rule: GroupRule, models: Sequence[int]) -> Side:
    days = [float(when.toordinal()) for i in models if (when := facts.of(data.models[i]).release_date)]
    order = np.argsort(days, kind="stable")
    index = np.array(models, dtype=np.int64)[order] if len(models) else np.zeros(0, dtype=np.int64)
    names = [rule.developer(facts.of(data.models[i])) for i in index]
    codes = np.unique(names, return_inverse=True)[1].reshape(-1) if names else np.zeros(0, dtype=np.int64)
    return Side(
        np.array(days)[order] if days else np.zeros(0), data.values[index], data.std_error[index], codes
    )


def _dates(sides: Sequence[Side]) -> tuple[date, ...]:
    ends = [date.fromordinal(int(end)) for side in sides for end in (side.days[0], side.days[-1])]
    first, last = min(ends), max(ends)
    years = [date(year, 12, 31) for year in range(first.year, last.year)]
    return (*years, last)


def _true(side: Side, assumed: float | None, n_draws: int, rng: np.random.Generator) -> TrueScores:
    error = np.where(np.isfinite(side.std_error), side.std_error, nan if assumed is None else assumed)
    # a proportion of 0 or 1 may come with a standard error of zero, which no measurement has
    smallest = float(error[error > 0].min()) if (error > 0).any() else (assumed or 1e-6)
    return draw_true_scores(
        side.values, np.where(error > 0, error, smallest), side.days, n_draws=n_draws, rng=rng
    )


def _point(
    day: date,
    sides: Sequence[Side],
    trues: Sequence[TrueScores | None],
    least: int,
    confidence_level: float,
) -> GapPoint:
    now = float(day.toordinal())
    counts = [int(np.searchsorted(side.days, now, side="right")) for side in sides]
    developers = tuple(
        len(np.unique(side.developers[:count])) for side, count in zip(sides, counts, strict=True)
    )
    if min(developers) < least or min(counts) == 0:
        return GapPoint(day, "too-few-developers")
    observed = [side.values[:count] for side, count in zip(sides, counts, strict=True)]
    uncorrected = float(observed[0].max() - observed[1].max())
    shown = {
        "date": day,
        "status": "shown",
        "uncorrected": uncorrected,
        "n_developers": developers,
        "n_models": tuple(counts),
    }
    if trues[0] is None or trues[1] is None:
        row = [values[None, :] for values in observed]
        months, _ = lag_months(row, [side.days[:c] for side, c in zip(sides, counts, strict=True)], now)
        low, high = _without_one(row, sides, counts)
        return GapPoint(
            **{**shown, "gap": uncorrected, "lag": float(months[0])},  # type: ignore[arg-type]
            lowest_without_one=low,
            highest_without_one=high,
        )
    draws = [true.draws[:, :count] for true, count in zip(trues, counts, strict=True) if true is not None]
    differences = draws[0].max(axis=1) - draws[1].max(axis=1)
    months, open_ended = lag_months(
        draws, [side.days[:c] for side, c in zip(sides, counts, strict=True)], now
    )
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    lag_low, lag_high = np.quantile(months, [tail, 1 - tail])
    lowest, highest = _without_one(draws, sides, counts)
    return GapPoint(
        **shown,  # type: ignore[arg-type]
        gap=float(differences.mean()),
        low=float(low),
        high=float(high),
        lag=float(np.median(months)),
        lag_low=float(lag_low),
        lag_high=float(lag_high),
        lag_at_least=float(open_ended.mean()),
        lowest_without_one=lowest,
        highest_without_one=highest,
    )


def lag_months(
    draws: Sequence[FloatArray], days: Sequence[FloatArray], now: float
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Months by which the second group's frontier follows the first's at ``now``, draw by draw.

    The leader's frontier had the follower's present level at some earlier release; the lag is the time since.
    Below zero the first group follows.

    Args:
        draws: For each group D x N scores, in the order of release.
        days: For each group N release dates, ascending.
        now: The date.

    Returns:
        D lags, and whether the leader's first model was that good already (the lag is at least this).
    """
    frontiers = [np.maximum.accumulate(part, axis=1) for part in draws]
    last = [part[:, -1] for part in frontiers]
    ahead = last[0] >= last[1]
    out = np.zeros(len(ahead))
    open_ended = np.zeros(len(ahead), dtype=bool)
    for leader, follower, mask, sign in ((0, 1, ahead, 1.0), (1, 0, ~ahead, -1.0)):
        reached = (frontiers[leader] >= last[follower][:, None]).argmax(axis=1)
        since = (now - days[leader][reached]) / _DAYS_A_MONTH
        out[mask] = (sign * since)[mask]
        open_ended[mask] = (reached == 0)[mask]
    return out, open_ended


def _without_one(
    draws: Sequence[FloatArray], sides: Sequence[Side], counts: Sequence[int]
) -> tuple[float, float]:
    """Least and greatest mean gap without one developer of either group."""
    found = []
    frontier = [part.max(axis=1) for part in draws]
    for j, (part, side, count) in enumerate(zip(draws, sides, counts, strict=True)):
        codes = side.developers[:count]
        present = np.unique(codes)
        for code in present if len(present) > 1 else ():
            rest = part[:, codes != code].max(axis=1)
            found.append(float((rest - frontier[1] if j == 0 else frontier[0] - rest).mean()))
    return (min(found), max(found)) if found else (nan, nan)


def _beside(
    data: MethodScores, facts: FactsRecord, rule: GroupRule, placed: Mapping[str, Sequence[int]]
) -> dict[str, str]:
    out = {}
    for code in rule.beside():
        developers = {rule.developer(facts.of(data.models[i])) for i in placed.get(code, ())}
        out[code] = (
            "no-data"
            if not developers
            else "shown"
            if len(developers) >= MIN_DEVELOPERS
            else "too-few-developers"
        )
    return out


def _diagnostics(
    sides: Sequence[Side],
    trues: Sequence[TrueScores | None],
    known: bool,
    assumed: float | None,
    data: MethodScores,
) -> dict[str, object]:
    unknown = sum(int((~np.isfinite(side.std_error)).sum()) for side in sides)
    out: dict[str, object] = {"n_missing": data.n_missing, "n_merged": data.n_merged}
    if unknown and not known:
        out["no-std-error"] = unknown
    if unknown and assumed is not None:
        out["assumed_std_error_for"] = unknown
    zero = sum(int((side.std_error == 0).sum()) for side in sides)
    if zero:
        out["std_error_of_zero_replaced"] = zero
    for name, true in zip(("first", "second"), trues, strict=True):
        if true is not None and "no_shrinkage" in true.diagnostics:
            out[f"no_shrinkage_{name}"] = true.diagnostics["no_shrinkage"]
    return out
