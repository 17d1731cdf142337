"""The three sentences of the first page, made from the values."""

from collections.abc import Sequence

from kakehashi.report.document import Linked, Listed, Number, Piece, Say, Span, Style
from kakehashi.report.pages.words import (
    cite,
    construct,
    difference_style,
    item_source,
    languages,
    measure_title,
    method_title,
    system,
    systems,
)
from kakehashi.report.values import Assessment, ConflictFacts, DifferenceFacts, MeasureFacts

#: The two sides that are never merged, in this order.
SIDES = ("safe-handling-rate", "over-refusal-rate")

#: Up to so many pairs of systems, over both sides and all languages, are named one by one.
_NAMED_PAIRS = 6
#: Up to so many differences beyond noise are told with their intervals; of more, only the orders are named.
_TOLD_PAIRS = 3


def three_sentences(assessment: Assessment) -> tuple[Piece, Piece, Piece]:
    """What was assessed by what; what differs and what does not; where methods disagree."""
    return _assessed(assessment), _differs(assessment), _disagrees(assessment)


def side_measures(assessment: Assessment) -> tuple[MeasureFacts, ...]:
    """Safe handling and over-refusal; where a run has neither, its first measure with a direction."""
    sides = [m for name in SIDES for m in assessment.measures if m.name == name]
    directed = [m for m in assessment.measures if m.polarity != "no-direction"]
    valued = {score.measure for score in assessment.scores if score.value is not None and not score.facet}
    known = [m for m in directed if m.key in valued]
    return tuple(sides or (known or directed)[:1])


def _assessed(assessment: Assessment) -> Piece:
    names = [one.name for one in assessment.systems]
    answers = {name: sum(one.items for one in assessment.missing if one.system == name) for name in names}
    alike = len(set(answers.values())) == 1 and len(names) > 1 and not assessment.run.partial
    key = "one" if len(names) == 1 else "each" if alike else "many"
    items = assessment.sources[0].id if assessment.sources else ""
    return Say(
        f"sentence.assessed.{key}",
        {
            "count": Number(len(names)),
            "systems": systems(names) if len(names) <= 6 else Say("sentence.systems-listed-below"),
            "methods": Listed(tuple(method_title(assessment, one.id) for one in assessment.methods)),
            "items": cite(Number(next(iter(answers.values())) if alike else sum(answers.values())), items),
            "answers": cite(Number(sum(answers.values())), items),
            "languages": languages(assessment.run.languages),
        },
    )


def _differs(assessment: Assessment) -> Piece:
    """What can be said of every side: orders, differences on the same prompts, nothing."""
    if len(assessment.systems) < 2:
        return Say("sentence.differs.one-system")
    sides = [(side, mine) for side in side_measures(assessment) if (mine := _of(assessment, side))]
    if not sides:
        return Say("sentence.differs.nothing")
    orders = {one.order for _, mine in sides for one in mine}
    if not orders & {"stated", "items-only"}:
        measures = Listed(tuple(measure_title(assessment, side.key) for side, _ in sides))
        return Say("sentence.differs.beyond-none", {"measures": measures})
    level = confidence_level(assessment)
    few = sum(len(mine) for _, mine in sides) <= _NAMED_PAIRS
    if "stated" not in orders and few:
        return Say("sentence.differs.items-only", {"clauses": _items_only(assessment, sides), "level": level})
    beyond = sum(one.order in ("stated", "items-only") for _, mine in sides for one in mine)
    if few and beyond > _TOLD_PAIRS:
        orders_only = Listed(tuple(_orders(assessment, side, mine) for side, mine in sides), "semicolon")
        return Say("sentence.differs.orders", {"clauses": orders_only, "level": level})
    clauses = Listed(tuple(_clause(assessment, side, mine, few) for side, mine in sides), "semicolon")
    return Say("sentence.differs", {"clauses": clauses, "level": level})


