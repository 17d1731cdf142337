"""What an attack technique is: a small, named, deterministic way to put one request."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Option = TypeVar("Option")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A request as a technique puts it.

    Attributes:
        turns: What the user says, in order; the system answers after each.
        system: Text that goes into the system message, or ``None``.
        secret: What must not leak, where the technique tries to extract something.

    None of it stands in its ``repr``: errors and logs print what they hold.
    """

    turns: tuple[str, ...] = field(repr=False)
    system: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """Everything that is sent, system text first, joined by newlines."""
        return "\n".join(([self.system] if self.system else []) + list(self.turns))


@dataclass(frozen=True, slots=True)
class Context:
    """What a technique may know beside the request.

    Attributes:
        item: Identifier of the item, such as ``"violence-01"``.
        category: Category of the item, such as ``"violence"``.
        seed: The cell's seed: it chooses among the technique's wordings.
    """

    item: str
    category: str
    seed: int

    def choose(self, options: Sequence[Option], salt: str = "") -> Option:
        """One of the options: in turn by seed, or by a hash of seed, item and salt where a salt is given.

        Examples:
            >>> Context("violence-01", "violence", 4).choose(["a", "b", "c"])
            'b'
        """
        return options[(self.number(salt) if salt else self.seed) % len(options)]

    def order(self, options: Sequence[Option], salt: str) -> list[Option]:
        """All options in an order that seed, item and salt decide."""
        ranks = [self.number(f"{salt}/{position}") for position in range(len(options))]
        return [options[position] for position in sorted(range(len(options)), key=ranks.__getitem__)]

    def number(self, salt: str) -> int:
        """A 64-bit number that depends on seed, item and salt alone."""
        digest = hashlib.sha256(f"{self.seed}\x1f{self.item}\x1f{salt}".encode()).digest()
        return int.from_bytes(digest[:8], "big")


def whole_text(rendered: Rendered) -> str:
    """What is sent, as it is: enough for a technique that keeps the request verbatim."""
    return rendered.text


def fold_case(text: str) -> str:
    """Letters without case and spaces without number: the ordinary form in which a request is found again."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Transformation:
    """The code of a technique; its words for people stand in ``data/attacks/techniques.yaml``.

    A transformation keeps what was asked: ``fold(request)`` is part of ``fold(recover(rendered))``, unless
    ``carries_request`` is false (the techniques that try to extract a secret ask nothing else).

    Attributes:
        id: Name of the technique.
        render: Puts a request in a context.
        recover: Finds the request again in what was rendered.
        fold: Removes what the technique changes for good (case, the order of letters).
        decode: Makes a plain text of an answer in the form that the technique asks for, and leaves a plain
            answer alone; ``None`` where it asks for no form.
        carries_request: Whether the request is put to the system at all.
    """

    id: str
    render: Callable[[str, Context], Rendered]
    recover: Callable[[Rendered], str] = whole_text
    fold: Callable[[str], str] = fold_case
    decode: Callable[[str], str] | None = None
    carries_request: bool = True


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique as people meet it: its transformation and what must be said about it.

    Attributes:
        id: Name of the technique, such as ``"base64"``.
        family: The family that it belongs to, such as ``"encoding"``.
        title: Title by language.
        references: MITRE ATLAS technique or OWASP Top 10 for LLM applications (2025) identifiers.
        citation: Where the idea was published.
        notes: What the technique does and does not stand for.
        transformation: The code.
    """

    id: str
    family: str
    title: Mapping[str, str]
    references: tuple[str, ...]
    citation: str
    notes: str
    transformation: Transformation

    def render(self, request: str, context: Context) -> Rendered:
        """The request as this technique puts it."""
        return self.transformation.render(request, context)
