"""Every published method on five scripted subjects: always refuses, always complies, empty, blocked, echo.

The numbers are derived by hand; methods whose own files hold such a test are named, and that the test is there is held.
"""

import importlib

import pytest
from evaluate.methods.published import written
from evaluate.methods.published.test_facts_grounding import EXAMPLES, PROMPTS, RATING, SENTENCE, TEMPLATES
from evaluate.methods.published.written import SUBJECTS, ScriptedGrader, bbq_files, run, store_of
from reference.data_files import ScriptedJudge
from reference.upstream_shapes import pulled

from kakehashi.evaluate.judges import ModelJudge, PanelJudge
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.registry import PUBLISHED
from kakehashi.evaluate.sandbox import CodeLimits, Sandbox, find_isolation

#: Method → test module and test that holds all five.
ELSEWHERE = {
    "air-bench-2024": ("test_air_bench", "test_scripted_subjects_get_the_numbers_derived_by_hand"),
    "harmbench": ("test_graded_suites", "test_harmbench_by_a_graded_judge"),
    "facts-grounding-v1": (
        "test_facts_grounding",
        "test_the_scripted_subjects_get_the_numbers_derived_by_hand",
    ),
    "strongreject": ("test_red_team_suites", "test_the_rubric_gives_the_numbers_derived_by_hand"),
    "do-not-answer": ("test_red_team_suites", "test_actions_give_the_numbers_derived_by_hand"),
    "jailbreakbench": ("test_red_team_suites", "test_each_kind_gets_the_numbers_derived_by_hand"),
    "mlcommons-joint-testing": (
        "test_institutes_suites",
        "test_languages_stand_apart_and_get_the_numbers_derived_by_hand",
    ),
    "aisi-ja-perspectives": (
        "test_institutes_suites",
        "test_perspectives_get_the_numbers_derived_by_hand_and_no_total",
    ),
}

#: Method → name of a measure → (value, n) for each subject. A grade of 1 is a refusal, 0 compliance, 0.5 an echo; on
#: XSTest's safe half the other way round; empty and blocked answers have no grade.
GRADED = {
    "simple-safety-tests": {
        "published-grade": {"refuses": (1.0, 3), "complies": (0.0, 3), "echo": (0.5, 3), "none": (None, 0)}
    },
    "anthropic-red-team": {
        "published-grade": {"refuses": (1.0, 4), "complies": (0.0, 4), "echo": (0.5, 4), "none": (None, 0)}
    },
    # three safe prompts and two unsafe ones: 2 / 5, 3 / 5
    "xstest": {
        "published-grade": {"refuses": (0.4, 5), "complies": (0.6, 5), "echo": (0.5, 5), "none": (None, 0)},
        "safe-half-score": {"refuses": (0.0, 3), "complies": (1.0, 3), "echo": (0.5, 3), "none": (None, 0)},
        "unsafe-half-score": {"refuses": (1.0, 2), "complies": (0.0, 2), "echo": (0.5, 2), "none": (None, 0)},
    },
    # no sentence is a letter: every question is wrong, and no answer names anybody
    "bbq": {
        "accuracy": dict.fromkeys(("refuses", "complies", "echo", "none"), (0.0, 88)),
        "bias-ambiguous": dict.fromkeys(("refuses", "complies", "echo", "none"), (None, 0)),
    },
    # HarmBench, SimpleSafetyTests, XSTest, BBQ, red team: (1 + 1 + 0.4 + 0 + 1) / 5, (0 + 0 + 0.6 + 0 + 0) / 5,
    # (0.5 + 0.5 + 0.5 + 0 + 0.5) / 5, over 4 + 3 + 5 + 88 + 4 items; over-refusal through XSTest's three safe prompts
    "helm-safety": {
        "mean-score": {
            "refuses": (0.68, 104),
            "complies": (0.12, 104),
            "echo": (0.4, 104),
            "none": (None, None),
        },
        "safe-half-score": {"refuses": (0.0, 3), "complies": (1.0, 3), "echo": (0.5, 3), "none": (None, 0)},
    },
}

#: No letter, no statement and no program: nothing is right, and everything counts.
CLOSED = {"mmlu": 8, "hellaswag": 8}


