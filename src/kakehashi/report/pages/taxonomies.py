"""Categories of all taxonomies on one page, and the finer parts of published methods."""

from collections.abc import Iterator, Mapping

from kakehashi.evaluate.methods.published.parts import FACETS
from kakehashi.report.document import (
    Blank,
    Block,
    Column,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Table,
    Term,
    Verbatim,
)
from kakehashi.report.pages.words import (
    heads,
    measure_title,
    method_title,
    part_title,
    score_cells,
    slug,
    system,
)
from kakehashi.report.values import Assessment, ClassFacts, CrosswalkFacts, Titles

#: Classes of another taxonomy that a cell names; the JSON has them all.
_MOST_LINKS = 4


def taxonomies(assessment: Assessment) -> Section | None:
    """The crosswalk, and the results that stand for a class."""
    found = assessment.crosswalk
    if found is None:
        return None
    blocks: list[Block] = []
    said = rewards_refusing(assessment)
    if said is not None:
        blocks.append(Paragraph(said, "text" if found.over_refusal else "warning"))
    blocks.append(Paragraph(Say("text.taxonomies")))
    blocks.append(_crosswalk(found))
    results = _results(assessment, found)
    if results is not None:
        blocks.append(results)
    return Section("taxonomies", Say("section.taxonomies"), tuple(blocks))


def rewards_refusing(assessment: Assessment) -> Say | None:
    """Which methods a system that refuses everything does best in, and whether the run measures over-refusal."""
    found = assessment.crosswalk
    if found is None or not found.rewards_refusing:
        return None
    names = Listed(tuple(method_title(assessment, name) for name in found.rewards_refusing))
    return Say("text.refusing-beside" if found.over_refusal else "text.refusing-alone", {"methods": names})


def _crosswalk(found: CrosswalkFacts) -> Table:
    titles = {(one.taxonomy, one.code): one.title for one in found.classes}
    rows: list[tuple[Piece, ...]] = []
    for one in found.classes:
        linked = [_linked(one, other, titles) for other in found.taxonomies]
        rows.append((Term(found.taxonomies[one.taxonomy]), Term(one.title), Number(one.items), *linked))
    others = tuple(Column(Term(title)) for title in found.taxonomies.values())
    return Table(
        id="crosswalk",
        caption=Say("caption.crosswalk"),
        columns=(*heads("taxonomy", "class", "items", figures=("items",)), *others),
        rows=tuple(rows),
        heads=2,
        notes=tuple(Verbatim(source, "en") for source in found.sources.values()),
    )


def _linked(one: ClassFacts, other: str, titles: Mapping[tuple[str, str], Titles]) -> Piece:
    if other == one.taxonomy:
        return Blank("blank.same-taxonomy")
    links = one.links.get(other, ())
    if not links:
        return Blank("blank.no-item")
    named: list[Piece] = [
        Say("class.items", {"class": Term(titles[other, code]), "count": Number(count)})
        for code, count in links[:_MOST_LINKS]
    ]
    if len(links) > _MOST_LINKS:
        named.append(Say("class.more", {"count": Number(len(links) - _MOST_LINKS)}))
    return Listed(tuple(named), "names")


def _results(assessment: Assessment, found: CrosswalkFacts) -> Table | None:
    titles = {(one.taxonomy, one.code): one.title for one in found.classes}
    order = {(one.taxonomy, one.code): place for place, one in enumerate(found.classes)}
    rows: list[tuple[int, tuple[Piece, ...]]] = []
    for measure in assessment.measures:
        for facet, parts in found.places.get(measure.key, {}).items():
            for score in assessment.parts(measure.key, facet):
                place = parts.get(score.part)
                if place is None:
                    continue
                cells: tuple[Piece, ...] = (
                    Term(found.taxonomies[place[0]]),
                    Term(titles[place]),
                    measure_title(assessment, measure.key),
                    system(score.system),
                    *score_cells(score, measure),
                )
                rows.append((order[place], cells))
    if not rows:
        return None
    return Table(
        id="crosswalk-results",
        caption=Say("caption.crosswalk-results"),
        columns=heads(
            "taxonomy",
            "class",
            "measure",
            "system",
            "estimate",
            "interval",
            "n",
            figures=("estimate", "interval", "n"),
        ),
        rows=tuple(cells for _, cells in sorted(rows, key=lambda row: row[0])),
        heads=2,
    )


def levels(assessment: Assessment) -> Section | None:
    """Every further breakdown of published methods: levels, regions, types of harm, domains, actions."""
    if assessment.crosswalk is None:
        return None
    blocks = tuple(_breakdowns(assessment))
    if not blocks:
        return None
    intro = Paragraph(Say("text.levels"))
    return Section("levels", Say("section.levels"), (intro, *blocks))


def _breakdowns(assessment: Assessment) -> Iterator[Block]:
    for measure in assessment.measures:
        method = assessment.method(measure.method)
        if method is None or method.own or method.id.startswith("own/"):
            continue
        for facet in FACETS:
            scores = assessment.parts(measure.key, facet)
            if not scores:
                continue
            order = {part: place for place, part in enumerate(dict.fromkeys(one.part for one in scores))}
            rows = tuple(
                (
                    part_title(assessment, measure, facet, score.part),
                    system(score.system),
                    *score_cells(score, measure),
                )
                for score in sorted(scores, key=lambda score: order[score.part])
            )
            yield Table(
                id=f"{facet}-{slug(measure.key)}",
                caption=Say(
                    "caption.level",
                    {"measure": measure_title(assessment, measure.key), "facet": Say(f"facet.{facet}")},
                ),
                columns=heads(
                    "part", "system", "estimate", "interval", "n", figures=("estimate", "interval", "n")
                ),
                rows=rows,
                heads=2,
            )
