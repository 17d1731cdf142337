"""Tables of counts that may be published: small cells withheld, and as many others as keep them from being worked out.

Withholding the small cells alone does not hide them: a row's total less its other cells gives them away. Further cells
are withheld until no small cell can be told to be small from what is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.errors import InputError

#: Counts below this are small, unless said otherwise; 0 is shown: it is about nobody.
THRESHOLD = 5


@dataclass(frozen=True, slots=True, eq=False)
class SuppressedTable:
    """A table of counts with its totals, as it may be shown.

    Attributes:
        shown: Counts with the totals of rows in the last column and of columns in the last row; -1 is withheld.
        primary: Cells withheld because they are small.
        complementary: Cells withheld so that the small ones cannot be worked out.
        threshold: Counts from 1 to below this are small.
    """

    shown: NDArray[np.int64]
    primary: NDArray[np.bool_]
    complementary: NDArray[np.bool_]
    threshold: int


def suppress_small_cells(counts: ArrayLike, *, threshold: int = THRESHOLD) -> SuppressedTable:
    """Withhold small counts of a table and what would give them away.

    For every small cell, what is shown must be compatible with a value of at least ``threshold`` there: a reader who
    adds and subtracts cannot tell that it is small. The cells withheld beside the small ones are chosen one at a
    time, the least count first, so a few more may go than the least possible number. The totals are cells too.

    It guards against readers of this table. It does not guard against somebody who knows some of the cells already,
    nor against two tables of different dates being subtracted.

    Args:
        counts: A table of whole numbers of at least 0, without totals.
        threshold: Counts from 1 to below this are small.

    Raises:
        InputError: Not a table of such counts, or a threshold below 2.

    References:
        Willenborg and de Waal (2001). Elements of Statistical Disclosure Control, chapters 4 and 5.

    Examples:
        >>> suppress_small_cells([[20, 3, 30], [40, 50, 60], [10, 9, 8]]).shown
        array([[ -1,  -1,  30,  53],
               [ 40,  50,  60, 150],
               [ -1,  -1,   8,  27],
               [ 70,  62,  98, 230]])
    """
    inner = np.asarray(counts, dtype=float)
    if inner.ndim != 2 or not inner.size or (inner < 0).any() or (inner != np.floor(inner)).any():
        raise InputError("counts must be a table of whole numbers of at least 0")
    if threshold < 2:
        raise InputError(f"a threshold of {threshold} withholds nothing", hint="Use 2 or more.")
    whole = _with_totals(inner.astype(np.int64))
    primary = (whole > 0) & (whole < threshold)
    hidden = primary.copy()
    while (cell := _given_away(whole, hidden, primary, threshold)) is not None:
        for place in _corners(whole, hidden, cell, threshold) or _next(whole, hidden, cell):
            hidden[place] = True
    shown = np.where(hidden, -1, whole)
    return SuppressedTable(shown, primary, hidden & ~primary, threshold)


def greatest_possible(whole: NDArray[np.int64], hidden: NDArray[np.bool_], cell: tuple[int, int]) -> float:
    """The greatest count that a withheld cell can have, as a reader of the shown cells works it out.

    Args:
        whole: The table with its totals.
        hidden: Which cells are withheld.
        cell: One of these.
    """
    from scipy.optimize import linprog

    places = {place: number for number, place in enumerate(zip(*np.nonzero(hidden), strict=True))}
    left, right = [], []
    for line in _lines(whole.shape):
        row, known = np.zeros(len(places)), 0
        for place, sign in line:
            if place in places:
                row[places[place]] = sign
            else:
                known += sign * int(whole[place])
        if row.any():
            left.append(row)
            right.append(-known)
    aim = np.zeros(len(places))
    aim[places[cell]] = -1
    found = linprog(aim, A_eq=np.array(left), b_eq=np.array(right), bounds=(0, None), method="highs")
    # 3: without an upper bound; what has none is not given away.
    return float("inf") if found.status == 3 else -float(found.fun or 0.0)


def _with_totals(inner: NDArray[np.int64]) -> NDArray[np.int64]:
    rows = np.hstack([inner, inner.sum(axis=1, keepdims=True)])
    return np.vstack([rows, rows.sum(axis=0, keepdims=True)])


def _lines(shape: tuple[int, ...]) -> Iterator[list[tuple[tuple[int, int], int]]]:
    """Rows and columns, those of the totals included: the cells less the total are 0."""
    height, width = shape
    for i in range(height):
        yield [((i, j), 1 if j < width - 1 else -1) for j in range(width)]
    for j in range(width):
        yield [((i, j), 1 if i < height - 1 else -1) for i in range(height)]


def _given_away(
    whole: NDArray[np.int64], hidden: NDArray[np.bool_], primary: NDArray[np.bool_], threshold: int
) -> tuple[int, int] | None:
    """A small cell that the shown cells betray."""
    if hidden.all():
        return None
    for i, j in zip(*np.nonzero(primary), strict=True):
        if greatest_possible(whole, hidden, (int(i), int(j))) < threshold - 1e-6:
            return int(i), int(j)
    return None


def _corners(
    whole: NDArray[np.int64], hidden: NDArray[np.bool_], cell: tuple[int, int], threshold: int
) -> list[tuple[int, int]]:
    """The three other corners of the cheapest rectangle in which the cell could be as much as the threshold.

    What the cell has more, two corners have less and the last has more again, so no total tells. Cost is what is
    withheld anew, and totals cost ten times their count. Empty where no rectangle does, or the cell is a total.
    """
    height, width = whole.shape
    i, j = cell
    if i == height - 1 or j == width - 1:
        return []
    best: tuple[float, list[tuple[int, int]]] = (float("inf"), [])
    for row in range(height):
        for column in range(width):
            if row == i or column == j:
                continue
            corners = [(i, column), (row, j), (row, column)]
            fewer = [p for p in corners if (p[0] == row and p[1] == j) or (p[0] == i and p[1] == column)]
            if column == width - 1:
                fewer = [(row, j), (row, column)]
            if row == height - 1:
                fewer = [] if column == width - 1 else [(i, column), (row, column)]
            room = min((int(whole[p]) for p in fewer), default=threshold)
            new = [p for p in corners if not hidden[p]]
            if not new or whole[cell] + room < threshold:
                continue
            cost = sum(
                float(whole[p]) * (10 if height - 1 == p[0] or width - 1 == p[1] else 1) + 1 for p in new
            )
            if cost < best[0]:
                best = (cost, new)
    return best[1]


def _next(
    whole: NDArray[np.int64], hidden: NDArray[np.bool_], cell: tuple[int, int]
) -> list[tuple[int, int]]:
    """The cell to withhold next: in the line of the betrayed one that hides the fewest, the least count; totals last.

    Cells of 0 are taken only where nothing else is left, since a reader may know why they are empty.
    """
    height, width = whole.shape
    lines = [[(cell[0], j) for j in range(width)], [(i, cell[1]) for i in range(height)]]
    lines.sort(key=lambda line: sum(bool(hidden[place]) for place in line))
    everywhere = [(i, j) for i in range(height) for j in range(width)]
    for line in (*lines, everywhere):
        free = [place for place in line if not hidden[place]]
        if free:
            key = lambda p: (whole[p] == 0, p[0] == height - 1 or p[1] == width - 1, int(whole[p]), p)  # noqa: E731
            return [min(free, key=key)]
    raise AssertionError("a table that is withheld as a whole gives nothing away")
