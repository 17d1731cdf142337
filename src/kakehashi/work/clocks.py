"""Clocks of incidents: started by a person or by an incident of the exchange, kept as records of the ledger."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from kakehashi.commitments import Catalog
from kakehashi.commitments.clocks import ClockRule, Deadline, Trigger, deadline, zone_of
from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.ledger import Ledger, Record, now_utc
from kakehashi.ledger.files import read_bytes
from kakehashi.proof import parse_json
from kakehashi.work.evidence import find_object, level_of
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

Stage = Literal["initial", "intermediate", "final"]
STAGES: tuple[Stage, ...] = ("initial", "intermediate", "final")
State = Literal["running", "overdue", "met", "met-late"]


@dataclass(frozen=True, slots=True)
class Incident:
    """What a clock is about.

    Attributes:
        ref: Its id.
        title: What it is called.
        marking: Its TLP level.
    """

    ref: str
    title: str
    marking: str


@dataclass(frozen=True, slots=True)
class Due:
    """One deadline of an incident.

    Attributes:
        incident: Id of the incident.
        title: What it is called.
        rule: Identifier of the rule.
        trigger: Identifier of the trigger; ``""`` for reports that follow.
        stage: Which report.
        start: From when it runs, UTC.
        days: Number of days.
        due: The deadline in its readings.
        state: ``running``, ``overdue`` by the strictest reading, ``met`` or ``met-late`` by it.
        reported: When the report was sent, UTC; ``None`` where it was not.
        left: Time left by the strictest reading; negative where it is over; ``None`` once reported.
        record: Id of the record that started it.
    """

    incident: str
    title: str
    rule: str
    trigger: str
    stage: Stage
    start: datetime
    days: int
    due: Deadline
    state: State
    reported: datetime | None
    left: timedelta | None
    record: str


@dataclass(frozen=True, slots=True)
class _Course:
    """What the ledger says of one incident under one rule."""

    starts: dict[str, Record] = field(default_factory=dict)
    reports: list[tuple[datetime, Stage]] = field(default_factory=list)
    resolved: datetime | None = None


def read_incident(place: Workspace, said: str) -> Incident:
    """An incident: a file with a STIX incident (alone or in a bundle), the id of one in the node, or any other name.

    Raises:
        InputError: The file holds no incident, or several.
        UnknownNameError: The node has no such incident.
    """
    path = Path(said)
    if said.endswith(".json") or path.is_file():
        return _from_file(path)
    if said.startswith("incident--"):
        body = json.loads(find_object(place, said).data)
        return _from_object(body, level_of(body))
    if not said.strip() or "\n" in said:
        raise InputError(f"{said!r} cannot name an incident")
    return Incident(said.strip(), said.strip(), "red")


def start_clock(
    catalog: Catalog,
    place: Workspace,
    incident: Incident,
    *,
    trigger: str,
    at: datetime,
    author: str,
    rule: str = "",
    note: Mapping[str, str] | None = None,
    now: datetime | None = None,
) -> tuple[ClockRule, Trigger, str]:
    """Start a clock; the same again changes nothing.

    Args:
        catalog: The rules.
        place: The workspace.
        incident: What it is about.
        trigger: What happened, such as ``"death"``.
        at: When the clock began to run: when the signatory became aware of its model's involvement.
        author: Who says so.
        rule: The rule, where several have such a trigger.
        note: Anything that the reader must know, by language.
        now: The present; a start that lies ahead is refused.

    Returns:
        The rule, its trigger, and the id of the record.

    Raises:
        UnknownNameError: No such rule or trigger.
        UsageError: Several rules have it, or the clock runs already from another moment.
        InputError: The moment lies ahead.
    """
    found, cause = find_trigger(catalog, trigger, rule)
    _check_past(at, now)
    body = _body(
        "start", incident.ref, at, author, rule=found.id, trigger=cause.id, days=cause.days, zone=found.zone
    )
    body["details"] = {"title": incident.title, "provision": found.provision, "version": found.version}
    body["marking"] = incident.marking
    if note:
        body["note"] = dict(note)
    with open_ledger(place.ledger, write=True) as ledger:
        for record in ledger.records(kind="clock"):
            same = all(record.text(key) == body[key] for key in ("event", "incident", "rule", "trigger"))
            if same and record.text("at") == body["at"]:
                return found, cause, record.id
            if same:
                raise UsageError(
                    f"the clock of {incident.ref} for {cause.id} runs already from {record.text('at')}",
                    hint=f"If that was wrong, run kakehashi results retract {record.id[:12]} and start it again.",
                )
        return found, cause, ledger.append(body)


def report_clock(
    place: Workspace, incident: str, *, stage: str, at: datetime, author: str, now: datetime | None = None
) -> str:
    """Enter that a report was sent; returns the id of the record.

    Raises:
        UnknownNameError: No clock runs for this incident, or no such stage.
        InputError: The moment lies ahead, or before the clock began.
    """
    if stage not in STAGES:
        raise UnknownNameError("stage", stage, STAGES)
    return _event(place, incident, _body("report", incident, at, author, stage=stage), at, now)


def resolve_clock(
    place: Workspace, incident: str, *, at: datetime, author: str, now: datetime | None = None
) -> str:
    """Enter that the incident was resolved: the final report's time begins; errors as for :func:`report_clock`."""
    return _event(place, incident, _body("resolve", incident, at, author), at, now)


