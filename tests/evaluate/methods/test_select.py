from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from kakehashi.evaluate.methods.select import stratified

UNITS = [f"{name}{number:02d}" for name in "abcdefg" for number in range(18)]


def choose(units, limit, seed=0):
    return stratified(units, limit, seed, stratum=lambda unit: unit[0], key=str)


def test_forty_two_of_seven_strata_are_six_each():
    assert Counter(unit[0] for unit in choose(UNITS, 42)) == dict.fromkeys("abcdefg", 6)


def test_a_remainder_goes_to_different_strata_one_each():
    counts = Counter(unit[0] for unit in choose(UNITS, 17)).values()
    assert sorted(counts) == [2, 2, 2, 2, 3, 3, 3]


def test_another_seed_chooses_others():
    assert choose(UNITS, 42, seed=0) != choose(UNITS, 42, seed=1)


def test_a_short_stratum_gives_its_room_to_the_others():
    units = ["a1", *(f"b{n}" for n in range(10))]
    assert Counter(unit[0] for unit in choose(units, 6)) == {"a": 1, "b": 5}


@given(st.integers(0, 126), st.integers(0, 126), st.integers(0, 5))
def test_a_larger_limit_only_adds_units(one, other, seed):
    small, large = sorted((one, other))
    assert set(choose(UNITS, small, seed)) <= set(choose(UNITS, large, seed))
    assert len(choose(UNITS, large, seed)) == large


@given(st.permutations(UNITS[:40]), st.integers(1, 40))
def test_the_order_of_the_units_does_not_matter(units, limit):
    assert set(choose(units, limit)) == set(choose(UNITS[:40], limit))
