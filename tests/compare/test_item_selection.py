"""Fewer items for the same score: unbiased over all draws, covering, and refused where it should be."""

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage
from scipy.special import expit

from kakehashi.compare.select import (
    Selection,
    _difference,
    _draw,
    _features,
    _sample,
    estimate_full_score,
    select_items,
    selection_gate,
)
from kakehashi.compare.table import ItemScores
from kakehashi.errors import InputError, NotEstimableError, UsageError


def bank(m: int, n: int, rng: np.random.Generator, *, slope: float = 1.0, spread: float = 1.0) -> ItemScores:
    theta = rng.standard_normal(m)
    steep = slope * np.exp(rng.normal(0, 0.3, n))
    y = rng.random((m, n)) < expit(np.outer(theta, steep) + rng.normal(0, spread, n))
    return ItemScores(tuple(f"m{i}" for i in range(m)), tuple(f"i{j}" for j in range(n)), y.astype(float))


def test_the_estimate_is_unbiased_for_a_model_unlike_the_bank() -> None:
    rng = np.random.default_rng(1)
    old = bank(20, 300, rng)
    features = _features(np.asarray(old.values))
    # a new model that fails exactly where the others succeed
    y = (old.values.mean(axis=0) < 0.5).astype(float)
    found = []
    for _ in range(3000):
        half, strata = _sample(features, 60, rng)
        found.append(_difference(Selection((), 300, old.items, strata, half, features, (0, 1)), y)[0])
    assert abs(np.mean(found) - y.mean()) < 4 * np.std(found) / np.sqrt(3000)


def test_a_prediction_that_fits_makes_the_estimate_exact() -> None:
    # scores that are a linear function of the item's feature: nothing is left to correct, up to the ridge
    rng = np.random.default_rng(2)
    old = ItemScores(
        tuple(f"m{i}" for i in range(6)),
        tuple(f"i{j}" for j in range(400)),
        np.linspace(0, 1, 400) + rng.normal(0, 0.01, (6, 400)),
    )
    features = _features(np.asarray(old.values))
    y = features[:, 1] * 3 + 5
    half, strata = _sample(features, 80, rng)
    value, variance, _ = _difference(Selection((), 400, old.items, strata, half, features, None), y)
    assert value == pytest.approx(y.mean(), abs=0.02)
    assert variance < 0.002 * y.var() / 80


def test_so_many_items_are_asked_and_both_halves_stand_in_every_stratum() -> None:
    rng = np.random.default_rng(3)
    features = _features(np.asarray(bank(15, 333, rng).values))
    for asked in (40, 61, 150):
        half, strata = _sample(features, asked, rng)
        assert (half >= 0).sum() == asked
        for h in np.unique(strata):
            assert {0, 1} <= set(half[strata == h].tolist())


def test_selection_and_estimate_work_end_to_end() -> None:
    rng = np.random.default_rng(4)
    whole = bank(41, 800, rng, slope=2.5, spread=2.0)
    old = ItemScores(whole.models[:40], whole.items, whole.values[:40])
    selection, gate = select_items(old, 100, rng=5)
    assert gate.passed
    assert gate.factor.value > 1
    assert gate.factor.low < gate.factor.value < gate.factor.high
    assert len(selection.items) == 100
    answers = {name: float(whole.values[40, whole.items.index(name)]) for name in selection.items}
    found = estimate_full_score(selection, answers)
    assert found.low <= whole.values[40].mean() <= found.high
    assert found.n == 100
    # far shorter than what 100 items alone would give, where items tell models apart sharply
    assert (found.high - found.low) < 2 * 1.96 * np.sqrt(0.25 / 100)


def test_the_factor_is_that_of_a_simple_random_sample_of_equal_error() -> None:
    # against the errors of simple random samples of the size that the factor names
    rng = np.random.default_rng(6)
    old = bank(30, 600, rng, slope=3.0, spread=2.0)
    gate = selection_gate(old, 60, n_draws=60, rng=1)
    size = round(gate.factor.value * 60)
    errors = [
        model[rng.permutation(600)[:size]].mean() - model.mean() for model in old.values for _ in range(60)
    ]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(gate.root_mean_square_error, rel=0.08)


def test_a_bank_too_small_or_without_use_is_refused() -> None:
    rng = np.random.default_rng(7)
    with pytest.raises(NotEstimableError) as caught:
        select_items(bank(8, 300, rng), 60)
    assert caught.value.diagnostic == "too-few-models"
    twins = bank(30, 300, rng)
    with pytest.raises(NotEstimableError) as caught:
        select_items(twins, 60, families=["one", "two"] * 15)
    assert caught.value.diagnostic == "too-few-models"
    y = (rng.random((30, 300)) < 0.5).astype(
        float
    )  # models and items do not differ: nothing to learn or to order
    noise = ItemScores(twins.models, twins.items, y)
    with pytest.raises(NotEstimableError, match="cannot vouch") as caught:
        select_items(noise, 60, rng=1)
    assert caught.value.diagnostic == "gate"


