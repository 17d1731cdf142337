"""What a method is: a card, samples, a scorer, and the way from scores to measurements."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kakehashi.evaluate.judges import AsyncJudge, Judge
from kakehashi.evaluate.sandbox import Sandbox
from kakehashi.model import Answer, Measurement, MethodCard, Provenance, Sample, Score

#: ``MethodCard.data_revision`` of a published method whose data are not in the workspace.
NOT_PULLED = "data not pulled"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a method to run.

    Attributes:
        languages: Languages to run, of those the method has.
        limit: Units (pairs, questions, attack cells) for each language, or ``None`` for all.
        seed: Seed of the stratified choice; the same seed chooses the same units.
        max_tokens: Most tokens for each answer, or ``None`` for the method's own limit.
        reviewed_only: Leave out items whose language edition nobody has re-read.
        repeats: Answers wanted to each item, by methods whose measure takes several (``humaneval``).
    """

    languages: tuple[str, ...] = ("en",)
    limit: int | None = None
    seed: int = 0
    max_tokens: int | None = None
    reviewed_only: bool = False
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """A sample with the score that its answer got."""

    sample: Sample
    score: Score


@dataclass(frozen=True, slots=True)
class Credit:
    """What one sample adds to one measure, so that systems can be compared item by item.

    Attributes:
        measure: Identifier of the measure.
        value: Between the measure's bounds, or ``None`` where the sample has no outcome.
    """

    measure: str
    value: float | None


Scorer = Callable[[Sample, Answer], Score | Awaitable[Score]]


@runtime_checkable
class RunsCode(Protocol):
    """A method that runs what a system has written, and scores nothing before it has a sandbox."""

    def in_sandbox(self, sandbox: Sandbox) -> "Method":
        """The same method with a place to run programs."""
        ...


class Method(Protocol):
    """A recognised way to measure a system."""

    @property
    def card(self) -> MethodCard:
        """Everything that the method declares."""
        ...

    def samples(self, selection: Selection) -> Sequence[Sample]:
        """The samples of a selection, in a fixed order."""
        ...

    def scorer(self, judge: Judge | AsyncJudge | None = None) -> Scorer:
        """A function from a sample and its answer to a score."""
        ...

    def measure(self, scored: Iterable[Scored], *, subject: str, provenance: Provenance) -> list[Measurement]:
        """Measurements of one subject from its scores: headline first, then the parts."""
        ...

    def credit(self, row: Scored) -> Credit | None:
        """What a scored sample adds to its headline measure; ``None`` where it belongs to none."""
        ...
