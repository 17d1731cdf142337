"""The same race over HTTP: the server itself is killed with -9 and started again while partners post, poll and walk."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from nodes import GREEN, member, vulnerability
from served_node import TAXII

from kakehashi.exchange import Node
from kakehashi.exchange.policy import Caller

pytest.importorskip("uvicorn")


class Partner:
    """Asks until it is answered."""

    def __init__(self, port: int, token: str, over: threading.Event) -> None:
        self.port, self.over = port, over
        text = base64.b64encode(f"x:{token}".encode()).decode()
        self.headers = {"Accept": TAXII, "Authorization": f"Basic {text}", "Content-Type": TAXII}

    def ask(self, method: str, path: str, body: object = None):
        while True:
            with suppress(OSError, HTTPException):
                connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
                try:
                    connection.request(method, path, None if body is None else json.dumps(body), self.headers)
                    response = connection.getresponse()
                    data = response.read()
                    if response.status < 500:
                        assert response.status in (200, 202), data
                        return json.loads(data), response.headers
                finally:
                    connection.close()
            time.sleep(0.02)


def test_acknowledged_equals_seen_though_the_server_is_killed(tmp_path):
    race(tmp_path, envelopes=40, size=5, writers=3, kills=4)


@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_several_server_processes_lose_nothing(tmp_path, database):
    race(tmp_path, envelopes=24, size=5, writers=3, kills=5, workers=2)


@pytest.mark.proof
@pytest.mark.parametrize("database", ["sqlite", "postgres"], indirect=True)
def test_several_server_processes_lose_nothing_though_they_are_killed_often(tmp_path, database):
    race(tmp_path, envelopes=1200, size=10, writers=4, kills=60, workers=3)


@pytest.mark.proof
def test_acknowledged_equals_seen_though_the_server_is_killed_often(tmp_path):
    race(tmp_path, envelopes=1200, size=10, writers=4, kills=60)


def race(folder, *, envelopes, size, writers, kills, workers=1):
    node = Node.init(folder / "exchange", "Institute A")
    findings = node.collection("findings").id
    tokens = []
    for n in range(1, writers + 2):
        one = member(n)
        ids = frozenset({findings})
        node.store.put_member(Caller(one.identity, "amber", one.communities, one.caveats, ids, ids), f"m{n}")
        tokens.append(node.tokens.issue(one.identity)[1])
    node.store.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        sys.executable,
        "-m",
        "kakehashi.cli.main",
        "exchange",
        "serve",
        "--port",
        str(port),
        "--workspace",
        str(folder),
        "--workers",
        str(workers),
    ]
    path, over = f"/api/collections/{findings}/objects/", threading.Event()
    acknowledged, polled, walks, troubles = set(), set(), [], []
    lock = threading.Lock()

    def start():
        while True:
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
            if process.stdout.readline():
                return process
            process.stdout.close()  # the port is not free before the killed server's other processes have ended
            assert process.wait()
            assert workers > 1

    def guarded(work):
        def run():
            try:
                work()
            except BaseException as error:
                troubles.append(error)
                over.set()

        return threading.Thread(target=run)

    def write(n):
        partner = Partner(port, tokens[n - 1], over)
        for start_ in range(0, envelopes * size // writers, size):
            objects = [vulnerability(n * 100_000 + start_ + i, GREEN) for i in range(size)]
            status, _ = partner.ask("POST", path, {"objects": objects})
            assert status["success_count"] == size, status
            with lock:
                acknowledged.update(one["id"] for one in status["successes"])

    def poll():
        partner, after = Partner(port, tokens[-1], over), "1970-01-01T00:00:00Z"
        while True:
            last = over.is_set()
            body, headers = partner.ask("GET", f"{path}?limit=17&added_after={after}")
            polled.update(obj["id"] for obj in body.get("objects", ()))
            after = headers.get("X-TAXII-Date-Added-Last", after)
            if last and not body.get("objects"):
                return

    def walk():
        partner = Partner(port, tokens[-1], over)
        while not over.is_set():
            with lock:
                before = set(acknowledged)
            found, cursor = [], ""
            while cursor is not None:
                body, _ = partner.ask("GET", f"{path}?limit=23{cursor}")
                found += [obj["id"] for obj in body.get("objects", ())]
                cursor = f"&next={body['next']}" if body.get("more") else None
            walks.append((before - set(found), len(found) - len(set(found))))

    server = start()
    try:
        makers = [guarded(lambda n=n: write(n)) for n in range(1, writers + 1)]
        readers = [guarded(poll), guarded(walk)]
        for thread in [*makers, *readers]:
            thread.start()
        total = envelopes * size
        for n in range(1, kills + 1):  # in the midst of the writing, however fast this machine is
            while len(acknowledged) < n * total // (kills + 2) and not troubles:
                time.sleep(0.002)
            if workers > 1 and n % 4:  # one of the processes; the first starts another
                children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
                if children:
                    os.kill(int(children[n % len(children)]), signal.SIGKILL)
                continue
            server.send_signal(signal.SIGKILL)
            server.wait()
            server.stdout.close()
            server = start()
        for thread in makers:
            thread.join(timeout=900)
        over.set()
        for thread in readers:
            thread.join(timeout=60)
    finally:
        over.set()
        server.send_signal(signal.SIGTERM)
        server.wait()
        server.stdout.close()
    assert troubles == []
    assert len(acknowledged) == len(range(0, envelopes * size // writers, size)) * size * writers
    assert polled == acknowledged
    assert walks
    assert all(lost == set() and again == 0 for lost, again in walks)
    node = Node.open(folder / "exchange")
    check = node.verify()
    assert (check.findings, check.objects) == ((), len(acknowledged))
    node.store.close()
