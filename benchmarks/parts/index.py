"""Seconds until a snapshot of an incident database is imported, and until its measures stand."""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import HERE, Bench, Record, Results
from benchmarks.part import Bound, Part, Row

INCIDENTS = 100_000
RUNS = 3


def measure(bench: Bench) -> None:
    """One run to warm up, then the others."""
    bench.once("snapshot", 0, lambda: run(bench))


def run(bench: Bench) -> Record:
    """The library in processes of its own, and the command from start to end, each into an empty workspace."""
    found: dict[str, list[float]] = {"import": [], "measures": [], "cpu": [], "command": []}
    told: dict[str, float] = {}
    count = bench.size(INCIDENTS)
    for turn in range(bench.size(RUNS, smallest=1) + 1):
        with TemporaryDirectory() as folder:
            script = [sys.executable, str(HERE / "subjects" / "index_snapshot.py"), folder, str(count)]
            told = json.loads(subprocess.run(script, check=True, capture_output=True).stdout)
            snapshot = str(Path(folder) / "incidents.csv")
            options = ["--kind", "aiid", "--vintage", told["vintage"], "--workspace", f"{folder}/second"]
            command = [sys.executable, "-m", "kakehashi.cli.main", "index", "import", snapshot, *options]
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            took = time.perf_counter() - began
        if turn:
            found["import"].append(told["imported"])
            found["measures"].append(told["assembled"])
            found["cpu"].append(told["cpu"])
            found["command"].append(took)
    return {**found, "incidents": count, "counted": told["counted"]}


def rows(found: Results) -> list[Row]:
    """The issue's bound, and what a user waits for."""
    records = list(found.of("snapshot").values())
    return [
        Row(
            title,
            "s",
            bound,
            [value for record in records for value in record[figure]],
            digits=2,
            why_not=found.why_not("snapshot"),
            note=note,
        )
        for title, figure, bound, note in (
            ("snapshot read, checked to the line and written", "import", Bound(under=5.0), ""),
            ("all measures from it", "measures", Bound(), "the data set is read back from the workspace"),
            ("both, CPU of the whole process", "cpu", Bound(), "firmer on a busy machine; imports among it"),
            ("`kakehashi index import` from start to end", "command", Bound(under=5.0), ""),
        )
    ]


PART = Part(
    name="index",
    order=62,
    title=f"Index: a snapshot of {INCIDENTS:,} incidents",
    about=(
        "A table with the columns of the AI Incident Database's weekly snapshot, days from 2015 on, made up; imported"
        f" into an empty workspace, {RUNS} runs in processes of their own after one that is not counted."
    ),
    measure=measure,
    rows=rows,
)
