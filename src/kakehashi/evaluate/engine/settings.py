"""What a caller of the engine sets, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.errors import IncompleteError, KakehashiError
from kakehashi.evaluate.engine.budget import Limits, PriceTable
from kakehashi.evaluate.engine.patience import Patience


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings of one session; none of them changes what is asked, so they may differ on resuming.

    Attributes:
        concurrency: Most requests at once, over all endpoints and at each; the number used adapts below it.
        patience: How much failing endpoints are borne with.
        limits: Most that this session may spend.
        prices: The user's dated price table; without it the cost is unknown.
        grace: Seconds that requests under way are given to end after an interruption; they are paid for.
        progress_every: Seconds between two calls of the progress function.
        sync_every: Seconds between two times that the log is forced onto the disk.
    """

    concurrency: int = 32
    patience: Patience = field(default_factory=Patience)
    limits: Limits = field(default_factory=Limits)
    prices: PriceTable | None = None
    grace: float = 10.0
    progress_every: float = 0.5
    sync_every: float = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        done: Samples finished, those of earlier sessions among them.
        total: Samples of the run, or ``None`` where it is not known yet.
        cached: Of those of this session, how many needed no call.
        failed: Of those of this session, how many ended in an error.
        calls: Requests sent in this session.
        seconds: Since the session began.
        eta: Seconds left, estimated, or ``None`` where nothing can be said.
    """

    done: int
    total: int | None
    cached: int
    failed: int
    calls: int
    seconds: float
    eta: float | None


@dataclass(frozen=True, slots=True)
class AdaptationRecord:
    """A parameter that an endpoint refused during the run; sessions before this one included."""

    subjects: tuple[str, ...]
    parameter: str
    replaced_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a session came to.

    Attributes:
        total: Jobs that were asked for.
        done: Of these, finished with an answer, earlier sessions included.
        resumed: Of these, finished in earlier sessions.
        cached: Finished in this session without a call.
        failed: Ended in an error that is final for the sample; tried again by the next session.
        judge_failed: Answered, but the judge broke down; judged again by the next session.
        missing: Never ran, because their subject was stopped or the budget was spent.
        calls: Requests sent in this session, retries counted.
        prompt_tokens: As the endpoints counted them in this session.
        completion_tokens: As the endpoints counted them in this session.
        uncounted_tokens: Estimate for the calls for which the endpoint did not say.
        cost: In the currency of the price table, or ``None``: cost unknown.
        seconds: Length of the session.
        stopped: Subject → the error for which it was given up.
        budget: The error that says that the budget was spent, or ``None``.
        errors: Kind of error → samples that ended in it.
        adaptations: Parameters that endpoints refused, and what was done.
        warnings: Other things that the reader of the run should know.
        examples: Kind of error → what the first of them said.
    """

    total: int
    done: int
    resumed: int
    cached: int
    failed: int
    judge_failed: int
    missing: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    uncounted_tokens: int
    cost: float | None
    seconds: float
    stopped: Mapping[str, KakehashiError]
    budget: KakehashiError | None
    errors: Mapping[str, int]
    adaptations: tuple[AdaptationRecord, ...]
    warnings: tuple[str, ...]
    examples: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every job has an answer and a score."""
        return not (self.missing or self.failed or self.judge_failed)

    def raise_if_incomplete(self) -> None:
        """Raise what the command has to end with.

        Raises:
            KakehashiError: The one error that stopped everything (a budget, an endpoint), else
                :class:`~kakehashi.errors.IncompleteError` with the counts.
        """
        if self.is_complete:
            return
        causes = [*self.stopped.values(), *([self.budget] if self.budget else [])]
        if len(causes) == 1 and self.done == 0:
            raise causes[0]
        if self.budget is not None and not self.stopped and not self.failed and not self.judge_failed:
            raise self.budget
        parts = []
        if self.failed:
            kinds = ", ".join(f"{name} {n}" for name, n in sorted(self.errors.items()))
            parts.append(f"{self.failed} failed ({kinds})")
        if self.judge_failed:
            parts.append(f"{self.judge_failed} could not be judged")
        if self.missing:
            parts.append(f"{self.missing} did not run")
        lines = [f"{name}: {error.message}" for name, error in sorted(self.stopped.items())]
        lines += [f"{kind}, the first: {said}" for kind, said in sorted(self.examples.items())]
        if self.budget is not None:
            lines.append(self.budget.message)
        text = f"of {self.total} samples {self.done} are finished: {'; '.join(parts)}"
        raise IncompleteError(
            "\n".join([text, *lines]), hint="Run the same command again: it tries these and no others."
        )
