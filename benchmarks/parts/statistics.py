"""Statistics of ``compare``, and the import of item rows, against peers and plain loops."""

from pathlib import Path

from benchmarks import estimators, irt, ledger_import
from benchmarks.bench import Bench, Record, Results
from benchmarks.part import Bound, Part, Row, Table
from benchmarks.peers import ROOT, PeerEnvironment

#: evalica, py-irt and torch do not live with the peers of the engine.
PEERS = (ROOT / ".venv-bench-statistics", ROOT / "benchmarks" / "requirements-statistics.txt")


def measure(bench: Bench) -> None:
    """Each once a repetition; py-irt, which takes minutes, once in all."""
    peers = PeerEnvironment(*PEERS, allowed=bench.peers.allowed, say=bench.say)
    for r in range(bench.repetitions):
        bench.once("bootstrap", r, lambda: _bootstrap(bench))
        bench.once("alpha", r, lambda: _alpha(bench, peers.need("evalica")))
        bench.once("bradley-terry", r, lambda: _bradley_terry(bench, peers.need("evalica")))
        bench.once("subsets", r, lambda: estimators.measure_subsets(methods=16 if bench.scale == 1 else 8))
        bench.once("import", r, lambda: ledger_import.measure_import(bench.size(1_000_000, smallest=2000)))
    bench.once("irt", 0, lambda: _irt(bench, peers.need("py-irt")))
    bench.once("memory", 0, lambda: _memory(bench))


def _bootstrap(bench: Bench) -> Record:
    return estimators.measure_rank_bootstrap(
        items=bench.size(5000), resamples=bench.size(10_000, smallest=200)
    )


def _alpha(bench: Bench, peer: Path) -> Record:
    return estimators.measure_alpha(peer, units=bench.size(5000), resamples=bench.size(1000))


def _bradley_terry(bench: Bench, peer: Path) -> Record:
    return estimators.measure_bradley_terry(peer, comparisons=bench.size(1_000_000, smallest=20_000))


def _irt(bench: Bench, peer: Path) -> Record:
    return irt.measure_irt(peer, m=bench.size(200, smallest=30), n=bench.size(5000, smallest=100))


def _memory(bench: Bench) -> Record:
    """In a process of its own, so that nothing else counts."""
    return bench.subject("matrix_memory", bench.size(1000), bench.size(50_000))


def rows(found: Results) -> list[Row]:
    """The issue's bounds."""

    def ratio(name: str, key: str = "ratio") -> list[float]:
        return found.values(name, lambda record: float(record[key]))

    def row(work: str, unit: str, bound: Bound, name: str, key: str = "ratio", note: str = "") -> Row:
        return Row(work, unit, bound, ratio(name, key), why_not=found.why_not(name), note=note)

    equal = all(found.values("irt", lambda record: float(record.get("peer_reached_equal_recovery", 0))))
    note = "" if equal else "py-irt did not reach ours in slopes; timed at the fewest epochs of its own best"
    return [
        row("10,000 cluster bootstraps of ranks, 200 models × 5,000 items", "× a plain numpy loop",
            Bound(at_least=100), "bootstrap"),
        row("Krippendorff's alpha with 1,000 replicates, 200 × 5,000, a replicate", "× evalica",
            Bound(at_least=1000), "alpha"),
        row("Bradley-Terry from 1,000,000 comparisons", "× evalica", Bound(at_least=20), "bradley-terry"),
        row("2PL, 200 × 5,000, CPU", "× py-irt", Bound(at_least=20), "irt", "cpu_ratio", note),
        row("all 65,535 subsets of 16 methods × 26 models", "s", Bound(under=1.0), "subsets", "seconds"),
        row("import of 1,000,000 item rows", "rows/s", Bound(), "import", "rows_per_second"),
        row("import over a bare DuckDB scan of the same Parquet", "× the scan's seconds", Bound(), "import"),
        row("agreement over these rows, read back as a matrix", "s", Bound(), "import", "agreement_seconds"),
        row("memory at 1,000 models × 50,000 items", "MB", Bound(under=2000), "memory", "peak_mb"),
    ]  # fmt: skip


def tables(found: Results) -> list[Table]:
    """How well 2PL recovers the truth, and how far estimates lie from the peers'."""
    lines = []
    for record in found.of("irt").values():
        ours, theirs = record["recovery"], record.get("peer_recovery") or {}
        lines.append(
            [
                "2PL, correlation with the true abilities",
                f"{ours['ability']:.4f}",
                _shown(theirs.get("ability")),
            ]
        )
        lines.append(
            ["2PL, correlation with the true slopes", f"{ours['slope']:.3f}", _shown(theirs.get("slope"))]
        )
    for name, work in (
        ("alpha", "alpha, difference"),
        ("bradley-terry", "Bradley-Terry, greatest difference"),
    ):
        first = next(iter(found.of(name).values()), {})
        if "difference" in first:
            lines.append([work, f"{first['difference']:.1e}", "–"])
    return [Table("What comes out:", ["figure", "ours", "peer"], lines)] if lines else []


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


PART = Part(
    name="statistics",
    order=50,
    title="Statistics and import",
    about=(
        "One BLAS thread. The median of three runs after one that warms up, within each repetition; ratios are of "
        "seconds, for 2PL of CPU seconds. Peers have an environment of their own."
    ),
    measure=measure,
    rows=rows,
    tables=tables,
)
