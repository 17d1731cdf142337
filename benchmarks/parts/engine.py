"""The engine against a bare aiohttp loop and against peers: samples a second and CPU a sample."""

import json
import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bench import Bench, Record, Results, mock_server
from benchmarks.part import Bound, Part, Row, Spread, Table

DELAY_MS = 50.0


@dataclass(frozen=True)
class Entrant:
    """A program that is measured at one concurrency."""

    name: str
    title: str
    script: str
    concurrency: int
    samples: int
    peer: str | None = None
    options: tuple[str, ...] = ()
    writes: bool = False

    @property
    def key(self) -> str:
        return f"{self.name}-{self.concurrency}"


_INSPECT = ("inspect_ai_eval", "inspect-ai")
ENTRANTS = (
    Entrant("bare", "bare aiohttp", "bare_aiohttp", 100, 4000),
    Entrant("ours", "kakehashi", "ours", 100, 4000, writes=True),
    Entrant("bare", "bare aiohttp", "bare_aiohttp", 500, 12000),
    Entrant("ours", "kakehashi", "ours", 500, 12000, writes=True),
    Entrant("inspect", "inspect-ai", _INSPECT[0], 100, 600, _INSPECT[1], writes=True),
    Entrant("inspect", "inspect-ai", _INSPECT[0], 500, 1000, _INSPECT[1], writes=True),
    Entrant(
        "inspect-quiet",
        "inspect-ai, `log_realtime=False`",
        _INSPECT[0],
        100,
        600,
        _INSPECT[1],
        ("--no-realtime",),
        writes=True,
    ),
    Entrant(
        "inspect-lean",
        "inspect-ai over bare aiohttp, `log_realtime=False`",
        _INSPECT[0],
        100,
        600,
        _INSPECT[1],
        ("--no-realtime", "--lean"),
        writes=True,
    ),
    Entrant("lm-eval", "lm-eval, request phase", "lm_eval_requests", 100, 2000, "lm-eval"),
    Entrant("lm-eval", "lm-eval, request phase", "lm_eval_requests", 500, 5000, "lm-eval"),
    Entrant("openai", "openai client", "openai_client", 100, 600, "openai"),
    Entrant("openai", "openai client", "openai_client", 500, 1000, "openai"),
    Entrant("httpx", "bare httpx", "bare_httpx", 100, 400, "httpx"),
    Entrant("httpx", "bare httpx", "bare_httpx", 500, 1000, "httpx"),
)


def rate(record: Record) -> float:
    """Samples a second."""
    return float(record["samples"] / record["seconds"])


def cpu_ms(record: Record) -> float:
    """CPU of the measured process for each sample, in milliseconds."""
    return float(record["cpu"] / record["samples"] * 1000)


def mock_cpu_ms(record: Record) -> float:
    """CPU of the mock's own process for each answer, in milliseconds."""
    return float(record["mock_cpu"] / record["samples"] * 1000)


def measure(bench: Bench) -> None:
    """All entrants one after the other, and that as often as there are repetitions."""
    with mock_server(DELAY_MS) as url:
        for repetition in range(bench.repetitions):
            for entrant in ENTRANTS:
                bench.once(entrant.key, repetition, lambda entrant=entrant: run(bench, entrant, url))


def run(bench: Bench, entrant: Entrant, url: str) -> Record:
    """Measure one entrant once."""
    samples = bench.size(entrant.samples)
    words: list[object] = ["--url", url, "--samples", samples, "--concurrency", entrant.concurrency]
    out = bench.out / "written"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    before = _stats(url)
    try:
        record = bench.subject(entrant.script, *words, "--out", out, *entrant.options, peer=entrant.peer)
        after = _stats(url)
        if record["samples"] != samples or after["answered"] - before["answered"] < samples:
            raise RuntimeError(f"{entrant.key}: {record['samples']} of {samples} samples were answered")
        record["written_mb"] = sum(p.stat().st_size for p in out.rglob("*") if p.is_file()) / 1e6
    finally:
        shutil.rmtree(out, ignore_errors=True)
    record.pop("memory", None)
    return {**record, "mock_cpu": after["cpu"] - before["cpu"]}


