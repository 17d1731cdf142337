"""One sample put to one subject: the messages of each turn, the guard, and the answer that counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from kakehashi.evaluate.engine.budget import most_tokens
from kakehashi.evaluate.engine.caller import Caller
from kakehashi.evaluate.engine.guard import Guard
from kakehashi.evaluate.engine.wire import Transcript
from kakehashi.model import Answer, Sample, Status, Subject


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation that was held: the answer, and the keys of the wire requests behind it."""

    answer: Answer
    calls: tuple[str, ...]


class Interlocutor:
    """A subject ready to be spoken to.

    The user's turns are fixed; the system's answers stand between them as it gave them, without its thinking.
    An answer that a provider blocks ends the conversation; an empty one does not.

    Args:
        subject: The subject.
        caller: Its endpoint.
    """

    def __init__(self, subject: Subject, caller: Caller) -> None:
        self.subject = subject
        self.caller = caller
        self._guard = None if subject.guard is None else Guard(subject.guard)
        self._opening = [message.wire() for message in subject.opening]
        self._parameters: dict[tuple[int | None, int], dict[str, object]] = {}  # by what the sample asks for

    def messages(self, sample: Sample) -> list[Mapping[str, str]]:
        """What stands before the first turn: one system message, then the opening messages."""
        system = "\n\n".join(text for text in (self.subject.system, sample.system) if text)
        start: list[Mapping[str, str]] = [{"role": "system", "content": system}] if system else []
        return [*start, *self._opening]

    def parameters(self, sample: Sample) -> Mapping[str, object]:
        """The subject's parameters with the lower of both limits of tokens, and the alternatives asked for."""
        wanted = (sample.max_tokens, sample.top_logprobs)
        known = self._parameters.get(wanted)
        if known is not None:
            return known
        own = dict(self.subject.parameters)
        most = most_tokens(self.subject, sample)
        if most is not None:
            own["max_completion_tokens" if "max_completion_tokens" in own else "max_tokens"] = most
        if sample.top_logprobs:
            own |= {"logprobs": True, "top_logprobs": sample.top_logprobs}
        self._parameters[wanted] = own
        return own

    async def hold(self, sample: Sample, epoch: int) -> Held:
        """Put a sample to the subject.

        Raises:
            EndpointError: A request failed for good.
        """
        guard = self._guard
        messages = self.messages(sample)
        parameters = self.parameters(sample)
        keys: list[str] = []
        seconds = 0.0
        prompt_tokens: int | None = None
        completion_tokens: int | None = None
        cached = True
        text = thinking = finish = by_guard = ""
        alternatives: tuple[tuple[str, float], ...] = ()
        status = Status.OK
        for turn in sample.turns:
            messages.append({"role": "user", "content": turn})
            alternatives = ()
            if guard is not None and guard.stops_prompt(turn):
                text, thinking, finish, status, by_guard = guard.answer, "", "guard", Status.OK, guard.name
            else:
                exchange = await self.caller.call(Transcript(messages), parameters, epoch)
                done = exchange.completion
                keys.append(exchange.key)
                seconds += exchange.seconds
                cached = cached and exchange.cached
                if done.prompt_tokens is not None:
                    prompt_tokens = (prompt_tokens or 0) + done.prompt_tokens
                if done.completion_tokens is not None:
                    completion_tokens = (completion_tokens or 0) + done.completion_tokens
                text, thinking, finish, status = done.text, done.thinking, done.finish_reason, done.status
                by_guard, alternatives = "", done.alternatives
                if guard is not None and guard.stops_answer(text):
                    alternatives = ()
                    text, status, by_guard = guard.answer, Status.OK, guard.name
            if status is Status.BLOCKED:
                break
            messages.append({"role": "assistant", "content": text})
        answer = Answer(
            text,
            status,
            thinking=thinking,
            finish_reason=finish,
            guard=by_guard,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            seconds=seconds,
            cached=cached,
            alternatives=alternatives,
        )
        return Held(answer, tuple(keys))
