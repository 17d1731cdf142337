"""Answers that stand ready: given again only where nothing at all has changed, and never past a time that matters."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodes import AMBER, FINDINGS, GREEN, member, sharing, store_with, vulnerability
from starlette.responses import Response

from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import stored_bytes
from kakehashi.exchange.server.app import Server
from kakehashi.exchange.server.ready import Place, Ready
from kakehashi.exchange.sql_read import SqlReads
from kakehashi.exchange.store import Entry, Page


@pytest.fixture
def two(served):
    served.join(member(1), "A")
    served.join(member(2), "B")
    served.post("A", vulnerability(1, GREEN), vulnerability(2))
    return served


@pytest.fixture
def decided(monkeypatch):
    """How often a page was asked of the store."""
    asked, inner = [], Server.ask
    monkeypatch.setattr(Server, "ask", lambda self, *a, **k: asked.append(1) or inner(self, *a, **k))
    return asked


@pytest.fixture
def kept(monkeypatch):
    """Until when each answer was kept."""
    found, inner = [], Ready.keep
    monkeypatch.setattr(Ready, "keep", lambda self, *a: found.append(a[3]) or inner(self, *a))
    return found


def test_the_same_question_is_answered_alike_and_decided_once(two, decided):
    path = two.collection + "objects/?limit=1"
    first = two.ask("A", path)
    again = two.ask("A", path)
    assert (again.status, again.data) == (200, first.data)
    assert again.headers | {"date": ""} == first.headers | {"date": ""}
    assert first.json["more"] is True
    assert len(decided) == 1
    following = f"{path}&next={first.json['next']}"
    assert len({two.ask("A", following).data for _ in range(3)}) == 1
    assert len(decided) == 2
    nothing = two.collection + "objects/?match[type]=incident"
    assert [two.ask("A", nothing).json for _ in range(3)] == [{}] * 3
    assert len(decided) == 3
    packed = [two.ask("A", path, accept_encoding="gzip") for _ in range(2)]  # another question
    assert packed[0].data == packed[1].data
    assert len(decided) == 4
    assert two.ask("A", path, Accept="text/html").status == 406
    assert two.ask("A", path, "HEAD").data == b""


def test_nobody_is_given_what_stands_ready_for_somebody_else(two):
    path = two.collection + "objects/"
    assert len(two.ask("A", path).json["objects"]) == 2
    assert len(two.ask("B", path).json["objects"]) == 1  # the other bears no marking: its creator's alone
    assert two.ask(None, path).status == 401
    assert two.ask(None, path, Authorization="Bearer kx_wrong").status == 401
    assert len(two.ask("A", path).json["objects"]) == 2


def test_a_commit_by_another_connection_ends_it(two):
    path = two.collection + "objects/"
    for _ in range(2):
        assert len(two.ask("B", path).json["objects"]) == 1
    other = Node.open(two.node.path)  # as another process would
    target = other.collection("findings").id
    creator = replace(other.me(), identity=member(1).identity, writes=frozenset({target}))
    other.store.post(creator, target, [vulnerability(3, GREEN)])
    assert len(two.ask("B", path).json["objects"]) == 2
    other.store.withdraw(creator, target, vulnerability(3)["id"])
    shown = [obj["type"] for obj in two.ask("B", path).json["objects"]]
    assert shown == ["vulnerability", "note"]  # and its tombstone
    other.store.close()


def test_narrower_rights_and_a_token_that_was_taken_back_count_at_once(two):
    path, store = two.collection + "objects/", two.node.store
    for _ in range(2):
        assert len(two.ask("B", path).json["objects"]) == 1
    b = store.member(member(2).identity)
    store.put_member(replace(b, clearance="clear"), "B")
    assert two.ask("B", path).json == {}
    store.put_member(replace(b, reads=frozenset()), "B")
    assert two.ask("B", path).status == 403
    (token,) = [one for one in two.node.tokens.list() if one.identity == b.identity]
    store.put_member(b, "B")
    for _ in range(2):
        assert two.ask("B", path).status == 200
    two.node.tokens.revoke(token.id)
    assert two.ask("B", path).status == 401


def test_what_must_be_written_down_first_is_never_kept(two, decided, kept):
    audience = sharing(1, communities=["network"])
    two.post("A", audience, vulnerability(4, AMBER, audience["id"]))
    path = two.collection + "objects/"
    for _ in range(3):
        assert len(two.ask("B", path).json["objects"]) == 3
    assert (len(decided), kept) == (3, [])


def test_it_is_kept_until_the_token_ends_or_an_embargo_does(two, kept):
    path = two.collection + "objects/"
    (token,) = [one for one in two.node.tokens.list() if one.identity == member(2).identity]
    two.ask("B", path)
    assert kept == [token.expires.timestamp()]
    end = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    for number, at in ((1, end), (2, end + timedelta(days=1))):
        until = at.isoformat().replace("+00:00", "Z")
        two.post("A", sharing(number, embargo_until=until, embargo_recipients=[member(1).identity]))
    two.ask("B", path)
    assert kept[1:] == [end.timestamp()]


def test_time_that_has_come_and_a_clock_that_goes_backwards_end_it(tmp_path):
    store = store_with(tmp_path)
    ready = Ready(store.database)
    scope = {"headers": [(b"authorization", b"Bearer x")], "path": "/", "query_string": b""}
    place = ready.place(scope)
    if place is None:  # PostgreSQL: nothing stands ready
        return
    place = Place(place.stamp, place.question, 1000.0)
    entries = tuple(Entry(n, "t", "id", "v", "2.1", stored_bytes(vulnerability(n))) for n in (1, 2))
    page = Page(entries)
    body = b'{"objects":[' + b",".join(entry.data for entry in entries) + b"]}"
    assert ready.found(place) is None
    ready.keep(place, Response(body), page, 2000.0)
    found = [ready.found(replace(place, began=at)) for at in (999.9, 1000.0, 1999.9, 2000.0)]
    assert [one and one[1] for one in found] == [None, body, body, None]
    assert ready.found(replace(place, question="another")) is None
    ready.keep(place, Response(b"{}"), Page(), 2000.0)
    assert ready.found(place)[1] == b"{}"
    store.set_meta("something", "changed")
    assert ready.place(scope).stamp != place.stamp
    assert ready.found(ready.place(scope)) is None
    ready.keep(place, Response(body), page, 2000.0)  # begun before the change: not kept
    assert ready.found(ready.place(scope)) is None
    with store.reading():
        assert ready.place(scope) is None
    store.close()


def test_the_answers_are_bounded_and_share_what_several_are_given(tmp_path):
    store = store_with(tmp_path)
    ready = Ready(
        store.database, most_bytes=23_000
    )  # 6,000 for a page once, and 2,012 for each answer: eight
    place = ready.place({"headers": [], "path": "/", "query_string": b""})
    if place is None:
        return
    page = Page((Entry(1, "t", "id", "v", "2.1", b"x" * 2998),))
    ready.found(place)
    body = b'{"objects":[' + page.entries[0].data + b"]}"
    places = [replace(place, question=n) for n in range(9)]
    for one in places[:8]:
        ready.keep(one, Response(body), page, place.began + 60)
    assert [ready.found(one)[1] for one in places[:8]] == [body] * 8
    ready.keep(places[8], Response(body), page, place.began + 60)
    assert [ready.found(one) for one in places] == [None] * 9
    store.close()


@given(
    limit=st.integers(1, 7),
    budget=st.sampled_from([1, 1500, 1 << 20]),
    versions=st.sampled_from(["last", "first", "all"]),
    who=st.integers(1, 3),
)
def test_a_kept_page_is_what_is_decided_row_by_row(many, limit, budget, versions, who):
    from kakehashi.exchange import sql_read
    from kakehashi.exchange.store import Filters

    caller, filters = (
        member(who, clearance="green" if who == 3 else "red"),
        Filters(versions=frozenset({versions})),
    )

    def walk(**more) -> list[Page]:
        pages, after = [], 0
        while True:
            page = many.page(caller, FINDINGS, filters, after=after, limit=limit, budget=budget, **more)
            pages.append(page)
            if not page.more:
                return pages
            after = page.entries[-1].seq

    quick = walk(kept=True)
    whole = pytest.MonkeyPatch()
    with whole.context() as patch:
        patch.setattr(sql_read, "_all_of", lambda *_: None)
        slow = walk()
    assert quick == slow == walk()


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> SqlReads:
    """Objects of two members, some with versions, some unmarked, one for nobody else."""
    one, two, three = (member(n, clearance="green" if n == 3 else "red") for n in (1, 2, 3))
    store = store_with(tmp_path_factory.mktemp("many"), one, two, three)
    post(store, one, *(vulnerability(n, GREEN) for n in range(1, 9)))
    post(store, two, *(vulnerability(n, *((GREEN,) if n % 3 else ())) for n in range(20, 30)))
    post(store, one, *(vulnerability(n, GREEN, version=1, description="x" * 900) for n in (2, 5)))
    store.withdraw(one, FINDINGS, vulnerability(7)["id"])
    yield store
    store.close()


def post(store, caller: Caller, *objects: dict) -> None:
    receipt = store.post(caller, FINDINGS, list(objects))
    assert [one.failure for one in receipt.outcomes] == [None] * len(objects)
