"""A clock that is wrong ends no embargo: forwards not before its operator says so, backwards not a second time."""

import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import FINDINGS, GREEN, member, names, sharing, store_with, vulnerability
from stix_corpus import stix_id
from two_nodes import grant, institute, introduce

from kakehashi.errors import InputError
from kakehashi.exchange import Node, confirmed_time, sql_base, sql_read, tokens
from kakehashi.exchange.bundles import make_bundle
from kakehashi.exchange.confirmed_time import clock_trouble, confirm_time, time_words
from kakehashi.exchange.events import events_after, log_size
from kakehashi.exchange.node_time import KNOWN
from kakehashi.exchange.officers import Delegation, add_delegation
from kakehashi.proof import SigningKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
from commands import in_process

A, B, C = (member(n) for n in (1, 2, 3))
START = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HELD = [stix_id("marking-definition", 1), stix_id("vulnerability", 1)]


class Wall(datetime):
    """The clock of the machine, set by hand."""

    at = START

    @classmethod
    def now(cls, tz=None):
        return cls.at


@pytest.fixture
def wall(monkeypatch):
    making = sys.modules["kakehashi.exchange.bundles.make"]
    for module in (sql_base, sql_read, confirmed_time, tokens, making):
        monkeypatch.setattr(module, "datetime", Wall)
    monkeypatch.setattr(Wall, "at", START)
    return Wall


@pytest.fixture
def store(tmp_path, wall):
    made = store_with(tmp_path, A, B, C)
    yield made
    assert made.verify().findings == ()
    made.close()


def embargo(days, number=1):
    until = (START + days * DAY).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return sharing(number, embargo_until=until, embargo_recipients=[B.identity])


def put(store, *objects):
    assert [one.failure for one in store.post(A, FINDINGS, objects).outcomes] == [None] * len(objects)


def under_embargo(store, days):
    mark = embargo(days)
    put(store, mark, vulnerability(1, GREEN, mark["id"]))


def seen(store, who=C, after=0, **more):
    return names(store.page(who, FINDINGS, after=after, **more))


def test_a_clock_set_far_ahead_ends_no_embargo_over_any_door_until_it_is_confirmed(store, wall):
    under_embargo(store, 30)
    last = log_size(store)
    wall.at = START + 26_000 * DAY
    assert seen(store) == seen(store, kept=True) == []
    assert events_after(store, C, 0, last)[0] == ()
    assert not store.would_see(C, FINDINGS, A.identity, vulnerability(2, GREEN, HELD[0]))
    assert store.tick() == 0
    assert store.put_member(member(3, clearance=None), "C") + store.put_member(C, "C") == 0
    assert seen(store, B) == HELD  # whom it names sees it, as before
    assert store.post(C, FINDINGS, [vulnerability(1, GREEN, HELD[0])]).outcomes[0].failure is not None
    assert confirm_time(store, "N. N.") == 2
    assert seen(store, after=last) == seen(store, kept=True) == HELD
    assert log_size(store) == last + 3  # two entries and the operator's word


def test_what_is_written_while_the_clock_is_wrong_ends_no_embargo_when_it_is_right_again(store, wall):
    under_embargo(store, 30)
    wall.at = START + 26_000 * DAY
    put(store, vulnerability(2, GREEN))
    wall.at = START + HOUR
    put(store, vulnerability(3, GREEN))
    assert store.tick() == 0
    assert seen(store) == [stix_id("vulnerability", n) for n in (2, 3)]
    added = [entry.added for entry in store.page(A, FINDINGS).entries]
    assert added == sorted(set(added))
    wall.at = START + 30 * DAY
    store.keep_time()  # it ran all the time
    confirm_time(store, "N. N.")
    assert set(HELD) < set(seen(store))


def test_an_embargo_that_is_made_while_the_clock_is_ahead_stands(store, wall):
    wall.at = START + 26_000 * DAY
    under_embargo(store, 2)
    assert store.tick() == 0
    assert seen(store) == []


@pytest.mark.parametrize(
    ("span", "hours", "sees"), [(None, 24, 2), (None, 25, 0), (72, 72, 2), (72, 73, 0), (2, 2, 2), (2, 3, 0)]
)
@pytest.mark.one_database
def test_a_clock_is_believed_up_to_the_span_after_the_last_time_known(store, wall, span, hours, sees):
    if span is not None:
        confirm_time(store, "N. N.", span_hours=span)
    under_embargo(store, 1 / 24)
    wall.at = START + hours * HOUR
    assert len(seen(store)) == store.tick() == sees
    assert (clock_trouble(store) is None) == (sees == 2)


