"""Breakdowns: by category, by attack technique, by task."""

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
from kakehashi.report.pages.marks import marks_of
from kakehashi.report.pages.words import (
    count_cell,
    detectable_cell,
    heads,
    interval_cell,
    measure_title,
    part_title,
    per_system,
    slug,
    style_of,
    system,
    value_cell,
)
from kakehashi.report.values import Assessment, MeasureFacts, ScoreFacts

_ATTACK = "attack-success-rate"
#: Endings of the names of measures that stand in the section on attacks.
_ATTACK_SECTION = ("-attack-rate", "compliance-rate", "leak-rate")
_BEFORE_AFTER = ("broken-by-attack-rate", "mended-by-attack-rate")
#: With more systems than this there is one row a system instead of one column.
_COLUMNS = 4
_CLOSED_UNITS = (
    "claims-accuracy",
    "grounded-accuracy",
    "sources-accuracy",
    "sources-reason-accuracy",
    "accuracy",
)


def categories(assessment: Assessment) -> Section | None:
    """Safe handling, over-refusal and own measures by risk category."""
    methods: dict[tuple[str, str], list[MeasureFacts]] = {}
    for measure in assessment.measures:
        elsewhere = measure.name == _ATTACK or measure.name.endswith(_ATTACK_SECTION)
        if not elsewhere and assessment.parts(measure.key, "category"):
            methods.setdefault((measure.method, measure.language), []).append(measure)
    blocks: list[Block] = []
    for (method, language), measures in methods.items():
        blocks.append(_by_category(assessment, f"categories-{slug(method)}-{language}", measures))
    if not blocks:
        return None
    marked = marks_of(assessment, (method for method, _ in methods))
    intro = (Paragraph(Say("text.categories")), *marked)
    return Section("categories", Say("section.categories"), (*intro, *blocks))


def _by_category(assessment: Assessment, name: str, measures: list[MeasureFacts]) -> Figure:
    found: dict[tuple[str, str], dict[str, ScoreFacts]] = {}
    for measure in measures:
        for score in assessment.parts(measure.key, "category"):
            found.setdefault((score.part, score.system), {})[measure.key] = score
    parts = list(dict.fromkeys(part for part, _ in found))
    names = [one.name for one in assessment.systems]
    dots: list[Dot] = []
    rows: list[tuple[Piece, ...]] = []
    for part in parts:
        title = part_title(assessment, measures[0], "category", part)
        for one in names:
            cells: list[Piece] = [title, system(one)]
            scores = found.get((part, one), {})
            if not scores:
                continue
            for measure in measures:
                mine = scores.get(measure.key)
                cells += [
                    value_cell(mine, measure),
                    interval_cell(mine.low, mine.high, style_of(measure)) if mine else Blank("blank.not-run"),
                    count_cell(mine.n if mine else None),
                    detectable_cell(mine.detectable, measure) if mine else Blank("blank.not-run"),
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
        caption=Say("caption.by-category", {"measures": Listed(tuple(shown))}),
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


def attacks(assessment: Assessment) -> Section | None:
    """Success by family, category and technique; what was safe before and unsafe after, and the reverse."""
    blocks: list[Block] = []
    for measure in assessment.measures:
        if measure.name != _ATTACK:
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
    marked = marks_of(assessment, (one.method for one in assessment.measures if one.name == _ATTACK))
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
    interval = interval_cell(score.low, score.high, style_of(measure))
    return Say("cell.counted", {"k": Number(score.k), "n": Number(score.n), "interval": interval})


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
                    Blank("blank.unknown") if score.k is None else Number(score.k),
                    count_cell(score.n),
                    value_cell(score, measure),
                    interval_cell(score.low, score.high, style_of(measure)),
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
            *(_three_counts(broken.get((part, name)), mended.get((part, name))) for name in names),
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


def _three_counts(broken: ScoreFacts | None, mended: ScoreFacts | None) -> Piece:
    if broken is None or mended is None:
        return Blank("blank.not-run")
    if broken.k is None or mended.k is None or not broken.n:
        return Blank("blank.no-outcome")
    parts = {"broken": Number(broken.k), "mended": Number(mended.k), "pairs": Number(broken.n)}
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
            value_cell(whole.get(one.name), brier),
            interval_cell(found.low, found.high, "score")
            if (found := whole.get(one.name)) is not None
            else Blank("blank.not-run"),
            count_cell(found.n if found else None),
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
                    Number(confidence.value, "percent"),
                    Number(accuracy.value, "percent"),
                    interval_cell(accuracy.low, accuracy.high, "percent"),
                    count_cell(accuracy.n),
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
