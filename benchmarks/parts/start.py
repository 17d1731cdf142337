"""Seconds until ``kakehashi --help`` has answered."""

import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import Bench, Record, Results
from benchmarks.part import Bound, Part, Row

RUNS = 9


def measure(bench: Bench) -> None:
    """One run to warm up (byte code is written at the first), then the others."""
    bench.once("help", 0, lambda: run(bench))


def run(bench: Bench) -> Record:
    """Wall clock and CPU of each run."""
    command = [str(Path(sys.executable).parent / "kakehashi"), "--help"]
    seconds, cpu = [], []
    for turn in range(bench.size(RUNS, smallest=2) + 1):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took = time.perf_counter() - began
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        if turn:
            seconds.append(took)
            cpu.append(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
    return {"seconds": seconds, "cpu": cpu}


def rows(found: Results) -> list[Row]:
    """The issue's bound."""
    records = list(found.of("help").values())
    return [
        Row(
            title,
            "s",
            bound,
            [value for record in records for value in record[figure]],
            digits=3,
            why_not=found.why_not("help"),
            note=note,
        )
        for title, figure, bound, note in (
            ("`kakehashi --help`", "seconds", Bound(under=0.3), ""),
            ("`kakehashi --help`, CPU", "cpu", Bound(), "firmer on a busy machine"),
        )
    ]


PART = Part(
    name="start",
    order=40,
    title="Command line: start",
    about=f"The installed command, run {RUNS} times after one that is not counted.",
    measure=measure,
    rows=rows,
)
