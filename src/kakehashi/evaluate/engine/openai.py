"""OpenAI-compatible chat completions: OpenAI itself, and nearly every server of open weights."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from kakehashi.evaluate.engine.endpoint import Completion, Messages, split_thinking
from kakehashi.evaluate.engine.http_endpoint import HttpEndpoint, blocked_by_filter, count
from kakehashi.evaluate.engine.refusals import is_content_filter, provider_error
from kakehashi.evaluate.engine.wire import Transcript, canonical
from kakehashi.model import Status


class OpenAIEndpoint(HttpEndpoint):
    """Chat completions at ``<base_url>/chat/completions``."""

    kind = "openai"
    path = "chat/completions"
    _parameters: Mapping[str, object] | None = None
    _settings = ""

    def body(self, messages: Messages, parameters: Mapping[str, object]) -> str:
        """The request body as JSON."""
        if parameters is not self._parameters:  # the engine passes one mapping for thousands of requests
            self._parameters = parameters
            self._settings = canonical({"model": self.model, **parameters})
        said = messages.json if isinstance(messages, Transcript) else canonical(messages)
        return f'{{"messages":{said},{self._settings[1:]}'

    def has_answer(self, raw: Mapping[str, Any]) -> bool:
        """Whether a response holds an answer at all."""
        return bool(raw.get("choices"))

    def read(self, raw: Mapping[str, Any], raw_json: str = "") -> Completion:
        """A response as a completion.

        Raises:
            BadAnswerError: It has no choices, or a message of another shape.
        """
        choices = raw.get("choices")
        if not choices and is_content_filter(provider_error(raw)):
            return blocked_by_filter(raw)
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise self.malformed("no choices")
        message = choices[0].get("message")
        if not isinstance(message, dict):
            raise self.malformed("a choice without a message")
        text, parts_thinking = _content(message.get("content"))
        if text is None:
            raise self.malformed("a message whose content is neither text nor parts")
        finish = str(choices[0].get("finish_reason") or "")
        if not text and isinstance(message.get("refusal"), str):
            text = message["refusal"]
        thinking, text = split_thinking(text)
        stated = message.get("reasoning_content") or message.get("reasoning")
        thoughts = [part for part in (stated, parts_thinking, thinking) if isinstance(part, str) and part]
        if finish == "content_filter":
            status = Status.BLOCKED
        else:
            status = Status.OK if text.strip() else Status.EMPTY
        usage = raw.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return Completion(
            text,
            status,
            thinking="\n".join(thoughts),
            finish_reason=finish,
            prompt_tokens=count(usage.get("prompt_tokens")),
            completion_tokens=count(usage.get("completion_tokens")),
            alternatives=_alternatives(choices[0].get("logprobs")),
            raw=raw,
            raw_json=raw_json,
        )


def _alternatives(logprobs: object) -> tuple[tuple[str, float], ...]:
    """The first token's alternatives; none where the endpoint gave none, or something of another shape."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = content[0] if isinstance(content, list) and content else None
    listed = first.get("top_logprobs") if isinstance(first, Mapping) else None
    found = [
        (each["token"], float(each["logprob"]))
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, Mapping)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("logprob"), int | float)
        and isfinite(each["logprob"])
    ]
    return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))


def _content(content: object) -> tuple[str | None, str]:
    """Text and thinking of a message's content, which is a text, null, or a list of parts."""
    if content is None:
        return "", ""
    if isinstance(content, str):
        return content, ""
    if not isinstance(content, list):
        return None, ""
    text, thinking = [], []
    for part in content:
        if isinstance(part, Mapping):
            if isinstance(part.get("text"), str):
                text.append(part["text"])
            elif isinstance(part.get("thinking"), str):
                thinking.append(part["thinking"])
    return "".join(text), "".join(thinking)
