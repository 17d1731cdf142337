"""Bradley-Terry and Plackett-Luce: evalica's figures, hand derivations, existence, invariants, coverage."""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder
from reference.coverage_cells import Coverage
from scipy.optimize import minimize

from kakehashi.compare.bradley_terry import bradley_terry, bradley_terry_consensus
from kakehashi.compare.plackett_luce import plackett_luce_consensus
from kakehashi.compare.published import published_robustness
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import InputError, NotEstimableError

GOLDEN = Path(__file__).parent / "golden" / "bradley_terry_evalica.json"
BOTH = pytest.mark.parametrize("consensus", [bradley_terry_consensus, plackett_luce_consensus])


def table(values: object, **more: object) -> ScoreTable:
    m, k = np.shape(values)  # type: ignore[arg-type]
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (True,) * k, **more)  # type: ignore[arg-type]


def orders(rng: np.random.Generator, truth: np.ndarray, k: int) -> np.ndarray:
    """Scores whose orders are Plackett-Luce's, and whose pairs are Bradley-Terry's, with these strengths."""
    return truth[:, None] + rng.gumbel(size=(len(truth), k))


def test_strengths_equal_evalica() -> None:
    cases = json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]
    assert len(cases) == 4
    for case in cases:
        found = bradley_terry(case["first"], case["second"], case["outcome"], n_resamples=10, rng=1)
        np.testing.assert_allclose(found.score, case["strength"], atol=1e-6)
        assert found.score.mean() == pytest.approx(0.0, abs=1e-12)


def test_two_models_have_the_logit_of_their_wins_and_its_textbook_error() -> None:
    # 30 wins of 40: log(30/10) apart; variance of a logit 1/30 + 1/10, of half of it a quarter of that
    found = bradley_terry([0] * 40, [1] * 40, [1] * 30 + [0] * 10, rng=1)
    assert found.score == pytest.approx([np.log(3) / 2, -np.log(3) / 2])
    assert found.std_error == pytest.approx(np.sqrt((1 / 30 + 1 / 10) / 4) * np.ones(2), rel=0.05)


def test_ties_count_half_and_say_so_in_the_error() -> None:
    found = bradley_terry([0] * 40, [1] * 40, [0.5] * 40, names=["a", "b"], rng=1)
    assert found.score == pytest.approx([0.0, 0.0], abs=1e-12)
    assert found.std_error == pytest.approx([0.0, 0.0], abs=1e-9)  # nothing varied
    assert not found.ahead.any()
    half = bradley_terry([0] * 40, [1] * 40, [1, 0, 0.5, 0.5] * 10, rng=1)
    full = bradley_terry([0] * 40, [1] * 40, [1, 0, 1, 0] * 10, rng=1)
    assert half.std_error[0] == pytest.approx(full.std_error[0] / np.sqrt(2), rel=0.06)


def test_weights_are_counts_and_sides_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, 200), rng.integers(0, 5, 200)
    keep = first != second
    first, second = first[keep], second[keep]
    won = rng.choice([0.0, 0.5, 1.0], len(first))
    plain = bradley_terry(first, second, won, rng=1)
    np.testing.assert_allclose(bradley_terry(second, first, 1 - won, rng=1).score, plain.score, atol=1e-9)
    triple = bradley_terry(first, second, won, weights=np.full(len(first), 3.0), rng=1)
    np.testing.assert_allclose(triple.score, plain.score, atol=1e-9)
    np.testing.assert_allclose(triple.std_error, plain.std_error / np.sqrt(3), rtol=0.06)
    named = bradley_terry(
        [f"m{i}" for i in first], [f"m{i}" for i in second], won, names=[f"m{i}" for i in range(5)], rng=1
    )
    np.testing.assert_allclose(named.score, plain.score, atol=1e-12)


