"""A node that is served on loopback, and a plain client."""

import asyncio
import base64
import json
import socket
import threading
from dataclasses import dataclass, field
from http.client import HTTPConnection

import pytest

from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller

TAXII = "application/taxii+json;version=2.1"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self):
        return json.loads(self.data)


@dataclass
class Served:
    node: Node
    port: int
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def collection(self) -> str:
        return f"/api/collections/{self.node.collection('findings').id}/"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def join(self, identity: Caller, name: str, **token: object) -> Caller:
        ids = frozenset({self.node.collection("findings").id})
        caller = Caller(
            identity.identity,
            identity.clearance,
            identity.communities,
            identity.caveats,
            ids,
            ids,
            identity.roles,
        )
        self.node.store.put_member(caller, name)
        self.tokens[name] = self.node.tokens.issue(caller.identity, **token)[1]
        return caller

    def ask(
        self, who: str | None, path: str, method: str = "GET", body: object = None, **headers: str
    ) -> Answer:
        sent = {"Accept": TAXII} | {k.replace("_", "-"): v for k, v in headers.items()}
        if who is not None and "Authorization" not in sent:
            token = base64.b64encode(f"x:{self.tokens[who]}".encode()).decode()
            sent["Authorization"] = f"Basic {token}"
        if body is not None:
            sent.setdefault("Content-Type", TAXII)
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, who: str, *objects: object) -> dict:
        answer = self.ask(who, self.collection + "objects/", "POST", {"objects": list(objects)})
        assert answer.status == 202, answer.data
        return answer.json


def run_server(node: Node, **settings: object):
    """Serve in a thread; returns port and what stops it."""
    uvicorn = pytest.importorskip("uvicorn")
    from kakehashi.exchange.server import make_app
    from kakehashi.exchange.server.serve import make_server

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    config = uvicorn.Config(
        make_app(node, tick_seconds=0.05, **settings), log_level="warning", access_log=False
    )
    server = make_server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = True
        thread.join(timeout=20)
        listening.close()

    stop.server = server
    return listening.getsockname()[1], stop
