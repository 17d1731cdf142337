"""The interval of growth: against scipy's, and how often it holds the truth."""

import numpy as np
import pytest
from reference.coverage import report_coverage
from scipy.stats import binomtest

from kakehashi.errors import InputError
from kakehashi.index.growth import growth_interval


@pytest.mark.parametrize(("count", "before"), [(233, 149), (0, 5), (3, 1), (370, 283)])
def test_ends_are_those_of_the_share_of_the_later_count(count, before):
    found = growth_interval(count, before)
    ends = binomtest(count, count + before).proportion_ci(method="wilson")
    # a share s of both counts is a ratio of s / (1 - s)
    assert found.low == pytest.approx(100 * (ends.low / (1 - ends.low) - 1))
    assert found.high == pytest.approx(100 * (ends.high / (1 - ends.high) - 1))
    assert found.low <= 100 * (count / before - 1) <= found.high


def test_growth_from_nothing_has_none():
    with pytest.raises(InputError, match="from 0 to 4"):
        growth_interval(4, 0)


#: Rates of the year before and of the year.
CELLS = ((20, 20), (20, 40), (149, 233), (283, 370))


def shares(simulations, seed=20261125):
    """Share of simulations whose interval held the true change; counts of 0 before are drawn again."""
    rng = np.random.default_rng(seed)
    found = {}
    for before, after in CELLS:
        truth = 100 * (after / before - 1)
        held = 0
        for a, b in zip(rng.poisson(after, simulations), rng.poisson(before, simulations), strict=True):
            interval = growth_interval(int(a), max(int(b), 1))
            held += interval.low <= truth <= interval.high
        found[before, after] = held / simulations
    return found


def test_the_interval_holds_the_truth_as_often_as_it_says(record_property):
    simulations = 2000
    found = shares(simulations)
    mean = report_coverage(record_property, found, simulations, of="growth of Poisson counts")
    # one cell's Monte Carlo error is 0.5 points: four of them either way
    assert all(abs(share - 0.95) < 0.02 for share in found.values())
    assert abs(mean - 0.95) < 0.012


def test_incidents_that_come_together_are_covered_less_often():
    """The stated limit is real: with pairs of incidents a nominal 95% holds for about 83%."""
    rng = np.random.default_rng(1)
    held = 0
    for a, b in zip(2 * rng.poisson(100, 1000), 2 * rng.poisson(100, 1000), strict=True):
        interval = growth_interval(int(a), int(b))
        held += interval.low <= 0 <= interval.high
    # the variance is twice Poisson's: P(|Z| < 1.96 / sqrt 2) = 0.834
    assert held / 1000 == pytest.approx(0.834, abs=0.05)


@pytest.mark.proof
def test_coverage_of_growth_at_full_size(record_property):
    mean = report_coverage(record_property, shares(50_000), 50_000, of="growth of Poisson counts")
    assert abs(mean - 0.95) < 0.005
