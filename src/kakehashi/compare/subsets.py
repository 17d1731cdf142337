"""Subsets of methods, in blocks of rows (subsets) by columns (methods): all of them, the likeliest, random ones."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kakehashi.compare.resampling import FloatArray, average_ranks

BoolArray = NDArray[np.bool_]


def all_subsets(k: int) -> Iterator[BoolArray]:
    """Every subset of ``k`` methods but the empty one, in blocks."""
    bits = np.arange(k)
    for start in range(1, 2**k, 1 << 16):
        numbers = np.arange(start, min(start + (1 << 16), 2**k))
        yield (numbers[:, None] >> bits) & 1 == 1


def some_subsets(
    values: FloatArray, min_methods: int, n_samples: int, rng: np.random.Generator
) -> Iterator[BoolArray]:
    """The likeliest subsets for each model, all methods, and random ones."""
    yield from likely_subsets(values)
    yield from random_subsets(values.shape[1], min_methods, n_samples, rng)


def likely_subsets(values: FloatArray) -> Iterator[BoolArray]:
    """For each model its best methods and its worst, by place, in subsets of every size."""
    m, k = values.shape
    place = average_ranks(values) / np.maximum((~np.isnan(values)).sum(axis=0), 1)
    sizes = np.arange(1, k + 1)
    for sign in (1.0, -1.0):
        order = np.argsort(np.where(np.isnan(place), np.inf, sign * place), axis=1)
        rank = np.argsort(order, axis=1)
        for start in range(0, m, 64):
            yield (rank[start : start + 64, None, :] < sizes[None, :, None]).reshape(-1, k)


def random_subsets(k: int, min_methods: int, n_samples: int, rng: np.random.Generator) -> Iterator[BoolArray]:
    """Random subsets of ``min_methods`` methods or more, each size equally likely."""
    done = 0
    while done < n_samples:
        block = min(1 << 14, n_samples - done)
        size = rng.integers(min_methods, k + 1, size=block)
        rank = np.argsort(rng.random((block, k)), axis=1)
        yield rank < size[:, None]
        done += block
