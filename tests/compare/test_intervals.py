"""Intervals against scipy, hand derivations, and their simulated or enumerated coverage."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage
from scipy import stats

from kakehashi.compare.intervals import Estimate, clopper_pearson, cluster_bootstrap_mean, jeffreys, wilson
from kakehashi.compare.paired import newcombe_paired, paired_difference, smallest_detectable_difference
from kakehashi.errors import InputError, NotEstimableError, UsageError

RATES = np.linspace(0.005, 0.995, 199)
SIZES = (10, 20, 42, 84, 126, 500)


@given(n=st.integers(1, 400), share=st.floats(0, 1))
def test_wilson_and_clopper_pearson_equal_scipy(n: int, share: float) -> None:
    k = round(n * share)
    test = stats.binomtest(k, n)
    for ours, method in ((wilson(k, n), "wilson"), (clopper_pearson(k, n), "exact")):
        theirs = test.proportion_ci(method=method)
        assert ours.low == pytest.approx(theirs.low, abs=1e-9)
        assert ours.high == pytest.approx(theirs.high, abs=1e-9)


def test_jeffreys_is_the_beta_posterior_with_the_ends_opened() -> None:
    middle = jeffreys(3, 20)
    assert middle.low == pytest.approx(stats.beta(3.5, 17.5).ppf(0.025))
    assert middle.high == pytest.approx(stats.beta(3.5, 17.5).ppf(0.975))
    assert jeffreys(0, 20).low == 0.0
    assert jeffreys(20, 20).high == 1.0


def _enumerated_coverage(interval: Callable[[float, float], Estimate], n: int) -> np.ndarray:
    """Exact coverage at each true rate: the chance of the counts whose interval holds the rate."""
    ends = [interval(k, n) for k in range(n + 1)]
    low, high = np.array([e.low for e in ends]), np.array([e.high for e in ends])
    inside = (low[:, None] <= RATES) & (high[:, None] >= RATES)
    return (stats.binom.pmf(np.arange(n + 1)[:, None], n, RATES) * inside).sum(axis=0)


@pytest.mark.parametrize("interval", [wilson, jeffreys])
def test_approximate_intervals_cover_93_to_97_percent_on_average(interval: Callable[..., Estimate]) -> None:
    averages = [_enumerated_coverage(interval, n).mean() for n in SIZES]
    assert all(0.93 <= a <= 0.97 for a in averages), dict(zip(SIZES, averages, strict=True))


def test_the_known_dip_of_jeffreys_is_there_and_wilson_is_better() -> None:
    # measured before for this project: Jeffreys at n = 126 and a rate of 0.02 covers 88%
    k = np.arange(127)
    weights = stats.binom.pmf(k, 126, 0.02)
    covered = {
        f.__name__: sum(w for i, w in zip(k, weights, strict=True) if f(i, 126).low <= 0.02 <= f(i, 126).high)
        for f in (jeffreys, wilson)
    }
    assert covered["jeffreys"] == pytest.approx(0.88, abs=0.01)
    assert covered["wilson"] > 0.93


def test_clopper_pearson_never_covers_less_than_nominal() -> None:
    for n in SIZES:
        assert _enumerated_coverage(clopper_pearson, n).min() >= 0.95


@pytest.mark.parametrize("interval", [wilson, jeffreys, clopper_pearson])
@pytest.mark.parametrize("k", [0, 12])
def test_no_interval_has_zero_width_at_no_or_all_successes(interval: Callable[..., Estimate], k: int) -> None:
    e = interval(k, 12)
    assert e.high - e.low > 0.1
    assert np.isnan(e.std_error)  # unknown, never zero


@pytest.mark.parametrize(("k", "n"), [(5, 4), (-1, 4), (float("nan"), 4), (1, float("inf"))])
def test_impossible_counts_are_refused(k: float, n: float) -> None:
    with pytest.raises(InputError):
        wilson(k, n)


def test_a_rate_of_no_items_cannot_be_estimated() -> None:
    with pytest.raises(NotEstimableError):
        wilson(0, 0)


def test_a_percentage_as_level_is_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        wilson(1, 2, confidence_level=95)


def test_the_cluster_bootstrap_finds_the_standard_error_of_cluster_means() -> None:
    # four clusters of two, cluster means 0, 0.5, 0.5, 1: sample variance of means = (0.25 + 0.25)/3 = 1/6;
    # standard error of their mean = sqrt(1/6/4) = 0.2041
    e = cluster_bootstrap_mean([0, 0, 1, 0, 0, 1, 1, 1], [1, 1, 2, 2, 3, 3, 4, 4], n_resamples=20_000, rng=1)
    assert e.value == 0.5
    assert e.std_error == pytest.approx(0.2041, rel=0.02)
    assert e.diagnostics["few_clusters"] is True


def test_all_equal_scores_count_clusters_not_items() -> None:
    e = cluster_bootstrap_mean(np.zeros(100), np.repeat(np.arange(10), 10), rng=1)
    assert e.low == 0.0
    assert e.high > wilson(0, 10).high  # ten clusters, and t instead of the normal quantile
    assert e.diagnostics["no_variation"] is True


def test_scores_without_variation_and_without_bounds_have_no_interval() -> None:
    e = cluster_bootstrap_mean([3.0, 3.0, 3.0], rng=1)
    assert np.isnan(e.low)
    with pytest.raises(NotEstimableError):
        _ = e.interval


def test_bounds_are_checked_and_kept() -> None:
    e = cluster_bootstrap_mean([1, 10, 10, 9, 10], bounds=(1, 10), rng=1)
    assert 1 <= e.low < e.value < e.high <= 10
    with pytest.raises(InputError, match="percent"):
        cluster_bootstrap_mean([0.5, 88.0], bounds=(0, 1))


def test_missing_scores_are_counted_and_infinity_refused() -> None:
    assert cluster_bootstrap_mean([0, 1, float("nan"), 1], rng=1).diagnostics["n_missing"] == 1
    with pytest.raises(InputError, match="position 1"):
        cluster_bootstrap_mean([0, float("inf")])
    with pytest.raises(NotEstimableError):
        cluster_bootstrap_mean([float("nan")])
    with pytest.raises(NotEstimableError) as caught:
        cluster_bootstrap_mean([0, 1], ["same", "same"])
    assert caught.value.diagnostic == "one-cluster"


def test_the_seed_makes_the_interval_repeatable() -> None:
    scores = np.random.default_rng(1).normal(size=30)
    assert cluster_bootstrap_mean(scores, rng=7) == cluster_bootstrap_mean(scores, rng=7)


def test_newcombe_gives_his_published_table() -> None:
    # Newcombe (1998), table II, method 10: the contrast 36, 12, 2, 0 has 0.0569 to 0.3404
    e = newcombe_paired(36, 12, 2, 0)
    assert (e.value, round(e.low, 4), round(e.high, 4)) == (0.2, 0.0569, 0.3404)


@given(counts=st.tuples(*[st.integers(0, 30)] * 4).filter(lambda c: sum(c) > 1))
def test_exchanging_the_systems_turns_the_interval_round(counts: tuple[int, int, int, int]) -> None:
    both, first, second, neither = counts
    e, turned = newcombe_paired(both, first, second, neither), newcombe_paired(both, second, first, neither)
    assert (e.low, e.high) == pytest.approx((-turned.high, -turned.low), abs=1e-12)
    assert e.low <= e.value <= e.high
    assert e.high > e.low


def test_independent_items_give_newcombes_interval() -> None:
    a = np.array([1] * 36 + [1] * 12 + [0] * 2)
    b = np.array([1] * 36 + [0] * 12 + [1] * 2)
    e, n = paired_difference(a, b), newcombe_paired(36, 12, 2, 0)
    assert (e.low, e.high, e.method) == (n.low, n.high, "newcombe-paired")


def test_two_equal_systems_in_clusters_keep_a_width() -> None:
    a = np.tile([0.0, 1.0], 20)
    e = paired_difference(a, a, np.repeat(np.arange(10), 4))
    assert e.low < -0.05
    assert e.high > 0.05


def test_graded_scores_are_compared_by_the_studentized_bootstrap() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    e = paired_difference(a + 1 + rng.normal(size=50) / 10, a, rng=1)
    assert e.method == "bootstrap-t"
    assert e.low < 1 < e.high
    assert e.high - e.low < 0.1


def test_no_item_in_common_cannot_be_compared() -> None:
    with pytest.raises(NotEstimableError, match="both"):
        paired_difference([1, float("nan")], [float("nan"), 0])
    with pytest.raises(InputError, match="Align"):
        paired_difference([1], [1, 0])


def test_the_detectable_difference_has_the_power_it_says() -> None:
    # checked against simulation of the pooled z test, which the formula does not use
    found = smallest_detectable_difference(200, 0.3)
    rng = np.random.default_rng(3)
    x, y = rng.binomial(200, 0.3, 40_000) / 200, rng.binomial(200, 0.3 + found.up, 40_000) / 200
    pooled = (x + y) / 2
    z = (y - x) / np.sqrt(2 * pooled * (1 - pooled) / 200)
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.015)


def test_the_paired_design_sees_smaller_differences() -> None:
    plain = smallest_detectable_difference(126, 0.5)
    paired = smallest_detectable_difference(126, 0.5, design="paired", correlation=0.6)
    assert paired.value < plain.value
    # McNemar by simulation: correlated answers of two systems; many items, as his test is coarse with few
    paired = smallest_detectable_difference(2000, 0.5, design="paired", correlation=0.6)
    rng = np.random.default_rng(4)
    p, q = 0.5, 0.5 + paired.up
    both = p * q + 0.6 * np.sqrt(p * (1 - p) * q * (1 - q))
    counts = rng.multinomial(2000, [both, p - both, q - both, 1 - p - q + both], size=40_000)
    b, c = counts[:, 1], counts[:, 2]
    z = (c - b) / np.sqrt(np.maximum(b + c, 1))
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.015)


def test_near_the_edge_only_one_direction_can_be_seen() -> None:
    found = smallest_detectable_difference(50, 0.98)
    assert np.isnan(found.up)
    assert found.value == found.down
    with pytest.raises(NotEstimableError):
        smallest_detectable_difference(2, 0.5)
    with pytest.raises(InputError):
        smallest_detectable_difference(0, 0.5)


def test_clusters_make_the_detectable_difference_greater() -> None:
    assert smallest_detectable_difference(100, design_effect=2).value == pytest.approx(
        smallest_detectable_difference(50).value
    )


def _cluster_coverage(simulations: int) -> dict[tuple[int, int, float, float], float]:
    rng = np.random.default_rng(11)
    cells = {}
    for n_clusters, size in ((10, 5), (30, 4), (60, 2)):
        for icc in (0.05, 0.3):
            for p in (0.02, 0.3, 0.9):
                spread = (1 - icc) / icc
                rate = rng.beta(p * spread, (1 - p) * spread, size=(simulations, n_clusters, 1))
                y = (rng.random((simulations, n_clusters, size)) < rate).astype(float)
                labels = np.repeat(np.arange(n_clusters), size)
                hits = 0
                for scores in y:
                    e = cluster_bootstrap_mean(scores.ravel(), labels, n_resamples=150, rng=rng)
                    hits += e.low <= p <= e.high
                cells[n_clusters, size, icc, p] = hits / simulations
    return cells


def test_cluster_bootstrap_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _cluster_coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_cluster_bootstrap_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _cluster_coverage(4000)
    assert 0.93 <= report_coverage(record_property, cells, 4000) <= 0.97, cells
    assert min(cells.values()) > 0.92, cells


def _mean_coverage(simulations: int) -> dict[tuple[int, int, str], float]:
    rng = np.random.default_rng(12)
    draws = {
        "normal": (lambda s: rng.normal(size=s), 0.0),
        "exponential": (lambda s: rng.exponential(size=s), 1.0),
        "grade": (lambda s: rng.binomial(9, 0.8, size=s) + 1.0, 8.2),
    }
    cells = {}
    for n_clusters, size in ((10, 5), (20, 3), (60, 2)):
        for name, (draw, truth) in draws.items():
            hits = 0
            for _ in range(simulations):
                y = (draw((n_clusters, 1)) + draw((n_clusters, size))) / 2
                e = cluster_bootstrap_mean(
                    y.ravel(), np.repeat(np.arange(n_clusters), size), n_resamples=400, rng=rng
                )
                hits += e.low <= truth <= e.high
            cells[n_clusters, size, name] = hits / simulations
    return cells


def test_studentized_intervals_of_means_cover_93_to_97_percent_on_average() -> None:
    cells = _mean_coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_studentized_intervals_of_means_cover_at_full_size(record_property: Recorder) -> None:
    cells = _mean_coverage(4000)
    assert 0.93 <= report_coverage(record_property, cells, 4000) <= 0.97, cells


def _paired_coverage(simulations: int) -> dict[tuple[int, int, float, float], float]:
    rng = np.random.default_rng(13)
    cells = {}
    for n_clusters, size in ((10, 5), (30, 4), (60, 2), (126, 1)):
        for p, q in ((0.5, 0.5), (0.9, 0.8), (0.97, 0.97), (0.3, 0.4)):
            shape = (simulations, n_clusters, size)
            shared = 0.6 * rng.normal(size=(simulations, n_clusters, 1)) + 0.6 * rng.normal(size=shape)
            cut = np.sqrt(1.72) * stats.norm.ppf([p, q])  # variance .36 + .36 + 1
            a = (shared + rng.normal(size=shape) < cut[0]).astype(float)
            b = (shared + rng.normal(size=shape) < cut[1]).astype(float)
            labels = np.repeat(np.arange(n_clusters), size)
            hits = 0
            for x, y in zip(a, b, strict=True):
                e = paired_difference(x.ravel(), y.ravel(), labels)
                hits += e.low <= p - q <= e.high
            cells[n_clusters, size, p, q] = hits / simulations
    return cells


def test_paired_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _paired_coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_paired_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _paired_coverage(4000)
    assert 0.93 <= report_coverage(record_property, cells, 4000) <= 0.97, cells
    assert min(cells.values()) > 0.93, cells
