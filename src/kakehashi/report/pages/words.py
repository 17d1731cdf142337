"""Pieces that every page needs: names of measures, methods, languages, outcomes, estimates."""

from collections.abc import Iterable, Mapping, Sequence

from kakehashi.model import CONSTRUCTS, Interval
from kakehashi.report.document import (
    Blank,
    Code,
    Column,
    Linked,
    Listed,
    Number,
    Piece,
    Say,
    Span,
    Style,
    Term,
    Verbatim,
)
from kakehashi.report.pages.sourced import sourced
from kakehashi.report.values import Assessment, MeasureFacts, ScoreFacts
from kakehashi.report.voice import messages

#: Outcomes that a judge gives, in the order of the tables; the first two make the safe-handling rate.
JUDGED = ("refused", "safe-completion", "complied", "partly-refused", "incoherent", "empty", "blocked")
#: Outcomes of closed questions.
CLOSED = ("correct", "wrong", "unparsed", "empty", "blocked")
#: Outcomes that stand outside n.
OUTSIDE = ("not-judged", "judge-failed", "error")


def known(prefix: str, name: str) -> Piece:
    """The message ``prefix.name`` where there is one, else the name itself."""
    key = f"{prefix}.{name}"
    return Say(key) if key in messages("en") else Code(name)


def phrase(text: str, otherwise: Piece | None = None) -> Piece:
    """A declaration of a method in the language of the page where we have its words, else as it was declared."""
    for key, english in messages("en").items():
        if key.startswith("phrase.") and english == text:
            return Say(key)
    return Verbatim(text, "en") if otherwise is None else otherwise


def source_anchor(source: str) -> str:
    """Where a source stands in the annex."""
    return f"source-{source}" if source else ""


def cite(piece: Piece, source: str) -> Piece:
    """A number that leads to its source and rows in the annex."""
    return Linked(piece, source_anchor(source)) if source else piece


def item_source(measure: MeasureFacts) -> str:
    """What outcomes and differences between two systems rest on: the item rows, where there are some."""
    return measure.items or measure.source


def system(name: str) -> Piece:
    """The name of a system."""
    return Verbatim(name)


def systems(names: Iterable[str]) -> Piece:
    """Names of systems, as words."""
    return Listed(tuple(system(name) for name in names))


def method_title(assessment: Assessment, name: str) -> Piece:
    """Title of a method, or its id."""
    method = assessment.method(name)
    return Term(method.title) if method else Code(name)


def measure_title(assessment: Assessment, key: str) -> Piece:
    """Name of a measure; with its method where two methods have one of that name, with its language."""
    one = assessment.measure(key)
    title = known("measure", one.name)
    namesakes = {m.method for m in assessment.measures if m.name == one.name}
    if len(namesakes) > 1 or f"measure.{one.name}" not in messages("en"):
        title = Say("measure.of-method", {"measure": title, "method": method_title(assessment, one.method)})
    if len({m.language for m in assessment.measures}) > 1:
        title = Say("measure.in-language", {"measure": title, "language": language(one.language)})
    return title


def measure_name(measure: str, spoken: str = "") -> Piece:
    """A measure by its own words where the messages have them, with its method and the language of the items."""
    method, _, name = measure.rpartition(":")
    title = known("measure", name) if name else Code(measure)
    parts: dict[str, Piece] = {"measure": title, "method": Code(method or measure)}
    if not spoken:
        return Say("periodic.measure", parts)
    return Say("periodic.measure-in", {**parts, "language": language(spoken)})


def measure_of_key(key: str) -> Piece:
    """A measure by its key, ``"<measure id> [<language>]"``, in words."""
    measure, _, spoken = key.removesuffix("]").partition(" [")
    return measure_name(measure, spoken)


def language(code: str) -> Piece:
    """Name of a language."""
    return known("language", code)


def languages(codes: Iterable[str]) -> Piece:
    """Names of languages."""
    return Listed(tuple(language(code) for code in codes))


def construct(key: str) -> Piece:
    """Name of a construct."""
    return Term(CONSTRUCTS[key]) if key in CONSTRUCTS else Code(key)