def _stats(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as response:
        found: dict[str, float] = json.load(response)
    return found


def rows(found: Results) -> list[Row]:
    """The issue's bounds."""

    def row(
        work: str,
        unit: str,
        bound: Bound,
        pair: tuple[str, str],
        figure: Callable[[Record], float],
        digits: int = 2,
        note: str = "",
    ) -> Row:
        return Row(work, unit, bound, found.ratios(*pair, figure), digits, found.why_not(*pair), note)

    made = "samples/s at concurrency {}, with full log, cache key and scoring"
    cost = "CPU a sample at concurrency {}"
    cheaper = "CPU a sample of inspect-ai over ours, concurrency {}"
    bare = "× bare aiohttp"
    quiet = "`log_realtime=False`"
    return [
        row(made.format(100), bare, Bound(at_least=0.8), ("ours-100", "bare-100"), rate),
        row(made.format(500), bare, Bound(at_least=0.5), ("ours-500", "bare-500"), rate),
        row(made.format(500), "× inspect-ai", Bound(at_least=30.0), ("ours-500", "inspect-500"), rate, 1),
        row(cost.format(100), bare, Bound(at_most=2.5), ("ours-100", "bare-100"), cpu_ms),
        row(cost.format(500), bare, Bound(at_most=2.5), ("ours-500", "bare-500"), cpu_ms),
        row(cheaper.format(100), "× ours", Bound(at_least=30.0), ("inspect-100", "ours-100"), cpu_ms, 1),
        row(cheaper.format(500), "× ours", Bound(at_least=30.0), ("inspect-500", "ours-500"), cpu_ms, 1),
        row(
            f"{cheaper.format(100)}, {quiet}",
            "× ours",
            Bound(at_least=30.0),
            ("inspect-quiet-100", "ours-100"),
            cpu_ms,
            1,
        ),
        row(
            f"{cheaper.format(100)}, {quiet}, over bare aiohttp",
            "× ours",
            Bound(),
            ("inspect-lean-100", "ours-100"),
            cpu_ms,
            1,
            "inspect-ai with a provider of ours on a bare aiohttp session, so that its harness alone is left",
        ),
    ]


def tables(found: Results) -> list[Table]:
    """The figures behind the ratios, and what the mock itself could do."""
    lines = []
    for entrant in sorted(ENTRANTS, key=lambda each: each.concurrency):
        why_not = found.why_not(entrant.key)
        if why_not:
            lines.append([entrant.title, str(entrant.concurrency), "not measured", why_not, "", ""])
            continue
        records = list(found.of(entrant.key).values())
        lines.append(
            [
                entrant.title,
                str(entrant.concurrency),
                f"{records[0]['samples']:,}",
                spread(found.values(entrant.key, rate), 0),
                spread(found.values(entrant.key, cpu_ms), 2),
                f"{max(record['peak_mb'] for record in records):.0f}",
            ]
        )
    mock = [value for name in ("bare-500", "ours-500") for value in found.values(name, mock_cpu_ms)]
    fastest = max((v for name in ("bare-500", "ours-500") for v in found.values(name, rate)), default=0.0)
    ceiling = []
    if mock:
        typical = Spread(tuple(mock)).median
        ceiling = [[f"{typical:.3f}", f"{1000 / typical:,.0f}", f"{fastest:,.0f}"]]
    return [
        Table(
            "Figures: median (lowest to highest) of the repetitions",
            ("client", "concurrency", "samples", "samples/s", "CPU ms a sample", "peak MB"),
            lines,
        ),
        Table(
            "The mock is not what is measured",
            ("its CPU ms an answer", "so it could answer a second", "fastest client here, samples/s"),
            ceiling,
        ),
    ]


def spread(values: list[float], digits: int) -> str:
    """Median with the lowest and the highest."""
    made = Spread(tuple(values))
    return f"{made.median:,.{digits}f} ({made.low:,.{digits}f} to {made.high:,.{digits}f})"


PART = Part(
    name="engine",
    order=10,
    title="Engine: one-turn samples against a loopback mock",
    about=(
        f"The mock answers each request after {DELAY_MS:g} ms, in a process of its own. Each client is a process of "
        "its own too; its figures leave out start-up and imports. All clients run one after the other, and that "
        "as often as there are repetitions; ratios are taken within a repetition. Ours is the whole engine: run folder "
        "with every request and response, response cache, keys, the rule judge as scorer, the last write to the disk. "
        "inspect-ai uses its own provider for OpenAI-compatible endpoints, an `includes` scorer and its log; CPU is "
        "that of the client's process, the mock is not counted."
    ),
    measure=measure,
    rows=rows,
    tables=tables,
)
