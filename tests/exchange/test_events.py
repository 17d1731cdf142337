"""Server-sent events: nothing lost over reconnects, restarts and kills; nothing shown that may not be seen."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection

import pytest
from nodes import AMBER, EVERYTHING, GREEN, member, sharing, vulnerability
from served_node import Served, run_server
from stix_corpus import ours, stix_id, whole

from kakehashi.errors import AuthenticationError, InputError, RequestRefusedError
from kakehashi.exchange import Node
from kakehashi.exchange.events import SseReader, events_after, log_size
from kakehashi.exchange.listen import Listening, events_address, listen
from kakehashi.exchange.policy import Caller

EVENTS = "/api/x-kakehashi/events/"


class Reader:
    """A stream that is read on demand, byte for byte kept."""

    def __init__(self, port: int, token: str, query: str = "", last: int | None = None) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=20)
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", EVENTS + query, headers=headers)
        self.response = self.connection.getresponse()
        self.bytes, self.events, self.sse = b"", [], SseReader()

    def until(self, count: int) -> list:
        while len(self.events) < count:
            piece = self.response.read1(65536)
            assert piece, "the stream ended"
            self.bytes += piece
            self.events += self.sse.feed(piece)
        return self.events

    def until_bytes(self, sign: bytes) -> None:
        while sign not in self.bytes:
            piece = self.response.read1(65536)
            assert piece, "the stream ended"
            self.bytes += piece
            self.events += self.sse.feed(piece)

    def rest(self) -> bytes:
        self.bytes += self.response.read()
        return self.bytes

    def close(self) -> None:
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self.connection.close()


@pytest.fixture
def hub(tmp_path):
    node = Node.init(tmp_path / "exchange", "Institute A")
    port, stop = run_server(node, keep_alive=0.1)
    served = Served(node, port)
    served.join(member(1), "A")
    served.join(member(2, clearance="amber"), "B")
    yield served
    stop()
    node.store.close()


def ids(events):
    return [event.body["object"]["id"] for event in events]


def test_what_is_there_comes_first_and_what_is_new_at_once(hub):
    hub.post("A", *(vulnerability(n, GREEN) for n in range(1, 4)))
    reader = Reader(hub.port, hub.tokens["B"])
    assert reader.response.getheader("content-type").startswith("text/event-stream")
    assert len(reader.until(3)) == 3
    hub.post("A", vulnerability(4, GREEN))
    assert ids(reader.until(4)) == [stix_id("vulnerability", n) for n in (1, 2, 3, 4)]
    stored = hub.node.store.page(hub.node.me(), hub.node.collection("findings").id, EVERYTHING).entries
    assert [e.seq for e in reader.events] == [entry.seq for entry in stored]
    assert all(entry.data in reader.bytes for entry in stored)  # stored bytes, as stored
    reader.close()


def test_a_reader_goes_on_behind_what_it_has_seen_and_says_where_it_wants_to_begin(hub):
    hub.post("A", *(vulnerability(n, GREEN) for n in range(1, 8)))
    first = Reader(hub.port, hub.tokens["B"])
    seen = first.until(7)[2].seq
    first.close()
    second = Reader(hub.port, hub.tokens["B"], last=seen)
    assert ids(second.until(4)) == [stix_id("vulnerability", n) for n in (4, 5, 6, 7)]
    second.close()
    third = Reader(hub.port, hub.tokens["B"], f"?after={seen + 3}")
    assert ids(third.until(1)) == [stix_id("vulnerability", 7)]
    third.close()
    assert hub.ask("B", EVENTS + "?after=x").status == 400
    assert hub.ask("B", EVENTS, Last_Event_ID="-1").status == 400
    assert hub.ask("B", EVENTS + "?collection=none").status == 404
    assert hub.ask("B", EVENTS, "POST", {}).status == 405
    assert hub.ask("B", EVENTS, "HEAD").data == b""


def test_nothing_that_a_caller_must_not_see_is_in_any_byte_and_what_opens_later_comes(hub):
    audience = sharing(1, recipients=[stix_id("identity", 1)])
    hub.post("A", audience, vulnerability(1, AMBER, audience["id"], name="canary-amber"))
    hub.post("A", vulnerability(2, name="canary-unmarked"), vulnerability(3, GREEN))
    reader = Reader(hub.port, hub.tokens["B"])
    reader.until(1)
    reader.until_bytes(b": alive")
    assert ids(reader.events) == [stix_id("vulnerability", 3)]
    assert b"canary" not in reader.bytes + str(reader.response.getheaders()).encode()
    hub.post("A", vulnerability(1, GREEN, version=1, name="open now"))
    assert ids(reader.until(2))[1:] == [
        stix_id("vulnerability", 1)
    ]  # its first version bears the old marking still
    assert b"canary-amber" not in reader.bytes
    reader.close()


def test_rights_are_those_of_the_moment_and_a_token_that_is_taken_back_ends_the_stream(hub):
    communities = sharing(1, communities=["inner"])
    hub.post(
        "A", communities, vulnerability(1, GREEN, communities["id"], name="inner"), vulnerability(2, GREEN)
    )
    reader = Reader(hub.port, hub.tokens["B"])
    assert ids(reader.until(1)) == [stix_id("vulnerability", 2)]
    ids_of = frozenset({hub.node.collection("findings").id})
    wider = Caller(stix_id("identity", 2), "amber", frozenset({"inner"}), reads=ids_of, writes=ids_of)
    hub.node.store.put_member(wider, "B")  # as another process would: the log is looked at, not told of
    assert set(ids(reader.until(3))) == {stix_id("vulnerability", n) for n in (1, 2)} | {communities["id"]}
    token = next(t for t in hub.node.tokens.list() if t.identity == stix_id("identity", 2))
    hub.node.tokens.revoke(token.id)
    hub.post("A", vulnerability(3, GREEN, name="canary-late"))
    assert b"canary" not in reader.rest()
    reader.close()
    assert hub.ask("B", EVENTS).status == 401


def test_a_grant_of_a_collection_between_two_looks_loses_nothing(tmp_path, hub):
    """The order of the looks: what a grant opens is entered behind the length that was read before the caller was."""
    store, findings = hub.node.store, hub.node.collection("findings").id
    other = Caller(stix_id("identity", 5), "amber", frozenset({"network"}))
    store.put_member(other, "E")
    hub.post("A", vulnerability(1, GREEN))
    upto = log_size(store)
    stale = store.member(other.identity)
    store.put_member(
        Caller(other.identity, "amber", frozenset({"network"}), reads=frozenset({findings})), "E"
    )
    hub.post("A", vulnerability(2, GREEN))
    events, place = events_after(store, stale, 0, upto)
    assert (events, place) == ((), upto)
    found, _ = events_after(store, store.member(other.identity), place, log_size(store))
    assert [e.id for e in found] == [stix_id("vulnerability", n) for n in (1, 2)]


def test_alerts_drills_and_recalls_are_told_apart(hub):
    hub.post("A", vulnerability(1, GREEN))
    for n, drill in ((1, False), (2, True)):
        body = ours("alert", level="urgent", action="retest", drill=drill)
        hub.post(
            "A",
            whole(
                "note",
                n,
                object_marking_refs=[GREEN],
                object_refs=[stix_id("vulnerability", 1)],
                extensions=body,
            ),
        )
    hub.ask("A", f"{hub.collection}objects/{stix_id('vulnerability', 1)}/", "DELETE")
    reader = Reader(hub.port, hub.tokens["A"])
    assert [e.kind for e in reader.until(3)] == ["alert", "drill", "withdrawn"]
    reader.close()


@pytest.mark.one_database
def test_many_readers_on_one_worker_and_a_slow_one_that_holds_nobody_up(hub):
    tokens = [hub.tokens["B"]] * 60
    slow = Reader(hub.port, hub.tokens["A"])  # reads nothing of what follows
    readers = [Reader(hub.port, token) for token in tokens]
    hub.post("A", *(vulnerability(n, GREEN, description="x" * 30_000) for n in range(1, 41)))
    for reader in readers:
        assert len(reader.until(40)) == 40
        reader.close()
    assert len(slow.until(40)) == 40
    slow.close()


@pytest.mark.one_database
def test_one_member_may_not_take_all_streams(hub, monkeypatch):
    monkeypatch.setattr("kakehashi.exchange.server.stream.MOST_OF_ONE", 2)
    held = [Reader(hub.port, hub.tokens["B"]) for _ in range(2)]
    for reader in held:
        reader.until_bytes(b"kakehashi events")
    assert hub.ask("B", EVENTS).status == 503
    other = Reader(hub.port, hub.tokens["A"])
    assert other.response.status == 200
    for reader in (*held, other):
        reader.close()


def test_listening_stores_what_comes_once_and_goes_on_where_it_ended(hub, tmp_path):
    theirs = Node.init(tmp_path / "theirs", "Institute B")
    hub.post("A", *(vulnerability(n, GREEN) for n in range(1, 6)))
    how = Listening(hub.url + hub.collection, hub.tokens["B"], count=3)
    heard = []
    done = listen(theirs, how, heard=heard.append)
    assert (done.sent, done.new, len(heard)) == (3, 3, 3)
    rest = listen(theirs, Listening(how.url, how.token, count=2), heard=heard.append)
    assert (rest.sent, rest.new) == (2, 2)
    assert ids(heard) == [stix_id("vulnerability", n) for n in range(1, 6)]
    assert listen(theirs, Listening(how.url, how.token, seconds=0.2)).sent == 0
    told = listen(theirs, Listening(how.url, how.token, store=False, seconds=0.2))
    assert (told.sent, told.new) == (0, 0)
    with pytest.raises(AuthenticationError):
        listen(theirs, Listening(how.url, "kx_wrong"))
    with pytest.raises(RequestRefusedError, match="404"):
        listen(theirs, Listening(hub.url + "/api/collections/none/", how.token))
    with pytest.raises(InputError, match="path of a collection"):
        events_address("https://hub.example.org/api/")
    theirs.store.close()


def test_what_was_acknowledged_reaches_a_listener_whatever_is_killed(tmp_path):
    """kill -9 of the server in the midst of posts, and a listener that comes back: every acknowledged object, once."""
    folder = tmp_path / "node"
    node = Node.init(folder / "exchange", "Institute A")
    findings = frozenset({node.collection("findings").id})
    caller = Caller(stix_id("identity", 1), "amber", frozenset({"network"}), reads=findings, writes=findings)
    node.store.put_member(caller, "B")
    token = node.tokens.issue(caller.identity)[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api/collections/findings/"
    words = [sys.executable, "-m", "kakehashi.cli.main", "exchange", "serve", "--port", str(port)]

    def serve():
        process = subprocess.Popen(
            [*words, "--workspace", str(folder)],
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        process.stdout.readline()
        return process

    theirs, heard = Node.init(tmp_path / "theirs", "B"), []
    total, server = 60, serve()
    how = Listening(url, token, count=total)
    thread = threading.Thread(target=lambda: listen(theirs, how, heard=heard.append))
    thread.start()
    try:
        for n in range(1, total + 1):  # written by this process, not by the one that serves
            node.store.post(node.me(), next(iter(findings)), [vulnerability(n, GREEN)])
            if n in (20, 40):
                deadline = time.monotonic() + 30
                while len(heard) < n // 2 and time.monotonic() < deadline:
                    time.sleep(0.01)
                server.send_signal(signal.SIGKILL)
                server.wait()
                server.stdout.close()
                server = serve()
        thread.join(timeout=60)
        assert not thread.is_alive()
    finally:
        server.send_signal(signal.SIGTERM)  # with the stream just ended
        server.wait(timeout=20)
        server.stdout.close()
    assert [e.body["object"]["id"] for e in heard] == [
        stix_id("vulnerability", n) for n in range(1, total + 1)
    ]
    page = theirs.store.page(theirs.me(), theirs.collection("findings").id, EVERYTHING, limit=1000)
    assert {json.loads(e.data)["id"] for e in page.entries} == set(ids(heard))
    node.store.close()
    theirs.store.close()


@pytest.mark.one_database
def test_a_server_that_is_stopped_ends_its_streams(tmp_path):
    node = Node.init(tmp_path / "exchange", "Institute A")
    port, stop = run_server(node)
    served = Served(node, port)
    served.join(member(1), "A")
    reader = Reader(port, served.tokens["A"])
    reader.until_bytes(b"kakehashi events")
    ended = threading.Thread(target=stop)
    ended.start()
    assert reader.rest().startswith(b"retry: 1000\n")
    ended.join(timeout=10)
    assert not ended.is_alive()
    reader.close()
    node.store.close()
