"""The page of categories: shown where a run has published methods, with the crosswalk and what it rewards."""

from dataclasses import replace

import fixtures
import numpy as np
import pytest

from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.methods import get_method
from kakehashi.model import Interval, Measurement, Provenance
from kakehashi.report import build_assessment, render_html, terminal_rows
from kakehashi.report.pages.company import company_note
from kakehashi.report.pages.front import headline_measures
from kakehashi.report.pages.taxonomies import taxonomies
from kakehashi.report.voice import Voice

NAMES = (
    "air-bench-2024",
    "facts-grounding-v2",
    "do-not-answer",
    "jailbreakbench",
    "mlcommons-joint-testing",
    "aisi-ja-perspectives",
)


def plain(piece):
    return Voice("en").plain(piece)


def view_with(tmp_path, names, parts, core=True):
    """The fixture's run with results of published methods beside it."""
    view = fixtures.three_systems()
    store = DataStore(tmp_path)
    cards = {name: get_method(name, data=store).card for name in names}
    made = []
    for subject in view.subjects:
        for name, measure_name, language, facet, part, value in parts:
            card = cards[name]
            measure = next(m for m in card.measures if m.id.endswith(f":{measure_name}"))
            facets = {"language": language, **({facet: part} if facet else {})}
            interval = None if value is None else Interval(value / 2, (1 + value) / 2, 0.95, "wilson-graded")
            made.append(
                Measurement(
                    subject.name,
                    measure,
                    value,
                    Provenance("test", name, card.version, fixtures.CREATED),
                    n=0 if value is None else 20,
                    interval=interval,
                    facets=facets,
                    counts={"graded": 20} if value is not None else {"not-judged": 20},
                    reason="" if value is not None else "reported apart: perspectives are never added up",
                )
            )
    if not core:
        keep = np.zeros(len(view.items["subject"]), dtype=bool)
        view = replace(
            view,
            cards={},
            measurements=(),
            items={name: column[keep] for name, column in view.items.items()},
        )
    return replace(view, cards={**view.cards, **cards}, measurements=(*view.measurements, *made))


PARTS = [
    ("air-bench-2024", "refusal-score", "en", "", "", 0.4),
    ("air-bench-2024", "refusal-score", "en", "category", "7", 0.3),
    ("air-bench-2024", "refusal-score", "en", "level-1", "content", 0.35),
    ("air-bench-2024", "refusal-score", "en", "level-3", "7.23 Suicidal and Non-suicidal Self-injury", 0.25),
    ("air-bench-2024", "refusal-score", "en", "level-4", "7.23.1 Suicide", 0.2),
    ("air-bench-2024", "refusal-score", "en", "region", "eu_mandatory", 0.45),
    ("facts-grounding-v2", "factuality", "en", "", "", 0.55),
    ("facts-grounding-v2", "unadjusted-factuality", "en", "", "", 0.6),
    ("do-not-answer", "harmful-response-rate", "en", "", "", 0.05),
    ("do-not-answer", "action-share", "en", "action", "5", 0.05),
    ("jailbreakbench", "attack-success-rate", "en", "", "", 0.15),
    ("jailbreakbench", "attack-success-rate", "en", "technique", "PAIR/vicuna-13b-v1.5", 0.15),
    ("mlcommons-joint-testing", "acceptable-rate", "ja", "", "", 0.7),
    ("mlcommons-joint-testing", "acceptable-rate", "ja", "category", "vcr", 0.65),
    ("aisi-ja-perspectives", "requirement-met-rate", "ja", "", "", None),
    ("aisi-ja-perspectives", "requirement-met-rate", "ja", "category", "jaisi-01", 0.85),
]


def test_a_run_of_our_own_suites_has_no_such_page(three):
    assert three.crosswalk is None
    assert 'id="en-taxonomies"' not in render_html(three)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return build_assessment(view_with(tmp_path_factory.mktemp("data"), NAMES, PARTS))


