"""What becomes of an alert: states with times, escalation that catches up, drills apart, delegates, pinned officers."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from nodes import AMBER, GREEN, sharing, vulnerability
from stix_corpus import stix_id

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.exchange import Node, extension_of, measurement, sign
from kakehashi.exchange.alert_tables import ALERT_TABLES, note_event
from kakehashi.exchange.alerts import (
    acknowledge,
    add_officer,
    draft_alert,
    find_alert,
    release_alert,
)
from kakehashi.exchange.deliveries import Deliveries
from kakehashi.exchange.escalation import add_rule, escalate, remove_rule, rules
from kakehashi.exchange.officers import Delegation, add_delegation, pin_officer, releasers
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import make, sharing_marking
from kakehashi.exchange.timeline import answer_times, check_release, standing_alerts, timeline
from kakehashi.proof import SigningKey

X, Y, Z, W = (SigningKey(f"person/{n}", bytes([n] * 32)) for n in (1, 2, 3, 4))
SENT = datetime(2026, 6, 1, 9, tzinfo=UTC)
B, C, D = (stix_id("identity", n) for n in (2, 3, 4))
HOUR = timedelta(hours=1)


@pytest.fixture
def node(tmp_path):
    made = Node.init(tmp_path / "exchange", "Institute A")
    findings = frozenset({made.collection("findings").id})
    for identity, name in ((B, "B"), (C, "C"), (D, "D")):
        rights = Caller(identity, "amber", frozenset({"network"}), reads=findings, writes=findings)
        made.store.put_member(rights, name)
    post(made, made.me(), vulnerability(1, GREEN))
    add_officer(made, X.verifier)
    add_officer(made, Y.verifier)
    yield made
    made.store.close()


def post(node, who, *objects):
    receipt = node.store.post(who, node.collection("findings").id, list(objects))
    assert [o.failure for o in receipt.outcomes] == [None] * len(objects)


def released(node, *, level="urgent", keys=(X,), **more):
    given = {
        "about": stix_id("vulnerability", 1),
        "level": level,
        "action": "retest",
        "audience": (B, C),
        "deadline": SENT + 4 * HOUR,
        "now": SENT,
    }
    alert = draft_alert(node, "Retest.", **given | more)
    for key in keys:
        left = release_alert(node, alert, key, now=SENT)
    assert left == 0
    return alert


def answer(node, who, alert, state, after, **more):
    """An answer as its recipient deposits it here."""
    from kakehashi.exchange.records import extension

    marking = sharing_marking(recipients=[node.owner], creator=who)
    note = make(
        "note",
        markings=[marking["id"]],
        creator=who,
        now=SENT + after,
        content=state,
        object_refs=[alert],
        extensions=extension("acknowledgement", alert=alert, recipient=who, state=state, **more),
    )
    post(node, node.store.member(who), sign(marking, W), sign(note, W))


def test_each_recipient_goes_through_its_states_with_times(node):
    alert = released(node)
    assert [one.state for one in timeline(node, alert, now=SENT).recipients] == ["queued", "queued"]
    data = json.dumps(find_alert(node, alert)).encode()
    marks = Deliveries(node.store)
    marks.note(B, data, "events")
    marks.note(B, data, "page")
    marks.note(D, data, "page")  # not asked: no mark
    assert (marks.flush(), marks.flush()) == (1, 0)
    assert [one.state for one in timeline(node, alert, now=SENT).recipients] == ["delivered", "queued"]
    answer(node, B, alert, "opened", HOUR / 2)
    assert timeline(node, alert, now=SENT).recipients[0].state == "opened"
    assert timeline(node, alert, now=SENT).waiting == 2  # to open is no answer
    answer(node, B, alert, "acknowledged", HOUR)
    answer(node, C, alert, "declined", 5 * HOUR)
    sighting = measurement(
        stix_id("vulnerability", 1), 0, 20, counted="complied", subject={"name": "model-b"}, method="own/x",
        level="green", creator=B, retest={"alerted": "2026-06-01T09:00:00.000000Z",
                                          "retested": "2026-06-01T11:00:00.000000Z",
                                          "fixed": "2026-06-01T12:00:00.000000Z"},
    )  # fmt: skip
    post(node, node.store.member(B), sighting)
    answer(node, B, alert, "acted", 3 * HOUR, retest=sighting["id"])
    found = timeline(node, alert, now=SENT + 6 * HOUR)
    b, c = found.recipients
    assert (b.state, b.opened, b.answered, b.overdue) == ("acted", SENT + HOUR / 2, SENT + HOUR, False)
    assert (c.state, c.delivered, c.overdue) == ("declined", None, True)  # an hour after the deadline
    # Median of first answers after 1 h and 5 h: 3 h.
    assert (found.median_to_answer, found.waiting) == (3 * HOUR, 0)
    told = [(s.what, s.who, s.at - SENT) for s in found.steps if s.what not in ("queued", "delivered")]
    assert told == [
        ("released", node.owner, 0 * HOUR),
        ("opened", B, HOUR / 2),
        ("acknowledged", B, HOUR),
        ("retested", B, 2 * HOUR),
        ("acted", B, 3 * HOUR),
        ("fixed", B, 3 * HOUR),
        ("deadline", "", 4 * HOUR),
        ("declined", C, 5 * HOUR),
    ]
    assert next(s.detail for s in found.steps if s.what == "fixed") == "0 of 20 complied, model-b"


def notes_for(node, who):
    page = node.store.page(node.store.member(who), node.collection("findings").id)
    found = [json.loads(e.data) for e in page.entries]
    return [obj for obj in found if extension_of(obj, "escalation")]


def test_who_is_told_next_is_told_once_also_after_a_pause_or_a_crash(node):
    alert = released(node)
    add_rule(node, "urgent", 2 * HOUR, D)
    add_rule(node, "urgent", 3 * HOUR, D, recipient=C)
    add_rule(node, "emergency", HOUR, D)
    answer(node, B, alert, "acknowledged", HOUR)
    assert escalate(node, now=SENT + HOUR) == 0
    assert notes_for(node, D) == []
    assert escalate(node, now=SENT + 2.5 * HOUR) == 1  # C is silent; B answered
    (note,) = notes_for(node, D)
    assert extension_of(note, "escalation") == {
        "extension_type": "property-extension",
        "alert": alert,
        "silent": C,
        "told": D,
        "drill": False,
    }
    assert (notes_for(node, B), notes_for(node, C)) == ([], [])
    assert escalate(node, now=SENT + 2.5 * HOUR) == 0
    with node.store.rows(ALERT_TABLES, write=True) as con:  # a crash between the note and its mark
        con.execute("DELETE FROM alert_events WHERE event LIKE 'escalated%'")
    assert (
        escalate(node, now=SENT + 30 * HOUR) == 2
    )  # catches up on the second rule; the first note is the same one
    assert len(notes_for(node, D)) == 2
    whole = timeline(node, alert, now=SENT + 31 * HOUR)
    assert [s.detail for s in whole.steps if s.what == "escalated"] == [f"told {D}"] * 2
    remove_rule(node, rules(node)[0].id)
    assert len(rules(node)) == 2
    with pytest.raises(InputError, match="above 0"):
        add_rule(node, "urgent", timedelta(0), D)
    with pytest.raises(UnknownNameError):
        add_rule(node, "urgent", HOUR, stix_id("identity", 77))


def test_escalation_opens_nothing_to_whom_the_alert_is_closed(node):
    audience = sharing(1, recipients=[B, C])
    post(node, node.me(), audience)
    alert = released(node, tlp="amber", markings=(audience["id"],))
    add_rule(node, "urgent", HOUR, D)
    assert escalate(node, now=SENT + 2 * HOUR) == 2
    page = node.store.page(node.store.member(D), node.collection("findings").id)
    assert [e.id for e in page.entries] == [stix_id("vulnerability", 1)]
    details = [s.detail for s in timeline(node, alert, now=SENT + 2 * HOUR).steps if s.what == "escalated"]
    assert details == [f"may not see the alert, not told {D}"] * 2


def test_a_drill_is_marked_everywhere_and_counted_with_no_real_alert(node):
    real, drill = released(node), released(node, drill=True)
    assert find_alert(node, drill)["content"].startswith("[DRILL / 訓練] ")
    answer(node, B, real, "acknowledged", HOUR)
    answer(node, B, drill, "acknowledged", HOUR / 6)
    answer(node, C, drill, "acknowledged", HOUR / 2)
    add_rule(node, "urgent", 2 * HOUR, D)
    escalate(node, now=SENT + 3 * HOUR)
    assert all(
        "DRILL" not in note["content"] for note in notes_for(node, D)
    )  # only the real one was left open
    of_real, of_drills = answer_times(node), answer_times(node, drills=True)
    assert (of_real.alerts, of_real.asked, of_real.answered, of_real.median) == (1, 2, 1, HOUR)
    assert (of_drills.alerts, of_drills.answered, of_drills.median) == (1, 2, HOUR / 3)  # (10 + 30)/2 minutes
    assert timeline(node, drill).drill


def test_a_delegate_sits_on_the_seat_of_the_officer_on_leave(node):
    now = datetime.now(UTC)
    add_delegation(node, Delegation.make(Y, Z.verifier, now + 24 * HOUR))
    alone = draft_alert(
        node, "x", about=stix_id("vulnerability", 1), level="emergency", action="a", audience=(B,)
    )
    assert release_alert(node, alone, Y) == 1
    assert release_alert(node, alone, Z) == 1  # Y and Y's delegate are one person
    assert release_alert(node, alone, X) == 0
    together = draft_alert(
        node, "x", about=stix_id("vulnerability", 1), level="emergency", action="a", audience=(B,)
    )
    assert release_alert(node, together, X) == 1
    assert release_alert(node, together, Z) == 0
    alert = find_alert(node, together)
    assert releasers(alert, [X.verifier, Y.verifier]) == {X.verifier.public, Y.verifier.public}
    assert releasers(alert, [X.verifier]) == {X.verifier.public}
    forged = json.loads(json.dumps(alert).replace(str(Y.verifier), str(X.verifier)))
    assert len(releasers(forged, [X.verifier, Y.verifier])) < 2
    with pytest.raises(InputError, match="two seats"):
        add_delegation(node, Delegation.make(Y, X.verifier, now + HOUR))
    with pytest.raises(VerificationError, match="not signed by an officer"):
        add_delegation(node, Delegation.make(W, Z.verifier, now + HOUR))
    with pytest.raises(InputError, match="itself"):
        Delegation.make(Y, Y.verifier, now)
    with pytest.raises(VerificationError, match="may not release"):
        release_alert(node, draft_alert(
            node, "x", about=stix_id("vulnerability", 1), level="urgent", action="a", audience=(B,)
        ), Z, now=now + 25 * HOUR)  # fmt: skip


def test_a_receiving_node_holds_alerts_to_pinned_officers_and_shows_them_first(node, tmp_path):
    theirs = Node.init(tmp_path / "theirs", "Institute B")
    calm = released(node, level="information", audience=(theirs.owner,))
    grave = released(node, level="emergency", keys=(X, Y), audience=(theirs.owner,))
    drill = released(node, level="emergency", keys=(X, Y), audience=(theirs.owner,), drill=True)
    for_others = released(node, level="emergency", keys=(X, Y), audience=(C,))
    page = node.store.page(node.me(), node.collection("findings").id, limit=100)
    objects = [json.loads(e.data) for e in page.entries]
    target = theirs.collection("findings").id
    theirs.store.post(theirs.me(), target, objects, pulled=True)
    assert [one.record["id"] for one in standing_alerts(theirs)] == [grave, calm, drill, for_others]
    assert [(one.release.persons, one.release.needed) for one in standing_alerts(theirs)[:2]] == [
        (0, 2),
        (0, 1),
    ]
    pin_officer(theirs, node.owner, X.verifier)
    assert not check_release(theirs, find_alert(theirs, grave)).is_sound  # one of two
    pin_officer(theirs, node.owner, Y.verifier)
    assert check_release(theirs, find_alert(theirs, grave)).is_sound
    assert not check_release(theirs, {**find_alert(theirs, grave), "content": "Do nothing."}).is_sound
    acknowledge(theirs, grave, "opened")
    assert standing_alerts(theirs)[0].answer == "opened"
    acknowledge(theirs, grave, "acted")
    assert [one.record["id"] for one in standing_alerts(theirs)][:2] == [
        calm,
        drill,
    ]  # what is answered comes after
    with pytest.raises(UnknownNameError, match="sighting"):
        acknowledge(theirs, grave, "acted", retest=stix_id("sighting", 5))
    theirs.store.close()


def test_only_the_first_time_of_an_event_is_kept(node):
    alert = released(node)
    with node.store.rows(ALERT_TABLES, write=True) as con:
        for hours in (2, 1):
            note_event(con, alert, B, "delivered", at=SENT + hours * HOUR)
    assert timeline(node, alert, now=SENT).recipients[0].delivered == SENT + 2 * HOUR
    assert AMBER != GREEN
