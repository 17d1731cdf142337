"""What must be shown beside a figure: over-refusal beside a method in which refusing everything does best."""

from collections.abc import Sequence

from kakehashi.report.document import Blank, Listed, Piece, Say
from kakehashi.report.pages.words import construct, estimate_cell, measure_title, method_title, system
from kakehashi.report.values import Assessment, MeasureFacts


def in_company(assessment: Assessment, measures: Sequence[MeasureFacts]) -> tuple[MeasureFacts, ...]:
    """The measures in their order, those that a method must be shown with right after the method's own."""
    left = list(measures)
    for method in assessment.methods:
        own = [one for one in left if one.method == method.id]
        company = [one for one in left if method.shown_with and _keeps(method.id, method.shown_with, one)]
        if not own or not company:
            continue
        rest = [one for one in left if one not in company]
        place = rest.index(own[-1]) + 1
        left = [*rest[:place], *company, *rest[place:]]
    return tuple(left)


def asked_of(assessment: Assessment, measure: MeasureFacts) -> str:
    """The construct that a measure must be shown with, or ``""``; a measure of that construct asks for nothing."""
    method = assessment.method(measure.method)
    asked = method.shown_with if method is not None else ""
    return "" if measure.construct == asked else asked


def company_note(
    assessment: Assessment, measure: MeasureFacts, measures: Sequence[MeasureFacts]
) -> Piece | None:
    """The figures that a measure must be read with, system by system, or that there are none."""
    asked = asked_of(assessment, measure)
    if not asked:
        return None
    figures: list[Piece] = []
    for one in measures:
        if not _keeps(measure.method, asked, one):
            continue
        for each in assessment.systems:
            score = assessment.headline(each.name, one.key)
            if score is not None and score.value is not None:
                figures.append(
                    Say(
                        "note.beside-figure",
                        {
                            "system": system(each.name),
                            "measure": measure_title(assessment, one.key),
                            "estimate": estimate_cell(score, one),
                        },
                    )
                )
    if not figures:
        return Say("note.beside-none", {"construct": construct(asked)})
    return Say("note.beside", {"construct": construct(asked), "figures": Listed(tuple(figures), "semicolon")})


def lonely_row(
    assessment: Assessment, measure: MeasureFacts, measures: Sequence[MeasureFacts]
) -> list[Piece] | None:
    """Cells of a row that says that what the last measure of its method must be shown with was not measured."""
    asked = asked_of(assessment, measure)
    own = [one for one in measures if one.method == measure.method]
    if not asked or own[-1] != measure or any(_keeps(measure.method, asked, one) for one in measures):
        return None
    title = Say(
        "measure.beside", {"construct": construct(asked), "method": method_title(assessment, measure.method)}
    )
    return [title, *(Blank("blank.not-measured") for _ in assessment.systems), Blank("blank.none")]


def _keeps(method: str, asked: str, one: MeasureFacts) -> bool:
    return one.construct == asked and one.method != method
