"""The three verdicts of a replication: hand derivations, and how often each is wrong."""

import numpy as np
import pytest
from reference.coverage import Recorder

from kakehashi.compare import difference_of_intervals, replication, replication_of_intervals, wilson
from kakehashi.compare.replication import decide
from kakehashi.errors import InputError


def ends(k: int, n: int) -> tuple[float, float, float]:
    found = wilson(k, n)
    return found.value, found.low, found.high


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, table II, method 10
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_the_unpaired_difference_is_that_of_newcombes_table(counts, low, high) -> None:
    a, m, b, n = counts
    found = difference_of_intervals(ends(a, m), ends(b, n))
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_rule_has_one_verdict_for_each_place_of_the_interval() -> None:
    assert decide(-0.05, 0.05, 0.1) == ("replicated", "")
    assert decide(0.01, 0.05, 0.1) == ("replicated", "")  # a difference, but smaller than one that counts
    assert decide(0.01, 0.15, 0.1) == ("not-replicated", "")
    assert decide(-0.3, -0.2, 0.1) == ("not-replicated", "")
    assert decide(-0.05, 0.15, 0.1) == ("undecided", "too-wide")
    assert decide(float("nan"), 0.1, 0.1) == ("undecided", "no-interval")


def test_equal_answers_replicate_from_35_items_on_and_not_before() -> None:
    # All items solved by both, none discordant: Newcombe's lower end is -(1 - l) with l = 1 / (1 + z^2 / n), the
    # Wilson end of n of n; z^2/(n + z^2) < 0.1 gives n > 9 z^2 = 34.6. Both ends join only one such arm.
    verdicts = {n: replication(np.ones(n), np.ones(n)).verdict for n in (20, 34, 35, 36, 80)}
    assert verdicts == {
        20: "undecided",
        34: "undecided",
        35: "replicated",
        36: "replicated",
        80: "replicated",
    }


def test_items_that_only_one_side_has_are_left_out() -> None:
    first = np.array([1.0, 1.0, np.nan, 0.0] * 30)
    second = np.array([1.0, np.nan, 1.0, 0.0] * 30)
    found = replication(first, second)
    assert found.difference is not None
    assert (found.verdict, found.difference.n, found.difference.value) == ("replicated", 60, 0.0)
    nothing = replication([np.nan, 1.0], [1.0, np.nan])
    assert (nothing.verdict, nothing.reason, nothing.difference) == ("undecided", "no-items", None)


def test_scores_that_are_no_counts_have_a_margin_in_their_own_unit() -> None:
    rng = np.random.default_rng(1)
    first = rng.uniform(0, 10, 200)
    found = replication(first, first + rng.normal(0, 0.1, 200), bounds=(0, 10), rng=1)
    assert (found.verdict, found.margin) == ("replicated", 1.0)
    assert (
        replication(first, first + 3, bounds=(0, 20), rng=1).verdict == "undecided"
    )  # a constant shift: no spread
    shifted = replication(first, first + 3 + rng.normal(0, 0.1, 200), bounds=(0, 20), rng=1)
    assert shifted.verdict == "not-replicated"
    # no cluster of 100 differs: 1 - 0.025^(1/100) = 0.0362 of the range of 10
    equal = replication(first[:100], first[:100], bounds=(0, 10))
    assert equal.difference is not None
    assert equal.difference.high == pytest.approx(0.3622, abs=1e-4)


def test_bad_words_are_refused() -> None:
    for margin in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(InputError, match="margin"):
            replication([1.0], [1.0], margin=margin)
    with pytest.raises(InputError, match="bounds"):
        replication([1.0], [1.0], bounds=(1.0, 0.0))
    with pytest.raises(InputError, match="scores"):
        replication([1.0, 0.0], [1.0])
    with pytest.raises(InputError, match="does not lie"):
        replication_of_intervals((0.9, 0.1, 0.2), (0.5, 0.4, 0.6))


# ------------------------------------------------------------------ how often the verdicts are wrong


def paired_errors(
    n: int, rate: float, difference: float, agree: float, simulations: int, clusters: int | None = None
) -> dict[str, float]:
    """Shares of the verdicts where the true difference is as given; ``agree``: share of items coupled."""
    rng = np.random.default_rng(n + round(1000 * (rate + difference + agree)))
    codes = None if clusters is None else np.arange(n) % clusters
    counts = dict.fromkeys(("replicated", "not-replicated", "undecided"), 0)
    for _ in range(simulations):
        size = n if codes is None else clusters
        ground = rng.uniform(size=size)
        again = np.where(rng.uniform(size=size) < agree, ground, rng.uniform(size=size))
        if codes is not None:
            ground, again = ground[codes], again[codes]
        counts[replication(ground < rate + difference, again < rate, codes).verdict] += 1
    return {verdict: count / simulations for verdict, count in counts.items()}


