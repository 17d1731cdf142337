"""Anthropic messages: system apart, ``max_tokens`` required, stop reasons of its own."""

from collections.abc import Mapping
from typing import Any

from kakehashi.evaluate.engine.endpoint import Completion, Messages, split_thinking
from kakehashi.evaluate.engine.http_endpoint import HttpEndpoint, blocked_by_filter, count
from kakehashi.evaluate.engine.refusals import is_content_filter, provider_error
from kakehashi.evaluate.engine.wire import canonical
from kakehashi.model import Status

DEFAULT_MAX_TOKENS = 1024
VERSION = "2023-06-01"


class AnthropicEndpoint(HttpEndpoint):
    """Messages at ``<base_url>/messages``."""

    kind = "anthropic"
    path = "messages"

    def settle(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """The parameters with the required ``max_tokens``; 1024 where none was given."""
        settled = super().settle(parameters)
        if "max_completion_tokens" in settled:
            settled.setdefault("max_tokens", settled.pop("max_completion_tokens"))
        settled.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
        return settled

    def body(self, messages: Messages, parameters: Mapping[str, object]) -> str:
        """The request body as JSON: system texts joined and apart; empty messages, which are refused, left out."""
        system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
        rest = [dict(m) for m in messages if m["role"] != "system" and m["content"].strip()]
        body: dict[str, Any] = {"model": self.model, "messages": rest, **parameters}
        if system:
            body["system"] = system
        return canonical(body)

    def has_answer(self, raw: Mapping[str, Any]) -> bool:
        """Whether a response holds an answer at all."""
        return isinstance(raw.get("content"), list)

    def read(self, raw: Mapping[str, Any], raw_json: str = "") -> Completion:
        """A response as a completion.

        Raises:
            BadAnswerError: It has no list of content blocks.
        """
        blocks = raw.get("content")
        if not isinstance(blocks, list):
            if is_content_filter(provider_error(raw)):
                return blocked_by_filter(raw)
            raise self.malformed("no content blocks")
        texts, thoughts = [], []
        for block in blocks:
            if isinstance(block, Mapping):
                if isinstance(block.get("text"), str):
                    texts.append(block["text"])
                elif isinstance(block.get("thinking"), str):
                    thoughts.append(block["thinking"])
        leading, text = split_thinking("".join(texts))
        if leading:
            thoughts.append(leading)
        finish = str(raw.get("stop_reason") or "")
        if finish == "refusal":  # the provider's classifier stopped it; the model's own refusal is a text
            status = Status.BLOCKED
        else:
            status = Status.OK if text.strip() else Status.EMPTY
        usage = raw.get("usage")
        usage = usage if isinstance(usage, Mapping) else {}
        return Completion(
            text,
            status,
            thinking="\n".join(thoughts),
            finish_reason=finish,
            prompt_tokens=count(usage.get("input_tokens")),
            completion_tokens=count(usage.get("output_tokens")),
            raw=raw,
            raw_json=raw_json,
        )
