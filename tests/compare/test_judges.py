"""Judges against human labels: hand-derived numbers, invariants, coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage

from kakehashi.compare.judges import (
    bias_by_class,
    cohen_kappa,
    confusion,
    judge_report,
    sensitivity,
    specificity,
)
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError


def test_kappa_of_the_grant_example_is_four_tenths() -> None:
    # 50 proposals: both yes 20, both no 15, yes/no 5, no/yes 10.
    # observed = 35/50 = .7; expected = (25*30 + 25*20)/2500 = .5; kappa = (.7 - .5)/(1 - .5) = .4
    a = [1] * 25 + [0] * 25
    b = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    estimate = cohen_kappa(a, b, rng=1)
    assert estimate.value == pytest.approx(0.4)
    assert estimate.diagnostics["observed_agreement"] == pytest.approx(0.7)
    assert estimate.low < 0.4 < estimate.high


def test_quadratic_weights_follow_the_hand_derivation() -> None:
    # labels 0,1,2; pairs (0,0),(1,1),(2,2),(0,2): disagreement = 4/4 = 1
    # rows: 0:2, 1:1, 2:1; columns: 0:1, 1:1, 2:2
    # expected = [0-1: 2*1*1 + 0-2: 2*2*4 + 1-0: 1*1*1 + 1-2: 1*2*1 + 2-0: 1*1*4 + 2-1: 1*1*1] / 16 = 26/16
    # kappa = 1 - 1 / 1.625 = 5/13
    estimate = cohen_kappa([0, 1, 2, 0], [0, 1, 2, 2], weights="quadratic", rng=1)
    assert estimate.value == pytest.approx(5 / 13)


def test_linear_and_no_weights_agree_for_two_classes() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 2, 80), rng.integers(0, 2, 80)
    plain = cohen_kappa(a, b, rng=1).value
    assert cohen_kappa(a, b, weights="linear", rng=1).value == pytest.approx(plain)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=40),
    st.permutations([0, 1, 2]),
)
def test_kappa_ignores_the_order_of_raters_and_the_names_of_classes(
    pairs: list[tuple[int, int]], names: list[int]
) -> None:
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    if len(set(a) | set(b)) < 2:
        with pytest.raises(NotEstimableError):
            cohen_kappa(a, b, n_resamples=10, rng=1)
        return
    value = cohen_kappa(a, b, n_resamples=10, rng=1).value
    assert cohen_kappa(b, a, n_resamples=10, rng=1).value == pytest.approx(value)
    renamed = cohen_kappa([names[i] for i in a], [names[i] for i in b], n_resamples=10, rng=1).value
    assert renamed == pytest.approx(value)
    assert value <= 1.0


def test_kappa_of_one_class_cannot_be_estimated() -> None:
    with pytest.raises(NotEstimableError, match="not defined") as caught:
        cohen_kappa(["r"] * 5, ["r"] * 5)
    assert caught.value.diagnostic == "one-class"


def test_perfect_agreement_has_no_lower_end_rather_than_zero_width() -> None:
    estimate = cohen_kappa([0, 1, 0, 1], [0, 1, 0, 1], rng=1)
    assert estimate.value == 1.0
    assert np.isnan(estimate.low)
    assert "no_interval" in estimate.diagnostics


def test_missing_labels_are_left_out_and_counted() -> None:
    table = confusion(["a", None, "b", "b"], ["a", "a", float("nan"), "a"])
    assert table.counts.tolist() == [[1, 0], [1, 0]]
    assert (table.n, table.n_missing, table.accuracy) == (2, 2, 0.5)


def test_a_label_outside_the_scheme_is_named() -> None:
    with pytest.raises(UnknownNameError, match="refuse"):
        confusion(["refused"], ["refuse"], labels=["refused", "complied"])


def test_labels_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match="3 reference labels and 2"):
        cohen_kappa([1, 0, 1], [1, 0])


def test_sensitivity_and_specificity_count_the_right_items() -> None:
    truth = ["h"] * 4 + ["o"] * 5
    said = ["h", "h", "h", "o", "h", "o", "o", "o", "o"]
    assert sensitivity(truth, said, "h", rng=1).value == 0.75  # 3 of 4
    assert specificity(truth, said, "h", rng=1).value == 0.8  # 4 of 5
    with pytest.raises(NotEstimableError):
        sensitivity(truth, said, "absent")


def test_bias_by_class_is_the_difference_of_shares() -> None:
    truth, said = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]
    first, second = bias_by_class(truth, said, rng=1)
    assert first.difference.value == pytest.approx(-1 / 6)
    assert second.difference.value == pytest.approx(1 / 6)
    assert first.recall is not None
    assert first.recall.value == pytest.approx(2 / 3)


def test_the_report_carries_every_figure() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 90)
    said = np.where(rng.random(90) < 0.8, truth, rng.integers(0, 3, 90))
    report = judge_report(
        truth.tolist(), said.tolist(), positive=1, clusters=np.repeat(np.arange(30), 3), rng=3
    )
    assert report.confusion.n == 90
    assert report.kappa.diagnostics["n_clusters"] == 30
    assert report.accuracy.value == pytest.approx(report.confusion.accuracy)
    assert report.sensitivity is not None
    assert len(report.bias) == 3


def _coverage(simulations: int) -> dict[tuple[int, int, float], float]:
    rng = np.random.default_rng(2026)
    cells = {}
    for n_clusters, size, accuracy in ((30, 3, 0.85), (60, 2, 0.95), (100, 1, 0.7), (100, 5, 0.9)):
        # the judge is right with `accuracy`, else it answers at random among three classes with equal shares:
        # observed = accuracy + (1 - accuracy)/3, expected = 1/3, so kappa = accuracy, in each cluster alike
        hits = 0
        for _ in range(simulations):
            truth = np.repeat(rng.integers(0, 3, n_clusters), size)
            said = np.where(rng.random(truth.size) < accuracy, truth, rng.integers(0, 3, truth.size))
            e = cohen_kappa(
                truth, said, clusters=np.repeat(np.arange(n_clusters), size), n_resamples=200, rng=rng
            )
            hits += np.isnan(e.low) or e.low <= accuracy <= e.high
        cells[n_clusters, size, accuracy] = hits / simulations
    return cells


def test_kappa_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_kappa_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _coverage(4000)
    assert 0.93 <= report_coverage(record_property, cells, 4000) <= 0.97, cells
    assert min(cells.values()) > 0.91, cells
