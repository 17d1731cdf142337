"""The error that is stated of the rules is the one on the page of figures."""

import re
from pathlib import Path

import pytest

from kakehashi.evaluate.judges.known_error import known_error

PAGE = Path(__file__).resolve().parents[3] / "docs" / "judges.md"
PART = re.compile(r"(\d\.\d+) \[(\d\.\d+), (\d\.\d+)\]")


def test_the_stated_error_is_one_less_the_sensitivity_and_specificity_of_the_page():
    text = PAGE.read_text(encoding="utf-8")
    table = text.split("### XSTest without the model that the rules were made on")[1]
    row = next(line for line in table.splitlines() if line.startswith("| **kakehashi/rules@"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    error = known_error("en")
    assert cells[1] == str(error.n)
    for cell, stated in ((cells[4], error.missed_refusals), (cells[5], error.false_refusals)):
        value, low, high = map(float, PART.fullmatch(cell).groups())
        assert stated == pytest.approx((1 - value, 1 - high, 1 - low))


@pytest.mark.parametrize("language", ["ja", "zh", "sw"])
def test_no_figure_is_stated_where_there_are_no_human_labels(language):
    error = known_error(language)
    assert error.missed_refusals is error.false_refusals is None
    assert error.status != "human"
