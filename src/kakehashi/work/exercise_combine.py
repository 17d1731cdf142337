"""Results of several sites side by side: what replicated, how much sites differ, and where that comes from."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.compare import VarianceComponents, variance_components
from kakehashi.compare.replication import NOT_REPLICATED, REPLICATED, RULE, UNDECIDED
from kakehashi.errors import InputError, NotEstimableError, UsageError
from kakehashi.model import Measure
from kakehashi.work.exercise import Protocol
from kakehashi.work.exercise_files import SiteSubmission, check_embargo, read_submissions
from kakehashi.work.manifest import SettingDifference, setting_differences
from kakehashi.work.replicate import ItemCounts, Replicated, Results, item_of, replicate

FORMAT = "kakehashi.exercise-result/1"
FACTORS = ("site", "language", "judge", "system", "item")


@dataclass(frozen=True, slots=True)
class PairOfSites:
    """Two sites on everything that both measured by one judge.

    Attributes:
        first: Name of a site.
        second: Name of another.
        judge: Id of the judge, ``""`` for each method's own.
        rows: Headline measures, each with a verdict; differences are ``second - first``.
        settings: Settings in which the two runs differ; the first comes first.
    """

    first: str
    second: str
    judge: str
    rows: tuple[Replicated, ...]
    settings: tuple[SettingDifference, ...]


@dataclass(frozen=True, slots=True)
class MeasureVariance:
    """Where the variance of one measure's item scores comes from.

    Attributes:
        measure: The measure.
        components: The split, or ``None`` where there is none.
        reason: Why there is none.
    """

    measure: Measure
    components: VarianceComponents | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Combined:
    """A joint exercise, combined.

    Attributes:
        protocol: The protocol.
        sites: What the sites handed in.
        missing: Sites that joined and did not submit.
        pairs: Every two sites, by each judge.
        variances: For each headline measure.
        confidence_level: Of the intervals: 95%, made stricter for the number of pairs of sites.
        notes: What the reader must know.
    """

    protocol: Protocol
    sites: tuple[SiteSubmission, ...]
    missing: tuple[str, ...]
    pairs: tuple[PairOfSites, ...]
    variances: tuple[MeasureVariance, ...]
    confidence_level: float
    notes: tuple[str, ...]

    def verdicts(self) -> dict[tuple[str, str, str], str]:
        """System, measure and language → the verdict over all pairs of sites.

        Replicated where every pair is; not replicated where one pair is not; else undecided.
        """
        found: dict[tuple[str, str, str], set[str]] = {}
        for pair in self.pairs:
            for row in pair.rows:
                key = (row.subject, row.measure.id, row.language)
                found.setdefault(key, set()).add(row.result.verdict)
        return {
            key: NOT_REPLICATED
            if NOT_REPLICATED in verdicts
            else UNDECIDED
            if UNDECIDED in verdicts
            else REPLICATED
            for key, verdicts in found.items()
        }

    def to_json(self) -> str:
        """Strict JSON, sorted and stable."""
        value = {
            "format": FORMAT,
            "protocol": self.protocol.shown(),
            "rule": RULE,
            "confidence_level": self.confidence_level,
            "sites": [
                {
                    "site": one.site,
                    "key": one.key,
                    "submitted": one.submitted,
                    "sha256": one.digest,
                    "private": [_plain(part) for part in one.private],
                }
                for one in self.sites
            ],
            "missing": list(self.missing),
            "verdicts": [
                {"system": subject, "measure": measure, "language": language, "verdict": verdict}
                for (subject, measure, language), verdict in self.verdicts().items()
            ],
            "pairs": [_plain(pair) for pair in self.pairs],
            "variances": [_plain(one) for one in self.variances],
            "notes": list(self.notes),
        }
        return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def combine_exercise(
    protocol: Protocol, folder: Path, *, partial: bool = False, now: str = "", rng: int = 0
) -> Combined:
    """Check everything in the folder of an exercise and hold the sites' results against one another.

    Args:
        protocol: The protocol.
        folder: Folder with join files, submissions and openings.
        partial: Whether sites may be missing.
        now: The present time, for tests.
        rng: Seed of the bootstrap.

    Raises:
        VerificationError: A changed file, another protocol, a site twice, a late or a replaced submission.
        UsageError: The embargo lasts, or fewer than two sites have submitted.
        IncompleteError: A site is missing and ``partial`` was not asked.
    """
    given, missing = read_submissions(protocol, folder, partial=partial, now=now)
    check_embargo(protocol, given, now)
    if len(given) < 2:
        raise UsageError(
            f"{len(given)} site has submitted; two are needed", hint="Ask the others for their submissions."
        )
    between = list(combinations(given, 2))
    level = 1 - 0.05 / len(between)
    notes = [note for one in given for note in one.notes]
    pairs = tuple(
        PairOfSites(
            first.site,
            second.site,
            judge_of(protocol, number),
            replicate(
                first.runs[number],
                second.runs[number],
                margin=protocol.margin,
                confidence_level=level,
                say=notes.append,
            ),
            setting_differences(first.runs[number].manifest, second.runs[number].manifest),
        )
        for number in range(len(protocol.runs))
        for first, second in between
    )
    return Combined(
        protocol=protocol,
        sites=given,
        missing=missing,
        pairs=pairs,
        variances=_variances(protocol, given, rng),
        confidence_level=level,
        notes=tuple(dict.fromkeys(notes)),
    )


def judge_of(protocol: Protocol, number: int) -> str:
    """Id of the judge of a run of the protocol, ``""`` for each method's own."""
    judge = protocol.runs[number].get("judge")
    return str(judge.get("id", "")) if isinstance(judge, Mapping) else ""


def item_totals(rows: Sequence[Replicated]) -> ItemCounts:
    """The counts of several measures added up."""
    return ItemCounts(
        **{field.name: sum(getattr(r.items, field.name) for r in rows) for field in fields(ItemCounts)}
    )


def _variances(protocol: Protocol, given: Sequence[SiteSubmission], rng: int) -> tuple[MeasureVariance, ...]:
    measures = {
        one.measure.id: one.measure
        for site in given
        for results in site.runs
        for one in results.headlines().values()
    }
    found = []
    for measure in measures.values():
        values: list[float] = []
        labels: dict[str, list[str]] = {factor: [] for factor in FACTORS}
        for site in given:
            for number, results in enumerate(site.runs):
                judge = judge_of(protocol, number)
                for row in np.flatnonzero(results.items["measure"] == measure.id):
                    values.append(float(results.items["credit"][row]))
                    where = _place(results, int(row))
                    for factor, label in zip(FACTORS, (site.site, where[0], judge, *where[1:]), strict=True):
                        labels[factor].append(label)
        if not values:
            found.append(MeasureVariance(measure, None, "no item counts for this measure alone"))
            continue
        try:
            split = variance_components(values, labels, n_resamples=200, rng=rng)
        except (NotEstimableError, InputError) as error:
            found.append(MeasureVariance(measure, None, error.message))
        else:
            found.append(MeasureVariance(measure, split))
    return tuple(found)


def _place(results: Results, row: int) -> tuple[str, str, str]:
    items = results.items
    return str(items["language"][row]), str(items["subject"][row]), item_of(results, row)


def _plain(value: Any) -> Any:
    """A frozen result as strict JSON takes it."""
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
