"""What became of an alert: each recipient's states with their times, and everything in order, for afterwards."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from kakehashi.exchange.alert_tables import ALERT_TABLES, events_of
from kakehashi.exchange.alerts import OPENED, STATES, Answer, answers_to, find_alert
from kakehashi.exchange.ids import EXTENSIONS, TLP_IDS
from kakehashi.exchange.markings import marking_refs
from kakehashi.exchange.node import Node
from kakehashi.exchange.officers import officers_of, persons_needed, releasers
from kakehashi.exchange.records import Record, extension_of
from kakehashi.exchange.signing import verify_signature
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import moment

_RANK = {"emergency": 0, "urgent": 1, "attention": 2, "information": 3}
_ALERT = EXTENSIONS["alert"].encode()


@dataclass(frozen=True, slots=True)
class Recipient:
    """What happened at one recipient.

    Attributes:
        identity: Who.
        state: ``queued``, ``delivered``, ``opened``, ``acknowledged``, ``acted`` or ``declined``:
            the last that is known.
        queued: When the alert was ready for it.
        delivered: When its bytes were handed over here; ``None`` where that is not known, as with a bundle.
        opened: When it says that it read it.
        answered: When it first acknowledged, acted or declined.
        overdue: Whether the deadline passed without an answer, or before it.
    """

    identity: str
    state: str
    queued: datetime | None
    delivered: datetime | None
    opened: datetime | None
    answered: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    Attributes:
        at: When.
        what: ``released``, ``queued``, ``delivered``, ``opened``, ``acknowledged``, ``acted``, ``declined``,
            ``deadline``, ``escalated``, ``retested`` or ``fixed``.
        who: Identity of who it happened to, or who did it.
        detail: Anything more, such as the measurement's k of n.
    """

    at: datetime
    what: str
    who: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """An alert afterwards.

    Attributes:
        alert: Its id.
        level: Its level.
        drill: Whether it was an exercise: then it counts in no figure of real ones.
        action: What was asked.
        released: When.
        deadline: Until when an answer was asked, if it was.
        recipients: What happened at each recipient.
        steps: Everything in order.
        median_to_answer: Median time from release to the first answer, of those who answered; ``None``
            where nobody did.
        waiting: How many have not answered.
    """

    alert: str
    level: str
    drill: bool
    action: str
    released: datetime
    deadline: datetime | None
    recipients: tuple[Recipient, ...]
    steps: tuple[Step, ...]
    median_to_answer: timedelta | None
    waiting: int


def timeline(
    node: Node, alert_id: str, *, collection: str = "findings", now: datetime | None = None
) -> Timeline:
    """What became of an alert, from what was written down here and what its recipients signed.

    Raises:
        UnknownNameError: There is no such alert here.
    """
    alert, at = find_alert(node, alert_id, collection), now or datetime.now(UTC)
    body = extension_of(alert, "alert") or {}
    released = moment(alert["created"])
    deadline = moment(body["deadline"]) if "deadline" in body else None
    events, answers = events_of(node.store, alert_id), answers_to(node, alert_id, collection)
    recipients = tuple(
        _recipient(one, events, answers, deadline, at) for one in dict.fromkeys(body.get("audience", ()))
    )
    steps = [Step(released, "released", str(alert.get("created_by_ref", "")))]
    for who, event, when, detail in events:
        steps.append(Step(when, event.partition(" ")[0], who, detail))
    steps += [Step(one.at, one.state, one.recipient, one.retest or "") for one in answers]
    steps += _retests(node, alert, collection, answers)
    if deadline is not None and deadline <= at:
        late = sum(one.overdue for one in recipients)
        steps.append(Step(deadline, "deadline", "", f"{late} of {len(recipients)} late"))
    times = [one.answered - released for one in recipients if one.answered is not None]
    return Timeline(
        alert=alert_id,
        level=body["level"],
        drill=bool(body["drill"]),
        action=body["action"],
        released=released,
        deadline=deadline,
        recipients=recipients,
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        median_to_answer=median(times) if times else None,  # type: ignore[type-var]
        waiting=sum(one.answered is None for one in recipients),
    )


def _recipient(
    identity: str,
    events: Iterable[tuple[str, str, datetime, str]],
    answers: Iterable[Answer],
    deadline: datetime | None,
    now: datetime,
) -> Recipient:
    seen = {event: at for who, event, at, _ in events if who == identity}
    mine = [one for one in answers if one.recipient == identity]
    opened = min((one.at for one in mine if one.state == OPENED), default=None)
    real = [one for one in mine if one.state in STATES]
    answered = min((one.at for one in real), default=None)
    if real:
        state = real[-1].state
    else:
        state = "opened" if opened else "delivered" if "delivered" in seen else "queued"
    late = deadline is not None and (answered or now) > deadline
    return Recipient(identity, state, seen.get("queued"), seen.get("delivered"), opened, answered, late)


def _retests(node: Node, alert: Record, collection: str, answers: Iterable[Answer]) -> list[Step]:
    """Retests that say they were made because of this alert, or that an answer cites."""
    cited = {one.retest for one in answers if one.retest}
    wanted = Filters(types=frozenset({"sighting"}))
    page = node.store.page(node.me(), node.collection(collection).id, wanted, limit=10**6, budget=1 << 40)
    steps = []
    for entry in page.entries:
        obj = json.loads(entry.data)
        body = extension_of(obj, "measurement")
        if body is None:
            continue
        retest: Mapping[str, str] = body.get("retest", {})
        about = obj["sighting_of_ref"] in alert.get("object_refs", ())
        if not (obj["id"] in cited or (about and retest.get("alerted") == alert["created"])):
            continue
        verify_signature(obj)
        who = str(obj.get("created_by_ref", ""))
        said = (
            f"{body['observed_count']} of {body['trial_count']} {body['counted']}, {body['subject']['name']}"
        )
        times = {"retested": obj["created"], **retest}
        steps += [
            Step(moment(times[what]), what, who, said) for what in ("retested", "fixed") if what in times
        ]
    return steps


