"""A judge calibrated as it grades by a method's official prompts: the error that then stands beside its grades."""

import json
from dataclasses import replace

import pytest
from commands import Served
from evaluate.methods.published.written import CAPITAL, as_csv, bbq_files, store_of

from kakehashi.errors import DataMissingError, InputError, UsageError
from kakehashi.evaluate.judges.calibration_record import calibration_json
from kakehashi.evaluate.judges.labels import LabelledAnswer
from kakehashi.work.assess import assess
from kakehashi.work.calibrate import calibrate_judge
from kakehashi.work.judging import JudgeWords
from kakehashi.work.plan import make_plan

REFUSAL = "I am sorry, I cannot do that for you today."
HELP = "Here is the list that you asked for, and it is long."
ANNOTATOR = f"PROMPT_TEMPLATE_SAFE = {'Safe half. ' + CAPITAL!r}\nPROMPT_TEMPLATE_UNSAFE = {CAPITAL!r}\n"
PROMPTS = [
    {"id": i, "prompt": f"Request {i}", "type": "homonyms" if i < 30 else "contrast_homonyms",
     "label": "safe" if i < 30 else "unsafe"}
    for i in range(60)
]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    files = {"xstest_prompts.csv": as_csv(PROMPTS)}
    return store_of(tmp_path / "data", xstest=files, helm_safety={"xstest_annotator.py": ANNOTATOR})


@pytest.fixture
def rows():
    """Thirty refusals and thirty answers that help, half of each to safe prompts."""
    return [
        LabelledAnswer(
            one["prompt"], REFUSAL if i % 2 else HELP, "en", "refused" if i % 2 else "complied",
            cluster=one["prompt"], item=str(i), kind=one["type"],
        )
        for i, one in enumerate(PROMPTS)
    ]  # fmt: skip


def say(body):
    """Grades rightly but for six answers; by our own prompt it errs nowhere."""
    text = body["messages"][-1]["content"]
    if "<<<ANSWER" in text:
        return json.dumps({"label": "refused" if "cannot" in text.split("<<<ANSWER", 1)[1] else "complied"})
    number = int(text.split("Request ")[1].split()[0])
    refusal = 0 if text.startswith("Safe half.") else 1  # the grade that a refusal has
    grade = refusal if "cannot" in text else 1 - refusal
    if number in (0, 10, 20, 31):
        grade = 1 - grade
    if number == 33:
        grade = 0.5
    return "It refuses." if number == 35 else f"<reasoning>r</reasoning><score>{grade}</score>"


def test_a_model_that_grades_by_official_prompts_carries_the_error_that_it_has_with_them(
    tmp_path, store, rows
):
    with Served(answer=say) as model:
        name = f"model:{model.server.url}#judge-1"
        own = calibrate_judge(rows, judges=[name], workspace=tmp_path)
        found = calibrate_judge(rows, judges=[name], prompts="xstest", data=store, workspace=tmp_path)
        calls = model.server.calls
        calibrate_judge(rows, judges=[name], prompts="xstest", data=store, workspace=tmp_path)
        assert model.server.calls == calls == 120
    assert found.judge.startswith("kakehashi/grader:judge-1@xstest-")
    # refusals: 30, of which one has prose for a grade, one is graded as help, one halfway (counts as refused): 28 of 29
    # answers that help: 30, of which three are graded as refusals: 27 of 30
    assert found.overall.n_judged == 59
    assert found.overall.sensitivity.value == pytest.approx(28 / 29)
    assert found.overall.specificity.value == pytest.approx(27 / 30)
    assert found.verdicts["partly-refused"] == found.not_judged["judge-failed"] == 1
    paths = []
    for file, one in (("own.json", own), ("prompts.json", found)):
        paths.append(tmp_path / file)
        paths[-1].write_text(json.dumps(calibration_json(one, dataset="labels.jsonl")))

    def cards(*calibrations):
        words = JudgeWords((name,), calibrations=calibrations)
        plan = make_plan(
            ["mock:comply"], methods=["xstest", "kakehashi/core"], limit=6, data=store, judge=words
        )
        return {one.card.id: one.card for one in plan.methods}, plan.manifest["judge"]

    plain, _ = cards(paths[0])
    assert plain["xstest"].judge_calibration == {"en": "other-prompt"}
    assert plain["xstest"].judge_errors == {}
    known, judge = cards(*paths)
    assert known["xstest"].judge_calibration == {"en": "human"}
    assert known["xstest"].judge_errors["en"].sensitivity == pytest.approx(28 / 29)
    assert known["xstest"].judge_errors["en"].n == 59
    # by our own prompt it errs nowhere, and the two are not mixed up
    assert known["kakehashi/core"].judge_errors["en"].specificity == 1.0
    assert judge["prompts"] == [found.judge.rpartition("@")[2]]
    # with other wording of the prompts it is not known again
    other = store_of(
        tmp_path / "other",
        xstest={"xstest_prompts.csv": as_csv(PROMPTS)},
        helm_safety={"xstest_annotator.py": ANNOTATOR.replace("Grade it", "Grade this")},
    )
    words = JudgeWords((name,), calibrations=tuple(paths))
    plan = make_plan(["mock:comply"], methods=["xstest"], limit=6, data=other, judge=words)
    assert plan.methods[0].card.judge_calibration == {"en": "other-prompt"}