def list_clocks(
    catalog: Catalog,
    place: Workspace,
    *,
    now: datetime | None = None,
    zone: str | None = None,
    holidays: Collection[date] = (),
) -> tuple[Due, ...]:
    """Every deadline of every incident, the next one first, those reported last.

    Args:
        catalog: The rules. A clock started under a rule that is no longer there is refused, not guessed.
        place: The workspace.
        now: The present.
        zone: Time zone whose days are counted, in place of each rule's own.
        holidays: Days that are no working days.

    Raises:
        UnknownNameError: A clock names a rule that is not in the catalog.
    """
    here = (now or datetime.now(UTC)).astimezone(UTC)
    if zone is not None:
        zone_of(zone)
    if not (place.ledger / "ledger.json").exists():
        return ()
    with Ledger.open(place.ledger) as ledger:
        records = ledger.records(kind="clock")
    found: list[Due] = []
    for (incident, name), course in _courses(records).items():
        if name not in catalog.clocks:
            raise UnknownNameError(
                "clock rule", name, sorted(catalog.clocks), hint="Give its file with --catalog."
            )
        rule = catalog.clocks[name]
        found += _dues(rule, incident, course, here, zone or rule.zone, holidays)
    return tuple(
        sorted(
            found,
            key=lambda d: (d.reported is not None, d.due.strictest.astimezone(UTC), d.incident, d.trigger),
        )
    )


def find_trigger(catalog: Catalog, trigger: str, rule: str = "") -> tuple[ClockRule, Trigger]:
    """The rule that has a trigger.

    Raises:
        UnknownNameError: No such rule or trigger.
        UsageError: Several rules have it.
    """
    if rule:
        if rule not in catalog.clocks:
            raise UnknownNameError("clock rule", rule, sorted(catalog.clocks))
        return catalog.clocks[rule], catalog.clocks[rule].trigger(trigger)
    having = [one for one in catalog.clocks.values() if any(t.id == trigger for t in one.triggers)]
    if not having:
        known = [t.id for one in catalog.clocks.values() for t in one.triggers]
        raise UnknownNameError("trigger", trigger, known)
    if len(having) > 1:
        raise UsageError(
            f"{trigger!r} is a trigger of {', '.join(one.id for one in having)}",
            hint="Say which with --rule.",
        )
    return having[0], having[0].trigger(trigger)


def _event(place: Workspace, incident: str, body: dict[str, Any], at: datetime, now: datetime | None) -> str:
    _check_past(at, now)
    with open_ledger(place.ledger, write=True) as ledger:
        begun = [
            r
            for r in ledger.records(kind="clock")
            if r.text("event") == "start" and r.text("incident") == incident
        ]
        if not begun:
            known = [r.text("incident") for r in ledger.records(kind="clock") if r.text("event") == "start"]
            raise UnknownNameError("incident with a clock", incident, list(dict.fromkeys(known)))
        first = min(_moment(r) for r in begun)
        if at < first:
            raise InputError(f"{body['at']} lies before the clock began ({first.isoformat()})")
        return ledger.append(body)


