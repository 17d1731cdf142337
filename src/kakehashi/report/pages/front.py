"""The first page: three sentences, then the headline figures."""

from kakehashi.report.document import (
    Block,
    Bullets,
    Code,
    Column,
    Dot,
    Figure,
    IntervalPlot,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
)
from kakehashi.report.pages.company import company_note, in_company
from kakehashi.report.pages.marks import marks
from kakehashi.report.pages.statements import (
    confidence_level,
    order_counts,
    three_sentences,
    what_can_be_said,
)
from kakehashi.report.pages.taxonomies import rewards_refusing
from kakehashi.report.pages.words import (
    CLOSED,
    JUDGED,
    OUTSIDE,
    count_cell,
    detectable_cell,
    heads,
    item_source,
    known_errors,
    measure_title,
    method_title,
    per_system,
    score_cells,
    slug,
    system,
    unmade_scores,
    unproven_judges,
)
from kakehashi.report.values import Assessment, MeasureFacts, ScoreFacts

#: Measures that are explained in their own sections and do not stand on the first page.
_SECONDARY = {
    "broken-by-attack-rate",
    "mended-by-attack-rate",
    "secret-leak-rate",
    "unattacked-compliance-rate",
    "sources-reason-accuracy",
    "brier-score",
    "reliability-accuracy",
    "reliability-confidence",
}

#: Up to so many pairs beyond noise are named one by one for a measure.
_NAMED_ORDERS = 6


def front(assessment: Assessment) -> Section:
    """What a reader who reads one page has to know."""
    blocks: list[Block] = [Paragraph(sentence, "lead") for sentence in three_sentences(assessment)]
    if assessment.run.partial:
        blocks.insert(0, Paragraph(Say("warning.partial"), "warning"))
    blocks += marks(assessment, assessment.methods)
    measures = headline_measures(assessment)
    plot = _plot(assessment, measures)
    if plot is not None:
        blocks.append(plot)
    blocks += [_outcomes(assessment, measure) for measure in measures if not _closed(assessment, measure)]
    closed = [measure for measure in measures if _closed(assessment, measure)]
    if closed:
        blocks.append(_closed_table(assessment, closed))
    blocks += _orders(assessment, measures)
    refusing = rewards_refusing(assessment)
    if refusing is not None:
        blocks.append(Paragraph(refusing, "warning"))
    blocks += [Paragraph(sentence, "warning") for sentence in unmade_scores(assessment)]
    blocks += [Paragraph(sentence, "warning") for sentence in unproven_judges(assessment)]
    errors = known_errors(assessment)
    blocks += [Paragraph(sentence, "warning") for sentence, state in errors if state == "unknown"]
    stated = tuple(sentence for sentence, state in errors if state == "known")
    if stated:
        blocks += [Paragraph(Say("how.judge-known")), Bullets(stated)]
    blocks.append(Paragraph(Say("how.intro")))
    blocks.append(
        Bullets(
            (
                Say("how.interval", {"level": confidence_level(assessment)}),
                Say("how.detectable"),
                Say("how.columns"),
                Say("how.no-score"),
                Say("how.form-only"),
                Say("how.judge-errors", {"command": Code("kakehashi judge calibrate")}),
                Say("how.sources"),
            )
        )
    )
    return Section("summary", Say("section.summary"), tuple(blocks))


def headline_measures(assessment: Assessment) -> tuple[MeasureFacts, ...]:
    """Measures of the first page, in the order of the methods; what must be shown together stands together."""
    whole = {score.measure for score in assessment.scores if not score.facet}
    found = [one for one in assessment.measures if one.key in whole and one.name not in _SECONDARY]
    return in_company(assessment, found)


def _closed(assessment: Assessment, measure: MeasureFacts) -> bool:
    """Whether the measure counts right answers rather than the form of an answer."""
    labels = {
        label for s in assessment.scores if s.measure == measure.key and not s.facet for label in s.counts
    }
    return bool(labels & {"correct", "wrong", "unparsed"})


def _columns(assessment: Assessment, measure: MeasureFacts) -> tuple[str, ...]:
    """Outcomes that have a column: where answers get a grade there is no verdict to count, unless one stood in."""
    counted = {
        label for s in assessment.scores if s.measure == measure.key and not s.facet for label in s.counts
    }
    if "graded" not in counted:
        return JUDGED
    return ("graded", *(label for label in JUDGED if label in counted or label in ("empty", "blocked")))


