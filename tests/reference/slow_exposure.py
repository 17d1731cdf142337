"""Exposure by the definition: every subset, every model, one loop inside another."""

from itertools import combinations

import numpy as np


def slow_exposure(values: np.ndarray, min_methods: int, min_models: int) -> dict[int, tuple[int, int]]:
    """Best and worst rank of each model that ever competes; higher scores are better, NaN is missing."""
    m, k = values.shape
    best: dict[int, int] = {}
    worst: dict[int, int] = {}
    for size in range(min_methods, k + 1):
        for subset in combinations(range(k), size):
            competing = [i for i in range(m) if not any(np.isnan(values[i, j]) for j in subset)]
            if len(competing) < min_models:
                continue
            total = {}
            for i in competing:
                total[i] = 0.0
                for j in subset:
                    better = sum(values[o, j] > values[i, j] for o in competing)
                    same = sum(values[o, j] == values[i, j] for o in competing)
                    total[i] += better + (same + 1) / 2
            for i in competing:
                ahead = 1 + sum(total[o] < total[i] for o in competing)
                not_behind = sum(total[o] <= total[i] for o in competing)
                best[i] = min(best.get(i, m), ahead)
                worst[i] = max(worst.get(i, 1), not_behind)
    return {i: (best[i], worst[i]) for i in best}
