"""Partners' keys on pull, their logs copied and cosigned, and lines about reads that tell others nothing."""

import json
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from http.client import HTTPConnection

import pytest
from nodes import AMBER, GREEN, RED, member, sharing, vulnerability
from served_node import Served, run_server
from stix_corpus import stix_id
from two_nodes import deposit, grant, held, institute, introduce, signed

from kakehashi.errors import RequestRefusedError, VerificationError
from kakehashi.exchange import Node, client, pull, sign
from kakehashi.exchange.bundles import make_bundle
from kakehashi.exchange.cosigning import check_cosigned, newest_cosigned
from kakehashi.exchange.log_line import Opening
from kakehashi.exchange.markings import read_marking
from kakehashi.exchange.partner_log import copy_log, overview, prove, read_hashes, remote_reads
from kakehashi.exchange.partners import make_card, partner_of, pin, read_card
from kakehashi.exchange.reads import ReadSpool, commit_reads, reads_of
from kakehashi.exchange.receipt import misplaced
from kakehashi.exchange.webhooks import (
    add_hook,
    allow_host,
    body_of_delivery,
    due_deliveries,
    fill_queues,
    hooks,
)
from kakehashi.proof import (
    Checkpoint,
    SigningKey,
    cosignatures,
    root_hash,
    verify_consistency,
    verify_inclusion,
)

CANARY = "canary-91bd"


@pytest.fixture
def hub(served):
    pin_each = institute(served.node.path.parent, "B")
    introduce(served.node, pin_each, clearance="red")
    served.tokens["B"] = served.node.tokens.issue(pin_each.owner)[1]
    yield served, pin_each
    pin_each.store.close()


def url(served: Served) -> str:
    return served.url + served.collection


def from_hub(served: Served, ours: Node):
    return pull(ours, url(served), served.tokens["B"], partner=served.node.name)


def test_what_is_unsigned_or_signed_by_another_goes_into_quarantine_with_the_reason(hub):
    served, ours = hub
    a = served.node
    stranger, unknown = SigningKey.generate("x"), stix_id("identity", 77)
    deposit(a, vulnerability(1, GREEN))
    deposit(
        a,
        vulnerability(2, GREEN) | {"created_by_ref": a.owner},
        sign(vulnerability(3, GREEN) | {"created_by_ref": a.owner}, stranger),
        sign(vulnerability(4, GREEN) | {"created_by_ref": unknown}, stranger),
        vulnerability(5, GREEN),
        sealed=False,
    )
    done = from_hub(served, ours)
    name = a.name
    assert (done.partner, done.new) == (name, 1)
    assert done.failures == {
        stix_id("vulnerability", 2): f"in the name of {name}, and not signed",
        stix_id("vulnerability", 3): f"not signed with the key pinned for {name}",
        stix_id("vulnerability", 4): "signed with a key that is not pinned here",
        stix_id("vulnerability", 5): "not signed",
    }
    assert sorted(len(json.loads(data)) for _, _, data in ours.store.quarantined())[0] > 3  # kept whole
    pin(ours, replace(partner_of(ours, name), unsigned="accept"))
    ours.store.set_meta(f"pull:{url(served)}", "2000-01-01T00:00:00.000000Z")
    again = from_hub(served, ours)
    assert set(again.failures) == {stix_id("vulnerability", 3)}  # a wrong signature is never taken for none


def test_a_marking_comes_before_what_bears_it_however_an_envelope_orders_them(hub, monkeypatch):
    # Else whoever takes in one page or event at a time could not decide on the record, and would hold it for good.
    served, ours = hub
    audience = sharing(1, communities=["network"])
    deposit(served.node, vulnerability(1, AMBER, audience["id"]), vulnerability(2, GREEN), audience)
    monkeypatch.setattr(client, "_PAGE", 1)
    done = from_hub(served, ours)
    assert (done.new, done.failures) == (3, {})


