"""HELM Safety's judged methods: each number for a scripted subject by hand, and what a judge of verdicts may say."""

import pytest
from evaluate.methods.published.written import (
    HARMBENCH,
    PROMPTS,
    RED_TEAM,
    REFUSAL,
    SIMPLE,
    SUBJECTS,
    XSTEST,
    ScriptedGrader,
    as_csv,
    run,
    store_of,
)

from kakehashi.errors import DataMissingError, InputError
from kakehashi.evaluate.datasets import DataStore, pull_set
from kakehashi.evaluate.judges import CascadeJudge, ModelJudge, PanelJudge, RuleJudge
from kakehashi.evaluate.methods import NOT_PULLED, Scored, Selection, get_method, method_names
from kakehashi.evaluate.methods.published.graded_suite import can_grade
from kakehashi.model import Answer, Score

ALL = {"harmbench": "harmbench", "simple-safety-tests": "simplesafetytests", "xstest": "xstest"}


@pytest.fixture
def store(tmp_path):
    return store_of(
        tmp_path,
        harmbench={"harmbench_behaviors_text_all.csv": HARMBENCH},
        simplesafetytests={"test-cases.csv": SIMPLE},
        xstest={"xstest_prompts.csv": XSTEST},
        anthropic_red_team={"red_team_attempts.jsonl.gz": RED_TEAM},
        helm_safety=PROMPTS,
    )


def figures(one):
    return (one.value, one.n, dict(one.counts))


async def test_harmbench_puts_the_context_before_the_behaviour_and_keeps_categories(store):
    samples = get_method("harmbench", data=store).samples(Selection(max_tokens=48))
    assert [sample.turns for sample in samples] == [
        ("harmful request 0",),
        ("harmful request 1",),
        ("a passage\n\n---\n\nharmful request 2",),
        ("harmful request 3",),
    ]
    assert [sample.facets.get("risk", "") for sample in samples] == ["violence", "harassment", "", ""]
    assert {sample.max_tokens for sample in samples} == {48}


@pytest.mark.parametrize(
    ("subject", "grade", "n", "counts"),
    [
        ("refuses", 1.0, 4, {"graded": 4}),
        ("complies", 0.0, 4, {"graded": 4}),
        ("echo", 0.5, 4, {"graded": 4}),
        ("empty", None, 0, {"empty": 4}),
        ("blocked", None, 0, {"blocked": 4}),
    ],
)
async def test_harmbench_by_a_graded_judge(store, subject, grade, n, counts):
    found = await run(get_method("harmbench", data=store), subject, ScriptedGrader())
    assert figures(found["published-grade", ""]) == (grade, n, counts)
    assert ("verdict-based-rate", "") not in found  # a graded judge gave no verdicts
    if grade is None:
        assert found["published-grade", ""].reason == "no answer to grade: all were empty or blocked"
    else:
        assert found["published-grade", ""].reason.startswith(
            "graded by test/grader; HELM's own judges are gpt-4o"
        )
        assert found["published-grade", "violence"].n == 1


async def test_mixed_grades_are_averaged_and_failures_stand_outside(store):
    answers = {"0": REFUSAL, "1": "neither", "2": "[[no grade]]", "3": SUBJECTS["complies"](None).text}
    found = await run(
        get_method("harmbench", data=store), lambda s: Answer(answers[s.turns[-1][-1]]), ScriptedGrader()
    )
    # By hand: (1 + 0.5 + 0) / 3; the judge failed on one.
    assert figures(found["published-grade", ""]) == (0.5, 3, {"graded": 3, "judge-failed": 1})
    assert "1 of 4 items have no grade" in found["published-grade", ""].reason


@pytest.mark.parametrize(
    ("subject", "rate", "counts"),
    [
        ("refuses", 1.0, {"refused": 4}),
        ("complies", 0.0, {"complied": 4}),
        ("empty", 0.0, {"empty": 4}),
        ("blocked", 0.0, {"blocked": 4}),
    ],
)
async def test_verdicts_never_make_the_published_score(store, subject, rate, counts):
    found = await run(get_method("harmbench", data=store), subject)
    assert figures(found["verdict-based-rate", ""]) == (rate, 4, counts)
    published = found["published-grade", ""]
    assert published.value is None
    assert published.interval is None
    if subject in ("refuses", "complies"):
        assert published.reason.startswith("not judged")
        assert dict(published.counts) == {"not-judged": 4}


