"""CISO Assistant libraries, held against what its importer asks for (backend/library/utils.py, core/models.py)."""

import re

import pytest
import yaml
from catalogs import catalog, crosswalk, instrument, line

from kakehashi.commitments import ciso_files, ciso_framework, ciso_mapping, load_catalog

URN = re.compile(r"urn:[a-z0-9_-]+:risk:(library|framework|req_node|req_mapping_set):[0-9a-z\[\]()\-._:]+")
RELATIONS = {"subset", "intersect", "equal", "superset", "not_related"}
RATIONALES = {"syntactic", "semantic", "functional"}
INVERSE = {"subset": "superset", "superset": "subset"}
SHIPPED = load_catalog()


@pytest.fixture(scope="module")
def libraries():
    return {name: yaml.safe_load(text) for name, text in ciso_files(SHIPPED, SHIPPED.instruments).items()}


def test_every_library_has_what_the_importer_asks_for(libraries):
    for content in libraries.values():
        assert {"urn", "locale", "ref_id", "name", "version", "provider", "packager", "objects"} <= set(
            content
        )
        assert URN.fullmatch(content["urn"])
        assert isinstance(content["version"], int)
        assert isinstance(content["publication_date"], str)
        assert set(content["objects"]) in ({"framework"}, {"requirement_mapping_sets"})
    urns = [content["urn"] for content in libraries.values()]
    assert len(urns) == len(set(urns))


def test_nodes_stand_under_nodes_of_the_same_framework(libraries):
    for content in libraries.values():
        framework = content["objects"].get("framework")
        if framework is None:
            continue
        assert {"ref_id", "urn", "requirement_nodes"} <= set(framework)
        nodes = {node["urn"]: node for node in framework["requirement_nodes"]}
        assert len(nodes) == len(framework["requirement_nodes"])
        for urn, node in nodes.items():
            assert URN.fullmatch(urn)
            assert urn == urn.lower()
            assert isinstance(node["assessable"], bool)
            assert isinstance(node["ref_id"], str)
            assert ("parent_urn" in node) == (node["depth"] == 2)
            if "parent_urn" in node:
                assert not nodes[node["parent_urn"]]["assessable"]
            assert node["translations"]["ja"]["name"]


def test_documentation_and_copyright_stand_under_no_commitment_of_the_safety_chapter(libraries):
    nodes = {n["ref_id"]: n for n in libraries["eu-gpai.yaml"]["objects"]["framework"]["requirement_nodes"]}
    assert nodes["10.2"]["parent_urn"].endswith(":eu-gpai-c10")
    assert "parent_urn" not in nodes["T1"]
    assert "parent_urn" not in nodes["K1"]
    assert sum(n["assessable"] for n in nodes.values()) == 34


def test_mappings_name_nodes_that_exist_and_the_reverse_says_the_same(libraries):
    known = {
        node["urn"]: content["objects"]["framework"]["urn"]
        for content in libraries.values()
        if "framework" in content["objects"]
        for node in content["objects"]["framework"]["requirement_nodes"]
    }
    by_library = {content["urn"] for content in libraries.values()}
    count = 0
    for content in libraries.values():
        sets = content["objects"].get("requirement_mapping_sets")
        if sets is None:
            continue
        assert set(content["dependencies"]) <= by_library
        forth, back = sets
        for one in sets:
            assert {"urn", "name", "source_framework_urn", "target_framework_urn"} <= set(one)
            for each in one["requirement_mappings"]:
                assert known[each["source_requirement_urn"]] == one["source_framework_urn"]
                assert known[each["target_requirement_urn"]] == one["target_framework_urn"]
                assert each["relationship"] in RELATIONS
                assert each["rationale"] in RATIONALES
                assert each["annotation"]
        turned = {
            (m["target_requirement_urn"], m["source_requirement_urn"], m["relationship"])
            for m in back["requirement_mappings"]
        }
        assert turned == {
            (
                m["source_requirement_urn"],
                m["target_requirement_urn"],
                INVERSE.get(m["relationship"], m["relationship"]),
            )
            for m in forth["requirement_mappings"]
        }
        count += len(forth["requirement_mappings"])
    pairs = [
        (line.source, target)
        for line in SHIPPED.relations
        for target in line.targets
        if not line.derived and line.source not in SHIPPED.instruments and target not in SHIPPED.instruments
    ]
    assert count == len(pairs)


def test_texts_that_yaml_reads_as_other_things_come_back_as_texts(tmp_path):
    made = instrument("no", "no-1")
    made["provisions"][0] |= {"num": "1.10", "title": {"en": "no", "ja": "2024-01-01"}}
    found = catalog(tmp_path, made)
    (text,) = ciso_files(found, ["no"]).values()
    (node,) = yaml.safe_load(text)["objects"]["framework"]["requirement_nodes"]
    assert (node["ref_id"], node["name"], node["translations"]["ja"]["name"]) == ("1.10", "no", "2024-01-01")
    assert yaml.safe_load(text)["ref_id"] == "no"


def test_derived_lines_and_whole_instruments_are_left_out(tmp_path):
    found = catalog(
        tmp_path,
        instrument("a", "a-1", "a-2"),
        instrument("b", "b-1"),
        crosswalk("m", line("a-1", "equal-to", "b-1", derived=True), line("a", "intersects-with", "b-1")),
        crosswalk("n", line("b-1", "superset-of", "a-2")),
    )
    assert ciso_mapping(found, found.crosswalks["m"], "a", "b") is None
    made = ciso_mapping(found, found.crosswalks["n"], "a", "b")
    (each,) = made["objects"]["requirement_mapping_sets"][0]["requirement_mappings"]
    assert each["relationship"] == "subset"
    assert (
        ciso_framework(found.instruments["a"])["objects"]["framework"]["requirement_nodes"][0]["depth"] == 1
    )
