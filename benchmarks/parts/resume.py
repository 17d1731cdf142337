"""Resuming a run of 100,000 finished samples: seconds from the start of the process to the first new call."""

import shutil

from benchmarks.bench import Bench, Record, Results, mock_server
from benchmarks.part import Bound, Part, Row, Spread, Table

SAMPLES = 100_000


def measure(bench: Bench) -> None:
    """A run of 100,000 samples is made once, then resumed, each time with one sample more."""
    folder = bench.out / "finished"
    samples = bench.size(SAMPLES)
    try:
        for repetition in range(bench.repetitions):
            bench.once("resume", repetition, lambda repetition=repetition: resume(bench, samples, repetition))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def resume(bench: Bench, samples: int, repetition: int) -> Record:
    """Go on with the folder that is there, or make it first."""
    folder = bench.out / "finished"
    # It grows by a sample at each resumption; one that an interruption left behind is not trusted.
    if repetition == 0 or not folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        bench.subject("resuming", "--samples", samples, "--out", folder, "--make", timeout=600)
    with mock_server(0.0) as url:
        words = ("--url", url, "--samples", samples, "--extra", repetition + 1, "--out", folder)
        return bench.subject("resuming", *words)


def rows(found: Results) -> list[Row]:
    """The issue's bound."""
    return [
        Row(
            "resume of a run of 100,000 finished samples, to the first new call",
            "s",
            Bound(under=3.0),
            found.values("resume", lambda record: float(record["to_first_call"])),
            why_not=found.why_not("resume"),
            note="from the start of the process, imports among it",
        )
    ]


def tables(found: Results) -> list[Table]:
    """Where the time goes."""
    names = {
        "imported": "Python started, imports done",
        "opened": "run folder and cache opened",
        "to_first_call": "first new call",
    }
    lines = []
    for name, title in names.items():
        values = found.values("resume", lambda record, name=name: float(record[name]))
        if values:
            made = Spread(tuple(values))
            lines.append([title, f"{made.median:.2f} ({made.low:.2f} to {made.high:.2f})"])
    return [Table("Seconds since the start of the process", ("reached", "s"), lines)]


PART = Part(
    name="resume",
    order=30,
    title="Engine: resuming a long run",
    about=(
        "A run folder with 100,000 finished samples, their requests and responses whole, and a response cache with as "
        "many entries are opened by a new process, which is given one sample more and calls the mock for it. The "
        "files are in the system's cache."
    ),
    measure=measure,
    rows=rows,
    tables=tables,
)