def test_results_stand_with_the_class_that_they_stand_for(published):
    places = published.crosswalk.places
    assert places["air-bench-2024:refusal-score [en]"]["category"]["7"] == ("air-2024-l2", "Self-harm")
    assert places["mlcommons-joint-testing:acceptable-rate [ja]"]["category"]["vcr"] == ("mlcommons", "vcr")
    assert places["aisi-ja-perspectives:requirement-met-rate [ja]"]["category"]["jaisi-01"] == (
        "aisi-ja",
        "jaisi-01",
    )
    assert len(published.crosswalk.classes) == 6 + 16 + 12 + 12 + 10


def test_the_page_is_there_in_both_languages_with_all_levels(published):
    page = render_html(published)
    for word in (
        "Categories of all taxonomies",
        "各分類体系の区分",
        "AILuminate",
        "MLCommons AILuminate の危険分類",
        "fourth level of AIR 2024",
        "AIR 2024 第4階層",
        "EUの規則(義務)",
        "要求に従う",
        "7.23.1 Suicide",
        "公表済みの評価手法",
    ):
        assert word in page, word
    assert page.count("Read their figures beside the over-refusal of this run") == 2


def test_without_an_over_refusal_method_the_page_warns(tmp_path):
    view = view_with(tmp_path, ("air-bench-2024",), PARTS[:2], core=False)
    found = build_assessment(view, with_published=False)
    assert found.crosswalk.rewards_refusing == ("air-bench-2024",)
    assert not found.crosswalk.over_refusal
    page = render_html(found)
    assert page.count("No over-refusal was measured beside it") == 1  # under the score's own table
    assert page.count("過剰拒否を併せて測定していない") == 1
    # on the first page and above the categories, in either language
    assert page.count("do not tell a careful system from a useless one") == 2
    assert page.count("慎重なシステムと役に立たないシステムとを区別できない") == 2


def test_a_method_that_measures_over_refusal_itself_does_not_reward_refusing_everything(tmp_path):
    # XSTest grades its safe half too, and JailbreakBench asks benign requests: refusing all of them costs there.
    names = ("xstest", "jailbreakbench", "anthropic-red-team", "strongreject", "facts-grounding-v2")
    found = build_assessment(view_with(tmp_path, names, [], core=False), with_published=False)
    assert found.crosswalk.rewards_refusing == ("anthropic-red-team", "strongreject")


def test_classes_that_go_together_are_listed_as_names(published):
    (crosswalk,) = [
        block for block in taxonomies(published).blocks if getattr(block, "id", "") == "crosswalk"
    ]
    cell = crosswalk.rows[0][4]  # HELM's violence among the second-level classes of AIR 2024
    assert plain(cell).startswith("Violence & Extremism (28); Self-harm (14); ")
    assert Voice("ja").plain(cell).startswith("暴力・過激主義（28）、自傷（14）、")


def test_the_over_refusal_figure_stands_with_the_score_that_rewards_refusing(published):
    keys = [measure.key for measure in headline_measures(published)]
    after = keys.index("air-bench-2024:refusal-score [en]") + 1
    assert keys[after].startswith("kakehashi/core:over-refusal-rate")
    note = plain(company_note(published, published.measure(keys[after - 1]), headline_measures(published)))
    # one figure of the core suite, 42 twins, for each of the three systems
    assert note.startswith("To be read beside it (over-refusal): ")
    assert note.count("; n=42)") == 3
    assert not any("not measured" in cell for row in terminal_rows(published) for cell in row)


def test_where_none_was_measured_the_row_says_so(tmp_path):
    view = view_with(tmp_path, ("air-bench-2024",), PARTS[:2], core=False)
    found = build_assessment(view, with_published=False)
    titles = [row[0] for row in terminal_rows(found)]
    assert titles[-1] == "over-refusal beside AIR-Bench 2024"
    assert set(terminal_rows(found)[-1][1:-1]) == {"not measured"}
    assert terminal_rows(found, language="ja")[-1][0] == "AIR-Bench 2024と併せて読む過剰拒否"


def test_a_score_that_was_not_made_is_a_word_and_no_number(published):
    headline = next(s for s in published.scores if s.measure.startswith("aisi-ja") and not s.facet)
    assert headline.value is None
    page = render_html(published)
    assert "its parts are reported apart" in page
    assert "部分ごとに示し、合算しない" in page
