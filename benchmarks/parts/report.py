"""Seconds until the annual report over 10,000 measurements is written, as HTML and PDF in both languages."""

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import Bench, Record, Results
from benchmarks.part import Bound, Part, Row

NUMBERS = 10_000
RUNS = 3
SYSTEMS, MEASURES = 50, 10


def measure(bench: Bench) -> None:
    """The ledger is made once; the command runs several times."""
    bench.once("annual", 0, lambda: run(bench))


def run(bench: Bench) -> Record:
    """Wall clock of the whole command, and how many measurements it had."""
    place = bench.out / "workspace"
    numbers = make_ledger(place, bench.size(NUMBERS, smallest=500))
    command = [
        *(sys.executable, "-m", "kakehashi.cli.main", "report", "annual", "--as-of", "2026-10-31"),
        *("--workspace", str(place), "--out", str(bench.out / "out"), "--format", "html,pdf", "--json"),
    ]
    seconds = []
    for _ in range(bench.size(RUNS, smallest=1)):
        began = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds, "numbers": numbers, "files": sorted(json.loads(done.stdout))}


def make_ledger(place: Path, numbers: int) -> int:
    """A ledger of runs in which each of some systems has numbers of some measures, seeded; returns how many."""
    import numpy as np

    from kakehashi.compare.intervals import wilson
    from kakehashi.ledger import Entry, Ledger, encode
    from kakehashi.model import CONSTRUCTS, Interval, Measure, Measurement, Polarity, Provenance

    if (place / "ledger").exists():
        return numbers
    rng = np.random.default_rng(0)
    constructs = list(CONSTRUCTS)
    systems = [f"system-{i:02d}" for i in range(SYSTEMS)]
    entries = []
    runs = max(1, numbers // (SYSTEMS * MEASURES))
    for turn in range(runs):
        run, created = f"run-{turn:04d}", f"2026-{1 + turn % 10:02d}-{1 + turn % 28:02d}T00:00:00Z"
        method = f"method-{turn % 4}"
        entries.append(
            Entry(
                {
                    "kind": "run",
                    "run": run,
                    "created": created,
                    "software": "benchmark",
                    "subjects": [{"name": name} for name in systems],
                    "methods": [{"id": method, "version": "1.0"}],
                    "settings": {},
                    "counts": {},
                    "partial": False,
                }
            )
        )
        for name in systems:
            found = []
            for place_, k in enumerate(rng.integers(0, 101, MEASURES)):
                about = Measure(
                    f"{method}:rate-{place_}", constructs[place_ % len(constructs)], Polarity.HIGHER
                )
                rate = wilson(int(k), 100)
                found.append(
                    Measurement(
                        name,
                        about,
                        rate.value,
                        Provenance("benchmark", method, "1.0", created, run=run),
                        n=100,
                        k=float(k),
                        interval=Interval(rate.low, rate.high, 0.95, "wilson"),
                        facets={"language": "en"},
                    )
                )
            body = {
                "kind": "result",
                "run": run,
                "subject": name,
                "method": method,
                "method_version": "1.0",
                "measurements": [encode(one) for one in found],
            }
            entries.append(Entry(body))
    with Ledger.init(place / "ledger") as ledger:
        ledger.append_all(entries)
    return runs * SYSTEMS * MEASURES


def rows(found: Results) -> list[Row]:
    """The issue's bound."""
    records = list(found.of("annual").values())
    numbers = next((record["numbers"] for record in records), NUMBERS)
    return [
        Row(
            f"annual report over {numbers:,} measurements, HTML and PDF in both languages",
            "s",
            Bound(under=10.0),
            [value for record in records for value in record["seconds"]],
            digits=2,
            why_not=found.why_not("annual"),
            note="the whole command, from start to end",
        )
    ]


PART = Part(
    name="report",
    order=45,
    title="Reports",
    about=f"A seeded ledger of {NUMBERS:,} measurements of {SYSTEMS} systems; the installed command, {RUNS} times.",
    measure=measure,
    rows=rows,
)
