"""What OpenAI-compatible and Anthropic endpoints have in common."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kakehashi.errors import BadAnswerError, InputError
from kakehashi.evaluate.engine.endpoint import Adaptation, Completion, Messages, ParameterRefusedSignal
from kakehashi.evaluate.engine.refusals import error_for, is_content_filter, provider_error, refused_parameter
from kakehashi.evaluate.engine.transport import Response, Transport
from kakehashi.model import Status

_RESERVED = {"model", "messages", "stream", "n", "system"}


class HttpEndpoint:
    """A model behind HTTP; subclasses say how requests are built and answers read.

    Args:
        model: Model id as the endpoint knows it.
        transport: The connections; the key lives there alone.
        identity: What the key of a wire request says of this endpoint.
        max_concurrency: Most requests at once that make sense here, or ``None``.
    """

    kind = "http"
    path = ""

    def __init__(
        self,
        model: str,
        transport: Transport,
        *,
        identity: Mapping[str, Any] | None = None,
        max_concurrency: int | None = None,
    ) -> None:
        self.model = model
        self.identity: Mapping[str, Any] = dict(
            identity or {"kind": self.kind, "base_url": transport.address, "model": model}
        )
        self.max_concurrency = max_concurrency
        self._transport = transport
        self._adaptations: dict[str, Adaptation] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, {self._transport.address!r})"

    def settle(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """The parameters as this endpoint takes them, refused ones left out or renamed."""
        settled: dict[str, object] = {}
        for name, value in parameters.items():
            if name in _RESERVED:
                raise InputError(
                    f"the parameter {name!r} cannot be set", hint="Take it out of the subject's parameters."
                )
            adaptation = self._adaptations.get(name)
            if adaptation is None:
                settled[name] = value
            elif adaptation.replaced_by:
                settled.setdefault(adaptation.replaced_by, value)
        return settled

    def adapt(self, adaptation: Adaptation) -> None:
        """Take over an adaptation."""
        self._adaptations[adaptation.parameter] = adaptation

    async def complete(self, messages: Messages, parameters: Mapping[str, object]) -> Completion:
        """One attempt; see :class:`~kakehashi.evaluate.engine.endpoint.Endpoint`."""
        response = await self._transport.post(self.path, self.body(messages, parameters).encode())
        if response.status == 200:
            raw, text = self._transport.parse(response)
            if isinstance(raw.get("error"), dict) and not self.has_answer(raw):
                # Some gateways answer 200 with an error in the body.
                code = raw["error"].get("code")
                status = code if isinstance(code, int) and 300 <= code < 600 else 500
                return self._failed(replace(response, status=status), raw, parameters)
            return self.read(raw, text if "\n" not in text and "\r" not in text else "")
        try:
            raw, _ = self._transport.parse(response)
        except BadAnswerError:
            raw = {}
        return self._failed(response, raw, parameters)

    def _failed(
        self, response: Response, raw: Mapping[str, Any], parameters: Mapping[str, object]
    ) -> Completion:
        error = provider_error(raw)
        if response.status in (400, 403, 422):
            if is_content_filter(error):
                return blocked_by_filter(raw)
            adaptation = refused_parameter(error, parameters)
            if response.status == 403 and adaptation is not None and "logprobs" not in adaptation.parameter:
                adaptation = None  # some providers say 403 to log-probabilities; else it is about the key
            if adaptation is not None:
                # Of many requests in flight each is refused; all but the first find it done already.
                self.adapt(adaptation)
                raise ParameterRefusedSignal(adaptation)
        raise error_for(response, error, self._transport.address)

    def body(self, messages: Messages, parameters: Mapping[str, object]) -> str:
        """The request body as JSON."""
        raise NotImplementedError

    def has_answer(self, raw: Mapping[str, Any]) -> bool:
        """Whether a response holds an answer at all."""
        raise NotImplementedError

    def read(self, raw: Mapping[str, Any], raw_json: str = "") -> Completion:
        """A response as a completion."""
        raise NotImplementedError

    def malformed(self, what: str) -> BadAnswerError:
        """The error for a response that is JSON but not of the promised shape."""
        return BadAnswerError(
            f"the answer of {self._transport.address} has {what}",
            endpoint=self._transport.address,
            hint="Look whether the address speaks this kind of endpoint's protocol.",
        )

    async def close(self) -> None:
        """Close connections; the next call opens them again."""
        await self._transport.close()


def blocked_by_filter(raw: Mapping[str, Any]) -> Completion:
    """The completion for a request that the provider's content filter turned away."""
    return Completion("", Status.BLOCKED, finish_reason="content_filter", raw=raw)


def count(value: object) -> int | None:
    """A token count, where the value is one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
