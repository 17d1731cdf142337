"""Attacks: success by family, category and technique, and what became of the same requests."""

from collections.abc import Sequence

from kakehashi.report.document import (
    Blank,
    Block,
    Column,
    Dot,
    Figure,
    IntervalPlot,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
)
from kakehashi.report.pages.marks import marks_of
from kakehashi.report.pages.words import (
    cite,
    count_cell,
    heads,
    interval_cell,
    measure_title,
    part_title,
    per_system,
    score_cells,
    style_of,
    system,
    value_cell,
)
from kakehashi.report.values import Assessment, MeasureFacts, ScoreFacts

#: The measure that the section is about.
ATTACK = "attack-success-rate"
_BEFORE_AFTER = ("broken-by-attack-rate", "mended-by-attack-rate")
#: With more systems than this there is one row a system instead of one column.
_COLUMNS = 4


def attacks(assessment: Assessment) -> Section | None:
    """Success by family, category and technique; what was safe before and unsafe after, and the reverse."""
    blocks: list[Block] = []
    for measure in assessment.measures:
        if measure.name != ATTACK:
            continue
        for facet in ("family", "category"):
            scores = assessment.parts(measure.key, facet)
            if scores:
                blocks.append(_by_part(assessment, measure, facet, scores))
        blocks += _before_and_after(assessment, measure)
        blocks += _others(assessment, measure)
        scores = assessment.parts(measure.key, "technique")
        if scores:
            blocks.append(_technique_table(assessment, measure, scores))
            blocks += _pairs_by_technique(assessment, measure, [score.part for score in scores])
    if not blocks:
        return None
    marked = marks_of(assessment, (one.method for one in assessment.measures if one.name == ATTACK))
    return Section("attacks", Say("section.attacks"), (Paragraph(Say("text.attacks")), *marked, *blocks))


def _order(assessment: Assessment, facet: str, scores: tuple[ScoreFacts, ...]) -> list[str]:
    """Parts in the order in which the report first shows them, so that tables can be laid side by side."""
    parts = {score.part for score in scores}
    everywhere = dict.fromkeys(score.part for score in assessment.scores if score.facet == facet)
    return [part for part in everywhere if part in parts]


def _by_part(
    assessment: Assessment, measure: MeasureFacts, facet: str, scores: tuple[ScoreFacts, ...]
) -> Figure:
    order = _order(assessment, facet, scores)
    by_part = {part: {s.system: s for s in scores if s.part == part} for part in order}
    titles = {part: part_title(assessment, measure, facet, part) for part in order}
    dots = tuple(
        Dot(system(one.name), score.value, score.low, score.high, group=titles[part])
        for part in order
        for one in assessment.systems
        if (score := by_part[part].get(one.name)) is not None and score.value is not None
    )
    columns, rows, naming = per_system(assessment, [(titles[part], by_part[part]) for part in order], measure)
    return Figure(
        id=f"figure-attacks-{facet}-{measure.language}",
        caption=Say(f"caption.attacks.{facet}"),
        alt=Say(
            "alt.by-category", {"categories": Number(len(order)), "systems": Number(len(assessment.systems))}
        ),
        plot=IntervalPlot(dots, axis=measure_title(assessment, measure.key)),
        table=Table(
            id=f"attacks-{facet}-{measure.language}",
            caption=Say("caption.figure-data"),
            columns=(Column(Say(f"column.{facet}")), *columns),
            rows=rows,
            heads=naming,
        ),
    )


def _technique_table(assessment: Assessment, measure: MeasureFacts, scores: tuple[ScoreFacts, ...]) -> Table:
    order = list(dict.fromkeys(score.part for score in scores))
    found = {(score.part, score.system): score for score in scores}
    names = [one.name for one in assessment.systems]
    titles = {part: part_title(assessment, measure, "technique", part) for part in order}
    few = len(names) <= _COLUMNS
    rows: list[tuple[Piece, ...]] = []
    for part in order:
        cells = [_counted(found.get((part, name)), measure) for name in names]
        if few:
            rows.append((titles[part], *cells))
        else:
            rows += [(titles[part], system(name), cell) for name, cell in zip(names, cells, strict=True)]
    columns = (
        tuple(Column(system(name), True) for name in names)
        if few
        else heads("system", "rate", figures=("rate",))
    )
    return Table(
        id=f"attacks-technique-{measure.language}",
        caption=Say("caption.attacks.technique", {"count": Number(len(order))}),
        columns=(Column(Say("column.technique")), *columns),
        rows=tuple(rows),
        heads=1 if few else 2,
        notes=(Say("note.technique"),),
    )


def _counted(score: ScoreFacts | None, measure: MeasureFacts) -> Piece:
    """Successes of so many cells: with one or two cells a percentage would say more than is known."""
    if score is None or score.value is None or score.k is None or score.n is None:
        return value_cell(score, measure)
    _, interval, n = score_cells(score, measure)
    return Say("cell.counted", {"k": cite(Number(score.k), measure.source), "n": n, "interval": interval})


