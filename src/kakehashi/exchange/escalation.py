"""Who is told next when a recipient of an alert does not answer.

A rule says: at this level, where a recipient (or any) has not answered after so long, tell this member. The clock
task of the server follows the rules, and so does whoever looks at a timeline; after a pause it catches up. What is
told is an ordinary signed note for that member alone. It opens nothing: who may not see the alert is not told of it,
and the timeline says so.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange.alert_tables import ALERT_TABLES, note_event
from kakehashi.exchange.alerts import DRILL, STATES, answers_to
from kakehashi.exchange.ids import derived_id
from kakehashi.exchange.node import Node
from kakehashi.exchange.records import Record, extension, extension_of, make, sharing_marking, timestamp
from kakehashi.exchange.signing import sign
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import moment

LEVELS = ("information", "attention", "urgent", "emergency")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of escalation.

    Attributes:
        id: Names it, to remove it.
        level: Level of the alerts that it is for.
        recipient: Identity of the recipient whose silence it is about; ``""`` for any.
        after: How long after the alert was released.
        told: Identity of the member who is told.
    """

    id: str
    level: str
    recipient: str
    after: timedelta
    told: str


def add_rule(node: Node, level: str, after: timedelta, told: str, *, recipient: str = "") -> Rule:
    """Add a rule; it holds for alerts that are open already too.

    Raises:
        InputError: There is no such level, or the time is not above 0.
        UnknownNameError: Who is to be told is no member.
    """
    if level not in LEVELS:
        raise InputError(f"{level!r} is no level of an alert", hint=f"Levels: {', '.join(LEVELS)}")
    if after <= timedelta(0):
        raise InputError("an escalation needs a time above 0", hint="Give --after in hours.")
    for identity in filter(None, (told, recipient)):
        if node.store.member(identity) is None:
            raise UnknownNameError("member", identity, sorted(node.store.members()))
    rule = Rule(f"rule-{uuid4().hex[:12]}", level, recipient, after, told)
    row = (rule.id, level, recipient, round(after.total_seconds()), told)
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("INSERT INTO escalation_rules VALUES (?, ?, ?, ?, ?)", row)
    return rule


def remove_rule(node: Node, rule_id: str) -> None:
    """Remove a rule.

    Raises:
        UnknownNameError: There is none of that id.
    """
    with node.store.rows(ALERT_TABLES, write=True) as con:
        if con.execute("DELETE FROM escalation_rules WHERE id = ?", (rule_id,)).rowcount == 0:
            raise UnknownNameError("rule", rule_id, hint="See: kakehashi exchange escalation")


def rules(node: Node) -> tuple[Rule, ...]:
    """All rules, in the order in which they come due."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            "SELECT id, level, recipient, after_seconds, told FROM escalation_rules"
            " ORDER BY level, after_seconds, id"
        ).fetchall()
    return tuple(Rule(r[0], r[1], r[2], timedelta(seconds=r[3]), r[4]) for r in rows)


def escalate(node: Node, *, now: datetime | None = None) -> int:
    """Tell whoever is to be told by now; returns how many were.

    Done twice it changes nothing: the note's id follows from alert, recipient and rule, and a crash between the note
    and its mark ends in the same note.
    """
    known = rules(node)
    if not known:
        return 0
    at, count = now or datetime.now(UTC), 0
    levels = {rule.level for rule in known}
    for collection, alert in _own_alerts(node):
        body = extension_of(alert, "alert") or {}
        if body.get("level") not in levels:
            continue
        told = _told(node, alert["id"])
        silent: list[str] | None = None
        for rule in known:
            due = moment(alert["created"]) + rule.after
            if rule.level != body["level"] or due > at:
                continue
            for recipient in body.get("audience", ()):
                if rule.recipient not in ("", recipient) or (recipient, rule.id) in told:
                    continue
                if rule.told == recipient:
                    continue
                if silent is None:
                    silent = _silent(node, alert["id"], collection, body)
                if recipient in silent:
                    _tell(node, collection, alert, body, recipient, rule, at)
                    count += 1
    return count


def _own_alerts(node: Node) -> Iterator[tuple[str, Record]]:
    """Alerts that this node has released: those with something written down as queued."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute("SELECT DISTINCT alert FROM alert_events WHERE event = 'queued'").fetchall()
    wanted = Filters(ids=frozenset(row[0] for row in rows))
    for one in node.store.collections() if rows else ():
        page = node.store.page(node.me(), one.id, wanted, limit=10**6, budget=1 << 40)
        yield from ((one.id, json.loads(entry.data)) for entry in page.entries)


def _told(node: Node, alert: str) -> set[tuple[str, str]]:
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            "SELECT recipient, event FROM alert_events WHERE alert = ? AND event LIKE 'escalated %'", (alert,)
        ).fetchall()
    return {(row[0], row[1].removeprefix("escalated ")) for row in rows}


def _silent(node: Node, alert: str, collection: str, body: Mapping[str, Any]) -> list[str]:
    answered = {one.recipient for one in answers_to(node, alert, collection) if one.state in STATES}
    return [one for one in body.get("audience", ()) if one not in answered]


def _tell(
    node: Node,
    collection: str,
    alert: Record,
    body: Mapping[str, Any],
    recipient: str,
    rule: Rule,
    at: datetime,
) -> None:
    """Post the note, if its reader may see what it is about, and write down what was done."""
    reader = node.store.member(rule.told)
    wanted = Filters(ids=frozenset({alert["id"]}))
    sees = reader is not None and bool(node.store.page(reader, collection, wanted, limit=1).entries)
    if sees:
        names = {who: label for who, (label, _) in node.store.members().items()}
        due = moment(alert["created"]) + rule.after
        text = (
            f"{names.get(recipient, recipient)} has not answered the {body['level']} alert of {alert['created']};"
            f" you are told next. Asked: {body['action']}."
        )
        marking = sharing_marking(recipients=[rule.told], creator=node.owner)
        marking |= {"id": derived_id("marking-definition", alert["id"], recipient, rule.id)}
        marking |= {"created": timestamp(due)}
        note = make(
            "note",
            level="amber",
            markings=[marking["id"]],
            creator=node.owner,
            now=due,
            content=DRILL + text if body.get("drill") else text,
            object_refs=[alert["id"]],
            extensions=extension(
                "escalation",
                alert=alert["id"],
                silent=recipient,
                told=rule.told,
                drill=bool(body.get("drill")),
            ),
        )
        note |= {"id": derived_id("note", alert["id"], recipient, rule.id)}
        receipt = node.store.post(node.me(), collection, [sign(marking, node.key()), sign(note, node.key())])
        if failures := [outcome.failure for outcome in receipt.outcomes if outcome.failure]:
            raise InputError("; ".join(failures))
    with node.store.rows(ALERT_TABLES, write=True) as con:
        detail = f"{'told' if sees else 'may not see the alert, not told'} {rule.told}"
        note_event(con, alert["id"], recipient, f"escalated {rule.id}", at=at, detail=detail)
