"""Breakdowns: by risk category, by task."""

from kakehashi.report.document import (
    Blank,
    Block,
    Column,
    Dot,
    Figure,
    IntervalPlot,
    Listed,
    Number,
    Paragraph,
    Piece,
    ReliabilityPlot,
    ReliabilityPoint,
    Say,
    Section,
    Table,
)
from kakehashi.report.pages.attacks import ATTACK
from kakehashi.report.pages.marks import marks_of
from kakehashi.report.pages.words import (
    cite,
    count_cell,
    detectable_cell,
    heads,
    interval_cell,
    measure_title,
    part_title,
    per_system,
    score_cells,
    slug,
    system,
)
from kakehashi.report.values import Assessment, MeasureFacts, ScoreFacts

#: Endings of the names of measures that stand in the section on attacks.
_ATTACK_SECTION = ("-attack-rate", "compliance-rate", "leak-rate")
_CLOSED_UNITS = (
    "claims-accuracy",
    "grounded-accuracy",
    "sources-accuracy",
    "sources-reason-accuracy",
    "accuracy",
)


def categories(assessment: Assessment) -> Section | None:
    """Safe handling, over-refusal and own measures by risk category."""
    shown: set[str] = set()
    blocks: list[Block] = []
    for facet, name in (("category", "categories"), ("risk", "risks")):
        methods: dict[tuple[str, str], list[MeasureFacts]] = {}
        for measure in assessment.measures:
            elsewhere = measure.name == ATTACK or measure.name.endswith(_ATTACK_SECTION)
            if not elsewhere and assessment.parts(measure.key, facet):
                methods.setdefault((measure.method, measure.language), []).append(measure)
        shown |= {method for method, _ in methods}
        for (method, language), measures in methods.items():
            blocks.append(_by_part(assessment, f"{name}-{slug(method)}-{language}", measures, facet))
    if not blocks:
        return None
    marked = marks_of(assessment, (one.id for one in assessment.methods if one.id in shown))
    intro = (Paragraph(Say("text.categories")), *marked)
    return Section("categories", Say("section.categories"), (*intro, *blocks))


def _by_part(assessment: Assessment, name: str, measures: list[MeasureFacts], facet: str) -> Figure:
    found: dict[tuple[str, str], dict[str, ScoreFacts]] = {}
    for measure in measures:
        for score in assessment.parts(measure.key, facet):
            found.setdefault((score.part, score.system), {})[measure.key] = score
    parts = list(dict.fromkeys(part for part, _ in found))
    names = [one.name for one in assessment.systems]
    dots: list[Dot] = []
    rows: list[tuple[Piece, ...]] = []
    for part in parts:
        title = part_title(assessment, measures[0], facet, part)
        for one in names:
            cells: list[Piece] = [title, system(one)]
            scores = found.get((part, one), {})
            if not scores:
                continue
            for measure in measures:
                mine = scores.get(measure.key)
                cells += [
                    *score_cells(mine, measure),
                    detectable_cell(mine.detectable, measure, measure.source)
                    if mine
                    else Blank("blank.not-run"),
                ]
                if mine is not None and mine.value is not None:
                    panel = measure_title(assessment, measure.key)
                    dots.append(Dot(system(one), mine.value, mine.low, mine.high, group=title, panel=panel))
            rows.append(tuple(cells))
    columns = list(heads("category", "system"))
    for measure in measures:
        columns += [
            Column(measure_title(assessment, measure.key), True),
            *(Column(Say(f"column.{key}"), True) for key in ("interval", "n", "detectable")),
        ]
    shown = [measure_title(assessment, measure.key) for measure in measures]
    return Figure(
        id=f"figure-{name}",
        caption=Say(f"caption.by-{facet}", {"measures": Listed(tuple(shown))}),
        alt=Say("alt.by-category", {"categories": Number(len(parts)), "systems": Number(len(names))}),
        plot=IntervalPlot(tuple(dots), axis=Say("axis.rate")),
        table=Table(
            id=name,
            caption=Say("caption.figure-data"),
            columns=tuple(columns),
            rows=tuple(rows),
            heads=2,
            notes=(Say("note.category-detectable"),),
        ),
    )


