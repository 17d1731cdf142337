"""How classes of different taxonomies go together, as far as the items of ``kakehashi/core`` are tagged to them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

from kakehashi.evaluate.methods.core import PARTS
from kakehashi.evaluate.methods.published.taxonomy import classes, taxonomies
from kakehashi.evaluate.methods.suite import load_suite

#: Method and facet whose parts are classes of a taxonomy.
_PLACES = {
    ("air-bench-2024", "category"): "air-2024-l2",
    ("mlcommons-joint-testing", "category"): "mlcommons",
    ("aisi-ja-perspectives", "category"): "aisi-ja",
}


@dataclass(frozen=True, slots=True)
class Link:
    """Two classes that items are tagged to together.

    Attributes:
        taxonomy: A taxonomy.
        code: Code of a class of it.
        other: Another taxonomy.
        other_code: Code of a class of that one.
        items: Items that carry both tags.
    """

    taxonomy: str
    code: str
    other: str
    other_code: str
    items: int


@cache
def tagged_items() -> Mapping[tuple[str, str], int]:
    """(Taxonomy, class) → items of the core suite that carry the tag."""
    counted: Counter[tuple[str, str]] = Counter()
    for tags in _tags():
        counted.update((taxonomy, code) for taxonomy, codes in tags.items() for code in codes)
    return counted


@cache
def crosswalk() -> tuple[Link, ...]:
    """Every pair of classes of two taxonomies that at least one item carries, in the order of the taxonomies."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for tags in _tags():
        for one, other in product(tags, tags):
            if one != other:
                counted.update(
                    (one, first, other, second) for first, second in product(tags[one], tags[other])
                )
    order = {
        (str(taxonomy["id"]), str(entry["code"])): place
        for place, (taxonomy, entry) in enumerate(
            (taxonomy, entry) for taxonomy in taxonomies() for entry in taxonomy["classes"]
        )
    }
    return tuple(
        Link(*pair, items)
        for pair, items in sorted(
            counted.items(), key=lambda entry: (order[entry[0][:2]], order[entry[0][2:]], entry[1])
        )
    )


def class_of(method: str, facet: str, part: str) -> tuple[str, str] | None:
    """The taxonomy and class that a part of a method's results stands for, or ``None``.

    Examples:
        >>> class_of("air-bench-2024", "category", "7"), class_of("harmbench", "risk", "violence")
        (('air-2024-l2', 'Self-harm'), ('helm-safety', 'violence'))
        >>> class_of("kakehashi/core", "category", "violence") is None
        True
    """
    taxonomy = "helm-safety" if facet == "risk" else _PLACES.get((method, facet))
    if taxonomy is None:
        return None
    known = classes(taxonomy)
    if taxonomy == "air-2024-l2":
        names = list(known)
        return (taxonomy, names[int(part) - 1]) if part.isdigit() and 0 < int(part) <= len(names) else None
    return (taxonomy, part) if part in known else None


def _tags() -> list[Mapping[str, list[str]]]:
    files, _ = load_suite("core", PARTS)
    return [item["tags"] for content in files for item in content["items"]]
