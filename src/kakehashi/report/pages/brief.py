"""The page of a brief, and the same sentences for a terminal."""

from kakehashi.model import CONSTRUCTS
from kakehashi.report.brief import Brief
from kakehashi.report.choosing_values import PublishedGroup, RangeFacts
from kakehashi.report.document import (
    Block,
    Code,
    Date,
    Document,
    Figure,
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
    Term,
    Verbatim,
)
from kakehashi.report.pages.disagreement import (
    agreement_parts,
    heat_map,
    named,
    names_anchor,
    ranges_table,
    rank_plot,
)
from kakehashi.report.pages.published import between, groups_table
from kakehashi.report.pages.sourced import sourced, sourced_section
from kakehashi.report.pages.words import construct, heads, language
from kakehashi.report.voice import messages
from kakehashi.work.reconcile import MIN_SUBJECTS_FOR_AGREEMENT

#: The figure whose rows number the methods.
_HEAT_MAP = "figure-brief-agreement"

#: Orders that nothing can change are named up to this many.
_EXAMPLES = 5


def brief_document(brief: Brief) -> Document:
    """The brief as a page: in short, agreement, choice, what no choice changes, source and limits."""
    parts = {"models": Number(brief.models), "methods": Number(len(brief.methods))}
    subtitle = (
        Say("subtitle.brief", {**parts, "date": Date(brief.data_date[:10])})
        if brief.data_date
        else Say("subtitle.brief-undated", parts)
    )
    last = _source(brief)
    found = (_short(brief), _agreement(brief), _choice(brief), _fixed_section(brief))
    sections = tuple(sourced_section(section, last.id) for section in found if section is not None)
    return Document(
        title=Say("title.brief"),
        subtitle=sourced(subtitle, last.id),
        independence=Say("independence"),
        mark=Say("page.print-brief"),
        sections=(*sections, last),
        tree_size=brief.tree_size,
        root=brief.root,
    )


def brief_sentences(brief: Brief) -> tuple[Piece, ...]:
    """What the brief says in short: choice and noise, agreement, where the conflict lies, what no choice changes."""
    return (lead(brief), *_kept_out(brief), *_agreement_sentences(brief), *fixed_sentences(brief))


def _kept_out(brief: Brief) -> tuple[Piece, ...]:
    if not brief.unreviewed:
        return ()
    items = tuple(
        Say("mark.items", {"method": Code(method), "language": language(code)})
        for method, code in brief.unreviewed
    )
    return (Say("brief.unreviewed", {"items": Listed(items)}),)


def lead(brief: Brief) -> Piece:
    """The one sentence that a policy reader needs."""
    whole = brief.groups[0].exposure
    parts: dict[str, Piece] = {
        "methods": _methods(brief),
        "models": _models(brief),
        "data": Say("brief.dated", {"date": Date(brief.data_date[:10])})
        if brief.data_date
        else Say("brief.undated"),
    }
    if whole.status != "estimated" or whole.noise_correlated is None or whole.noise_independent is None:
        return Say("brief.lead-insufficient", parts)
    parts |= {
        "least": Number(whole.min_methods),
        "first": Number(whole.n_first),
        "count": Number(whole.n_models),
        "correlated": Number(whole.noise_correlated, "rank-mean"),
        "independent": Number(whole.noise_independent, "rank-mean"),
    }
    part = _within(brief)
    within = part.exposure if part is not None else None
    if (
        part is None
        or within is None
        or within.status != "estimated"
        or within.noise_correlated is None
        or within.noise_independent is None
    ):
        return Say("brief.lead", parts)
    return Say(
        "brief.lead-within",
        {
            **parts,
            "within_methods": Number(within.n_methods),
            "within_first": Number(within.n_first),
            "within_correlated": Number(within.noise_correlated, "rank-mean"),
            "within_independent": Number(within.noise_independent, "rank-mean"),
            "construct": construct(part.name.removeprefix("construct:")),
        },
    )


def _within(brief: Brief) -> PublishedGroup | None:
    return next((group for group in brief.groups if group.name.startswith("construct:")), None)


def _methods(brief: Brief) -> Piece:
    named = bool(brief.selection)
    kinds = tuple(dict.fromkeys(brief.constructs))
    parts: dict[str, Piece] = {"methods": Number(len(brief.methods))}
    if named:
        parts["selection"] = Term(brief.selection)
    stem = "brief.methods" if named else "brief.methods-plain"
    if len(kinds) == 1:
        known = construct(kinds[0]) if kinds[0] in CONSTRUCTS else Code(kinds[0])
        return Say(f"{stem}-one", {**parts, "construct": known})
    return Say(stem, {**parts, "constructs": Number(len(kinds))})


