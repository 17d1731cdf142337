"""Titles of the parts that published methods report beside the categories of their cards."""

from collections.abc import Mapping

from kakehashi.evaluate.methods.published.air_data import facts
from kakehashi.evaluate.methods.published.do_not_answer import ACTIONS

#: Facets in the order in which a page shows them.
FACETS = ("level-1", "region", "regulation", "domain", "harm-type", "action", "harm", "level-3", "level-4")


def part_titles() -> dict[str, dict[str, Mapping[str, str]]]:
    """Facet → part → language → title, for the facets whose parts have titles in two languages.

    Parts of the other facets are upstream's own words.
    """
    return {
        "level-1": {one["key"]: {"en": one["en"], "ja": one["ja"]} for one in facts()["groups"]},
        "region": {key: dict(one["title"]) for key, one in facts()["regions"]["known"].items()},
        "action": dict(ACTIONS),
    }
