"""Alerts: two persons for what is grave, answers that count only from whom they are asked of."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from nodes import GREEN, member, sharing, vulnerability
from stix_corpus import stix_id, whole

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.exchange import Node, extension_of, pull, push, sign, take_in
from kakehashi.exchange.alerts import (
    Response,
    acknowledge,
    add_officer,
    cannot_see,
    draft_alert,
    median_time,
    persons_needed,
    release_alert,
    releasers,
    responses,
)
from kakehashi.exchange.ids import TLP_EXTENSION
from kakehashi.exchange.policy import Caller
from kakehashi.proof import SigningKey

ONE, TWO, STRANGER = (SigningKey(f"officer/{n}", bytes([n] * 32)) for n in (1, 2, 3))
SENT = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def node(tmp_path):
    made = Node.init(tmp_path / "exchange", "Institute A")
    made.store.post(made.me(), made.collection("findings").id, [vulnerability(1, GREEN)])
    add_officer(made, ONE.verifier)
    add_officer(made, TWO.verifier)
    yield made
    made.store.close()


def draft(node, **more):
    given = {
        "about": stix_id("vulnerability", 1),
        "level": "emergency",
        "action": "retest",
        "audience": (stix_id("identity", 2),),
        "now": SENT,
    }
    return draft_alert(node, "Retest now.", **given | more)


def notes(node, who=None):
    page = node.store.page(who or node.me(), node.collection("findings").id)
    return [json.loads(e.data) for e in page.entries if e.id.startswith("note")]


def test_an_emergency_is_released_by_two_persons_and_seen_by_nobody_before(node):
    alert = draft(node)
    assert release_alert(node, alert, ONE) == 1
    assert release_alert(node, alert, ONE) == 1  # the same person twice is one person
    renamed = SigningKey("officer/another-name", ONE.seed)
    assert release_alert(node, alert, renamed) == 1
    assert notes(node) == []
    with pytest.raises(VerificationError, match="may not release"):
        release_alert(node, alert, STRANGER)
    assert release_alert(node, alert, TWO) == 0
    (released,) = notes(node)
    assert released["id"] == alert
    assert len(releasers(released, node.store.officers())) == 2
    with pytest.raises(UnknownNameError):
        release_alert(node, alert, TWO)


def test_red_takes_two_and_less_takes_one(node):
    alert = draft(node, level="urgent")
    assert release_alert(node, alert, TWO) == 0
    red = draft(node, level="attention", tlp="red")
    assert release_alert(node, red, ONE) == 1
    assert persons_needed(notes(node)[0]) == 1


def test_a_marking_of_ones_own_that_is_red_takes_two_as_well(node):
    definition = {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": "red"}}
    red = whole("marking-definition", 8, extensions=definition)
    node.store.post(node.me(), node.collection("findings").id, [red])
    alert = draft(node, level="urgent", markings=(red["id"],))
    assert release_alert(node, alert, ONE) == 1


def test_no_other_door_takes_an_alert_of_the_institutes_own_that_was_not_released(node, tmp_path):
    alert = draft(node)
    release_alert(node, alert, ONE)
    with node.store.reading() as con:
        half = json.loads(con.execute("SELECT data FROM drafts").fetchone()[0])
    for one in (half, sign(half, node.key()), half | {"created_by_ref": stix_id("identity", 9)}):
        path = tmp_path / "alert.json"
        path.write_text(json.dumps(one))
        with pytest.raises(InputError, match="released by officers"):
            take_in(node, [path])
    assert notes(node) == []
    assert release_alert(node, alert, TWO) == 0


def test_who_is_asked_and_may_not_see_the_alert_or_what_it_is_about_is_named(node):
    findings = frozenset({node.collection("findings").id})
    for number in (2, 3):
        node.store.put_member(
            Caller(stix_id("identity", number), "green", reads=findings, writes=findings), str(number)
        )
    two, three, stranger = (stix_id("identity", number) for number in (2, 3, 4))
    only_three = sharing(5, recipients=[three])
    node.store.post(
        node.me(), node.collection("findings").id, [only_three, vulnerability(2, GREEN, only_three["id"])]
    )
    everybody = {"level": "urgent", "audience": (two, three, stranger)}
    open_to_all, about_hidden = (
        draft(node, **everybody),
        draft(node, about=stix_id("vulnerability", 2), **everybody),
    )
    about_nothing, too_high = (
        draft(node, about=stix_id("vulnerability", 9), **everybody), draft(node, tlp="amber", **everybody)
    )  # fmt: skip
    for alert, blind in (
        (open_to_all, (stranger,)),
        (about_hidden, (two, stranger)),
        (about_nothing, (two, three, stranger)),
        (too_high, (two, three, stranger)),
    ):
        assert cannot_see(node, alert) == blind
        assert release_alert(node, alert, ONE) == 0
        assert cannot_see(node, alert) == blind
        for who in {two, three} - set(blind):
            assert alert in [note["id"] for note in notes(node, node.store.member(who))]


def test_a_signature_under_another_text_does_not_count(node):
    alert = draft(node)
    release_alert(node, alert, ONE)
    release_alert(node, alert, TWO)
    (released,) = notes(node)
    assert releasers({**released, "content": "Do nothing."}, node.store.officers()) == frozenset()


def test_answers_travel_to_the_sender_alone_and_count_only_from_whom_they_are_asked_of(served, tmp_path):
    hub, theirs = served.node, Node.init(tmp_path / "theirs", "Institute B")
    add_officer(hub, ONE.verifier)
    ids = frozenset({hub.collection("findings").id})
    for identity, name in ((theirs.owner, "B"), (stix_id("identity", 3), "C")):
        hub.store.put_member(Caller(identity, "amber", reads=ids, writes=ids), name)
        served.tokens[name] = hub.tokens.issue(identity)[1]
    hub.store.post(hub.me(), hub.collection("findings").id, [vulnerability(1, GREEN)])
    now = datetime.now(UTC)
    alert = draft_alert(
        hub,
        "Retest.",
        about=stix_id("vulnerability", 1),
        level="urgent",
        action="retest",
        audience=(theirs.owner, stix_id("identity", 3)),
        deadline=now + timedelta(hours=1),
        now=now,
    )
    release_alert(hub, alert, ONE)
    url = served.url + served.collection
    pull(theirs, url, served.tokens["B"])
    acknowledge(theirs, alert, "acknowledged", now=now + timedelta(minutes=4))
    acknowledge(theirs, alert, "acted", now=now + timedelta(minutes=50))
    assert push(theirs, url, served.tokens["B"]).failures == {}
    forged = next(n for n in notes(theirs) if extension_of(n, "acknowledgement"))
    body = (
        json.dumps(forged)
        .replace(theirs.owner, stix_id("identity", 3))
        .replace(forged["id"], stix_id("note", 99))
    )
    served.post("B", sign({**json.loads(body), "created_by_ref": theirs.owner}, theirs.key()))
    found = responses(hub, alert, now=now + timedelta(hours=2))
    # B's first answer came four minutes after the alert, its last says acted; C never answered, whatever B says for it.
    assert found == (
        Response(theirs.owner, "acted", timedelta(minutes=4), False),
        Response(stix_id("identity", 3), "waiting", None, True),
    )
    assert median_time(found) == timedelta(minutes=4)
    assert [n["id"] for n in notes(hub, hub.member("C"))] == [alert]
    theirs.store.close()


@pytest.mark.one_database
def test_what_is_no_alert_or_answer_is_refused(node):
    with pytest.raises(InputError, match="is not one of"):
        draft(node, level="grave")
    with pytest.raises(InputError, match="no answer"):
        acknowledge(node, "note--1", "seen")
    with pytest.raises(UnknownNameError):
        acknowledge(node, stix_id("note", 1), "acted")
    assert median_time(()) is None
    assert member(2).identity == stix_id("identity", 2)
