"""Signatures over canonical JSON, and minimal views whose commitments hold the full record to its word."""

import copy
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodes import FINDINGS, GREEN, member, sharing, store_with
from stix_corpus import KINDS, whole

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.markings import read_marking
from kakehashi.exchange.records import extension_of
from kakehashi.exchange.signing import check_view, minimal_view, sign, verify_signature
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import SigningKey

KEY = SigningKey("institute-a/records", bytes(range(32)))
OTHER = SigningKey("institute-a/records", bytes(range(1, 33)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_signed_stays_valid_and_verifies_in_any_order_of_its_properties(kind):
    signed = sign(whole(kind), KEY)
    assert problems_of(signed) == []
    shuffled = json.loads(json.dumps(dict(reversed(signed.items())), indent=3))
    assert verify_signature(shuffled, [KEY.verifier]) == KEY.verifier
    assert sign(signed, KEY) == signed


def test_who_did_not_sign_is_not_said_to_have_signed():
    assert verify_signature(whole("note")) is None
    with pytest.raises(VerificationError, match="not a key trusted here"):
        verify_signature(sign(whole("note"), OTHER), [KEY.verifier])
    stolen = copy.deepcopy(sign(whole("note"), OTHER))
    stolen["extensions"][EXTENSIONS["signature"]]["signed_by"] = str(KEY.verifier)
    with pytest.raises(VerificationError, match="is wrong"):
        verify_signature(stolen)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_breaks_the_signature(data):
    signed = sign(whole("vulnerability"), KEY)
    text = json.dumps(signed)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.sampled_from("abcdef0123456789 ")) + text[place + 1 :]
    try:
        obj = json.loads(changed)
    except ValueError:
        return
    if obj == signed or not isinstance(obj, dict):
        return
    with suppress(VerificationError):
        assert verify_signature(obj, [KEY.verifier]) is None  # the very mark of the signature was hit


def test_floats_are_not_signed():
    with pytest.raises(InputError, match=r"\$\.x_more\.rate is a float"):
        sign(whole("note", x_more={"rate": 0.5}), KEY)


def test_a_view_shows_little_and_holds_the_full_record_to_its_word():
    record = whole("vulnerability", description="canary-description", object_marking_refs=[GREEN])
    full, view = minimal_view(record, contact="desk@example.org", affected_family="small models")
    assert (problems_of(full), problems_of(view)) == ([], [])
    assert "canary" not in json.dumps(view)
    assert record["id"] not in json.dumps(view)
    assert extension_of(view, "vulnerability") == {
        "extension_type": "property-extension",
        "hazard": "synthetic",
        "severity_band": "high",
    }
    assert len(extension_of(view, "view")["commitments"]) % 16 == 0
    full, view = sign(full, KEY), sign(view, KEY)
    assert "description" in check_view(full, view)
    for name, value in (("description", "another"), ("name", "another"), ("labels", ["added later"])):
        with pytest.raises(VerificationError, match=f"did not commit to {name}"):
            check_view({**full, name: value}, view)
    with pytest.raises(VerificationError, match="did not commit to description"):
        check_view({key: value for key, value in full.items() if key != "description"}, view)
    with pytest.raises(VerificationError, match="not a full record and its minimal view"):
        check_view(full, minimal_view(record, contact="x")[1])
    with pytest.raises(InputError, match="not of a note"):
        minimal_view(whole("note"), contact="x")


def test_the_same_property_is_committed_to_anew_each_time():
    record = whole("vulnerability")
    sets = [set(extension_of(minimal_view(record, contact="x")[1], "view")["commitments"]) for _ in range(2)]
    assert not sets[0] & sets[1]


def test_a_node_refuses_a_wrong_signature(tmp_path):
    a = member(1)
    store = store_with(tmp_path, a)
    good = sign(whole("vulnerability", 1) | {"created_by_ref": a.identity}, KEY)
    bad = {**sign(whole("vulnerability", 2) | {"created_by_ref": a.identity}, KEY), "name": "changed"}
    outcomes = store.post(a, FINDINGS, [good, bad]).outcomes
    assert outcomes[0].failure is None
    assert "the signature of" in outcomes[1].failure
    store.close()


def test_a_member_with_a_registered_key_is_believed_only_with_its_signature(tmp_path):
    a, b = member(1), member(2)
    store = store_with(tmp_path, a, b)
    store.set_meta(f"key:{a.identity}", str(KEY.verifier))
    mine = whole("vulnerability", 1) | {"created_by_ref": a.identity}
    anothers = whole("vulnerability", 4) | {
        "created_by_ref": "identity--6ba7b810-9dad-41d1-80b4-00c04fd430c8"
    }
    unsigned = [mine, sign(mine, OTHER), {k: v for k, v in mine.items() if k != "created_by_ref"}]
    failures = [o.failure for o in store.post(a, FINDINGS, [*unsigned, sign(mine, KEY), anothers]).outcomes]
    assert failures == ["not signed with the key that is registered for you"] * 3 + [None, None]
    assert (
        store.post(b, FINDINGS, [whole("vulnerability", 3) | {"created_by_ref": b.identity}])
        .outcomes[0]
        .failure
        is None
    )
    store.close()


def test_a_signed_marking_says_the_same_as_an_unsigned_one():
    plain = sharing(1, recipients=[member(1).identity], caveats=["trade-secret"])
    assert read_marking(sign(plain, KEY)) == read_marking(plain)
    assert read_marking(plain) is not None
