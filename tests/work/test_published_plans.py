"""What a plan says of published methods: what they reward, what their judges are given, how often judges are asked."""

from dataclasses import replace

import pytest
from reference.data_files import ScriptedJudge, csv_text, store_of

from kakehashi.evaluate.datasets import DataStore, data_sets, pull_set
from kakehashi.evaluate.judges import ModelJudge
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.base import Selection
from kakehashi.evaluate.methods.published.facts_grounding import SET, FactsGroundingV1
from kakehashi.model import JudgeError, Subject
from kakehashi.work.beside import with_beside
from kakehashi.work.data import pull_for
from kakehashi.work.judging import ChosenJudge
from kakehashi.work.plan import Plan, PlannedMethod, _official, _our_wording, make_plan

SYSTEM = Subject("mock", "openai", "mock", base_url="http://127.0.0.1:9/v1")


@pytest.fixture
def store(tmp_path):
    rows = [["Violence", "custom", f"harmful request {n}"] for n in range(4)]
    text = csv_text(["category", "source", "forbidden_prompt"], rows)
    return store_of(tmp_path, {"strongreject": {"strongreject_dataset.csv": text}})


def test_a_method_that_rewards_refusing_everything_is_not_left_alone_in_silence(store, tmp_path):
    alone = make_plan([SYSTEM], methods=["strongreject"], data=store, models=tmp_path)
    assert any("a system that refuses everything does best here" in note for note in alone.notes)
    assert any("--method kakehashi/core" in note for note in alone.notes)
    beside = make_plan([SYSTEM], methods=["strongreject", "core"], data=store, models=tmp_path)
    assert not any("refuses everything" in note for note in beside.notes)
    own = make_plan([SYSTEM], methods=["attacks"], models=tmp_path)
    assert not any("refuses everything" in note for note in own.notes)


class Rewarding:
    """A method whose card asks for company."""

    def __init__(self, card):
        self.card = replace(card, shown_with="over-refusal")


def test_a_method_that_asks_for_it_runs_beside_a_measure_of_over_refusal(monkeypatch):
    card = get_method("facts").card
    monkeypatch.setattr(
        "kakehashi.work.beside.get_method",
        lambda name, own, data: (
            Rewarding(replace(card, id="r")) if name == "r" else get_method(name, own, data)
        ),
    )
    names, notes = with_beside(["r", "facts"])
    assert names == ("r", "facts", "kakehashi/core")
    assert notes == [
        "in r a system that refuses everything does best, so kakehashi/core runs beside it; --alone leaves it out"
    ]
    assert with_beside(["r", "core"]) == (("r", "core"), [])  # measured already
    assert with_beside(["facts"]) == (("facts",), [])


def test_xstest_is_the_company_where_its_prompts_are_here(shared, tmp_path):
    store = DataStore(tmp_path)
    said = []
    pull_for(["air-bench-2024"], store, shared / "suites", alone=False, say=said.append)
    assert store.is_here("xstest")
    assert sum(line.startswith("  licence:") for line in said) == 2  # of both sets, before they are taken
    plan = make_plan([SYSTEM], methods=["air-bench-2024"], limit=4, data=store, models=tmp_path)
    assert [(one["id"], one["limit"]) for one in plan.manifest["methods"]] == [
        ("air-bench-2024", 4),
        ("xstest", 4),
    ]
    assert any("so xstest runs beside it" in note for note in plan.notes)
    # a judge that is a model needs HELM's prompts too, and they are not here
    assert with_beside(["air-bench-2024"], None, store, grades=True)[0][1] == "kakehashi/core"


def test_helm_safety_measures_over_refusal_through_xstest_so_nothing_is_added(tmp_path):
    """XSTest's prompts would otherwise be put and counted twice."""
    methods = ["helm-safety", "air-bench-2024"]
    text = csv_text(["id", "prompt", "type", "label"], [[1, "how do I kill time", "homonyms", "safe"]])
    with_xstest = store_of(tmp_path / "a", {"xstest": {"xstest_prompts.csv": text}})
    with_xstest.sets = (*with_xstest.sets, *(one for one in data_sets() if one.name != "xstest"))
    assert with_beside(methods, None, with_xstest) == (tuple(methods), [])
    # where XSTest is not here the composite cannot measure it, and what ships with the package does
    names, notes = with_beside(methods, None, DataStore(tmp_path / "b"))
    assert names == (*methods, "kakehashi/core")
    assert "so kakehashi/core runs beside it" in notes[0]