def _body(event: str, incident: str, at: datetime, author: str, **more: Any) -> dict[str, Any]:
    if not author.strip():
        raise InputError("a clock needs an author", hint="Name it with --author.")
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "clock",
        "created": now_utc(),
        "author": author,
        "event": event,
        "incident": incident,
        "at": stamp,
        **more,
    }


def _check_past(at: datetime, now: datetime | None) -> None:
    if at.tzinfo is None:
        raise UsageError(f"{at.isoformat()} has no time zone")
    if at.astimezone(UTC) > (now or datetime.now(UTC)).astimezone(UTC):
        raise InputError(
            f"{at.isoformat()} is in the future", hint="A clock starts when something became known."
        )


def _moment(record: Record) -> datetime:
    return datetime.fromisoformat(record.text("at"))


def _courses(records: Sequence[Record]) -> dict[tuple[str, str], _Course]:
    found: dict[tuple[str, str], _Course] = {}
    for record in records:
        if record.text("event") == "start":
            course = found.setdefault((record.text("incident"), record.text("rule")), _Course())
            course.starts[record.text("trigger")] = record
    for (incident, name), course in list(found.items()):
        mine = [r for r in records if r.text("incident") == incident and r.text("event") != "start"]
        reports = [(_moment(r), _stage(r)) for r in mine if r.text("event") == "report"]
        ends = [_moment(r) for r in mine if r.text("event") == "resolve"]
        found[incident, name] = _Course(course.starts, sorted(reports), max(ends) if ends else None)
    return found


def _stage(record: Record) -> Stage:
    return next(stage for stage in STAGES if stage == record.text("stage"))


def _dues(
    rule: ClockRule, incident: str, course: _Course, now: datetime, zone: str, holidays: Collection[date]
) -> list[Due]:
    found = []
    title = next(iter(course.starts.values())).body.get("details", {}).get("title", incident)
    sent: dict[Stage, list[datetime]] = {s: [at for at, said in course.reports if said == s] for s in STAGES}

    def due(
        trigger: str, stage: Stage, start: datetime, days: int, sent_at: datetime | None, record: str
    ) -> Due:
        # Periods of weeks or of 60 days run in calendar days, whatever the first one counts.
        counting = rule.counting if stage == "initial" else "calendar-days"
        when = deadline(start, days, zone=zone, counting=counting, holidays=holidays)
        late = (sent_at or now) > when.strictest
        state: State = (
            ("overdue" if late else "running") if sent_at is None else ("met-late" if late else "met")
        )
        left = None if sent_at is not None else when.strictest - now
        return Due(incident, title, rule.id, trigger, stage, start, days, when, state, sent_at, left, record)

    for name, record in course.starts.items():
        start = _moment(record)
        days = int(record.body["days"])  # as it stood in the rule when the clock began
        first = next((at for at in sent["initial"] if at >= start), None)
        found.append(due(name, "initial", start, days, first, record.id))
    first_record = next(iter(course.starts.values())).id
    if rule.intermediate_days is not None and sent["initial"]:
        last = max([sent["initial"][0], *sent["intermediate"]])
        if course.resolved is None and not sent["final"]:
            found.append(due("", "intermediate", last, rule.intermediate_days, None, first_record))
    if rule.final_days is not None and course.resolved is not None:
        final = next((at for at in sent["final"] if at >= course.resolved), None)
        found.append(due("", "final", course.resolved, rule.final_days, final, first_record))
    return found


def _from_file(path: Path) -> Incident:
    if not path.is_file():
        raise InputError("no such file", path=path)
    body: Any = parse_json(read_bytes(path), path=path)
    there = body.get("objects", [body]) if isinstance(body, dict) else []
    found = [one for one in there if isinstance(one, dict) and one.get("type") == "incident"]
    if len(found) != 1 or not isinstance(found[0].get("id"), str):
        raise InputError(f"holds {len(found)} incidents, not one", path=path)
    from kakehashi.exchange import problems_of

    if problems := problems_of(found[0]):
        raise InputError(f"not a valid incident: {'; '.join(problems[:3])}", path=path)
    return _from_object(found[0], level_of(found[0]))


def _from_object(body: Mapping[str, Any], marking: str) -> Incident:
    if body.get("type") != "incident":
        raise InputError(f"{body.get('id')} is no incident but a {body.get('type')}")
    return Incident(str(body["id"]), str(body.get("name", body["id"])), marking)
