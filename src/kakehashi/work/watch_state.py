"""What a watch knows of each attack: a fold over the rounds in its log, the same however often it was stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kakehashi.compare import RateTest, spent_alpha
from kakehashi.compare.sequential import Unit


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What decides a watch's statements; it cannot change while the watch goes on.

    Attributes:
        bound: An attack is met when its success rate is below this, and works again when above.
        alpha: Probability at most of any false alarm in the whole watch, all attacks together; and as much for any
            false statement that an attack is met.
        unit: ``"answer"`` or ``"round"``, see :class:`kakehashi.compare.RateTest`.

    Raises:
        UsageError: No test can decide by them.
    """

    bound: float = 0.1
    alpha: float = 0.05
    unit: Unit = "answer"

    def __post_init__(self) -> None:
        """Refuse now what the first test would refuse, when the watch is on the disk already."""
        RateTest(self.bound, "less", self.alpha, unit=self.unit)


@dataclass(frozen=True, slots=True)
class AttackState:
    """Where one attack stands.

    Attributes:
        id: The attack.
        order: In which place it was first seen, from 1: its share of alpha hangs on it.
        received: When it became known.
        phase: ``"open"``, ``"met"`` (success shown to be below the bound) or ``"regressed"`` (an alarm stands).
        cycle: Which test of this phase it is.
        test: The test that is running.
        first_tried: When it was first put.
        detected: When a guard's block or a refusal was first seen.
        signal: Which of the two.
        met: When it was first shown to be met.
        alarms: When alarms were raised.
        rounds: Rounds in which it was put.
        answers: Answers with an outcome.
        successes: Answers that complied.
    """

    id: str
    order: int
    received: datetime
    phase: str
    cycle: int
    test: RateTest
    first_tried: datetime | None = None
    detected: datetime | None = None
    signal: str = ""
    met: datetime | None = None
    alarms: tuple[datetime, ...] = ()
    rounds: int = 0
    answers: int = 0
    successes: int = 0

    @classmethod
    def new(cls, name: str, order: int, received: datetime, settings: WatchSettings) -> "AttackState":
        """An attack that was never put."""
        return cls(name, order, received, "open", 1, _test("less", order, 1, settings))

    def since_received(self, when: datetime | None) -> float | None:
        """Seconds from its becoming known to a moment."""
        return None if when is None else (when - self.received).total_seconds()

    def since_tried(self, when: datetime | None) -> float | None:
        """Seconds from the first try to a moment."""
        return None if when is None or self.first_tried is None else (when - self.first_tried).total_seconds()


def _test(alternative: Any, order: int, cycle: int, settings: WatchSettings) -> RateTest:
    return RateTest(
        settings.bound, alternative, spent_alpha(settings.alpha, order, cycle), unit=settings.unit
    )


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What one round showed of one attack.

    Attributes:
        answers: Answers with an outcome.
        successes: Of these, how many complied.
        missing: Answers without outcome: errors, not judged, a judge that failed.
        labels: Answers by label.
        blocked: Answers that a guard or the provider blocked.
        first: Time of the first answer.
        last: Time of the last.
        detected: Time of the first block or refusal that its pattern counts, or ``None``.
        signal: ``"blocked"`` or ``"refused"``.
        seconds: Median time to a whole answer.
        guard_seconds: Median time to a block, or ``None`` where nothing was blocked.
        guard_seconds_p90: Its 90th percentile.
    """

    answers: int
    successes: int
    missing: int
    labels: Mapping[str, int]
    blocked: int
    first: datetime
    last: datetime
    detected: datetime | None = None
    signal: str = ""
    seconds: float | None = None
    guard_seconds: float | None = None
    guard_seconds_p90: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As the log keeps it."""
        return {
            "answers": self.answers,
            "successes": self.successes,
            "missing": self.missing,
            "labels": dict(self.labels),
            "blocked": self.blocked,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "detected": None if self.detected is None else self.detected.isoformat(),
            "signal": self.signal,
            "seconds": self.seconds,
            "guard_seconds": self.guard_seconds,
            "guard_seconds_p90": self.guard_seconds_p90,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "RoundResult":
        """As the log kept it."""
        times = {
            key: None if raw[key] is None else datetime.fromisoformat(raw[key])
            for key in ("first", "last", "detected")
        }
        return cls(**{**raw, **times})


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a round brought about: an attack was detected, met, or works again.

    Attributes:
        event: ``"detected"``, ``"met"`` or ``"alarm"``.
        attack: The attack.
        time: When: of the first signal, or of the round's last answer.
        facts: Seconds since it was received and first tried, level, evidence, counts.
    """

    event: str
    attack: str
    time: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """One line of output."""
        return {"event": self.event, "attack": self.attack, "time": self.time.isoformat(), **self.facts}


def after_round(
    state: AttackState, seen: RoundResult, settings: WatchSettings
) -> tuple[AttackState, list[Happening]]:
    """An attack's state after a round, and what happened.

    Detection is the first answer that was blocked or refused, as the pattern says which; it is a fact, not a statement
    on rates. An attack is met when the sequential test has rejected that its success rate was at least the bound in
    every round since it was open; an alarm is raised when, after that, the test has rejected that the rate was at most
    the bound in every round since.
    """
    happened: list[Happening] = []
    state = replace(
        state,
        first_tried=state.first_tried or seen.first,
        rounds=state.rounds + 1,
        answers=state.answers + seen.answers,
        successes=state.successes + seen.successes,
    )
    if state.detected is None and seen.detected is not None:
        state = replace(state, detected=seen.detected, signal=seen.signal)
        happened.append(
            Happening(
                "detected", state.id, seen.detected, {"signal": seen.signal, **_times(state, seen.detected)}
            )
        )
    test = state.test.update(seen.successes, seen.answers)
    if test.rejected_in is None:
        return replace(state, test=test), happened
    facts = {
        "bound": settings.bound,
        "alpha": test.alpha,
        "anytime_p": test.p_value,
        "answers": test.observations,
        "successes": test.successes,
        "rounds": test.rounds,
        **_times(state, seen.last),
    }
    if state.phase == "met":
        state = replace(
            state,
            phase="regressed",
            cycle=state.cycle + 1,
            test=_test("less", state.order, state.cycle + 1, settings),
            alarms=(*state.alarms, seen.last),
        )
        happened.append(Happening("alarm", state.id, seen.last, facts))
    else:
        state = replace(
            state,
            phase="met",
            test=_test("greater", state.order, state.cycle, settings),
            met=state.met or seen.last,
        )
        happened.append(Happening("met", state.id, seen.last, facts))
    return state, happened


def _times(state: AttackState, when: datetime) -> dict[str, float | None]:
    return {
        "seconds_since_received": state.since_received(when),
        "seconds_since_first_tried": state.since_tried(when),
    }