def test_what_should_not_have_been_given_is_not_kept(hub):
    served, ours = hub
    a, me = served.node, ours.owner
    third = institute(a.path.parent, "third")
    pin(ours, read_card(make_card(third)))
    to_me, to_all = sharing(1, recipients=[me]), sharing(2, communities=["network"])
    deposit(a, to_me, to_all, vulnerability(1, RED, to_me["id"]), vulnerability(2, AMBER, to_all["id"]))
    strict = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
    forwarded = signed(third, vulnerability(3, strict, to_me["id"], description=CANARY))
    amber = signed(third, vulnerability(4, AMBER, to_me["id"]))
    deposit(a, *forwarded, *amber, sealed=False)
    done = from_hub(served, ours)
    assert done.failures == {stix_id("vulnerability", 3): "AMBER+STRICT, brought by another than its maker"}
    assert {ref for ref, _ in held(ours)} == {
        to_me["id"],
        to_all["id"],
        *(stix_id("vulnerability", n) for n in (1, 2, 4)),
    }
    kept = b"".join(path.read_bytes() for path in ours.path.iterdir() if path.is_file())
    assert CANARY.encode() not in kept
    third.store.close()


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("refs", "bodies", "said"),
    [
        ((RED, "m"), {"communities": ["network"], "recipients": ["other"]}, "RED, and does not name you"),
        ((AMBER, "m"), {"recipients": ["other"]}, "its audience does not name you"),
        ((AMBER,), {}, "AMBER without an audience"),
        ((), {}, "bears no level"),
        ((GREEN, "m"), {"embargo_until": "2100-01-01T00:00:00.000Z"}, "under an embargo"),
    ],
)
def test_a_sender_that_gave_too_much_is_noticed(refs, bodies, said):
    bodies = {
        k: [stix_id("identity", 5) if x == "other" else x for x in v] if k == "recipients" else v
        for k, v in bodies.items()
    }
    marking = sharing(1, **bodies)
    obj = vulnerability(1, *(marking["id"] if ref == "m" else ref for ref in refs))
    me, maker, known = stix_id("identity", 1), stix_id("identity", 2), {marking["id"]: read_marking(marking)}
    found = misplaced(obj, me, maker, maker, known, datetime(2026, 3, 1, tzinfo=UTC))
    assert found is not None
    assert said in found
    assert misplaced(obj, me, maker, me, known, datetime(2026, 3, 1, tzinfo=UTC)) is None
    with pytest.raises(LookupError):
        misplaced(
            vulnerability(1, GREEN, marking["id"]), me, maker, maker, {}, datetime(2026, 3, 1, tzinfo=UTC)
        )


def test_a_finding_that_goes_round_three_nodes_is_one_finding(tmp_path):
    nodes = [institute(tmp_path, name) for name in "ABC"]
    ring, ends = [], []
    for node, reader in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        for other in nodes:
            if other is not node:
                pin(node, read_card(make_card(other)))
        grant(node, reader, clearance="amber", communities=frozenset({"network"}))
        port, stop = run_server(node)
        served = Served(node, port, {"next": node.tokens.issue(reader.owner)[1]})
        ring.append((reader, served))
        ends.append(stop)
    network = sharing(1, communities=["network"])
    deposit(
        nodes[0],
        network,
        *(vulnerability(n, GREEN) for n in range(1, 4)),
        vulnerability(9, AMBER, network["id"]),
    )
    deposit(nodes[1], vulnerability(5, GREEN))
    new = [
        [pull(reader, url(hub), hub.tokens["next"], partner=hub.node.name).new for reader, hub in ring]
        for _ in range(3)
    ]
    # A's five (and its AMBER one) to B; B's own and A's three GREEN ones to C; of those A knows its own, and lacks B's
    assert new == [[5, 4, 1], [0, 0, 0], [0, 0, 0]]
    assert [len(held(node)) for node in nodes] == [6, 6, 4]
    assert all(node.must_verify().findings == () for node in nodes)
    for stop in ends:
        stop()
    for node in nodes:
        node.store.close()


def test_a_partner_copies_the_whole_log_checks_and_cosigns_it(hub):
    served, ours = hub
    a = served.node
    secret = sharing(3, recipients=[a.owner])
    deposit(a, secret, vulnerability(1, GREEN), vulnerability(2, RED, secret["id"], description=CANARY))
    done = copy_log(ours, served.url + "/api/", served.tokens["B"], a.name, cosign=True)
    assert (done.lines, done.new) == (3, 3)
    found = overview(ours, a.name)
    assert (found.lines, found.events, found.heard, found.stands) == (3, {"add": 3}, 3, 0)
    note = newest_cosigned(a)
    assert [one.key for one in cosignatures(note, [ours.key().verifier])] == [ours.key().verifier]
    assert [(name, size) for name, size, _ in check_cosigned(a)[1]] == [("B", 3)]
    deposit(a, vulnerability(3, GREEN))
    assert copy_log(ours, url(served), served.tokens["B"], a.name).new == 1
    # nothing in the copy, nor in what was received for it, tells the canary, the ids or who deposited
    with ours.store.reading() as con:
        copy = "".join(row[0] for row in con.execute("SELECT entry FROM copied"))
    for word in (CANARY, stix_id("vulnerability", 2), a.owner.split("--")[1], "red"):
        assert word not in copy
    answer = served.ask("B", "/api/x-kakehashi/log/cosigned/")
    assert Checkpoint.parse(answer.json["checkpoint"]).head.size == 3


