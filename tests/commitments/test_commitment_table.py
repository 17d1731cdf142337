import json
from itertools import permutations

import pytest
from catalogs import absence, catalog, crosswalk, instrument, line

from kakehashi.commitments import Relationship, compare_instruments, load_catalog, table_plain
from kakehashi.errors import UnknownNameError, UsageError

FOUR = ("hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai")


def standings(row):
    return [cell.standing for cell in row.cells]


def test_a_relation_is_read_in_the_direction_of_the_row(tmp_path):
    found = catalog(
        tmp_path,
        instrument("a", "a-1"),
        instrument("b", "b-1"),
        crosswalk("m", line("a-1", "subset-of", "b-1")),
    )
    forth = compare_instruments(found, ["a", "b"]).rows[0]
    back = compare_instruments(found, ["b", "a"]).rows[0]
    assert forth.cells[1].links[0].relationship is Relationship.SUBSET
    assert back.cells[1].links[0].relationship is Relationship.SUPERSET


def test_two_relations_to_one_third_are_no_relation_of_the_two(tmp_path):
    # a-1 = b-1 and b-1 = c-1; nobody has read a-1 against c-1.
    found = catalog(
        tmp_path,
        *(instrument(name, f"{name}-1") for name in "abc"),
        crosswalk("m", line("a-1", "equal-to", "b-1"), line("b-1", "equal-to", "c-1")),
    )
    first = compare_instruments(found, ["a", "b", "c"]).rows[0]
    assert standings(first) == ["own", "related", "not-checked"]


def test_derived_lines_and_lines_without_relation_fill_no_cell(tmp_path):
    found = catalog(
        tmp_path,
        instrument("a", "a-1", "a-2"),
        instrument("b", "b-1"),
        crosswalk("m", line("a-1", "equal-to", "b-1", derived=True), line("a-2", "no-relationship", "b-1")),
    )
    assert [standings(row) for row in compare_instruments(found, ["a", "b"]).rows] == [
        ["own", "not-checked"],
        ["own", "not-checked"],
        ["not-checked", "own"],
    ]


@pytest.mark.parametrize(
    ("extent", "standing"), [("whole", "absent"), ("parts", "not-checked"), ("summary", "not-checked")]
)
def test_no_such_clause_needs_the_whole_text(tmp_path, extent, standing):
    found = catalog(
        tmp_path,
        instrument("a", "a-1"),
        instrument("b", "b-1"),
        crosswalk("m", absences=(absence("a-1", "b", extent),)),
    )
    assert compare_instruments(found, ["a", "b"]).rows[0].cells[1].standing == standing


def test_no_such_clause_holds_of_the_version_that_was_read(tmp_path):
    found = catalog(
        tmp_path,
        instrument("a", "a-1"),
        instrument("b", "b-1", version="2"),
        crosswalk("m", absences=(absence("a-1", "b", "whole", version="1"),)),
    )
    cell = compare_instruments(found, ["a", "b"]).rows[0].cells[1]
    assert (cell.standing, cell.absence.version) == ("not-checked", "1")


def test_what_successors_add_stands_apart(tmp_path):
    found = catalog(
        tmp_path,
        instrument("a", "a-1", "a-2"),
        instrument("old", "old-1"),
        instrument("new", "new-1", supersedes=["old"]),
        crosswalk("m", line("a-1", "equal-to", "old-1"), line("a-2", "intersects-with", "new-1")),
    )
    table = compare_instruments(found, ["a", "old"])
    assert [(step.provision, step.newer, step.was) for step in table.steps] == [("a-2", "new", "not-checked")]
    assert compare_instruments(found, ["a", "old", "new"]).steps == ()


def test_the_four_way_table_of_the_shipped_catalog_counted_by_hand():
    table = compare_instruments(load_catalog(), FOUR)
    # Hiroshima 1, 2, 3, 5, 6 have a line to each of the three others; 4, 7, 8, 9, 10, 11 to some (10 to Seoul V, and to
    # the Chinese framework of 2025, which is not among the four), and so have the Seoul provisions that meet the EU
    # code: all eight, and the practices P1, P3, P4 and P6. Of the EU code five measures have none at all.
    assert [row.provision.num for row in table.common] == ["1", "2", "3", "5", "6"]
    seoul = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "P1", "P3", "P4", "P6"]
    assert [row.provision.num for row in table.partial] == ["4", "7", "8", "9", "10", "11", *seoul]
    assert [row.provision.num for row in table.single] == ["3.1", "7.3", "7.5", "7.6", "10.1"]
    assert len(table.rows) == len(table.common) + len(table.partial) + len(table.single)
    assert [(s.older, s.newer, s.provision) for s in table.steps] == [
        ("aiia-2024", "china-framework-2025", "hiroshima-code-10"),
        ("aiia-2024", "china-framework-2025", "frontier-commitments-2"),
    ]
    # Nothing is said to be absent, since no text was read as a whole.
    assert not any(cell.standing == "absent" for row in table.rows for cell in row.cells)
    # What rests on a summary says so.
    assert not any(
        link.verified
        for row in table.rows
        for cell in row.cells
        if cell.instrument == "aiia-2024"
        for link in cell.links
    )


def test_the_order_of_instruments_changes_no_relation():
    found = load_catalog()

    def pairs(names):
        table = compare_instruments(found, names)
        return {
            tuple(sorted((row.provision.id, link.provision)))
            for row in table.rows
            for cell in row.cells
            for link in cell.links
        }

    assert {frozenset(pairs(order)) for order in permutations(FOUR)} == {frozenset(pairs(FOUR))}


def test_the_plain_form_is_strict_json_without_places():
    text = json.dumps(table_plain(compare_instruments(load_catalog(), FOUR)), allow_nan=False)
    assert '"place":' not in text
    assert ".yaml" not in text


def test_unknown_names_and_too_few_are_refused():
    with pytest.raises(UnknownNameError):
        compare_instruments(load_catalog(), ["hiroshima-code", "seoul"])
    with pytest.raises(UnknownNameError):
        compare_instruments(load_catalog(), FOUR, maps=["cor"])
    with pytest.raises(UsageError):
        compare_instruments(load_catalog(), ["hiroshima-code"])
    with pytest.raises(UsageError):
        compare_instruments(load_catalog(), ["hiroshima-code", "hiroshima-code"])


def test_a_reason_that_is_given_stands_beside_the_gap(tmp_path):
    from kakehashi.commitments import oscal_mapping
    from kakehashi.report import crosswalk_rows

    why = {"en": "both name the same tests", "ja": "いずれも同じ試験を挙げる"}
    found = catalog(
        tmp_path,
        instrument("a", "a-1"),
        instrument("b", "b-1"),
        crosswalk("m", line("a-1", "equal-to", "b-1", rationale=why)),
    )
    table = compare_instruments(found, ["a", "b"])
    assert table_plain(table)["rows"][0]["cells"][1]["links"][0]["rationale"] == why
    for language in ("en", "ja"):
        assert why[language] in crosswalk_rows(found, table, language=language)[1][2]
        mapping = oscal_mapping(found, found.crosswalks["m"], language=language)
        assert why[language] in mapping["mapping-collection"]["mappings"][0]["maps"][0]["remarks"]
