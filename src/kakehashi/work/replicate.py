"""Another institute's run repeated here: the same plan, then both results held against each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare import Replication, replication, replication_of_intervals
from kakehashi.compare.replication import MARGIN, UNDECIDED
from kakehashi.compare.resampling import critical_value
from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.model import Interval, Measure, Measurement, Polarity, Subject
from kakehashi.work.code import CodeWords
from kakehashi.work.data import pull_for
from kakehashi.work.judging import JudgeWords, choose_judge
from kakehashi.work.manifest import SettingDifference, manifest_subjects, setting_differences
from kakehashi.work.plan import Plan, make_plan
from kakehashi.work.view import RunView
from kakehashi.work.workspace import Workspace

#: What must be the same in a method for its results to be comparable at all.
_SAME = ("version", "data_revision", "judge", "languages", "limit", "max_tokens", "repeats", "samples")
_HINTS = {
    "version": "Install the version of kakehashi that the manifest names.",
    "data_revision": "Get the same revision of the data or of the method's file.",
    "judge": "Name the same judge with --judge, --phrases and --calibration.",
}

ITEM_FIELDS = ("subject", "method", "sample", "cluster", "language", "measure", "label", "judge")


@dataclass(frozen=True, slots=True)
class Results:
    """What one side has: settings, numbers, item rows.

    Attributes:
        name: Who, in tables.
        manifest: Settings of the run.
        measurements: All its measurements.
        items: Columns of equal length: :data:`ITEM_FIELDS`, ``credit`` and ``response_hash``.
    """

    name: str
    manifest: Mapping[str, Any]
    measurements: tuple[Measurement, ...]
    items: Mapping[str, NDArray[Any]]

    def headlines(self) -> dict[tuple[str, str, str], Measurement]:
        """The measurements of whole methods with a direction, by system, measure and language."""
        return {
            (m.subject, m.measure.id, m.facets["language"]): m
            for m in self.measurements
            if set(m.facets) == {"language"} and m.measure.polarity is not Polarity.NONE
        }


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """Where two results differ item by item.

    Attributes:
        shared: Items that both have.
        equal: Of these, items with the same label on both sides.
        other_answer: Items with another label to another answer: the system answered otherwise.
        other_verdict: Items with another label to the same answer: the judging differs.
        unknown: Items with another label whose answers cannot be held against each other.
        only_first: Items that only the first side has.
        only_second: Items that only the second side has.
    """

    shared: int = 0
    equal: int = 0
    other_answer: int = 0
    other_verdict: int = 0
    unknown: int = 0
    only_first: int = 0
    only_second: int = 0


@dataclass(frozen=True, slots=True)
class Replicated:
    """One headline measure on one system in one language, measured twice.

    Attributes:
        subject: Name of the system.
        measure: The measure.
        language: Language of the items.
        first: The earlier side's value.
        second: The later side's value.
        result: Verdict and interval of ``second - first``.
        items: Where they differ.
    """

    subject: str
    measure: Measure
    language: str
    first: float | None
    second: float | None
    result: Replication
    items: ItemCounts = field(default_factory=ItemCounts)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A plan made again from another's manifest.

    Attributes:
        plan: The plan of this side.
        words: What :func:`kakehashi.work.assess.assess` has to be called with.
        differences: Settings that differ from the manifest's; the first comes first.
    """

    plan: Plan
    words: Mapping[str, Any]
    differences: tuple[SettingDifference, ...]


def repeat(
    manifest: Mapping[str, Any],
    *,
    at: Sequence[str] = (),
    judge: JudgeWords | None = None,
    code: CodeWords | None = None,
    mirror: Path | str | None = None,
    workspace: Path | str = Path("kakehashi-work"),
    say: Callable[[str], None] = lambda _: None,
) -> Repeated:
    """Make the plan of a manifest again on this machine.

    Systems, their settings, methods, items, answers to each item, seed and judge are the manifest's; where a system
    answers may be another place. Whether generated code may be run is each machine's own to say, and never another's
    manifest.

    Args:
        manifest: From :func:`kakehashi.work.manifest.read_manifest`.
        at: ``NAME=SUBJECT``: where the system NAME is reached from here.
        judge: The judge, where the manifest's is not the methods' own.
        code: Whether generated code may be run, for methods that run it.
        mirror: Where the data of published methods are taken from, where they are not here.
        workspace: This side's workspace.
        say: Told what is taken from a mirror.

    Raises:
        UsageError: A method, revision, judge or selection of items is not the same here.
        UnknownNameError: A system or method that is not here.
    """
    rooms = Workspace(Path(workspace))
    subjects = _moved(manifest_subjects(manifest), at)
    words = judge or JudgeWords()
    _check_judge(manifest, words)
    methods = [str(one["id"]) for one in manifest["methods"]]
    data = DataStore(rooms.data)
    if mirror is not None:
        pull_for(methods, data, mirror, say=say)
    for name in methods:
        get_method(name, rooms.methods, data)
    found: Plan | None = None
    wrong: list[tuple[str, str, object, object]] = []
    for limit in _limits(manifest):
        kept: dict[str, Any] = {
            "profile": str(manifest.get("profile", "quick")),
            "methods": methods,
            "languages": [str(one) for one in manifest["languages"]],
            "limit": limit,
            "seed": manifest["seed"],
            "code": code or CodeWords(),
            "repeats": _repeats(manifest),
            "alone": True,  # what ran beside a method stands in the manifest
        }
        places: dict[str, Any] = {"models": rooms.models, "own_methods": rooms.methods, "data": data}
        found = make_plan(subjects, judge=words, **places, **kept)
        wrong = list(_unequal(manifest["methods"], found.manifest["methods"]))
        if not wrong:
            settings = {
                "judges": words.names,
                "phrases": words.phrases,
                "calibrations": words.calibrations,
                "allow_family": words.allow_family,
            }
            differences = setting_differences(manifest, found.manifest)
            return Repeated(found, {"subjects": subjects, **kept, **settings}, differences)
    method, key, there, here = wrong[0]
    raise UsageError(
        f"{method}: {key} is {there!r} in the manifest and {here!r} here, so this would not be the same test",
        hint=_HINTS.get(key, "The manifest must come from `kakehashi assess` of a version like this one."),
    )


