"""Findings for persons: one file written and read, what a company subscribes to, requests, offers and balances."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import AMBER, FINDINGS, GREEN, member, names, sharing, store_with, vulnerability
from stix_corpus import ours, stix_id, whole
from two_nodes import deposit, institute, introduce

from kakehashi.errors import InputError, UnknownNameError, UsageError, VerificationError
from kakehashi.exchange import measurement, sign
from kakehashi.exchange.bundles import apply_bundle, open_bundle
from kakehashi.exchange.mutual_aid import Line, Sum, asks, balance, fulfill, matches
from kakehashi.exchange.one_file import read_objects, write_finding
from kakehashi.exchange.reading import WORDS, in_words
from kakehashi.proof import SigningKey

KEY = SigningKey("desk", bytes(32))


@pytest.fixture
def pair(tmp_path):
    a, b = institute(tmp_path, "A"), institute(tmp_path, "B")
    introduce(a, b)
    yield a, b
    a.store.close()
    b.store.close()


def test_one_finding_is_one_file_that_a_person_reads(pair):
    a, _ = pair
    deposit(a, vulnerability(1, GREEN, description="synthetic, harmful request 12"))
    data = write_finding(a, stix_id("vulnerability", 1))
    objects = read_objects(data)
    text = in_words(objects, keys=[a.key().verifier])
    for word in (
        "Vulnerability\n",
        "weakness 1",
        "harmful request 12",
        "GREEN",
        "right, by exchange/",
        "high",
    ):
        assert word in text
    assert "whose key" in in_words(objects)
    japanese = in_words(objects, language="ja", keys=[a.key().verifier])
    assert japanese.startswith("脆弱性\n")
    assert "深刻度" in japanese
    changed = json.loads(data)
    changed["objects"][-1]["description"] = "changed"
    with pytest.raises(VerificationError):
        in_words(read_objects(json.dumps(changed).encode()))


def test_a_file_that_is_not_for_everybody_is_written_encrypted_or_not_at_all(pair):
    a, b = pair
    network = sharing(1, communities=["network"])
    deposit(
        a,
        network,
        vulnerability(1, AMBER, network["id"]),
        vulnerability(2, GREEN, network["id"]),
        vulnerability(3),
    )
    deposit(a, vulnerability(4, GREEN), sealed=False)
    deposit(a, whole("report", 5, object_marking_refs=[GREEN], object_refs=[stix_id("vulnerability", 1)]))
    for ref in (*(stix_id("vulnerability", number) for number in (1, 2, 3)), stix_id("report", 5)):
        with pytest.raises(UsageError, match="not for everybody"):
            write_finding(a, ref)
    with pytest.raises(InputError, match="not signed"):
        write_finding(a, stix_id("vulnerability", 4))
    with pytest.raises(UnknownNameError):
        write_finding(a, stix_id("vulnerability", 99))
    with pytest.raises(InputError, match="may not see"):
        write_finding(a, stix_id("vulnerability", 3), to="B")
    opened = open_bundle(b, write_finding(a, stix_id("vulnerability", 1), to="B"))
    assert {obj["id"] for obj in opened.objects} == {network["id"], stix_id("vulnerability", 1)}
    done = apply_bundle(b, opened)
    assert (done.new, done.stands) == (
        2,
        0,
    )  # four are still to come, so nothing before them is taken for complete


def test_rates_are_said_with_their_interval():
    # Wilson for 7 of 20 at 95%: centre (7 + 1.9207) / 23.8415 = 0.3742, half width 0.1928: from 18.1% to 56.7%
    subject = {"name": "m-1", "developer": "Vendor"}
    made = measurement(
        stix_id("vulnerability", 1), 7, 20, counted="complied", subject=subject, method="own/x", level="green"
    )
    text = in_words([sign(made, KEY)])
    assert "7 of 20; rate 35.0%, 95% interval 18.1% to 56.7% (Wilson)" in text
    assert "Vendor/m-1" in text
    assert "20回中7回、割合35.0%、95%信頼区間18.1%〜56.7%" in in_words([made], language="ja")


def test_a_file_cannot_move_the_cursor_or_pose_as_a_line_of_ours():
    name = "x\n  Signature  right, by the minister\x1b[2J‮"
    text = in_words([vulnerability(1, GREEN, name=name)])
    assert "\x1b" not in text
    assert "‮" not in text
    lines = [line for line in text.splitlines() if line.startswith("  Signature")]
    assert lines == [line for line in lines if "anybody may have written this" in line]
    assert len(lines) == 1


def test_both_languages_say_the_same_things():
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    for label, words in WORDS["en"].items():
        names_in = [
            sorted(part.split("}")[0].split(":")[0] for part in text.split("{")[1:])
            for text in (words, WORDS["ja"][label])
        ]
        assert names_in[0] == names_in[1]


AFFECTED = [{"name": "m-1", "developer": "Vendor"}, {"name": "m-2", "developer": "Other"}, {"name": "local"}]
subjects = st.lists(st.sampled_from(AFFECTED), max_size=2, unique_by=lambda one: one["name"])


@given(
    st.lists(subjects, min_size=1, max_size=6), st.sampled_from(["vendor/*", "*/m-2", "local", "*", "none"])
)
@settings(max_examples=15, deadline=None)
def test_a_subscription_narrows_and_never_widens(tmp_path_factory, affected, pattern):
    a, b = member(1), member(2, clearance="green")
    store = store_with(tmp_path_factory.mktemp("s"), a, b)
    objects = []
    for number, models in enumerate(affected, 1):
        body = {"affected": models} if models else {"hazard": "synthetic"}
        level = GREEN if number % 2 else AMBER
        objects.append(vulnerability(number, level, extensions=ours("vulnerability", **body)))
    about = [
        whole("note", n, object_marking_refs=[GREEN], object_refs=[o["id"]]) for n, o in enumerate(objects, 1)
    ]
    store.post(a, FINDINGS, [*objects, *about])
    everything = names(store.page(b, FINDINGS, limit=1000))
    narrow = replace(b, models=frozenset({pattern}))
    before = store.verify().head.size
    store.put_member(narrow, "2")
    found = names(store.page(narrow, FINDINGS, limit=1000))

    def wanted(models: list) -> bool:
        full = {f"{m['developer']}/{m['name']}".lower() if "developer" in m else m["name"] for m in models}
        return {
            "vendor/*": "vendor/m-1" in full,
            "*/m-2": "other/m-2" in full,
            "local": "local" in full,
            "*": bool(full),
            "none": False,
        }[pattern]

    assert set(found) <= set(everything)
    expected = {o["id"] for n, o in enumerate(objects) if wanted(affected[n]) and n % 2 == 0}
    expected |= {note["id"] for n, note in enumerate(about) if wanted(affected[n]) and n % 2 == 0}
    assert set(found) == expected
    assert store.verify().head.size == before  # narrower: nothing new to bring
    store.put_member(b, "2")
    fresh = names(store.page(b, FINDINGS, after=before, limit=1000))
    assert (
        set(fresh) == set(everything) - expected
    )  # wider again: what was not sent comes by ordinary polling
    store.close()


def test_what_begins_to_concern_a_subscriber_brings_what_hangs_on_it(tmp_path):
    a, b = member(1), member(2, models={"vendor/*"})
    store = store_with(tmp_path, a, replace(b, models=frozenset({"vendor/*"})))
    b = store.member(b.identity)
    note = whole("note", 1, object_marking_refs=[GREEN], object_refs=[stix_id("vulnerability", 1)])
    store.post(a, FINDINGS, [vulnerability(1, GREEN), note])
    page = store.page(b, FINDINGS)
    assert names(page) == []
    after = store.verify().head.size
    body = ours("vulnerability", affected=[AFFECTED[0]])
    store.post(a, FINDINGS, [vulnerability(1, GREEN, version=1, extensions=body)])
    assert set(names(store.page(b, FINDINGS, after=after))) == {stix_id("vulnerability", 1), note["id"]}
    store.withdraw(a, FINDINGS, stix_id("vulnerability", 1))
    (tombstone,) = names(store.page(b, FINDINGS, after=after + 2))[-1:]
    assert tombstone.startswith("note--")
    store.close()


def help_note(number: int, direction: str, **body: object) -> dict:
    given = {"direction": direction, "resource": "red-team-hours", "amount": 10, "unit": "hours"} | body
    given = {key: value for key, value in given.items() if value is not None}
    return whole(
        "note",
        number,
        object_marking_refs=[GREEN],
        object_refs=[stix_id("vulnerability", 1)],
        extensions=ours("request", **given),
    )


def test_requests_are_matched_marked_and_balanced(tmp_path):
    a = institute(tmp_path, "A")
    here = a.collection("findings").id
    others = [member(n, reads={here}, writes={here}) for n in range(1, 8)]
    for one in others:
        a.store.put_member(one, f"member {one.identity[-12:]}")
    a.store.post(a.me(), here, [vulnerability(1, GREEN)])
    mine = help_note(1, "request", language="ja")
    fits = help_note(2, "offer", amount=40, language="JA")
    small, late = help_note(3, "offer", amount=2), help_note(4, "offer", until="2026-01-01")
    alien = help_note(5, "offer", unit="days")
    a.store.post(a.me(), here, [mine])
    for one, note in zip(others, (fits, small, late, alien), strict=False):
        a.store.post(one, here, [note])
    pairs = matches(asks(a, a.me()), today=date(2026, 3, 1))
    assert [(wanted.id, offered.id) for wanted, offered in pairs] == [
        (mine["id"], fits["id"]),
        (mine["id"], small["id"]),
    ]
    with pytest.raises(InputError):
        fulfill(a, fits["id"], "A")
    fulfill(a, mine["id"], fits["id"])
    with pytest.raises(InputError, match="fulfilled already"):
        fulfill(a, mine["id"], fits["id"])
    assert balance(a, a.me()).own == (Line("red-team-hours", "hours", 0, 10),)
    assert balance(a, others[0]).own == (Line("red-team-hours", "hours", 10, 0),)
    assert balance(a, others[5]).own == ()
    assert balance(a, others[5]).others == (Sum("red-team-hours", "hours", None),)  # one gave: not shown
    # two more pairs: 10 + 5 + 7 hours from three to three; who is among them sees the other two pairs as too few
    for number, (taker, giver, amount) in enumerate([(1, 2, 5), (3, 4, 7)], 20):
        done = help_note(number, "request", amount=amount, fulfilled_by=others[giver].identity)
        a.store.post(others[taker], here, [done])
    assert balance(a, others[5]).others == (Sum("red-team-hours", "hours", 22),)
    assert balance(a, others[1]).others == (Sum("red-team-hours", "hours", None),)
    assert balance(a, others[1]).own == (Line("red-team-hours", "hours", 0, 5),)
    # one member's three offers that nobody else may see are one giver, not three
    for number, taker in enumerate((1, 3, 5), 30):
        secret = help_note(number, "offer", resource="compute") | {"object_marking_refs": [AMBER]}
        done = help_note(number + 10, "request", resource="compute", fulfilled_by=secret["id"])
        a.store.post(others[6], here, [secret])
        a.store.post(others[taker], here, [done])
    assert balance(a, others[0]).others[0] == Sum("compute", "hours", None)
    hidden = member(7, reads={here}, clearance="clear")
    a.store.put_member(hidden, "sees none of them")
    assert balance(a, hidden).others == ()
    a.store.close()
