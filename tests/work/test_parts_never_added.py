"""A measure whose whole has no number is compared on no whole: items pooled over its parts would be the sum."""

from dataclasses import replace

from kakehashi.work.assess import assess
from kakehashi.work.reconcile import reconcile

KEY = "kakehashi/core:safe-handling-rate"


def test_no_difference_is_stated_where_a_whole_has_no_value(tmp_path):
    view = assess(["mock:refuse", "mock:comply"], methods=["core"], limit=7, workspace=tmp_path).view
    (before,) = (one for one in reconcile(view).differences if one.column.measure.id == KEY)
    assert before.better == "mock-refuse"  # 7 of 7 against 0 of 7
    apart = tuple(
        replace(one, value=None, interval=None, reason="reported apart: parts are never added up")
        if one.measure.id == KEY and set(one.facets) == {"language"} and one.subject == "mock-comply"
        else one
        for one in view.measurements
    )
    after = reconcile(replace(view, measurements=apart))
    (found,) = (one for one in after.differences if one.column.measure.id == KEY)
    assert (found.estimate, found.better, found.detectable) == (None, "", None)
    assert found.reason == "the whole has no value"
    assert not [
        one for one in after.conflicts if KEY in (one.one.column.measure.id, one.other.column.measure.id)
    ]
