"""A watch whose attacks come from a collection of another institute's node, over TAXII on loopback."""

import hashlib
import json

from nodes import member

from kakehashi.errors import UnknownNameError
from kakehashi.exchange import Node, make
from kakehashi.exchange.records import extension
from kakehashi.work.watch_feed import attack_source
from kakehashi.work.workspace import Workspace


def find(method, sample):
    raise UnknownNameError("sample", sample, [])


def payload(name):
    made = {"format": "kakehashi.attack/1", "id": name, "name": name, "received": "2026-11-20"}
    return json.dumps({**made, "prompts": [{"text": "harmful request 12"}]}).encode()


def test_each_reading_pulls_what_is_new_and_a_hub_that_is_away_leaves_what_there_is(served, tmp_path):
    sender = served.join(member(1), "A")
    served.join(member(2), "B")
    rooms = Workspace(tmp_path / "w")
    Node.init(rooms.exchange, "Institute B").store.close()
    folder = rooms.exchange / "payloads"
    folder.mkdir()

    def publish(name, held=True):
        data = payload(name)
        if held:
            (folder / f"{name}.json").write_bytes(data)
        body = extension("attack-pattern", payload_sha256=hashlib.sha256(data).hexdigest())
        made = make("attack-pattern", name=name, creator=sender.identity, level="green", extensions=body)
        served.post("A", made)

    publish("first")
    publish("unheld", held=False)
    source = attack_source(served.url + served.collection, rooms, token=served.tokens["B"])
    found = source.read(find)
    assert [one.id for one in found.patterns] == ["first"]
    assert [(name, why) for _, name, why in found.skipped] == [("unheld", "no payload")]

    publish("second")
    assert sorted(one.id for one in source.read(find).patterns) == ["first", "second"]

    wrong = attack_source(served.url + served.collection, rooms, token="not-a-token")
    heard = []
    away = wrong.read(find, heard.append)
    # what opens nothing is told, and the watch goes on with what was pulled before
    assert len(heard) == 1
    assert sorted(one.id for one in away.patterns) == ["first", "second"]
