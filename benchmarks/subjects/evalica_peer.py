"""evalica's part of the statistics, run by the peers' interpreter: prints one JSON object.

    python evalica_peer.py alpha         # seconds a replicate of alpha_bootstrap, 200 raters x 5,000 units
    python evalica_peer.py bradley-terry # seconds for 1,000,000 comparisons of 200 models

The data are made from the same seeds as in ``benchmarks/estimators.py``.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np


def labels(raters: int, units: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    truth = rng.normal(3, 1, units)
    return np.clip(np.round(truth + rng.normal(0, 1, (raters, units))), 1, 5)


def comparisons(models: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=models)
    first = rng.integers(0, models, n)
    second = (first + rng.integers(1, models, n)) % models
    won = rng.random(n) < 1 / (1 + np.exp(truth[second] - truth[first]))
    return first, second, won


def alpha(raters: int, units: int) -> dict[str, object]:
    import evalica
    import pandas as pd

    data = pd.DataFrame(labels(raters, units))
    began = time.perf_counter()
    point = evalica.alpha(data, distance="interval").alpha
    once = time.perf_counter() - began
    began = time.perf_counter()
    evalica.alpha_bootstrap(data, distance="interval", n_resamples=2, random_state=1)
    both = time.perf_counter() - began
    # what the two replicates took on top of the estimate itself
    return {"alpha": float(point), "seconds_per_replicate": (both - once) / 2, "replicates": 2}


def bradley_terry(models: int, n: int) -> dict[str, object]:
    import evalica

    first, second, won = comparisons(models, n)
    xs, ys = first.tolist(), second.tolist()
    winners = [evalica.Winner.X if w else evalica.Winner.Y for w in won.tolist()]
    taken = []
    for _ in range(4):  # lists made beforehand: only its own work is timed, after one run that warms up
        began = time.perf_counter()
        found = evalica.bradley_terry(xs, ys, winners)
        taken.append(time.perf_counter() - began)
    seconds = sorted(taken[1:])[1]
    score = np.log(found.scores.sort_index().to_numpy())
    return {"seconds": seconds, "strength": (score - score.mean()).tolist()}


def main() -> None:
    what, *sizes = sys.argv[1:]
    a, b = (int(x) for x in sizes)
    found = alpha(a, b) if what == "alpha" else bradley_terry(a, b)
    print(json.dumps({**found, "version": version("evalica")}))


if __name__ == "__main__":
    main()
