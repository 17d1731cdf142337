"""Measure the parts that are named, or all, and write docs/benchmarks.md.

    python benchmarks/run.py                    # everything
    python benchmarks/run.py engine start       # these parts
    python benchmarks/run.py --list             # which there are
    make bench BENCH="engine start"             # the same by make

An interrupted run goes on where it was, as long as commit and sizes are the same; --anew begins again. The exit code
is 0 even where a bound is not met: the page says so, and so does the last line here. It is 1 where ours broke down.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if Path(sys.path[0] or ".").resolve() == ROOT / "benchmarks":
    sys.path[0] = str(ROOT)  # run as a program, this folder would hide the standard library's statistics
else:
    sys.path.insert(0, str(ROOT))

from benchmarks import machine, page  # noqa: E402
from benchmarks.bench import Bench, Results  # noqa: E402
from benchmarks.part import Part, all_parts  # noqa: E402
from benchmarks.peers import PeerEnvironment  # noqa: E402


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def facts(bench: Bench, commit: str, seconds: float, load: float | None) -> dict[str, str]:
    """What the reader of a section has to know."""
    versions = {**machine.own_versions(), **bench.peers.versions()}
    return {
        "date": machine.today(),
        "commit": commit,
        **machine.machine(),
        "busy with other things at the start": "not known" if load is None else f"load average {load}",
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "repetitions": str(bench.repetitions),
        **(
            {}
            if bench.scale == 1.0
            else {"scale": f"{bench.scale:g} of the full sizes: not the issue's figures"}
        ),
        "took": f"{seconds:.0f} s",
    }


def measure(
    parts: list[Part], out: Path, target: Path, options: argparse.Namespace
) -> list[tuple[Part, Results]]:
    """Measure each part, put each on the page as soon as it is done, and say what was found."""
    peers = PeerEnvironment(allowed=options.peers, say=say)
    commit = machine.commit()
    fingerprint = f"{commit} {options.repetitions} {options.scale} {options.peers}"
    found = []
    benches = []
    for part in parts:
        load, began = machine.load(), time.perf_counter()
        folder = out / part.name
        if options.anew:
            Bench(folder).forget()
        bench = Bench(
            folder,
            fingerprint=fingerprint,
            peers=peers,
            repetitions=options.repetitions,
            scale=options.scale,
            say=say,
        )
        if bench.complete:
            say(f"{part.name}: measured already in this run")
        else:
            say(f"{part.name}: {part.title}")
            part.measure(bench)
            bench.finish()
            text = page.section(part, bench.results, facts(bench, commit, time.perf_counter() - began, load))
            page.write(target, {part.name: (part.order, text)})
        found.append((part, bench.results))
        benches.append(bench)
    for bench in benches:
        bench.forget()  # the next call is a new run
    return found


def main(words: list[str] | None = None) -> int:
    """The command."""
    known = all_parts()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(part.name for part in known)}"
    )
    parser.add_argument("--list", action="store_true", help="say which parts there are")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on all sizes, for a quick look")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="ours alone")
    parser.add_argument("--anew", action="store_true", help="forget what an interrupted run has measured")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "bench")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    options = parser.parse_args(words)
    if options.list:
        for part in known:
            say(f"{part.name:12} {part.title}")
        return 0
    unknown = sorted(set(options.parts) - {part.name for part in known})
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(part.name for part in known)}")
    if options.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    chosen = [part for part in known if not options.parts or part.name in options.parts]
    began = time.perf_counter()
    try:
        found = measure(chosen, options.out, options.page, options)
    except RuntimeError as error:
        say(f"error: {error}")
        return 1
    for part, results in found:
        for row in part.rows(results):
            say("  ".join(page.cells(row)))
    problems = page.missed(found)
    say(f"{time.perf_counter() - began:.0f} s; written to {options.page.name}")
    say("every bound is met" if not problems else "not met or not measured:\n  " + "\n  ".join(problems))
    return 0


if __name__ == "__main__":
    sys.exit(main())
