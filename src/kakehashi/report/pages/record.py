"""What is missing from the run, and what else a reader must know of it."""

from kakehashi.report.document import Block, Bullets, Number, Paragraph, Piece, Say, Section, Table, Verbatim
from kakehashi.report.pages.words import (
    count_cell,
    heads,
    judge_calibrations,
    language,
    languages,
    measure_title,
    method_title,
    system,
)
from kakehashi.report.values import Assessment


def gaps(assessment: Assessment) -> Section:
    """Failures, missing cells, guards, refused parameters, languages, review of the items."""
    blocks: list[Block] = []
    run = assessment.run
    planned, finished = (_count(assessment, key) for key in ("planned", "finished"))
    if planned is not None and finished is not None:
        key = "text.gaps.partial" if run.partial or finished < planned else "text.gaps.complete"
        recorded = assessment.rests_on.get("run", "")
        parts = {"planned": count_cell(planned, recorded), "finished": count_cell(finished, recorded)}
        blocks.append(Paragraph(Say(key, parts)))
    if assessment.missing:
        blocks.append(_table(assessment))
    reasons = _reasons(assessment)
    if reasons:
        blocks += [Paragraph(Say("text.reasons")), Bullets(reasons)]
    if run.hidden:
        count = count_cell(run.hidden, assessment.rests_on.get("hidden", ""))
        blocks.append(Paragraph(Say("text.hidden", {"count": count})))
    blocks.append(Paragraph(Say("text.notes" if run.notes else "text.no-notes")))
    if run.notes:
        blocks.append(Bullets(tuple(Verbatim(note, "en") for note in run.notes)))
    blocks += [Paragraph(Say("text.language", {"languages": languages(run.languages)}))]
    blocks += _spoken(assessment)
    reviews = _reviews(assessment)
    if reviews:
        blocks += [Paragraph(Say("text.review")), Bullets(reviews)]
    judges = tuple(sentence for sentence, _ in judge_calibrations(assessment))
    if judges:
        blocks += [Paragraph(Say("text.judge-calibration")), Bullets(judges)]
    return Section("gaps", Say("section.gaps"), tuple(blocks))


def _count(assessment: Assessment, key: str) -> int | None:
    value = assessment.run.outcome.get(key)
    return value if isinstance(value, int) else None


def _table(assessment: Assessment) -> Table:
    figures = ("items", "errors", "judge-failed", "not-judged", "empty", "blocked", "guarded")
    rows = tuple(
        (
            method_title(assessment, one.method),
            system(one.system),
            Number(one.items),
            Number(one.error),
            Number(one.judge_failed),
            Number(one.not_judged),
            Number(one.empty),
            Number(one.blocked),
            Number(one.guarded),
        )
        for method in assessment.methods
        for one in assessment.missing
        if one.method == method.id
    )
    return Table(
        id="gaps",
        caption=Say("caption.gaps"),
        columns=heads("method", "system", *figures, figures=figures),
        rows=rows,
        heads=2,
        notes=(Say("note.gaps"),),
    )


def _reasons(assessment: Assessment) -> tuple[Piece, ...]:
    """Whole measures without a value, with the reason that was recorded."""
    return tuple(
        Say(
            "reason.no-value",
            {
                "system": system(score.system),
                "measure": measure_title(assessment, score.measure),
                "reason": Verbatim(score.reason or "-", "en"),
            },
        )
        for score in assessment.scores
        if not score.facet and score.value is None
    )


def _spoken(assessment: Assessment) -> list[Block]:
    """Which systems are known not to speak a language, so that nobody wonders why it was not tested."""
    known = {one.model: one.languages for one in assessment.systems if one.languages}
    tested = set(assessment.run.languages)
    return [
        Paragraph(
            Say(
                "text.speaks" if tested <= set(spoken) else "text.speaks.others",
                {"model": Verbatim(model), "languages": languages(spoken)},
            )
        )
        for model, spoken in known.items()
    ]


def _reviews(assessment: Assessment) -> tuple[Piece, ...]:
    tested = set(assessment.run.languages)
    return tuple(
        Say(
            f"review.{status}",
            {"method": method_title(assessment, method.id), "language": language(code)},
        )
        for method in assessment.methods
        for code, status in method.review.items()
        if code in tested
    )
