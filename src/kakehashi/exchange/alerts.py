"""Alerts: drafted by anybody at a node, released by persons with keys, acknowledged by those asked to act.

An emergency, or anything RED, is released by two persons; the same key twice is one person. Whoever may release is
registered as an officer; who stands in for one on leave is its delegate, and the two are one person. A draft is in no
collection: nobody but the node's own people can see it. Released, it is an ordinary signed note, and travels like one.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.exchange.alert_tables import ALERT_TABLES, note_event
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.node import Node
from kakehashi.exchange.officers import delegation_of, persons_needed, releasers, with_release
from kakehashi.exchange.records import (
    Record,
    extension,
    extension_of,
    make,
    sharing_marking,
    stored_bytes,
    timestamp,
)
from kakehashi.exchange.signing import sign, verify_signature
from kakehashi.exchange.store import Filters
from kakehashi.exchange.validate import moment
from kakehashi.proof import SigningKey, VerifierKey

STATES = ("acknowledged", "acted", "declined")
OPENED = "opened"
DRILL = "[DRILL / 訓練] "
_ACKNOWLEDGEMENT = EXTENSIONS["acknowledgement"].encode()
_NOTES = Filters(types=frozenset({"note"}))


@dataclass(frozen=True, slots=True)
class Response:
    """What one recipient did about an alert.

    Attributes:
        recipient: Identity.
        state: One of :data:`STATES`, or ``waiting``.
        after: Time from the alert to the first response; ``None`` while there is none.
        overdue: Whether the deadline has passed without a response.
    """

    recipient: str
    state: str
    after: timedelta | None
    overdue: bool


def add_officer(node: Node, key: VerifierKey) -> None:
    """Let the holder of a key release alerts of this node."""
    node.store.set_meta(f"officer:{key.public.hex()}", str(key))


def draft_alert(
    node: Node,
    text: str,
    *,
    about: str,
    level: str,
    action: str,
    audience: tuple[str, ...],
    deadline: datetime | None = None,
    drill: bool = False,
    tlp: str = "green",
    markings: tuple[str, ...] = (),
    now: datetime | None = None,
) -> str:
    """Write a draft; nobody is told before it is released.

    Returns:
        Id of the draft, which will be the alert's.

    Raises:
        InputError: It would not be a valid alert.
    """
    body = extension(
        "alert",
        level=level,
        action=action,
        audience=list(audience),
        deadline=None if deadline is None else timestamp(deadline),
        drill=drill,
    )
    alert = make(
        "note",
        level=tlp,
        markings=markings,
        creator=node.owner,
        now=now,
        content=DRILL + text if drill else text,
        object_refs=[about],
        extensions=body,
    )
    with node.store.writing() as con:
        con.execute(
            "INSERT INTO drafts VALUES (?, ?, ?)", (alert["id"], alert["created"], stored_bytes(alert))
        )
    return str(alert["id"])


def release_alert(
    node: Node, draft: str, key: SigningKey, *, collection: str = "findings", now: datetime | None = None
) -> int:
    """Put one person's signature under a draft; with enough of them it is an alert.

    Returns:
        How many more persons are needed; 0 where it was released now.

    Raises:
        UnknownNameError: There is no such draft.
        VerificationError: The key is not an officer's.
    """
    officers, delegation = node.store.officers(), None
    if key.verifier.public not in {one.public for one in officers}:
        delegation = delegation_of(node, key.verifier)
        if delegation is None or not delegation.holds(now or node.store.time().latest):
            raise VerificationError(
                f"{key.name} may not release alerts",
                hint="Register the key (exchange officer KEY), or let an officer on leave name it (exchange delegate).",
            )
    with node.store.writing() as con:
        row = con.execute("SELECT data FROM drafts WHERE id = ?", (draft,)).fetchone()
        if row is None:
            raise UnknownNameError("draft", draft, hint="It was released, or never written.")
        alert = with_release(json.loads(row[0]), key, delegation)
        missing = persons_needed(alert, node.store.known_markings()) - len(releasers(alert, officers))
        if missing > 0:
            con.execute("UPDATE drafts SET data = ? WHERE id = ?", (stored_bytes(alert), draft))
            return missing
    node.store.ensure(ALERT_TABLES)
    receipt = node.store.post(node.me(), node.collection(collection).id, [sign(alert, node.key())])
    if failure := receipt.outcomes[0].failure:
        raise InputError(failure)
    with (
        node.store.writing() as con
    ):  # after a crash between the two, releasing again stores the same alert or says so
        con.execute("DELETE FROM drafts WHERE id = ?", (draft,))
        for recipient in (extension_of(alert, "alert") or {}).get("audience", ()):
            note_event(con, draft, recipient, "queued", at=now or moment(receipt.at))
    return 0


def cannot_see(node: Node, alert_id: str, *, collection: str = "findings") -> tuple[str, ...]:
    """Who is asked to answer an alert, or a draft of one, and may not see it, or not what it is about.

    Such a recipient is told nothing, by events, webhooks and pages alike.

    Raises:
        UnknownNameError: There is no such alert or draft here.
    """
    with node.store.reading() as con:
        row = con.execute("SELECT data FROM drafts WHERE id = ?", (alert_id,)).fetchone()
    alert = find_alert(node, alert_id, collection) if row is None else json.loads(row[0])
    asked, members = (extension_of(alert, "alert") or {}).get("audience", ()), node.store.members()
    target = node.collection(collection).id
    return tuple(
        one
        for one in asked
        if one not in members or not node.store.would_see(members[one][1], target, node.owner, alert)
    )


def acknowledge(
    node: Node,
    alert_id: str,
    state: str,
    *,
    retest: str | None = None,
    collection: str = "findings",
    now: datetime | None = None,
) -> Record:
    """Answer an alert with a signed record for its sender alone; ``push`` sends it.

    Args:
        node: The node.
        alert_id: The alert.
        state: One of :data:`STATES`, or :data:`OPENED`, which says that it was read and is no answer yet.
        retest: Id of the sighting that shows what was done.
        collection: Where the alert stands.
        now: The time.

    Raises:
        UnknownNameError: There is no such alert or sighting here.
        InputError: There is no such state.
    """
    if state not in (*STATES, OPENED):
        raise InputError(f"{state!r} is no answer to an alert", hint=f"Answers: {', '.join(STATES)}")
    alert = find_alert(node, alert_id, collection)
    if retest is not None:
        wanted = Filters(ids=frozenset({retest}), types=frozenset({"sighting"}))
        if not node.store.page(node.me(), node.collection(collection).id, wanted, limit=1).entries:
            raise UnknownNameError("sighting", retest, hint="See: kakehashi exchange list --type sighting")
    marking = sharing_marking(recipients=[alert["created_by_ref"]], creator=node.owner)
    note = make(
        "note",
        level="amber",
        markings=[marking["id"]],
        creator=node.owner,
        now=now,
        content=f"Alert {state}.",
        object_refs=[alert_id],
        extensions=extension(
            "acknowledgement", alert=alert_id, recipient=node.owner, state=state, retest=retest
        ),
    )
    signed = [sign(marking, node.key()), sign(note, node.key())]
    receipt = node.store.post(node.me(), node.collection(collection).id, signed)
    if failures := [outcome.failure for outcome in receipt.outcomes if outcome.failure]:
        raise InputError("; ".join(failures))
    return signed[1]


def responses(
    node: Node, alert_id: str, *, collection: str = "findings", now: datetime | None = None
) -> tuple[Response, ...]:
    """What each recipient of an alert did; an answer counts only from its recipient, by who deposited it here.

    Raises:
        UnknownNameError: There is no such alert here.
    """
    alert, at = find_alert(node, alert_id, collection), now or datetime.now(UTC)
    body = extension_of(alert, "alert") or {}
    sent, deadline = moment(alert["created"]), body.get("deadline")
    found: dict[str, list[tuple[datetime, str]]] = {}
    for one in answers_to(node, alert_id, collection):
        if one.state in STATES:
            found.setdefault(one.recipient, []).append((one.at, one.state))
    made = []
    for recipient in body.get("audience", ()):
        answers = sorted(found.get(recipient, ()))
        overdue = not answers and deadline is not None and moment(deadline) < at
        after = answers[0][0] - sent if answers else None
        made.append(Response(recipient, answers[-1][1] if answers else "waiting", after, overdue))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a recipient said about an alert, in a signed record.

    Attributes:
        recipient: Identity.
        state: One of :data:`STATES`, or :data:`OPENED`.
        at: When it was said.
        retest: Id of the sighting that it cites, if any.
        note: Id of the record.
    """

    recipient: str
    state: str
    at: datetime
    retest: str | None
    note: str