def test_models_without_a_finite_estimate_are_named_not_numbered() -> None:
    # 0 and 1 beat one another; 2 beat 0; 3 lost to 1; 4 and 5 were compared with each other alone
    first, second = [0, 1, 2, 1, 4, 5, 0, 1], [1, 0, 0, 3, 5, 4, 1, 0]
    found = bradley_terry(first, second, [1] * 8, rng=1)
    assert np.isnan(found.score).tolist() == [False, False, True, True, True, True]
    assert "never behind" in found.not_scoreable["2"]
    assert "never ahead" in found.not_scoreable["3"]
    assert "no chain" in found.not_scoreable["4"]
    assert found.rank_low.tolist() == [1, 1, 0, 0, 0, 0]
    assert np.isnan(found.p_top(1)[2])
    with pytest.raises(NotEstimableError) as caught:
        bradley_terry([0, 1], [1, 2], [1, 1])
    assert caught.value.diagnostic == "disconnected"


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("shapes", {"first": [0], "second": [1, 0], "outcome": [1]}),
        ("shapes", {"first": np.zeros(0, int), "second": np.zeros(0, int), "outcome": []}),
        ("comparison 2: the outcome", {"first": [0, 0], "second": [1, 1], "outcome": [1, np.nan]}),
        ("comparison 1: the outcome", {"first": [0], "second": [1], "outcome": [np.inf]}),
        ("comparison 1: the outcome", {"first": [0], "second": [1], "outcome": [2]}),
        ("with itself", {"first": [1], "second": [1], "outcome": [1]}),
        ("negative", {"first": [-1], "second": [1], "outcome": [1]}),
        ("whole numbers", {"first": [0.5], "second": [1.0], "outcome": [1]}),
        ("not one of the names", {"first": ["x"], "second": ["a"], "outcome": [1], "names": ["a", "b"]}),
        ("twice", {"first": [0], "second": [1], "outcome": [1], "names": ["a", "a"]}),
        ("has no name", {"first": [0], "second": [2], "outcome": [1], "names": ["a", "b"]}),
        ("weights", {"first": [0], "second": [1], "outcome": [1], "weights": [np.nan]}),
    ],
)
def test_bad_comparisons_are_refused(words: str, call: dict[str, object]) -> None:
    with pytest.raises(InputError, match=words):
        bradley_terry(**call)  # type: ignore[arg-type]


def test_plackett_luce_maximises_the_likelihood_written_out_choice_by_choice() -> None:
    rng = np.random.default_rng(3)
    values = orders(rng, np.array([0.5, 0.2, 0.0, -0.7]), 12)
    values[rng.random(values.shape) < 0.2] = np.nan

    def loss(free: np.ndarray) -> float:
        worth = np.exp(np.append(free, -free.sum()))
        total = 0.0
        for column in values.T:
            waiting = sorted(np.flatnonzero(~np.isnan(column)), key=lambda i: -column[i])
            while len(waiting) > 1:
                total -= np.log(worth[waiting[0]] / worth[waiting].sum())
                waiting = waiting[1:]
        return total

    expected = minimize(loss, np.zeros(3), tol=1e-12).x
    found = plackett_luce_consensus(table(values), rng=1)
    np.testing.assert_allclose(found.score[:3], expected, atol=1e-4)


def test_plackett_luce_of_two_models_is_bradley_terry() -> None:
    values = np.array([[1.0, 2, 2, 5, 1], [0, 1, 3, 2, 1]])
    one, other = plackett_luce_consensus(table(values), rng=1), bradley_terry_consensus(table(values), rng=1)
    # of five orders three put the first ahead, one the second, one ties: 3.5 to 1.5 in wins
    assert other.score[0] - other.score[1] == pytest.approx(np.log(3.5 / 1.5))
    # a tie of two under Breslow is one choice of each from the same pair: 3 + 1 to 1 + 1
    assert one.score[0] - one.score[1] == pytest.approx(np.log(4 / 2))


@BOTH
def test_the_published_table_gets_an_order_close_to_the_mean_rank(consensus: object) -> None:
    found = consensus(published_robustness(), rng=1)  # type: ignore[operator]
    assert not found.not_scoreable
    assert found.models[int(found.score.argmax())] == "Meta-Llama-3-70B-Instruct"
    assert sum(w.weight for w in found.weights) == pytest.approx(1.0)
    assert "attack-robustness" in found.diagnostics["constructs"]
    assert len(found.groups) == 1  # eight methods of five constructs part nobody
    np.testing.assert_allclose(found.rank_probability.sum(axis=1), 1.0)


SCORES = st.integers(0, 2**32 - 1)


