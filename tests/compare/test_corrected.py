"""Corrected rates and orders: what is said, when nothing is, and how often it is wrong on published labels."""

from pathlib import Path

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage
from reference.published_labels import published_labels

from kakehashi.compare import corrected_order, corrected_rate
from kakehashi.errors import InputError, NotEstimableError

NAN = float("nan")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")


def test_with_enough_labels_of_both_outcomes_the_judge_is_used() -> None:
    human = [1.0] * 20 + [0.0] * 20 + [NAN] * 160
    found = corrected_rate(human, [1.0] * 20 + [0.0] * 100 + [1.0] * 80, rng=1)
    assert found.method == "ppi++"


def test_with_few_labels_of_one_outcome_the_interval_is_exact_and_the_judge_is_left_out() -> None:
    human = [1.0] * 9 + [0.0] * 91 + [NAN] * 300
    found = corrected_rate(human, [0.0] * 400, rng=1)
    # Clopper and Pearson, 9 of 100: Beta(9, 92) at 2.5% and Beta(10, 91) at 97.5%, from published tables
    assert (round(found.low, 4), round(found.high, 4)) == (0.0420, 0.1640)
    assert found.method == "human labels alone, clopper-pearson"
    assert "9 labels of the rarer outcome" in str(found.diagnostics["judge_left_out"])


def test_with_fewer_than_ten_labels_nothing_is_said() -> None:
    with pytest.raises(NotEstimableError, match="insufficient labels: 9") as caught:
        corrected_rate([1.0] * 9 + [NAN] * 91, [1.0] * 100)
    assert caught.value.diagnostic == "insufficient-labels"
    with pytest.raises(InputError, match="0 or 1"):
        corrected_rate([0.5] * 20, [1.0] * 20)


def test_an_order_is_stated_only_where_the_difference_excludes_zero() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random((2, 400)) < np.array([[0.7], [0.3]])
    told = np.where(np.arange(400) < 80, truth, NAN)
    order = corrected_order(("a", "b"), tuple(told), tuple(truth.astype(float)), rng=1)
    assert (order.higher, order.reason) == ("a", "")
    assert order.difference is not None
    assert order.difference.low > 0
    back = corrected_order(("b", "a"), tuple(told[::-1]), tuple(truth[::-1].astype(float)), rng=1)
    assert (back.higher, back.difference.value) == ("a", pytest.approx(-order.difference.value))  # type: ignore[union-attr]
    same = corrected_order(("a", "b"), (told[0], told[0]), (truth[0], truth[0]), rng=1)
    assert (same.higher, same.reason) == ("", "the interval of the difference includes zero")
    few = np.where(np.arange(400) < 29, truth, NAN)
    none = corrected_order(("a", "b"), tuple(few), tuple(truth), rng=1)
    assert (none.difference, none.higher) == (None, "")
    assert "insufficient labels: 29" in none.reason
    with pytest.raises(InputError, match="not of the same items"):
        corrected_order(("a", "b"), (told[0], told[1][:9]), tuple(truth))


def coverage(draws: int, sizes: tuple[int, ...], seed: int = 3) -> dict[str, dict[tuple, float]]:
    """Coverage in cells with at least 10 of each outcome expected among the labels, and in the others."""
    rng = np.random.default_rng(seed)
    cells: dict[str, dict[tuple, float]] = {"enough": {}, "few": {}}
    for key, (human, judge) in published_labels(SHARED).items():
        truth = human.mean()
        for n in sizes:
            hits = 0
            for _ in range(draws):
                told = np.full(human.size, NAN)
                chosen = rng.choice(human.size, n, replace=False)
                told[chosen] = human[chosen]
                found = corrected_rate(told, judge, rng=rng)
                hits += found.low <= truth <= found.high
            kind = "enough" if min(truth, 1 - truth) * n >= 10 else "few"
            cells[kind][(*key, n)] = hits / draws
    return cells


@needs_data
def test_corrected_rates_cover_on_published_labels() -> None:
    cells = coverage(25, (50,))
    for kind in ("enough", "few"):
        assert len(cells[kind]) >= 10
        assert np.mean(list(cells[kind].values())) >= 0.93, cells[kind]


@needs_data
@pytest.mark.proof
@pytest.mark.parametrize("n", [50, 94, 200])
def test_corrected_rates_cover_in_every_cell_over_2000_draws(n: int, record_property: Recorder) -> None:
    cells = coverage(2000, (n,))
    report_coverage(record_property, {**cells["enough"], **cells["few"]}, 2000)
    for kind in ("enough", "few"):
        for cell, share in cells[kind].items():
            assert share >= 0.93, (kind, cell, share)
