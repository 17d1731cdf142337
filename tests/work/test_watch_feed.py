"""The attacks of a watch from an exchange node: replayed where the payload is held, named where it is not."""

import hashlib
import json

import pytest

from kakehashi.errors import EndpointError, InputError, UnknownNameError
from kakehashi.exchange import Node, make
from kakehashi.exchange.records import extension
from kakehashi.work.watch import watch
from kakehashi.work.watch_feed import attack_source
from kakehashi.work.workspace import Workspace


def find(method, sample):
    raise UnknownNameError("sample", sample, [])


def payload(name, text="harmful request 12"):
    return json.dumps(
        {
            "format": "kakehashi.attack/1",
            "id": name,
            "name": name,
            "received": "2026-11-20",
            "prompts": [{"text": text}],
        }
    ).encode()


@pytest.fixture
def rooms(tmp_path):
    """A node with three attack patterns: payload held, payload elsewhere, and one that names none."""
    rooms = Workspace(tmp_path / "w")
    node = Node.init(rooms.exchange, "Institute A")
    held, elsewhere = payload("held-1"), payload("elsewhere-1")
    (rooms.exchange / "payloads").mkdir()
    (rooms.exchange / "payloads" / "any-name.json").write_bytes(held)
    made = []
    for name, data in (("Told as a story", held), ("In pieces", elsewhere), ("Only described", None)):
        body = {} if data is None else {"payload_sha256": hashlib.sha256(data).hexdigest()}
        made.append(
            make(
                "attack-pattern",
                name=name,
                creator=node.owner,
                extensions=extension("attack-pattern", **body),
            )
        )
    receipt = node.store.post(node.me(), node.collection("findings").id, made)
    assert not [one.failure for one in receipt.outcomes if one.failure]
    node.store.close()
    return rooms


@pytest.mark.parametrize("words", ["exchange:", "exchange:{node}", "exchange:{workspace}"])
def test_what_is_held_is_replayed_and_what_is_not_is_named(rooms, words):
    source = attack_source(words.format(node=rooms.exchange, workspace=rooms.path), rooms)
    feed = source.read(find)
    assert [pattern.id for pattern in feed.patterns] == ["held-1"]
    assert {(name, why) for _, name, why in feed.skipped} == {
        ("In pieces", "no payload"),
        ("Only described", "no payload"),
    }
    assert feed.faults == ()


def test_a_changed_payload_is_no_payload(rooms):
    """The record names its payload by hash: other bytes under the old file's name are not what it means."""
    (rooms.exchange / "payloads" / "any-name.json").write_bytes(payload("held-1", "another request"))
    feed = attack_source("exchange:", rooms).read(find)
    assert (len(feed.patterns), len(feed.skipped)) == (0, 3)


def test_the_watch_says_what_it_skips_before_it_says_that_nothing_is_left(rooms):
    (rooms.exchange / "payloads" / "any-name.json").unlink()
    said, told = [], []
    with pytest.raises(InputError, match="no attack pattern is here"):
        watch("http://127.0.0.1:9/v1#m", attacks="exchange:", rounds=1, workspace=rooms.path,
              say=said.append, tell=told.append)  # fmt: skip
    assert sum("no payload, skipped" in line for line in said) == 3
    assert [event["event"] for event in told] == ["skipped"] * 3


def test_no_node_is_an_error_and_a_collection_out_of_reach_only_when_the_watch_begins(rooms, tmp_path):
    with pytest.raises(InputError, match="no exchange node"):
        attack_source(f"exchange:{tmp_path / 'nowhere'}", rooms)
    url = "http://127.0.0.1:9/api/collections/00000000-0000-4000-8000-000000000000/"
    source = attack_source(url, rooms, token="t")
    assert "'t'" not in repr(source)
    with pytest.raises(EndpointError):
        source.read(find)
    heard = []
    assert [one.id for one in source.read(find, heard.append).patterns] == ["held-1"]
    assert len(heard) == 1
