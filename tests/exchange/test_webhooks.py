"""Webhooks: signed as published, sent where it is allowed and nowhere else, at least once, never what must not."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nodes import AMBER, GREEN, member, sharing, vulnerability
from stix_corpus import ours, stix_id, whole
from two_nodes import released

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange import Node
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.webhook_send import is_public, send_due
from kakehashi.exchange.webhooks import (
    add_hook,
    allow_host,
    body_of_delivery,
    check_url,
    claim,
    dead_deliveries,
    delivered,
    due_deliveries,
    fill_queues,
    forbid_host,
    hooks,
    message_id,
    remove_hook,
    retry,
    signed_headers,
)
from kakehashi.proof import VerifierKey

B = stix_id("identity", 2)


@pytest.fixture
def node(tmp_path):
    made = Node.init(tmp_path / "exchange", "Institute A")
    findings = frozenset({made.collection("findings").id})
    made.store.put_member(Caller(B, "amber", frozenset({"network"}), reads=findings), "B")
    allow_host(made, "localhost", private=True)
    yield made
    made.store.close()


class Receiver:
    """A receiver on loopback that answers by plan: a status, or ``"hang"``; 200 after the plan has ended."""

    def __init__(self, *plan):
        self.plan, self.got, self.over = list(plan), [], threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers.items()), body))
                step = outer.plan.pop(0) if outer.plan else 200
                if step == "hang":
                    outer.over.wait(10)
                    return
                self.send_response(step)
                if step in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                if step == 429:
                    self.send_header("Retry-After", "100")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/in"
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(0.01))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def post(node, *objects):
    receipt = node.store.post(node.me(), node.collection("findings").id, list(objects))
    assert [o.failure for o in receipt.outcomes] == [None] * len(objects)


def alert(number, about, *marks, drill=False):
    body = ours("alert", level="urgent", action="retest", drill=drill, audience=[B])
    return whole("note", number, object_marking_refs=list(marks), object_refs=[about], extensions=body)


def send(node, **more):
    return asyncio.run(send_due(node, **more))


@pytest.mark.one_database
def test_signatures_are_those_of_the_published_convention():
    # Test vectors of the specification's own libraries (Go, asymmetric; Python, symmetric).
    message, at, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    asymmetric = signed_headers("whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=", message, at, body)
    assert asymmetric == {
        "webhook-id": message,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8A"
        "g==",
    }
    symmetric = signed_headers("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", message, at, body)
    assert symmetric["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_alert_is_sent_once_signed_with_ids_and_levels_and_counts_as_delivered(node):
    post(node, vulnerability(1, GREEN, name="canary-name"))
    with Receiver() as receiver:
        _, verifier = add_hook(node, receiver.url, "B")
        _, secret = add_hook(node, receiver.url, "B", shared=True, content=True)
        post(node, released(node, alert(1, stix_id("vulnerability", 1), GREEN)), vulnerability(2, GREEN))
        assert send(node) == 2
        assert send(node) == 0
    thin, full = sorted(receiver.got, key=lambda one: len(one[1]))
    sent = json.loads(thin[1])
    assert (sent["type"], sent["data"]["id"], sent["data"]["level"]) == (
        "alert.released",
        stix_id("note", 1),
        "urgent",
    )
    assert sent["data"]["tlp"] == ["green"]
    assert "object" not in sent["data"]
    assert json.loads(full[1])["data"]["object"]["id"] == stix_id("note", 1)
    for headers, body in receiver.got:
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        kind, _, mark = headers["webhook-signature"].partition(",")
        raw = base64.b64decode(mark)
        if kind == "v1a":
            assert VerifierKey("x", base64.b64decode(verifier.removeprefix("whpk_"))).verifies(raw, content)
        else:
            key = base64.b64decode(secret.removeprefix("whsec_"))
            assert hmac.compare_digest(raw, hmac.new(key, content, hashlib.sha256).digest())


def test_what_the_member_must_not_see_is_never_sent_not_even_when_it_was_restricted_after_it_was_queued(node):
    with Receiver() as receiver:
        add_hook(node, receiver.url, "B", what="all", content=True)
        others = sharing(1, recipients=[stix_id("identity", 9)])
        post(node, others, vulnerability(1, AMBER, others["id"], name="canary-amber"))
        post(node, vulnerability(2, name="canary-unmarked"), vulnerability(3, GREEN, name="canary-green"))
        assert fill_queues(node) == 1
        post(node, vulnerability(3, AMBER, others["id"], version=1, name="restricted now"))
        assert send(node) == 0
        post(node, vulnerability(4, GREEN, name="open"))
        assert send(node) == 1
    assert b"canary" not in b"".join(body for _, body in receiver.got)
    assert "canary" not in str([headers for headers, _ in receiver.got])


def test_failures_are_tried_again_with_backoff_and_given_up_at_last(node):
    with Receiver(500, 302, "hang", 429, 200) as receiver:
        hook, _ = add_hook(node, receiver.url, "B", what="all")
        post(node, vulnerability(1, GREEN))
        delays = (100.0, 200.0, 300.0)
        for attempt in range(3):
            assert send(node, delays=delays, timeout_seconds=0.3) == 0
            (row,) = due_deliveries(node, hook.id, now=datetime.now(UTC) + timedelta(days=2))
            wait = (datetime.fromisoformat(row.due) - datetime.now(UTC)).total_seconds()
            assert 0.79 * delays[attempt] - 1 <= wait <= 1.2 * delays[attempt]
            assert row.attempts == attempt + 1
            assert send(node, delays=delays) == 0  # not due
            make_due(node)
        assert "no answer" in row.reason
        assert send(node, delays=delays) == 0  # the fourth failure is the last
        (gone,) = dead_deliveries(node)
        assert (gone.attempts, gone.reason) == (4, "status 429")
        assert len(receiver.got) == 4
        assert (
            len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
        )  # one message, however often tried
        assert retry(node, hook.id) == 1
        assert send(node) == 1
    assert dead_deliveries(node) == ()
    assert [headers["Host"] for headers, _ in receiver.got] == [
        receiver.got[0][0]["Host"]
    ] * 5  # no redirect followed


def make_due(node):
    with node.store.writing() as con:
        con.execute("UPDATE webhook_queue SET due = '2000-01-01T00:00:00.000000Z'")


def test_retry_after_is_kept_and_410_ends_the_hook_until_it_is_wanted_again(node):
    with Receiver(429, 410) as receiver:
        hook, _ = add_hook(node, receiver.url, "B", what="all")
        post(node, vulnerability(1, GREEN), vulnerability(2, GREEN))
        send(node, delays=(1.0, 1.0))
        first = due_deliveries(node, hook.id, now=datetime.now(UTC) + timedelta(seconds=90))
        assert [row.object for row in first] == [stix_id("vulnerability", 2)]  # the first waits 100 s
        send(node, delays=(1.0, 1.0))
        assert "410" in hooks(node)[0].ended
        assert len(dead_deliveries(node)) == 2
        post(node, vulnerability(3, GREEN))
        assert send(node) == 0
        assert len(receiver.got) == 2
        assert retry(node, hook.id) == 2
        assert send(node) == 3  # what came meanwhile as well
    with pytest.raises(UnknownNameError):
        retry(node, "hook-none")
    remove_hook(node, hook.id)
    assert hooks(node) == ()


def test_what_was_claimed_by_a_process_that_died_is_sent_again(node):
    with Receiver() as receiver:
        hook, _ = add_hook(node, receiver.url, "B", what="all")
        post(node, vulnerability(1, GREEN))
        fill_queues(node)
        (row,) = due_deliveries(node, hook.id)
        assert claim(node, row, 60)
        assert not claim(node, row, 60)  # another process
        assert body_of_delivery(node, hook, row) is not None  # … and is killed here
        assert send(node) == 0
        (again,) = due_deliveries(node, hook.id, now=datetime.now(UTC) + timedelta(seconds=61))
        assert message_id(again) == message_id(row)
        make_due(node)
        assert send(node) == 1
        delivered(node, hook, row)
        assert send(node) == 0
    assert len(receiver.got) == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example.org/in",
        "https://LOCALHOST.example.org/",
        "ftp://localhost/in",
        "https://user:word@localhost/",
        "http://alerts.example.org/in",
        "https://alerts.example.org:port/",
        "https://alerts.example.org@evil.example.org/",
        "not an address",
    ],
)
def test_only_hosts_that_are_allowed_exactly_are_called(node, url):
    allow_host(node, "alerts.example.org")
    with pytest.raises(InputError):
        check_url(node, url)
    assert check_url(node, "https://alerts.example.org/in") is False


@pytest.mark.one_database
def test_private_addresses_are_refused_however_the_name_resolves(node, monkeypatch):
    with Receiver() as receiver:
        allow_host(node, "rebound.example.org")
        port = receiver.server.server_address[1]
        hook, _ = add_hook(node, f"https://rebound.example.org:{port}/in", "B", what="all")
        allow_host(node, "127.0.0.1")
        add_hook(node, f"https://127.0.0.1:{port}/in", "B", what="all")
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more)
        )
        post(node, vulnerability(1, GREEN))
        assert send(node, delays=()) == 0
        assert receiver.got == []
        assert sorted(row.reason for row in dead_deliveries(node)) == [
            "the address is private",
            "the name resolves to a private address",
        ]
        forbid_host(node, "rebound.example.org")
        retry(node, hook.id)
        send(node, delays=())
        assert any("may not go to" in row.reason for row in dead_deliveries(node))


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("localhost", False),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(address) is public


@pytest.mark.one_database
def test_a_receiver_that_hangs_keeps_no_other_waiting(node):
    with Receiver("hang") as slow, Receiver() as quick:
        for receiver in (slow, quick):
            add_hook(node, receiver.url, "B", what="all")
        post(node, vulnerability(1, GREEN))
        assert send(node, timeout_seconds=0.3) == 1
    assert (len(slow.got), len(quick.got)) == (1, 1)
    assert member(2).identity == B
