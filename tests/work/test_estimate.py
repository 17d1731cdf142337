"""The estimate before a run, in words."""

import pytest

from kakehashi.evaluate.engine import Estimate
from kakehashi.work.assess import in_words


@pytest.mark.parametrize(
    ("cost", "words"),
    [(12.345, "at most 12.35 USD"), (0.0035, "at most 0.0035 USD"), (0.000123, "at most 0.00012 USD")],
)
def test_a_small_cost_is_not_shown_as_nothing(cost, words):
    found = Estimate(
        samples=35,
        calls=35,
        prompt_tokens=2825,
        completion_tokens=1400,
        cost=cost,
        currency="USD",
        prices_as_of="2026-11-01",
        reason="",
    )
    assert words in in_words(found)
