"""No small cell can be told to be small from what a table shows."""

from itertools import product

import numpy as np
import pytest

from kakehashi.compare.suppression import greatest_possible, suppress_small_cells
from kakehashi.errors import InputError


def possible(shown: np.ndarray, most: int) -> dict[tuple[int, int], set[int]]:
    """Values of each withheld inner cell over every table that is compatible with what is shown: by trying all."""
    height, width = shown.shape[0] - 1, shown.shape[1] - 1
    inner = shown[:-1, :-1]
    free = [tuple(map(int, place)) for place in np.argwhere(inner < 0)]
    found: dict[tuple[int, int], set[int]] = {place: set() for place in free}
    for values in product(range(most + 1), repeat=len(free)):
        table = inner.copy()
        for place, value in zip(free, values, strict=True):
            table[place] = value
        sums = [*table.sum(axis=1), *table.sum(axis=0), table.sum()]
        stated = [*shown[:height, width], *shown[height, :width], shown[height, width]]
        if all(said < 0 or said == total for said, total in zip(stated, sums, strict=True)):
            for place, value in zip(free, values, strict=True):
                found[place].add(value)
    return found


def test_one_small_cell_takes_the_three_cheapest_corners_with_it() -> None:
    # By hand: beside the 3, rectangles with another column and row; 20 + 10 + 9 = 39 is the cheapest, for 30 + 9 + 8
    # is 47 and anything with the second row more. With d = 2 the 3 becomes 5, the 20 18, the 9 7 and the 10 12.
    found = suppress_small_cells([[20, 3, 30], [40, 50, 60], [10, 9, 8]])
    assert found.shown.tolist() == [[-1, -1, 30, 53], [40, 50, 60, 150], [-1, -1, 8, 27], [70, 62, 98, 230]]
    assert np.argwhere(found.primary).tolist() == [[0, 1]]
    assert int(found.complementary.sum()) == 3


def test_withholding_the_small_cell_alone_gives_it_away() -> None:
    whole = np.array([[20, 3, 23], [40, 50, 90], [60, 53, 113]])
    hidden = whole == 3
    assert greatest_possible(whole, hidden, (0, 1)) == 3


@pytest.mark.parametrize("seed", range(12))
def test_every_small_cell_could_be_large_by_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 9, size=(2, 3)) if seed % 2 else rng.poisson(3, size=(3, 2))
    found = suppress_small_cells(table, threshold=3)
    # A reader may also take any count up to 14 for possible; more only makes the sets larger.
    sets = possible(found.shown, 6 if (found.shown[:-1, :-1] < 0).sum() > 5 else 9)
    for place in np.argwhere(found.primary[:-1, :-1]):
        assert max(sets[tuple(map(int, place))]) >= 3
    kept = found.shown >= 0
    totals = np.vstack([np.hstack([table, table.sum(1, keepdims=True)]), [*table.sum(0), table.sum()]])
    assert (found.shown[kept] == totals[kept]).all()
    assert not (kept & (totals > 0) & (totals < 3)).any()


def test_a_table_without_small_cells_is_shown_whole_and_zeros_are_shown() -> None:
    assert suppress_small_cells([[0, 7], [9, 0]]).shown.tolist() == [[0, 7, 7], [9, 0, 9], [9, 7, 16]]


def test_what_is_no_table_of_counts_is_refused() -> None:
    for wrong in ([1, 2], [[-1]], [[0.5]], [[]]):
        with pytest.raises(InputError, match="counts must be"):
            suppress_small_cells(wrong)
    with pytest.raises(InputError, match="withholds nothing"):
        suppress_small_cells([[1]], threshold=1)