def _before_after_measures(assessment: Assessment, attack: MeasureFacts) -> list[MeasureFacts]:
    return [
        one
        for name in _BEFORE_AFTER
        for one in assessment.measures
        if (one.name, one.language, one.method) == (name, attack.language, attack.method)
    ]


def _before_and_after(assessment: Assessment, attack: MeasureFacts) -> list[Block]:
    """Pairs of a request unattacked and attacked: as a whole, then by risk category."""
    measures = _before_after_measures(assessment, attack)
    language = attack.language
    rows: list[tuple[Piece, ...]] = []
    for measure in measures:
        for one in assessment.systems:
            score = assessment.headline(one.name, measure.key)
            if score is None:
                continue
            rows.append(
                (
                    measure_title(assessment, measure.key),
                    system(one.name),
                    Blank("blank.unknown") if score.k is None else cite(Number(score.k), measure.source),
                    count_cell(score.n, measure.source),
                    value_cell(score, measure),
                    interval_cell(score.low, score.high, style_of(measure), measure.source),
                )
            )
    if not rows:
        return []
    return [
        Table(
            id=f"attacks-before-after-{language}",
            caption=Say("caption.before-after"),
            columns=heads(
                "measure",
                "system",
                "pairs-hit",
                "pairs",
                "rate",
                "interval",
                figures=("pairs-hit", "pairs", "rate", "interval"),
            ),
            rows=tuple(rows),
            heads=2,
            notes=(Say("note.before-after"),),
        ),
        *_before_after_by_category(assessment, measures),
    ]


def _before_after_by_category(assessment: Assessment, measures: list[MeasureFacts]) -> list[Block]:
    names = [one.name for one in assessment.systems]
    found = {
        (score.part, measure.key, score.system): score
        for measure in measures
        for score in assessment.parts(measure.key, "category")
    }
    order = _order(assessment, "category", tuple(found.values()))
    if not order or len(names) > _COLUMNS:
        return []
    rows = tuple(
        (
            part_title(assessment, measure, "category", part),
            measure_title(assessment, measure.key),
            *(_counted(found.get((part, measure.key, name)), measure) for name in names),
        )
        for part in order
        for measure in measures
    )
    return [
        Table(
            id=f"attacks-before-after-category-{measures[0].language}",
            caption=Say("caption.before-after-category"),
            columns=(*heads("category", "measure"), *(Column(system(name), True) for name in names)),
            rows=rows,
            heads=2,
        )
    ]


def _pairs_by_technique(assessment: Assessment, attack: MeasureFacts, parts: list[str]) -> list[Block]:
    """Three counts a technique and system; with so few pairs a rate would say more than is known."""
    names = [one.name for one in assessment.systems]
    measures = _before_after_measures(assessment, attack)
    if len(measures) != len(_BEFORE_AFTER) or len(names) > _COLUMNS:
        return []
    broken, mended = (
        {(score.part, score.system): score for score in assessment.parts(one.key, "technique")}
        for one in measures
    )
    rows = tuple(
        (
            part_title(assessment, attack, "technique", part),
            *(_three_counts(broken.get((part, name)), mended.get((part, name)), measures) for name in names),
        )
        for part in dict.fromkeys(parts)
    )
    return [
        Table(
            id=f"attacks-before-after-technique-{attack.language}",
            caption=Say("caption.before-after-technique"),
            columns=(Column(Say("column.technique")), *(Column(system(name), True) for name in names)),
            rows=rows,
        )
    ]


def _three_counts(
    broken: ScoreFacts | None, mended: ScoreFacts | None, measures: Sequence[MeasureFacts]
) -> Piece:
    if broken is None or mended is None:
        return Blank("blank.not-run")
    if broken.k is None or mended.k is None or not broken.n:
        return Blank("blank.no-outcome")
    first, second = (measure.source for measure in measures)
    parts = {
        "broken": cite(Number(broken.k), first),
        "mended": cite(Number(mended.k), second),
        "pairs": cite(Number(broken.n), first),
    }
    return Say("cell.before-after", parts)


def _others(assessment: Assessment, measure: MeasureFacts) -> list[Block]:
    """Leaks of a planted secret, and the same requests without any attack."""
    names = ("unattacked-compliance-rate", "secret-leak-rate")
    shown = [one for one in assessment.measures if one.name in names and one.language == measure.language]
    parts = []
    for other in shown:
        scores = {s.system: s for s in assessment.scores if s.measure == other.key and not s.facet}
        if scores:
            parts.append((measure_title(assessment, other.key), scores))
    if not parts:
        return []
    columns, rows, naming = per_system(assessment, parts, measure)
    return [
        Table(
            id=f"attacks-others-{measure.language}",
            caption=Say("caption.attacks.others"),
            columns=(Column(Say("column.measure")), *columns),
            rows=rows,
            heads=naming,
        )
    ]
