"""The loop: jobs in, finished rows in the run folder out."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace

from kakehashi.errors import BudgetError, EndpointError, KakehashiError, StorageError, UnknownNameError
from kakehashi.evaluate.engine.asking import Asker
from kakehashi.evaluate.engine.budget import Budget
from kakehashi.evaluate.engine.cache import ResponseCache
from kakehashi.evaluate.engine.caller import Caller, EndpointStoppedSignal
from kakehashi.evaluate.engine.conversation import Interlocutor
from kakehashi.evaluate.engine.endpoint import Adaptation, Endpoint
from kakehashi.evaluate.engine.rows import FinishedRow, JobKey
from kakehashi.evaluate.engine.runfolder import RunFolder
from kakehashi.evaluate.engine.settings import AdaptationRecord, EngineSettings, Outcome, Progress
from kakehashi.evaluate.engine.wire import canonical
from kakehashi.model import Answer, Label, Sample, Score, Status, Subject

Scorer = Callable[[Sample, Answer], "Score | Awaitable[Score]"]
ENGINE = "kakehashi/engine"
_YIELD_AFTER = 50


@dataclass(frozen=True, slots=True)
class Job:
    """One sample to be put to one subject for one method."""

    subject: Subject
    method: str
    sample: Sample
    epoch: int = 0

    @property
    def key(self) -> JobKey:
        """What names it within a run."""
        return JobKey(self.subject.name, self.method, self.sample.id, self.epoch)


async def run_jobs(
    jobs: Iterable[Job],
    *,
    endpoints: Mapping[str, Endpoint],
    scorers: Mapping[str, Scorer],
    folder: RunFolder,
    cache: ResponseCache | None = None,
    settings: EngineSettings | None = None,
    progress: Callable[[Progress], None] | None = None,
    total: int | None = None,
    rng: random.Random | None = None,
    askers: Sequence[Asker] = (),
) -> Outcome:
    """Run the jobs that the folder does not hold yet.

    Jobs are taken one by one as there is room. Subjects whose endpoints have one identity share connections,
    limits and answers. What fails for one sample is a row; what fails for an endpoint stops its subjects;
    what fails for the workspace (a full disk) ends the session with everything so far intact. On cancellation
    (Ctrl-C) requests under way are given ``settings.grace`` seconds to end, because they are paid for.

    Args:
        jobs: The whole work, finished jobs included; each key once.
        endpoints: Endpoint by name of subject.
        scorers: Scorer by method; also asked for empty and blocked answers, never for errors.
        folder: The run folder, open for writing.
        cache: Answers that other runs may have had, if any.
        settings: Settings of this session.
        progress: Called now and then, and once at the end.
        total: Number of jobs, where ``jobs`` has no length.
        rng: Draws the waits between tries.
        askers: Models that the scorers ask; their endpoints stand in ``endpoints`` under their names. Their calls
            count against the same budget, and are in the same log and cache.

    Raises:
        StorageError: The folder or the cache cannot be written.
        UnknownNameError: A job's subject has no endpoint, or its method no scorer.
    """
    session = _Session(
        jobs, endpoints, scorers, folder, cache, settings or EngineSettings(), progress, total, rng, askers
    )
    return await session.run()


class _Session:
    """One call of :func:`run_jobs`."""

    def __init__(
        self,
        jobs: Iterable[Job],
        endpoints: Mapping[str, Endpoint],
        scorers: Mapping[str, Scorer],
        folder: RunFolder,
        cache: ResponseCache | None,
        settings: EngineSettings,
        progress: Callable[[Progress], None] | None,
        total: int | None,
        rng: random.Random | None,
        askers: Sequence[Asker],
    ) -> None:
        self.askers = askers
        self.settings = settings
        self.folder = folder
        self.cache = cache
        self.scorers = scorers
        self.endpoints = endpoints
        self.progress = progress
        self.expected = len(jobs) if total is None and isinstance(jobs, Sized) else total
        self.budget = Budget(settings.limits, settings.prices)
        self.rng = rng or random.Random()
        self.jobs: Iterator[Job] = iter(jobs)
        self.finished = folder.done()
        self.callers: dict[str, Caller] = {}
        self.interlocutors: dict[str, Interlocutor] = {}
        self.stopping = False
        self.began = time.monotonic()
        self.total = self.resumed = self.done = self.cached = self.failed = self.judge_failed = 0
        self.missing = self.without_call = 0
        self.errors: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.stopped: dict[str, KakehashiError] = {}
        self.budget_error: BudgetError | None = None
        self.warnings: list[str] = []
        self.past = list(folder.events("parameter-refused"))

    async def run(self) -> Outcome:
        self.folder.add_event("session-begins", resumed=len(self.finished))
        for asker in self.askers:
            if asker.name in self.endpoints:  # there is none where nothing is left to be judged
                asker.connect(self._caller(self.endpoints[asker.name]))
        workers = [
            asyncio.create_task(self._work())
            for _ in range(max(1, min(self.settings.concurrency, self.expected or self.settings.concurrency)))
        ]
        ticker = asyncio.create_task(self._tick())
        try:
            await self._until_done(workers, ticker)
        finally:
            ticker.cancel()
            for worker in workers:
                worker.cancel()
            await asyncio.gather(ticker, *workers, return_exceptions=True)
            for caller in self.callers.values():
                await caller.close()
            self._take_cache_warnings()
        if self.cache is not None:
            await asyncio.to_thread(self.cache.flush)
        outcome = self._outcome()
        self.folder.add_event(
            "session-ends",
            done=outcome.done,
            failed=outcome.failed,
            judge_failed=outcome.judge_failed,
            missing=outcome.missing,
            calls=outcome.calls,
            prompt_tokens=outcome.prompt_tokens,
            completion_tokens=outcome.completion_tokens,
            cost=outcome.cost,
            seconds=outcome.seconds,
        )
        self.folder.sync()
        self._report()
        return outcome

    async def _until_done(self, workers: list[asyncio.Task[None]], ticker: asyncio.Task[None]) -> None:
        """Wait for the workers; an error of the workspace, or a mistake of the caller, ends all."""
        pending: set[asyncio.Task[None]] = {*workers, ticker}
        try:
            while pending - {ticker}:
                over, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in over:
                    task.result()
        except asyncio.CancelledError:
            await self._let_calls_end()
            self.folder.add_event("session-interrupted", done=self.done)
            if self.cache is not None:
                self.cache.flush_soon()
            raise
        except Exception:
            await self._let_calls_end()
            raise

    async def _let_calls_end(self) -> None:
        """Begin nothing more, and give the requests under way, which are paid for, some seconds to end."""
        self.stopping = True
        for caller in self.callers.values():
            caller.interrupt()
        end = time.monotonic() + self.settings.grace
        await asyncio.sleep(0)  # those that were waiting for a place go
        callers = list(self.callers.values())
        while any(each.under_way for each in callers) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _tick(self) -> None:
        synced = reported = time.monotonic()
        while True:
            await asyncio.sleep(min(self.settings.progress_every, self.settings.sync_every, 0.25))
            now = time.monotonic()
            self.folder.check_room()
            if self.cache is not None:
                self.cache.flush_soon()
            if now - synced >= self.settings.sync_every:
                await asyncio.to_thread(self.folder.sync)
                synced = now
            if now - reported >= self.settings.progress_every:
                self._report()
                reported = now

    def _report(self) -> None:
        if self.progress is None:
            return
        seconds = time.monotonic() - self.began
        done = self.resumed + self.done + self.failed
        eta = None
        fresh = self.done + self.failed - self.cached
        if self.expected is not None and fresh > 0:
            eta = seconds / fresh * max(0, self.expected - done - self.missing)
        self.progress(
            Progress(done, self.expected, self.cached, self.failed, self.budget.calls, seconds, eta)
        )

    async def _work(self) -> None:
        finished = self.finished
        for taken, job in enumerate(self.jobs, start=1):
            if self.stopping:
                return
            self.total += 1
            if finished and job.key in finished:
                self.resumed += 1
            else:
                await self._run(job)
            if not taken % _YIELD_AFTER:  # what waits for nothing must not keep the loop from anything else
                await asyncio.sleep(0)

    def _interlocutor(self, subject: Subject) -> Interlocutor:
        found = self.interlocutors.get(subject.name)
        if found is None:
            if subject.name not in self.endpoints:
                raise UnknownNameError("endpoint of subject", subject.name, list(self.endpoints))
            caller = self._caller(self.endpoints[subject.name])
            found = self.interlocutors[subject.name] = Interlocutor(subject, caller)
        return found

    def _caller(self, endpoint: Endpoint) -> Caller:
        identity = canonical(endpoint.identity)
        caller = self.callers.get(identity)
        if caller is None:
            self.folder.check_room()
            caller = self.callers[identity] = Caller(
                endpoint,
                folder=self.folder,
                cache=self.cache,
                budget=self.budget,
                patience=self.settings.patience,
                concurrency=self.settings.concurrency,
                rng=self.rng,
            )
            for event in self.past:
                if canonical(event["endpoint"]) == identity:
                    caller.adapt(Adaptation(event["parameter"], event["replaced_by"], event["reason"]))
        return caller

    async def _run(self, job: Job) -> None:
        """Run one job; nothing that is final for this sample alone gets out."""
        scorer = self.scorers.get(job.method)
        if scorer is None:
            raise UnknownNameError("scorer of method", job.method, list(self.scorers))
        interlocutor = self._interlocutor(job.subject)
        if job.subject.name in self.stopped:
            self.missing += 1
            return
        try:
            held = await interlocutor.hold(job.sample, job.epoch + job.sample.repeat)
        except EndpointStoppedSignal as signal:
            self.stopped[job.subject.name] = signal.error
            self.missing += 1
            return
        except BudgetError as exc:
            self.budget_error = self.budget_error or exc
            self.missing += 1
            return
        except EndpointError as exc:
            self._failed(job, exc)
            return
        try:
            score, retry = await self._score(scorer, job, held.answer)
        except (
            BudgetError
        ) as exc:  # the answer is kept and will not be generated again; its verdict is not there
            self.budget_error = self.budget_error or exc
            self.missing += 1
            return
        self.folder.add_row(FinishedRow(job.key, held.answer, score, held.calls, retry))
        if retry:
            self.judge_failed += 1
        else:
            self.done += 1
        self.cached += held.answer.cached

    def _failed(self, job: Job, exc: EndpointError) -> None:
        kind = type(exc).__name__
        answer = Answer("", Status.ERROR, error=f"{kind}: {exc.message}")
        score = Score(job.sample.id, Label.ERROR, ENGINE, reason=kind)
        self.folder.add_row(FinishedRow(job.key, answer, score, retry=True))
        self.failed += 1
        self.errors[kind] += 1
        self.examples.setdefault(kind, exc.message)

    async def _score(self, scorer: Scorer, job: Job, answer: Answer) -> tuple[Score, bool]:
        """The score, and whether the judge broke down and is to be asked again by the next session."""
        try:
            made = scorer(job.sample, answer)
            score = made if isinstance(made, Score) else await made
        except (StorageError, BudgetError):
            raise
        except Exception as exc:
            kind = type(exc).__name__
            self.folder.add_event("judge-broke-down", job=list(job.key), error=kind, message=str(exc)[:500])
            return Score(job.sample.id, Label.JUDGE_FAILED, ENGINE, reason=kind), True
        if score.value is not None and not math.isfinite(score.value):
            return replace(score, label=Label.JUDGE_FAILED, value=None, reason="value-not-finite"), True
        return score, False

    def _take_cache_warnings(self) -> None:
        if self.cache is None:
            return
        for warning in self.cache.warnings:
            if warning not in self.warnings:
                self.warnings.append(warning)
                self.folder.add_event("warning", message=warning)

    def _outcome(self) -> Outcome:
        adaptations = []
        for asker in self.askers:
            if asker.stopped is not None:
                self.stopped[asker.name] = asker.stopped
        judges = {asker.name: self.endpoints.get(asker.name) for asker in self.askers}
        for identity, caller in self.callers.items():
            names = tuple(
                sorted(
                    [name for name, i in self.interlocutors.items() if i.caller.identity == identity]
                    + [name for name, e in judges.items() if e and canonical(e.identity) == identity]
                )
            )
            adaptations += [
                AdaptationRecord(names, each.parameter, each.replaced_by, each.reason)
                for each in caller.adaptations
            ]
        budget = self.budget
        return Outcome(
            total=self.total,
            done=self.resumed + self.done,
            resumed=self.resumed,
            cached=self.cached,
            failed=self.failed,
            judge_failed=self.judge_failed,
            missing=self.missing,
            calls=budget.calls,
            prompt_tokens=budget.prompt_tokens,
            completion_tokens=budget.completion_tokens,
            uncounted_tokens=budget.uncounted,
            cost=budget.cost,
            seconds=time.monotonic() - self.began,
            stopped=dict(self.stopped),
            budget=self.budget_error,
            errors=dict(self.errors),
            adaptations=tuple(adaptations),
            warnings=tuple(self.warnings),
            examples=dict(self.examples),
        )
