"""Offline bundles: what the policy lets through and nothing else, whole or not at all, in order, never backwards."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import AMBER, GREEN, RED, sharing, vulnerability
from stix_corpus import ours, stix_id, whole
from two_nodes import deposit, grant, held, institute, introduce, released
from zstandard import ZstdCompressor

from kakehashi.errors import InputError, KakehashiError, UnknownNameError, VerificationError
from kakehashi.exchange import Node
from kakehashi.exchange.age import encrypt
from kakehashi.exchange.bundles import (
    apply_bundle,
    make_ack,
    make_bundle,
    open_bundle,
    read_files,
    split,
    stands_of,
    take_ack,
)
from kakehashi.exchange.bundles.file import check_signed, seal, unseal
from kakehashi.exchange.bundles.parts import join, read_part
from kakehashi.exchange.ids import TLP_2
from kakehashi.exchange.partners import Partner, make_card, partner_of, pin, read_card, reading_key
from kakehashi.proof import SigningKey

CANARY = "canary-7f3a"


@pytest.fixture
def pair(tmp_path):
    a, b = institute(tmp_path, "A"), institute(tmp_path, "B")
    introduce(a, b)
    yield a, b
    a.store.close()
    b.store.close()


def send(a: Node, b: Node, **how: object):
    return apply_bundle(b, open_bundle(b, make_bundle(a, "B", **how).data))


def answer(a: Node, b: Node) -> None:
    take_ack(a, make_ack(b, "A"))


def test_a_bundle_holds_what_the_partners_own_walk_shows_and_nothing_of_the_rest(pair):
    a, b = pair
    network, other = sharing(1, communities=["network"]), sharing(2, communities=["inner"])
    named, embargo = (
        sharing(3, recipients=[b.owner]),
        sharing(4, embargo_until="2100-01-01T00:00:00.000Z", embargo_recipients=[a.owner]),
    )
    shown = [
        vulnerability(1, GREEN),
        vulnerability(2, AMBER, network["id"]),
        vulnerability(3, TLP_2["amber+strict"], named["id"]),
    ]
    hidden = [
        vulnerability(n, *refs, description=CANARY)
        for n, refs in enumerate(
            [
                (AMBER, other["id"]),
                (RED, network["id"]),
                (),
                (AMBER,),
                (GREEN, embargo["id"]),
                (GREEN, stix_id("marking-definition", 9)),
            ],
            start=10,
        )
    ]
    deposit(a, network, other, named, embargo, *shown, *hidden)
    grant(a, b, clearance="amber+strict", communities=frozenset({"network"}))
    made = make_bundle(a, "B")
    opened = open_bundle(b, made.data)
    wanted = held(a, a.member("B"))
    assert [(obj["id"], obj.get("modified", obj["created"])) for obj in opened.objects] == wanted
    assert {obj["id"] for obj in shown} <= {ref for ref, _ in wanted}
    # searched for in every byte: as it travels, packed and opened
    payload = unseal(opened.head, check_signed(made.data, a.key().verifier)[1], reading_key(b))
    clear = json.dumps(payload)
    for secret in (CANARY, *(obj["id"] for obj in hidden), other["id"], "inner"):
        assert secret.encode() not in made.data
        assert secret not in clear
    done = apply_bundle(b, opened)
    assert (done.failures, done.gap, done.stands) == ({}, None, made.last)
    assert sorted(held(b)) == sorted(wanted)


def test_only_the_recipient_opens_it_and_only_from_a_pinned_maker(pair, tmp_path):
    a, _ = pair
    c = institute(tmp_path, "C")
    deposit(a, vulnerability(1, GREEN))
    data = make_bundle(a, "B").data
    with pytest.raises(InputError, match="keys are not pinned"):
        open_bundle(c, data)
    pin(c, read_card(make_card(a)))
    with pytest.raises(InputError, match="is for"):
        open_bundle(c, data)
    with pytest.raises(UnknownNameError):
        make_bundle(a, "C")
    pin(a, read_card(make_card(c)))
    with pytest.raises(UnknownNameError):  # pinned, but no member: nothing says what it may see
        make_bundle(a, "C")
    head, sealed = check_signed(data, a.key().verifier)
    with pytest.raises(InputError, match="not encrypted to your key"):
        unseal(head, sealed, reading_key(c))
    c.store.close()


def test_what_another_signs_in_the_makers_place_is_refused(pair):
    a, b = pair
    deposit(a, vulnerability(1, GREEN))
    opened = make_bundle(a, "B")
    payload = unseal(*check_signed(opened.data, a.key().verifier), reading_key(b))
    to = (partner_of(a, "B").recipient,)
    forged = seal(
        payload,
        maker=a.owner,
        recipient=b.owner,
        made=payload["made"],
        key=SigningKey.generate(a.key().name),
        to=to,
    )
    with pytest.raises(VerificationError, match="not signed by"):
        open_bundle(b, forged)

    def remade(**changes: object) -> bytes:
        return seal(
            {**payload, **changes},
            maker=a.owner,
            recipient=b.owner,
            made=payload["made"],
            key=a.key(),
            to=to,
        )

    open_bundle(b, remade())
    entry = payload["entries"][0]
    changed = json.loads(entry["data"]) | {"description": "changed"}
    for changes in (
        {"entries": [{**entry, "data": json.dumps(changed)}]},
        {"entries": [{**entry, "seq": 2}]},
        {"entries": [{**entry, "proof": [10**6]}]},
        {"entries": [entry, entry]},
        {"last": 7},
        {"first": -1},
        {"checkpoint": "x"},
        {"hashes": ["?"]},
        {"skipped": [[3, 1]]},
        {"entries": None},
        {"format": "kakehashi.bundle-payload/2"},
    ):
        with pytest.raises(KakehashiError):
            open_bundle(b, remade(**changes))


def test_another_content_cannot_be_put_under_the_makers_head(pair):
    a, b = pair
    deposit(a, vulnerability(1, GREEN, description="synthetic " * 50))
    real = make_bundle(a, "B").data
    head, sealed = check_signed(real, a.key().verifier)
    payload = unseal(head, sealed, reading_key(b))
    payload["entries"] = []  # anybody can encrypt to B: only the hash in the signed head stands against it
    random, cover, size = Random(5), real[: -len(sealed)], 500
    for _ in range(1_000):  # towards the same length, with another filler each time
        text = json.dumps({**payload, "x": random.randbytes(size).hex()}).encode()
        other = encrypt(ZstdCompressor(level=10).compress(text), [partner_of(a, "B").recipient])
        if len(other) == len(sealed):
            break
        size = max(1, size + len(sealed) - len(other))
    assert len(other) == len(sealed)
    with pytest.raises(VerificationError, match="changed after it was signed"):
        open_bundle(b, cover + other)


def test_bundles_follow_one_another_and_the_same_again_changes_nothing(pair):
    a, b = pair
    deposit(a, vulnerability(1, GREEN), vulnerability(2, GREEN))
    first = make_bundle(a, "B")
    assert apply_bundle(b, open_bundle(b, first.data)).new == 2
    before = b.store.verify().head
    assert apply_bundle(b, open_bundle(b, first.data)).again
    assert b.store.verify().head == before
    answer(a, b)
    deposit(a, vulnerability(3, GREEN), vulnerability(1, GREEN, version=1))
    second = make_bundle(a, "B")
    assert (second.first, second.entries) == (2, 2)
    done = apply_bundle(b, open_bundle(b, second.data))
    assert (done.new, done.gap, done.stands) == (2, None, second.last)
    assert sorted(held(b)) == sorted(held(a, a.member("B")))
    assert a.must_verify().findings == b.must_verify().findings == ()


def test_a_gap_is_named_and_filled_after_the_answer(pair):
    a, b = pair
    deposit(a, *(vulnerability(n, GREEN) for n in range(1, 5)))
    done = send(a, b, since=3)
    assert (done.gap, done.stands, done.new) == ((1, 3), 0, 1)
    answer(a, b)
    filled = make_bundle(a, "B")
    assert (filled.first, filled.entries) == (0, 3)  # the fourth is there already, and B said so
    done = apply_bundle(b, open_bundle(b, filled.data))
    assert (done.gap, done.stands, done.new) == (None, filled.last, 3)


def test_a_bundle_that_counts_on_what_is_not_here_leaves_the_line_where_it_is(pair, tmp_path):
    a, b = pair
    deposit(a, *(vulnerability(n, GREEN) for n in range(1, 5)))
    send(a, b, since=3)
    answer(a, b)
    made = make_bundle(a, "B")  # without the fourth
    with b.store.writing() as con:  # B was set back to a copy from before
        con.execute("DELETE FROM bundle_stands")
    done = apply_bundle(b, open_bundle(b, made.data))
    assert done.stands == 0


def test_an_older_state_of_the_log_and_another_history_are_refused(pair, tmp_path):
    a, b = pair
    deposit(a, vulnerability(1, GREEN))
    old = make_bundle(a, "B").data
    deposit(a, vulnerability(2, GREEN))
    send(a, b)
    with pytest.raises(VerificationError, match="older than what is known"):
        apply_bundle(b, open_bundle(b, old))
    with a.store.writing() as con:  # the log is rewritten as a whole, and longer than it was
        con.execute("DELETE FROM objects")
        con.execute("DELETE FROM heads")
        con.execute("DELETE FROM log")
        con.execute("DELETE FROM bundles_made")
    deposit(a, *(vulnerability(n, GREEN) for n in range(3, 9)))
    with pytest.raises(VerificationError, match="nothing shows"):
        send(a, b)
    with a.store.writing() as con:
        con.execute("INSERT INTO bundles_made VALUES ('x', ?, 'x', 0, 2)", (b.owner,))
    with pytest.raises(VerificationError, match="first 2 lines differ"):
        send(a, b)
    assert len(held(b)) == 2


def test_urgent_things_come_first_when_room_is_small(pair):
    a, b = pair
    target = vulnerability(1, GREEN)
    deposit(a, target, *(vulnerability(n, GREEN, description="long " * 400 + str(n)) for n in range(2, 30)))
    view = vulnerability(40, GREEN)
    view["extensions"] = ours(
        "view", affected_family="withheld", contact="desk@example.org", commitments=["0" * 64]
    )
    alert = whole(
        "note",
        1,
        object_marking_refs=[GREEN],
        object_refs=[target["id"]],
        extensions=ours("alert", level="urgent", action="retest", audience=[b.owner], drill=False),
    )
    deposit(a, view, released(a, alert))
    a.recall(target["id"])
    only = open_bundle(b, make_bundle(a, "B", only=("alerts", "recalls")).data)
    assert len(only.objects) == 2
    whole_size = len(make_bundle(a, "B").data)
    made = make_bundle(a, "B", limit=whole_size - 400)
    assert made.left > 0
    assert len(made.data) <= whole_size - 400
    few = open_bundle(b, make_bundle(a, "B", limit=3_000).data)
    kinds = {obj["id"].split("--")[0] for obj in few.objects}
    assert alert["id"] in {obj["id"] for obj in few.objects}
    assert "note" in kinds
    with pytest.raises(InputError, match="not even the most urgent"):
        make_bundle(a, "B", limit=300)
    rounds = 0
    while True:  # a thin line brings everything in the end
        part = make_bundle(a, "B", limit=4_000)
        done = apply_bundle(b, open_bundle(b, part.data))
        answer(a, b)
        rounds += 1
        if done.left == 0:
            break
    assert rounds > 1
    assert sorted(held(b)) == sorted(held(a, a.member("B")))
    assert stands_of(b, partner_of(b, "A"))[0] == part.last


def test_the_end_of_an_embargo_and_wider_rights_are_in_the_next_bundle(pair):
    a, b = pair
    until = datetime.now(UTC) + timedelta(days=1)
    embargo = sharing(4, embargo_until=until.strftime("%Y-%m-%dT%H:%M:%S.000Z"), embargo_recipients=[a.owner])
    deposit(a, embargo, vulnerability(1, GREEN, embargo["id"]), vulnerability(2, RED))
    named = sharing(5, recipients=[b.owner])
    deposit(a, named, vulnerability(3, RED, named["id"]))
    send(a, b)
    assert held(b) == [(named["id"], named["created"])]
    answer(a, b)
    later = until + timedelta(hours=1)
    made = make_bundle(a, "B", now=later)
    done = apply_bundle(b, open_bundle(b, made.data), now=later)
    assert (done.new, done.failures) == (2, {})
    answer(a, b)
    grant(a, b, clearance="red")
    assert send(a, b, now=later).new == 1


def test_a_recall_travels_signed_and_an_unsigned_record_goes_into_quarantine(pair):
    a, b = pair
    deposit(a, vulnerability(1, GREEN))
    send(a, b)
    a.recall(stix_id("vulnerability", 1))
    deposit(a, vulnerability(2, GREEN) | {"created_by_ref": a.owner}, sealed=False)
    done = send(a, b)
    assert done.recalls == [stix_id("vulnerability", 1)]
    assert done.failures == {stix_id("vulnerability", 2): "in the name of A, and not signed"}
    assert len(b.store.quarantined()) == 1
    pin(b, replace(partner_of(b, "A"), unsigned="accept"))
    done = send(a, b, since=0)
    assert done.failures == {}


@pytest.mark.parametrize("size", [2_000, 5_000, 20_000])
def test_parts_come_in_any_order_and_each_is_small(size):
    random = Random(size)
    data = random.randbytes(30_000)
    parts = split(data, size)
    assert max(map(len, parts)) <= size
    random.shuffle(parts)
    mailed = [b"Dear all,\r\n\r\n" + part.replace(b"\n", b"\r\n") + b"\r\nRegards\r\n" for part in parts]
    assert join(read_part(part) for part in [*mailed, mailed[0]]) == [data]


@given(st.integers(1, 9_000), st.integers(2_000, 4_000), st.data())
@settings(max_examples=40, deadline=None)
def test_a_torn_part_is_found_and_a_missing_one_is_named(count, size, draw):
    data = Random(count).randbytes(count)
    parts = split(data, size)
    assert join(map(read_part, parts)) == [data]
    number = draw.draw(st.integers(0, len(parts) - 1))
    place = draw.draw(st.integers(0, len(parts[number]) - 1))
    torn = bytearray(parts[number])
    torn[place] ^= 1 << draw.draw(st.integers(0, 7))
    others = [part for n, part in enumerate(parts) if n != number]
    try:
        joined = join(map(read_part, [*others, bytes(torn)]))
    except KakehashiError:
        pass
    else:  # what does not count: white space, and words behind the end
        assert joined == [data]
    if len(parts) > 1:
        with pytest.raises(InputError, match=rf"missing: {number + 1}\n"):
            join(map(read_part, others))
    cut = parts[number][: draw.draw(st.integers(0, len(parts[number]) - 20))]
    with pytest.raises(KakehashiError):
        join(map(read_part, [*others, cut]))


def test_every_damaged_byte_of_a_bundle_is_found_and_nothing_is_half_applied(pair):
    a, b = pair
    deposit(a, *(vulnerability(n, GREEN) for n in range(1, 6)))
    data, random = make_bundle(a, "B").data, Random(3)
    before = b.store.verify().head
    for place in [*range(0, 700, 5), *(random.randrange(len(data)) for _ in range(150))]:
        flipped = bytearray(data)
        flipped[place] ^= 1 << random.randrange(8)
        with pytest.raises(KakehashiError):
            apply_bundle(b, open_bundle(b, bytes(flipped)))
    for length in (0, 10, 300, *(random.randrange(len(data)) for _ in range(60)), len(data) - 1):
        with pytest.raises(KakehashiError):
            apply_bundle(b, open_bundle(b, data[:length]))
    with pytest.raises(VerificationError):
        open_bundle(b, data + b"x")
    assert (b.store.verify().head, held(b)) == (before, [])
    assert apply_bundle(b, open_bundle(b, data)).new == 5


KILLED = """
import os, sys
from pathlib import Path
from kakehashi.exchange import Node
from kakehashi.exchange import sql_store
from kakehashi.exchange.bundles import apply, apply_bundle, open_bundle

