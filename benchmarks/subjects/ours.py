"""The engine as ``kakehashi assess`` runs it: run folder, response cache, keys, the rule judge as scorer.

Opening and closing the folder and the cache are in the figures, the last write to the disk too. With ``--watch``
resident memory is noted at each thousandth of the work.
"""

import asyncio
from pathlib import Path

import aiohttp  # noqa: F401  the engine loads it with the first request; imports are in nobody's figures
from stopwatch import Stopwatch, arguments, prompt

from kakehashi import __version__
from kakehashi.evaluate.engine import (
    EngineSettings,
    Job,
    Progress,
    ResponseCache,
    RunFolder,
    endpoint_for,
    run_jobs,
)
from kakehashi.evaluate.judges import RuleJudge
from kakehashi.evaluate.methods.judged import judged
from kakehashi.model import Sample, Subject

METHOD = "benchmark/one-turn@1"


def sample(number: int) -> Sample:
    """One sample as a suite makes it."""
    return Sample(
        id=f"item-{number:06d}.harmful.en",
        turns=(prompt(number),),
        language="en",
        category="category",
        kind="harmful",
        cluster=f"item-{number:06d}",
        max_tokens=64,
        facets={"review": "reviewed"},
    )


def resident_mb() -> float:
    """Resident memory now, in MB (10^6 bytes); Linux alone says it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def main(url: str, samples: int, concurrency: int, out: Path, watch: Stopwatch, note) -> None:
    subject = Subject("mock", "openai", "mock-model", base_url=url, parameters={"temperature": 0.0})
    items = [sample(number) for number in range(samples)]  # a plan holds its samples, and so does this
    judge = RuleJudge()
    judge.judge("", "Here is how.", "en")  # phrases are compiled at the first answer: set-up, as imports are
    scorer = judged(judge, lambda item: item.turns[-1])
    watch.start()
    with (
        RunFolder.create(out / "run", {"benchmark": METHOD}) as folder,
        ResponseCache(out / "responses.sqlite") as cache,
    ):
        outcome = await run_jobs(
            (Job(subject, METHOD, item) for item in items),
            endpoints={"mock": endpoint_for(subject, {"OPENAI_API_KEY": "none"})},
            scorers={METHOD: scorer},
            folder=folder,
            cache=cache,
            settings=EngineSettings(concurrency=concurrency, progress_every=0.25),
            progress=note,
            total=samples,
        )
        folder.mark_complete()
    watch.stop()
    outcome.raise_if_incomplete()


def lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--watch", action="store_true")
    given = parser.parse_args()
    clock = Stopwatch()
    memory: list[tuple[int, float]] = []

    def keep(progress: Progress) -> None:
        if given.watch:
            memory.append((progress.done, resident_mb()))

    asyncio.run(main(given.url, given.samples, given.concurrency, Path(given.out), clock, keep))
    counted = {name: lines(Path(given.out) / "run" / name) for name in ("calls.jsonl", "rows.jsonl")}
    if set(counted.values()) != {given.samples}:
        raise SystemExit(f"the log is not whole: {counted}")
    clock.report(given.samples, version=__version__, memory=memory)