def test_a_log_that_was_rewritten_cut_or_told_otherwise_is_found(hub):
    served, ours = hub
    a = served.node
    deposit(a, vulnerability(1, GREEN), vulnerability(2, GREEN))
    copy_log(ours, url(served), served.tokens["B"], a.name)
    with a.store.writing() as con:
        con.execute("DELETE FROM log WHERE seq > 1")
        con.execute("DELETE FROM objects WHERE seq > 1")
    port, stop = run_server(a)
    with pytest.raises(VerificationError, match="older than what is known"):
        copy_log(ours, url(Served(a, port, served.tokens)), served.tokens["B"], a.name)
    stop()
    deposit(a, vulnerability(3, GREEN), vulnerability(4, GREEN))  # another second line than was copied
    port, stop = run_server(a)
    with pytest.raises(VerificationError, match="do not make its checkpoint"):
        copy_log(ours, url(Served(a, port, served.tokens)), served.tokens["B"], a.name)
    with ours.store.writing() as con:
        con.execute("DELETE FROM copied")  # without the copy, what was heard of still tells
    with pytest.raises(VerificationError, match="first 2 lines differ"):
        copy_log(ours, url(Served(a, port, served.tokens)), served.tokens["B"], a.name)
    stop()


def test_proofs_are_served_and_a_record_is_proved_to_stand_in_the_log(hub):
    served, ours = hub
    a = served.node
    deposit(a, *(vulnerability(n, GREEN) for n in range(1, 12)))
    from_hub(served, ours)
    ref = stix_id("vulnerability", 4)
    assert [line for _, line in prove(ours, url(served), served.tokens["B"], a.name, ref)] == [4]

    tree = [bytes(line) for line in a.store.log_lines(0, 100)]
    said = served.ask("B", "/api/x-kakehashi/log/consistency/?old=3&size=9").json
    assert verify_consistency(3, root_hash(tree[:3]), 9, root_hash(tree[:9]), read_hashes(said["proof"]))
    said = served.ask("B", "/api/x-kakehashi/log/inclusion/?line=5&size=9").json
    assert verify_inclusion(tree[4], 4, 9, read_hashes(said["proof"]), root_hash(tree[:9]))
    for query in (
        "consistency/?old=9&size=3",
        "consistency/?size=3",
        "inclusion/?line=0",
        "inclusion/?line=99",
    ):
        assert served.ask("B", f"/api/x-kakehashi/log/{query}").status == 400
    with ours.store.writing() as con:  # the copy here is changed
        for seq, data in con.execute("SELECT seq, data FROM objects").fetchall():
            changed = bytes(data).replace(b"weakness 4", b"weakness 5")
            con.execute("UPDATE objects SET data = ? WHERE seq = ?", (changed, seq))
    fresh = Node.open(ours.path)  # pages that were read before are kept in memory
    with pytest.raises(VerificationError, match="line 4"):
        prove(fresh, url(served), served.tokens["B"], a.name, ref)
    fresh.store.close()
    hidden = vulnerability(50, RED)
    deposit(a, hidden)
    path = f"{served.collection}objects/{hidden['id']}/x-kakehashi-proof/"
    assert served.ask("B", path).status == 404


def test_reads_of_amber_are_in_the_log_for_the_auditor_and_dark_to_everybody_else(hub):
    served, ours = hub
    a = served.node
    network = sharing(1, communities=["network"])
    deposit(a, network, vulnerability(1, GREEN), vulnerability(2, AMBER, network["id"], description=CANARY))
    served.join(
        replace(member(9, clearance=None), roles=frozenset({"auditor"})), "auditor", scopes=("read", "audit")
    )
    served.join(replace(member(8), roles=frozenset({"auditor"})), "no such scope")
    from_hub(served, ours)
    lines = served.ask("auditor", "/api/x-kakehashi/log/reads/").json["reads"]
    assert [(row["member"], row["id"]) for row in lines] == [(ours.owner, stix_id("vulnerability", 2))]
    assert remote_reads(url(served), served.tokens["auditor"]) == lines
    with pytest.raises(RequestRefusedError):
        remote_reads(url(served), served.tokens["B"])
    assert CANARY not in json.dumps(lines)
    assert served.ask("auditor", served.collection + "objects/").json == {}
    for who in ("B", "no such scope"):
        assert served.ask(who, "/api/x-kakehashi/log/reads/").status == 404
    copied = served.ask("B", "/api/x-kakehashi/log/").data
    assert b'\\"event\\":\\"read\\"' in copied
    assert ours.owner.encode() not in copied
    assert stix_id("vulnerability", 2).encode() not in copied
    before = len(reads_of(a.store))
    make_bundle(a, "B")
    assert [read.ref for read in reads_of(a.store)[before][1]] == [stix_id("vulnerability", 2)]
    assert a.must_verify().findings == ()
    with a.store.writing() as con:
        con.execute("UPDATE read_batches SET reads = replace(reads, ?, ?)", (ours.owner, a.owner))
    assert {one.where for one in a.verify().findings} == {"reads"}
    with a.store.writing() as con:
        con.execute("DELETE FROM read_batches")
    assert any("missing" in one.what for one in a.verify().findings)


