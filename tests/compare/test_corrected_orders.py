"""How often a stated order of two systems is wrong, on published labels."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from reference.coverage import Recorder
from reference.published_labels import published_labels

from kakehashi.compare import corrected_order

NAN = float("nan")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")


def wrong_orders(draws: int, sizes: tuple[int, ...], seed: int = 4) -> tuple[dict[tuple, float], int]:
    """Share of draws with a wrong statement of order, for each pair; and how many statements there were."""
    rng = np.random.default_rng(seed)
    data = published_labels(SHARED)
    cells: dict[tuple, float] = {}
    stated = 0
    for first, second in combinations(data, 2):
        if (first[0], *first[2:]) != (second[0], *second[2:]):
            continue
        truth = data[first][0].mean() - data[second][0].mean()
        size = data[first][0].size
        for n in sizes:
            wrong = 0
            for _ in range(draws):
                chosen = rng.choice(size, n, replace=False)
                told = [np.full(size, NAN) for _ in range(2)]
                for each, key in zip(told, (first, second), strict=True):
                    each[chosen] = data[key][0][chosen]
                order = corrected_order(
                    (first[1], second[1]), (told[0], told[1]), (data[first][1], data[second][1]), rng=rng
                )
                stated += bool(order.higher)
                right = first[1] if truth > 0 else second[1] if truth < 0 else ""
                wrong += bool(order.higher) and order.higher != right
            cells[(*first, second[1], n)] = wrong / draws
    return cells, stated


@needs_data
def test_orders_are_stated_and_seldom_wrong_on_published_labels() -> None:
    cells, stated = wrong_orders(10, (50,))
    assert stated > 100
    assert np.mean(list(cells.values())) <= 0.05


@needs_data
@pytest.mark.proof
@pytest.mark.parametrize("n", [50, 100])
def test_orders_are_wrong_at_most_5_percent_of_the_time_over_2000_draws(
    n: int, record_property: Recorder
) -> None:
    cells, stated = wrong_orders(2000, (n,))
    worst = max(cells, key=lambda cell: cells[cell])
    record_property("wrong", f"{stated} statements of order; worst pair {cells[worst]:.2%} wrong at {worst}")
    assert stated > 10_000
    assert all(share <= 0.05 for share in cells.values()), (worst, cells[worst])