def _outcomes(assessment: Assessment, measure: MeasureFacts) -> Table:
    """One measure: rate, interval, n, and every outcome in a column of its own."""
    rows = []
    labels = _columns(assessment, measure)
    for one in assessment.systems:
        score = assessment.headline(one.name, measure.key)
        counts = score.counts if score else {}
        failed = counts.get("judge-failed", 0) + counts.get("error", 0)
        shown = [*(counts.get(label, 0) for label in labels), counts.get("not-judged", 0), failed]
        rows.append(
            (
                system(one.name),
                *score_cells(score, measure),
                *(count_cell(number, item_source(measure)) for number in shown),
            )
        )
    counted = tuple(Column(Say(f"label.{label}"), True) for label in (*labels, "not-judged", "failed"))
    beside = company_note(assessment, measure, headline_measures(assessment))
    return Table(
        id=f"headline-{slug(measure.key)}",
        caption=_caption(assessment, measure),
        columns=(*heads("system", "rate", "interval", "n", figures=("rate", "interval", "n")), *counted),
        rows=tuple(rows),
        notes=(*(() if beside is None else (beside,)), _detectable_note(measure)),
    )


def _closed_table(assessment: Assessment, measures: list[MeasureFacts]) -> Table:
    """Accuracies of closed questions: one row a task and system."""
    rows = []
    for measure in measures:
        for one in assessment.systems:
            score = assessment.headline(one.name, measure.key)
            counts = score.counts if score else {}
            failed = sum(counts.get(label, 0) for label in OUTSIDE)
            rows.append(
                (
                    measure_title(assessment, measure.key),
                    system(one.name),
                    *score_cells(score, measure),
                    *(count_cell(counts.get(label, 0), item_source(measure)) for label in CLOSED),
                    count_cell(failed, item_source(measure)),
                    detectable_cell(measure.detectable, measure, item_source(measure)),
                )
            )
    counted = tuple(Column(Say(f"label.{label}"), True) for label in (*CLOSED, "failed"))
    methods = dict.fromkeys(measure.method for measure in measures)
    return Table(
        id="headline-closed",
        caption=Say(
            "caption.closed",
            {"methods": Listed(tuple(method_title(assessment, name) for name in methods))},
        ),
        columns=(
            *heads(
                "measure",
                "system",
                "share-correct",
                "interval",
                "n",
                figures=("share-correct", "interval", "n"),
            ),
            *counted,
            Column(Say("column.detectable"), True),
        ),
        rows=tuple(rows),
        heads=2,
    )


def _caption(assessment: Assessment, measure: MeasureFacts) -> Piece:
    return Say(
        f"caption.headline.{measure.polarity}",
        {
            "measure": measure_title(assessment, measure.key),
            "method": method_title(assessment, measure.method),
        },
    )


def _detectable_note(measure: MeasureFacts) -> Piece:
    if measure.detectable is None:
        return Say("note.no-detectable")
    return Say(
        "note.detectable",
        {"difference": detectable_cell(measure.detectable, measure, item_source(measure))},
    )


def _orders(assessment: Assessment, measures: tuple[MeasureFacts, ...]) -> list[Block]:
    """For each measure which orders can be stated, which differences hold on the same prompts only."""
    if len(assessment.systems) < 2:
        return []
    lines: list[Piece] = []
    silent: list[Piece] = []
    for measure in measures:
        mine = [one for one in assessment.differences if one.measure == measure.key]
        beyond = sum(one.order in ("stated", "items-only") for one in mine)
        title = measure_title(assessment, measure.key)
        if not mine:
            continue
        if not beyond:
            silent.append(title)
        elif beyond > _NAMED_ORDERS:
            lines.append(Say("order.counts", {"measure": title, **order_counts(mine)}))
        else:
            said = Listed(what_can_be_said(mine, measure), "semicolon")
            lines.append(Say("order.said", {"measure": title, "said": said}))
    if silent:
        lines.append(Say("order.none", {"measures": Listed(tuple(silent))}))
    if not lines:
        return []
    return [Paragraph(Say("order.intro")), Bullets(tuple(lines))]


def _plot(assessment: Assessment, measures: tuple[MeasureFacts, ...]) -> Figure | None:
    shown = [measure for measure in measures if measure.unit == "proportion"]
    dots: list[Dot] = []
    parts: list[tuple[Piece, dict[str, ScoreFacts]]] = []
    for measure in shown:
        title = measure_title(assessment, measure.key)
        heading = Say("group.measure", {"measure": title, "polarity": Say(f"polarity.{measure.polarity}")})
        scores = {
            one.system: one for one in assessment.scores if one.measure == measure.key and not one.facet
        }
        parts.append((title, scores))
        dots += [
            Dot(system(one.name), score.value, score.low, score.high, group=heading)
            for one in assessment.systems
            if (score := scores.get(one.name)) is not None and score.value is not None
        ]
    if not dots:
        return None
    columns, rows, naming = per_system(assessment, parts, shown[0])
    return Figure(
        id="figure-headline",
        caption=Say("caption.figure-headline"),
        alt=Say("alt.intervals", {"count": Number(len(dots)), "measures": Number(len(shown))}),
        plot=IntervalPlot(tuple(dots), axis=Say("axis.rate")),
        table=Table(
            id="figure-headline-data",
            caption=Say("caption.figure-data"),
            columns=(Column(Say("column.measure")), *columns),
            rows=rows,
            heads=naming,
        ),
    )
