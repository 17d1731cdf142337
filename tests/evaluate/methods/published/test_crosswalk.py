"""The crosswalk against the tags of the core suite, counted here by hand."""

import yaml

from kakehashi.evaluate.methods.published.crosswalk import class_of, crosswalk, tagged_items
from kakehashi.evaluate.methods.published.taxonomy import classes, taxonomies


def test_counts_are_those_of_the_tagged_items():
    from importlib.resources import files

    folder = files("kakehashi.evaluate") / "data" / "core"
    items = [
        item
        for part in ("violence", "hate", "sexual", "selfharm", "weapons", "deception", "privacy")
        for item in yaml.safe_load((folder / f"{part}.yaml").read_text(encoding="utf-8"))["items"]
    ]
    for one, code, other, other_code in (
        ("helm-safety", "violence", "mlcommons", "vcr"),
        ("air-2024-l2", "Privacy", "aisi-ja", "jaisi-05"),
        ("nist-600-1", "genai-r1", "mlcommons", "iwp"),
    ):
        both = sum(
            code in item["tags"].get(one, []) and other_code in item["tags"].get(other, []) for item in items
        )
        found = [
            link.items
            for link in crosswalk()
            if (link.taxonomy, link.code, link.other, link.other_code) == (one, code, other, other_code)
        ]
        assert found == ([both] if both else [])
        assert both > 0
        alone = sum(code in item["tags"].get(one, []) for item in items)
        assert tagged_items()[one, code] == alone >= both


def test_the_crosswalk_is_the_same_from_both_sides():
    links = {(x.taxonomy, x.code, x.other, x.other_code): x.items for x in crosswalk()}
    assert links
    assert all(links[other, b, one, a] == items for (one, a, other, b), items in links.items())


def test_every_linked_class_is_a_class_of_its_taxonomy():
    known = {(t["id"], c["code"]) for t in taxonomies() for c in t["classes"]}
    assert {(x.taxonomy, x.code) for x in crosswalk()} <= known
    assert len(taxonomies()) == 5


def test_parts_of_methods_stand_for_classes():
    names = list(classes("air-2024-l2"))
    assert [class_of("air-bench-2024", "category", str(n)) for n in (1, 16)] == [
        ("air-2024-l2", names[0]),
        ("air-2024-l2", names[15]),
    ]
    assert class_of("air-bench-2024", "category", "17") is None
    assert class_of("mlcommons-joint-testing", "category", "vcr") == ("mlcommons", "vcr")
    assert class_of("mlcommons-joint-testing", "category", "injection") is None
    assert class_of("aisi-ja-perspectives", "category", "jaisi-06") == ("aisi-ja", "jaisi-06")
