"""Forms: what is asked comes from the reference notes, and everything that is named is there."""

import re

import pytest
import yaml

from kakehashi.commitments import draft_form, load_catalog
from kakehashi.commitments.evidence import Evidence, EvidenceBook, EvidenceLink
from kakehashi.errors import UnknownNameError

SHIPPED = load_catalog()


def read(shared, name):
    text = (shared / "commitments" / name).read_text(encoding="utf-8")
    return yaml.safe_load(text)["catalog"]


def test_the_hiroshima_sheet_has_the_sections_of_the_reference(shared):
    said = read(shared, "03-haip-reporting-framework.yaml")["items"]
    form = SHIPPED.forms["hiroshima-report"]
    made = [
        (
            section.provision.removeprefix("hiroshima-reporting-s"),
            [name.replace("hiroshima-code-", "haip-coc-") for name in section.sources],
        )
        for section in form.sections
    ]
    # A reader of version 2.0 notes actions 1, 4, 6 and 10 at its section 1; the reference has 1 and 2.
    more = {"1": ["haip-coc-04", "haip-coc-06", "haip-coc-10"]}
    assert made == [(one["num"], one["maps"] + more.get(one["num"], [])) for one in said]


def test_the_model_report_has_the_measures_of_the_reference(shared):
    said = read(shared, "07-eu-gpai-code-of-practice.yaml")["safety_and_security"]
    (seventh,) = [one for one in said if one["num"] == "C7"]
    form = SHIPPED.forms["eu-model-report"]
    assert [s.provision.removeprefix("eu-") for s in form.sections] == list(seventh["measures"])


def test_the_sheet_of_perspectives_has_the_ten_of_the_reference(shared):
    said = read(shared, "10-japan-aisi.yaml")["items"]
    made = [SHIPPED.provision(s.provision).title["ja"] for s in SHIPPED.forms["aisi-perspectives"].sections]
    assert made == [one["title"]["ja"].replace("(", "（").replace(")", "）") for one in said]


def test_forms_name_their_version_and_say_what_was_not_read():
    for form in SHIPPED.forms.values():
        assert form.version == SHIPPED.instruments[form.instrument].version
        assert set(form.note) == {"en", "ja"}
        for section in form.sections:
            assert SHIPPED.owner(section.provision) == form.instrument
            assert len({point.id for point in section.points}) == len(section.points)
    assert "not reproduced" in SHIPPED.forms["hiroshima-report"].note["en"]
    # Points are our own words: none is as long as a paragraph of a text.
    points = [p.title["en"] for f in SHIPPED.forms.values() for s in f.sections for p in s.points if p.title]
    assert len(points) == 20
    assert max(len(re.findall(r"\w+", text)) for text in points) <= 35


def evidence(provision, **changes):
    made = {
        "id": provision * 4, "organization": "google", "provisions": (provision,), "finding": "found",
        "date": "2026-01-02", "created": "2026-01-02T00:00:00Z", "author": "me",
        "link": EvidenceLink("url", "https://a.example"), "searched": "", "marking": "clear", "note": {},
    }  # fmt: skip
    return Evidence(**(made | changes))


def draft(form, *entries):
    return draft_form(SHIPPED, EvidenceBook(entries, 0, 0, 1, "x"), form, "google", date="2026-02-01")


def test_one_piece_of_evidence_answers_all_forms_that_ask_for_its_provision():
    one = evidence("hiroshima-code-11")
    assert draft("hiroshima-report", one).count("drafted") == 1
    assert draft("aisi-perspectives", one).count("drafted") == 2  # privacy, and data quality
    # Relations lead from action 11 to no measure that the model report asks for.
    assert draft("eu-model-report", one).count("drafted") == 0


def test_a_search_that_found_nothing_is_no_answer_and_others_evidence_is_none():
    nothing = evidence("hiroshima-code-07", finding="not-found", link=None, searched="x")
    made = draft("hiroshima-report", nothing)
    assert (made.count("drafted"), made.count("to-check"), made.count("unanswered")) == (0, 1, 6)
    assert (
        draft("hiroshima-report", evidence("hiroshima-code-07", organization="meta")).count("unanswered") == 7
    )
    with pytest.raises(UnknownNameError):
        draft("hiroshima")
