"""What the engine's tests share."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from kakehashi.evaluate.engine import (
    Endpoint,
    EngineSettings,
    Job,
    Outcome,
    Patience,
    ResponseCache,
    RunFolder,
    TransportSettings,
    endpoint_for,
    run_jobs,
)
from kakehashi.model import Answer, Sample, Score, Subject

METHOD = "test/suite@1.0"
QUICK = Patience(backoff=0.0, longest_wait=0.0, seconds=0.0, failures=8)


def sample(name: str, *turns: str, **fields: Any) -> Sample:
    return Sample(name, turns or (f"Question {name}",), "en", "category", "kind", name, **fields)


def samples(n: int) -> list[Sample]:
    return [sample(f"s{i:04d}") for i in range(n)]


def score(item: Sample, answer: Answer) -> Score:
    return Score(item.id, str(answer.status), "test/scorer@1")


def subject(url: str, name: str = "s", **fields: Any) -> Subject:
    return Subject(name, fields.pop("endpoint", "openai"), "mock-model", base_url=url, **fields)


async def assess(
    out: Path,
    subjects: Subject | Sequence[Subject],
    items: Iterable[Sample],
    *,
    endpoints: dict[str, Endpoint] | None = None,
    cache: ResponseCache | None = None,
    manifest: dict[str, Any] | None = None,
    scorer: Any = score,
    transport: TransportSettings | None = None,
    progress: Any = None,
    **settings: Any,
) -> Outcome:
    """Run every item on every subject in a run folder."""
    chosen = [subjects] if isinstance(subjects, Subject) else list(subjects)
    items = list(items)
    settings.setdefault("patience", QUICK)
    with RunFolder.create(out, manifest or {"test": 1}) as folder:
        return await run_jobs(
            [Job(each, METHOD, item) for each in chosen for item in items],
            endpoints=endpoints or {each.name: endpoint_for(each, transport=transport) for each in chosen},
            scorers={METHOD: scorer},
            folder=folder,
            cache=cache,
            settings=EngineSettings(**settings),
            progress=progress,
        )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come about; a minute is for a hopeless case."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def answers(out: Path) -> dict[str, Answer]:
    """Sample → answer, of a run with one subject."""
    with RunFolder.open(out, read_only=True) as folder:
        return {row.job.sample: row.answer for row in folder.rows()}
