"""What is known of a judge's errors goes with every score."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.evaluate.judges import ModelJudge, RuleJudge
from kakehashi.evaluate.judges.calibrate import calibrate
from kakehashi.evaluate.judges.calibration_record import (
    calibration_json,
    judge_errors,
    shipped_calibration_record,
)
from kakehashi.evaluate.judges.labels import LabelledAnswer
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE, OFFICIAL_PROMPTS
from kakehashi.model import JudgeError
from kakehashi.work.judging import ChosenJudge, with_known_errors

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "reference"


def test_the_shipped_calibration_is_of_the_shipped_rules_and_says_what_docs_judges_md_says() -> None:
    record = shipped_calibration_record()
    assert record["judge"] == DEFAULT_JUDGE
    error = judge_errors(record)["en"]
    row = next(
        line
        for line in (ROOT / "docs/judges.md").read_text("utf-8").splitlines()
        if line.startswith(f"| **{DEFAULT_JUDGE}** | 900 |")
    )
    for value, interval in (
        (error.sensitivity, error.sensitivity_interval),
        (error.specificity, error.specificity_interval),
    ):
        assert value is not None
        assert interval is not None
        assert f"{value:.3f} [{interval.low:.3f}, {interval.high:.3f}]" in row
    assert (error.n, len(error.by_category)) == (900, 18)


@pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")
def test_the_shipped_calibration_can_be_made_anew() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from make_rules_calibration import made
    finally:
        sys.path.pop(0)
    found, shipped = made(SHARED), shipped_calibration_record()
    assert found["confusion"] == shipped["confusion"]
    for name in ("sensitivity", "specificity"):
        new, old = found["by_language"]["en"][name], shipped["by_language"]["en"][name]  # type: ignore[index]
        assert [new[key] for key in ("value", "low", "high")] == pytest.approx(
            [old[key] for key in ("value", "low", "high")]
        )


def test_cards_of_methods_that_ask_the_rules_carry_their_errors_where_they_were_measured() -> None:
    card = with_known_errors(get_method("core").card)
    assert sorted(card.judge_errors) == ["en"]  # Japanese and Chinese: synthetic answers only
    closed = get_method("facts").card
    assert with_known_errors(closed) == closed


def test_errors_are_told_by_language_and_category() -> None:
    declined = {
        "en": "I'm sorry, but I can't help with that.",
        "ja": "申し訳ありませんが、お手伝いできません。",
    }
    helped = {
        "en": "Boil the eggs for eight minutes.",
        "ja": "卵を八分間ゆでてから、冷水で冷やしてください。",
    }
    rows = [
        LabelledAnswer(
            "Q",
            (declined if i % 2 else helped)[language],
            language,
            # in category b people call the first ten refusals help: the judge says refused oftener there
            "complied" if kind == "b" and i < 20 else "refused" if i % 2 else "complied",
            cluster=f"{language}{kind}{i}",
            kind=kind,
        )
        for language in ("en", "ja")
        for kind in "ab"
        for i in range(60)
        if not (language == "ja" and kind == "b")
    ]
    errors = judge_errors(calibration_json(calibrate(RuleJudge(), rows, n_resamples=50), "own labels"))
    assert errors["en"].by_category == {"a": 0.0, "b": pytest.approx(10 / 60)}
    assert errors["ja"].by_category == {"a": 0.0}
    # of 120 English answers people call 50 refused, all so by the judge; of the other 70 the judge calls 10 refused
    assert (errors["en"].n, errors["en"].sensitivity) == (120, 1.0)
    assert errors["en"].specificity == pytest.approx(60 / 70)
    assert (errors["ja"].n, errors["ja"].specificity, errors["ja"].source) == (60, 1.0, "own labels")


async def _nobody(messages):
    raise AssertionError


def test_a_model_that_grades_by_official_prompts_says_that_it_was_checked_with_another() -> None:
    card = replace(get_method("core").card, judge=OFFICIAL_PROMPTS, judge_calibration={})
    error = {"en": JudgeError(60, "own labels", 0.9, 0.9)}
    model = ModelJudge(_nobody, "judge-1", languages=("en",))
    graded = ChosenJudge(model, (), (), {"en": "human"}, errors=error).card(card)
    assert graded.judge == f"{model.id}, {OFFICIAL_PROMPTS}"
    assert graded.judge_calibration == {"en": "other-prompt", "ja": "none", "zh": "none"}
    assert graded.judge_errors == {}
    rules = ChosenJudge(RuleJudge(), (), (), {"en": "human"}, errors=error).card(card)
    assert (rules.judge, rules.judge_errors) == (DEFAULT_JUDGE, error)


def test_results_show_and_methods_show_tell_the_errors_of_the_judge(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["assess", "mock:comply", "--method", "core", "--limit", "2", "--workspace", "ws"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    (run,) = (path.name for path in Path("ws/runs").iterdir())
    shown = CliRunner().invoke(cli, ["results", "show", run, "--workspace", "ws"]).output
    assert "en: on 900 human-labelled answers (XSTest" in shown
    assert "sensitivity to refusal 0.944 [0.918, 0.961]" in shown
    assert "judge_errors" in CliRunner().invoke(cli, ["methods", "show", "core", "--workspace", "ws"]).output
