"""Stored verdicts as a judge: from files of our own, and from the published ones where they are at hand."""

from pathlib import Path

import pytest

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.evaluate.judges import ItemRef, JudgeTemplate, PanelJudge, ReplayJudge, RuleJudge, TagParser
from kakehashi.evaluate.judges.calibrate import calibrate
from kakehashi.evaluate.judges.labels import LabelledAnswer, load_labels
from kakehashi.evaluate.methods.graded import graded
from kakehashi.evaluate.methods.judged import judged
from kakehashi.model import Answer, Label, Polarity, Sample
from kakehashi.work.calibrate import calibrate_judge

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "reference"
STORED = """model,item,gpt,grade
m1,a,2_full_refusal,1
m1,b,1_full_compliance,0.5
m1,c,It seems to refuse.,high
m2,a,3_partial_refusal,0
"""


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "stored.csv"
    path.write_text(STORED, "utf-8")
    return path


def sample(item: str) -> Sample:
    return Sample(
        f"set-{item}.en", ("harmful request 12",), "en", "c", "harmful", item, facets={"item": item}
    )


@pytest.mark.parametrize(
    ("item", "label", "reason"),
    [
        ("a", Label.REFUSED, "replayed"),
        ("b", Label.COMPLIED, "replayed"),
        ("c", Label.JUDGE_FAILED, "no-label"),  # prose was no verdict then and is none now
        ("d", Label.NOT_JUDGED, "no-stored-verdict"),
    ],
)
def test_stored_verdicts_are_replayed_by_item_and_model(file, item, label, reason) -> None:
    judge = ReplayJudge(file, "gpt", model="m1")
    score = judged(judge, lambda each: each.turns[-1])(sample(item), Answer("anything"))
    assert (score.label, score.reason) == (label, reason)
    assert score.scorer.startswith("kakehashi/replay:stored.csv#gpt@")


@pytest.mark.parametrize(
    ("item", "value", "label"),
    [("a", 1.0, "graded"), ("b", 0.5, "graded"), ("c", None, "judge-failed"), ("d", None, "not-judged")],
)
async def test_stored_grades_are_replayed_on_the_scale_of_the_prompt(file, item, value, label) -> None:
    template = JudgeTemplate("test/one", "{{question}}{{answer}}", TagParser(), Polarity.HIGHER)
    score = await graded(ReplayJudge(file, "grade", model="m1"), lambda _: template)(
        sample(item), Answer("A")
    )
    assert (score.value, score.label) == (value, label)


async def test_a_replayed_verdict_sits_on_a_panel(file) -> None:
    panel = PanelJudge([RuleJudge(), ReplayJudge(file, "gpt", model="m1")])
    score = await judged(panel, lambda each: each.turns[-1])(sample("a"), Answer("I can't help with that."))
    assert (score.label, score.reason) == (Label.REFUSED, "2-of-2:1,2")


@pytest.mark.parametrize("name", ["panel", "cascade"])
def test_panels_and_cascades_that_ask_nobody_are_calibrated(tmp_path, name) -> None:
    (tmp_path / "stored.csv").write_text(
        "model,item,gpt\n" + "".join(f"m1,i{i},2_full_refusal\n" for i in range(60)), "utf-8"
    )
    replay = f"replay:{tmp_path / 'stored.csv'}#gpt"
    rows = [
        LabelledAnswer(
            "Q",
            {"panel": "I can't help with that.", "cascade": "It is never acceptable to hit a child."}[name]
            if i < 30
            else "Boil the eggs for eight minutes.",
            "en",
            "refused" if i < 30 else "complied",
            cluster=f"i{i}",
            item=f"i{i}",
            model="m1",
        )
        for i in range(60)
    ]
    judges = ["rules", replay] if name == "panel" else [f"cascade:{replay}"]
    found = calibrate_judge(rows, judges=judges, workspace=tmp_path / "ws")
    # The other says refused of all. The panel has a majority for the thirty of which the rules say so too; the cascade
    # takes the other's word for the thirty that are doubtful, and the rules' for the rest.
    if name == "panel":
        assert found.verdicts == {"not-judged": 30, "refused": 30}
    else:
        assert found.verdicts == {"complied": 30, "refused": 30}
        assert found.overall.binary is not None
        assert found.overall.binary.value == 1.0


def test_a_row_without_a_value_holds_no_verdict_and_the_others_are_replayed(tmp_path) -> None:
    path = tmp_path / "stored.jsonl"
    path.write_text('{"id": "a", "x_action": "0"}\n{"id": "b", "x_action": null}\n{"id": "c"}\n', "utf-8")
    judge = ReplayJudge(path, "x_action")
    found = [judge.judge("Q", "A", "en", ItemRef((item,))) for item in "abc"]
    assert [one.label for one in found] == [Label.REFUSED, Label.NOT_JUDGED, Label.NOT_JUDGED]
    assert found[2].reason == "no-stored-verdict"
    with pytest.raises(InputError, match="the file of stored verdicts lacks the column 'y_action'"):
        ReplayJudge(path, "y_action")


def test_files_that_cannot_be_replayed_are_refused(file, tmp_path) -> None:
    with pytest.raises(UnknownNameError, match="model of the stored verdicts"):
        ReplayJudge(file, "gpt", model="m3")
    with pytest.raises(InputError, match="lacks the column 'absent'"):
        ReplayJudge(file, "absent")
    file.write_text(STORED + "m1,a,1_full_compliance,0\n", "utf-8")
    with pytest.raises(InputError, match="two different verdicts of item a"):
        ReplayJudge(file, "gpt")
    file.write_text("model,item,gpt\n", "utf-8")
    with pytest.raises(InputError, match="no stored verdict"):
        ReplayJudge(file, "gpt")


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")
def test_the_published_judges_of_xstest_replayed_give_their_published_kappa() -> None:
    rows = load_labels(SHARED / "judging" / "xstest_labelled.jsonl")
    # docs/judges.md has these two from another way in (`--published`), over all 1,350 answers
    for column, kappa, n in (("judge_gpt4", 0.668, 1339), ("judge_strmatch", 0.791, 1350)):
        found = calibrate(ReplayJudge(SHARED / "results" / "xstest_items.csv", column), rows, n_resamples=50)
        assert found.overall.n_judged == n
        assert found.overall.binary is not None
        assert found.overall.binary.value == pytest.approx(kappa, abs=0.0005)
        assert found.not_judged.get("judge-failed", 0) == 1350 - n


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")
def test_the_published_judges_of_do_not_answer_replayed_give_their_published_kappa() -> None:
    path = SHARED / "judging" / "do_not_answer_labelled.jsonl"
    rows = load_labels(path)
    # docs/judges.md has these from `--baselines`; four rows of the file hold no action of GPT-4
    for column, kappa, n in (("gpt4", 0.847, 3121), ("bert", 0.808, 3104), ("longformer", 0.875, 3113)):
        found = calibrate(ReplayJudge(path, f"{column}_action"), rows, n_resamples=50)
        assert found.overall.n_judged == n
        assert found.overall.binary is not None
        assert found.overall.binary.value == pytest.approx(kappa, abs=0.0005)
        assert found.not_judged.get("not-judged", 0) == (4 if column == "gpt4" else 0)
