"""Random numbers, clusters and bootstrap weights, shared by every estimator that resamples."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from kakehashi.errors import InputError, UsageError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Rng = np.random.Generator | int | None


def as_generator(rng: Rng) -> np.random.Generator:
    """A generator from a generator, a seed, or nothing (fresh entropy, not repeatable)."""
    return rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng)


def seed_of(rng: Rng) -> int | None:
    """The seed to write into a result's settings; ``None`` where it is not known."""
    return rng if isinstance(rng, int) else None


def check_level(confidence_level: float) -> float:
    """The level itself, or :class:`~kakehashi.errors.UsageError` unless it lies strictly between 0 and 1."""
    if not 0.0 < confidence_level < 1.0:
        raise UsageError(
            f"confidence_level must lie between 0 and 1, not {confidence_level!r}",
            hint="The usual value is 0.95.",
        )
    return confidence_level


def critical_value(confidence_level: float, degrees_of_freedom: float | None = None) -> float:
    """Two-sided quantile of the normal distribution, or of Student's t with the degrees of freedom given."""
    upper = 0.5 + check_level(confidence_level) / 2
    if degrees_of_freedom is None or not np.isfinite(degrees_of_freedom):
        return float(ndtri(upper))
    return float(stdtrit(max(degrees_of_freedom, 1.0), upper))


def finite_vector(values: ArrayLike, name: str) -> FloatArray:
    """A one-dimensional float array without infinity; NaN means missing and may stay."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} holds something that is not a number: {error}") from None
    if array.ndim != 1:
        raise InputError(f"{name} must have one dimension, not {array.ndim}")
    if np.isinf(array).any():
        where = int(np.flatnonzero(np.isinf(array))[0])
        raise InputError(f"{name} is infinite at position {where}", hint="Write NaN for a missing value.")
    return array


def cluster_codes(clusters: Sequence[Any] | NDArray[Any] | None, n: int) -> tuple[IntArray, int]:
    """Integer codes 0..G-1 of the clusters of ``n`` items, and G; each item alone where none are given."""
    if clusters is None:
        return np.arange(n, dtype=np.int64), n
    labels = np.asarray(clusters)
    if labels.shape != (n,):
        raise InputError(
            f"there are {n} items but clusters has shape {labels.shape}", hint="Give one cluster an item."
        )
    _, codes = np.unique(labels, return_inverse=True)
    codes = codes.reshape(-1).astype(np.int64)
    return codes, int(codes.max()) + 1 if n else 0


def bootstrap_weights(
    n_units: int, n_resamples: int, rng: np.random.Generator, *, max_bytes: int = 1 << 25
) -> Iterator[NDArray[np.float32]]:
    """How often each unit is drawn in each bootstrap sample, in blocks of (block, n_units).

    Exact multinomial counts: ``n_units`` draws with replacement. Blocks stay under ``max_bytes``.
    """
    block = max(1, min(n_resamples, max_bytes // (4 * max(n_units, 1))))
    done = 0
    while done < n_resamples:
        size = min(block, n_resamples - done)
        drawn = rng.integers(0, n_units, size=(size, n_units), dtype=np.int32)
        drawn += (np.arange(size, dtype=np.int32) * n_units)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * n_units)
        yield counts.reshape(size, n_units).astype(np.float32)
        done += size


def multiplier_replicates(
    totals: NDArray[np.float32], n_resamples: int, rng: np.random.Generator, *, block: int = 256
) -> NDArray[np.float32]:
    """Sums of the columns of ``totals`` (G x M) with random signs: B x M, the wild cluster bootstrap.

    Each row flips the sign of every cluster by a fair coin. The coins of all rows come from a Hadamard
    matrix with its columns flipped at random, so rows are uncorrelated with one another (as in balanced
    repeated replication) and a fast transform takes the place of a product of matrices. Use it where
    clusters are many: with G clusters there are only 2^G rows.

    References:
        Cameron, Gelbach, Miller (2008). Bootstrap-based improvements for inference with clustered errors.
        McCarthy (1969). Pseudo-replication: half samples. Review of the ISI 37, 239-264.
    """
    from scipy.linalg import hadamard  # slow to load, and needed here only

    clusters, m = totals.shape
    power = max(int(np.ceil(np.log2(max(clusters, 2)))), 1)
    high, low = 1 << (power // 2), 1 << (power - power // 2)
    first: NDArray[np.float32] = np.asarray(hadamard(high), dtype=np.float32)
    second: NDArray[np.float32] = np.asarray(hadamard(low), dtype=np.float32)
    size = high * low
    out = np.empty((n_resamples, m), dtype=np.float32)
    for start in range(0, n_resamples, size):
        take = min(size, n_resamples - start)
        rows = rng.permutation(size)[:take] if take < size else np.arange(size)
        signs = np.where(rng.random(clusters) < 0.5, np.float32(1), np.float32(-1))
        for left in range(0, m, block):
            part = totals[:, left : left + block]
            padded = np.zeros((size, part.shape[1]), dtype=np.float32)
            np.multiply(part, signs[:, None], out=padded[:clusters])
            turned: Any = (first @ padded.reshape(high, -1)).reshape(high, low, -1)
            sums: Any = (second @ turned).reshape(size, -1)
            out[start : start + take, left : left + block] = sums[rows]
    return out


def sums_by_cluster(values: FloatArray, codes: IntArray, n_clusters: int) -> FloatArray:
    """Sum of each column of ``values`` (N x C) within each cluster: an array of G x C."""
    out = np.zeros((n_clusters, values.shape[1]))
    for column in range(values.shape[1]):
        out[:, column] = np.bincount(codes, weights=values[:, column], minlength=n_clusters)
    return out


def average_ranks(values: FloatArray) -> FloatArray:
    """Mid-ranks within each column (axis 0), 1 = greatest value; NaN stays NaN and takes no rank."""
    array = np.asarray(values, dtype=np.float64)
    flat = array.reshape(array.shape[0], -1)
    out = np.full(flat.shape, np.nan)
    for column in range(flat.shape[1]):
        present = np.flatnonzero(~np.isnan(flat[:, column]))
        _, inverse, counts = np.unique(-flat[present, column], return_inverse=True, return_counts=True)
        ends = np.cumsum(counts)
        out[present, column] = (ends - (counts - 1) / 2.0)[inverse.reshape(-1)]
    return out.reshape(array.shape)