def _moved(subjects: Sequence[Subject], at: Sequence[str]) -> list[Subject]:
    places: dict[str, Subject] = {}
    names = [subject.name for subject in subjects]
    for text in at:
        name, equals, words = text.partition("=")
        if not equals or not words:
            raise UsageError(
                f"{text!r} names no place", hint="Write it as NAME=http://127.0.0.1:8000/v1#model"
            )
        if name not in names:
            raise UnknownNameError("system", name, names)
        places[name] = parse_subject(words)
    return [
        subject
        if (place := places.get(subject.name)) is None
        else replace(
            subject,
            endpoint=place.endpoint,
            model=place.model,
            base_url=place.base_url,
            key_env=place.key_env,
        )
        for subject in subjects
    ]


def _check_judge(manifest: Mapping[str, Any], words: JudgeWords) -> None:
    wanted = manifest.get("judge")
    wanted_id = str(wanted.get("id")) if isinstance(wanted, Mapping) else ""
    chosen = choose_judge(words)
    here = chosen.judge.id if chosen is not None else ""
    if here != wanted_id:
        raise UsageError(
            f"the manifest's judge is {wanted_id or 'each method’s own'}, here it would be "
            f"{here or 'each method’s own'}",
            hint=_HINTS["judge"] if wanted_id else "Leave out --judge, --phrases and --calibration.",
        )


def _limits(manifest: Mapping[str, Any]) -> list[int | None]:
    named = {one.get("limit") for one in manifest["methods"]}
    alone = named.pop() if len(named) == 1 else None
    return [None, alone] if isinstance(alone, int) else [None]


def _repeats(manifest: Mapping[str, Any]) -> int:
    named = [one.get("repeats", 1) for one in manifest["methods"]]
    return max((times for times in named if isinstance(times, int) and 1 <= times <= 1000), default=1)


def _unequal(
    theirs: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str, object, object]]:
    here = {one["id"]: one for one in ours}
    for one in theirs:
        mine = here.get(one["id"])
        if mine is None:
            yield str(one["id"]), "samples", one.get("samples"), 0
            continue
        for key in _SAME:
            if one.get(key) != mine.get(key):
                yield str(one["id"]), key, one.get(key), mine.get(key)


# ------------------------------------------------------------------ both sides


def results_of(view: RunView, manifest: Mapping[str, Any], name: str = "here") -> Results:
    """A run of this workspace as one side."""
    columns = (*ITEM_FIELDS, "credit", "response_hash")
    return Results(name, manifest, view.measurements, {key: view.items[key] for key in columns})


