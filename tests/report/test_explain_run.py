"""Two measures of a run, taken apart."""

import fixtures
import numpy as np
import pytest

from kakehashi.errors import NotEstimableError, UnknownNameError
from kakehashi.work.explain_run import explain_run, find_measure, method_rows

SAFE, OVER = "kakehashi/core:safe-handling-rate", "kakehashi/core:over-refusal-rate"


@pytest.fixture(scope="module")
def view():
    return fixtures.three_systems()


def test_the_scores_are_the_means_of_the_rows_and_the_parts_sum_to_the_difference(view):
    for subject in view.subjects:
        found = explain_run(view, SAFE, "kakehashi/attacks", subject.name)
        for score, measure, lower in (
            (found.scores[0], SAFE, False),
            (found.scores[1], "kakehashi/attacks:attack-success-rate", True),
        ):
            items = view.items
            mine = (items["measure"] == measure) & (items["subject"] == subject.name)
            mean = np.nanmean(items["credit"][mine].astype(float))
            assert score == pytest.approx(1 - mean if lower else mean)
        assert found.second == "1 - kakehashi/attacks:attack-success-rate"  # turned, and it says so
        assert sum(p.estimate.value for p in found.parts) == pytest.approx(found.difference.value)


def test_what_no_data_can_tell_apart_is_said(view):
    found = explain_run(view, SAFE, OVER, view.subjects[0].name)
    rest = found.part("not attributable")
    assert "construct" in rest.reason
    assert "share no item" in rest.reason


def test_names_are_found_and_unknown_ones_refused(view):
    assert find_measure(view, "core")[1].id == SAFE
    assert find_measure(view, "over-refusal-rate")[1].id == OVER
    with pytest.raises(UnknownNameError, match="method or measure"):
        find_measure(view, "nothing")
    with pytest.raises(UnknownNameError, match="system"):
        method_rows(view, SAFE, "nobody")
    with pytest.raises(NotEstimableError) as caught:
        method_rows(view, "brier-score", view.subjects[0].name)
    assert caught.value.diagnostic == "no-items"
