"""Speed and memory of the statistics of agreement, rank and exposure.

Each ``measure_*`` returns a JSON-ready dict with seconds, ratio and versions. Peers run in an environment of their own
(``peer`` is its python); without it the ratio is ``None``. One BLAS thread: set OMP_NUM_THREADS=1 before numpy loads.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/estimators.py .venv-bench/bin/python
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

# run as a program, this folder would hide the standard library's module of the same name
if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    sys.path.pop(0)

from kakehashi.compare import (
    ItemScores,
    ScoreTable,
    bradley_terry,
    exposure,
    krippendorff_alpha,
    rank_intervals,
)

PEER = Path(__file__).resolve().parent / "subjects" / "evalica_peer.py"
Measured = dict[str, object]


def measure_rank_bootstrap(
    models: int = 200, items: int = 5000, resamples: int = 10_000, loop: int = 20
) -> Measured:
    """Cluster bootstraps of ranks: ours against a plain numpy loop, per replicate."""
    rng = np.random.default_rng(0)
    clusters = items // 2
    values = (rng.random((models, items)) < rng.uniform(0.2, 0.8, (models, 1))).astype(float)
    codes = np.repeat(np.arange(clusters), 2)
    data = ItemScores(
        tuple(f"m{i}" for i in range(models)),
        tuple(f"i{j}" for j in range(items)),
        values,
        clusters=tuple(codes.tolist()),
    )
    seconds = _seconds(lambda: rank_intervals(data, n_resamples=resamples, rng=1))

    def plain() -> None:
        for _ in range(loop):
            drawn = rng.integers(0, clusters, clusters)
            columns = (drawn[:, None] * 2 + np.arange(2)).ravel()
            mean = values[:, columns].mean(axis=1)
            (-mean).argsort().argsort()

    per_loop = _seconds(plain) / loop
    return {
        "seconds": seconds,
        "seconds_per_replicate": seconds / resamples,
        "peer": "plain numpy loop",
        "peer_seconds_per_replicate": per_loop,
        "ratio": per_loop / (seconds / resamples),
        "at_least": 100.0,
        "versions": _versions(),
    }


def measure_alpha(peer: Path | None, raters: int = 200, units: int = 5000, resamples: int = 1000) -> Measured:
    """Krippendorff's alpha (interval level) with its bootstrap: ours against evalica's, per replicate."""
    rng = np.random.default_rng(1)
    truth = rng.normal(3, 1, units)
    labels = np.clip(np.round(truth + rng.normal(0, 1, (raters, units))), 1, 5)
    found: list[float] = []
    seconds = _seconds(
        lambda: found.append(krippendorff_alpha(labels, level="interval", n_resamples=resamples, rng=1).value)
    )
    theirs = _peer(peer, "alpha", raters, units)
    out: Measured = {
        "seconds": seconds,
        "seconds_per_replicate": seconds / resamples,
        "peer": "evalica",
        "at_least": 1000.0,
        "ratio": None,
        "versions": _versions(theirs),
    }
    if theirs is not None:
        out["peer_seconds_per_replicate"] = theirs["seconds_per_replicate"]
        out["ratio"] = float(theirs["seconds_per_replicate"]) / (seconds / resamples)  # type: ignore[arg-type]
        out["difference"] = abs(found[0] - float(theirs["alpha"]))  # type: ignore[arg-type]
    return out


def measure_bradley_terry(peer: Path | None, models: int = 200, comparisons: int = 1_000_000) -> Measured:
    """Bradley-Terry from integer-coded comparisons; ours gives standard errors, evalica scores alone."""
    rng = np.random.default_rng(2)
    truth = rng.normal(size=models)
    first = rng.integers(0, models, comparisons)
    second = (first + rng.integers(1, models, comparisons)) % models
    won = (rng.random(comparisons) < 1 / (1 + np.exp(truth[second] - truth[first]))).astype(float)
    kept = []
    seconds = _seconds(lambda: kept.append(bradley_terry(first, second, won, n_resamples=0)))
    theirs = _peer(peer, "bradley-terry", models, comparisons)
    out: Measured = {
        "seconds": seconds,
        "peer": "evalica",
        "at_least": 20.0,
        "ratio": None,
        "versions": _versions(theirs),
    }
    if theirs is not None:
        out["peer_seconds"] = theirs["seconds"]
        out["ratio"] = float(theirs["seconds"]) / seconds  # type: ignore[arg-type]
        # at its default tolerance, so not to the last digit
        out["difference"] = float(np.abs(kept[0].score - np.array(theirs["strength"])).max())
    return out


def measure_subsets(methods: int = 16, models: int = 26) -> Measured:
    """Every subset of the methods: exposure of a complete table."""
    rng = np.random.default_rng(3)
    values = 0.7 * rng.normal(size=(models, 1)) + rng.normal(size=(models, methods))
    table = ScoreTable(
        tuple(f"m{i}" for i in range(models)),
        tuple(f"k{j}" for j in range(methods)),
        values,
        (True,) * methods,
    )
    seconds = _seconds(lambda: exposure(table, min_methods=3))
    return {
        "seconds": seconds,
        "subsets": 2**methods - 1,
        "at_most_seconds": 1.0 if methods <= 16 else None,
        "peak_megabytes": _peak(),
        "versions": _versions(),
    }


def measure_memory(models: int = 1000, items: int = 50_000, resamples: int = 2000) -> Measured:
    """Peak memory of a process that makes such a matrix and ranks its models; run it in a fresh process."""
    rng = np.random.default_rng(4)
    values = rng.random((models, items), dtype=np.float32)
    data = ItemScores(tuple(f"m{i}" for i in range(models)), tuple(f"i{j}" for j in range(items)), values)
    seconds = _seconds(lambda: rank_intervals(data, n_resamples=resamples, rng=1), 1)
    return {
        "seconds": seconds,
        "matrix_megabytes": values.nbytes / 1e6,
        "peak_megabytes": _peak(),
        "at_most_megabytes": 2000.0,
        "versions": _versions(),
    }


def _seconds(work: Callable[[], object], times: int = 3) -> float:
    """The middle one of some runs, after one that warms up."""
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _peer(peer: Path | None, *words: object) -> dict[str, object] | None:
    if peer is None:
        return None
    done = subprocess.run(
        [str(peer), str(PEER), *map(str, words)], capture_output=True, text=True, timeout=900, check=True
    )
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _versions(theirs: dict[str, object] | None = None) -> dict[str, str]:
    out = {"python": sys.version.split()[0], **{n: version(n) for n in ("kakehashi", "numpy", "scipy")}}
    return out if theirs is None else {**out, "evalica": str(theirs["version"])}


def main() -> None:
    peer = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for name, work in (
        ("rank bootstrap", measure_rank_bootstrap),
        ("bradley-terry", lambda: measure_bradley_terry(peer)),
        ("subsets of 16", measure_subsets),
        ("memory", measure_memory),
        ("subsets of 20", lambda: measure_subsets(20)),
        ("alpha", lambda: measure_alpha(peer)),
    ):
        print(name, json.dumps(work()), flush=True)


if __name__ == "__main__":
    main()