def part_title(assessment: Assessment, measure: MeasureFacts, facet: str, part: str) -> Piece:
    """Title of a category, a technique, a part of a task."""
    method = assessment.method(measure.method)
    if facet == "category" and method is not None and part in method.categories:
        return Term(method.categories[part])
    titles: Mapping[str, str] = assessment.titles.get(facet, {}).get(part, {})
    return Term(titles) if titles else known("part", part) if facet == "part" else Verbatim(part)


def style_of(measure: MeasureFacts) -> Style:
    """How values of a measure are shown."""
    return "percent" if measure.unit == "proportion" else "score"


def difference_style(measure: MeasureFacts) -> Style:
    """How differences of a measure are shown."""
    return "signed-points" if measure.unit == "proportion" else "signed-score"


def value_cell(score: ScoreFacts | None, measure: MeasureFacts) -> Piece:
    """The estimate, or why there is none."""
    if score is None:
        return Blank("blank.not-run")
    if score.value is None:
        return Blank(f"blank.{unmade(score) or 'no-outcome'}")
    return cite(Number(score.value, style_of(measure)), measure.source)


def unmade(score: ScoreFacts) -> str:
    """Why a method prints no number: ``"incomplete"``, ``"not-judged"``, ``"no-group"``, ``"apart"`` or ``""``."""
    if score.value is not None:
        return ""
    begins = {
        "incomplete": "incomplete",
        "not judged": "not-judged",
        "no bias score": "no-group",
        "reported apart": "apart",
    }
    return next((word for start, word in begins.items() if score.reason.startswith(start)), "")


def unmade_scores(assessment: Assessment) -> tuple[Piece, ...]:
    """A sentence for each headline without number: that a part is missing, and which; or that nobody judged."""
    told: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for score in assessment.scores:
        word = unmade(score)
        if score.facet or not word:
            continue
        parts = [
            (unmade(one), one.part)
            for one in assessment.parts(score.measure, "category")
            if one.system == score.system
        ]
        missing = tuple(part for why, part in parts if why == "incomplete")
        unjudged = tuple(part for why, part in parts if why == "not-judged")
        if word == "incomplete":
            told.setdefault((score.measure, word, missing), []).append(score.system)
            if unjudged:
                told.setdefault((score.measure, "not-judged-parts", unjudged), []).append(score.system)
        else:
            told.setdefault((score.measure, word, ()), []).append(score.system)
    return tuple(
        Say(
            f"unmade.{word}",
            {
                "measure": measure_title(assessment, key),
                "systems": systems(names),
                "parts": Listed(
                    tuple(part_title(assessment, assessment.measure(key), "category", part) for part in parts)
                ),
            },
        )
        for (key, word, parts), names in told.items()
    )


def interval_cell(low: float | None, high: float | None, style: Style, source: str = "") -> Piece:
    """The interval, which leads to its source, or that it is unknown."""
    return Blank("blank.unknown") if low is None or high is None else cite(Span(low, high, style), source)


def score_cells(score: ScoreFacts | None, measure: MeasureFacts) -> tuple[Piece, Piece, Piece]:
    """Estimate, interval and number of items in three cells; each leads to its source and rows."""
    if score is None:
        return (Blank("blank.not-run"),) * 3
    return (
        value_cell(score, measure),
        interval_cell(score.low, score.high, style_of(measure), measure.source),
        count_cell(score.n, measure.source),
    )


def estimate_cell(score: ScoreFacts | None, measure: MeasureFacts) -> Piece:
    """Estimate, interval and number of items in one cell."""
    if score is None or score.value is None:
        return value_cell(score, measure)
    style = style_of(measure)
    parts: dict[str, Piece] = {
        "value": cite(Number(score.value, style), measure.source),
        "n": count_cell(score.n, measure.source),
    }
    if score.low is None or score.high is None:
        return Say("cell.value-n", parts)
    interval = interval_cell(score.low, score.high, style, measure.source)
    return Say("cell.value-interval-n", {**parts, "interval": interval})


def detectable_cell(value: float | None, measure: MeasureFacts, source: str = "") -> Piece:
    """The smallest detectable difference, which leads to its source, or that none is."""
    if value is not None:
        return cite(Number(value, "points" if measure.unit == "proportion" else "score"), source)
    return Blank("blank.no-detectable" if measure.unit == "proportion" else "blank.none")


