"""The three sentences of the first page, made from the values."""

from collections.abc import Sequence

from kakehashi.report.document import Listed, Number, Piece, Say, Style
from kakehashi.report.pages.words import (
    construct,
    difference_style,
    languages,
    measure_title,
    method_title,
    system,
    systems,
)
from kakehashi.report.values import Assessment, ConflictFacts, DifferenceFacts, MeasureFacts

#: The two sides that are never merged, in this order.
SIDES = ("safe-handling-rate", "over-refusal-rate")

#: Up to so many pairs of systems are named one by one.
_NAMED_PAIRS = 3


def three_sentences(assessment: Assessment) -> tuple[Piece, Piece, Piece]:
    """What was assessed by what; what differs and what does not; where methods disagree."""
    return _assessed(assessment), _differs(assessment), _disagrees(assessment)


def side_measures(assessment: Assessment) -> tuple[MeasureFacts, ...]:
    """Safe handling and over-refusal; where a run has neither, its first measure with a direction."""
    sides = [m for name in SIDES for m in assessment.measures if m.name == name]
    directed = [m for m in assessment.measures if m.polarity != "no-direction"]
    return tuple(sides or directed[:1])


def _assessed(assessment: Assessment) -> Piece:
    names = [one.name for one in assessment.systems]
    items = sum(one.items for one in assessment.missing)
    key = "one" if len(names) == 1 else "many"
    return Say(
        f"sentence.assessed.{key}",
        {
            "count": Number(len(names)),
            "systems": systems(names) if len(names) <= 6 else Say("sentence.systems-listed-below"),
            "methods": Listed(tuple(method_title(assessment, one.id) for one in assessment.methods)),
            "items": Number(items),
            "languages": languages(assessment.run.languages),
        },
    )


def _differs(assessment: Assessment) -> Piece:
    if len(assessment.systems) < 2:
        return Say("sentence.differs.one-system")
    sides = side_measures(assessment)
    clauses = [clause for measure in sides if (clause := _clause(assessment, measure)) is not None]
    if not clauses:
        return Say("sentence.differs.nothing")
    return Say("sentence.differs", {"clauses": Listed(tuple(clauses), "semicolon")})


def _clause(assessment: Assessment, measure: MeasureFacts) -> Piece | None:
    mine = [one for one in assessment.differences if one.measure == measure.key]
    if not mine:
        return None
    title = measure_title(assessment, measure.key)
    polarity = Say(f"polarity.{measure.polarity}")
    stated = [one for one in mine if one.order == "stated"]
    open_ = [one for one in mine if one.order != "stated"]
    if len(mine) > _NAMED_PAIRS:
        parts: dict[str, Piece] = {
            "measure": title,
            "polarity": polarity,
            "stated": Number(len(stated)),
            "pairs": Number(len(mine)),
            "open": Number(len(open_)),
        }
        return Say("clause.counts", parts)
    said: list[Piece] = [_above(one, measure) for one in stated]
    if open_ and not stated:
        said.append(Say("clause.no-order-any"))
    elif open_:
        said.append(Say("clause.no-order", {"pairs": Listed(tuple(_pair(one) for one in open_), "comma")}))
    said_all = Listed(tuple(said), "comma")
    return Say("clause.measure", {"measure": title, "polarity": polarity, "said": said_all})


def _above(one: DifferenceFacts, measure: MeasureFacts) -> Piece:
    value = one.value or 0.0
    high, low = (one.first, one.second) if value > 0 else (one.second, one.first)
    style: Style = "points" if difference_style(measure) == "signed-points" else "score"
    return Say(
        "clause.above",
        {"high": system(high), "low": system(low), "difference": Number(abs(value), style)},
    )


def _pair(one: DifferenceFacts) -> Piece:
    return Say("clause.pair", {"first": system(one.first), "second": system(one.second)})


def _disagrees(assessment: Assessment) -> Piece:
    if len(assessment.systems) < 2:
        return Say("sentence.disagrees.one-system")
    if sum(one.polarity != "no-direction" for one in assessment.measures) < 2:
        return Say("sentence.disagrees.one-measure")
    alarms = [one for one in assessment.conflicts if one.same_construct]
    trades = [one for one in assessment.conflicts if not one.same_construct]
    if alarms:
        shown = alarms[0]
        parts = {**_conflict_parts(assessment, shown), "more": Number(len(alarms))}
        return Say("sentence.disagrees.same-construct", parts)
    if trades:
        shown = _most_telling(trades)
        parts = {**_conflict_parts(assessment, shown), "more": Number(len(trades))}
        return Say("sentence.disagrees.trade-off", parts)
    return Say("sentence.disagrees.none")


def _most_telling(conflicts: Sequence[ConflictFacts]) -> ConflictFacts:
    """The one between safe handling and over-refusal, where there is one."""
    for one in conflicts:
        if any(SIDES[0] in key for key in (one.one, one.other)) and any(
            SIDES[1] in k for k in (one.one, one.other)
        ):
            return one
    return conflicts[0]


def _conflict_parts(assessment: Assessment, one: ConflictFacts) -> dict[str, Piece]:
    return {
        "one": measure_title(assessment, one.one),
        "other": measure_title(assessment, one.other),
        "first": system(one.first),
        "second": system(one.second),
        "construct": construct(assessment.measure(one.one).construct),
    }
