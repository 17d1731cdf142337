"""Krippendorff's alpha by the definition: a table of coincidences and a metric between values."""

from itertools import permutations

import numpy as np


def slow_krippendorff(ratings: np.ndarray, level: str) -> float:
    """Alpha of R x U ratings with NaN for missing."""
    values = sorted(set(ratings[~np.isnan(ratings)].tolist()))
    units = [[v for v in column if not np.isnan(v)] for column in ratings.T]
    units = [unit for unit in units if len(unit) >= 2]
    pairs = {(a, b): 0.0 for a in values for b in values}
    for unit in units:
        for first, second in permutations(range(len(unit)), 2):
            pairs[unit[first], unit[second]] += 1 / (len(unit) - 1)
    marginal = {a: sum(pairs[a, b] for b in values) for a in values}
    n = sum(marginal.values())

    def distance(a: float, b: float) -> float:
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (a - b) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(marginal[v] for v in values if low <= v <= high)
        return (between - (marginal[a] + marginal[b]) / 2) ** 2

    observed = sum(pairs[a, b] * distance(a, b) for a in values for b in values) / n
    expected = sum(marginal[a] * marginal[b] * distance(a, b) for a in values for b in values) / (n * (n - 1))
    return 1 - observed / expected
