"""A model that a judge asks: its calls are logged, cached, budgeted and resumed like those of the systems."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from kakehashi.errors import EndpointError, UsageError
from kakehashi.evaluate.engine.budget import Budget
from kakehashi.evaluate.engine.cache import ResponseCache
from kakehashi.evaluate.engine.caller import Caller, EndpointStoppedSignal
from kakehashi.evaluate.engine.endpoint import Endpoint
from kakehashi.evaluate.engine.runfolder import RunFolder
from kakehashi.evaluate.engine.settings import EngineSettings
from kakehashi.evaluate.engine.wire import Transcript
from kakehashi.model import Answer, Message, Subject


class Asker:
    """Asks one model within a session; a judge is given it as the way to its model.

    The same messages are the same wire request, so a verdict that was paid for is never paid for again.

    Args:
        subject: The model that is asked, bare: a judge's prompt is the judge's own.

    Raises:
        UsageError: The subject has a system prompt, opening messages or a guard.
    """

    def __init__(self, subject: Subject) -> None:
        if subject.system or subject.opening or subject.guard is not None:
            raise UsageError(
                f"{subject.name!r} cannot be asked as a judge: it has a system prompt, opening messages or a guard",
                hint="Name the bare model: the prompt of a judge is part of the judge and has a version.",
            )
        self.subject = subject
        self.name = f"judge {subject.name}"
        self.stopped: EndpointError | None = None
        self._caller: Caller | None = None
        self._parameters: Mapping[str, object] = dict(subject.parameters)

    def connect(self, caller: Caller) -> None:
        """Ask through this caller from now on."""
        self._caller = caller
        self.stopped = None

    async def __call__(self, messages: list[Message]) -> Answer:
        """The model's answer.

        Raises:
            EndpointError: The request failed for good, or the endpoint has been given up.
            BudgetError: A call would go over the budget.
            UsageError: No session is open.
        """
        if self._caller is None:
            raise UsageError(f"{self.name} is asked outside a session")
        transcript = Transcript([message.wire() for message in messages])
        try:
            exchange = await self._caller.call(transcript, self._parameters, 0)
        except EndpointStoppedSignal as signal:
            self.stopped = signal.error
            raise signal.error from None
        done = exchange.completion
        return Answer(
            done.text,
            done.status,
            thinking=done.thinking,
            finish_reason=done.finish_reason,
            prompt_tokens=done.prompt_tokens,
            completion_tokens=done.completion_tokens,
            seconds=exchange.seconds,
            cached=exchange.cached,
        )


@asynccontextmanager
async def asking(
    askers: Sequence[Asker],
    *,
    endpoints: Mapping[str, Endpoint],
    folder: RunFolder,
    cache: ResponseCache | None = None,
    settings: EngineSettings | None = None,
    rng: random.Random | None = None,
) -> AsyncIterator[Budget]:
    """Connect askers outside a run of jobs, such as for a calibration.

    Args:
        askers: Who is to be asked.
        endpoints: Endpoint by name of asker.
        folder: Where calls are logged, and looked up first.
        cache: Answers that other runs may have had, if any.
        settings: Settings of this session.
        rng: Draws the waits between tries.

    Yields:
        What has been spent.
    """
    settings = settings or EngineSettings()
    budget = Budget(settings.limits, settings.prices)
    callers = []
    try:
        for asker in askers:
            caller = Caller(
                endpoints[asker.name],
                folder=folder,
                cache=cache,
                budget=budget,
                patience=settings.patience,
                concurrency=settings.concurrency,
                rng=rng or random.Random(),
            )
            callers.append(caller)
            asker.connect(caller)
        yield budget
    finally:
        for caller in callers:
            await caller.close()
        if cache is not None:
            await asyncio.to_thread(cache.flush)
        folder.sync()
