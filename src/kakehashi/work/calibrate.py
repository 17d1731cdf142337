"""``judge calibrate``: a judge over human-labelled answers; a judge model's calls are kept and never made twice."""

import asyncio
import hashlib
import inspect
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import astuple, replace
from pathlib import Path
from typing import cast

from kakehashi.errors import (
    BudgetError,
    EndpointError,
    IncompleteError,
    InputError,
    KakehashiError,
    StorageError,
    UsageError,
)
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.engine import (
    Endpoint,
    EngineSettings,
    Limits,
    ResponseCache,
    RunFolder,
    asking,
)
from kakehashi.evaluate.engine.finishing import finish
from kakehashi.evaluate.judges import AsyncJudge, Judge, as_grader
from kakehashi.evaluate.judges.by_prompts import PromptsJudge, template_by_kind
from kakehashi.evaluate.judges.calibrate import (
    Calibration,
    calibrate,
    calibrate_async,
    calibrate_labels,
    verdict_on,
)
from kakehashi.evaluate.judges.labels import LabelledAnswer
from kakehashi.evaluate.methods import get_method
from kakehashi.evaluate.methods.published.graded_suite import GradedSuite, can_grade
from kakehashi.model import Label, Verdict
from kakehashi.work.assess import local_servers, patience_of, served_endpoint
from kakehashi.work.judging import ChosenJudge, JudgeWords, choose_judge
from kakehashi.work.workspace import Workspace


def calibrate_judge(
    rows: Sequence[LabelledAnswer],
    *,
    judges: Sequence[str] = (),
    phrases: Sequence[Path | str] = (),
    seed: int = 0,
    budget: int | None = None,
    concurrency: int = 32,
    patience: float | None = None,
    offline: bool = False,
    allow_family: bool = False,
    prompts: str = "",
    data: DataStore | None = None,
    workspace: Path | str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Judge labelled answers and compare; a model that was asked in part is asked for the rest alone.

    Args:
        rows: Answers with human labels.
        judges: ``"rules"``, ``"model:SUBJECT"``, ``"replay:FILE#COLUMN"``; several are a panel, and with
            ``cascade:`` before them they are asked for what the rules leave doubtful.
        phrases: Phrase lists of your own, for the rule judge.
        seed: Seed of the resampling.
        budget: Most calls of judge models in this session.
        concurrency: Most calls at a time.
        patience: Seconds to bear with an endpoint that gives nothing but failures; 120 by default.
        offline: Use only weights that are already here.
        allow_family: Allow judge models of one developer on a panel.
        prompts: Name of a method: the judge grades by its official prompts, and the grade of a refusal counts as
            refused, the other end as complied.
        data: Where those prompts were pulled to; the workspace's by default.
        workspace: Folder of runs, cache and models.
        say: Called with short messages.

    Raises:
        InputError: No row.
        BudgetError: The budget was spent before all rows were judged; what was said is kept.
        EndpointError: The endpoint of a judge model failed for good.
        NotEstimableError: No row has both a human label and a verdict.
    """
    if not rows:
        raise InputError("there is no labelled answer")
    words = JudgeWords(tuple(judges), tuple(map(Path, phrases)), allow_family=allow_family)
    if words.is_default and not prompts:
        from kakehashi.evaluate.judges import RuleJudge

        return calibrate(RuleJudge(), rows, seed=seed)
    chosen = choose_judge(words, calibrating=sorted({row.language for row in rows}))
    assert chosen is not None
    if prompts:
        chosen = _by_prompts(chosen, prompts, rows, data or DataStore(Workspace.of(workspace).data))
    if not chosen.askers:
        if inspect.iscoroutinefunction(chosen.judge.judge):  # a panel or cascade of judges that ask nobody
            return finish(calibrate_async(cast(AsyncJudge, chosen.judge), rows, seed=seed))
        return calibrate(cast(Judge, chosen.judge), rows, seed=seed)
    rooms = Workspace.of(workspace)
    manifest = {
        "calibration": chosen.judge.id,
        "rows": hashlib.sha256(json.dumps([astuple(row) for row in rows]).encode()).hexdigest(),
        "judge": chosen.described(),
    }
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    settings = EngineSettings(
        concurrency=concurrency, limits=Limits(calls=budget), patience=patience_of(patience)
    )
    with (
        RunFolder.create(rooms.runs / f"calibration-{digest[:12]}", manifest) as folder,
        ExitStack() as stack,
    ):
        servers = local_servers([asker.subject for asker in chosen.askers], rooms, stack, offline, say)
        cache = stack.enter_context(ResponseCache(rooms.cache))
        endpoints = {asker.name: served_endpoint(asker.subject, servers) for asker in chosen.askers}
        labels = finish(_verdicts(chosen, rows, endpoints, folder, cache, settings, say))
    return calibrate_labels(chosen.judge.id, labels, rows, seed=seed)


def _by_prompts(
    chosen: ChosenJudge, name: str, rows: Sequence[LabelledAnswer], store: DataStore
) -> ChosenJudge:
    """The judge as it grades by a method's official prompts.

    Raises:
        UsageError: The method has no such prompts, or the judge cannot grade.
        DataMissingError: The prompts were not pulled.
    """
    method = get_method(name, data=store)
    if not isinstance(method, GradedSuite):
        raise UsageError(
            f"{name} has no official prompts that say which grade a refusal has",
            hint="Name harmbench, simple-safety-tests, xstest or anthropic-red-team.",
        )
    if not can_grade(chosen.judge):
        raise UsageError(
            f"{chosen.judge.id} cannot grade by official prompts", hint="Name --judge model:SUBJECT."
        )
    template_of = template_by_kind({row.prompt: row.kind for row in rows}, method.label_template)
    return replace(chosen, judge=PromptsJudge(as_grader(chosen.judge), method.prompts_id, template_of))


async def _verdicts(
    chosen: ChosenJudge,
    rows: Sequence[LabelledAnswer],
    endpoints: dict[str, Endpoint],
    folder: RunFolder,
    cache: ResponseCache,
    settings: EngineSettings,
    say: Callable[[str], None],
) -> list[str]:
    """One label a row, in their order; a call that failed for good is ``judge-failed`` and counted."""
    judge = chosen.judge
    turnstile = asyncio.Semaphore(settings.concurrency)
    ended: list[KakehashiError] = []
    given = 0

    async def one(row: LabelledAnswer) -> str:
        nonlocal given
        label = Label.JUDGE_FAILED
        async with turnstile:
            if ended:
                return label.value
            try:
                label = (await cast(Awaitable[Verdict], verdict_on(judge, row))).label
            except EndpointError as error:
                if any(asker.stopped for asker in chosen.askers):
                    ended.append(error)
            except (BudgetError, StorageError) as error:
                ended.append(error)
        given += 1
        if given % 100 == 0:
            say(f"{given} of {len(rows)} answers judged")
        return label.value

    async with asking(chosen.askers, endpoints=endpoints, folder=folder, cache=cache, settings=settings):
        tasks = [asyncio.ensure_future(one(row)) for row in rows]
        try:
            await asyncio.wait(tasks)  # what is under way is paid for: it may end
        except asyncio.CancelledError:
            ended.append(IncompleteError("interrupted"))
            await asyncio.wait(tasks, timeout=settings.grace)
            raise
        finally:
            for task in tasks:
                task.cancel()
            labels = await asyncio.gather(*tasks, return_exceptions=True)
    if ended:
        raise ended[0]
    for label in labels:
        if isinstance(label, BaseException):
            raise label
    return [str(label) for label in labels]
