"""``watch``: replay a feed of attacks against a live endpoint, round by round, and say when something changed."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from kakehashi import __version__
from kakehashi.errors import BudgetError, InputError
from kakehashi.evaluate.attacks.pattern import AttackPattern, Feed
from kakehashi.evaluate.engine import (
    EngineSettings,
    FinishedRow,
    Job,
    Limits,
    Outcome,
    RunFolder,
    checked_address,
    run_jobs,
)
from kakehashi.evaluate.engine.finishing import finish
from kakehashi.evaluate.local import LocalServer
from kakehashi.evaluate.methods import Method, Selection, get_method
from kakehashi.evaluate.methods.tally import MISSING
from kakehashi.evaluate.methods.watched import STOPS, WORKED, WatchedAttacks
from kakehashi.evaluate.subjects import parse_subject
from kakehashi.model import Interval, Label, MethodCard, Sample, Subject
from kakehashi.work.assess import local_servers, patience_of, served_endpoint
from kakehashi.work.judging import with_known_errors
from kakehashi.work.plan import Plan, PlannedMethod, local_server
from kakehashi.work.seal import seal_run
from kakehashi.work.watch_feed import attack_source
from kakehashi.work.watch_log import WatchLog
from kakehashi.work.watch_state import AttackState, Happening, RoundResult, WatchSettings
from kakehashi.work.workspace import Workspace

#: Takes every line that ``--json`` prints.
Tell = Callable[[Mapping[str, Any]], None]


@dataclass(slots=True)
class WatchOutcome:
    """What a session of a watch came to.

    Attributes:
        watch: Identifier of the watch; its rounds are the runs ``WATCH-000001`` and so on.
        folder: Where its log is.
        rounds: Rounds of this session.
        attacks: Where each attack stands, sessions before this one included.
        alarms: Alarms of this session.
        incomplete: Rounds of this session in which something failed.
    """

    watch: str
    folder: Path
    rounds: int = 0
    attacks: dict[str, AttackState] = field(default_factory=dict)
    alarms: list[Happening] = field(default_factory=list)
    incomplete: int = 0

    def standing(self) -> tuple[str, ...]:
        """Attacks that work again and have not been met since."""
        return tuple(state.id for state in self.attacks.values() if state.phase == "regressed")


def watch(
    subject: str | Subject,
    *,
    attacks: Path | str,
    payloads: Path | None = None,
    token: str = "",
    every: float = 600.0,
    rounds: int | None = None,
    settings: WatchSettings | None = None,
    name: str = "",
    max_tokens: int = 128,
    until_alarm: bool = False,
    budget: int | None = None,
    concurrency: int = 8,
    patience: float | None = None,
    offline: bool = False,
    workspace: Path | str | None = None,
    tell: Tell = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
    outcome: WatchOutcome | None = None,
) -> WatchOutcome:
    """Replay attacks against a system on a schedule, until so many rounds are done or for ever.

    The same call goes on with the watch that is there: rounds are kept in an append-only log, and one that was cut off
    is finished first. New attacks in the folder are taken up with the next round.

    Args:
        subject: The system, or words that name it.
        attacks: Folder of attack patterns (``docs/watch.md``), ``exchange:`` with the folder of a node (alone: the
            workspace's), or the address of a collection, which is pulled into the workspace's node before each round.
        payloads: Folder of what a node's records refer to by hash; ``payloads`` in the node's folder by default.
        token: What opens the collection.
        every: Seconds from the beginning of one round to that of the next.
        rounds: Rounds of this session; ``None`` goes on until it is stopped.
        settings: Bound, level and unit of the tests.
        name: Tells watches of one system and feed apart; the folder's name by default.
        max_tokens: Most tokens for each answer.
        until_alarm: Stop with the first alarm.
        budget: Most calls of this session.
        concurrency: Most calls at a time.
        patience: Seconds to bear with an endpoint that only fails; 120 by default.
        offline: Use only weights that are already here.
        workspace: Folder of ledger and runs.
        tell: Called with each event: rounds, attacks detected, met, alarms.
        say: Called with short messages.
        now: The clock.
        sleep: Waits.
        outcome: Filled as the watch goes on, for callers that are interrupted.

    Raises:
        InputError: No such folder, or a file in it cannot be used when the watch begins for the first time.
        LockedError: Another process runs this watch.
        BudgetError: The budget is spent.
        UsageError: Other settings than the watch that is there.
    """
    rooms = Workspace.of(workspace)
    system = parse_subject(subject) if isinstance(subject, str) else subject
    if system.base_url:
        checked_address(system.base_url)
    source = attack_source(attacks, rooms, payloads=payloads, token=token)
    feed = source.read(find_sample(rooms))
    for identifier, called, why in feed.skipped:
        tell({"event": "skipped", "record": identifier, "name": called, "reason": why})
        say(f"{identifier} ({called}): {why}, skipped")
    if not feed.patterns and not feed.faults and rounds is not None:
        raise InputError(
            "no attack pattern is here", path=source.folder, hint="See docs/watch.md for the format."
        )
    with ExitStack() as stack:
        log = stack.enter_context(
            WatchLog(rooms, system, name or source.name, settings or WatchSettings(), max_tokens)
        )
        if feed.faults and not log.attacks:  # a watch that is under way leaves the file out and goes on
            raise feed.faults[0][1]
        done = outcome if outcome is not None else WatchOutcome("", Path())
        done.watch, done.folder, done.attacks = log.watch, log.path, log.attacks
        servers = local_servers([system], rooms, stack, offline, say)
        session = _Session(
            log, system, rooms, servers, done, budget, concurrency, patience, max_tokens, tell, say, now
        )
        tell(session.beginning(feed, every))
        session.finish_open_round(feed)
        due = now()
        while rounds is None or done.rounds < rounds:
            session.round(feed)
            if (until_alarm and done.alarms) or (rounds is not None and done.rounds >= rounds):
                break
            due += timedelta(seconds=every)
            wait = (due - now()).total_seconds()
            if wait < 0:  # the round took longer than that, or the machine slept: no rounds are made up for
                due = now()
            else:
                sleep(wait)
            feed = source.read(find_sample(rooms), lambda error: say(f"left as it was: {error.message}"))
    return done


def find_sample(rooms: Workspace) -> Callable[[str, str], Sample]:
    """A function from a method's name and a sample's identifier to the sample."""

    @cache
    def samples(name: str) -> Mapping[str, Sample]:
        method = get_method(name, rooms.methods)
        return {one.id: one for one in method.samples(Selection(languages=method.card.languages))}

    def find(name: str, identifier: str) -> Sample:
        found = samples(name)
        if identifier not in found:
            from kakehashi.errors import UnknownNameError

            raise UnknownNameError(f"sample of {name}", identifier, list(found))
        return found[identifier]

    return find


@dataclass(slots=True)
class _Session:
    """One call of :func:`watch`."""

    log: WatchLog
    subject: Subject
    rooms: Workspace
    servers: Mapping[str, Sequence[LocalServer]]
    done: WatchOutcome
    budget: int | None
    concurrency: int
    patience: float | None
    max_tokens: int
    tell: Tell
    say: Callable[[str], None]
    now: Callable[[], datetime]
    calls: int = 0

    def beginning(self, feed: Feed, every: float) -> dict[str, Any]:
        """The first line: what is watched, what is promised, and how far the judge can be trusted."""
        settings = self.log.settings
        card = with_known_errors(WatchedAttacks(feed.patterns, self._method).card)
        return {
            "event": "watch",
            "watch": self.log.watch,
            "subject": self.subject.name,
            "attacks": len(feed.patterns),
            "rounds_before": self.log.rounds,
            "every_seconds": every,
            "bound": settings.bound,
            "alpha": settings.alpha,
            "unit": settings.unit,
            "judge": card.judge,
            "judge_error": {
                language: _error_of(card, language)
                for language in sorted({p.language for p in feed.patterns})
            },
            "warnings": self._warnings(card),
        }

    def _warnings(self, card: MethodCard) -> list[str]:
        found = []
        for language in card.languages:
            missed = _error_of(card, language)["missed_refusals"]
            if card.judge_calibration.get(language) == "none":
                found.append(
                    f"no judge reads {language!r}: only blocks are seen there, and no attack can be met"
                )
            elif missed is None:
                found.append(f"the judge's error in {language!r} is not known on answers of real systems")
            elif missed[2] >= self.log.settings.bound:
                found.append(
                    f"the bound {self.log.settings.bound:g} is not above what the judge's own error in {language!r} "
                    f"may give ({missed[2]:.3f}): an alarm may come from the judge"
                )
        return found

    def _method(self, name: str) -> Method:
        return get_method(name, self.rooms.methods)

    def round(self, feed: Feed) -> None:
        """Take up what is new in the feed, put every attack, seal the round and say what happened."""
        for name, error in feed.faults:
            self.tell({"event": "fault", "file": name, "message": error.message})
            self.say(f"left out: {error.message}")
        patterns = []
        for pattern in feed.patterns:
            known = self.log.digests.get(pattern.id)
            if known is None:
                if pattern.received > self.now():
                    self._leave_out(
                        pattern, f"is dated {pattern.received.isoformat()}, which is still to come"
                    )
                    continue
                self.log.write(
                    "attack-seen",
                    self.now(),
                    attack=pattern.id,
                    digest=pattern.digest,
                    received=pattern.received.isoformat(),
                    name=pattern.name,
                    language=pattern.language,
                )
                self.tell(
                    {
                        "event": "attack-seen",
                        "attack": pattern.id,
                        "name": pattern.name,
                        "received": pattern.received.isoformat(),
                    }
                )
            elif known != pattern.digest:
                self._leave_out(pattern, "was changed; a changed attack needs a new id")
                continue
            patterns.append(pattern)
        self.done.rounds += 1
        if not patterns:
            self.say("no attack to put in this round")
            return
        number = self.log.rounds + 1
        self.log.write(
            "round-begins",
            self.now(),
            round=number,
            run=f"{self.log.watch}-{number:06d}",
            attacks={pattern.id: pattern.digest for pattern in patterns},
        )
        self._run(number, tuple(patterns))

    def _leave_out(self, pattern: AttackPattern, why: str) -> None:
        self.tell({"event": "fault", "attack": pattern.id, "message": f"the attack {pattern.id!r} {why}"})
        self.say(f"left out: the attack {pattern.id!r} {why}")

    def finish_open_round(self, feed: Feed) -> None:
        """Go on with the round in which the last session was ended, if its attacks are still the same."""
        begun = self.log.open_round
        if begun is None:
            return
        here = {pattern.id: pattern for pattern in feed.patterns}
        wanted: Mapping[str, str] = begun["attacks"]
        if all(name in here and here[name].digest == digest for name, digest in wanted.items()):
            self._run(begun["round"], tuple(here[name] for name in wanted))
            return
        self.log.write(
            "round-ends", self.now(), round=begun["round"], run=begun["run"], status="abandoned", results={}
        )
        self.say(f"round {begun['round']} was cut off and its attacks have changed: it does not count")

    def _run(self, number: int, patterns: tuple[AttackPattern, ...]) -> None:
        plan = self._plan(f"{self.log.watch}-{number:06d}", number, patterns)
        (planned,) = plan.methods
        left = None if self.budget is None else self.budget - self.calls
        if left is not None and left <= 0:
            raise BudgetError(
                f"the budget of {self.budget} calls is spent", hint="The same command goes on with a new one."
            )
        with RunFolder.create(self.rooms.runs / plan.run, plan.manifest) as folder:
            outcome = finish(
                run_jobs(
                    # An epoch of its own makes every request a new one, however often the same words are put.
                    [
                        Job(self.subject, planned.key, sample, epoch)
                        for epoch, sample in enumerate(planned.samples)
                    ],
                    endpoints={self.subject.name: served_endpoint(self.subject, self.servers)},
                    scorers={planned.key: planned.method.scorer()},
                    folder=folder,
                    settings=EngineSettings(
                        concurrency=self.concurrency,
                        limits=Limits(calls=left),
                        patience=patience_of(self.patience),
                    ),
                )
            )
            self.calls += outcome.calls
            if outcome.budget is not None:
                raise outcome.budget  # the round stays open: the next session finishes it
            if outcome.is_complete:
                folder.mark_complete()
            seal_run(
                plan, folder, self.rooms.ledger, partial=not outcome.is_complete, warnings=outcome.warnings
            )
            results = self._results(folder, plan, patterns)
        self._close(number, plan.run, outcome, results)

    def _close(self, number: int, run: str, outcome: Outcome, results: Mapping[str, RoundResult]) -> None:
        status = "complete" if outcome.is_complete else "partial"
        facts = {"round": number, "run": run, "status": status}
        happened = self.log.write(
            "round-ends", self.now(), **facts, results={name: one.to_json() for name, one in results.items()}
        )
        self.done.incomplete += not outcome.is_complete
        for name, one in results.items():
            state = self.log.attacks[name]
            self.tell(
                {
                    "event": "observed", "attack": name, **facts, **one.to_json(),
                    "phase": state.phase, "anytime_p": state.test.p_value,
                }
            )  # fmt: skip
        for happening in happened:
            self.tell(happening.to_json())
            if happening.event == "alarm":
                self.done.alarms.append(happening)
        failures = {name: error.message for name, error in outcome.stopped.items()}
        self.tell(
            {"event": "round", **facts, "attacks": len(results), "failed": outcome.failed, "errors": failures}
        )

    def _plan(self, run: str, number: int, patterns: tuple[AttackPattern, ...]) -> Plan:
        method = WatchedAttacks(patterns, self._method)
        card = with_known_errors(method.card)
        selection = Selection(languages=card.languages, max_tokens=self.max_tokens)
        planned = PlannedMethod(method, card, selection, tuple(method.samples(selection)))
        local = self.subject.endpoint == "local"
        manifest: dict[str, Any] = {
            "kakehashi": __version__,
            "profile": "watch",
            "seed": 0,
            "languages": list(card.languages),
            "subjects": [json.loads(json.dumps(asdict(self.subject)))],
            "methods": [
                {
                    "id": card.id,
                    "version": card.version,
                    "data_revision": card.data_revision,
                    "judge": card.judge,
                    "languages": list(card.languages),
                    "limit": None,
                    "max_tokens": self.max_tokens,
                    "samples": len(planned.samples),
                }
            ],
            "runtime": {self.subject.model: local_server(self.subject, self.rooms.models).identity}
            if local
            else {},
            "watch": {"id": self.log.watch, "round": number, **asdict(self.log.settings)},
        }
        return Plan(run, manifest, (self.subject,), (planned,), ())

    def _results(
        self, folder: RunFolder, plan: Plan, patterns: tuple[AttackPattern, ...]
    ) -> dict[str, RoundResult]:
        answered = {
            call["call"]: datetime.fromisoformat(call["started"]) + timedelta(seconds=call["seconds"])
            for call in folder.calls()
        }
        began = datetime.fromisoformat(folder.manifest["created"])
        where = {sample.id: sample.category for sample in plan.methods[0].samples}
        rows: dict[str, list[tuple[datetime, FinishedRow]]] = {}
        for row in folder.rows():
            when = max((answered[key] for key in row.calls), default=began)
            rows.setdefault(where[row.job.sample], []).append((when, row))
        return {
            pattern.id: _result(sorted(rows[pattern.id], key=lambda pair: pair[0]), pattern)
            for pattern in patterns
            if rows.get(pattern.id)
        }


def _error_of(card: MethodCard, language: str) -> dict[str, Any]:
    """How often the judge errs in a language: value, low and high end of the 95% interval; ``None`` if not known."""
    error = card.judge_errors.get(language)
    status = card.judge_calibration.get(language, "none")
    if error is None:
        return {"status": status, "missed_refusals": None, "false_refusals": None, "n": 0, "source": ""}
    return {
        "status": status,
        "missed_refusals": _complement(error.sensitivity, error.sensitivity_interval),
        "false_refusals": _complement(error.specificity, error.specificity_interval),
        "n": error.n,
        "source": error.source,
    }


def _complement(share: float | None, interval: Interval | None) -> list[float] | None:
    if share is None or interval is None:
        return None
    return [round(1 - one, 6) for one in (share, interval.high, interval.low)]


def _result(rows: Sequence[tuple[datetime, FinishedRow]], pattern: AttackPattern) -> RoundResult:
    labels = Counter(str(row.score.label) for _, row in rows)
    judged = sum(count for label, count in labels.items() if label not in MISSING)
    blocks = [row for _, row in rows if _blocked(row)]
    waits = sorted(row.answer.seconds for row in blocks)
    signals = [(when, signal) for when, row in rows if (signal := _signal(row, pattern.expected))]
    first = signals[0] if signals else (None, "")
    answered = [row.answer.seconds for _, row in rows if row.score.label != Label.ERROR]
    return RoundResult(
        answers=judged,
        successes=sum(labels[label] for label in WORKED),
        missing=len(rows) - judged,
        labels=dict(sorted(labels.items())),
        blocked=len(blocks),
        first=rows[0][0],
        last=rows[-1][0],
        detected=first[0],
        signal=first[1],
        seconds=median(answered) if answered else None,
        guard_seconds=median(waits) if waits else None,
        guard_seconds_p90=waits[math.ceil(0.9 * len(waits)) - 1] if waits else None,
    )


def _blocked(row: FinishedRow) -> bool:
    return bool(row.answer.guard) or row.score.label == Label.BLOCKED


def _signal(row: FinishedRow, expected: str) -> str:
    if _blocked(row):
        return "blocked" if "blocked" in expected else ""
    return "refused" if row.score.label in STOPS and "refused" in expected else ""