def test_a_node_that_runs_or_is_opened_every_day_is_never_asked(tmp_path, wall):
    node = institute(tmp_path, "A")
    mark = embargo(10)
    node.store.post(node.me(), node.collection("findings").id, [mark, vulnerability(1, GREEN, mark["id"])])
    grant(node, node_like := Node(tmp_path, node.store, C.identity, "C"), clearance="red")
    for day in range(1, 21):
        wall.at = START + day * DAY
        if day % 2:
            node.store.tick()
        else:
            node.store.close()
            node = Node.open(node.path)
        assert clock_trouble(node.store) is None
        assert len(node.store.page(node.member(node_like.owner), node.collection("findings").id).entries) == (
            0 if day < 10 else 2
        )
    assert time_words(node.store) == ()
    node.store.close()


def test_a_node_that_was_off_for_a_month_waits_for_its_operator_who_is_written_down(tmp_path, wall):
    a, b = institute(tmp_path, "A"), institute(tmp_path, "B")
    introduce(a, b)
    mark = embargo(10)
    a.store.post(a.me(), a.collection("findings").id, [mark, vulnerability(1, GREEN, mark["id"])])
    a.store.close()
    wall.at = START + 31 * DAY
    a = Node.open(a.path)
    found, mend = clock_trouble(a.store)
    assert found.startswith(
        "the clock says 2027-01-01 09:00 UTC, the last time known is 2026-12-01 09:00: an emb"
    )
    assert mend.endswith("kakehashi exchange clock --confirm --by NAME")
    assert make_bundle(a, "B").entries == 0
    with pytest.raises(InputError, match="who confirms"):
        confirm_time(a.store, " ")
    confirm_time(a.store, "N. N.", span_hours=48)
    (word,) = time_words(a.store)
    assert (word.by, word.clock, word.known, word.span_hours) == ("N. N.", wall.at, START, 48)
    assert word.line == log_size(a.store) - 2  # the two entries of what had ended stand behind it
    assert make_bundle(a, "B").entries == 2
    assert clock_trouble(a.store) is None
    assert a.verify().findings == ()
    with a.store.writing() as con:
        con.execute("UPDATE time_words SET said = replace(said, 'N. N.', 'M. M.')")
    (finding,) = a.verify().findings
    assert finding.what == f"the word for the time of line {word.line} does not match the log"
    with a.store.writing() as con:
        con.execute("DELETE FROM time_words")
    assert [one.what for one in a.verify().findings] == [
        f"the word for the time of line {word.line} is missing"
    ]
    for node in (a, b):
        node.store.close()


def test_a_clock_that_goes_backwards_hides_nothing_again_and_revives_no_token_and_no_delegate(tmp_path, wall):
    node = institute(tmp_path, "A")
    officer, delegate = (SigningKey(name, bytes([n]) * 32) for n, name in ((5, "officer"), (6, "deputy")))
    node.store.set_meta("officer:1", str(officer.verifier))
    short, text = node.tokens.issue(node.owner, days=0.5)
    given = Delegation.make(officer, delegate.verifier, START + 12 * HOUR)
    add_delegation(node, given)
    assert node.tokens.caller(text) is not None
    wall.at = START + 20 * HOUR
    node.store.tick()
    wall.at = datetime(1970, 1, 1, tzinfo=UTC)
    assert node.store.now() == START + 20 * HOUR
    assert node.tokens.caller(text) is None
    assert short.expires < node.store.now()
    with pytest.raises(Exception, match="has ended"):
        add_delegation(node, given)
    assert clock_trouble(node.store)[0].endswith("embargoes go by the later of the two")
    node.store.close()


def test_what_was_entered_at_an_end_stays_open_though_the_clock_goes_back_before_it(store, wall):
    under_embargo(store, 1 / 48)
    last = log_size(store)
    wall.at = START + 0.6 * HOUR
    assert store.tick() == 2
    wall.at = START
    put(store, vulnerability(2, GREEN))
    assert seen(store, after=last) == [*HELD, stix_id("vulnerability", 2)]
    put(store, embargo(-2, 2))
    assert store.tick(START - DAY) == 1  # a look back moves nothing back
    assert store.now() == START + 0.6 * HOUR


def test_a_wrong_clock_that_was_confirmed_is_taken_back_and_nothing_is_lost(store, wall):
    under_embargo(store, 30)
    wall.at = START + 26_000 * DAY
    assert confirm_time(store, "N. N.") == 2  # too late for who has looked; not for who has not
    wall.at = START + DAY
    assert seen(store) == HELD
    assert confirm_time(store, "M. M.") == 0
    assert seen(store) == []
    put(store, vulnerability(2, GREEN))
    (last,) = (entry.seq for entry in store.page(C, FINDINGS).entries)
    wall.at = START + 30 * DAY
    assert confirm_time(store, "M. M.") == 2
    assert seen(store, after=last) == HELD
    assert [one.by for one in time_words(store)] == ["N. N.", "M. M.", "M. M."]


