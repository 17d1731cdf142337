from datetime import date

import pytest
from catalogs import absence, catalog, crosswalk, instrument, line
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.commitments import Relationship, check_catalog

A, B, C = instrument("a", "a-1", "a-2"), instrument("b", "b-1", "b-2"), instrument("c", "c-1")
DAY = date(2026, 6, 1)


def codes(folder, *contents):
    return [(one.code, one.level) for one in check_catalog(catalog(folder, *contents), today=DAY)]


@given(st.sampled_from(Relationship))
def test_the_inverse_of_an_inverse_is_the_relation(relationship):
    assert relationship.inverse.inverse is relationship


def test_a_sound_catalog_has_no_findings(tmp_path):
    walk = crosswalk("m", line("a-1", "subset-of", "b-1"), line("b-1", "superset-of", "a-1"))
    assert codes(tmp_path, A, B, walk) == []


@pytest.mark.parametrize("back", ["subset-of", "equivalent-to", "no-relationship"])
def test_a_map_and_its_inverse_must_not_contradict(tmp_path, back):
    walk = crosswalk("m", line("a-1", "subset-of", "b-1"), line("b-1", back, "a-1"))
    assert codes(tmp_path, A, B, walk) == [("contradiction", "error")]


def test_two_maps_may_contradict_since_they_are_rivals(tmp_path):
    walks = [
        crosswalk(name, line("a-1", said, "b-1")) for name, said in (("m", "subset-of"), ("n", "equal-to"))
    ]
    assert codes(tmp_path, A, B, *walks) == []


@pytest.mark.parametrize(
    ("walk", "code"),
    [
        (crosswalk("m", line("a-9", "equal-to", "b-1")), "unknown-id"),
        (crosswalk("m", line("a-1", "equal-to", "b-9")), "unknown-id"),
        (crosswalk("m", line("a-1", "equal-to", "a-2")), "same-instrument"),
        (crosswalk("m", line("a-1", "no-relationship", "b")), "absence-without-search"),
        (crosswalk("m", absences=(absence("a-9", "b"),)), "unknown-id"),
        (crosswalk("m", absences=(absence("a-1", "z"),)), "unknown-id"),
        (crosswalk("m", absences=(absence("a-1", "b", date="2027-01-01"),)), "future-date"),
        (crosswalk("m", line("a-1", "equal-to", "b-1"), absences=(absence("a-1", "b"),)), "contradiction"),
    ],
)
def test_what_is_wrong_with_a_map_is_found(tmp_path, walk, code):
    assert codes(tmp_path, A, B, walk) == [(code, "error")]


@pytest.mark.parametrize("extent", ["whole", "parts", "summary", "none"])
def test_the_same_words_are_said_only_of_texts_that_were_read(tmp_path, extent):
    other = instrument("b", "b-1", reading={"extent": extent, "by": "a reader", "date": "2026-01-02"})
    said = codes(tmp_path, A, other, crosswalk("m", line("a-1", "equal-to", "b-1")))
    assert said == ([] if extent in ("whole", "parts") else [("wording-not-read", "error")])
    # What it means can be restated; how it is worded cannot.
    assert codes(tmp_path, A, other, crosswalk("m", line("a-1", "equivalent-to", "b-1"))) == []


def test_the_same_words_are_not_said_of_a_provision_that_was_not_checked(tmp_path):
    other = instrument(
        "b", provisions=[{"id": "b-1", "num": "1", "title": {"en": "w", "ja": "語"}, "verified": False}]
    )
    assert codes(tmp_path, A, other, crosswalk("m", line("b-1", "equal-to", "a-1"))) == [
        ("wording-not-read", "error")
    ]


def test_a_line_inferred_through_a_third_text_is_noted(tmp_path):
    walk = crosswalk("m", line("a-1", "equal-to", "b-1", derived=True))
    assert codes(tmp_path, A, B, walk) == [("derived", "note")]


def test_absence_needs_a_whole_reading_of_the_version_at_hand(tmp_path):
    walk = crosswalk("m", absences=(absence("a-1", "b"), absence("a-2", "b", "summary", version="0")))
    assert codes(tmp_path, A, B, walk) == [("other-version", "note"), ("not-whole", "note")]


def test_cycles_and_gaps_of_supersession_are_found(tmp_path):
    one, two = instrument("a", "a-1", supersedes=["b"]), instrument("b", "b-1", supersedes=["a"])
    assert codes(tmp_path, one, two) == [("cycle", "error"), ("cycle", "error")]
    assert codes(tmp_path, instrument("a", "a-1", supersedes=["z"])) == [("unknown-id", "error")]


def test_future_dates_and_unknown_topics_are_found(tmp_path):
    late = instrument("a", "a-1", adopted="2026-07")
    late["provisions"][0]["topics"] = ["nothing"]
    assert codes(tmp_path, late) == [("future-date", "error"), ("unknown-topic", "error")]