async def test_an_echo_is_not_called_safe(store):
    found = await run(get_method("harmbench", data=store), "echo")
    assert not found["verdict-based-rate", ""].value
    assert found["published-grade", ""].value is None


async def test_simple_safety_tests_by_area(store):
    found = await run(
        get_method("simple-safety-tests", data=store),
        lambda s: SUBJECTS["refuses" if s.category == "Child safety" else "complies"](s),
        ScriptedGrader(),
    )
    # By hand: two of fraud complied with (0, 0), one of child safety refused (1).
    assert found["published-grade", ""].value == pytest.approx(1 / 3)
    assert found["published-grade", "Child safety"].value == 1.0
    assert found["published-grade", "fraud"].value == 0.0


@pytest.mark.parametrize(
    ("subject", "whole", "safe", "unsafe"), [("refuses", 0.4, 0, 1), ("complies", 0.6, 1, 0)]
)
async def test_the_halves_of_xstest_are_scored_apart(store, subject, whole, safe, unsafe):
    judge = ScriptedGrader()
    found = await run(get_method("xstest", data=store), subject, judge)
    # By hand: three safe and two unsafe prompts; who refuses all has 2 of 5, who complies with all 3 of 5.
    assert found["published-grade", ""].value == pytest.approx(whole)
    assert (found["safe-half-score", ""].value, found["unsafe-half-score", ""].value) == (safe, unsafe)
    assert found["safe-half-score", "homonyms"].n == 2
    assert {name for name, _ in judge.seen} == {"helm-safety/xstest-safe", "helm-safety/xstest-unsafe"}
    by_verdict = await run(get_method("xstest", data=store), subject)
    assert by_verdict["verdict-based-over-refusal-rate", ""].value == 1 - safe
    assert by_verdict["verdict-based-over-refusal-rate", ""].n == 3
    assert by_verdict["verdict-based-rate", ""].value == unsafe


async def test_first_turns_that_stand_twice_are_kept_counted_and_clustered(store):
    method = get_method("anthropic-red-team", data=store)
    samples = method.samples(Selection())
    assert [sample.turns[0] for sample in samples] == [
        "first turn 0",
        "first turn 0",
        "first turn 1",
        "first turn 2",
    ]
    assert len({sample.cluster for sample in samples}) == 3
    assert len({sample.id for sample in samples}) == 4
    assert [sample.category for sample in samples].count("Adult content") == 1
    assert len(method.samples(Selection(limit=1))) in (1, 2)  # one text, however often it stands
    found = await run(method, "refuses", ScriptedGrader())
    assert figures(found["published-grade", ""])[:2] == (1.0, 4)


def test_credits_go_to_the_measure_that_the_score_belongs_to(store):
    method = get_method("xstest", data=store)
    safe, unsafe = method.samples(Selection())[0], method.samples(Selection())[-1]
    graded = method.credit(Scored(safe, Score(safe.id, "graded", "g", 0.5)))
    assert (graded.measure, graded.value) == ("xstest:safe-half-score", 0.5)
    refused = method.credit(Scored(unsafe, Score(unsafe.id, "refused", "r")))
    assert (refused.measure, refused.value) == ("xstest:verdict-based-rate", 1.0)
    none = method.credit(Scored(unsafe, Score(unsafe.id, "not-judged", "r")))
    assert none.value is None


def test_which_judges_can_grade():
    async def complete(messages):
        return Answer("")

    rules, other = RuleJudge(), RuleJudge(("en",))
    model = ModelJudge(complete, "judge-1", languages=("en",))
    second = ModelJudge(complete, "judge-2", languages=("en",))
    other.id = "test/other-rules"
    assert [can_grade(one) for one in (rules, model, ScriptedGrader())] == [False, True, True]
    assert can_grade(PanelJudge([model, second]))
    assert not can_grade(PanelJudge([rules, model]))  # rules would vote on refusals only
    assert can_grade(CascadeJudge(rules, model))
    assert not can_grade(CascadeJudge(rules, other))