def test_a_node_of_before_goes_by_the_last_line_of_its_log(store, wall):
    under_embargo(store, 1)
    with store.writing() as con:
        con.execute("DELETE FROM meta WHERE key = ?", (KNOWN,))
    wall.at = START + 31 * DAY
    again = type(store)(store.database)
    (last,) = {entry.added for entry in again.page(A, FINDINGS).entries[-1:]}
    assert again.meta(KNOWN) == last
    assert seen(again) == []


@pytest.mark.one_database
def test_command_doctor_and_the_servers_log_say_it(tmp_path, wall, caplog):
    pytest.importorskip("starlette")
    from kakehashi.exchange.server.app import Server

    node = Node.init(tmp_path / "exchange", "Institute A")
    mark = embargo(10)
    node.store.post(node.me(), node.collection("findings").id, [mark, vulnerability(1, GREEN, mark["id"])])
    wall.at = START + 31 * DAY
    server = Server(node, 1 << 20)
    with caplog.at_level(logging.WARNING, "kakehashi.exchange"):
        for _ in range(2):
            server.say_time()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the clock says 2027-01-01 09"
    ]

    def run(*words):
        return in_process(*words, "--workspace", tmp_path, cwd=tmp_path)

    assert "1 embargo" not in (listed := run("exchange", "list", "--json")).out
    assert "still stands; Set the clock" in listed.err
    (found,) = [one for one in run("doctor", "--json").json if one["check"] == "exchange node's clock"]
    assert (found["state"], "clock --confirm" in found["mend"]) == ("broken", True)
    said = run("exchange", "clock", "--json")
    assert (said.code, said.json["waiting"], said.json["believed"]) == (
        10,
        ["2026-12-11T09:00:00.000000Z"],
        False,
    )
    assert run("exchange", "clock", "--span", "48").code == 2
    assert run("exchange", "clock", "--confirm").code == 3
    done = run("exchange", "clock", "--confirm", "--by", "N. N.", "--span", "48", "--json")
    assert (done.code, done.json["entered"], done.json["waiting"]) == (0, 2, [])
    assert done.json["confirmed"][0]["by"] == "N. N."
    assert "believed up to 48 h later" in run("exchange", "clock").out
    assert run("exchange", "list").err == ""
    node.store.close()


moves = st.one_of(
    st.tuples(st.just("goes on"), st.integers(1, 23)),
    st.tuples(st.just("jumps"), st.integers(-2000, 2000)),
    st.just(("confirm", 0)),
    st.just(("poll", 0)),
    st.tuples(st.just("post"), st.integers(1, 1500)),
)


@settings(max_examples=40)
@given(steps=st.lists(moves, min_size=4, max_size=14))
@pytest.mark.one_database
def test_whatever_the_clock_does_a_reader_sees_what_has_ended_by_the_believed_time_and_loses_nothing(
    tmp_path_factory, steps
):
    """The rule again in six lines: the last time known follows the clock where it is at most a day ahead of it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (sql_base, sql_read, confirmed_time):
            patch.setattr(module, "datetime", Wall)
        Wall.at = known = START
        store = store_with(tmp_path_factory.mktemp("clock"), A, B, C)
        ends, cursor, met = {}, 0, set()
        for number, (what, hours) in enumerate(steps, 1):
            if what in ("goes on", "jumps"):
                Wall.at += hours * HOUR
            elif what == "confirm":
                confirm_time(store, "N. N.")
                known = Wall.at
            elif what == "post":
                until = START + hours * HOUR
                mark = embargo(hours / 24, number)
                put(store, mark, vulnerability(number, GREEN, mark["id"]))
                ends |= dict.fromkeys((mark["id"], stix_id("vulnerability", number)), until)
            store.tick()
            if Wall.at - known <= DAY:
                known = max(known, Wall.at)
                store.keep_time()
            # what is kept is at most an hour behind: hours are whole here, so it is exactly this
            wanted = {ref for ref, until in ends.items() if until <= known}
            assert set(seen(store)) == wanted
            if what == "poll" or number == len(steps):
                page = store.page(C, FINDINGS, after=cursor).entries
                cursor = page[-1].seq if page else cursor
                met |= {entry.id for entry in page}
                assert wanted <= met, "lost behind the cursor"
        store.close()