def unpaired_errors(n: int, rate: float, difference: float, simulations: int) -> dict[str, float]:
    rng = np.random.default_rng(n + round(1000 * (rate + difference)))
    counts = dict.fromkeys(("replicated", "not-replicated", "undecided"), 0)
    for _ in range(simulations):
        one, two = rng.binomial(n, rate + difference), rng.binomial(n, rate)
        counts[replication_of_intervals(ends(one, n), ends(two, n)).verdict] += 1
    return {verdict: count / simulations for verdict, count in counts.items()}


CELLS = [(126, 0.5, 0.8), (126, 0.85, 0.9), (400, 0.8, 0.5)]


def worst(errors: dict[object, float]) -> float:
    return max(errors.values())


def check(simulations: int, record_property: Recorder | None = None) -> None:
    slack = 3 * np.sqrt(0.05 * 0.95 / simulations)
    false_alarm = {c: paired_errors(c[0], c[1], 0.0, c[2], simulations)["not-replicated"] for c in CELLS}
    false_alarm |= {c[:2]: unpaired_errors(c[0], c[1], 0.0, simulations)["not-replicated"] for c in CELLS}
    false_alarm |= {
        ("clustered", *c): paired_errors(c[0], c[1], 0.0, c[2], simulations, clusters=c[0] // 3)[
            "not-replicated"
        ]
        for c in CELLS
    }
    missed = {c: paired_errors(c[0], c[1], 0.1, c[2], simulations)["replicated"] for c in CELLS}
    missed |= {c[:2]: unpaired_errors(c[0], c[1], 0.1, simulations)["replicated"] for c in CELLS}
    if record_property is not None:
        record_property(
            "coverage",
            f"wrong 'not replicated' at no difference: worst {worst(false_alarm):.1%} (at most 5%); wrong "
            f"'replicated' at the margin: worst {worst(missed):.1%} (at most 2.5%); {simulations} simulations each",
        )
    assert worst(false_alarm) <= 0.05 + slack, false_alarm
    assert worst(missed) <= 0.025 + slack, missed
    # The verdicts are not bought by saying nothing: 400 coupled items decide.
    told = paired_errors(400, 0.8, 0.0, 0.9, simulations)
    assert told["replicated"] > 0.9
    assert paired_errors(400, 0.6, 0.25, 0.8, simulations)["not-replicated"] > 0.95


def test_wrong_verdicts_are_as_rare_as_the_rule_says() -> None:
    check(150)


@pytest.mark.proof
def test_wrong_verdicts_are_as_rare_as_the_rule_says_at_full_size(record_property: Recorder) -> None:
    check(4000, record_property)


@pytest.mark.parametrize(("m", "n"), [(42, 42), (42, 126), (100, 20)])
def test_the_unpaired_interval_covers_its_nominal_share(m: int, n: int) -> None:
    # exact: the chance of every pair of counts, added up where the interval holds the true difference
    from scipy import stats

    low, high = np.empty((m + 1, n + 1)), np.empty((m + 1, n + 1))
    for a in range(m + 1):
        for b in range(n + 1):
            found = difference_of_intervals(ends(a, m), ends(b, n))
            low[a, b], high[a, b] = found.low, found.high
    covered = []
    for p in np.linspace(0.05, 0.95, 7):
        for q in np.linspace(0.05, 0.95, 7):
            chance = np.outer(
                stats.binom.pmf(np.arange(m + 1), m, p), stats.binom.pmf(np.arange(n + 1), n, q)
            )
            inside = (low <= p - q + 1e-12) & (p - q - 1e-12 <= high)
            covered.append(float((chance * inside).sum()))
    assert 0.94 <= np.mean(covered) <= 0.965
    assert min(covered) >= 0.91


def test_where_no_cluster_differs_the_interval_is_the_exact_bound() -> None:
    # If a share q of clusters differed, none of G would be seen to with chance (1 - q)^G; the end is where that
    # falls to 2.5%.
    found = replication([2.0, 3.0] * 20, [2.0, 3.0] * 20, np.arange(40) // 2, bounds=(0, 5)).difference
    assert found is not None
    assert (1 - found.high / 5) ** 20 == pytest.approx(0.025)
    assert (found.low, found.value) == (-found.high, 0.0)
