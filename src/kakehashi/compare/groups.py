"""Groups of developers: by developer, by the developer's country or region, by open or closed weights.

The unit is the developer, not the model: each developer gives one value, however many models it has. No
group is placed above another; groups stand in the order of their names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np

from kakehashi.compare.facts import FactsRecord, MethodScores, ReportedScore, by_method
from kakehashi.compare.grouping import MIN_DEVELOPERS, By, GroupRule
from kakehashi.compare.intervals import Estimate
from kakehashi.compare.resampling import FloatArray, check_level, critical_value
from kakehashi.errors import NotEstimableError, UsageError


@dataclass(frozen=True, slots=True)
class Group:
    """One group by one method.

    Attributes:
        name: Code of the group (see :meth:`GroupRule.title`).
        status: ``"shown"``, ``"too-few-developers"`` (its figures are withheld) or ``"no-data"``.
        estimate: Mean over developers, one value each, with Student's interval; ``None`` where not shown.
        lowest_without_one: Least mean that leaving out one developer gives.
        highest_without_one: Greatest such mean.
        developers: Names of its developers.
        n_models: Models of the group with a score.
        weights: How many models have open, closed and unstated weights.
        endpoints: How many models were reached in which way; ``""`` is not stated.
        values: The developers' values in the order of ``developers``; empty where withheld.
    """

    name: str
    status: str
    estimate: Estimate | None = None
    lowest_without_one: float = nan
    highest_without_one: float = nan
    developers: tuple[str, ...] = ()
    n_models: int = 0
    weights: Mapping[str, int] = field(default_factory=dict)
    endpoints: Mapping[str, int] = field(default_factory=dict)
    values: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups by one method.

    Attributes:
        by: What the groups are made by.
        method: Name of the method.
        value_of_a_developer: ``"best"`` or ``"mean"`` of its models.
        groups: In the order of their names.
        difference: Open minus closed weights, where both are shown; else ``None``.
        difference_range: Least and greatest difference without one developer.
        test_language: Language of the items, ``""`` where not stated.
        selection: How the models came into the data, in the user's words, ``""`` where not stated.
        facts_as_of: Date of the record of developers.
        facts_source: Its source.
        rule: How doubtful cases are grouped.
        left_out: Models without a developer or left out by the rule.
        settings: What the function was called with.
        diagnostics: What the reader must know.
    """

    by: By
    method: str
    value_of_a_developer: str
    groups: tuple[Group, ...]
    difference: Estimate | None
    difference_range: tuple[float, float]
    test_language: str
    selection: str
    facts_as_of: str
    facts_source: str
    rule: Mapping[str, str]
    left_out: tuple[str, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    diagnostics: Mapping[str, object] = field(default_factory=dict)


def groups(
    scores: Sequence[ReportedScore],
    facts: FactsRecord,
    *,
    method: str,
    by: By = "country",
    value: str = "mean",
    higher_is_better: bool = True,
    rule: GroupRule | None = None,
    test_language: str = "",
    selection: str = "",
    confidence_level: float = 0.95,
) -> Groups:
    """Means of groups of developers by one method, in the method's own unit.

    The interval asks what other developers of such a group would give: the developers here are taken as
    drawn from a wider population, so it is wide where they are few, and it holds for the figure "mean
    over developers", not for any single model. By developer there is no such population and no interval;
    the range over the developer's models stands in its place. Scores of different methods are never put
    together.

    Args:
        scores: Reported scores.
        facts: Developers, countries, weights.
        method: Which method.
        by: ``"developer"``, ``"country"`` or ``"weights"``.
        value: ``"mean"`` or ``"best"`` of a developer's models; with more models the best is higher.
        higher_is_better: Direction of the method; only ``"best"`` needs it.
        rule: How doubtful cases are grouped.
        test_language: Language of the items.
        selection: How models were selected.
        confidence_level: Nominal coverage.

    Raises:
        UsageError: ``by`` or ``value`` is none of those.
        NotEstimableError: One developer in all (``one-developer``), all developers in one group where groups
            were asked for (``one-group``), or scores that are all the same (``constant-scores``).

    References:
        Cameron, Gelbach, Miller (2008). Bootstrap-based improvements for inference with clustered errors
        (why few clusters need Student's t).
    """
    check_level(confidence_level)
    if value not in ("mean", "best"):
        raise UsageError(f"unknown value of a developer: {value!r}", hint="Use mean or best.")
    rule = rule or GroupRule()
    data = by_method(scores, method, higher_is_better=higher_is_better)
    placed, left_out = placed_models(data, facts, rule, by)
    if np.ptp(data.values) == 0 and len(data.values) > 1:
        raise NotEstimableError(
            f"all models have the same score by {method!r}",
            diagnostic="constant-scores",
            hint="This method does not tell these models apart; choose another.",
        )
    _refuse_too_little(placed, by)
    found = {
        name: _group(name, models, data, facts, rule, by, value, confidence_level)
        for name, models in placed.items()
    }
    if by == "country":
        for code in rule.beside():
            found.setdefault(code, Group(code, "no-data"))
    difference, spread = None, (nan, nan)
    if by == "weights":
        difference, spread = _difference(found, data, facts, rule, value, confidence_level)
    return Groups(
        by=by,
        method=method,
        value_of_a_developer=value,
        groups=tuple(found[name] for name in sorted(found, key=lambda n: rule.title(by, n, "en"))),
        difference=difference,
        difference_range=spread,
        test_language=test_language,
        selection=selection,
        facts_as_of=facts.as_of,
        facts_source=facts.source,
        rule=rule.stated(),
        left_out=left_out,
        settings={
            "value": value,
            "confidence_level": confidence_level,
            "higher_is_better": higher_is_better,
            "min_developers": MIN_DEVELOPERS,
            "choice": data.choice,
        },
        diagnostics={"n_missing": data.n_missing, "n_merged": data.n_merged},
    )


def placed_models(
    data: MethodScores, facts: FactsRecord, rule: GroupRule, by: By
) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Group → positions of its models; and the models that are in none, each with the reason."""
    placed: dict[str, list[int]] = {}
    left_out = []
    for i, model in enumerate(data.models):
        known = facts.of(model)
        if not rule.developer(known):
            left_out.append(f"{model}: no developer")
        elif group := rule.group(by, known):
            placed.setdefault(group, []).append(i)
        else:
            left_out.append(f"{model}: left out by the rule")
    if not placed:
        raise NotEstimableError(
            "the record names no developer of any of these models",
            diagnostic="no-developers",
            hint="Give a record with model and developer (--facts), or name its columns.",
        )
    return placed, tuple(left_out)


def _refuse_too_little(placed: Mapping[str, Sequence[int]], by: By) -> None:
    if by == "developer" and len(placed) == 1:
        raise NotEstimableError(
            f"all models are by one developer, {next(iter(placed))!r}",
            diagnostic="one-developer",
            hint="Give models of several developers.",
        )
    if by != "developer" and len(placed) == 1:
        raise NotEstimableError(
            "all models are in one group: there is nothing to set side by side",
            diagnostic="one-group",
            hint="Give models of several groups, or group by developer.",
        )


def developer_values(
    models: Sequence[int], data: MethodScores, facts: FactsRecord, rule: GroupRule, value: str
) -> dict[str, float]:
    """Developer → its value by the method, in the method's own direction, in the order of names."""
    by_developer: dict[str, list[float]] = {}
    for i in models:
        by_developer.setdefault(rule.developer(facts.of(data.models[i])), []).append(float(data.values[i]))
    sign = 1.0 if data.higher_is_better else -1.0
    pick = np.max if value == "best" else np.mean
    return {name: sign * float(pick(by_developer[name])) for name in sorted(by_developer)}


def _group(
    name: str,
    models: Sequence[int],
    data: MethodScores,
    facts: FactsRecord,
    rule: GroupRule,
    by: By,
    value: str,
    confidence_level: float,
) -> Group:
    values = developer_values(models, data, facts, rule, value)
    known = [facts.of(data.models[i]) for i in models]
    counts = {
        "weights": _counted([rule.weights(one) for one in known]),
        "endpoints": _counted([one.endpoint for one in known]),
    }
    if by == "developer":
        sign = 1.0 if data.higher_is_better else -1.0
        each = np.sort(sign * data.values[list(models)])
        only = next(iter(values.values()))
        estimate = Estimate(
            only,
            nan,
            nan,
            confidence_level,
            "none: one developer",
            len(models),
            diagnostics={"lowest_model": float(each[0]), "highest_model": float(each[-1])},
        )
        return Group(name, "shown", estimate, nan, nan, (name,), len(models), **counts, values=(only,))
    if len(values) < MIN_DEVELOPERS:
        return Group(name, "too-few-developers")
    row = np.array(list(values.values()))
    without = (row.sum() - row) / (len(row) - 1)
    return Group(
        name,
        "shown",
        mean_over_developers(row, confidence_level),
        float(without.min()),
        float(without.max()),
        tuple(values),
        len(models),
        **counts,
        values=tuple(values.values()),
    )


def _counted(words: Sequence[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


def mean_over_developers(values: FloatArray, confidence_level: float) -> Estimate:
    """Mean of one value a developer with Student's interval over developers."""
    n = len(values)
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    if error == 0:
        return Estimate(mean, nan, nan, confidence_level, "none", n, diagnostics={"no_variation": True})
    half = critical_value(confidence_level, n - 1) * error
    few: dict[str, object] = {"few_developers": True} if n < 10 else {}
    return Estimate(
        mean, mean - half, mean + half, confidence_level, "student-t over developers", n, error, {}, few
    )


def _difference(
    found: Mapping[str, Group],
    data: MethodScores,
    facts: FactsRecord,
    rule: GroupRule,
    value: str,
    confidence_level: float,
) -> tuple[Estimate | None, tuple[float, float]]:
    if any(found.get(name, Group(name, "no-data")).status != "shown" for name in ("open", "closed")):
        return None, (nan, nan)
    sides = [dict(zip(found[n].developers, found[n].values, strict=True)) for n in ("open", "closed")]
    names = sorted({*sides[0], *sides[1]})
    return difference_over_developers(
        *(np.array([side.get(name, nan) for name in names]) for side in sides),
        confidence_level=confidence_level,
    )


def difference_over_developers(
    first: FloatArray, second: FloatArray, *, confidence_level: float = 0.95
) -> tuple[Estimate, tuple[float, float]]:
    """Difference of two group means (first minus second) where a developer may be in both.

    The standard error is that of the developers' contributions to the difference: a developer with models in
    both groups contributes once, with both. Degrees of freedom follow Satterthwaite.

    Args:
        first: One value a developer, NaN where it is not in the first group.
        second: The same for the second group, in the same order of developers.
        confidence_level: Nominal coverage.

    Returns:
        The estimate, and the least and greatest difference without one developer.

    References:
        Satterthwaite (1946). An approximate distribution of estimates of variance components.
        Biometrics Bulletin 2, 110-114.
    """
    here = [~np.isnan(first), ~np.isnan(second)]
    sizes = [int(mask.sum()) for mask in here]
    if min(sizes) < 2:
        raise NotEstimableError(
            "a group of one developer has no difference with an interval", diagnostic="one-developer"
        )
    means = [float(side[mask].mean()) for side, mask in zip((first, second), here, strict=True)]
    parts = np.zeros((2, len(first)))
    for j, (side, mask) in enumerate(zip((first, second), here, strict=True)):
        scale = np.sqrt(sizes[j] / (sizes[j] - 1)) / sizes[j]
        parts[j, mask] = (side[mask] - means[j]) * scale
    variances = (parts**2).sum(axis=1)
    variance = float(((parts[0] - parts[1]) ** 2).sum())
    bottom = sum(float(v) ** 2 / (size - 1) for v, size in zip(variances, sizes, strict=True))
    value = means[0] - means[1]
    without = []
    for i in range(len(first)):
        kept = [
            side[mask & (np.arange(len(first)) != i)]
            for side, mask in zip((first, second), here, strict=True)
        ]
        without.append(float(kept[0].mean() - kept[1].mean()))
    spread = (min(without), max(without))
    if variance <= 0 or bottom <= 0:
        nothing: dict[str, object] = {"no_variation": True}
        return Estimate(value, nan, nan, confidence_level, "none", len(first), diagnostics=nothing), spread
    degrees = float(variances.sum()) ** 2 / bottom
    both = int((here[0] & here[1]).sum())
    if both:
        # a developer in both groups is one unit: never more degrees than developers allow
        degrees = min(degrees, len(first) - 1)
    half = critical_value(confidence_level, degrees) * float(np.sqrt(variance))
    return Estimate(
        value,
        value - half,
        value + half,
        confidence_level,
        "student-t over developers (Satterthwaite)",
        len(first),
        float(np.sqrt(variance)),
        {"degrees_of_freedom": degrees},
        {"developers_in_both": both, "few_developers": len(first) < 10},
    ), spread
