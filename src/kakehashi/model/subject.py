"""A subject: the whole system under assessment, not only a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.model.sample import Message


@dataclass(frozen=True, slots=True)
class GuardSpec:
    """A guard that may answer in the model's place.

    Attributes:
        name: Name that stands in logs beside answers that the guard gave.
        input_phrases: A prompt that holds one of these (case and width folded) never reaches the model.
        output_phrases: An answer that holds one of these is replaced.
        answer: What the guard says instead.
    """

    name: str
    input_phrases: tuple[str, ...] = ()
    output_phrases: tuple[str, ...] = ()
    answer: str = "I'm sorry, but I can't help with that."


@dataclass(frozen=True, slots=True)
class Subject:
    """Endpoint, model, system prompt, opening messages, guard and parameters: what was assessed.

    Attributes:
        name: Short unique name in tables, such as ``"smollm2-primed"``.
        endpoint: Kind of endpoint: ``"openai"``, ``"anthropic"``, ``"local"`` or ``"mock"``.
        model: Model id as the endpoint knows it.
        base_url: Address of the endpoint, ``""`` where the kind knows its own.
        system: System prompt, or ``""``.
        opening: Messages that stand before the first prompt.
        guard: A guard, or ``None``.
        parameters: Parameters of the request (``temperature``, ``max_tokens``, ``seed``, …), as sent.
        key_env: Name of the environment variable that holds the key; never the key.
        developer: Who made the model, where stated.
        weights: ``"open"``, ``"closed"`` or ``""`` where not stated.
        description: One line in the user's words.
    """

    name: str
    endpoint: str
    model: str
    base_url: str = ""
    system: str = ""
    opening: tuple[Message, ...] = ()
    guard: GuardSpec | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    key_env: str = ""
    developer: str = ""
    weights: str = ""
    description: str = ""
