"""Where methods disagree, and what choosing among them could do."""

from collections.abc import Mapping, Sequence

from kakehashi.report.choosing_values import AgreementFacts, ExposureFacts, RangeFacts
from kakehashi.report.document import (
    Anchored,
    Blank,
    Block,
    Bullets,
    Code,
    Column,
    Date,
    Dot,
    Figure,
    HeatMap,
    IntervalPlot,
    Linked,
    Listed,
    Number,
    Paragraph,
    Piece,
    RankPlot,
    RankRange,
    Say,
    Section,
    Span,
    Table,
    Verbatim,
)
from kakehashi.report.pages.sourced import sourced_block
from kakehashi.report.pages.words import (
    cite,
    detectable_cell,
    difference_style,
    heads,
    interval_cell,
    item_source,
    measure_title,
    source_anchor,
    system,
)
from kakehashi.report.values import Assessment, ConflictFacts, DifferenceFacts
from kakehashi.report.voice import messages

#: With more differences than this the table shows those beyond noise only.
_MANY = 80


def disagreement(assessment: Assessment) -> Section:
    """Paired differences, conflicts, agreement item by item, agreement on order."""
    blocks: list[Block] = []
    if len(assessment.systems) < 2:
        blocks.append(Paragraph(Say("text.one-system"), "note"))
    else:
        blocks += _conflicts(assessment)
        blocks += _differences(assessment)
    blocks += _itemwise(assessment)
    whole = source_anchor(assessment.rests_on.get("measurements", ""))
    blocks += [sourced_block(block, whole) for block in _agreement(assessment)]
    return Section("disagreement", Say("section.disagreement"), tuple(blocks))


def _conflicts(assessment: Assessment) -> list[Block]:
    if not assessment.conflicts:
        return [Paragraph(Say("text.no-conflicts"))]
    blocks: list[Block] = []
    for same in (True, False):
        found = [one for one in assessment.conflicts if one.same_construct is same]
        if not found:
            continue
        blocks.append(Paragraph(Say("text.conflicts.same" if same else "text.conflicts.different")))
        shown = found[:30]
        blocks.append(Bullets(tuple(_conflict(assessment, one) for one in shown)))
        if len(found) > len(shown):
            blocks.append(Paragraph(Say("text.more", {"count": Number(len(found) - len(shown))}), "note"))
    return blocks


def _conflict(assessment: Assessment, one: ConflictFacts) -> Piece:
    return Say(
        "conflict",
        {
            "one": measure_title(assessment, one.one),
            "other": measure_title(assessment, one.other),
            "first": system(one.first),
            "second": system(one.second),
        },
    )


def _differences(assessment: Assessment) -> list[Block]:
    everything = tuple(one for one in assessment.differences if one.value is not None)
    without = dict.fromkeys(one.measure for one in assessment.differences if one.value is None)
    missing: list[Block] = []
    if without:
        titles = Listed(tuple(measure_title(assessment, key) for key in without))
        missing.append(Paragraph(Say("text.differences.missing", {"measures": titles}), "note"))
    if not everything:
        return missing
    beyond = [one for one in everything if one.better]
    shown = list(everything) if len(everything) <= _MANY else beyond[:_MANY]
    parts: dict[str, Piece] = {
        "beyond": Number(len(beyond)),
        "all": Number(len(everything)),
        "shown": Number(len(shown)),
        "chance": Number(round(len(everything) * 0.05, 1)),
    }
    key = "text.differences" if len(shown) == len(everything) else "text.differences.many"
    intro = Paragraph(
        Say(key, {name: parts[name] for name in parts if name != "shown" or key.endswith("many")})
    )
    rows = tuple(_difference_row(assessment, one) for one in shown)
    table = Table(
        id="differences",
        caption=Say("caption.differences"),
        columns=heads(
            "measure",
            "pair",
            "difference",
            "interval",
            "n",
            "detectable",
            "order",
            figures=("difference", "interval", "n", "detectable"),
        ),
        rows=rows,
        heads=2,
        notes=(Say("note.differences"),),
    )
    proportions = [
        one for one in shown if one.value is not None and assessment.measure(one.measure).unit == "proportion"
    ]
    if not proportions:
        return [intro, table, *missing]
    dots = tuple(
        Dot(_pair(one), one.value or 0.0, one.low, one.high, group=measure_title(assessment, one.measure))
        for one in proportions
    )
    figure = Figure(
        id="figure-differences",
        caption=Say("caption.figure-differences"),
        alt=Say(
            "alt.differences",
            {"count": Number(len(dots)), "beyond": Number(sum(bool(o.better) for o in proportions))},
        ),
        plot=IntervalPlot(dots, axis=Say("axis.difference"), style="signed-points", zero_line=True),
        table=table,
    )
    return [intro, figure, *missing]