def test_events_are_reads_too(hub):
    served, ours = hub
    a = served.node
    network = sharing(1, communities=["network"])
    deposit(a, network, vulnerability(2, AMBER, network["id"]))
    port, stop = run_server(a, keep_alive=0.1)
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "GET", "/api/x-kakehashi/events/?after=0", headers={"Authorization": f"Bearer {served.tokens['B']}"}
    )
    answer = connection.getresponse()
    assert answer.status == 200
    while stix_id("vulnerability", 2).encode() not in answer.readline():
        pass
    connection.sock.shutdown(socket.SHUT_RDWR)
    answer.close()
    connection.close()
    spool = ReadSpool(a.store, a.path)
    for _ in range(200):  # the server's clock commits within a moment
        if found := reads_of(a.store):
            break
        time.sleep(0.05)
    spool.close()
    stop()
    assert {(read.identity, read.ref) for read in found[0][1]} == {(ours.owner, stix_id("vulnerability", 2))}


@pytest.mark.parametrize("content", [True, False])
def test_a_webhook_that_sends_content_is_a_read_and_one_that_only_tells_is_none(tmp_path, content):
    a, ours = institute(tmp_path, "A"), institute(tmp_path, "B")  # not served: nothing is sent meanwhile
    introduce(a, ours)
    allow_host(a, "hooks.example.org")
    add_hook(a, "https://hooks.example.org/x", ours.owner, what="all", content=content)
    (hook,) = hooks(a)
    network = sharing(1, communities=["network"])
    deposit(a, network, vulnerability(2, AMBER, network["id"]))
    fill_queues(a)
    for one in due_deliveries(a, hook.id):
        assert body_of_delivery(a, hook, one)
    given = [read.ref for _, batch in reads_of(a.store) for read in batch]
    assert given == ([stix_id("vulnerability", 2)] if content else [])
    fill_queues(a)  # a line about reads brings nothing to anybody
    assert len(due_deliveries(a, hook.id)) == 2
    for node in (a, ours):
        node.store.close()


def test_reads_written_down_before_a_kill_are_committed_to_by_whoever_comes_next(tmp_path):
    a = institute(tmp_path, "A")
    network = sharing(1, communities=["network"])
    deposit(a, network, vulnerability(2, AMBER, network["id"]))
    entries = a.store.page(a.me(), a.collection("findings").id).entries
    (a.path / "reads-killed.spool").write_text(
        json.dumps(["identity--x", "note--y", "v", "t"]) + '\n["identity--x", "cut o'
    )
    spool = ReadSpool(a.store, a.path)
    spool.record("identity--z", entries)
    other = ReadSpool(a.store, a.path)
    other.flush()  # the first one is alive: only the killed one's are taken
    assert [[read.identity for read in batch] for _, batch in reads_of(a.store)] == [["identity--x"]]
    spool.close()
    other.close()
    assert [[read.identity for read in batch] for _, batch in reads_of(a.store)][1:] == [["identity--z"]]
    assert list(a.path.glob("reads-*")) == []
    commit_reads(a.store, [])
    assert a.must_verify().head.size == 4
    a.store.close()


@pytest.mark.one_database
def test_what_opens_a_line_says_nothing_of_what_stands_beside_the_record():
    one, other = (Opening.made(4, "add", bytes([n]) * 16, b"who deposited it") for n in (1, 2))
    assert one.beside != other.beside  # salted: a guess of who deposited it cannot be tried
    assert one.salt != other.salt
    assert one.line(b"x") != one.line(b"y")
    # the line's own secret is in none of what is given away: it is hashed under another name for each of the two
    assert one.beside == sha256(b"beside\0" + bytes([1]) * 16 + b"who deposited it").digest()
    assert one.salt == sha256(b"data\0" + bytes([1]) * 16).digest()


def test_what_a_partner_may_not_cosign_is_refused(hub):
    served, ours = hub
    a = served.node
    deposit(a, vulnerability(1, GREEN))
    for note in ("x", a.checkpoint().text(), 7, None):
        answer = served.ask("B", "/api/x-kakehashi/log/cosigned/", "POST", {"checkpoint": note})
        assert answer.status in (400, 422)
    assert served.ask(None, "/api/x-kakehashi/log/cosigned/", "POST", {"checkpoint": "x"}).status == 401
    assert served.ask("B", "/api/x-kakehashi/log/cosigned/", "POST", b"x" * 70_000).status == 413
    assert newest_cosigned(a) is None
    with pytest.raises(RequestRefusedError):
        pull(ours, served.url + "/api/collections/none/", served.tokens["B"])
