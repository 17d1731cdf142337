"""The interval of a mean of independent rates: by hand, at the edges, and its simulated coverage."""

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage

from kakehashi.compare import mean_of_rates
from kakehashi.compare.intervals import cluster_bootstrap_mean
from kakehashi.errors import InputError, NotEstimableError


def test_by_hand() -> None:
    # K = 2: one success and one failure more each. (10 + 1) / 22 = 0.5 and (9 + 1) / 32 = 0.3125; variances
    # 0.25 / 22 = 0.011364 and 0.214844 / 32 = 0.006714; 1.959964 sqrt(0.018077504) / 2 = 0.131761 around 0.40625.
    e = mean_of_rates([0.5, 0.3], [20, 30])
    assert (e.value, e.low, e.high) == pytest.approx((0.4, 0.274489, 0.538011), abs=1e-6)
    assert (e.method, e.n) == ("price-bonett", 50)


def test_one_rate_is_the_interval_of_agresti_and_coull_with_four_items_more() -> None:
    # (15 + 2) / 24 with 24 items.
    e = mean_of_rates([0.75], [20])
    half = 1.959964 * (17 / 24 * 7 / 24 / 24) ** 0.5
    assert (e.low, e.high) == pytest.approx((17 / 24 - half, 17 / 24 + half), abs=1e-6)


def test_an_edge_keeps_a_width_and_clusters_widen() -> None:
    sure = mean_of_rates([1.0, 1.0], [20, 20])
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert sure.low < 0.95
    plain, clustered, graded = (
        mean_of_rates([0.5, 0.5], [40, 40], errors) for errors in (None, [0.2, 0.2], [0.01, None])
    )
    assert clustered.high - clustered.low > 1.5 * (plain.high - plain.low)
    assert (graded.low, graded.high) == (plain.low, plain.high)


def test_what_cannot_be_averaged_is_refused() -> None:
    with pytest.raises(NotEstimableError):
        mean_of_rates([], [])
    with pytest.raises(NotEstimableError):
        mean_of_rates([0.5], [0])
    with pytest.raises(InputError, match="2 rates, 1 sizes"):
        mean_of_rates([0.1, 0.2], [3])
    with pytest.raises(InputError, match="percent"):
        mean_of_rates([50.0], [3])


def coverage(rates: tuple[float, ...], sizes: tuple[int, ...], simulations: int) -> float:
    rng = np.random.default_rng(7)
    drawn = rng.binomial(sizes, rates, (simulations, len(sizes))) / np.array(sizes)
    ends = [mean_of_rates(one, sizes) for one in drawn]
    return float(np.mean([e.low <= np.mean(rates) <= e.high for e in ends]))


def test_coverage_of_the_mean_of_five_rates(record_property: Recorder) -> None:
    simulations = 2000
    cells = {
        (rates, sizes): coverage(rates, sizes, simulations)
        for sizes in ((20, 20, 20, 20, 20), (400, 100, 450, 80, 100))
        for rates in ((0.5,) * 5, (0.95,) * 5, (0.99, 0.9, 0.7, 0.4, 0.95), (0.02, 0.1, 0.05, 0.3, 0.2))
    }
    assert 0.93 <= report_coverage(record_property, cells, simulations) <= 0.98, cells
    assert min(cells.values()) >= 0.92, cells


def test_coverage_of_a_bias_score_clustered_by_template(record_property: Recorder) -> None:
    # Answers are 1 (with the stereotype), 0 (unknown) or -1; each of 25 templates leans its own way.
    simulations, rng = 300, np.random.default_rng(11)
    cells = {}
    for lean in (0.0, 0.2):
        held = 0
        for _ in range(simulations):
            with_it = np.clip(rng.normal(0.3 + lean, 0.1, 25), 0.02, 0.9)
            draws = rng.random((25, 12))
            values = np.where(
                draws < with_it[:, None], 1.0, np.where(draws < with_it[:, None] + 0.1, 0.0, -1.0)
            )
            e = cluster_bootstrap_mean(
                values.ravel(), np.repeat(np.arange(25), 12), bounds=(-1, 1), n_resamples=200, rng=1
            )
            truth = 2 * (0.3 + lean) - 0.9
            held += e.low <= truth <= e.high
        cells[lean] = held / simulations
    assert 0.92 <= report_coverage(record_property, cells, simulations) <= 0.98, cells