@pytest.fixture(scope="module")
def suites(tmp_path_factory):
    return store_of(
        tmp_path_factory.mktemp("suites"),
        bbq=bbq_files(),
        harmbench={"harmbench_behaviors_text_all.csv": written.HARMBENCH},
        simplesafetytests={"test-cases.csv": written.SIMPLE},
        xstest={"xstest_prompts.csv": written.XSTEST},
        anthropic_red_team={"red_team_attempts.jsonl.gz": written.RED_TEAM},
        helm_safety=written.PROMPTS,
    )


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return pulled(tmp_path_factory.mktemp("sets"), "mmlu", "hellaswag", "humaneval")


def test_every_published_method_has_its_numbers_by_hand():
    here = {*GRADED, *CLOSED, "humaneval", "facts-grounding-v2"}
    assert here.isdisjoint(ELSEWHERE)
    assert here | set(ELSEWHERE) == set(PUBLISHED)
    for module, name in ELSEWHERE.values():
        assert callable(getattr(importlib.import_module(f"evaluate.methods.published.{module}"), name))


@pytest.mark.parametrize("subject", list(SUBJECTS))
@pytest.mark.parametrize("name", list(GRADED))
async def test_by_a_graded_judge(suites, name, subject):
    found = await run(get_method(name, data=suites), subject, ScriptedGrader())
    for measure, expected in GRADED[name].items():
        value, n = expected[subject if subject in expected else "none"]
        one = found[measure, ""]
        assert one.value == (None if value is None else pytest.approx(value)), measure
        if value is not None:
            assert one.n == n, measure


# refusals of XSTest's three safe prompts, by verdicts; who says nothing refuses nothing
@pytest.mark.parametrize(
    ("subject", "rate"),
    [("refuses", 1.0), ("complies", 0.0), ("echo", 0.0), ("empty", 0.0), ("blocked", 0.0)],
)
async def test_the_composite_measures_over_refusal_as_xstest_does(suites, subject, rate):
    key = ("verdict-based-over-refusal-rate", "")
    composite = (await run(get_method("helm-safety", data=suites), subject))[key]
    alone = (await run(get_method("xstest", data=suites), subject))[key]
    assert (composite.value, composite.n) == (alone.value, alone.n) == (rate, 3)
    assert composite.interval == alone.interval


@pytest.mark.parametrize("subject", list(SUBJECTS))
@pytest.mark.parametrize("name", list(CLOSED))
async def test_what_is_no_answer_earns_nothing(sets, name, subject):
    one = (await run(get_method(name, data=sets), subject))["accuracy", ""]
    assert (one.value, one.n) == (0.0, CLOSED[name])


@pytest.mark.skipif(not find_isolation().is_enough, reason="no isolation here")
@pytest.mark.parametrize("subject", list(SUBJECTS))
async def test_what_is_no_program_passes_nothing(sets, subject):
    # the echo is the prompt's code block: a function that returns nothing
    method = get_method("humaneval", data=sets).in_sandbox(Sandbox(CodeLimits(wall_seconds=120)))
    one = (await run(method, subject))["pass-at-1", ""]
    assert (one.value, one.n) == (0.0, 2)


# Both judges find refusals ineligible, echoes ungrounded and steps grounded; nothing is had by answering nothing.
@pytest.mark.parametrize(
    ("subject", "factuality", "eligible", "unadjusted"),
    [
        ("refuses", 0.0, 0.0, 0.0),
        ("complies", 1.0, 1.0, 1.0),
        ("echo", 0.0, 1.0, 0.0),
        ("empty", 0.0, 0.0, 0.0),
        ("blocked", 0.0, 0.0, 0.0),
    ],
)
async def test_facts_version_2(tmp_path, subject, factuality, eligible, unadjusted):
    def say(text):
        answer = text.split("TEST<<")[1].split(">>")[0] if "TEST<<" in text else ""
        if text.startswith("Rate it"):
            return RATING % ("Major Issue(s)" if "can't help" in answer else "No Issues")
        if "JSON " in text:
            return SENTENCE % ("supported" if "First, gather" in answer else "not_supported")
        return "a baseline"

    sets = {"facts_grounding": {"examples.csv": EXAMPLES, "evaluation_prompts.csv": TEMPLATES}}
    method = get_method(
        "facts-grounding-v2", data=store_of(tmp_path, facts_grounding_v2_prompts=PROMPTS, **sets)
    )
    judges = PanelJudge([ModelJudge(ScriptedJudge(say), name) for name in ("gemini-a", "gpt-b")])
    found = await run(method, subject, judges)
    values = [found[name, ""].value for name in ("factuality", "eligibility-rate", "unadjusted-factuality")]
    assert values == [factuality, eligible, unadjusted]
    assert found["factuality", ""].n == 4
