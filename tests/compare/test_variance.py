"""Variance components: against balanced analysis of variance, confounding, coverage."""

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage

from kakehashi.compare.variance import VarianceComponents, variance_components
from kakehashi.errors import InputError, NotEstimableError


def design(*sizes: int) -> list[np.ndarray]:
    return [g.ravel() for g in np.meshgrid(*map(np.arange, sizes), indexing="ij")]


def test_balanced_crossed_data_give_the_anova_estimates() -> None:
    # model x method, one score a cell: mean squares M, K and residual by hand; var = (MS - MSE) / levels of the other
    rng = np.random.default_rng(1)
    model, method = design(6, 5)
    y = rng.normal(size=6)[model] + 2 * rng.normal(size=5)[method] + rng.normal(size=30)
    cells = y.reshape(6, 5)
    rows, columns, grand = cells.mean(axis=1), cells.mean(axis=0), cells.mean()
    ms_model = 5 * ((rows - grand) ** 2).sum() / 5
    ms_method = 6 * ((columns - grand) ** 2).sum() / 4
    residual = ((cells - rows[:, None] - columns + grand) ** 2).sum() / 20
    found = variance_components(y, {"model": model, "method": method}, rng=1)
    assert found.component("model").variance == pytest.approx((ms_model - residual) / 5)
    assert found.component("method").variance == pytest.approx((ms_method - residual) / 6)
    assert found.component("residual").variance == pytest.approx(residual)
    assert sum(c.share for c in found.components) == pytest.approx(1)


def test_items_nested_in_categories_are_separated_from_them() -> None:
    rng = np.random.default_rng(2)
    estimates = []
    for _ in range(40):
        category, item, model = design(8, 10, 10)
        own = category * 10 + item
        y = (
            0.6 * rng.normal(size=8)[category]
            + 0.9 * rng.normal(size=80)[own]
            + 0.4 * rng.normal(size=10)[model]
            + rng.normal(size=800)
        )
        y[rng.random(800) < 0.3] = np.nan
        found = variance_components(
            y, {"category": category, "item": own, "model": model}, n_resamples=5, rng=rng
        )
        estimates.append([c.variance for c in found.components])
    means, errors = np.mean(estimates, axis=0), np.std(estimates, axis=0) / np.sqrt(40)
    assert (np.abs(means - [0.36, 0.81, 0.16, 1.0]) < 4 * errors).all(), means


def test_each_method_with_its_own_judge_cannot_be_separated() -> None:
    rng = np.random.default_rng(3)
    model, method, item = design(6, 4, 10)
    y = rng.normal(size=4)[method] + rng.normal(size=240)
    found = variance_components(y, {"model": model, "method": method, "judge": 3 - method}, rng=1)
    assert [c.factor for c in found.components] == ["model", "method + judge", "residual"]
    names, why = found.inseparable[0]
    assert names == ("method", "judge")
    assert "cannot be separated" in why
    assert item.size == 240


def test_an_item_with_one_score_each_cannot_be_separated_from_the_residual() -> None:
    rng = np.random.default_rng(4)
    model = np.repeat(np.arange(5), 20)
    found = variance_components(
        rng.normal(size=100), {"model": model, "item": np.arange(100), "judge": ["j"] * 100}, rng=1
    )
    assert [c.factor for c in found.components] == ["model", "residual"]
    assert found.inseparable[0][0] == ("item", "residual")
    assert found.constant == ("judge",)


def test_the_interaction_of_all_factors_cannot_be_separated_from_the_residual() -> None:
    rng = np.random.default_rng(5)
    model, method = design(6, 5)
    found = variance_components(
        rng.normal(size=30), {"model": model, "method": method}, interactions=[("model", "method")], rng=1
    )
    assert found.inseparable[0][0] == ("model:method", "residual")


def test_rows_and_labels_may_come_in_any_order() -> None:
    rng = np.random.default_rng(6)
    model, item = design(7, 9)
    y = rng.normal(size=7)[model] + rng.normal(size=63)
    order = rng.permutation(63)
    one = variance_components(y, {"model": model, "item": item}, rng=1)
    names = [f"x{6 - k}" for k in model]
    other = variance_components(y[order], {"item": item[order], "model": [names[i] for i in order]}, rng=1)
    assert one.component("model").variance == pytest.approx(other.component("model").variance)


