"""Seconds until all instruments and maps are read and the four-way table stands."""

import json
import subprocess
import sys
import time

from benchmarks.bench import HERE, Bench, Record, Results
from benchmarks.part import Bound, Part, Row

RUNS = 9
FOUR = ("hiroshima-code", "frontier-commitments", "aiia-2024", "eu-gpai")


def measure(bench: Bench) -> None:
    """One run to warm up (byte code is written at the first), then the others."""
    bench.once("four-way", 0, lambda: run(bench))


def run(bench: Bench) -> Record:
    """The library in processes of its own, and the command from start to end."""
    found: dict[str, list[float]] = {"seconds": [], "import": [], "cpu": [], "command": []}
    told: dict[str, float] = {}
    for turn in range(bench.size(RUNS, smallest=2) + 1):
        script = [sys.executable, str(HERE / "subjects" / "four_way.py")]
        told = json.loads(subprocess.run(script, check=True, capture_output=True).stdout)
        command = [sys.executable, "-m", "kakehashi.cli.main", "commitments", "compare", *FOUR]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - began
        if turn:
            found["seconds"].append(told["seconds"])
            found["import"].append(told["imported"] + told["seconds"])
            found["cpu"].append(told["cpu"])
            found["command"].append(took)
    return {**found, "instruments": told["instruments"], "rows": told["rows"]}


def rows(found: Results) -> list[Row]:
    """The issue's bound, and what a user waits for."""
    records = list(found.of("four-way").values())
    return [
        Row(
            title,
            "s",
            bound,
            [value for record in records for value in record[figure]],
            digits=3,
            why_not=found.why_not("four-way"),
            note=note,
        )
        for title, figure, bound, note in (
            ("all instruments and maps read, four-way table made", "seconds", Bound(under=0.5), ""),
            ("the same with the import of the library", "import", Bound(), ""),
            ("the same, CPU of the whole process", "cpu", Bound(), "firmer on a busy machine"),
            ("`kakehashi commitments compare` from start to end", "command", Bound(), ""),
        )
    ]


PART = Part(
    name="commitments",
    order=60,
    title="Commitments: the four-way table",
    about=(
        "Every shipped instrument, map, list of signatories, clock and form is read and checked against its schema, and"
        f" {', '.join(FOUR)} are compared; {RUNS} runs in processes of their own after one that is not counted."
    ),
    measure=measure,
    rows=rows,
)
