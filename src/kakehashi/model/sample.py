"""What is put to a system, what it answers, and what the answer is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str

    def wire(self) -> dict[str, str]:
        """The message as chat-completion endpoints take it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Sample:
    """One item as a method puts it to a system (Inspect's ``Sample``).

    Attributes:
        id: Unique within a method version, such as ``"violence-01.harmful.en"``.
        turns: What the user says, in order; the system answers after each. One-turn samples have one.
        language: Language of the prompt, ISO 639-1.
        category: The method's own category.
        kind: The method's own kind of item, such as ``"harmful"`` or ``"benign"``.
        cluster: Samples that stand or fall together (twins, one document); the unit of resampling.
        target: The closed answer, where there is one.
        system: Text that belongs to the item and goes into the system message, where there is one.
        max_tokens: Most tokens to generate for each turn, or ``None`` for the subject's own setting.
        top_logprobs: How many alternatives of the answer's first token are asked for; 0 for none.
        repeat: Number of the answer where one item is answered several times; a part of the wire request's key.
        facets: Further keys to break results down by (``technique``, ``task``, ``review``).

    Its texts stand in no ``repr``: a sample may be a rendered attack, and errors and logs print what they hold.
    """

    id: str
    turns: tuple[str, ...] = field(repr=False)
    language: str
    category: str
    kind: str
    cluster: str
    target: str | None = field(default=None, repr=False)
    system: str | None = field(default=None, repr=False)
    max_tokens: int | None = None
    top_logprobs: int = 0
    repeat: int = 0
    facets: Mapping[str, str] = field(default_factory=dict)


class Status(StrEnum):
    """How a call ended."""

    OK = "ok"
    EMPTY = "empty"
    BLOCKED = "blocked"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system answered to one sample.

    Attributes:
        text: The answer to the last turn; empty where there is none.
        status: ``ok``, ``empty`` (no text), ``blocked`` (by a provider) or ``error`` (none was had).
        thinking: A reasoning model's thinking, kept apart and never judged as the answer.
        finish_reason: The endpoint's own word for why it stopped.
        error: Class and short cause of a failure; never holds a key.
        guard: Name of the guard that answered in the model's place, or ``""``.
        prompt_tokens: As the endpoint counted them, all turns together; ``None`` where it did not say.
        completion_tokens: As the endpoint counted them, all turns together.
        seconds: Time from the first request to the last answer.
        cached: Whether no call was made for it.
        alternatives: First token → log-probability, most probable first, where they were asked for and given.
    """

    text: str
    status: Status = Status.OK
    thinking: str = ""
    finish_reason: str = ""
    error: str = ""
    guard: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    cached: bool = False
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """What a scorer made of one sample.

    Attributes:
        sample: Identifier of the sample.
        label: A :class:`~kakehashi.model.judgement.Label` value.
        scorer: Judge or parser with version.
        value: A number where the scorer gives one (a stated confidence, a grade).
        reason: Short stable ground; never the text of the answer.
    """

    sample: str
    label: str
    scorer: str
    value: float | None = None
    reason: str = ""