def _difference_row(assessment: Assessment, one: DifferenceFacts) -> tuple[Piece, ...]:
    measure = assessment.measure(one.measure)
    style = difference_style(measure)
    missing = Blank("blank.not-estimable")
    rows = item_source(measure)
    return (
        measure_title(assessment, one.measure),
        _pair(one),
        missing if one.value is None else cite(Number(one.value, style), rows),
        missing if one.value is None else interval_cell(one.low, one.high, style, rows),
        missing if one.n is None else cite(Number(one.n), rows),
        detectable_cell(one.detectable, measure, rows),
        Say(f"order.cell.{one.order}"),
    )


def _pair(one: DifferenceFacts) -> Piece:
    return Say("pair.minus", {"first": system(one.first), "second": system(one.second)})


def _itemwise(assessment: Assessment) -> list[Block]:
    found = assessment.item_agreement
    if not found:
        return []
    rows = tuple(
        (
            Say(
                "pair.measures",
                {"one": measure_title(assessment, one.one), "other": measure_title(assessment, one.other)},
            ),
            system(one.system),
            Number(one.n_items),
            Number(one.n_pairs),
            Number(one.share, "percent"),
            Number(one.kappa, "coefficient") if one.kappa is not None else _why(one.reason),
            Span(one.low, one.high, "coefficient")
            if one.low is not None and one.high is not None
            else _why(one.reason)
            if one.kappa is None
            else Blank("blank.unknown"),
        )
        for one in found[:120]
    )
    figures = ("items", "item-pairs", "share-agreeing", "kappa", "interval")
    table = Table(
        id="item-agreement",
        caption=Say("caption.item-agreement"),
        columns=heads("measures", "system", *figures, figures=figures),
        rows=rows,
        heads=2,
        notes=(Say("note.item-agreement"),),
    )
    return [Paragraph(Say("text.item-agreement")), table]


def _why(reason: str) -> Piece:
    return Blank("blank.insufficient" if reason == "insufficient" else "blank.not-defined")


def _agreement(assessment: Assessment) -> list[Block]:
    found = assessment.agreement
    if found.status != "estimated":
        return [Paragraph(Say("text.agreement.insufficient", {"models": Number(found.models)}))]
    names = tuple(measure_title(assessment, key) for key in found.methods)
    return [
        Paragraph(Say("text.agreement.estimated", agreement_parts(found))),
        heat_map("figure-agreement", found, names),
    ]


def agreement_parts(found: AgreementFacts) -> dict[str, Piece]:
    """Coefficients of agreement with their intervals, for sentences."""
    unknown = Blank("blank.not-estimable")
    return {
        "models": Number(found.models),
        "methods": Number(len(found.methods)),
        "w": unknown if found.kendall_w is None else Number(found.kendall_w, "coefficient"),
        "tau": unknown if found.mean_tau is None else Number(found.mean_tau, "coefficient"),
        "negative": Number(found.negative_pairs),
        "pairs": Number(found.pairs),
    }


def heat_map(name: str, found: AgreementFacts, names: tuple[Piece, ...]) -> Figure:
    """Tau-b between methods as a square, with the numbers under it."""
    numbered = tuple(
        Say("cell.numbered", {"number": Number(i, "label"), "name": one})
        for i, one in enumerate(names, start=1)
    )
    unknown = Blank("blank.not-estimable")
    rows = tuple(
        (title, *(unknown if cell is None else Number(cell, "coefficient") for cell in line))
        for title, line in zip(numbered, found.tau, strict=True)
    )
    columns = tuple(Column(Number(i, "label"), True) for i in range(1, len(names) + 1))
    return Figure(
        id=name,
        caption=Anchored(Say("caption.heat-map"), names_anchor(name)),
        alt=Say("alt.heat-map", agreement_parts(found)),
        plot=HeatMap(numbered, found.tau, Say("axis.tau")),
        table=Table(
            id=f"{name}-data",
            caption=Say("caption.figure-data"),
            columns=(Column(Say("column.method")), *columns),
            rows=rows,
        ),
    )


def names_anchor(name: str) -> str:
    """Where a figure of agreement tells which number is which method."""
    return f"{name}-names"


def choice(assessment: Assessment) -> Section:
    """What each system could be shown as by choosing measures."""
    found = assessment.exposure
    if found.status != "estimated":
        key = f"text.exposure.insufficient.{found.reason}"
        known = key if key in messages("en") else "text.exposure.insufficient"
        parts: dict[str, Piece] = {"least": Number(found.min_methods), "methods": Number(found.n_methods)}
        return Section("choice", Say("section.choice"), (Paragraph(Say(known, parts)),))
    names = {key: measure_title(assessment, key) for key in (m.key for m in assessment.measures)}
    return Section(
        "choice",
        Say("section.choice"),
        (
            Paragraph(Say("text.exposure", exposure_parts(found))),
            Paragraph(noise_sentence(found)),
            Paragraph(Say("text.exposure.mixed", {"constructs": Number(len(found.constructs))}), "note"),
            ranges_table("choice-ranges", found, names),
            *_fixed(found),
        ),
    )


