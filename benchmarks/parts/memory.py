"""Resident memory of the engine over a run of 100,000 samples."""

import shutil

from benchmarks.bench import Bench, Record, Results, mock_server
from benchmarks.part import Bound, Part, Row, Table

SAMPLES = 100_000
CONCURRENCY = 500
LIMIT_MB = 250.0
#: Flat: from a tenth of the work to its end, memory grows by no more than this share of the limit.
FLAT = 0.1


def measure(bench: Bench) -> None:
    """One long run; memory doesn't depend on what else the machine does."""
    bench.once("run", 0, lambda: run(bench))


def run(bench: Bench) -> Record:
    """The engine as in the part ``engine``, with memory noted four times a second."""
    out = bench.out / "written"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        with mock_server() as url:
            words = ("--samples", bench.size(SAMPLES), "--concurrency", CONCURRENCY, "--out", out, "--watch")
            return bench.subject("ours", "--url", url, *words, timeout=600)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def at_tenths(record: Record) -> list[tuple[int, float]]:
    """Samples done and memory at the first note after each tenth of the work."""
    found = []
    for tenth in range(11):
        later = [note for note in record["memory"] if note[0] >= record["samples"] * tenth / 10]
        if later:
            found.append((int(later[0][0]), float(later[0][1])))
    return found


def growth(record: Record) -> float:
    """MB between a tenth of the work and its end."""
    notes = at_tenths(record)
    return notes[-1][1] - notes[1][1]


def rows(found: Results) -> list[Row]:
    """The issue's bound: under 250 MB, flat."""
    return [
        Row(
            "highest resident memory at 100,000 samples",
            "MB",
            Bound(under=LIMIT_MB),
            found.values("run", lambda record: float(record["peak_mb"])),
            digits=0,
            why_not=found.why_not("run"),
            note="the samples themselves, as a plan holds them, are among it",
        ),
        Row(
            "growth of resident memory from 10,000 to 100,000 samples",
            "MB",
            Bound(at_most=FLAT * LIMIT_MB),
            found.values("run", growth),
            digits=1,
            why_not=found.why_not("run"),
            note=f"“flat” is read as: at most {FLAT:.0%} of the limit",
        ),
    ]


def tables(found: Results) -> list[Table]:
    """Memory over the work."""
    lines = [
        [f"{done:,}", f"{mb:.1f}"] for record in found.of("run").values() for done, mb in at_tenths(record)
    ]
    return [Table("Resident memory over the run", ("samples done", "MB"), lines)]


PART = Part(
    name="memory",
    order=20,
    title="Engine: memory over 100,000 samples",
    about=(
        f"The engine as above, at concurrency {CONCURRENCY}; resident memory is noted four times a second, and the "
        "highest value is the kernel's own count. Sealing the run into the ledger is not among it."
    ),
    measure=measure,
    rows=rows,
    tables=tables,
)