@BOTH
@settings(deadline=None, max_examples=15)
@given(seed=SCORES)
def test_order_direction_shift_and_copies_of_all_change_nothing(consensus: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(orders(rng, np.linspace(0.5, -0.5, 5), 7), 1)
    values[rng.random(values.shape) < 0.1] = np.nan

    def score(given_values: np.ndarray, higher: bool = True) -> np.ndarray:
        t = table(given_values)
        t = ScoreTable(t.models, t.methods, t.values, (higher,) * len(t.methods))
        return consensus(t, n_resamples=2, rng=1).score  # type: ignore[operator, no-any-return]

    try:
        plain = score(values)
    except NotEstimableError:
        return
    if np.isnan(plain).any():
        return
    rows, columns = rng.permutation(5), rng.permutation(7)
    np.testing.assert_allclose(score(values[np.ix_(rows, columns)]), plain[rows], atol=1e-7)
    np.testing.assert_allclose(score(-values, higher=False), plain, atol=1e-7)
    np.testing.assert_allclose(score(values + rng.normal(size=7)), plain, atol=1e-7)
    np.testing.assert_allclose(score(np.hstack([values, values])), plain, atol=1e-7)


@BOTH
def test_a_copy_doubles_the_weight_of_its_method_and_is_named(consensus: object) -> None:
    rng = np.random.default_rng(2)
    values = orders(rng, np.linspace(0.5, -0.5, 6), 5)
    found = consensus(table(np.column_stack([values, values[:, 0]])), rng=1)  # type: ignore[operator]
    assert found.diagnostics["copies"] == (("k0", "k5"),)
    assert found.weights[0].weight == found.weights[5].weight == pytest.approx(1 / 6)


@BOTH
def test_what_no_order_can_be_made_of_is_said(consensus: object) -> None:
    with pytest.raises(NotEstimableError, match="one model"):
        consensus(table(np.ones((1, 3))))  # type: ignore[operator]
    with pytest.raises(NotEstimableError, match="no finite estimate"):
        consensus(table(np.arange(8.0).reshape(4, 2)))  # type: ignore[operator]
    alone = consensus(table(np.array([[1.0], [1.0]])), rng=1)  # type: ignore[operator]
    assert "single method" in alone.diagnostics["no_interval"]
    assert np.isnan(alone.low).all()
    assert alone.rank.tolist() == [1.5, 1.5]


def test_all_orders_once_give_equal_strengths() -> None:
    values = np.array(list(permutations(range(4)))).T.astype(float)
    for consensus in (bradley_terry_consensus, plackett_luce_consensus):
        np.testing.assert_allclose(consensus(table(values), rng=1).score, 0.0, atol=1e-9)


def _consensus_coverage(
    simulations: int, grid: tuple[tuple[int, int, float, float], ...]
) -> tuple[Coverage, Coverage]:
    """Methods are drawn anew each time; models without an estimate (rare here) are passed over."""
    rng = np.random.default_rng(41)
    scores, ranks = Coverage(), Coverage()
    for k, m, spread, holes in grid:
        truth = np.linspace(spread, -spread, m)
        for _ in range(simulations):
            values = orders(rng, truth, k)
            values[rng.random(values.shape) < holes] = np.nan
            if np.isnan(values).all(axis=1).any() or np.isnan(values).all(axis=0).any():
                continue
            for name, consensus in (("BT", bradley_terry_consensus), ("PL", plackett_luce_consensus)):
                try:
                    found = consensus(table(values), n_resamples=80, rng=rng)
                except NotEstimableError:
                    continue
                if not found.not_scoreable:
                    cell = (name, k, m, spread, holes)
                    scores.add(cell, found.low, truth, found.high)
                    ranks.add(cell, found.rank_low, np.arange(1, m + 1), found.rank_high)
    return scores, ranks


def test_intervals_over_methods_cover() -> None:
    scores, ranks = _consensus_coverage(400, ((8, 6, 0.7, 0.0), (15, 6, 1.2, 0.2)))
    scores.check_approximate()
    ranks.check_bound()


@pytest.mark.proof
def test_intervals_over_methods_cover_at_full_size(record_property: Recorder) -> None:
    grid = tuple((k, 10, s, h) for k in (6, 8, 20) for s in (0.7, 1.5) for h in (0.0, 0.3))
    scores, ranks = _consensus_coverage(500, grid)
    scores.report(record_property, of="scores")
    ranks.report(record_property, of="bounds of ranks (conservative)")
    scores.check_approximate()
    ranks.check_bound()


def _comparison_coverage(simulations: int, grid: tuple[tuple[int, int, float, float], ...]) -> Coverage:
    rng = np.random.default_rng(42)
    out = Coverage()
    for m, n, spread, ties in grid:
        truth = np.linspace(spread, -spread, m)
        for _ in range(simulations):
            first = rng.integers(0, m, n)
            second = (first + rng.integers(1, m, n)) % m
            p = 1 / (1 + np.exp(truth[second] - truth[first]))
            tie = ties * 2 * np.minimum(p, 1 - p)  # so that a comparison is worth p on average
            u = rng.random(n)
            won = np.where(u < tie, 0.5, np.where(u < tie / 2 + p, 1.0, 0.0))
            found = bradley_terry(first, second, won, n_resamples=100, rng=rng)
            if not found.not_scoreable:
                out.add((m, n, spread, ties), found.low, truth, found.high)
    return out


def test_intervals_of_independent_comparisons_cover() -> None:
    _comparison_coverage(400, ((5, 100, 0.5, 0.0), (8, 300, 1.5, 0.3))).check_approximate()


@pytest.mark.proof
def test_intervals_of_independent_comparisons_cover_at_full_size(record_property: Recorder) -> None:
    grid = tuple(
        (m, n, s, t) for m, n in ((4, 80), (8, 200), (8, 1000)) for s in (0.5, 1.5) for t in (0.0, 0.3)
    )
    found = _comparison_coverage(800, grid)
    found.report(record_property)
    found.check_approximate()
