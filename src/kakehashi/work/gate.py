"""A release gate: rules of a policy against what the ledger holds, with a third answer beside pass and fail."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from math import ceil, isfinite
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from kakehashi.compare import paired_difference, wilson
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError, UsageError
from kakehashi.model import Measurement, Polarity
from kakehashi.work.gate_policy import GatePolicy, Rule, Waiver
from kakehashi.work.view import RunView

if TYPE_CHECKING:
    from kakehashi.work.gate_findings import OpenFinding


class Answer(StrEnum):
    """What became of a rule."""

    PASS = "pass"
    FAIL = "fail"
    UNDECIDED = "undecided"
    MISSING = "missing"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Checked:
    """One rule on one part of one measure.

    Attributes:
        rule: Identifier of the rule.
        answer: What became of it.
        message: Why, with numbers.
        subject: The system.
        measure: The measure, where the rule is about one.
        facets: The part of it.
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end.
        n: Number of items.
        threshold: What it was held against.
        n_needed: Items of this kind that would decide it, if the estimate stayed as it is; ``None`` where it is decided
            or no number would do.
        judge: The judge behind the measure, and on what it was checked.
        waiver: The waiver that lets it pass, where there is one.
        unwaived: The answer without the waiver.
        line: Line of the rule in the policy's file.
    """

    rule: str
    answer: Answer
    message: str
    subject: str = ""
    measure: str = ""
    facets: Mapping[str, str] | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    threshold: float | None = None
    n_needed: int | None = None
    judge: str = ""
    waiver: Waiver | None = None
    unwaived: Answer | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class GateResult:
    """A policy held against a run.

    Attributes:
        title: Title of the policy.
        run: The run.
        subject: The system.
        day: Day on which waivers were looked at.
        checks: Every rule with every part that it is about.
        notes: What a reader must know: expired waivers, a run held against itself.
        root: Root of the ledger that was read.
        tree_size: Its size.
    """

    title: str
    run: str
    subject: str
    day: str
    checks: tuple[Checked, ...]
    notes: tuple[str, ...]
    root: str
    tree_size: int

    @property
    def answer(self) -> Answer:
        """Fail where any rule failed or misses its data, else undecided where any is, else pass."""
        answers = {check.answer for check in self.checks}
        if answers & {Answer.FAIL, Answer.MISSING}:
            return Answer.FAIL
        return Answer.UNDECIDED if Answer.UNDECIDED in answers else Answer.PASS

    @property
    def held_by(self) -> tuple[str, ...]:
        """The rules that hold the release: those that failed, miss their data or are undecided."""
        good = (Answer.PASS, Answer.WAIVED)
        return tuple(dict.fromkeys(check.rule for check in self.checks if check.answer not in good))


def check_gate(
    policy: GatePolicy,
    view: RunView,
    *,
    subject: str | None = None,
    released: RunView | None = None,
    findings: "Sequence[OpenFinding] | None" = None,
    today: date | None = None,
) -> GateResult:
    """Hold a run against a policy.

    A threshold is passed where the whole interval lies on its good side, failed where it lies on the bad side, and
    undecided where it crosses. Each rule stands for itself: with many rules some fail by chance, and intervals hold for
    the choice of items, not for errors of the judge, whose calibration is named beside each answer.

    Args:
        policy: The rules.
        view: The run.
        subject: The system, where the run has several.
        released: The last released run, for rules that compare with it.
        findings: Open findings of the exchange; ``None`` where there is no node: rules about them miss their data.
        today: Day on which waivers are looked at; today by default.

    Raises:
        UnknownNameError: The run has no such system.
        UsageError: The run has several systems and none was named, or a rule compares with a released run that was not
            given.
        InputError: A rule asks of a rate what is none, such as at most 20.
    """
    name = _subject(view, subject or policy.subject)
    day = (today or date.today()).isoformat()
    checks: list[Checked] = []
    for rule in policy.rules:
        if rule.open_findings is not None:
            found = [_findings(rule, view, name, findings)]
        else:
            found = list(_rule(rule, view, name, released))
        checks += [replace(check, line=rule.line) for check in found]
    waivers = {waiver.rule: waiver for waiver in policy.waivers if waiver.expires >= day}
    notes = [
        f"the waiver of {waiver.rule} by {waiver.approver} expired on {waiver.expires} and holds no more"
        for waiver in policy.waivers
        if waiver.expires < day
    ]
    if released is not None and released.run == view.run:
        notes.append(
            f"{view.run} is the released run itself: what compares with it says nothing of a new release"
        )
    if view.partial:
        checks.append(
            Checked("complete-run", Answer.FAIL, f"{view.run} was sealed before it was complete", name)
        )
    return GateResult(
        title=policy.title,
        run=view.run,
        subject=name,
        day=day,
        checks=tuple(_waived(check, waivers.get(check.rule)) for check in checks),
        notes=tuple(notes),
        root=view.root,
        tree_size=view.tree_size,
    )


def _subject(view: RunView, wanted: str) -> str:
    names = [one.name for one in view.subjects]
    if wanted:
        if wanted not in names:
            raise UnknownNameError("system of the run", wanted, names)
        return wanted
    if len(names) != 1:
        raise UsageError(
            f"the run has {len(names)} systems: {', '.join(names)}", hint="Say which one with --subject."
        )
    return names[0]


def _waived(check: Checked, waiver: Waiver | None) -> Checked:
    if waiver is None or check.answer in (Answer.PASS, Answer.WAIVED):
        return check
    return replace(check, answer=Answer.WAIVED, waiver=waiver, unwaived=check.answer)


def _rule(rule: Rule, view: RunView, subject: str, released: RunView | None) -> Iterator[Checked]:
    if rule.methods:
        have = {f"{card.id}@{card.version}" for card in view.cards.values()} | set(view.cards)
        for method in rule.methods:
            there = method in have
            said = "was run" if there else "is missing from the run"
            yield Checked(rule.id, Answer.PASS if there else Answer.MISSING, f"{method} {said}", subject)
        return
    parts = _parts(rule, view, subject)
    if not parts:
        yield Checked(
            rule.id,
            Answer.MISSING,
            f"{rule.measure} was not measured in {view.run} for {rule.language}"
            + (f" by {rule.each}" if rule.each else ""),
            subject,
            rule.measure,
        )
    for part in parts:
        _check_bound(rule, part)
        if rule.margin is None:
            yield _threshold(rule, part, view)
        elif released is None:
            raise UsageError(
                f"rule {rule.id!r} compares with a released run, and none was given",
                hint="Name it with --released RUN, or as 'released' in the policy.",
            )
        else:
            yield _regression(rule, part, view, released)


def _check_bound(rule: Rule, one: Measurement) -> None:
    """Refuse a threshold that no rate can miss or reach: 20 where 20% was meant would pass whatever was measured."""
    bound = next(b for b in (rule.at_least, rule.at_most, rule.margin) if b is not None)
    if one.measure.unit == "proportion" and not 0 <= bound <= 1:
        raise InputError(
            f"rule {rule.id!r}: {one.measure.id} lies between 0 and 1, and {bound:g} does not",
            hint="Write 0.2 for 20%.",
        )


def _findings(rule: Rule, view: RunView, subject: str, findings: "Sequence[OpenFinding] | None") -> Checked:
    assert rule.open_findings is not None
    asked = f"at most {rule.open_findings} open findings of severity {rule.severity} or above asked"
    if findings is None:
        return Checked(
            rule.id, Answer.MISSING, f"{asked}; this workspace has no exchange node to look in", subject
        )
    system = next(one for one in view.subjects if one.name == subject)
    held = [one for one in findings if one.at_least(rule.severity) and one.concerns(system)]
    named = ", ".join(f"{one.name} ({one.severity}, {one.id})" for one in held[:5])
    more = f" and {len(held) - 5} more" if len(held) > 5 else ""
    good = len(held) <= rule.open_findings
    return Checked(
        rule.id,
        Answer.PASS if good else Answer.FAIL,
        f"{len(held)} open{': ' if held else ''}{named}{more}; {asked}",
        subject,
        value=float(len(held)),
        threshold=float(rule.open_findings),
    )


def _parts(rule: Rule, view: RunView, subject: str) -> list[Measurement]:
    wanted = {"language"} | ({rule.each} if rule.each else set()) | set(rule.facets)
    return [
        one
        for one in view.measurements
        if one.subject == subject
        and one.measure.id == rule.measure
        and set(one.facets) == wanted
        and one.facets["language"] == rule.language
        and all(one.facets[name] == value for name, value in rule.facets.items())
    ]


def _judge(view: RunView, one: Measurement) -> str:
    for judge in view.judges():
        if judge["method"] == one.provenance.method:
            checked = judge["calibration"].get(one.facets.get("language", ""), "")
            return f"{judge['judge']} (checked on: {checked})" if checked else str(judge["judge"])
    return ""


def _threshold(rule: Rule, one: Measurement, view: RunView) -> Checked:
    higher = rule.at_least is not None
    bound = rule.at_least if rule.at_least is not None else rule.at_most
    assert bound is not None  # the policy's schema holds one of the two
    low, high = (None, None) if one.interval is None else (one.interval.low, one.interval.high)
    facts: dict[str, Any] = {
        "subject": one.subject,
        "measure": one.measure.id,
        "facets": dict(one.facets),
        "value": one.value,
        "low": low,
        "high": high,
        "n": one.n,
        "threshold": bound,
        "judge": _judge(view, one),
    }
    words = f"{'at least' if higher else 'at most'} {bound:g}"
    if one.value is None or low is None or high is None:
        why = one.reason or ("no interval" if one.value is not None else "no value")
        return Checked(rule.id, Answer.UNDECIDED, f"{words} asked; not known: {why}", **facts)
    shown = f"{one.value:.3f} [{low:.3f}, {high:.3f}], n {one.n}; {words} asked"
    good = low >= bound if higher else high <= bound
    bad = high < bound if higher else low > bound
    if good or bad:
        return Checked(rule.id, Answer.PASS if good else Answer.FAIL, shown, **facts)
    needed = items_needed(one, bound)
    said = (
        f"about {needed} items would decide it if the estimate stayed"
        if needed
        else "no number of items decides a rate on the threshold"
    )
    return Checked(rule.id, Answer.UNDECIDED, f"{shown}; {said}", n_needed=needed, **facts)


def items_needed(one: Measurement, bound: float) -> int | None:
    """Items that would take the interval off the bound, if the estimate stayed as it is.

    For a proportion Wilson's interval ends at the bound where the score test does: n = z^2 b (1 - b) / (p - b)^2,
    stretched by how much wider the measured interval is than Wilson's (the design effect of clustered items). Other
    numbers go by the square root of n.

    Returns:
        The number, never below what is there; ``None`` where the estimate stands on the bound or nothing is known.

    References:
        Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.

    Examples:
        >>> from kakehashi.model import Interval, Measure, Provenance
        >>> measure = Measure("a:b", "harmful-request-handling", Polarity.HIGHER)
        >>> given = Measurement("s", measure, 0.9, Provenance("x", "a", "1", "2026"), n=40, k=36)
        >>> items_needed(replace(given, interval=Interval(0.769, 0.960, 0.95, "wilson")), 0.8)  # 1.96^2 x 0.16 / 0.01
        62
    """
    if one.value is None or one.n is None or one.n < 1 or one.interval is None or one.value == bound:
        return None
    width = one.interval.high - one.interval.low
    away = one.value - bound
    if one.measure.unit != "proportion":
        return max(one.n, ceil(one.n * (width / 2 / away) ** 2))
    plain = wilson(one.value * one.n, one.n, confidence_level=one.interval.confidence_level)
    effect = max(1.0, (width / (plain.high - plain.low)) ** 2)
    z = NormalDist().inv_cdf((1 + one.interval.confidence_level) / 2)
    return max(one.n, ceil(effect * z**2 * bound * (1 - bound) / away**2))


def _regression(rule: Rule, one: Measurement, view: RunView, released: RunView) -> Checked:
    assert rule.margin is not None
    sign = 1.0 if one.measure.polarity is Polarity.HIGHER else -1.0
    facts: dict[str, Any] = {
        "subject": one.subject,
        "measure": one.measure.id,
        "facets": dict(one.facets),
        "threshold": -rule.margin,
        "judge": _judge(view, one),
    }
    words = f"not worse than {released.run} by more than {rule.margin:g} asked"
    if differs := _measured_otherwise(one.provenance.method, view, released):
        return Checked(rule.id, Answer.UNDECIDED, f"{words}; not to be compared: {differs}", **facts)
    new, old = _credits(view, one, one.subject), _credits(released, one, _only(released, one.subject))
    shared = sorted(set(new) & set(old))
    if not shared:
        return Checked(rule.id, Answer.MISSING, f"{words}; the runs share no items", **facts)
    try:
        found = paired_difference(
            [sign * new[key][0] for key in shared],
            [sign * old[key][0] for key in shared],
            [new[key][1] for key in shared],
            rng=0,
        )
    except NotEstimableError as error:
        return Checked(rule.id, Answer.UNDECIDED, f"{words}; not known: {error.message}", **facts)
    facts |= {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
    shown = (
        f"difference {found.value:.3f} [{found.low:.3f}, {found.high:.3f}] (above 0: better), "
        f"{found.n} shared items; {words}"
    )
    if found.low >= -rule.margin:
        return Checked(rule.id, Answer.PASS, shown, **facts)
    if found.high < -rule.margin:
        return Checked(rule.id, Answer.FAIL, shown, **facts)
    away = abs(found.value + rule.margin)
    half = (found.high - found.low) / 2
    needed = (
        None
        if away == 0 or not isfinite(half)
        else max(found.n or 0, ceil((found.n or 0) * (half / away) ** 2))
    )
    said = (
        f"about {needed} items would decide it if the difference stayed"
        if needed
        else "no number of items decides it"
    )
    return Checked(rule.id, Answer.UNDECIDED, f"{shown}; {said}", n_needed=needed, **facts)


def _measured_otherwise(method: str, view: RunView, released: RunView) -> str:
    """In what the two runs measured differently, so that a difference may be one of versions or judges; else ``""``."""
    new, old = view.cards.get(method), released.cards.get(method)
    if new is None or old is None:
        return ""
    pairs = (("version", new.version, old.version), ("judge", new.judge, old.judge))
    return ", ".join(f"{method} has {name} {a} here and {b} there" for name, a, b in pairs if a != b)


def _only(view: RunView, subject: str) -> str:
    """The system of a released run: the same name, else the only one there is."""
    names = [one.name for one in view.subjects]
    if subject in names or len(names) != 1:
        return subject
    return names[0]


def _credits(view: RunView, one: Measurement, subject: str) -> dict[tuple[str, int], tuple[float, str]]:
    items = view.items
    keep = (items["subject"] == subject) & (items["measure"] == one.measure.id)
    keep &= items["language"] == one.facets["language"]
    for name, value in one.facets.items():
        if name in ("category", "technique", "kind"):
            keep &= items[name] == value
    rows: Sequence[int] = np.flatnonzero(keep & np.isfinite(items["credit"])).tolist()
    epochs = items.get("epoch")
    return {
        (str(items["sample"][i]), 0 if epochs is None else int(epochs[i])): (
            float(items["credit"][i]),
            str(items["cluster"][i]),
        )
        for i in rows
    }
