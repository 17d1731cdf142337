"""Values of the page on categories: all taxonomies, their crosswalk, and which results stand for which class."""

from collections import defaultdict

from kakehashi.report.values import ClassFacts, CrosswalkFacts
from kakehashi.work.view import RunView


def crosswalk_facts(view: RunView) -> CrosswalkFacts | None:
    """The crosswalk, where the run has published methods.

    Args:
        view: The run.
    """
    cards = [card for card in view.cards.values() if not card.own and not card.id.startswith("own/")]
    if not cards:
        return None
    from kakehashi.evaluate.methods.published.crosswalk import class_of, crosswalk, tagged_items
    from kakehashi.evaluate.methods.published.taxonomy import taxonomies

    links: dict[tuple[str, str], dict[str, list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
    for link in crosswalk():
        links[link.taxonomy, link.code][link.other].append((link.other_code, link.items))
    items = tagged_items()
    classes = []
    for taxonomy in taxonomies():
        for entry in taxonomy["classes"]:
            place = (str(taxonomy["id"]), str(entry["code"]))
            classes.append(
                ClassFacts(
                    taxonomy=place[0],
                    code=place[1],
                    title={"en": entry["en"], "ja": entry["ja"]},
                    items=items.get(place, 0),
                    links={
                        other: tuple(sorted(found, key=lambda pair: -pair[1]))
                        for other, found in links[place].items()
                    },
                )
            )
    places: dict[str, dict[str, dict[str, tuple[str, str]]]] = {}
    for one in view.measurements:
        for facet in set(one.facets) - {"language"}:
            found = class_of(one.provenance.method, facet, one.facets[facet])
            if found is not None and len(one.facets) == 2:
                key = f"{one.measure.id} [{one.facets.get('language', '')}]"
                places.setdefault(key, {}).setdefault(facet, {})[one.facets[facet]] = found
    constructs = {measure.construct for card in view.cards.values() for measure in card.measures}
    return CrosswalkFacts(
        taxonomies={str(one["id"]): dict(one["title"]) for one in taxonomies()},
        sources={
            str(one["id"]): f"{one['source']} ({one['edition']}, {one['date']})" for one in taxonomies()
        },
        classes=tuple(classes),
        places=places,
        rewards_refusing=tuple(card.id for card in cards if card.rewards_refusing),
        over_refusal="over-refusal" in constructs,
    )
