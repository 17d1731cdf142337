"""What missing cells could do, against every completion tried out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.slow_completion import slow_completion
from scipy import stats

from kakehashi.compare.completion import completion_bounds
from kakehashi.compare.table import ScoreTable
from kakehashi.errors import NotEstimableError


def table(values: object, higher: bool = True) -> ScoreTable:
    m, k = np.shape(values)  # type: ignore[arg-type]
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (higher,) * k)  # type: ignore[arg-type]


def holed(seed: int) -> np.ndarray | None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (rng.integers(2, 5), rng.integers(1, 4))).astype(float)
    cells = rng.permutation(values.size)[: rng.integers(1, 4)]
    values.flat[cells] = np.nan
    empty = np.isnan(values).all(axis=0).any() or np.isnan(values).all(axis=1).any()
    return None if empty else values


def test_bounds_hold_for_every_completion_and_what_is_reached_is_reached() -> None:
    exact = tried = 0
    for seed in range(60):
        values = holed(seed)
        if values is None:
            continue
        low, high = slow_completion(values)
        found = completion_bounds(table(values))
        assert (found.low <= low).all(), values
        assert (found.high >= high).all(), values
        assert (found.low_reached >= low).all(), values
        assert (found.high_reached <= high).all(), values
        for i, said in enumerate(found.exact):
            if said:
                assert (found.low[i], found.high[i]) == (low[i], high[i])
        exact += sum(found.exact)
        tried += len(low)
    assert exact > 0.7 * tried > 50


def test_without_holes_the_bounds_are_the_rank() -> None:
    values = np.random.default_rng(0).normal(size=(7, 4))
    found = completion_bounds(table(values))
    total = np.column_stack([stats.rankdata(-c) for c in values.T]).sum(axis=1)
    assert found.low.tolist() == stats.rankdata(total, method="min").tolist()
    assert found.high.tolist() == stats.rankdata(total, method="max").tolist()
    assert all(found.exact)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_order_direction_and_monotone_scales_do_not_matter_and_holes_only_widen(seed: int) -> None:
    values = holed(seed)
    if values is None:
        return
    rng = np.random.default_rng(seed)
    plain = completion_bounds(table(values))
    rows, columns = rng.permutation(values.shape[0]), rng.permutation(values.shape[1])
    turned = completion_bounds(table(values[np.ix_(rows, columns)]))
    assert turned.low.tolist() == plain.low[rows].tolist()
    assert turned.high.tolist() == plain.high[rows].tolist()
    for again in (table(-values, higher=False), table(np.exp(values) + 3)):
        assert completion_bounds(again).low.tolist() == plain.low.tolist()
        assert completion_bounds(again).high.tolist() == plain.high.tolist()
    full = np.where(np.isnan(values), rng.integers(0, 4, values.shape), values)
    known = completion_bounds(table(full))
    assert (plain.low <= known.low).all()
    assert (plain.high >= known.high).all()


def test_a_model_that_is_hardly_measured_can_be_anywhere() -> None:
    values = np.arange(20.0).reshape(5, 4)
    values[2, 1:] = np.nan
    found = completion_bounds(table(values))
    assert (found.low[2], found.high[2]) == (1, 5)
    assert found.n_missing.tolist() == [0, 0, 3, 0, 0]
    assert found.low[4] >= 1
    with pytest.raises(NotEstimableError, match="one model"):
        completion_bounds(table([[1.0, 2.0]]))