def _models(brief: Brief) -> Piece:
    parts: dict[str, Piece] = {"models": Number(brief.models)}
    if brief.population:
        return Say("brief.models", {**parts, "population": Term(brief.population)})
    return Say("brief.models-plain", parts)


def _agreement_sentences(brief: Brief) -> tuple[Piece, ...]:
    whole = brief.groups[0].agreement
    if whole.status != "estimated":
        return (Say("brief.agreement-insufficient", {"least": Number(MIN_SUBJECTS_FOR_AGREEMENT)}),)
    said: list[Piece] = [Say("brief.agreement", agreement_parts(whole))]
    if brief.split is not None:
        said.append(
            Say(
                "brief.split",
                {
                    "share": Number(brief.split.share_between, "whole-percent"),
                    "pairs": Number(brief.split.share_of_pairs, "whole-percent"),
                    "within": Number(brief.split.tau_within, "coefficient"),
                    "between": Number(brief.split.tau_between, "coefficient"),
                },
            )
        )
    return tuple(said)


def fixed_sentences(brief: Brief) -> tuple[Piece, ...]:
    """What no choice of method can change, and what no weighting can."""
    whole = brief.groups[0].exposure
    if whole.status != "estimated":
        return ()
    pairs = whole.n_models * (whole.n_models - 1) // 2
    said: list[Piece] = [
        Say(
            "brief.never",
            {"models": Number(whole.n_models), "count": Number(whole.n_models - whole.n_first)},
        )
    ]
    if whole.n_always_ahead is None:
        said.append(Say("brief.fixed-unknown"))
    else:
        parts: dict[str, Piece] = {
            "count": Number(whole.n_always_ahead),
            "pairs": Number(pairs),
            "least": Number(whole.min_methods),
            "share": Number(whole.n_always_ahead / pairs if pairs else 0.0, "whole-percent"),
        }
        said.append(Say("brief.fixed", parts))
    if brief.weightings is not None and brief.weightings.n_pairs:
        said.append(
            Say(
                "brief.dominance",
                {"count": Number(brief.weightings.n_dominated), "pairs": Number(brief.weightings.n_pairs)},
            )
        )
    return tuple(said)


def first_ranges(brief: Brief) -> tuple[RangeFacts, ...]:
    """The systems that some choice puts first, in the order of the table."""
    return tuple(one for one in brief.groups[0].exposure.ranges if one.best == 1)


def _numbers(brief: Brief) -> dict[str, Piece]:
    """What tables call the methods: their numbers in the table of agreement, where there is one, else their names."""
    if not _told(brief):
        return {name: Code(name) for name in brief.methods}
    return {name: Number(i, "label") for i, name in enumerate(brief.methods, start=1)}


def _told(brief: Brief) -> str:
    """Where it is told which number is which method; ``""`` where methods stand under their names."""
    return names_anchor(_HEAT_MAP) if brief.groups[0].agreement.status == "estimated" else ""


def first_table(brief: Brief) -> Table:
    """Which choice would place each system first, beside the worst rank that another choice gives it."""
    bounds = {one.model: one for one in brief.rank_bounds}
    shares = brief.weightings.share_first if brief.weightings is not None else {}
    numbers, told = _numbers(brief), _told(brief)
    rows = []
    for one in first_ranges(brief):
        bound, share = bounds.get(one.model), shares.get(one.model)
        rows.append(
            (
                Verbatim(one.model),
                named(one.best_methods, numbers, told),
                Number(one.worst, "rank"),
                named(one.worst_methods, numbers, told),
                Say("blank.unknown") if bound is None else Span(bound.low, bound.high, "count"),
                Say("blank.unknown") if share is None else Number(share, "percent"),
            )
        )
    figures = ("worst", "rank-interval", "weightings-first")
    return Table(
        id="brief-first",
        caption=Say("caption.brief-first"),
        columns=heads(
            "model", "best-by", "worst", "worst-by", "rank-interval", "weightings-first", figures=figures
        ),
        rows=tuple(rows),
        notes=(*((Say("note.brief-numbers"),) if told else ()), Say("brief.not-a-ranking")),
    )


def _short(brief: Brief) -> Section:
    blocks: list[Block] = [Paragraph(lead(brief), "lead")]
    blocks += [Paragraph(one, "lead") for one in (*_kept_out(brief), *_agreement_sentences(brief))]
    blocks += [Paragraph(one, "lead") for one in fixed_sentences(brief)[:2]]
    return Section("brief", Say("section.brief"), tuple(blocks))


