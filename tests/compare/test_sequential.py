"""Sequential tests keep their level however long one looks, and find what is there."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.slow_rate_test import evidence

from kakehashi.compare import RateTest, spent_alpha
from kakehashi.compare.sequential import log_bets, log_evidence, next_capital
from kakehashi.errors import UsageError

ALTERNATIVES = ("less", "greater")
UNITS = ("answer", "round")


def run(test, rounds):
    for answers in rounds:
        test = test.update(sum(answers), len(answers))
    return test


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("alternative", ALTERNATIVES)
@given(
    rounds=st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=4), max_size=6),
    bound=st.floats(0.05, 0.9),
)
@settings(max_examples=40, deadline=None)
def test_the_recursion_equals_every_start_and_every_bet_written_out(alternative, unit, rounds, bound):
    found = run(RateTest(bound, alternative, 0.05, unit=unit), rounds)
    assert math.exp(found.log_evidence) == pytest.approx(evidence(rounds, bound, alternative, unit), rel=1e-9)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_at_the_bound_the_game_is_fair_over_all_outcomes(alternative, unit):
    # Nine answers in rounds of 2, 3 and 4: all 512 outcomes, each with its probability at a rate of exactly 0.3.
    mean = 0.0
    for bits in product((0, 1), repeat=9):
        chance = math.prod(0.3 if bit else 0.7 for bit in bits)
        rounds = [bits[:2], bits[2:5], bits[5:]]
        mean += chance * math.exp(run(RateTest(0.3, alternative, 0.05, unit=unit), rounds).log_evidence)
    assert mean == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_prompts_that_differ_do_not_make_the_game_unfair(alternative):
    # In each round one prompt always works and two never do, or the chances are 0.7, 0.3 and 0: on average a third.
    for rates in ((1.0, 0.0, 0.0), (0.7, 0.3, 0.0)):
        mean = 0.0
        for bits in product((0, 1), repeat=9):
            chance = math.prod(r if bit else 1 - r for r, bit in zip(rates * 3, bits, strict=True))
            if chance:
                test = run(RateTest(1 / 3, alternative, 0.05), [bits[:3], bits[3:6], bits[6:]])
                mean += chance * math.exp(test.log_evidence)
        assert mean <= 1 + 1e-12


def test_the_unit_round_is_fair_where_one_draw_decides_over_a_whole_round():
    # A round of five complies whole with chance 0.2, or not at all: bets on answers would gain, on rounds they do not.
    means = {}
    for unit in UNITS:
        means[unit] = 0.0
        for bits in product((0, 1), repeat=4):
            chance = math.prod(0.2 if bit else 0.8 for bit in bits)
            test = run(RateTest(0.2, "greater", 0.05, unit=unit), [[bit] * 5 for bit in bits])
            means[unit] += chance * math.exp(test.log_evidence)
    assert means["round"] == pytest.approx(1, abs=1e-12)
    assert means["answer"] > 2


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_the_chance_of_ever_rejecting_is_below_alpha_over_all_outcomes(alternative):
    # Fourteen rounds of one answer at the bound 0.3: all 16,384 outcomes.
    outcomes = np.array(list(product((0, 1), repeat=14)))
    chance = np.prod(np.where(outcomes == 1, 0.3, 0.7), axis=1)
    for alpha in (0.2, 0.1, 0.05):
        rejected = ever(outcomes, np.ones_like(outcomes), 0.3, alternative, "answer") >= math.log(1 / alpha)
        assert chance[rejected].sum() <= alpha
    assert (
        chance[ever(outcomes, np.ones_like(outcomes), 0.3, alternative, "answer") > math.log(2)].sum() > 0.05
    )


def ever(successes, counts, bound, alternative, unit, *, first=False, level=math.inf):
    """Highest log evidence of each row of rounds; with ``first`` the round in which it first reaches ``level``."""
    capital = np.full((len(successes), 9), -np.inf)
    peak = np.full(len(successes), -np.inf)
    fell = np.full(len(successes), 0)
    for place in range(successes.shape[1]):
        bets = log_bets(
            successes[:, place], counts[:, place], bound=bound, alternative=alternative, unit=unit
        )
        capital = next_capital(capital, place + 1, bets)
        peak = np.maximum(peak, log_evidence(capital, place + 1))
        fell = np.where((fell == 0) & (peak >= level), place + 1, fell)
    return fell if first else peak


def test_the_parts_of_alpha_add_up_to_alpha():
    # The sum of 1/(k(k+1)) to 2,000 is 1 - 1/2001, for orders and for cycles.
    total = sum(spent_alpha(0.05, order) for order in range(1, 2001)) * 2  # the first cycle has half of it
    assert total == pytest.approx(0.05 * (1 - 1 / 2001))
    cycles = sum(spent_alpha(0.05, 1, cycle) for cycle in range(1, 2001)) * 2
    assert cycles == pytest.approx(0.05 * (1 - 1 / 2001))


@pytest.mark.parametrize(
    "words", [{"bound": 0.0}, {"bound": 1.0}, {"bound": math.nan}, {"alpha": 0.0}, {"alpha": 1.0}]
)
def test_a_bound_or_level_outside_its_range_is_refused(words):
    with pytest.raises(UsageError):
        RateTest(**{"bound": 0.1, "alpha": 0.05, **words}, alternative="less")


def test_counts_that_cannot_be_are_refused_and_an_empty_round_changes_nothing():
    test = RateTest(0.1, "less", 0.05)
    assert test.update(0, 0) is test
    for wrong in ((3, 2), (-1, 2)):
        with pytest.raises(UsageError):
            test.update(*wrong)
    with pytest.raises(UsageError):
        spent_alpha(0.05, 0)


def test_a_hand_derived_first_round():
    # One answer that complied, bound 0.5, greater. A bet on rate 0.5 + 0.5 s doubles by 1 + s; half of the capital is
    # staked in round 1, half waits: 0.5 + 0.5 (1 + mean s).
    mean = (1 / 32 + 1 / 16 + 1 / 8 + 1 / 4 + 1 / 2 + 3 / 4 + 7 / 8 + 31 / 32 + 127 / 128) / 9
    test = RateTest(0.5, "greater", 0.05).update(1, 1)
    assert math.exp(test.log_evidence) == pytest.approx(1 + mean / 2)
    assert test.p_value == pytest.approx(1 / (1 + mean / 2))


# A whole watch, simulated: many attacks at the bound itself, the worst case, and one that changes


def false_alarms(rng, simulations, attacks, rounds, answers, bound, alpha, rate=None):
    """Share of simulated watches in which any attack raises a false alarm."""
    any_alarm = np.zeros(simulations, dtype=bool)
    counts = np.full((simulations, rounds), answers)
    for order in range(1, attacks + 1):
        successes = rng.binomial(answers, bound if rate is None else rate, size=(simulations, rounds))
        level = math.log(1 / spent_alpha(alpha, order))
        any_alarm |= ever(successes, counts, bound, "greater", "answer") >= level
    return float(any_alarm.mean())


def delays(rng, simulations, quiet, rounds, answers, bound, before, after, level, alternative):
    """Rounds from a change to its finding; rows that were found too early or never are NaN."""
    rates = np.concatenate([np.full(quiet, before), np.full(rounds, after)])
    successes = rng.binomial(answers, rates, size=(simulations, quiet + rounds))
    counts = np.full(successes.shape, answers)
    fell = ever(successes, counts, bound, alternative, "answer", first=True, level=level)
    return np.where(fell > quiet, fell - quiet, np.nan)


def test_a_watch_of_many_attacks_at_the_bound_does_not_cry_wolf():
    rng = np.random.default_rng(20261125)
    share = false_alarms(rng, 400, 10, 100, 5, 0.1, 0.2)
    # The level is 0.2; of 400 watches more than 0.2 + 3 standard errors (0.06) would refute it.
    assert share <= 0.26


def test_a_regression_is_found_soon_after_a_long_quiet_time():
    rng = np.random.default_rng(7)
    level = math.log(1 / spent_alpha(0.05, 5))
    found = delays(rng, 300, 200, 30, 10, 0.1, 0.01, 0.5, level, "greater")
    assert np.isfinite(found).mean() >= 0.99
    assert np.nanmedian(found) <= 5


@pytest.mark.proof
@pytest.mark.parametrize(("attacks", "rounds", "answers"), [(1, 2000, 10), (20, 500, 10), (50, 200, 4)])
def test_false_alarms_of_a_whole_watch_at_full_size(attacks, rounds, answers, record_property):
    rng = np.random.default_rng(attacks)
    simulations = 4000
    share = false_alarms(rng, simulations, attacks, rounds, answers, 0.1, 0.05)
    record_property(
        "error rate",
        f"{share:.2%} of {simulations} watches of {attacks} attacks, {rounds} rounds of {answers} answers at the bound "
        f"itself raise any false alarm; stated at most 5%, Monte Carlo error {math.sqrt(0.0475 / simulations):.2%}",
    )
    assert share <= 0.05


@pytest.mark.proof
@pytest.mark.parametrize("after", [0.2, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("quiet", [10, 1000])
def test_power_at_full_size(quiet, after, record_property):
    rng = np.random.default_rng(11)
    level = math.log(1 / spent_alpha(0.05, 1))
    found = delays(rng, 2000, quiet, 300, 10, 0.1, 0.02, after, level, "greater")
    share = np.isfinite(found).mean()
    median, late = np.nanquantile(found, [0.5, 0.9])
    record_property(
        "error rate",
        f"success rate from 2% to {after:.0%} after {quiet} rounds of 10 answers: alarm after {median:.0f} rounds "
        f"(median), {late:.0f} (90%); found within 300 rounds {share:.1%}",
    )
    assert share >= 0.98


@pytest.mark.proof
@pytest.mark.parametrize("after", [0.0, 0.02, 0.05])
@pytest.mark.parametrize("quiet", [0, 100])
def test_rounds_to_mitigation_at_full_size(quiet, after, record_property):
    rng = np.random.default_rng(12)
    level = math.log(1 / spent_alpha(0.05, 1))
    found = delays(rng, 2000, quiet, 600, 10, 0.1, 0.8, after, level, "less")
    share = np.isfinite(found).mean()
    median, late = np.nanquantile(found, [0.5, 0.9])
    record_property(
        "error rate",
        f"success rate {after:.0%} after {quiet} rounds at 80%: met after {median:.0f} rounds of 10 answers (median), "
        f"{late:.0f} (90%); found within 600 rounds {share:.1%}",
    )
    assert share >= 0.98
