"""Two nodes on loopback: pull and push go on where they ended, lose nothing, and forward nothing that must stay."""

import json

import pytest
from nodes import AMBER, EVERYTHING, GREEN, RED, member, sharing, vulnerability
from served_node import Served, run_server
from stix_corpus import stix_id, whole

from kakehashi.errors import AuthenticationError, EndpointUnreachableError, InputError, RequestRefusedError
from kakehashi.exchange import Node, make, pull, push
from kakehashi.exchange.ids import TLP_2, TLP_EXTENSION


@pytest.fixture
def ours(tmp_path):
    node = Node.init(tmp_path / "ours", "Institute B")
    yield node
    node.store.close()


@pytest.fixture
def hub(served):
    served.join(member(1), "A")
    served.join(member(2), "B")
    return served


def url(hub):
    return hub.url + hub.collection


def ids(node, who=None):
    caller = who or node.me()
    page = node.store.page(caller, node.collection("findings").id, EVERYTHING, limit=10_000)
    return [entry.id for entry in page.entries]


def deposit(node, *objects):
    receipt = node.store.post(node.me(), node.collection("findings").id, objects)
    assert [o.failure for o in receipt.outcomes] == [None] * len(objects)


def test_pull_brings_what_is_new_and_only_that(hub, ours):
    hub.post("A", *(vulnerability(n, GREEN) for n in range(1, 8)))
    first = pull(ours, url(hub), hub.tokens["B"])
    assert (first.sent, first.new, first.failures) == (7, 7, {})
    assert pull(ours, url(hub), hub.tokens["B"]).sent == 0
    hub.post("A", vulnerability(8, GREEN), vulnerability(1, GREEN, version=1))
    assert pull(ours, url(hub), hub.tokens["B"]).new == 2
    assert len(ids(ours)) == 9


def test_what_was_pulled_above_green_stays_with_its_receiver(hub, ours):
    audience = sharing(1, communities=["network"], recipients=[stix_id("identity", 2)])
    strict = TLP_2["amber+strict"]
    hub.post(
        "A",
        audience,
        vulnerability(1, GREEN),
        vulnerability(2, AMBER, audience["id"]),
        vulnerability(3, strict, audience["id"]),
        vulnerability(4, RED, audience["id"]),
        vulnerability(5, GREEN, audience["id"]),
    )
    assert pull(ours, url(hub), hub.tokens["B"]).new == 6
    other = member(7, reads={ours.collection("findings").id})
    ours.store.put_member(other, "another member of ours, in a community of the same name")
    assert ids(ours, other) == [stix_id("vulnerability", 1)]
    assert len(ids(ours)) == 6


def test_pull_reports_recalls_and_puts_aside_what_it_cannot_take(hub, ours):
    hub.post("A", vulnerability(1, GREEN), vulnerability(2, GREEN))
    deposit(ours, vulnerability(2, GREEN, description="another object of the same id and version"))
    hub.ask("A", f"{hub.collection}objects/{stix_id('vulnerability', 1)}/", "DELETE")
    done = pull(ours, url(hub), hub.tokens["B"])
    assert done.recalls == [stix_id("vulnerability", 1)]
    assert list(done.failures) == [stix_id("vulnerability", 2)]
    assert len(ours.store.quarantined()) == 1


def test_push_sends_our_own_records_and_never_what_must_not_leave(hub, ours):
    hub.post("A", vulnerability(50, GREEN))
    pull(ours, url(hub), hub.tokens["B"])
    audience = sharing(1, recipients=[stix_id("identity", 1)])
    levels = {"clear": 1, "green": 2, "amber": 3, "amber+strict": 4, "red": 5}
    deposit(ours, audience, *(vulnerability(n, TLP_2[level], audience["id"]) for level, n in levels.items()))
    deposit(
        ours,
        vulnerability(6, description="canary"),
        vulnerability(7, GREEN, granular_markings=[{"marking_ref": RED, "selectors": ["name"]}]),
    )
    done = push(ours, url(hub), hub.tokens["B"])
    assert (done.sent, done.failures) == (4, {})
    found = [obj["id"] for obj in hub.ask("B", hub.collection + "objects/").json["objects"]]
    assert found == [
        stix_id("vulnerability", 50),
        audience["id"],
        *(stix_id("vulnerability", n) for n in (1, 2, 3)),
    ]
    assert push(ours, url(hub), hub.tokens["B"]).sent == 0


