"""Prediction-powered means: equal to ppi-python, unbiased, and honest with few labels."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage

from kakehashi.compare.ppi import LEAST_LABELS, ppi_mean
from kakehashi.errors import InputError, NotEstimableError, UsageError

GOLDEN = json.loads((Path(__file__).parent / "golden" / "ppi_python.json").read_text(encoding="utf-8"))
NAN = float("nan")


@pytest.mark.parametrize("case", GOLDEN["cases"])
def test_plug_in_and_fixed_lam_equal_ppi_python(case: dict) -> None:
    extra = len(case["judge_only"])
    human = case["human"] + [NAN] * extra
    judge = case["judge"] + case["judge_only"]
    for name, expected in case["estimates"].items():
        power = name if name == "plug-in" else float(name)
        found = ppi_mean(human, judge, power=power, bounds=(0, 1))
        assert found.value == pytest.approx(expected, abs=1e-12)


def test_the_plain_estimate_is_the_hand_derived_one() -> None:
    # 40 labels, half of them 1; the judge says 1 on the same and on 4 more: mean(y - f) = -0.1;
    # of the 100 others the judge calls 30 positive: 0.3 - 0.1 = 0.2
    human = [1.0] * 20 + [0.0] * 20 + [NAN] * 100
    judge = [1.0] * 24 + [0.0] * 16 + [1.0] * 30 + [0.0] * 70
    assert ppi_mean(human, judge, power=1.0).value == pytest.approx(0.2)


def _sample(
    rng: np.random.Generator, n: int, extra: int, rate: float, sens: float, spec: float, size: int = 1
):
    groups = (n + extra) // size
    truth = np.repeat(rng.random(groups) < rate, size)
    judge = np.where(truth, rng.random(truth.size) < sens, rng.random(truth.size) >= spec).astype(float)
    human = np.where(np.arange(truth.size) < n, truth, NAN)
    return human, judge, np.repeat(np.arange(groups), size)


def test_a_biased_judge_is_corrected_without_bias() -> None:
    rng = np.random.default_rng(3)
    found = [ppi_mean(*_sample(rng, 60, 400, 0.2, 0.9, 0.6), rng=rng) for _ in range(600)]
    values = np.array([e.value for e in found])
    assert abs(values.mean() - 0.2) < 4 * values.std() / np.sqrt(len(values))
    assert abs(np.mean([e.diagnostics["judge_mean"] for e in found]) - 0.2) > 0.2


def test_a_good_judge_shortens_the_interval_and_a_useless_one_does_not_lengthen_it_much() -> None:
    rng = np.random.default_rng(4)
    widths = {}
    for name, sens, spec in (("good", 0.97, 0.97), ("useless", 0.5, 0.5)):
        found = [ppi_mean(*_sample(rng, 150, 3000, 0.4, sens, spec), rng=rng) for _ in range(40)]
        alone = np.mean([e.diagnostics["labels_alone"][2] - e.diagnostics["labels_alone"][1] for e in found])
        widths[name] = np.mean([e.high - e.low for e in found]) / alone
    assert widths["good"] < 0.6
    assert widths["useless"] < 1.1


def test_few_labels_get_the_exact_interval_of_the_labels_alone() -> None:
    human, judge = [1.0] * 20 + [NAN] * 200, [1.0] * 20 + [1.0] * 200
    found = ppi_mean(human, judge)
    assert found.method == "human labels alone, clopper-pearson"
    assert found.low < 0.84  # and not the zero width that plain PPI gives
    assert f"{LEAST_LABELS} independent" in str(found.diagnostics["judge_left_out"])


def test_scores_are_taken_on_their_own_scale() -> None:
    rng = np.random.default_rng(5)
    human, judge, _ = _sample(rng, 50, 300, 0.3, 0.9, 0.9)
    one, ten = ppi_mean(human, judge, rng=1), ppi_mean(human * 10, judge * 10, bounds=(0, 10), rng=1)
    assert ten.value == pytest.approx(10 * one.value)
    assert ten.high == pytest.approx(10 * one.high)


@pytest.mark.parametrize(
    ("human", "judge", "diagnostic"),
    [
        ([NAN, NAN], [1.0, 0.0], "no-labels"),
        ([1.0, NAN], [NAN, NAN], "no-items"),
        ([1.0, NAN], [1.0, 0.0], "one-cluster"),
    ],
)
def test_what_cannot_be_estimated_is_named(human: list[float], judge: list[float], diagnostic: str) -> None:
    with pytest.raises(NotEstimableError) as caught:
        ppi_mean(human, judge)
    assert caught.value.diagnostic == diagnostic


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="2 human labels and 1"):
        ppi_mean([1, 0], [1])
    with pytest.raises(InputError, match="infinite"):
        ppi_mean([1, np.inf], [1, 0])
    with pytest.raises(UsageError, match="bounds"):
        ppi_mean([0.5, 1], [1, 0])
    with pytest.raises(InputError, match="outside the bounds"):
        ppi_mean([50, 1], [1, 0], bounds=(0, 1))
    many, judge = [1.0, 0.0] * 20 + [NAN], [1.0] * 41
    with pytest.raises(UsageError, match="power"):
        ppi_mean(many, judge, power="magic")  # type: ignore[arg-type]


def test_a_constant_judge_and_labels_of_one_class_are_flagged_and_keep_a_width() -> None:
    found = ppi_mean([1.0] * 40 + [NAN] * 100, [1.0] * 140)
    assert found.diagnostics["labels_constant"] is True
    assert found.diagnostics["judge_constant"] is True
    assert found.high - found.low > 0.03


GRID = tuple(product((0.02, 0.1, 0.3, 0.5, 0.9), ((0.95, 0.95), (0.8, 0.9), (0.99, 0.6), (1.0, 0.99))))


def _coverage(n: int, extra: int, simulations: int, size: int = 1, seed: int = 1) -> dict[tuple, float]:
    rng = np.random.default_rng(seed)
    cells = {}
    for rate, (sens, spec) in GRID:
        hits = 0
        for _ in range(simulations):
            e = ppi_mean(*_sample(rng, n, extra, rate, sens, spec, size), rng=rng)
            hits += e.low <= rate <= e.high
        cells[rate, sens, spec] = hits / simulations
    return cells


@pytest.mark.parametrize(
    ("n", "size", "conservative"), [(20, 1, True), (40, 1, True), (120, 1, False), (300, 3, True)]
)
def test_intervals_cover(n: int, size: int, conservative: bool) -> None:
    cells = _coverage(n, 600, 20, size)
    mean = np.mean(list(cells.values()))
    print(n, size, "mean", mean, "worst", min(cells.items(), key=lambda c: c[1]))
    assert mean >= 0.93, cells
    if not conservative:
        assert mean <= 0.97, cells


@pytest.mark.proof
@pytest.mark.parametrize(
    ("n", "size", "conservative"),
    [
        (20, 1, True),
        (30, 1, True),
        (50, 1, True),
        (100, 1, False),
        (300, 1, False),
        (300, 3, True),
        (600, 3, False),
    ],
)
def test_intervals_cover_at_full_size(
    n: int, size: int, conservative: bool, record_property: Recorder
) -> None:
    for extra in (300, 2000):
        cells = _coverage(n, 3 * (extra // 3), 300, size)
        mean = report_coverage(record_property, {(n, size, extra, *c): v for c, v in cells.items()}, 300)
        assert mean >= 0.93, cells
        assert min(cells.values()) >= 0.9, cells
        if not conservative:
            assert mean <= 0.97, cells