def facts(assessment: Assessment) -> Section | None:
    """Accuracy by task and part of task, Brier score, reliability curve."""
    blocks: list[Block] = []
    shown = [one for one in assessment.measures if one.name in _CLOSED_UNITS]
    parts: list[tuple[Piece, dict[str, ScoreFacts]]] = []
    for measure in shown:
        title = measure_title(assessment, measure.key)
        whole = {s.system: s for s in assessment.scores if s.measure == measure.key and not s.facet}
        if whole:
            parts.append((title, whole))
        of_parts = assessment.parts(measure.key, "part")
        for name in dict.fromkeys(score.part for score in of_parts):
            named = Say(
                "measure.part", {"measure": title, "part": part_title(assessment, measure, "part", name)}
            )
            parts.append((named, {s.system: s for s in of_parts if s.part == name}))
    if parts:
        columns, rows, naming = per_system(assessment, parts, shown[0])
        blocks.append(
            Table(
                id="facts-accuracy",
                caption=Say("caption.accuracy"),
                columns=(Column(Say("column.task")), *columns),
                rows=rows,
                heads=naming,
            )
        )
    for measure in assessment.measures:
        if measure.name == "brier-score":
            blocks += _calibration(assessment, measure)
    if not blocks:
        return None
    marked = marks_of(assessment, (one.method for one in shown))
    return Section("facts", Say("section.facts"), (Paragraph(Say("text.facts")), *marked, *blocks))


def _calibration(assessment: Assessment, brier: MeasureFacts) -> list[Block]:
    title = measure_title(assessment, brier.key)
    whole = {s.system: s for s in assessment.scores if s.measure == brier.key and not s.facet}
    rows = tuple(
        (
            system(one.name),
            *score_cells(whole.get(one.name), brier),
        )
        for one in assessment.systems
    )
    blocks: list[Block] = [
        Table(
            id=f"facts-brier-{brier.language}",
            caption=Say("caption.brier", {"measure": title}),
            columns=heads("system", "score", "interval", "n", figures=("score", "interval", "n")),
            rows=rows,
            notes=(Say("note.brier"),),
        )
    ]
    figure = _reliability(assessment, brier)
    return [*blocks, figure] if figure else blocks


def _reliability(assessment: Assessment, brier: MeasureFacts) -> Figure | None:
    bins = {
        name: next(
            (
                assessment.parts(one.key, "bin")
                for one in assessment.measures
                if one.name == name and one.language == brier.language and one.method == brier.method
            ),
            (),
        )
        for name in ("reliability-accuracy", "reliability-confidence")
    }
    right = {(s.system, s.part): s for s in bins["reliability-accuracy"]}
    sure = {(s.system, s.part): s for s in bins["reliability-confidence"]}
    rows_of = {one.key: one.source for one in assessment.measures}
    points, rows = [], []
    for one in assessment.systems:
        for part in sorted({p for s, p in right if s == one.name}):
            accuracy, confidence = right[one.name, part], sure.get((one.name, part))
            if accuracy.value is None or confidence is None or confidence.value is None:
                continue
            points.append(ReliabilityPoint(one.name, confidence.value, accuracy.value, accuracy.n or 0))
            rows.append(
                (
                    system(one.name),
                    cite(Number(confidence.value, "percent"), rows_of[confidence.measure]),
                    cite(Number(accuracy.value, "percent"), rows_of[accuracy.measure]),
                    interval_cell(accuracy.low, accuracy.high, "percent", rows_of[accuracy.measure]),
                    count_cell(accuracy.n, rows_of[accuracy.measure]),
                )
            )
    if not points:
        return None
    figures = ("confidence", "share-correct", "interval", "n")
    return Figure(
        id=f"figure-reliability-{brier.language}",
        caption=Say("caption.reliability"),
        alt=Say("alt.reliability", {"points": Number(len(points))}),
        plot=ReliabilityPlot(
            tuple(points), Say("column.confidence"), Say("axis.share-right"), Say("column.n")
        ),
        table=Table(
            id=f"facts-reliability-{brier.language}",
            caption=Say("caption.figure-data"),
            columns=heads("system", *figures, figures=figures),
            rows=tuple(rows),
        ),
    )
