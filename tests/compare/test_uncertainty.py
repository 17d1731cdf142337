"""The cascade of uncertainty: which step speaks, that it never says zero, and that its intervals cover."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage
from scipy import stats

from kakehashi.compare.uncertainty import Uncertainty, uncertainty, with_uncertainty
from kakehashi.errors import InputError
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance

SOURCE = Provenance("s", "a", "1", "")
RATE = Measure("a:rate", "own", Polarity.HIGHER)
SCORE = Measure("a:score", "own", Polarity.HIGHER, "score", None, None)
PERCENT = Measure("a:percent", "own", Polarity.HIGHER, "percent", 0.0, 100.0)


def number(value: float | None, measure: Measure = RATE, **more: Any) -> Measurement:
    return Measurement("m", measure, value, SOURCE, reason="" if value is not None else "none", **more)


def ends(found: Uncertainty) -> tuple[float, float]:
    assert found.interval is not None
    return found.interval.low, found.interval.high


def test_what_the_source_states_goes_first() -> None:
    stated = Interval(0.4, 0.7, 0.9, "stated")
    found = uncertainty(number(0.5, n=100, interval=stated), [0, 1] * 50)
    assert (found.step, found.interval) == ("stated", stated)
    # half the width over 1.6449, the two-sided 90% quantile
    assert found.std_error == pytest.approx(0.15 / 1.6448536)


def test_a_stated_standard_error_of_a_proportion_keeps_within_its_range() -> None:
    found = uncertainty(number(0.99, std_error=0.03))
    low, high = ends(found)
    assert found.step == "stated"
    assert low < 0.99 - 1.96 * 0.03 + 0.02
    assert 0.99 < high <= 1
    assert found.std_error == 0.03
    # of another score it is the normal interval
    assert ends(uncertainty(number(12.0, SCORE, std_error=2.0))) == pytest.approx(
        (12 - 3.919928, 12 + 3.919928)
    )


def test_with_the_binomial_standard_error_the_stated_step_is_wilson() -> None:
    k, n = 13, 40
    p = k / n
    stated = uncertainty(number(p, std_error=float(np.sqrt(p * (1 - p) / n))))
    assert ends(stated) == pytest.approx(ends(uncertainty(number(p, n=n))), abs=1e-12)


def test_a_proportion_with_n_is_wilson_or_on_request_jeffreys() -> None:
    theirs = stats.binomtest(13, 40).proportion_ci(method="wilson")
    found = uncertainty(number(13 / 40, n=40))
    assert found.step == "wilson"
    assert ends(found) == pytest.approx((theirs.low, theirs.high))
    assert found.interval is not None
    assert found.interval.method == "wilson, from n = 40"
    other = uncertainty(number(13 / 40, n=40, k=13.0), proportion="jeffreys")
    assert other.step == "jeffreys"
    assert ends(other) == pytest.approx(
        (stats.beta(13.5, 27.5).ppf(0.025), stats.beta(13.5, 27.5).ppf(0.975))
    )
    # in percent the same, a hundredfold
    assert ends(uncertainty(number(32.5, PERCENT, n=40))) == pytest.approx(
        (100 * theirs.low, 100 * theirs.high)
    )


def test_items_in_clusters_go_before_their_number() -> None:
    twins = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0], 10)
    labels = [str(i) for i in range(10) for _ in range(10)]
    naive = uncertainty(number(0.6, n=100))
    found = uncertainty(number(0.6, n=100), twins, labels, rng=1)
    assert (naive.step, found.step) == ("wilson", "cluster-bootstrap")
    # ten clusters of ten equal items are ten items: the interval is at least three times as wide
    assert found.interval is not None
    assert naive.interval is not None
    assert found.interval.high - found.interval.low > 2.5 * (naive.interval.high - naive.interval.low)
    # independent items add nothing to their number
    assert uncertainty(number(0.6, n=100), twins).step == "wilson"


def test_graded_items_and_other_scores_are_resampled() -> None:
    items = np.linspace(0.3, 0.7, 41)
    assert uncertainty(number(0.5, n=41), items, rng=1).step == "cluster-bootstrap"
    found = uncertainty(number(12.0, SCORE), [10.0, 11, 12, 13, 14], rng=1)
    assert found.step == "cluster-bootstrap"
    low, high = ends(found)
    assert low < 12 < high


def test_without_a_ground_it_is_unknown_and_never_zero() -> None:
    for found in (
        uncertainty(number(0.5)),
        uncertainty(number(None, n=10)),
        uncertainty(number(0.5, std_error=0.0)),  # zero states nothing
        uncertainty(number(0.5, interval=Interval(0.5, 0.5, 0.95, "stated"))),
        uncertainty(number(3.0, SCORE, n=100)),
        uncertainty(number(3.0, SCORE), [3.0, 3.0, 3.0]),
        uncertainty(number(0.5, SCORE), [0.25, 0.75], ["a", "a"]),
        uncertainty(number(1.3, n=10)),  # no proportion can be 1.3
    ):
        assert found.step == "unknown"
        assert found.interval is None
        assert found.std_error is None
        assert found.reason


def test_items_that_are_not_the_number_s_say_nothing_of_it() -> None:
    found = uncertainty(number(20.0, SCORE), [1.0, 2, 3, 4], rng=1)
    assert found.step == "unknown"
    assert "not the mean of its items (20 against 2.5)" in found.reason
    # the source's rounding is no contradiction
    assert uncertainty(number(2.67, SCORE), [2.0, 3, 3], rng=1).step == "cluster-bootstrap"
    # with n beside them, n is what there is
    assert uncertainty(number(0.5, n=4), [0.0, 0, 0, 0.1]).step == "wilson"


def test_clusters_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="3 items and 2 clusters"):
        uncertainty(number(0.5), [0, 1, 0], ["a", "b"])


def test_a_number_takes_what_was_found_and_loses_what_states_nothing() -> None:
    row = number(0.5, n=20, std_error=0.0)
    filled = with_uncertainty(row, uncertainty(row))
    assert filled.std_error is not None
    assert filled.std_error > 0
    assert filled.interval is not None
    bare = number(0.5, std_error=0.0)
    assert with_uncertainty(bare, uncertainty(bare)).std_error is None


@given(
    value=st.floats(0, 1),
    n=st.one_of(st.none(), st.integers(1, 1000)),
    error=st.one_of(st.none(), st.floats(0, 0.5)),
)
def test_whatever_is_stated_no_uncertainty_is_zero(value: float, n: int | None, error: float | None) -> None:
    found = uncertainty(number(value, n=n, std_error=error))
    assert (found.step == "unknown") == (found.interval is None) == (found.std_error is None)
    if found.interval is not None:
        assert found.std_error is not None
        assert found.std_error > 0
        assert found.interval.low < found.interval.high
        assert found.interval.low - 1e-9 <= value <= found.interval.high + 1e-9


# ---------------------------------------------------------------- coverage


RATES = np.linspace(0.02, 0.98, 49)


def enumerated(n: int) -> np.ndarray[Any, Any]:
    """Exact coverage of the cascade for a rate of k of n, at each true rate."""
    low, high = np.array([ends(uncertainty(number(k / n, n=n))) for k in range(n + 1)]).T
    inside = (low[:, None] <= RATES) & (high[:, None] >= RATES)
    return np.asarray((stats.binom.pmf(np.arange(n + 1)[:, None], n, RATES) * inside).sum(axis=0))


@pytest.mark.parametrize("n", [20, 50, 126, 400])
def test_wilson_from_n_covers_93_to_97_percent_on_average(n: int) -> None:
    covered = enumerated(n)
    assert 0.93 <= covered.mean() <= 0.97
    assert covered.min() > 0.87  # the worst cell of the grid


def _stated_coverage(simulations: int) -> dict[tuple[float, int], float]:
    rng = np.random.default_rng(11)
    cells = {}
    for mean in (0.2, 0.5, 0.8):
        for n in (40, 200):
            draws = rng.beta(4 * mean, 4 * (1 - mean), size=(simulations, n))
            errors = draws.std(axis=1, ddof=1) / np.sqrt(n)
            hits = 0
            for value, error in zip(draws.mean(axis=1), errors, strict=True):
                low, high = ends(uncertainty(number(float(value), std_error=float(error))))
                hits += low <= mean <= high
            cells[mean, n] = hits / simulations
    return cells


def test_stated_standard_errors_of_graded_scores_cover_93_to_97_percent_on_average() -> None:
    cells = _stated_coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_stated_standard_errors_cover_at_full_size(record_property: Recorder) -> None:
    cells = _stated_coverage(4000)
    assert 0.93 <= report_coverage(record_property, cells, 4000) <= 0.97, cells


def _clustered_coverage(simulations: int) -> dict[tuple[float, float], tuple[float, float]]:
    """Coverage of the cascade with the items at hand, and of their number alone, by correlation and rate."""
    rng = np.random.default_rng(12)
    cells = {}
    size, groups = 5, 40
    labels = np.repeat(np.arange(groups), size).astype(str).tolist()
    for correlation in (0.2, 0.6):
        total = 1 / correlation - 1  # beta-binomial with this correlation within a cluster
        for rate in (0.15, 0.5, 0.85):
            hits = alone = 0
            for _ in range(simulations):
                shares = rng.beta(rate * total, (1 - rate) * total, size=groups)
                items = (rng.random((groups, size)) < shares[:, None]).astype(float).ravel()
                row = number(float(items.mean()), n=items.size)
                low, high = ends(uncertainty(row, items, labels, n_resamples=300, rng=rng))
                hits += low <= rate <= high
                low, high = ends(uncertainty(row))
                alone += low <= rate <= high
            cells[correlation, rate] = hits / simulations, alone / simulations
    return cells


def test_clustered_items_are_covered_where_their_number_alone_would_not() -> None:
    cells = _clustered_coverage(400)
    assert 0.93 <= np.mean([with_items for with_items, _ in cells.values()]) <= 0.97, cells
    assert np.mean([alone for _, alone in cells.values()]) < 0.91, cells


@pytest.mark.proof
def test_clustered_items_are_covered_at_full_size(record_property: Recorder) -> None:
    cells = {key: with_items for key, (with_items, _) in _clustered_coverage(4000).items()}
    assert 0.93 <= report_coverage(record_property, cells, 4000) <= 0.97, cells
    assert min(cells.values()) > 0.92, cells
