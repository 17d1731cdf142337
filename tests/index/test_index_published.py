"""Published figures against a file of their own, what is known on which day, and what values are called."""

import csv
from pathlib import Path

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import InputError
from kakehashi.index import assemble, load_measures
from kakehashi.index.assemble import read_published
from kakehashi.index.words import bounds_note, bounds_words, facet_words, unbounded

SHARED = Path(__file__).resolve().parents[3] / "shared" / "reference"


def sheet(name, as_of):
    return next(one for one in assemble("no workspace", as_of) if one.measure.id == name)


def test_the_gap_on_mmlu_is_three_tenths_beside_other_benchmarks():
    # AI Index 2025, chapter 2: 17.5 points at the end of 2023, 0.3 at the end of 2024
    found = {
        one.as_of: one.value
        for one in sheet("frontier-gap-published", "2025-12-31").values
        if one.facets["benchmark"] == "MMLU"
    }
    assert found == {"2023-12-31": 17.5, "2024-12-31": 0.3}


@pytest.mark.skipif(not SHARED.is_dir(), reason="no reference files")
def test_every_published_figure_stands_in_the_reference_file():
    with (SHARED / "indicators" / "ai_index_published_values.csv").open(encoding="utf-8") as file:
        rows = {(row["series"], row["year"]): float(row["value"]) for row in csv.DictReader(file)}
    regions = {"US": "us", "CN": "cn", "Europe": "europe"}
    held = 0
    for one in assemble("no workspace", "2026-11-25"):
        for value in one.values:
            facets = value.facets
            if one.measure.id == "incidents-published":
                key = ("aiid_incidents", facets["year"])
            elif one.measure.id == "notable-models-published":
                key = (f"notable_models_{regions[facets['region']]}", facets["year"])
            elif one.measure.id == "frontier-gap-published":
                key = (f"gap_{facets['benchmark'].lower()}", value.as_of[:4])
            else:
                continue
            assert rows[key] == value.value, key
            held += 1
    assert held == 14  # 3 of incidents, 3 of models, 2 for each of four benchmarks


def test_a_vintage_counts_from_the_day_on_which_it_came_out():
    def known(as_of):
        return [one.value for one in sheet("incidents-published", as_of).values]

    # AI Index 2025: 2025-04-07; AI Index 2026: 2026-04-13
    assert known("2025-04-06") == []
    assert known("2026-04-12") == [149, 233]
    assert known("2026-04-13") == [149, 233, 362]
    for as_of, newer in (("2026-04-12", ""), ("2026-04-13", "AI Index 2026")):
        assert {one.newer for one in sheet("notable-models-published", as_of).values} == {newer}, as_of


ENTRY = (
    "  - {measure: incidents-published, value: 1, as_of: '2024', vintage: '%s', source: s, licence: facts,"
    " facets: {}, basis: B%s}\n"
)


@pytest.mark.parametrize(
    ("vintage", "eve", "day"),
    [
        ("2026", "2026-12-30", "2026-12-31"),
        ("2026-02", "2026-02-27", "2026-02-28"),
        ("2026-02-10", "2026-02-09", "2026-02-10"),
    ],
)
def test_a_year_or_a_month_alone_counts_from_its_last_day(tmp_path, vintage, eve, day):
    path = tmp_path / "p.yaml"
    path.write_text(f"values:\n{ENTRY % (vintage, '')}", encoding="utf-8")
    assert read_published(path, eve) == ()
    assert len(read_published(path, day)) == 1


def test_a_newer_edition_needs_its_day(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(f"values:\n{ENTRY % ('2025', ', newer: Some Index')}", encoding="utf-8")
    with pytest.raises(InputError, match="no day is on record for 'Some Index'"):
        read_published(path)


def test_the_command_shows_what_was_known_on_the_day_in_the_readers_words(tmp_path):
    def show(as_of, lang):
        words = ["index", "show", "incidents-published", "--as-of", as_of, "--lang", lang]
        return CliRunner().invoke(cli, [*words, "--workspace", str(tmp_path)], catch_exceptions=False).output

    assert "362" not in show("2026-04-12", "en")
    assert "362" in (text := show("2026-04-13", "ja"))
    assert "時点\t値\t区間" in text
    assert "記載なし" in text
    assert "2026年版" in text


def test_every_shipped_facet_and_every_reason_has_words_of_its_own_in_japanese():
    english = {"HumanEval", "MATH", "MMLU", "MMMU"}  # names of benchmarks
    for one in assemble("no workspace", "2026-11-25"):
        for value in one.values:
            words = facet_words(value.facets)
            assert not words or words["ja"] != words["en"] or words["ja"] in english, words
    assert facet_words({"region": "JP", "year": "2024"}) == {"en": "Japan", "ja": "日本"}
    assert facet_words({"instrument": "frontier-commitments", "state": "not-found"})["ja"].endswith(
        "、確認できず"
    )
    for measure in load_measures():
        assert set(bounds_words(measure.bounds)) == set(bounds_note(measure.bounds)) == {"en", "ja"}


def test_a_count_of_everything_is_told_from_an_interval_that_nobody_states():
    def why(name):
        found = sheet(name, "2026-11-25")
        return {unbounded(found.measure, value) for value in found.values}

    assert why("framework-publication") == {"count"}
    assert why("frontier-gap-published") == {"stated"}
    assert why("policy-clock") == {"dates"}


def test_the_page_on_the_index_names_every_measure():
    text = (Path(__file__).resolve().parents[2] / "docs" / "index.md").read_text("utf-8")
    for measure in load_measures():
        assert f"`{measure.id}`" in text
