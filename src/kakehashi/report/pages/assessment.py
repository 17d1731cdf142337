"""The page of one assessment."""

from collections.abc import Callable

from kakehashi.report.document import Code, Date, Document, Say, Section
from kakehashi.report.pages.annex import annex
from kakehashi.report.pages.attacks import attacks
from kakehashi.report.pages.breakdown import categories, facts
from kakehashi.report.pages.disagreement import choice, disagreement
from kakehashi.report.pages.front import front
from kakehashi.report.pages.planned import planned
from kakehashi.report.pages.published import published
from kakehashi.report.pages.record import gaps
from kakehashi.report.pages.sourced import sourced_section
from kakehashi.report.pages.taxonomies import levels, taxonomies
from kakehashi.report.pages.words import source_anchor
from kakehashi.report.values import Assessment

Part = Callable[[Assessment], Section | None]

#: The sections in order, each with what those of its numbers rest on that cite nothing of their own.
_PARTS: tuple[tuple[Part, str], ...] = (
    (front, "items"),
    (categories, "items"),
    (taxonomies, "suite"),
    (levels, "items"),
    (attacks, "items"),
    (facts, "items"),
    (disagreement, "items"),
    (choice, "measurements"),
    (published, ""),
    (planned, "plans"),
    (gaps, "items"),
)


def assessment_document(assessment: Assessment) -> Document:
    """The report of one run: first page, breakdowns, disagreement, choice, published figures, plans, annex."""
    sections = tuple(
        sourced_section(section, source_anchor(assessment.rests_on.get(origin, "")))
        for part, origin in _PARTS
        if (section := part(assessment)) is not None
    )
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
        sections=(*sections, annex(assessment, sections)),
        tree_size=run.tree_size,
        root=run.root,
    )
