"""AIR-Bench's whole shape with a panel: 5,694 prompts, one target and three judges, cold and with a warm cache."""

import shutil

from benchmarks.bench import Bench, Record, Results, mock_server
from benchmarks.part import Bound, Part, Row, Table

SAMPLES = 5694
CONCURRENCY = 200


def measure(bench: Bench) -> None:
    """A cold run and a warm one in one process, so that the address of the mock is the same."""
    for repetition in range(bench.repetitions):
        bench.once("runs", repetition, lambda: run(bench))


def run(bench: Bench) -> Record:
    """Both runs in an empty folder."""
    out = bench.out / "written"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        with mock_server() as url:
            words = ("--samples", bench.size(SAMPLES, 320), "--concurrency", CONCURRENCY, "--out", out)
            return bench.subject("air_bench_shape", "--url", url, *words)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def rows(found: Results) -> list[Row]:
    """The issue's bounds."""
    work = "22,776 calls (5,694 prompts, one target, three judges) at concurrency 200"
    return [
        Row(
            f"{work}, nothing cached",
            "s",
            Bound(under=30.0),
            found.values("runs", lambda record: float(record["cold_seconds"])),
            digits=1,
            why_not=found.why_not("runs"),
            note="reading the data, grading, and means at all levels are among it; a panel asks its judges at once",
        ),
        Row(
            f"{work}, all cached",
            "s",
            Bound(under=5.0),
            found.values("runs", lambda record: float(record["warm_seconds"])),
            digits=1,
            why_not=found.why_not("runs"),
        ),
    ]


def tables(found: Results) -> list[Table]:
    """Calls a second and CPU, of the first repetition."""
    record = next(iter(found.of("runs").values()), None)
    if record is None:
        return []
    lines = [
        (
            title,
            f"{record[f'{name}_calls']:,}",
            f"{record[f'{name}_new_calls']:,}",
            f"{record[f'{name}_calls'] / record[f'{name}_seconds']:,.0f}",
            f"{1000 * record[f'{name}_cpu'] / record[f'{name}_calls']:.2f}",
        )
        for name, title in (("cold", "nothing cached"), ("warm", "all cached"))
    ]
    header = ("run", "calls", "of them new", "calls a second", "CPU ms a call")
    return [Table("Of the first repetition", header, lines)]


PART = Part(
    name="air-bench",
    order=37,
    title="AIR-Bench's whole shape with three judges",
    about="Synthetic prompts and 314 judge prompts in upstream's file shape against a loopback mock that answers after "
    "50 ms; the run folder, the cache and the log of calls are written as `kakehashi assess` writes them.",
    measure=measure,
    rows=rows,
    tables=tables,
)