def test_a_negative_estimate_is_shown_and_its_interval_starts_at_zero() -> None:
    y = np.tile([0.0, 1.0], 10)  # each model has the same mean: less between models than chance gives
    found = variance_components(y, {"model": np.repeat(np.arange(10), 2)}, rng=1)
    one = found.component("model")
    assert one.variance < 0
    assert one.low == 0
    assert one.high > 0
    assert found.diagnostics["negative"] == ("model",)


@pytest.mark.parametrize(
    ("y", "factors", "diagnostic"),
    [
        ([np.nan] * 5, {"model": list("abcde")}, "no-items"),
        ([1.0] * 6, {"model": list("aabbcc")}, "constant"),
        ([1.0, 2.0, 3.0, 4.0], {"model": ["a"] * 4}, "one-level"),
        ([1.0, 2.0, 3.0, 4.0], {"item": list("abcd")}, "confounded"),
    ],
)
def test_what_cannot_be_estimated_is_named(y: list[float], factors: dict, diagnostic: str) -> None:
    with pytest.raises(NotEstimableError) as caught:
        variance_components(y, factors)
    assert caught.value.diagnostic == diagnostic


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="3 labels for 2"):
        variance_components([1, 2], {"model": ["a", "b", "c"]})
    with pytest.raises(InputError, match="infinite"):
        variance_components([1, np.inf, 2], {"model": ["a", "b", "c"]})
    with pytest.raises(InputError, match="names no factor"):
        variance_components([1, 2, 3], {"model": ["a", "a", "b"]}, interactions=[("model", "judge")])


#: Levels of model, method, items a method, and standard deviations of model, method and item.
CELLS = (
    (5, 4, 30, (0.3, 0.2, 0.5)),
    (20, 6, 40, (0.3, 0.2, 0.5)),
    (20, 6, 40, (0.3, 0.02, 0.5)),
    (50, 12, 20, (0.4, 0.3, 0.3)),
    (20, 10, 30, (0.0, 0.3, 0.5)),
)


def _one(cell: tuple, rng: np.random.Generator) -> tuple[VarianceComponents, tuple[float, ...]]:
    m, k, n, (of_model, of_method, of_item) = cell
    model, method, item = design(m, k, n)
    keep = rng.random(model.size) < 0.7
    model, method, item = model[keep], method[keep], (method * n + item)[keep]
    y = (
        of_model * rng.normal(size=m)[model]
        + of_method * rng.normal(size=k)[method]
        + of_item * rng.normal(size=k * n)[item]
        + 0.2 * rng.normal(size=(m, k))[model, method]
        + rng.normal(size=model.size)
    )
    found = variance_components(
        y,
        {"model": model, "method": method, "item": item},
        interactions=[("model", "method")],
        n_resamples=40,
        rng=rng,
    )
    return found, (of_model**2, of_method**2, of_item**2, 0.04, 1.0)


def _coverage(simulations: int) -> dict[tuple, np.ndarray]:
    rng = np.random.default_rng(2026)
    cells = {}
    for cell in CELLS:
        hits = np.zeros(5)
        for _ in range(simulations):
            found, truth = _one(cell, rng)
            hits += [c.low <= t <= c.high for c, t in zip(found.components, truth, strict=True)]
        cells[cell] = hits / simulations
    return cells


def test_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _coverage(80)  # 400 simulations of five components each
    print(cells)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _coverage(400)
    names = ("model", "method", "item", "model:method", "residual")
    report_coverage(
        record_property,
        {(what, *c): v[k] for c, v in cells.items() for k, what in enumerate(names)},
        400,
    )
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells
    # with four or five levels (flagged few_levels) the worst is lower
    assert min(min(v) for c, v in cells.items() if c[0] >= 20) > 0.9, cells
    assert min(min(v) for v in cells.values()) > 0.86, cells
