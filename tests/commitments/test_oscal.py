"""OSCAL and CSV: valid by an independent model, no dangling reference, the same in both languages but for the words."""

import csv
import io
import json
import re
import warnings

import pytest
from catalogs import absence, catalog, crosswalk, instrument, line

from kakehashi.commitments import load_catalog, oscal_files, oscal_mapping, relation_csv
from kakehashi.errors import InputError

FOUR = ("hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai")
WORDS = {"equal-to", "equivalent-to", "subset-of", "superset-of", "intersects-with", "no-relationship"}


@pytest.fixture(scope="module")
def models():
    """The models of compliance-trestle, which were written by others from NIST's schemas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trestle.oscal import catalog as catalogs
        from trestle.oscal import mapping, profile
    return {"catalog": catalogs, "profile": profile, "mapping-collection": mapping}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_everything_shipped_is_valid_oscal(models, language):
    found = load_catalog()
    written = oscal_files(found, found.instruments, language=language)
    assert len(written) == 2 * len(found.instruments) + 1
    for text in written.values():
        content = json.loads(text)
        (kind,) = content
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            models[kind].Model.model_validate(content)


def test_no_reference_dangles_and_no_word_is_invented():
    # trestle passes invented relation words and dangling ids, so they are held here.
    found = load_catalog()
    written = {name: json.loads(text) for name, text in oscal_files(found, FOUR).items()}
    controls = {
        name: {one["id"] for one in content["catalog"]["controls"]}
        for name, content in written.items()
        if "catalog" in content
    }
    for content in written.values():
        for imported in content.get("profile", {}).get("imports", []):
            assert set(imported["include-controls"][0]["with-ids"]) <= controls[imported["href"]]
    (collection,) = (c["mapping-collection"] for c in written.values() if "mapping-collection" in c)
    pairs = set()
    for mapping in collection["mappings"]:
        source, target = (mapping[end]["href"] for end in ("source-resource", "target-resource"))
        for one in mapping["maps"]:
            assert one["relationship"] in WORDS
            for end, where in (("sources", source), ("targets", target)):
                assert {ref["id-ref"] for ref in one[end]} <= controls[where]
            pairs |= {(one["sources"][0]["id-ref"], ref["id-ref"]) for ref in one["targets"]}
    # Every line from provision to provision of the four is there, and nothing else: OSCAL maps controls.
    assert pairs == {
        (each.source, target)
        for each in found.relations
        for target in each.targets
        if found.owner(each.source) in FOUR and found.owner(target) in FOUR
        if target not in found.instruments
    }


def test_the_languages_differ_in_words_alone():
    found = load_catalog()

    def bones(language):
        text = json.dumps(
            {
                re.sub(rf"\.{language}\.json$", "", name): json.loads(content)
                for name, content in oscal_files(found, FOUR, language=language).items()
            }
        )
        loaded = json.loads(text.replace(f".{language}.json", ""))
        return sorted(
            one["id"] for c in loaded.values() for one in c.get("catalog", {}).get("controls", [])
        ), sorted(
            (one["sources"][0]["id-ref"], one["relationship"], len(one["targets"]))
            for c in loaded.values()
            for mapping in c.get("mapping-collection", {}).get("mappings", [])
            for one in mapping["maps"]
        )

    assert bones("en") == bones("ja")


def test_the_same_content_has_the_same_bytes_and_another_content_another_uuid(tmp_path):
    found = load_catalog()
    assert oscal_files(found, FOUR) == oscal_files(load_catalog(), FOUR)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = (
        catalog(tmp_path / folder, instrument("x", "x-1", version=version))
        for folder, version in (("a", "1"), ("b", "2"))
    )
    first, second = (json.loads(oscal_files(c, ["x"])["x.catalog.en.json"])["catalog"] for c in (one, two))
    assert first["uuid"] != second["uuid"]


def test_a_search_of_a_whole_text_becomes_a_gap_and_no_other_does(tmp_path, models):
    found = catalog(
        tmp_path,
        instrument("a", "a-1", "a-2", "a-3"),
        instrument("b", "b-1"),
        crosswalk(
            "m",
            line("a-1", "subset-of", "b-1"),
            line("a-1", "equal-to", "b-1", derived=True),
            absences=(absence("a-2", "b"), absence("a-3", "b", "summary")),
        ),
    )
    content = oscal_mapping(found, found.crosswalks["m"])
    (mapping,) = content["mapping-collection"]["mappings"]
    assert len(mapping["maps"]) == 1
    assert mapping["source-gap-summary"]["unmapped-controls"] == [{"with-ids": ["a-2"]}]
    models["mapping-collection"].Model.model_validate(content)


def test_what_would_dangle_is_refused(tmp_path):
    found = catalog(tmp_path, instrument("a", "a-1"), crosswalk("m", line("a-1", "equal-to", "nowhere")))
    with pytest.raises(InputError, match="nowhere"):
        oscal_mapping(found, found.crosswalks["m"])


def test_a_cell_of_the_table_is_no_formula_and_the_reasons_stand_in_it(tmp_path):
    gap, why = {"en": "=1+1", "ja": "＝一"}, {"en": "why", "ja": "理由"}
    walk = crosswalk("m", line("a-1", "equal-to", "b-1", gap=gap, rationale=why))
    found = catalog(tmp_path, instrument("a", "a-1"), instrument("b", "b-1"), walk)
    (row,) = csv.DictReader(io.StringIO(relation_csv(found, ["a", "b"]).removeprefix("\ufeff"), newline=""))
    assert [row[key] for key in ("gap_en", "gap_ja", "rationale_en", "rationale_ja")] == [
        "'=1+1",
        "＝一",
        "why",
        "理由",
    ]


def test_the_table_opens_in_a_spreadsheet_and_holds_every_pair():
    found = load_catalog()
    text = relation_csv(found, found.instruments)
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) == sum(len(each.targets) for each in found.relations)
    assert {row["relation"] for row in rows} <= WORDS
    assert all(row["gap_en"] and row["gap_ja"] for row in rows)
    assert {
        row["verified"] for row in rows if "aiia-2024" in (row["source_instrument"], row["target_instrument"])
    } == {"no"}
