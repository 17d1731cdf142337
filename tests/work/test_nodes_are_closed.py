"""Verbs that open a node close it: where they succeed, where they fail, and before anything long is begun."""

import sqlite3

import pytest

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange import Node, make, measurement
from kakehashi.ledger import Ledger
from kakehashi.work import retest as retesting
from kakehashi.work.pooled import pooled
from kakehashi.work.retest import retest
from kakehashi.work.sightings import sight


class Opened(list):
    """The connections that were made."""

    @property
    def still_open(self):
        return [one for one in self if not self._is_closed(one)]

    @staticmethod
    def _is_closed(con):
        try:
            con.execute("SELECT 1")
        except sqlite3.ProgrammingError as error:
            return "closed" in str(error)
        return False


@pytest.fixture
def opened(monkeypatch):
    made, connect = Opened(), sqlite3.connect

    def remember(*words, **more):
        made.append(connect(*words, **more))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", remember)
    yield made
    assert made
    assert made.still_open == []


@pytest.fixture
def ref(tmp_path):
    """A node with a vulnerability that was measured twice."""
    node = Node.init(tmp_path / "exchange", "Institute A")
    bug = make("vulnerability", name="x", level="green")
    rows = [
        measurement(bug["id"], k, 40, counted="a", subject={"name": name}, method="m", level="green")
        for k, name in ((10, "one"), (20, "two"))
    ]
    node.store.post(node.me(), node.collection("findings").id, [bug, *rows])
    node.store.close()
    return bug["id"]


def test_sightings(tmp_path, ref, opened):
    Ledger.init(tmp_path / "ledger").close()
    for of in (ref, ref.replace("-4", "-5")):
        with pytest.raises(UnknownNameError):
            sight("run-1", of=of, workspace=tmp_path)


def test_pooled(tmp_path, ref, opened):
    assert len(pooled(ref, workspace=tmp_path)) == 1
    with pytest.raises(UnknownNameError):
        pooled(ref.replace("-4", "-5"), workspace=tmp_path)


def test_a_retest_holds_no_node_while_it_runs(tmp_path, ref, opened, monkeypatch):
    def assess(*_, **__):
        assert opened.still_open == []
        raise InputError("this is where a run would begin")

    monkeypatch.setattr(retesting, "assess", assess)
    with pytest.raises(InputError, match="a run would begin"):
        retest(ref, ["openai:x"], technique="base64", workspace=tmp_path)
    with pytest.raises(UnknownNameError):
        retest(ref.replace("-4", "-5"), ["openai:x"], technique="base64", workspace=tmp_path)


def test_a_node_that_was_not_made_whole(tmp_path, ref, opened):
    with sqlite3.connect(tmp_path / "exchange" / "node.sqlite") as con:
        con.execute("DELETE FROM meta WHERE key = 'owner'")
    con.close()
    with pytest.raises(InputError, match="not made whole"):
        Node.open(tmp_path / "exchange")
