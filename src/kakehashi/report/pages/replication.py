"""Two runs of one plan held against each other: the rows of a table, and what must be read with it."""

from collections.abc import Sequence

from kakehashi.compare import Replication
from kakehashi.model import Measure
from kakehashi.report.document import Blank, Code, Number, Piece, Say, Span, Style
from kakehashi.report.pages.words import known, language, system
from kakehashi.work.manifest import SettingDifference
from kakehashi.work.replicate import ItemCounts, Replicated

REASONS = ("too-wide", "no-interval", "no-range", "no-value", "no-items", "one-cluster")


def replication_heads() -> tuple[Piece, ...]:
    """Heads of the table of :func:`replication_cells`."""
    names = ("system", "measure", "theirs", "ours", "difference", "interval", "verdict", "why")
    return tuple(Say(f"column.{name}") for name in names)


def replication_cells(found: Replicated) -> tuple[Piece, ...]:
    """One headline measure of one system: both values, the difference with its interval, the verdict."""
    measure = found.measure
    return (
        system(found.subject),
        measure_of(measure, found.language),
        _value(found.first, measure),
        _value(found.second, measure),
        _difference(found.result, measure),
        _interval(found.result, measure),
        verdict(found.result),
        why(found.result),
    )


def replication_sentences(
    rows: Sequence[Replicated], settings: Sequence[SettingDifference], margin: float, level: float
) -> tuple[Piece, ...]:
    """How many replicated, by which rule, where items differ, and the first setting that does."""
    verdicts = [row.result.verdict for row in rows]
    lines: list[Piece] = [
        Say(
            "replication.counts",
            {
                "measures": Number(len(rows)),
                "replicated": Number(verdicts.count("replicated")),
                "not_replicated": Number(verdicts.count("not-replicated")),
                "undecided": Number(verdicts.count("undecided")),
            },
        ),
        Say(
            "replication.rule", {"level": Number(level, "whole-percent"), "margin": Number(margin, "percent")}
        ),
    ]
    lines += [item_sentence([row.items for row in rows]), setting_sentence(settings)]
    return tuple(lines)


def item_sentence(counts: Sequence[ItemCounts]) -> Piece:
    """How many items differ, and whether by the answer or by the judging."""
    total = {
        key: sum(getattr(one, key) for one in counts)
        for key in ("shared", "equal", "other_answer", "other_verdict", "unknown")
    }
    if not total["shared"]:
        return Say("replication.no-items")
    return Say("replication.items", {key: Number(count) for key, count in total.items()})


def setting_sentence(settings: Sequence[SettingDifference]) -> Piece:
    """The first setting that differs, and how many more do."""
    if not settings:
        return Say("replication.same-settings")
    first = settings[0]
    return Say(
        "replication.first-setting",
        {
            "setting": Code(first.path),
            "theirs": Code(short(first.theirs)) if first.theirs else Blank("blank.none"),
            "ours": Code(short(first.ours)) if first.ours else Blank("blank.none"),
            "more": Number(len(settings) - 1),
        },
    )


def measure_of(measure: Measure, spoken: str) -> Piece:
    """Name of a measure with its method and language."""
    method, _, name = measure.id.rpartition(":")
    title = Say("measure.of-method", {"measure": known("measure", name), "method": Code(method)})
    return Say("measure.in-language", {"measure": title, "language": language(spoken)})


def verdict(result: Replication) -> Piece:
    """Replicated, not replicated or undecided."""
    return Say(f"verdict.{result.verdict}")


def why(result: Replication) -> Piece:
    """Why it is undecided."""
    if not result.reason:
        return Blank("blank.none")
    return Say(f"verdict.why.{result.reason}") if result.reason in REASONS else Code(result.reason)


def _styles(measure: Measure) -> tuple[Style, Style]:
    return ("percent", "signed-points") if measure.unit == "proportion" else ("score", "signed-score")


def _value(value: float | None, measure: Measure) -> Piece:
    return Blank("blank.no-outcome") if value is None else Number(value, _styles(measure)[0])


def _difference(result: Replication, measure: Measure) -> Piece:
    if result.difference is None:
        return Blank("blank.not-estimable")
    return Number(result.difference.value, _styles(measure)[1])


def _interval(result: Replication, measure: Measure) -> Piece:
    found = result.difference
    if found is None or not (found.low == found.low and found.high == found.high):
        return Blank("blank.not-estimable")
    return Span(found.low, found.high, _styles(measure)[1])


def short(text: str) -> str:
    """A setting's value, cut where it is long."""
    return text if len(text) <= 60 else text[:59] + "…"