def test_what_cannot_grade_or_has_no_such_prompts_is_refused(tmp_path, store, rows):
    with pytest.raises(UsageError, match="cannot grade by official prompts"):
        calibrate_judge(rows, judges=["rules"], prompts="xstest", data=store, workspace=tmp_path)
    with pytest.raises(UsageError, match="no official prompts"):
        calibrate_judge(rows, judges=["model:mock:comply"], prompts="core", data=store, workspace=tmp_path)
    strange = [LabelledAnswer("Request 0", HELP, "en", "complied", cluster="c", kind="definition of me")]
    with pytest.raises(InputError, match="none of XSTest's types"):
        calibrate_judge(
            strange, judges=["model:mock:comply"], prompts="xstest", data=store, workspace=tmp_path
        )


@pytest.fixture
def unprompted(tmp_path, monkeypatch):
    """A workspace with XSTest and BBQ, and without HELM's prompts; no data are fetched."""
    files = {"xstest_prompts.csv": as_csv(PROMPTS[20:40])}
    store = store_of(tmp_path / "data", xstest=files, bbq=bbq_files(templates=1))
    monkeypatch.setattr("kakehashi.work.assess.DataStore", lambda _: store)
    return store


def test_official_prompts_that_are_not_here_leave_their_method_not_judged_and_the_run_goes_on(
    tmp_path, unprompted, rows
):
    why = "not judged: the official judge prompts were not pulled"
    kinds = [replace(row, kind="") for row in rows]
    with Served(answer=say) as judge:
        name, path = f"model:{judge.server.url}#judge-1", tmp_path / "own.json"
        own = calibrate_judge(kinds, judges=[name], workspace=tmp_path)
        path.write_text(json.dumps(calibration_json(own, dataset="labels.jsonl")))
        calls = judge.server.calls

        def run(*methods):
            return assess(
                ["mock:comply"],
                methods=methods,
                judges=[name],
                calibrations=[path],
                limit=4,
                alone=True,
                workspace=tmp_path / "w",
            )

        with pytest.raises(DataMissingError, match="kakehashi data pull helm-safety"):
            run("xstest")  # nothing in it could be judged
        assert not (tmp_path / "w" / "runs").exists()
        found, whole = run("xstest", "bbq"), run("helm-safety")
        assert judge.server.calls == calls  # nobody is asked who has nothing to judge by
        (told,) = [note for note in found.notes if note.startswith("xstest: not judged")]
        assert told.endswith("'helm-safety' was not pulled. Run: kakehashi data pull helm-safety")
        assert found.view.cards["xstest"].judge == "none (the official prompts were not pulled)"
        values = {m.measure.id: m for m in found.view.measurements if len(m.facets) == 1}
        assert (values["xstest:published-grade"].value, values["xstest:published-grade"].reason) == (
            None,
            why,
        )
        assert (values["bbq:accuracy"].value, values["bbq:accuracy"].n) == (
            0.0,
            16,
        )  # 4 contexts of 4 questions
        values = {m.measure.id: m for m in whole.view.measurements if len(m.facets) == 1}
        assert values["helm-safety:mean-score"].value is None
        assert values["helm-safety:mean-score"].reason == (
            "incomplete: harmbench, simple-safety-tests, anthropic-red-team missing (data not pulled);"
            f" not judged: xstest ({why})"
        )
        # once they are here it is another run, which asks the judge alone
        store_of(unprompted.root, helm_safety={"xstest_annotator.py": ANNOTATOR})
        again = run("xstest", "bbq")
        assert again.run != found.run
        assert judge.server.calls == calls + 4
        (grade,) = [
            m
            for m in again.view.measurements
            if m.measure.id == "xstest:published-grade" and len(m.facets) == 1
        ]
        assert grade.n == 4
