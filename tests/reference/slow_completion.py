"""Ranks over all completions, by trying every position of every missing cell."""

from itertools import product

import numpy as np


def slow_completion(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best and worst rank by mean rank; scores must be whole numbers, few of them missing."""
    m = len(values)
    cells = np.argwhere(np.isnan(values))
    top = np.nanmax(values)
    # every present score, and enough distinct places below, between and above for all missing cells
    steps = len(cells) + 1
    places = np.arange(-1, top + 1 + 1e-9, 1.0 / steps)
    low, high = np.full(m, m), np.ones(m, dtype=int)
    for choice in product(places, repeat=len(cells)):
        filled = values.copy()
        for (i, j), score in zip(cells, choice, strict=True):
            filled[i, j] = score
        total = np.zeros(m)
        for column in filled.T:
            total += (column[None, :] > column[:, None]).sum(axis=1)
            total += ((column[None, :] == column[:, None]).sum(axis=1) + 1) / 2
        low = np.minimum(low, 1 + (total[None, :] < total[:, None] - 1e-9).sum(axis=1))
        high = np.maximum(high, (total[None, :] <= total[:, None] + 1e-9).sum(axis=1))
    return low, high