def test_bad_input_is_refused() -> None:
    rng = np.random.default_rng(8)
    old = bank(20, 200, rng, slope=2.0)
    for wrong in (10, 200, 500):
        with pytest.raises(UsageError, match="cannot be chosen"):
            selection_gate(old, wrong)
    with pytest.raises(InputError, match="3 entries for 20"):
        selection_gate(old, 60, families=["a", "b", "c"])
    gaps = old.values.copy()
    gaps[:, 0] = np.nan
    with pytest.raises(NotEstimableError) as caught:
        selection_gate(ItemScores(old.models, old.items, gaps), 60)
    assert caught.value.diagnostic == "missing-cells"
    selection = _draw(old.items, np.asarray(old.values), 60, (0.0, 1.0), rng, None)
    answers = dict.fromkeys(selection.items, 1.0)
    with pytest.raises(InputError, match="have no answer"):
        estimate_full_score(selection, dict(list(answers.items())[1:]))
    with pytest.raises(InputError, match="finite"):
        estimate_full_score(selection, answers | {selection.items[0]: float("nan")})
    with pytest.raises(InputError, match="outside the bounds"):
        estimate_full_score(selection, answers | {selection.items[0]: 2.0})


def test_equal_answers_have_no_interval_rather_than_zero_width() -> None:
    rng = np.random.default_rng(9)
    old = bank(20, 200, rng)
    flat = ItemScores(old.models, old.items, np.tile(old.values[:1], (20, 1)) * 0)
    selection = _draw(flat.items, np.asarray(flat.values), 60, (0.0, 1.0), rng, None)
    found = estimate_full_score(selection, dict.fromkeys(selection.items, 1.0))
    assert found.value == pytest.approx(1.0)
    assert np.isnan(found.low)
    assert found.diagnostics["no_variation"] is True


#: Models, items, items asked, slope, spread of difficulty.
CELLS = ((20, 300, 40, 1.0, 1.0), (30, 500, 60, 1.0, 1.0), (30, 500, 100, 2.0, 1.5), (40, 800, 120, 0.7, 0.5))


def _coverage(banks: int, draws: int) -> dict[tuple, tuple[float, float, float]]:
    """Coverage, its Monte Carlo error over models, and bias in standard errors."""
    rng = np.random.default_rng(2026)
    cells = {}
    for cell in CELLS:
        m, n, asked, slope, spread = cell
        gates = [
            selection_gate(bank(m, n, rng, slope=slope, spread=spread), asked, n_draws=draws, rng=rng)
            for _ in range(banks)
        ]
        cells[cell] = (
            float(np.mean([g.coverage for g in gates])),
            float(np.mean([g.coverage_error for g in gates]) / np.sqrt(banks)),
            float(np.mean([g.bias for g in gates])),
        )
    return cells


def test_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _coverage(1, 5)  # 600 estimates
    print(cells)
    assert 0.93 <= np.mean([c[0] for c in cells.values()]) <= 0.97, cells


def _factor_coverage(banks: int) -> dict[tuple[int, float], float]:
    """Share of intervals of the factor that hold that of many models like these on the same items."""
    rng = np.random.default_rng(2026)
    n, asked, cells = 120, 40, {}
    for m, slope in ((14, 1.0), (14, 2.5), (20, 1.0), (20, 2.5)):
        steep, hard = slope * np.exp(rng.normal(0, 0.3, n)), rng.normal(0, 1, n)
        gates = []
        for _ in range(banks):
            y = (rng.random((m, n)) < expit(np.outer(rng.standard_normal(m), steep) + hard)).astype(float)
            models, items = tuple(f"m{i}" for i in range(m)), tuple(f"i{j}" for j in range(n))
            gates.append(selection_gate(ItemScores(models, items, y), asked, n_draws=4, rng=rng))
        squared = np.array([g.root_mean_square_error**2 for g in gates])
        sizes = np.array([g.factor.value for g in gates]) * asked
        spread = np.mean(squared * sizes / (1 - sizes / n))  # the definition turned round
        truth = spread / (squared.mean() + spread / n) / asked
        cells[m, slope] = float(np.mean([g.factor.low <= truth <= g.factor.high for g in gates]))
    return cells


def test_the_conservative_intervals_of_the_factor_cover_at_least_93_percent() -> None:
    cells = _factor_coverage(100)
    print(cells)
    assert np.mean(list(cells.values())) >= 0.93, cells


@pytest.mark.proof
def test_the_intervals_of_the_factor_cover_at_full_size(record_property: Recorder) -> None:
    cells = _factor_coverage(500)
    assert report_coverage(record_property, cells, 500) >= 0.93, cells
    assert min(cells.values()) >= 0.93, cells


@pytest.mark.proof
def test_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _coverage(5, 40)
    mean = report_coverage(record_property, {k: c[0] for k, c in cells.items()}, 5 * 40 * 20)
    assert 0.93 <= mean <= 0.97, cells
    assert min(c[0] for c in cells.values()) > 0.92, cells