def _agreement(brief: Brief) -> Section:
    whole = brief.groups[0].agreement
    blocks: list[Block] = [groups_table(brief.groups)]
    if whole.status == "estimated":
        blocks.insert(0, heat_map(_HEAT_MAP, whole, tuple(Code(name) for name in whole.methods)))
        blocks += between(brief.groups)
    else:
        blocks.insert(0, Paragraph(_agreement_sentences(brief)[0]))
    return Section("brief-agreement", Say("section.brief-agreement"), tuple(blocks))


def _choice(brief: Brief) -> Section | None:
    whole = brief.groups[0].exposure
    if whole.status != "estimated":
        return None
    table = ranges_table(
        "brief-ranges", whole, _numbers(brief), numbered=bool(_told(brief)), told=_told(brief)
    )
    blocks: list[Block] = []
    if first_ranges(brief):
        blocks.append(first_table(brief))
    blocks.append(rank_plot("brief-ranks", whole, table))
    blocks += _rank_intervals(brief)
    return Section("brief-choice", Say("section.brief-choice"), tuple(blocks))


def _rank_intervals(brief: Brief) -> list[Block]:
    if not brief.rank_bounds:
        return [Paragraph(Say("brief.ranks-none", {"reason": _why(brief.rank_reason)}), "note")]
    means = {one.model: one.mean_rank for one in brief.groups[0].exposure.ranges}
    ordered = sorted(brief.rank_bounds, key=lambda one: (means.get(one.model) or 1e9, one.model))
    table = Table(
        id="brief-rank-intervals",
        caption=Say("caption.brief-rank-intervals"),
        columns=heads("model", "mean-rank", "rank-interval", figures=("mean-rank", "rank-interval")),
        rows=tuple(
            (
                Verbatim(one.model),
                Say("blank.unknown") if (mean := means.get(one.model)) is None else Number(mean, "rank-mean"),
                Span(one.low, one.high, "count"),
            )
            for one in ordered
        ),
    )
    plot = RankPlot(
        tuple(RankRange(one.model, one.low, one.high) for one in ordered), Say("axis.rank-interval")
    )
    figure = Figure(
        id="brief-rank-plot",
        caption=Say("caption.brief-ranks-plot"),
        alt=Say("alt.brief-ranks-plot", {"models": Number(len(ordered))}),
        plot=plot,
        table=table,
    )
    return [figure, Paragraph(Say(f"brief.ranks-{brief.rank_basis}"), "note")]


def _why(reason: str) -> Piece:
    key = f"brief.why.{reason}"
    return Say(key if key in messages("en") else "brief.why.other")


def _fixed_section(brief: Brief) -> Section | None:
    said = fixed_sentences(brief)
    if not said:
        return None
    blocks: list[Block] = [Paragraph(one) for one in said]
    ahead = brief.groups[0].exposure.always_ahead
    if ahead:
        examples = tuple(
            Say("fixed.pair", {"ahead": Verbatim(one), "behind": Verbatim(other)})
            for one, other in ahead[:_EXAMPLES]
        )
        blocks.append(Paragraph(Say("brief.examples", {"pairs": Listed(examples, "comma")})))
    if brief.weightings is not None and brief.weightings.share_first:
        share = brief.weightings.share_first
        most = max(share, key=lambda name: share[name])
        blocks.append(
            Paragraph(
                Say(
                    "brief.weightings",
                    {
                        "model": Verbatim(most),
                        "share": Number(share[most], "percent"),
                        "several": Number(sum(value > 0.01 for value in share.values())),
                    },
                )
            )
        )
    return Section("brief-fixed", Say("section.brief-fixed"), tuple(blocks))


def _source(brief: Brief) -> Section:
    said: list[Piece] = [Say("brief.source", {"citation": Verbatim(brief.citation, "en")})]
    if brief.licence:
        said.append(Say("brief.licence", {"licence": Code(brief.licence)}))
    if brief.missing:
        cells = Number(brief.models * len(brief.methods))
        said.append(Say("brief.missing", {"missing": Number(brief.missing), "cells": cells}))
    if brief.notes:
        shown = tuple(Verbatim(note, "en") for note in brief.notes[:12])
        said.append(Say("brief.notes", {"notes": Listed(shown, "comma")}))
    return Section("brief-source", Say("section.brief-source"), tuple(Paragraph(one) for one in said))
