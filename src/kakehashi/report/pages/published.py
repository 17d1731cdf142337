"""Published figures beside the run: too few systems were assessed to say how far methods agree on order."""

from collections.abc import Sequence

from kakehashi.report.choosing_values import PublishedFacts, PublishedGroup
from kakehashi.report.document import (
    Blank,
    Block,
    Code,
    Date,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Verbatim,
)
from kakehashi.report.pages.disagreement import (
    agreement_parts,
    exposure_parts,
    heat_map,
    names_anchor,
    noise_sentence,
    ranges_table,
    rank_plot,
)
from kakehashi.report.pages.sourced import sourced_section
from kakehashi.report.pages.words import construct, heads, source_anchor
from kakehashi.report.values import Assessment

#: The figure whose rows number the methods.
_HEAT_MAP = "figure-published-agreement"


def published(assessment: Assessment) -> Section | None:
    """Agreement, rank and exposure on the cited table."""
    if assessment.published is None:
        return None
    why = Paragraph(Say("text.published.why", {"systems": Number(len(assessment.systems))}))
    return published_section(assessment.published, why)


def published_section(found: PublishedFacts, why: Paragraph) -> Section:
    """The cited table, behind a sentence that says why it stands here."""
    whole = found.groups[0]
    blocks: list[Block] = [why, Paragraph(_cited(found))]
    if whole.exposure.status == "estimated":
        blocks.append(Paragraph(_sentence(found), "lead"))
        blocks.append(Paragraph(noise_sentence(whole.exposure)))
        blocks += between(found.groups)
    blocks.append(groups_table(found.groups))
    numbers: dict[str, Piece] = {}
    if whole.agreement.status == "estimated":
        names = tuple(Code(method) for method in whole.agreement.methods)
        blocks.append(heat_map(_HEAT_MAP, whole.agreement, names))
        numbers = {name: Number(i, "label") for i, name in enumerate(whole.agreement.methods, start=1)}
    if whole.exposure.status == "estimated":
        told = names_anchor(_HEAT_MAP) if numbers else ""
        table = ranges_table("published-ranges", whole.exposure, numbers, numbered=bool(numbers), told=told)
        blocks.append(rank_plot("figure-published-ranks", whole.exposure, table))
        if whole.exposure.n_always_ahead is not None:
            pairs = whole.exposure.n_models * (whole.exposure.n_models - 1) // 2
            blocks.append(
                Paragraph(
                    Say(
                        "text.published.fixed",
                        {
                            "count": Number(whole.exposure.n_always_ahead),
                            "pairs": Number(pairs),
                            "least": Number(whole.exposure.min_methods),
                        },
                    )
                )
            )
    blocks.append(Paragraph(Say("text.published.no-intervals"), "note"))
    section = Section("published", Say("section.published"), tuple(blocks))
    return sourced_section(section, source_anchor(found.source))


def _cited(found: PublishedFacts) -> Piece:
    if not found.commit:
        return Say("text.published.cited-plain", {"citation": Verbatim(found.citation, "en")})
    return Say(
        "text.published.cited",
        {
            "citation": Verbatim(found.citation, "en"),
            "repository": Code(found.repository),
            "commit": Code(found.commit),
            "licence": Code(found.licence),
            "date": Date(found.data_date),
        },
    )


def _sentence(found: PublishedFacts) -> Piece:
    whole = found.groups[0]
    parts = exposure_parts(whole.exposure)
    part = next((g for g in found.groups if g.name.startswith("construct:")), None)
    if part is None or part.exposure.status != "estimated":
        return Say("text.published.exposure", parts)
    return Say(
        "text.published.exposure-within",
        {
            **parts,
            "within_methods": Number(part.exposure.n_methods),
            "within_first": Number(part.exposure.n_first),
            "construct": construct(part.name.removeprefix("construct:")),
        },
    )


def between(groups: Sequence[PublishedGroup]) -> list[Block]:
    """That the conflict lies between constructs: only where the figures show it."""
    whole = groups[0].agreement
    part = next((g.agreement for g in groups if g.name.startswith("construct:")), None)
    if part is None or part.mean_tau is None or whole.mean_tau is None or part.mean_tau <= whole.mean_tau:
        return []
    return [Paragraph(Say("text.published.between"))]


def groups_table(groups: Sequence[PublishedGroup]) -> Table:
    """Agreement and choice of all methods, of one construct, of the rest."""
    figures = (
        "methods",
        "kendall-w",
        "tau",
        "negative",
        "can-be-first",
        "noise-independent",
        "noise-correlated",
    )
    return Table(
        id="published-groups",
        caption=Say("caption.published-groups"),
        columns=heads("group", *figures, figures=figures),
        rows=tuple(_group_row(group) for group in groups),
        notes=(Say("note.published-groups"),),
    )


def _group_row(group: PublishedGroup) -> tuple[Piece, ...]:
    agreement, exposure = group.agreement, group.exposure
    parts = agreement_parts(agreement)
    unknown = Blank("blank.not-estimable")
    return (
        _group_name(group.name),
        Number(exposure.n_methods),
        parts["w"] if agreement.status == "estimated" else Blank("blank.insufficient"),
        parts["tau"] if agreement.status == "estimated" else Blank("blank.insufficient"),
        Say("cell.of", {"count": parts["negative"], "all": parts["pairs"]}),
        Say("cell.of", {"count": Number(exposure.n_first), "all": Number(exposure.n_models)})
        if exposure.status == "estimated"
        else Blank("blank.insufficient"),
        unknown if exposure.noise_independent is None else Number(exposure.noise_independent, "rank-mean"),
        unknown if exposure.noise_correlated is None else Number(exposure.noise_correlated, "rank-mean"),
    )


def _group_name(name: str) -> Piece:
    if name.startswith("construct:"):
        return Say("group.construct", {"construct": construct(name.removeprefix("construct:"))})
    return Say(f"group.{name}")