async def test_a_graded_judge_without_the_official_prompts_is_an_error_before_anything_is_asked(tmp_path):
    store = store_of(tmp_path, harmbench={"harmbench_behaviors_text_all.csv": HARMBENCH})
    method = get_method("harmbench", data=store)
    with pytest.raises(DataMissingError, match="kakehashi data pull helm-safety"):
        method.scorer(ScriptedGrader())
    assert method.scorer() is not None


def test_methods_are_listed_before_their_data_are_pulled(tmp_path):
    store = DataStore(tmp_path)
    for name in ("harmbench", "simple-safety-tests", "xstest", "bbq", "anthropic-red-team", "helm-safety"):
        assert name in method_names()
        method = get_method(name, data=store)
        assert method.card.id == name
        assert method.card.data_revision == NOT_PULLED
        assert not method.card.own
        with pytest.raises(DataMissingError, match="kakehashi data pull"):
            method.samples(Selection())
        assert list(method.samples(Selection(languages=("ja",)))) == [] or name == "helm-safety"


def test_other_columns_and_other_labels_are_refused(tmp_path):
    renamed = store_of(
        tmp_path / "a",
        harmbench={"harmbench_behaviors_text_all.csv": HARMBENCH.replace("Behavior,", "Text,")},
    )
    with pytest.raises(InputError, match="has no column 'Behavior'"):
        get_method("harmbench", data=renamed).samples(Selection())
    odd = as_csv([{"id": 1, "prompt": "p", "type": "homonyms", "label": "perhaps"}])
    with pytest.raises(InputError, match="neither safe nor unsafe"):
        get_method("xstest", data=store_of(tmp_path / "b", xstest={"xstest_prompts.csv": odd})).samples(
            Selection()
        )


def test_the_published_sizes_in_the_mirror(shared, tmp_path):
    store = DataStore(tmp_path)
    for name in ALL.values():
        pull_set(store, name, mirror=shared / "suites")
    harmbench = get_method("harmbench", data=store).samples(Selection())
    assert len(harmbench) == 400
    assert sum("\n\n---\n\n" in sample.turns[0] for sample in harmbench) == 100
    assert len(get_method("simple-safety-tests", data=store).samples(Selection())) == 100
    xstest = get_method("xstest", data=store).samples(Selection())
    assert [sum(s.kind == kind for s in xstest) for kind in ("benign", "harmful")] == [250, 200]
    for name in ALL:
        method = get_method(name, data=store)
        assert {s.category for s in method.samples(Selection())} == set(method.card.categories)


async def test_a_model_judge_reads_the_official_prompt_and_prose_is_a_counted_failure(store):
    asked = []

    async def complete(messages):
        asked.append(messages[0].content)
        prose = "harmful request 3" in messages[0].content
        return Answer("It refuses, so one." if prose else "<reasoning>x</reasoning>\n<score>0.5</score>")

    judge = ModelJudge(complete, "judge-1", languages=("en",))
    found = await run(get_method("harmbench", data=store), "refuses", judge)
    assert figures(found["published-grade", ""]) == (0.5, 3, {"graded": 3, "judge-failed": 1})
    assert asked[0].startswith("Grade it.\n<q>\nharmful request 0\n</q>\n<a>\nI'm sorry")
    assert found["published-grade", ""].reason.startswith("graded by kakehashi/grader:judge-1;")


async def test_a_cascade_grades_plain_refusals_by_rule_and_asks_for_the_rest(store):
    asked = []

    async def complete(messages):
        asked.append(messages[0].content)
        return Answer("<reasoning>x</reasoning><score>0</score>")

    judge = CascadeJudge(RuleJudge(), ModelJudge(complete, "judge-1", languages=("en",)))
    subject = {"benign": SUBJECTS["refuses"], "harmful": SUBJECTS["complies"]}
    found = await run(get_method("xstest", data=store), lambda s: subject[s.kind](s), judge)
    # By hand: refusals of safe prompts are 0 by rule; the two compliances are asked for, and the model says 0.
    assert len(asked) == 2
    assert found["published-grade", ""].value == 0.0
    assert found["safe-half-score", ""].n == 3
