"""Orders that hang on the judge: hand-derived counts, what noise gives, and the tests' error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.compare.judge_flips import judge_flips
from kakehashi.errors import InputError, NotEstimableError

NAN = float("nan")


def test_flips_are_the_pairs_in_opposite_order() -> None:
    # one: x .75, y .5, z .25; two: x .25, y .5, z .5 -> x>y and x<y; x>z and x<z; y>z and a tie
    one = [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    two = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]]
    found = judge_flips({"one": one, "two": two}, ["x", "y", "z"], rng=1)
    assert {(f.first, f.second) for f in found.flips} == {("x", "y"), ("x", "z")}
    assert found.n_flips == 2
    assert found.n_compared == 2  # the pair y, z is a tie for judge two
    assert found.orders == (("x", "y", "z"), ("y", "z", "x"))
    assert found.scores.tolist() == [[0.75, 0.5, 0.25], [0.25, 0.5, 0.5]]


def test_the_p_value_is_the_greater_of_the_two_one_sided_ones() -> None:
    from scipy.stats import t

    rng = np.random.default_rng(2)
    one = (rng.random((2, 60)) < [[0.7], [0.4]]).astype(float)
    two = (rng.random((2, 60)) < [[0.4], [0.6]]).astype(float)
    found = judge_flips({"one": one, "two": two}, ["x", "y"], rng=1)
    p = []
    for table in (one, two):
        d = table[0] - table[1]
        p.append(t.sf(abs(d.mean()) / (d.std(ddof=1) / np.sqrt(60)), 59))
    assert found.flips[0].p_value == pytest.approx(max(p))


def test_a_clear_flip_is_beyond_noise_and_the_same_order_gives_none() -> None:
    rng = np.random.default_rng(3)
    low, high = (rng.random((2, 200)) < 0.3).astype(float), (rng.random((2, 200)) < 0.7).astype(float)
    one, two = np.array([high[0], low[0]]), np.array([low[1], high[1]])
    found = judge_flips({"one": one, "two": two}, ["x", "y"], rng=1)
    assert found.n_beyond_noise == 1
    assert found.noise_mean > 0.3  # as a count it says little: two equal systems flip half the time
    assert found.flips[0].share_of_resamples > 0.99
    same = judge_flips({"one": one, "two": one}, ["x", "y"], rng=1)
    assert (same.n_flips, same.noise_at_least) == (0, 1.0)


def test_a_reversed_order_of_many_near_systems_is_beyond_noise_as_a_count() -> None:
    rng = np.random.default_rng(8)
    rates = np.linspace(0.4, 0.6, 8)[:, None]
    one, two = ((rng.random((8, 150)) < r).astype(float) for r in (rates, rates[::-1]))
    found = judge_flips({"one": one, "two": two}, list("abcdefgh"), rng=1)
    assert found.n_flips > 20
    assert found.noise_at_least < 0.05


@settings(deadline=None)
@given(st.permutations(range(4)), st.booleans())
def test_the_order_of_systems_and_judges_does_not_matter(order: list[int], swap: bool) -> None:
    rng = np.random.default_rng(4)
    tables = {"one": rng.random((4, 20)) < 0.5, "two": rng.random((4, 20)) < 0.5}
    names = ["a", "b", "c", "d"]
    first = judge_flips(tables, names, n_resamples=20, rng=1)
    keys = list(tables)[:: -1 if swap else 1]
    again = judge_flips({k: tables[k][order] for k in keys}, [names[i] for i in order], n_resamples=20, rng=1)
    assert {frozenset((f.first, f.second)) for f in first.flips} == {
        frozenset((f.first, f.second)) for f in again.flips
    }


def test_a_cell_that_one_judge_lacks_is_left_out_for_all() -> None:
    one, two = [[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], [[1.0, NAN, 1.0], [0.0, 0.0, NAN]]
    found = judge_flips({"one": one, "two": two}, ["x", "y"], rng=1)
    assert found.diagnostics["n_cells_left_out"] == 2
    assert found.diagnostics["n_items"] == (2, 2)


@pytest.mark.parametrize(
    ("verdicts", "systems", "diagnostic"),
    [
        ({"one": [[1, 0], [0, 1]]}, ["x", "y"], "one-judge"),
        ({"one": [[1, 0]], "two": [[1, 0]]}, ["x"], "one-model"),
        ({"one": [[NAN, NAN], [1, 0]], "two": [[1, 0], [1, 1]]}, ["x", "y"], "no-items"),
        ({"one": [[1], [0]], "two": [[1], [0]]}, ["x", "y"], "one-cluster"),
    ],
)
def test_what_cannot_be_estimated_is_named(verdicts: dict, systems: list[str], diagnostic: str) -> None:
    with pytest.raises(NotEstimableError) as caught:
        judge_flips(verdicts, systems)
    assert caught.value.diagnostic == diagnostic


def test_bad_input_is_refused() -> None:
    good = [[1, 0], [0, 1]]
    with pytest.raises(InputError, match="twice"):
        judge_flips({"one": good, "two": good}, ["x", "x"])
    with pytest.raises(InputError, match="shape"):
        judge_flips({"one": good, "two": [[1], [0]]}, ["x", "y"])
    with pytest.raises(InputError, match="infinite"):
        judge_flips({"one": good, "two": [[np.inf, 1], [0, 1]]}, ["x", "y"])


def _error_rates(simulations: int) -> dict[str, tuple[float, float]]:
    """Share of simulations with a flip beyond noise, and with a count beyond noise, under one true order."""
    rng = np.random.default_rng(2026)
    out = {}
    for name, rates, accuracy in (
        ("equal systems", np.full(5, 0.5), 0.85),
        ("near systems", np.linspace(0.4, 0.6, 5), 0.85),
        ("equal, poor judges", np.full(5, 0.3), 0.7),
        ("two equal", np.array([0.2, 0.5, 0.5, 0.8]), 0.9),
    ):
        single = many = 0
        for _ in range(simulations):
            truth = rng.random((len(rates), 100)) < rates[:, None]
            verdicts = {
                judge: np.where(rng.random(truth.shape) < accuracy, truth, ~truth).astype(float)
                for judge in ("one", "two", "three")
            }
            found = judge_flips(verdicts, [str(i) for i in range(len(rates))], n_resamples=199, rng=rng)
            single += found.n_beyond_noise > 0
            many += found.noise_at_least <= 0.05
        out[name] = (single / simulations, many / simulations)
    return out


def test_noise_alone_is_called_a_flip_in_at_most_five_percent() -> None:
    rates = _error_rates(100)
    print(rates)
    assert np.mean([r[0] for r in rates.values()]) <= 0.05
    assert np.mean([r[1] for r in rates.values()]) <= 0.07  # Monte Carlo error of 400 draws: 0.011


@pytest.mark.proof
def test_noise_alone_at_full_size() -> None:
    rates = _error_rates(1000)
    print(rates)
    assert max(r[0] for r in rates.values()) <= 0.06
    assert max(r[1] for r in rates.values()) <= 0.07