def _orders(assessment: Assessment, measure: MeasureFacts, mine: list[DifferenceFacts]) -> Piece:
    """The orders that can be stated of one side, by name; sizes and intervals stand in the figures."""
    below: dict[str, list[Piece]] = {}
    for one in mine:
        if one.order == "stated":
            high, low = _high_low(one)
            below.setdefault(high, []).append(system(low))
    named = _named(assessment, measure)
    if not below:
        return Say("clause.orders-none", named)
    pairs = tuple(
        Say("clause.above-names", {"high": system(high), "lows": Listed(tuple(lows))})
        for high, lows in below.items()
    )
    return Say("clause.orders", {**named, "pairs": Listed(pairs, "also")})


def _of(assessment: Assessment, measure: MeasureFacts) -> list[DifferenceFacts]:
    return [one for one in assessment.differences if one.measure == measure.key]


def _items_only(assessment: Assessment, sides: list[tuple[MeasureFacts, list[DifferenceFacts]]]) -> Piece:
    """Sides on which systems differ on the same prompts, and none of which carries an order."""
    clauses: list[Piece] = []
    for side, mine in sides:
        pairs = tuple(_above(one, side) for one in mine if one.order == "items-only")
        named = _named(assessment, side)
        if pairs:
            clauses.append(Say("clause.side", {**named, "pairs": Listed(pairs, "also")}))
        else:
            clauses.append(Say("clause.side-nothing", named))
    if any(one.order != "items-only" for _, mine in sides for one in mine):
        clauses.append(Say("clause.rest"))
    return Listed(tuple(clauses), "semicolon")


def _named(assessment: Assessment, measure: MeasureFacts) -> dict[str, Piece]:
    return {
        "measure": measure_title(assessment, measure.key),
        "polarity": Say(f"polarity.{measure.polarity}"),
    }


def _clause(assessment: Assessment, measure: MeasureFacts, mine: list[DifferenceFacts], few: bool) -> Piece:
    parts = _named(assessment, measure)
    if not few:
        return Say("clause.counts", {**parts, **order_counts(mine)})
    return Say("clause.measure", {**parts, "said": Listed(what_can_be_said(mine, measure), "semicolon")})


def order_counts(differences: Sequence[DifferenceFacts]) -> dict[str, Piece]:
    """How many pairs have an order, a difference on the same prompts only, neither."""
    orders = [one.order for one in differences]
    stated, items_only = orders.count("stated"), orders.count("items-only")
    return {
        "pairs": Number(len(orders)),
        "stated": Number(stated),
        "items": Number(items_only),
        "open": Number(len(orders) - stated - items_only),
    }


def what_can_be_said(differences: Sequence[DifferenceFacts], measure: MeasureFacts) -> tuple[Piece, ...]:
    """Orders that can be stated, differences that hold on the same prompts only, and the rest."""
    said: list[Piece] = []
    rest = [one for one in differences if one.order not in ("stated", "items-only")]
    for order in ("stated", "items-only"):
        found = [one for one in differences if one.order == order]
        if found:
            pairs = Listed(tuple(_above(one, measure) for one in found), "also")
            many = "-many" if order == "stated" and len(found) > 1 else ""
            said.append(Say(f"clause.{order}{many}", {"pairs": pairs}))
    if rest and said:
        said.append(Say("clause.rest"))
    elif rest:
        said.append(Say("clause.nothing"))
    return tuple(said)


def _above(one: DifferenceFacts, measure: MeasureFacts) -> Piece:
    value = one.value or 0.0
    high, low = _high_low(one)
    style: Style = "points" if difference_style(measure) == "signed-points" else "score"
    parts: dict[str, Piece] = {
        "high": system(high),
        "low": system(low),
        "difference": cite(Number(abs(value), style), item_source(measure)),
    }
    if one.low is None or one.high is None:
        return Say("clause.above", parts)
    ends = sorted((abs(one.low), abs(one.high)))
    interval = cite(Span(ends[0], ends[1], style), item_source(measure))
    return Say("clause.above-interval", {**parts, "interval": interval})


def _high_low(one: DifferenceFacts) -> tuple[str, str]:
    return (one.first, one.second) if (one.value or 0.0) > 0 else (one.second, one.first)


def confidence_level(assessment: Assessment) -> Piece:
    """Nominal coverage of the intervals of this report, which leads to its settings."""
    value = assessment.settings.get("confidence_level", 0.95)
    return Linked(Number(value if isinstance(value, float) else 0.95, "whole-percent"), "manifest")


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