node, data, where = Node.open(Path(sys.argv[1])), Path(sys.argv[2]).read_bytes(), sys.argv[3]
def die(*_, **__):
    os._exit(9)
if where == "inside":
    count, enter = [0], sql_store.SqlStore._enter
    def entering(self, *args, **kwargs):
        count[0] += 1
        if count[0] == 3:
            os._exit(9)
        return enter(self, *args, **kwargs)
    sql_store.SqlStore._enter = entering
elif where == "after the records":
    apply.quarantine_received = die
else:
    apply.remember_heard = die
apply_bundle(node, open_bundle(node, data))
"""


@pytest.mark.parametrize(("where", "there"), [("inside", 0), ("after the records", 5), ("at the end", 5)])
def test_a_process_killed_while_applying_leaves_all_or_nothing(pair, tmp_path, where, there):
    a, b = pair
    deposit(a, *(vulnerability(n, GREEN) for n in range(1, 6)))
    deposit(a, vulnerability(7, GREEN) | {"created_by_ref": a.owner}, sealed=False)
    data = make_bundle(a, "B").data
    (tmp_path / "x.bundle").write_bytes(data)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(b.path), str(tmp_path / "x.bundle"), where], check=False
    )
    assert ended.returncode == 9
    assert (len(held(b)), stands_of(b, partner_of(b, "A"))[0]) == (there, 0)
    done = apply_bundle(b, open_bundle(b, data))
    assert (done.new, done.stands, len(held(b))) == (5 - there, 6, 5)
    assert len(b.store.quarantined()) == 1
    assert b.must_verify().findings == ()


def test_answers_are_for_one_node_signed_and_never_older(pair, tmp_path):
    a, b = pair
    deposit(a, vulnerability(1, GREEN))
    send(a, b)
    now = datetime.now(UTC)
    old, new = make_ack(b, "A", now=now), make_ack(b, "A", now=now + timedelta(seconds=1))
    assert take_ack(a, new).stands == 1
    with pytest.raises(InputError, match="newer answer"):
        take_ack(a, old)
    with pytest.raises(InputError, match="keys are not pinned"):
        take_ack(b, new)
    body = json.loads(new)
    with pytest.raises(VerificationError):
        take_ack(a, json.dumps(body | {"stands": 0}).encode())
    with a.store.writing() as con:
        con.execute("DELETE FROM log WHERE seq > 0")
    with pytest.raises(VerificationError, match="set back"):
        take_ack(a, make_ack(b, "A", now=now + timedelta(seconds=2)))


def test_a_log_that_was_rewritten_shows_in_what_partners_cosigned(pair):
    a, b = pair
    deposit(a, vulnerability(1, GREEN))
    send(a, b)
    answer(a, b)
    assert a.verify().findings == ()
    with a.store.writing() as con:
        con.execute("UPDATE log SET entry = CAST(replace(CAST(entry AS TEXT), 'add', 'adx') AS BLOB)")
    assert any("another history" in one.what for one in a.verify().findings)
    later = datetime.now(UTC) + timedelta(seconds=5)
    with pytest.raises(VerificationError, match="another history"):
        take_ack(a, make_ack(b, "A", now=later))


def test_pinned_keys_are_not_changed_in_silence(pair, tmp_path):
    a, _ = pair
    other = institute(tmp_path, "other")
    card = read_card(make_card(other))
    b = partner_of(a, "B")
    changed = Partner(b.identity, b.name, card.key, card.recipient)
    with pytest.raises(InputError, match="other keys are pinned"):
        pin(a, changed)
    pin(a, changed, replace=True)
    assert partner_of(a, "B").key == card.key
    spoiled = json.loads(make_card(other)) | {"name": "somebody else"}
    with pytest.raises(VerificationError):
        read_card(json.dumps(spoiled).encode())
    with pytest.raises(InputError, match="your own"):
        pin(a, read_card(make_card(a)))
    stranger = replace(a.member("B"), identity=stix_id("identity", 5))
    with pytest.raises(InputError, match="another member is called B"):
        a.store.put_member(stranger, "B")
    a.store.put_member(stranger, "other")
    with pytest.raises(InputError, match="has another identity"):
        pin(a, card)
    other.store.close()


def test_files_that_are_no_bundles_are_named(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match="neither a bundle nor a part"):
        read_files([path])
    with pytest.raises(InputError, match="no such file"):
        read_files([tmp_path / "none"])
