"""What is known of a judge's errors goes with every score."""

import sys
from pathlib import Path

import pytest

from kakehashi.evaluate.judges.calibration_record import judge_errors, shipped_calibration_record
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.judged import DEFAULT_JUDGE
from kakehashi.work.judging import with_known_errors

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
