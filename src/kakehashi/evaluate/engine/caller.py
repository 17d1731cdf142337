"""One endpoint as the engine calls it: stored answers first, then tries, within patience, limit and budget."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kakehashi.errors import BadAnswerError, EndpointError
from kakehashi.evaluate.engine.budget import ASSUMED_ANSWER_TOKENS, CHARACTERS_PER_TOKEN, Budget
from kakehashi.evaluate.engine.cache import ResponseCache
from kakehashi.evaluate.engine.endpoint import (
    Adaptation,
    Completion,
    Endpoint,
    Messages,
    ParameterRefusedSignal,
)
from kakehashi.evaluate.engine.limiter import Limiter
from kakehashi.evaluate.engine.patience import Breaker, Patience
from kakehashi.evaluate.engine.runfolder import RunFolder, now
from kakehashi.evaluate.engine.wire import Transcript, canonical, key_from_parts


class EndpointStoppedSignal(Exception):
    """Says that the endpoint has been given up; it never leaves the engine."""

    def __init__(self, error: EndpointError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was answered.

    Attributes:
        key: Key of the wire request.
        completion: The answer.
        seconds: How long it took when it was made.
        cached: Whether no call was made for it now.
    """

    key: str
    completion: Completion
    seconds: float
    cached: bool


