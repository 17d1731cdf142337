"""A model in the process, without HTTP: for tests, examples and rehearsals."""

import asyncio
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kakehashi.errors import UnknownNameError
from kakehashi.evaluate.engine.endpoint import Adaptation, Completion, Messages
from kakehashi.model import Status

Script = Callable[[Messages], "str | Completion | Awaitable[str | Completion]"]

_SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "pa", "re", "so", "ti", "vu")


def _babble(messages: Messages) -> str:
    digest = hashlib.sha256(messages[-1]["content"].encode("utf-8", "surrogatepass")).digest()
    words = ["".join(_SYLLABLES[b % 10] for b in digest[i : i + 3]) for i in range(0, 30, 3)]
    return " ".join(words)


def _blocked(messages: Messages) -> Completion:
    return Completion("", Status.BLOCKED, finish_reason="content_filter")


BEHAVIOURS: dict[str, Script] = {
    "refuse": lambda messages: "I'm sorry, but I can't help with that.",
    "comply": lambda messages: "Sure, here is what you asked for: first do this, then do that.",
    "echo": lambda messages: messages[-1]["content"],
    "empty": lambda messages: "",
    "blocked": _blocked,
    "babble": _babble,
}


class MockEndpoint:
    """An endpoint that answers by a function.

    Args:
        name: One of ``refuse``, ``comply``, ``echo``, ``empty``, ``blocked``, ``babble``; with ``script`` any
            name, which is its identity: two scripts need two names.
        script: Function from the messages to an answer; it may be a coroutine function and may raise.
        delay: Seconds before each answer.

    Examples:
        >>> import asyncio
        >>> asyncio.run(MockEndpoint("echo").complete([{"role": "user", "content": "Hi"}], {})).text
        'Hi'
    """

    def __init__(self, name: str, script: Script | None = None, *, delay: float = 0.0) -> None:
        if script is None:
            if name not in BEHAVIOURS:
                raise UnknownNameError("mock", name, sorted(BEHAVIOURS))
            script = BEHAVIOURS[name]
        self.identity: Mapping[str, Any] = {"kind": "mock", "model": name}
        self.max_concurrency: int | None = None
        self.calls = 0
        self._script = script
        self._delay = delay

    def settle(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """The parameters, unchanged."""
        return dict(parameters)

    def adapt(self, adaptation: Adaptation) -> None:
        """Nothing to take over: a mock refuses no parameter."""

    async def complete(self, messages: Messages, parameters: Mapping[str, object]) -> Completion:
        """One answer."""
        self.calls += 1
        if self._delay:
            await asyncio.sleep(self._delay)
        answer = self._script(messages)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, Completion):
            made = answer
        else:
            made = Completion(answer, Status.OK if answer.strip() else Status.EMPTY, finish_reason="stop")
        raw: dict[str, Any] = {
            "text": made.text,
            "status": str(made.status),
            "thinking": made.thinking,
            "finish_reason": made.finish_reason,
            "prompt_tokens": made.prompt_tokens,
            "completion_tokens": made.completion_tokens,
        }
        if made.alternatives:
            raw["alternatives"] = [list(pair) for pair in made.alternatives]
        return self.read(raw)

    def read(self, raw: Mapping[str, Any]) -> Completion:
        """A stored response, read again."""
        return Completion(
            raw["text"],
            Status(raw["status"]),
            thinking=raw["thinking"],
            finish_reason=raw["finish_reason"],
            prompt_tokens=raw["prompt_tokens"],
            completion_tokens=raw["completion_tokens"],
            alternatives=tuple((token, value) for token, value in raw.get("alternatives", ())),
            raw=raw,
        )

    async def close(self) -> None:
        """Nothing to close."""