def _fixed(found: ExposureFacts) -> list[Block]:
    """What no choice can change."""
    if found.n_always_ahead is None:
        return []
    if not found.always_ahead:
        return [Paragraph(Say("text.fixed.none", {"least": Number(found.min_methods)}))]
    if len(found.always_ahead) > 12:
        return [Paragraph(Say("text.fixed.count", {"count": Number(len(found.always_ahead))}))]
    pairs = tuple(
        Say("fixed.pair", {"ahead": Verbatim(ahead), "behind": Verbatim(behind)})
        for ahead, behind in found.always_ahead
    )
    return [
        Paragraph(Say("text.fixed", {"pairs": Listed(pairs, "comma"), "least": Number(found.min_methods)}))
    ]


def exposure_parts(found: ExposureFacts) -> dict[str, Piece]:
    """Numbers of an exposure, for sentences."""
    return {
        "models": Number(found.n_models),
        "methods": Number(found.n_methods),
        "least": Number(found.min_methods),
        "subsets": Number(found.n_subsets),
        "first": Number(found.n_first),
        "date": Date(found.data_date[:10]),
    }


def noise_sentence(found: ExposureFacts) -> Piece:
    """What noise alone would give; never left out where a best rank is shown."""
    if found.noise_independent is None or found.noise_correlated is None:
        return Say("text.noise.unknown")
    return Say(
        "text.noise",
        {
            "observed": Number(found.n_first),
            "independent": Number(found.noise_independent, "rank-mean"),
            "independent_interval": Span(
                found.noise_independent_low or 0, found.noise_independent_high or 0, "count"
            ),
            "correlated": Number(found.noise_correlated, "rank-mean"),
            "correlated_interval": Span(
                found.noise_correlated_low or 0, found.noise_correlated_high or 0, "count"
            ),
        },
    )


def ranges_table(
    name: str, found: ExposureFacts, names: dict[str, Piece], *, numbered: bool = False, told: str = ""
) -> Table:
    """Best and worst rank of every model, each with the methods that give it.

    Args:
        name: Identifier of the table.
        found: The exposure.
        names: What each method is called; methods that it lacks stand under their own names.
        numbered: Whether ``names`` are the numbers of the table of agreement.
        told: Anchor of what tells which number is which method, where ``names`` are numbers.
    """
    rows = tuple(
        (
            Verbatim(one.model),
            Number(one.best, "rank"),
            Number(one.worst, "rank"),
            Blank("blank.unknown") if one.mean_rank is None else Number(one.mean_rank, "rank-mean"),
            Blank("blank.unknown") if one.share_first is None else Number(one.share_first, "percent"),
            _chosen(one.best_methods, names, told),
            _chosen(one.worst_methods, names, told),
        )
        for one in found.ranges
    )
    figures = ("best", "worst", "mean-rank", "share-first")
    return Table(
        id=name,
        caption=Say("caption.ranges", exposure_parts(found)),
        columns=heads("model" if numbered else "system", *figures, "best-by", "worst-by", figures=figures),
        rows=rows,
        notes=(
            Say("note.ranges", exposure_parts(found)),
            *((Say("note.ranges-numbers"),) if numbered else ()),
        ),
    )


def _chosen(methods: tuple[str, ...], names: dict[str, Piece], told: str) -> Piece:
    return Say("cell.methods", {"count": Number(len(methods)), "methods": named(methods, names, told)})


def named(methods: Sequence[str], names: Mapping[str, Piece], told: str) -> Piece:
    """Methods as a page calls them; numbers lead to what tells which method they are."""
    listed = Listed(tuple(names.get(method, Code(method)) for method in methods), "comma")
    return Linked(listed, told) if told else listed


def rank_plot(name: str, found: ExposureFacts, table: Table) -> Figure:
    """Ranges of ranks as bars, models in the order of their mean rank by all methods."""
    ordered: list[RangeFacts] = sorted(
        found.ranges, key=lambda one: (one.mean_rank is None, one.mean_rank or 0.0, one.model)
    )
    return Figure(
        id=name,
        caption=Say("caption.rank-plot", exposure_parts(found)),
        alt=Say("alt.rank-plot", exposure_parts(found)),
        plot=RankPlot(tuple(RankRange(one.model, one.best, one.worst) for one in ordered), Say("axis.rank")),
        table=table,
    )
