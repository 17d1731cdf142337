"""What an endpoint is: something that answers messages, and says who it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kakehashi.model import Status

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of an endpoint.

    Attributes:
        text: The answer, without thinking.
        status: ``ok``, ``empty`` or ``blocked``.
        thinking: A reasoning model's thinking.
        finish_reason: The endpoint's own word for why it stopped.
        prompt_tokens: As the endpoint counted them, or ``None``.
        completion_tokens: As the endpoint counted them, or ``None``.
        alternatives: First token → log-probability, most probable first, where they were asked for and given.
        raw: The whole response as JSON: what logs and cache keep, and :meth:`Endpoint.read` reads again.
        raw_json: ``raw`` as the text that came, where it stands on one line; logs then keep it byte for byte.
    """

    text: str
    status: Status
    thinking: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    alternatives: tuple[tuple[str, float], ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    raw_json: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A parameter that an endpoint refused, and what was done about it.

    Attributes:
        parameter: Its name as asked for.
        replaced_by: The name it was sent under instead, or ``""`` where it was left out.
        reason: The endpoint's own words.
    """

    parameter: str
    replaced_by: str
    reason: str


class ParameterRefusedSignal(Exception):
    """Says that the endpoint refused a parameter and has been adapted; the request is to be built again.

    It never leaves the engine.
    """

    def __init__(self, adaptation: Adaptation) -> None:
        super().__init__(adaptation.parameter)
        self.adaptation = adaptation


class Endpoint(Protocol):
    """Something that answers messages."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Kind, address, model or hash of the weights, runtime settings; never a key."""
        ...

    @property
    def max_concurrency(self) -> int | None:
        """Most requests at once that make sense here, or ``None``."""
        ...

    def settle(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """The parameters as this endpoint takes them, refused ones left out or renamed."""
        ...

    def adapt(self, adaptation: Adaptation) -> None:
        """Take over an adaptation that an earlier session of the run has learnt."""
        ...

    async def complete(self, messages: Messages, parameters: Mapping[str, object]) -> Completion:
        """One attempt, with settled parameters.

        Raises:
            EndpointError: The attempt failed.
            ParameterRefusedSignal: The endpoint refused a parameter; settle again.
        """
        ...

    def read(self, raw: Mapping[str, Any]) -> Completion:
        """A response that logs or cache kept, read again."""
        ...

    async def close(self) -> None:
        """Close connections; the next call opens them again."""
        ...


def split_thinking(text: str) -> tuple[str, str]:
    r"""Take leading ``<think>…</think>`` off an answer: (thinking, answer).

    A block that was never closed (cut by the token limit) is thinking to its end. Where the chat template had
    opened the block already, the text begins inside it and only ``</think>`` is seen.

    Examples:
        >>> split_thinking("<think>Hm.</think>\n\nYes.")
        ('Hm.', 'Yes.')
        >>> split_thinking("<think>Hm, let me")
        ('Hm, let me', '')
        >>> split_thinking("Tags such as <b> stay.")
        ('', 'Tags such as <b> stay.')
    """
    start = text.lstrip()
    if start.startswith("<think>"):
        thinking, _, answer = start[len("<think>") :].partition("</think>")
        return thinking.strip(), answer.lstrip()
    end = text.find("</think>")
    if end >= 0 and "<think>" not in text[:end]:
        return text[:end].strip(), text[end + len("</think>") :].lstrip()
    return "", text