def answers_to(node: Node, alert_id: str, collection: str = "findings") -> tuple[Answer, ...]:
    """What recipients said about an alert, in order; only what each deposited here in its own name.

    Raises:
        VerificationError: The signature of one is wrong.
    """
    page = node.store.page(node.me(), node.collection(collection).id, _NOTES, limit=10**6, budget=1 << 40)
    found = []
    for entry in page.entries:
        if _ACKNOWLEDGEMENT not in entry.data:
            continue
        note = json.loads(entry.data)
        body = extension_of(note, "acknowledgement")
        if (
            body is None
            or body["alert"] != alert_id
            or node.store.creator_of(note["id"]) != body["recipient"]
        ):
            continue
        verify_signature(note)
        at = moment(note["created"])
        found.append(Answer(body["recipient"], body["state"], at, body.get("retest"), note["id"]))
    return tuple(sorted(found, key=lambda one: (one.at, one.note)))


def median_time(answers: tuple[Response, ...]) -> timedelta | None:
    """Median time to the first answer among those who answered; ``None`` where nobody did.

    Who has not answered yet is not in it: say beside it how many those are.
    """
    times = [one.after for one in answers if one.after is not None]
    return median(times) if times else None  # type: ignore[type-var]


def find_alert(node: Node, alert_id: str, collection: str = "findings") -> Record:
    """An alert that is here.

    Raises:
        UnknownNameError: There is no such alert here.
    """
    page = node.store.page(node.me(), node.collection(collection).id, Filters(ids=frozenset({alert_id})))
    alert: Record = json.loads(page.entries[0].data) if page.entries else {}
    if extension_of(alert, "alert") is None:
        raise UnknownNameError("alert", alert_id, hint="See: kakehashi exchange alerts")
    return alert