class Caller:
    """Calls one endpoint for all subjects that share it.

    Args:
        endpoint: The endpoint.
        folder: Where calls are logged, and looked up first.
        cache: Answers of other runs, if any.
        budget: What may be spent.
        patience: How much failures are borne with.
        concurrency: Most requests at once.
        rng: Draws the waits.
        clock: Seconds, monotonic.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        folder: RunFolder,
        cache: ResponseCache | None,
        budget: Budget,
        patience: Patience,
        concurrency: int,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.identity = canonical(endpoint.identity)
        self.model = str(endpoint.identity.get("model", ""))
        self.stopped: EndpointError | None = None
        self.adaptations: list[Adaptation] = []
        self._folder = folder
        self._cache = cache
        self._budget = budget
        self._clock = clock
        self._sleep = sleep
        self._limiter = Limiter(min(concurrency, endpoint.max_concurrency or concurrency), clock=clock)
        self._breaker = Breaker(patience, clock=clock, rng=rng)
        self._interrupted = False
        self._flights: dict[str, asyncio.Future[Exchange | None]] = {}
        self._parameters: dict[int, tuple[Mapping[str, object], dict[str, object], str]] = {}

    def _settled(self, parameters: Mapping[str, object]) -> tuple[dict[str, object], str]:
        # A subject has one or a few mappings of parameters, so their canonical form is made once for each.
        known = self._parameters.get(id(parameters))
        if known is None or known[0] is not parameters:
            settled = self.endpoint.settle(parameters)
            known = (parameters, settled, canonical(settled))
            if len(self._parameters) > 256:
                self._parameters.clear()
            self._parameters[id(parameters)] = known
        return known[1], known[2]

    def adapt(self, adaptation: Adaptation) -> bool:
        """Take over an adaptation; whether it is new."""
        self._parameters.clear()
        self.endpoint.adapt(adaptation)
        same = [
            known
            for known in self.adaptations
            if (known.parameter, known.replaced_by) == (adaptation.parameter, adaptation.replaced_by)
        ]
        if same:
            return False
        self.adaptations.append(adaptation)
        return True

    async def call(self, messages: Transcript, parameters: Mapping[str, object], epoch: int) -> Exchange:
        """The answer to one request, from the run folder, the cache, a request under way, or the endpoint.

        Raises:
            EndpointError: The request failed for good.
            EndpointStoppedSignal: The endpoint has been given up.
            BudgetError: A call would go over the budget.
        """
        while True:
            sent, text = self._settled(parameters)
            key = key_from_parts(self.identity, epoch, messages.json, text)
            stored = self._folder.find(key)
            if stored is not None:
                return self._read(key, stored)
            flight = self._flights.get(key)
            if flight is not None:
                shared = await asyncio.shield(flight)
                if shared is not None:
                    return Exchange(key, shared.completion, shared.seconds, cached=True)
                continue  # the request was to be built again, or its caller was cancelled
            head = f'"endpoint":{self.identity},"epoch":{epoch},"from_cache":'
            request = f'"request":{{"messages":{messages.json},"parameters":{text}}}'
            cached = None if self._cache is None else self._cache.get(key)
            if cached is not None:
                self._folder.add_call(key, f"{head}true,{request},{cached}")
                return self._read(key, json.loads(f"{{{cached}}}"))
            exchange = await self._lead(key, messages, sent, f"{head}false,{request}")
            if exchange is not None:
                return exchange

    def _read(self, key: str, stored: Mapping[str, Any]) -> Exchange:
        return Exchange(key, self.endpoint.read(stored["response"]), stored["seconds"], cached=True)

    async def _lead(
        self, key: str, messages: Transcript, sent: dict[str, object], head: str
    ) -> Exchange | None:
        """Make the request while others that want the same wait for it; ``None`` to build it again.

        ``head`` is the part of the call's record that is known before.
        """
        flight: asyncio.Future[Exchange | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            started = now()
            completion, seconds, tries = await self._tries(key, messages, sent)
            response = completion.raw_json or canonical(completion.raw)
            # Cache and log keep the same text: these fields stand last in a call's record.
            fields = f'"response":{response},"seconds":{seconds},"started":"{started}","tries":{tries}'
            self._folder.add_call(key, f"{head},{fields}")
            if self._cache is not None:
                self._cache.put(key, fields)
            exchange = Exchange(key, completion, seconds, cached=False)
            flight.set_result(exchange)
        except ParameterRefusedSignal as signal:
            if self.adapt(signal.adaptation):
                self._folder.add_event(
                    "parameter-refused",
                    endpoint=self.endpoint.identity,
                    parameter=signal.adaptation.parameter,
                    reason=signal.adaptation.reason,
                    replaced_by=signal.adaptation.replaced_by,
                )
            flight.set_result(None)
            return None
        except BaseException as exc:
            if isinstance(exc, EndpointError | EndpointStoppedSignal):
                flight.set_exception(exc)
                flight.exception()  # nobody else may be waiting for it
            else:
                flight.set_result(None)
            if isinstance(exc, EndpointError):
                self._folder.add_event(
                    "call-failed",
                    call=key,
                    error=type(exc).__name__,
                    message=exc.message,
                    request={"messages": messages, "parameters": sent},
                )
            raise
        else:
            return exchange
        finally:
            del self._flights[key]

    async def _tries(
        self, key: str, messages: Messages, sent: dict[str, object]
    ) -> tuple[Completion, float, int]:
        tries = bad_answers = 0
        limiter, breaker, clock = self._limiter, self._breaker, self._clock
        while True:
            began = await limiter.acquire()
            try:
                if self.stopped is not None:
                    raise EndpointStoppedSignal(self.stopped)
                if self._interrupted:
                    raise asyncio.CancelledError
                place = await self._reserve(messages, sent)
                tries += 1
                began = clock()
                try:
                    completion = await self.endpoint.complete(messages, sent)
                except BaseException:
                    self._budget.cancel(place)
                    raise
                seconds = clock() - began
                self._budget.settle(place, self.model, completion.prompt_tokens, completion.completion_tokens)
                breaker.answered()
                limiter.succeeded(seconds)
                return completion, round(seconds, 6), tries
            except ParameterRefusedSignal:
                breaker.answered()
                raise
            except EndpointError as exc:
                error = exc
                if isinstance(error, BadAnswerError):
                    bad_answers += 1
            finally:
                limiter.release()
            wait = self._after_failure(error, key, began, tries, bad_answers)
            await self._sleep(wait)

    async def _reserve(self, messages: Messages, sent: Mapping[str, object]) -> tuple[int, float]:
        limits = self._budget.limits
        if limits.tokens is None and limits.cost is None:
            return await self._budget.reserve(self.model, 0, 0)
        prompt = sum(len(m["content"]) // CHARACTERS_PER_TOKEN + 4 for m in messages)
        most = sent.get("max_tokens", sent.get("max_completion_tokens"))
        return await self._budget.reserve(
            self.model, prompt, most if isinstance(most, int) else ASSUMED_ANSWER_TOKENS
        )

    def _after_failure(
        self, error: EndpointError, key: str, began: float, tries: int, bad_answers: int
    ) -> float:
        """Seconds to wait before the next try; raises where there is none."""
        if self._breaker.gives_up_endpoint(error, tries):
            if self.stopped is None:
                self.stopped = error
                self._folder.add_event(
                    "endpoint-stopped",
                    endpoint=self.endpoint.identity,
                    error=type(error).__name__,
                    message=error.message,
                )
                self._limiter.open_all()
            raise EndpointStoppedSignal(self.stopped) from None
        if self.stopped is not None:
            raise EndpointStoppedSignal(self.stopped) from None
        wait = self._breaker.wait_before_retry(error, tries, bad_answers)
        self._folder.add_event(
            "try-failed",
            call=key,
            error=type(error).__name__,
            message=error.message,
            status=error.status,
            tries=tries,
            wait=None if wait is None else round(wait, 3),
        )
        if error.status == 429 or error.retry_after is not None:
            self._limiter.throttled(began, error.retry_after or 0.0)
        if wait is None:
            raise error
        return wait

    @property
    def under_way(self) -> int:
        """Requests sent and not answered yet."""
        return self._limiter.active

    def interrupt(self) -> None:
        """Send nothing any more; what is under way may end."""
        self._interrupted = True
        self._limiter.open_all()

    async def close(self) -> None:
        """Close the endpoint's connections."""
        self._limiter.close()
        await self.endpoint.close()
