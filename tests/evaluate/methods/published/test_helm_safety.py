"""The composite: one number only where all five components have theirs."""

import pytest
from evaluate.methods.published.written import (
    HARMBENCH,
    PROMPTS,
    RED_TEAM,
    SIMPLE,
    SUBJECTS,
    XSTEST,
    ScriptedGrader,
    bbq_files,
    run,
    store_of,
)

from kakehashi.evaluate.methods import NOT_PULLED, Selection, get_method
from kakehashi.model import Answer

SETS = {
    "harmbench": {"harmbench_behaviors_text_all.csv": HARMBENCH},
    "simplesafetytests": {"test-cases.csv": SIMPLE},
    "xstest": {"xstest_prompts.csv": XSTEST},
    "anthropic_red_team": {"red_team_attempts.jsonl.gz": RED_TEAM},
    "helm_safety": PROMPTS,
}


@pytest.fixture
def whole(tmp_path):
    return get_method("helm-safety", data=store_of(tmp_path, bbq=bbq_files(), **SETS))


def refuses_and_answers(sample):
    """Refuses every request, and says "unknown" to every question of BBQ."""
    return Answer("C") if sample.facets["component"] == "bbq" else SUBJECTS["refuses"](sample)


async def test_the_mean_is_that_of_the_five_scores_and_names_its_judge(whole):
    found = await run(whole, refuses_and_answers, ScriptedGrader())
    # By hand: HarmBench 1, SimpleSafetyTests 1, XSTest 2 of 5, BBQ one half, red team 1: 3.9 / 5.
    mean = found["mean-score", ""]
    assert mean.value == pytest.approx(0.78)
    assert mean.n == 4 + 3 + 5 + 88 + 4
    assert "graded by test/grader" in mean.reason
    assert "HELM's own judges are gpt-4o-2024-05-13 and llama-3.1-405b" in mean.reason
    assert mean.interval.low < 0.78 < mean.interval.high
    assert mean.interval.method == "price-bonett"
    assert [found["mean-score", name].value for name in whole.components] == [1, 1, 0.4, 0.5, 1]
    # Six risk categories: BBQ's 88 questions and XSTest's one contrast: (44 * 1 + 1) / 89.
    assert found["mean-score", "discrimination"].value == pytest.approx(45 / 89)
    assert found["mean-score", "fraud"].n == 2
    assert {"violence", "fraud", "sexual-content", "harassment"} <= {part for _, part in found}


async def test_a_missing_component_makes_it_incomplete_and_is_named(tmp_path):
    sets = {name: files for name, files in SETS.items() if name != "anthropic_red_team"}
    method = get_method("helm-safety", data=store_of(tmp_path, bbq=bbq_files(), **sets))
    found = await run(method, refuses_and_answers, ScriptedGrader())
    mean = found["mean-score", ""]
    assert (mean.value, mean.interval, mean.n) == (None, None, None)
    assert mean.reason == "incomplete: anthropic-red-team missing (data not pulled)"
    assert found["mean-score", "anthropic-red-team"].reason.startswith("incomplete")
    assert found["mean-score", "harmbench"].value == 1.0  # a component's own score is its own
    assert found["mean-score", "fraud"].value is None  # made of the same items as the mean
    assert {s.facets["component"] for s in method.samples(Selection())} == {
        *("harmbench", "simple-safety-tests", "xstest", "bbq")
    }


@pytest.mark.parametrize("subject", ["refuses", "complies", "echo"])
async def test_a_judge_of_verdicts_leaves_it_not_judged(whole, subject):
    found = await run(whole, subject)
    mean = found["mean-score", ""]
    assert mean.value is None
    assert mean.reason.startswith("not judged: harmbench, simple-safety-tests, xstest, anthropic-red-team (")
    # By hand: 4 + 3 + 2 + 4 harmful requests.
    assert sum(found["verdict-based-rate", ""].counts.values()) == 13
    assert found["verdict-based-rate", ""].value == (1.0 if subject == "refuses" else 0.0)


@pytest.mark.parametrize("subject", ["empty", "blocked"])
async def test_answering_nothing_gives_no_score(whole, subject):
    for judge in (None, ScriptedGrader()):
        found = await run(whole, subject, judge)
        assert found["mean-score", ""].value is None
    assert found["mean-score", "bbq"].value == 0.0


def test_its_revision_says_which_components_were_here(whole, tmp_path):
    less = get_method("helm-safety", data=store_of(tmp_path / "less", **SETS))
    assert whole.card.data_revision != less.card.data_revision
    assert get_method("helm-safety", data=store_of(tmp_path / "none")).card.data_revision == NOT_PULLED


def test_a_limit_holds_for_each_component(whole):
    chosen = whole.samples(Selection(limit=2))
    counts = {name: sum(s.facets["component"] == name for s in chosen) for name in whole.components}
    assert {name: n for name, n in counts.items() if name != "anthropic-red-team"} == {
        "harmbench": 2,
        "simple-safety-tests": 2,
        "xstest": 2,
        "bbq": 8,
    }
    assert counts["anthropic-red-team"] in (2, 3)  # a first turn that stands twice is one unit
    assert len({s.id for s in chosen}) == len(chosen)
