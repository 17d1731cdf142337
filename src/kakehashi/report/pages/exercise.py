"""A joint exercise, combined: sentences and tables for a terminal, in either language."""

from collections.abc import Iterator

from kakehashi.report.document import (
    Blank,
    Code,
    Date,
    Listed,
    Number,
    Piece,
    Say,
    Span,
    Style,
    Verbatim,
)
from kakehashi.report.pages.replication import (
    item_sentence,
    measure_of,
    replication_cells,
    replication_heads,
    setting_sentence,
    short,
)
from kakehashi.report.pages.words import known
from kakehashi.work.exercise_combine import Combined, MeasureVariance, PairOfSites, item_totals
from kakehashi.work.exercise_files import PrivatePart, SiteSubmission

Rows = list[tuple[Piece, ...]]

ABOUT_VARIANCES = Say("exercise.variances")
ABOUT_PRIVATE = Say("exercise.private")


def exercise_sentences(found: Combined) -> Iterator[Piece]:
    """What it was, who took part, what replicated, by which rule."""
    verdicts = list(found.verdicts().values())
    protocol = found.protocol
    yield Say(
        "exercise.head",
        {
            "title": Verbatim(protocol.title),
            "sites": Listed(tuple(Verbatim(one.site) for one in found.sites)),
            "hash": Code(protocol.digest[:16]),
        },
    )
    if found.missing:
        yield Say("exercise.missing", {"sites": Listed(tuple(Verbatim(one) for one in found.missing))})
    yield Say(
        "exercise.counts",
        {
            "measures": Number(len(verdicts)),
            "replicated": Number(verdicts.count("replicated")),
            "not_replicated": Number(verdicts.count("not-replicated")),
            "undecided": Number(verdicts.count("undecided")),
        },
    )
    pairs = len(found.sites) * (len(found.sites) - 1) // 2
    yield Say(
        "replication.rule",
        {
            "level": Number(found.confidence_level, "percent" if pairs > 1 else "whole-percent"),
            "margin": Number(protocol.margin, "percent"),
        },
    )
    if pairs > 1:
        yield Say("exercise.many-pairs", {"pairs": Number(pairs)})
    yield (
        Say("exercise.human-labels", {"plan": Verbatim(protocol.human_labels)})
        if protocol.human_labels
        else Say("exercise.no-human-labels")
    )


def pair_sentences(pair: PairOfSites) -> Iterator[Piece]:
    """Two sites: who they are, where their items and settings differ."""
    parts: dict[str, Piece] = {"first": Verbatim(pair.first), "second": Verbatim(pair.second)}
    yield Say(
        "exercise.pair", {**parts, "judge": Code(pair.judge) if pair.judge else Say("exercise.own-judge")}
    )
    yield item_sentence([item_totals(pair.rows)])
    if not pair.settings:
        yield setting_sentence(())
        return
    one = pair.settings[0]
    yield Say(
        "exercise.first-setting",
        {
            **parts,
            "setting": Code(one.path),
            "of_first": Code(short(one.theirs)) if one.theirs else Blank("blank.none"),
            "of_second": Code(short(one.ours)) if one.ours else Blank("blank.none"),
            "more": Number(len(pair.settings) - 1),
        },
    )


def pair_table(pair: PairOfSites) -> tuple[tuple[Piece, ...], Rows]:
    """Heads and rows of two sites: the first's value, the second's, the difference, the verdict."""
    heads = list(replication_heads())
    heads[2], heads[3] = Verbatim(pair.first), Verbatim(pair.second)
    return tuple(heads), [replication_cells(row) for row in pair.rows]


def variance_table(found: Combined) -> tuple[tuple[Piece, ...], Rows]:
    """Heads and rows of the split of the variance: a row for each measure and factor."""
    heads = tuple(
        Say(f"column.{name}") for name in ("measure", "factor", "levels", "variance", "interval", "share")
    )
    return heads, [row for one in found.variances for row in _variance_rows(one)]


def _variance_rows(one: MeasureVariance) -> Iterator[tuple[Piece, ...]]:
    method, _, name = one.measure.id.rpartition(":")
    title = Say("measure.of-method", {"measure": known("measure", name), "method": Code(method)})
    none = Blank("blank.not-estimable")
    if one.components is None:
        yield title, Verbatim(one.reason, "en"), Blank(), none, none, none
        return
    for component in one.components.components:
        factors = Listed(tuple(known("factor", factor) for factor in component.factor.split(" + ")))
        yield (
            title,
            factors,
            Number(component.n_levels),
            Number(component.variance, "coefficient"),
            Span(component.low, component.high, "coefficient"),
            none if component.share != component.share else Number(component.share, "percent"),
        )
    for factor in one.components.constant:
        yield title, known("factor", factor), Number(1), Blank("blank.one-level"), none, none


def private_table(found: Combined) -> tuple[tuple[Piece, ...], Rows]:
    """Heads and rows of the results on items that sites keep to themselves."""
    heads = tuple(
        Say(f"column.{name}")
        for name in ("site", "system", "measure", "value-of", "interval", "n", "commitment", "opened")
    )
    return heads, [row for site in found.sites for part in site.private for row in _private_rows(site, part)]


def _private_rows(site: SiteSubmission, part: PrivatePart) -> Iterator[tuple[Piece, ...]]:
    opened: Piece = Say("exercise.opened", {"opened": Number(part.opened), "items": Number(part.items)})
    for one in part.measurements:
        style: Style = "percent" if one.measure.unit == "proportion" else "score"
        yield (
            Verbatim(site.site),
            Verbatim(one.subject),
            measure_of(one.measure, one.facets.get("language", "")),
            Blank("blank.no-outcome") if one.value is None else Number(one.value, style),
            Blank("blank.unknown")
            if one.interval is None
            else Span(one.interval.low, one.interval.high, style),
            Blank("blank.unknown") if one.n is None else Number(one.n),
            Code(part.root[:16]),
            opened,
        )


def site_table(found: Combined) -> tuple[tuple[Piece, ...], Rows]:
    """Heads and rows of who submitted what and when."""
    heads = tuple(Say(f"column.{name}") for name in ("site", "submitted", "sha256", "key"))
    return heads, [
        (Verbatim(one.site), Date(one.submitted), Code(one.digest[:16]), Code(one.key)) for one in found.sites
    ]