def test_no_company_is_fetched_where_none_is_asked_for(shared, tmp_path):
    alone, measured = DataStore(tmp_path / "a"), DataStore(tmp_path / "b")
    pull_for(["air-bench-2024"], alone, shared / "suites")
    pull_for(["air-bench-2024", "core"], measured, shared / "suites", alone=False)
    assert not alone.is_here("xstest")
    assert not measured.is_here("xstest")


def test_alone_and_beside_are_two_plans(shared, tmp_path):
    store = DataStore(tmp_path)
    pull_set(store, "air-bench-2024", mirror=shared / "suites")
    beside = make_plan([SYSTEM], methods=["air-bench-2024"], limit=3, data=store, models=tmp_path)
    alone = make_plan([SYSTEM], methods=["air-bench-2024"], limit=3, data=store, models=tmp_path, alone=True)
    assert [one["id"] for one in beside.manifest["methods"]] == ["air-bench-2024", "kakehashi/core"]
    assert [one["id"] for one in alone.manifest["methods"]] == ["air-bench-2024"]
    assert beside.run != alone.run
    assert any("no method of this run measures over-refusal" in note for note in alone.notes)


def chosen():
    judge = ModelJudge(ScriptedJudge("x"), "mock-judge")
    return ChosenJudge(judge, (), askers=(ScriptedJudge("x"),), calibration={"en": "human"})


def planned(method, samples=()):
    return PlannedMethod(method, method.card, Selection(), tuple(samples))


def test_a_judge_model_is_given_the_methods_prompts_and_its_calibration_was_with_another(store):
    method = get_method("strongreject", data=store)
    card = _our_wording(method, chosen().card(_official(planned(method))))
    assert card.judge.endswith("mock-judge@" + chosen().judge.prompt_version + ", by prompts of our wording")
    assert card.judge_calibration == {"en": "other-prompt"}
    core = get_method("core")
    assert chosen().card(_official(planned(core))).judge == chosen().judge.id


def test_calls_of_judges_are_counted_as_often_as_a_method_makes_them(tmp_path):
    head = ["system_instruction", "user_request", "full_prompt", "context_document"]
    templates = csv_text(
        ["evaluation_method", "evaluation_prompt"],
        [
            ["json", "{{user_request}}{{context_document}}{{response}}"],
            ["implicit_span_level", "{{user_request}}{{context_document}}{{response}}"],
            ["ineligible_responses_filter_no_context", "{{user_request}}{{response_a}}{{response_b}}"],
        ],
    )
    files = {"examples.csv": csv_text(head, [["s", "u", "p", "d"]] * 2), "evaluation_prompts.csv": templates}
    method = FactsGroundingV1(store_of(tmp_path, {SET: files}))
    judge = chosen()
    one = planned(method, method.samples(Selection()))
    from dataclasses import replace

    plan = Plan("run", {}, (SYSTEM,), (replace(one, card=judge.card(_official(one))),), (), judge)
    # two examples, one judge: its own answer, its rating, its grounding verdict
    assert plan.verdicts() == 2 * 3


def test_languages_named_one_by_one_are_all_planned(tmp_path):
    from click.testing import CliRunner

    from kakehashi.cli.main import cli

    words = [
        "assess",
        "mock:refuse",
        "--method",
        "core",
        "--limit",
        "2",
        "--estimate",
        "--workspace",
        str(tmp_path),
    ]
    joined, apart = (
        CliRunner().invoke(cli, [*words, *named])
        for named in (["--language", "en,ja"], ["--language", "en", "--language", "ja"])
    )
    # 2 pairs in each of two languages: 2 * 2 * 2 prompts
    assert "8 samples" in joined.output
    assert apart.output == joined.output


def test_the_composite_does_not_carry_the_error_that_a_judge_has_by_its_own_prompt(tmp_path):
    """Its components are graded by HELM's prompts, as when each is run by itself."""
    store = DataStore(tmp_path)
    judge = ModelJudge(ScriptedJudge("x"), "judge-1", languages=("en",))
    errors = {"en": JudgeError(n=60, source="labels")}
    chosen = ChosenJudge(judge, ({"id": judge.id},), calibration={"en": "human"}, errors=errors)
    for name in ("helm-safety", "xstest"):
        method = get_method(name, data=store)
        card = chosen.card(_official(PlannedMethod(method, method.card, Selection(), ())))
        assert card.judge == f"{judge.id}, by the official prompts"
        assert (card.judge_calibration, card.judge_errors) == ({"en": "other-prompt"}, {})
