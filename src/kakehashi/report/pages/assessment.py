"""The page of one assessment."""

from kakehashi.report.document import Code, Date, Document, Say
from kakehashi.report.pages.annex import annex
from kakehashi.report.pages.attacks import attacks
from kakehashi.report.pages.breakdown import categories, facts
from kakehashi.report.pages.disagreement import choice, disagreement
from kakehashi.report.pages.front import front
from kakehashi.report.pages.planned import planned
from kakehashi.report.pages.published import published
from kakehashi.report.pages.record import gaps
from kakehashi.report.pages.taxonomies import levels, taxonomies
from kakehashi.report.values import Assessment


def assessment_document(assessment: Assessment) -> Document:
    """The report of one run: first page, breakdowns, disagreement, choice, published figures, plans, annex."""
    parts = (
        front,
        categories,
        taxonomies,
        levels,
        attacks,
        facts,
        disagreement,
        choice,
        published,
        planned,
        gaps,
        annex,
    )
    sections = tuple(section for part in parts if (section := part(assessment)) is not None)
    run = assessment.run
    return Document(
        title=Say("title.assessment"),
        subtitle=Say(
            "subtitle.partial" if run.partial else "subtitle.complete",
            {"run": Code(run.id), "date": Date(run.created)},
        ),
        independence=Say("independence"),
        mark=Say(
            "page.print-mark" if any(one.own for one in assessment.methods) else "page.print",
            {"run": Code(run.id)},
        ),
        sections=sections,
        tree_size=run.tree_size,
        root=run.root,
    )