def test_push_holds_back_what_is_red_by_a_marking_of_ones_own_and_what_is_about_what_stays(hub, ours):
    definition = {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": "red"}}
    red = whole("marking-definition", 8, extensions=definition)
    by_own_marking, hidden, shown = (
        vulnerability(1, GREEN, red["id"]),
        vulnerability(2, RED),
        vulnerability(3, GREEN),
    )
    about = [
        whole("report", n, object_marking_refs=[GREEN], object_refs=[ref])
        for n, ref in enumerate((hidden["id"], stix_id("report", 1), shown["id"]), 1)
    ]  # on what is RED, on a report on it, and on what may leave
    deposit(ours, red, by_own_marking, hidden, shown, *about)
    assert push(ours, url(hub), hub.tokens["B"]).sent == 2
    assert set(ids(hub.node)) == {shown["id"], about[2]["id"]}
    deposit(ours, vulnerability(2, GREEN, version=9))  # relaxed: what is about it follows
    assert push(ours, url(hub), hub.tokens["B"]).failures == {}
    assert set(ids(hub.node, hub.node.member("A"))) == {
        hidden["id"],
        shown["id"],
        *(one["id"] for one in about),
    }


def test_what_the_other_side_did_not_take_is_tried_again(hub, ours):
    deposit(ours, vulnerability(1, GREEN), vulnerability(2, GREEN))
    hub.post("A", vulnerability(2, GREEN, description="taken"))
    assert list(push(ours, url(hub), hub.tokens["B"]).failures) == [stix_id("vulnerability", 2)]
    assert list(push(ours, url(hub), hub.tokens["B"]).failures) == [stix_id("vulnerability", 2)]
    deposit(ours, vulnerability(3, GREEN))
    again = push(ours, url(hub), hub.tokens["B"])
    assert (again.sent, list(again.failures)) == (1, [stix_id("vulnerability", 2)])


def test_a_recall_travels_with_the_next_push(hub, ours):
    record = make("vulnerability", level="green", name="x", creator=ours.owner)
    deposit(ours, record)
    push(ours, url(hub), hub.tokens["B"])
    assert (
        ours.store.withdraw(ours.me(), ours.collection("findings").id, record["id"], reason="recalled") == 1
    )
    push(ours, url(hub), hub.tokens["B"])
    (note,) = hub.ask("A", hub.collection + "objects/?match[type]=note&limit=1").json["objects"]
    assert note["object_refs"] == [record["id"]]
    assert hub.ask("A", f"{hub.collection}objects/{record['id']}/").status == 404


def test_a_finding_that_goes_round_is_one_finding(hub, ours, tmp_path):
    deposit(ours, vulnerability(1, GREEN))
    push(ours, url(hub), hub.tokens["B"])
    assert pull(ours, url(hub), hub.tokens["B"]).new == 0
    assert ids(ours) == [stix_id("vulnerability", 1)]


def test_errors_say_what_to_do_and_never_the_token(hub, ours):
    with pytest.raises(AuthenticationError) as said:
        pull(ours, url(hub), "kx_canary-token")
    assert "canary" not in str(said.value) + json.dumps(said.value.facts())
    with pytest.raises(RequestRefusedError, match="404"):
        pull(ours, hub.url + "/api/collections/none/", hub.tokens["B"])
    with pytest.raises(EndpointUnreachableError):
        pull(ours, "http://127.0.0.1:9/api/collections/x/", "kx_canary-token")
    for address in (
        "ftp://x/",
        "http://hub.example.org/c/",
        "https://user:word@hub.example.org/c/",
        "https://h/?a=b",
    ):
        with pytest.raises(InputError):
            pull(ours, address, "t")


def test_pull_goes_on_after_a_server_that_was_started_anew(hub, ours):
    hub.post("A", vulnerability(1, GREEN))
    pull(ours, url(hub), hub.tokens["B"])
    port, stop = run_server(Node.open(hub.node.path))
    fresh = Served(hub.node, port, hub.tokens)
    fresh.post(
        "A",
        vulnerability(2, GREEN),
        whole("note", 1, object_marking_refs=[GREEN], object_refs=[stix_id("vulnerability", 2)]),
    )
    done = pull(ours, url(hub), hub.tokens["B"])
    stop()
    assert done.new == 2