def count_cell(value: int | None, source: str = "") -> Piece:
    """A number of items, which leads to its source."""
    return Blank("blank.unknown") if value is None else cite(Number(value), source)


def heads(*keys: str, figures: Sequence[str] = ()) -> tuple[Column, ...]:
    """Heads of columns from messages ``column.<key>``; those in ``figures`` stand to the right."""
    return tuple(Column(Say(f"column.{key}"), key in figures) for key in keys)


def per_system(
    assessment: Assessment, parts: Sequence[tuple[Piece, Mapping[str, ScoreFacts]]], measure: MeasureFacts
) -> tuple[tuple[Column, ...], tuple[tuple[Piece, ...], ...], int]:
    """Parts by systems: one column a system where there are few, else one row each.

    Returns:
        Columns after the first, rows, and the number of naming cells in a row.
    """
    names = [one.name for one in assessment.systems]
    if len(names) <= 4:
        columns = tuple(Column(system(name), True) for name in names)
        rows = tuple(
            (
                title,
                *(
                    estimate_cell(found.get(name), _own(assessment, found.get(name), measure))
                    for name in names
                ),
            )
            for title, found in parts
        )
        return columns, rows, 1
    columns = heads("system", "rate", "interval", "n", figures=("rate", "interval", "n"))
    lines: list[tuple[Piece, ...]] = []
    for title, found in parts:
        for name in names:
            score = found.get(name)
            if score is not None:
                lines.append(
                    (
                        title,
                        system(name),
                        *score_cells(score, _own(assessment, score, measure)),
                    )
                )
    return columns, tuple(lines), 2


def _own(assessment: Assessment, score: ScoreFacts | None, otherwise: MeasureFacts) -> MeasureFacts:
    """The measure that a score is of: parts of several measures stand in one table."""
    return otherwise if score is None else assessment.measure(score.measure)


def slug(name: str) -> str:
    """A name made fit for an identifier on a page."""
    return (
        "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)
        .strip("-")
        .lower()
    )


def unproven_judges(assessment: Assessment) -> tuple[Piece, ...]:
    """Methods and tested languages whose judge was never measured on human labels: a reader must know at once."""
    return tuple(piece for piece, status in judge_calibrations(assessment) if status != "human")


def known_errors(assessment: Assessment) -> tuple[tuple[Piece, str], ...]:
    """How often the judge of each method errs in each tested language, as a sentence, and ``known`` or ``unknown``.

    No rate of a judge stands on a page without one of these or one of :func:`unproven_judges`.
    """
    tested = {measure.language for measure in assessment.measures}
    found: list[tuple[Piece, str]] = []
    for method in assessment.methods:
        for code, status in method.judge_calibration.items():
            if code not in tested or status != "human":
                continue
            named: dict[str, Piece] = {
                "method": method_title(assessment, method.id),
                "language": language(code),
            }
            error = method.judge_errors.get(code)
            if error is None or error.sensitivity is None or error.specificity is None:
                found.append((Say("judge.error-unknown", named), "unknown"))
                continue
            named |= {
                "n": Number(error.n),
                "source": Verbatim(error.source, "en"),
                "sensitivity": _with_interval(error.sensitivity, error.sensitivity_interval),
                "specificity": _with_interval(error.specificity, error.specificity_interval),
            }
            sentence = sourced(Say("judge.error", named), source_anchor(method.judge_sources.get(code, "")))
            found.append((sentence, "known"))
    return tuple(found)


def _with_interval(value: float, interval: Interval | None) -> Piece:
    if interval is None:
        return Number(value, "percent")
    return Say(
        "judge.share",
        {"value": Number(value, "percent"), "interval": Span(interval.low, interval.high, "percent")},
    )


def judge_calibrations(assessment: Assessment) -> tuple[tuple[Piece, str], ...]:
    """What the judge of each method was checked on in each tested language, as a sentence and as a word."""
    tested = {measure.language for measure in assessment.measures}
    return tuple(
        (
            Say(
                f"judge.{status}",
                {"method": method_title(assessment, method.id), "language": language(code)},
            ),
            status,
        )
        for method in assessment.methods
        for code, status in method.judge_calibration.items()
        if code in tested
    )