@dataclass(frozen=True, slots=True)
class Release:
    """Whether an alert was released as it should be, by the keys that are known here.

    Attributes:
        persons: How many officers released it whose keys are pinned here and whose signatures are right.
        needed: How many it takes.
        by_institute: Whether the institute's own signature is right, by the key registered here for it; ``None`` where
            no key of it is registered.
    """

    persons: int
    needed: int
    by_institute: bool | None

    @property
    def is_sound(self) -> bool:
        """Whether enough officers released it and nothing known speaks against the institute's signature."""
        return self.persons >= self.needed and self.by_institute is not False


def check_release(node: Node, alert: Mapping[str, Any]) -> Release:
    """Hold an alert to the keys of its sender's officers that are pinned here (:func:`pin_officer`)."""
    sender = str(alert.get("created_by_ref", ""))
    persons = len(releasers(alert, officers_of(node, sender)))
    key = node.key().verifier if sender == node.owner else node.store.key_of(sender)
    by_institute = None if key is None else _signed_by(alert, key)
    return Release(persons, persons_needed(alert, node.store.known_markings()), by_institute)


def _signed_by(alert: Mapping[str, Any], key: Any) -> bool:
    from kakehashi.errors import VerificationError

    try:
        return verify_signature(alert, [key]) is not None
    except VerificationError:
        return False


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert as it stands at this node.

    Attributes:
        record: The alert.
        level: Its level.
        drill: Whether it is an exercise.
        tlp: Its TLP level.
        deadline: Until when an answer is asked.
        asked: Whether this node's institute is asked to answer.
        answer: What this node's institute said last: one of the states, or ``""``.
        release: How it was released.
    """

    record: Record
    level: str
    drill: bool
    tlp: str
    deadline: datetime | None
    asked: bool
    answer: str
    release: Release

    @property
    def waits(self) -> bool:
        """Whether somebody here has to answer it yet."""
        return self.asked and self.answer not in STATES


def standing_alerts(node: Node, *, collection: str = "findings") -> tuple[Standing, ...]:
    """All alerts here: those that wait for an answer first, real ones before drills, by level, the newest first."""
    wanted = Filters(types=frozenset({"note"}))
    page = node.store.page(node.me(), node.collection(collection).id, wanted, limit=10**6, budget=1 << 40)
    found = []
    said: dict[str, tuple[datetime, str]] = {}
    for entry in page.entries:
        obj = json.loads(entry.data)
        answer = extension_of(obj, "acknowledgement")
        if answer is not None and answer["recipient"] == node.owner:
            at = (moment(obj["created"]), str(answer["state"]))
            said[answer["alert"]] = max(said.get(answer["alert"], at), at)
        elif _ALERT in entry.data and extension_of(obj, "alert") is not None:
            found.append(obj)
    made = [_standing(node, obj, said.get(obj["id"], (None, ""))[1]) for obj in found]
    made.sort(key=lambda one: str(one.record["created"]), reverse=True)
    return tuple(sorted(made, key=lambda one: (not one.waits, one.drill, _RANK[one.level])))


def _standing(node: Node, alert: Record, answer: str) -> Standing:
    body = extension_of(alert, "alert") or {}
    tlp = ", ".join(sorted(TLP_IDS[ref] for ref in marking_refs(alert) if ref in TLP_IDS))
    return Standing(
        record=alert,
        level=body["level"],
        drill=bool(body["drill"]),
        tlp=tlp or "none",
        deadline=moment(body["deadline"]) if "deadline" in body else None,
        asked=node.owner in body.get("audience", ()),
        answer=answer,
        release=check_release(node, alert),
    )


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """How fast the alerts of a node were answered; drills and real ones are never counted together.

    Attributes:
        alerts: How many alerts.
        asked: How many answers were asked for.
        answered: How many came.
        median: Median time from release to first answer, of those that came.
    """

    alerts: int
    asked: int
    answered: int
    median: timedelta | None


def answer_times(
    node: Node, *, drills: bool = False, collection: str = "findings", now: datetime | None = None
) -> AnswerTimes:
    """Over all alerts that this node released: how many were answered, and the median time.

    Args:
        node: The node.
        drills: Of exercises, instead of real alerts.
        collection: Where they stand.
        now: The time.
    """
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            "SELECT DISTINCT alert FROM alert_events WHERE event = 'queued' ORDER BY alert"
        ).fetchall()
    wanted = Filters(ids=frozenset(row[0] for row in rows))
    target = node.collection(collection).id
    page = node.store.page(node.me(), target, wanted, limit=10**6, budget=1 << 40) if rows else None
    found = [
        timeline(node, entry.id, collection=collection, now=now) for entry in (page.entries if page else ())
    ]
    kept = [one for one in found if one.drill == drills]
    times = [
        who.answered - one.released for one in kept for who in one.recipients if who.answered is not None
    ]
    return AnswerTimes(
        alerts=len(kept),
        asked=sum(len(one.recipients) for one in kept),
        answered=len(times),
        median=median(times) if times else None,  # type: ignore[type-var]
    )
