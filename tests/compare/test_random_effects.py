"""Rates pooled over institutes: against sampling from the model, a pooled count, a table by hand; and coverage."""

import math

import numpy as np
import pytest
from reference.coverage import report_coverage

from kakehashi.compare.intervals import jeffreys
from kakehashi.compare.random_effects import random_effects_rate
from kakehashi.errors import InputError, NotEstimableError

CELLS = [
    (studies, n, rate, tau)
    for studies in (2, 3, 6)
    for n in (30, 200)
    for rate in (0.05, 0.4)
    for tau in (0.0, 0.5, 1.0)
]


def sampled(k, n, *, draws=400_000, scale=1.0, seed=3):
    """The same model by importance sampling: Jeffreys for the rate, half-normal spread, effects drawn one by one."""
    rng = np.random.default_rng(seed)
    middle = np.log(rng.beta(0.5, 0.5, draws))
    middle = middle - np.log1p(-np.exp(middle))
    spread = np.abs(rng.normal(0, scale, draws))
    log = np.zeros(draws)
    for one, trials in zip(k, n, strict=True):
        p = 1 / (1 + np.exp(-(middle + spread * rng.normal(size=draws))))
        p = np.clip(p, 1e-12, 1 - 1e-12)
        log += one * np.log(p) + (trials - one) * np.log1p(-p)
    weight = np.exp(log - log.max())
    order = np.argsort(middle)
    total = np.cumsum(weight[order]) / weight.sum()
    rates = [1 / (1 + math.exp(-middle[order][np.searchsorted(total, q)])) for q in (0.5, 0.025, 0.975)]
    by_spread = np.argsort(spread)
    shares = np.cumsum(weight[by_spread]) / weight.sum()
    return rates, spread[by_spread][np.searchsorted(shares, 0.5)]


@pytest.mark.parametrize(
    ("k", "n"), [([3, 9], [20, 20]), ([0, 2, 1], [20, 30, 25]), ([5, 14, 9, 20], [30, 30, 30, 30])]
)
def test_it_equals_sampling_from_the_model(k, n):
    found = random_effects_rate(k, n)
    (value, low, high), tau = sampled(k, n)
    # Effective draws of the sampler are a few thousand: about .01 on a rate, .05 on the spread.
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=0.02)
    assert found.tau == pytest.approx(tau, abs=0.06)


def test_without_spread_it_is_the_pooled_count():
    found, together = random_effects_rate([12, 18], [40, 60], tau_scale=1e-6), jeffreys(30, 100)
    assert (found.low, found.high) == pytest.approx((together.low, together.high), abs=0.01)


def test_homogeneity_is_the_chi_square_of_the_table_by_hand():
    # 10 of 40 and 20 of 40: rate 30/80 = .375, expected 15; (5² + 5²) / (40 × .375 × .625) = 50/9.375 = 5.3333.
    # p = P(chi² with 1 df > 5.3333) = erfc(sqrt(5.3333/2)) = .02092; I² = (5.3333 - 1)/5.3333 = .8125.
    found = random_effects_rate([10, 20], [40, 40])
    assert found.q == pytest.approx(16 / 3)
    assert found.p == pytest.approx(math.erfc(math.sqrt(8 / 3)))
    assert found.i_squared == pytest.approx(0.8125)
    assert (found.diagnostics, found.studies) == ({}, 2)


def test_more_difference_is_more_spread_and_a_wider_interval():
    alike, apart = random_effects_rate([20, 21], [40, 40]), random_effects_rate([4, 36], [40, 40])
    assert apart.tau > alike.tau
    assert apart.high - apart.low > alike.high - alike.low
    none = random_effects_rate([0, 0], [50, 50])
    assert none.low < 1e-3 < none.high < 0.1
    assert math.isnan(none.p)
    assert none.diagnostics == {"small-expected": True}


def test_what_cannot_be_pooled_is_refused():
    with pytest.raises(NotEstimableError):
        random_effects_rate([1], [2])
    for k, n in (([1, 3], [2, 2]), ([1.5, 1], [2, 2]), ([1, 1], [2, 0]), ([1], [2, 2]), ([-1, 1], [2, 2])):
        with pytest.raises(InputError):
            random_effects_rate(k, n)
    with pytest.raises(InputError):
        random_effects_rate([1, 1], [2, 2], tau_scale=0)


def covered(cells, simulations, seed=11):
    rng, shares = np.random.default_rng(seed), {}
    for studies, n, rate, tau in cells:
        middle = math.log(rate / (1 - rate))
        hits = 0
        for _ in range(simulations):
            p = 1 / (1 + np.exp(-(middle + tau * rng.normal(size=studies))))
            found = random_effects_rate(rng.binomial(n, p), np.full(studies, n))
            hits += found.low <= rate <= found.high
        shares[f"{studies} studies of {n}, rate {rate}, tau {tau}"] = hits / simulations
    return shares


def test_the_interval_covers_in_a_few_cells():
    shares = covered([(2, 30, 0.4, 0.5), (6, 200, 0.4, 0.5)], 60)
    assert min(shares.values()) >= 0.88  # 95% less three Monte Carlo errors of 2.8%, rounded up


@pytest.mark.proof
def test_the_interval_covers_over_studies_sizes_rates_and_spreads(record_property):
    simulations = 400
    shares = covered(CELLS, simulations)
    assert report_coverage(record_property, shares, simulations) >= 0.95
    within = {cell: share for cell, share in shares.items() if "tau 1.0" not in cell}
    assert min(within.values()) >= 0.93
    # Few studies that spread by more than the prior's middle say too little of it: 89% at three studies of 200.
    assert min(shares.values()) >= 0.85