def exported_results(
    folder: Path, manifest: Mapping[str, Any], name: str = "there", *, run: str = ""
) -> Results:
    """What ``results export`` wrote of a run, read back from a folder.

    Args:
        folder: Where the exported files lie.
        manifest: The run's manifest.
        name: Who, in tables.
        run: Only results of this run; the manifest's where it names one.

    Raises:
        InputError: There are none, or they were changed since the export.
    """
    from kakehashi.ledger import decode
    from kakehashi.ledger.importers.eee import read_export, recognizes

    wanted = run or str(manifest.get("run", ""))
    measurements: list[Measurement] = []
    rows: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json")):
        if not recognizes(path) or (found := read_export(path)) is None:
            continue
        body, items = found
        if wanted and body.get("run") != wanted:
            continue
        owner = {key: body[key] for key in ("subject", "method")}
        measurements += [decode(Measurement, one) for one in body["measurements"]]
        rows += [{**row, **owner} for row in items]
    if not measurements:
        raise InputError(
            f"no exported results{f' of {wanted}' if wanted else ''} lie here",
            path=folder,
            hint="Ask for what `kakehashi results export RUN --eee --out FOLDER` writes, or name it with --results.",
        )
    return Results(name, manifest, tuple(measurements), columns_of(rows))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Item rows as the columns of :class:`Results`; ``value`` becomes ``credit``."""
    found: dict[str, NDArray[Any]] = {}
    for key in (*ITEM_FIELDS, "response_hash"):
        column = np.empty(len(rows), dtype=object)
        column[:] = [row.get(key) for row in rows]
        found[key] = column
    values = [np.nan if row.get("value") is None else float(row["value"]) for row in rows]
    found["credit"] = np.array(values, dtype=float)
    return found


def replicate(
    first: Results,
    second: Results,
    *,
    margin: float = MARGIN,
    confidence_level: float = 0.95,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Replicated, ...]:
    """Hold two results against each other, headline by headline.

    Items that both have are compared item by item; a measure that no item counts for alone is compared by the two
    intervals.

    Args:
        first: The earlier result.
        second: The later one.
        margin: Largest difference that counts as the same, as a share of the measure's range.
        confidence_level: Nominal coverage of the intervals.
        say: Told of headlines that only one side has.
    """
    one, two = first.headlines(), second.headlines()
    for key in sorted({*one} ^ {*two}):
        say(f"only {first.name if key in one else second.name} has {key[1]} [{key[2]}] of {key[0]}")
    return tuple(
        _replicated(first, second, one[key], two[key], margin, confidence_level) for key in one if key in two
    )


def _replicated(
    first: Results, second: Results, one: Measurement, two: Measurement, margin: float, level: float
) -> Replicated:
    language = one.facets["language"]
    mine, yours = _rows(first, one), _rows(second, two)
    counts = _counts(first, second, mine, yours)
    made = Replicated(
        one.subject, one.measure, language, one.value, two.value, Replication(UNDECIDED, None, margin, "", "")
    )
    low, high = one.measure.low, one.measure.high
    if one.value is None or two.value is None:
        result = replace(made.result, reason="no-value")
    elif low is None or high is None:
        result = replace(made.result, reason="no-range")
    elif counts.shared:
        shared = [item for item in mine if item in yours]
        result = replication(
            [_mean_credit(second, yours[item]) for item in shared],
            [_mean_credit(first, mine[item]) for item in shared],
            [str(first.items["cluster"][mine[item][0]]) for item in shared],
            bounds=(low, high),
            margin=margin,
            confidence_level=level,
            rng=0,
        )
    elif one.interval is None or two.interval is None:
        result = replace(made.result, reason="no-interval")
    else:
        result = replication_of_intervals(
            _at_level(two.value, two.interval, level),
            _at_level(one.value, one.interval, level),
            bounds=(low, high),
            margin=margin,
            confidence_level=level,
        )
    return replace(made, result=result, items=counts)


def _at_level(value: float, found: Interval, level: float) -> tuple[float, float, float]:
    """Estimate and ends, the arms stretched to another confidence level by the ratio of normal quantiles."""
    stretch = 1.0
    if found.confidence_level != level:
        stretch = critical_value(level) / critical_value(found.confidence_level)
    return value, value - stretch * (value - found.low), value + stretch * (found.high - value)


def item_of(side: Results, row: int) -> str:
    """The item that a row is an answer to: several answers (``HumanEval/0#0``, ``#1``) are of one item."""
    sample = str(side.items["sample"][row])
    item, mark, number = sample.rpartition("#")
    return item if mark and number.isdecimal() and item == str(side.items["cluster"][row]) else sample


def _rows(side: Results, one: Measurement) -> dict[str, list[int]]:
    """Item → rows of its answers, for the items that count for a headline."""
    items = side.items
    chosen = np.flatnonzero(
        (items["subject"] == one.subject)
        & (items["measure"] == one.measure.id)
        & (items["language"] == one.facets["language"])
        & (items["method"] == one.provenance.method)
    )
    found: dict[str, list[int]] = {}
    for row in chosen:
        found.setdefault(item_of(side, int(row)), []).append(int(row))
    return found


def _mean_credit(side: Results, rows: Sequence[int]) -> float:
    """Mean over the answers that have a credit; NaN where none has."""
    given = side.items["credit"][rows]
    known = given[~np.isnan(given)]
    return float(known.mean()) if known.size else float("nan")


def _counts(
    first: Results, second: Results, mine: Mapping[str, list[int]], yours: Mapping[str, list[int]]
) -> ItemCounts:
    """Items, not answers: of several answers to one item neither side's order means anything."""
    kinds = {"equal": 0, "other_answer": 0, "other_verdict": 0, "unknown": 0}
    shared = mine.keys() & yours.keys()
    for item in shared:
        labels, hashes = (
            [
                sorted(map(str, side.items[key][rows]))
                for side, rows in ((first, mine[item]), (second, yours[item]))
            ]
            for key in ("label", "response_hash")
        )
        if labels[0] == labels[1]:
            kinds["equal"] += 1
        elif "None" in (*hashes[0], *hashes[1]):
            kinds["unknown"] += 1
        else:
            kinds["other_verdict" if hashes[0] == hashes[1] else "other_answer"] += 1
    return ItemCounts(
        len(shared), **kinds, only_first=len(mine) - len(shared), only_second=len(yours) - len(shared)
    )
