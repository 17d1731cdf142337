"""Label budgets and the Rogan-Gladen diagnostic: against simulation, hand derivations and ranges of truths."""

from itertools import product

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage

from kakehashi.compare.label_budget import label_budget
from kakehashi.compare.ppi import ppi_mean
from kakehashi.compare.rogan_gladen import rogan_gladen
from kakehashi.errors import InputError, NotEstimableError, UsageError


@pytest.mark.parametrize(
    ("half_width", "rate", "sensitivity", "specificity"),
    [(0.05, 0.2, 0.95, 0.95), (0.06, 0.5, 0.8, 0.9), (0.04, 0.1, 0.9, 0.97), (0.08, 0.4, 0.6, 0.6)],
)
def test_with_the_labels_planned_the_interval_is_as_wide_as_wanted(
    half_width: float, rate: float, sensitivity: float, specificity: float
) -> None:
    # against the interval itself on simulated labels, which knows nothing of the plan
    plan = label_budget(half_width, 3000, rate=rate, sensitivity=sensitivity, specificity=specificity)
    rng = np.random.default_rng(1)
    widths = []
    for _ in range(60):
        truth = rng.random(3000) < rate
        judge = np.where(truth, rng.random(3000) < sensitivity, rng.random(3000) >= specificity).astype(float)
        found = ppi_mean(np.where(np.arange(3000) < plan.n_labels, truth, np.nan), judge, rng=rng)
        widths.append((found.high - found.low) / 2)
    assert np.mean(widths) == pytest.approx(half_width, rel=0.08)
    assert plan.expected_half_width == pytest.approx(np.mean(widths), rel=0.08)


def test_without_a_judge_the_budget_is_near_the_textbook_one() -> None:
    # 1.96² · 0.25 / 0.05² = 384.2; Wilson's interval is a little shorter, Student's t a little longer
    plan = label_budget(0.05, 10_000, rate=0.5, sensitivity=0.5, specificity=0.5)
    assert plan.n_without_judge == pytest.approx(384, abs=6)
    assert plan.n_labels == plan.n_without_judge
    assert (plan.saved, plan.lam, plan.correlation) == (0.0, 0.0, 0.0)


def test_a_better_judge_needs_fewer_labels_but_never_fewer_than_thirty() -> None:
    needed = [
        label_budget(0.05, 20_000, rate=0.3, sensitivity=q, specificity=q).n_labels
        for q in (0.5, 0.7, 0.9, 0.97, 1.0)
    ]
    assert needed == sorted(needed, reverse=True)
    assert label_budget(0.3, 1000, rate=0.3, sensitivity=0.99, specificity=0.99).n_labels == 30


def test_too_few_items_are_named() -> None:
    with pytest.raises(NotEstimableError) as caught:
        label_budget(0.01, 200, rate=0.5, sensitivity=0.9, specificity=0.9)
    assert caught.value.diagnostic == "too-few-items"


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 1.2}, {"sensitivity": -0.1}, {"specificity": float("nan")}, {"design_effect": 0.5}],
)
def test_impossible_plans_are_refused(wrong: dict) -> None:
    with pytest.raises(UsageError):
        label_budget(0.05, 1000, **{"rate": 0.3, "sensitivity": 0.9, "specificity": 0.9, **wrong})
    with pytest.raises(UsageError):
        label_budget(5, 1000, rate=0.3, sensitivity=0.9, specificity=0.9)


def test_rogan_gladen_is_the_hand_derived_rate() -> None:
    # q = .42, se = .8, sp = .7: (.42 + .7 - 1) / (.8 + .7 - 1) = .12 / .5 = .24
    found = rogan_gladen(420, 1000, 80, 100, 70, 100)
    assert found.value == pytest.approx(0.24)
    assert found.low < 0.24 < found.high
    assert "weak_judge" not in found.diagnostics


def test_a_perfect_judge_leaves_its_rate() -> None:
    assert rogan_gladen(30, 100, 500, 500, 500, 500).value == pytest.approx(0.3)


def test_a_judge_near_chance_is_flagged_and_one_at_chance_refused() -> None:
    weak = rogan_gladen(50, 100, 60, 100, 60, 100)
    assert "multiplies every error by 5" in str(weak.diagnostics["weak_judge"])
    assert weak.high - weak.low > 0.8
    with pytest.raises(NotEstimableError) as caught:
        rogan_gladen(50, 100, 50, 100, 50, 100)
    assert caught.value.diagnostic == "useless-judge"


def test_labels_of_one_class_and_impossible_counts_are_named() -> None:
    with pytest.raises(NotEstimableError) as caught:
        rogan_gladen(50, 100, 0, 0, 50, 100)
    assert caught.value.diagnostic == "one-class"
    with pytest.raises(InputError):
        rogan_gladen(150, 100, 5, 10, 5, 10)
    with pytest.raises(InputError):
        rogan_gladen(float("nan"), 100, 5, 10, 5, 10)


def _coverage(labels: tuple[int, int], simulations: int) -> dict[tuple, float]:
    rng = np.random.default_rng(7)
    cells = {}
    for n, rate, (se, sp) in product(
        (200, 2000), (0.02, 0.1, 0.3, 0.5, 0.9), ((0.95, 0.95), (0.8, 0.9), (0.99, 0.6), (0.7, 0.7))
    ):
        hits = tried = 0
        for _ in range(simulations):
            q = rng.binomial(n, rate * se + (1 - rate) * (1 - sp))
            try:
                e = rogan_gladen(
                    q, n, rng.binomial(labels[0], se), labels[0], rng.binomial(labels[1], sp), labels[1]
                )
            except NotEstimableError:
                continue
            tried += 1
            hits += e.low <= rate <= e.high
        cells[n, rate, se, sp] = hits / tried
    return cells


@pytest.mark.parametrize("labels", [(50, 50), (30, 100), (200, 200)])
def test_rogan_gladen_covers_93_to_97_percent_on_average(labels: tuple[int, int]) -> None:
    cells = _coverage(labels, 40)
    mean = np.mean(list(cells.values()))
    print(labels, "mean", mean, "worst", min(cells.items(), key=lambda c: c[1]))
    assert mean >= 0.93, cells  # with fewer than 100 labels of a class it is labelled conservative
    if min(labels) >= 100:
        assert mean <= 0.97, cells


@pytest.mark.proof
@pytest.mark.parametrize("labels", [(20, 20), (50, 50), (30, 100), (200, 200)])
def test_rogan_gladen_covers_at_full_size(labels: tuple[int, int], record_property: Recorder) -> None:
    cells = _coverage(labels, 2000)
    mean = report_coverage(record_property, {(labels, *c): v for c, v in cells.items()}, 2000)
    assert mean >= 0.93, cells
    assert min(cells.values()) >= 0.91, cells
    if min(labels) >= 100:
        assert mean <= 0.97, cells
