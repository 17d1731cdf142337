import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.errors import InputError
from kakehashi.evaluate.engine import wire_key
from kakehashi.evaluate.engine.wire import Transcript, canonical, key_from_parts

IDENTITY = {"model": "m", "kind": "openai"}
MESSAGES = [{"role": "user", "content": "こんにちは"}]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_the_key_is_the_hash_of_canonical_json_of_the_whole_request() -> None:
    whole = {"endpoint": IDENTITY, "epoch": 2, "messages": MESSAGES, "parameters": {"temperature": 0}}
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    expected = hashlib.sha256(text.encode("utf-8")).hexdigest()
    assert wire_key(IDENTITY, MESSAGES, {"temperature": 0}, 2) == expected
    said = Transcript(MESSAGES)
    assert key_from_parts(canonical(IDENTITY), 2, said.json, '{"temperature":0}') == expected


@pytest.mark.parametrize(
    "other",
    [
        ({**IDENTITY, "model": "n"}, MESSAGES, {"temperature": 0}, 0),
        (IDENTITY, [*MESSAGES, *MESSAGES], {"temperature": 0}, 0),
        (IDENTITY, MESSAGES, {"temperature": 1}, 0),
        (IDENTITY, MESSAGES, {}, 0),
        (IDENTITY, MESSAGES, {"temperature": 0}, 1),
    ],
)
def test_whatever_changes_the_request_changes_the_key(other: tuple) -> None:
    assert wire_key(IDENTITY, MESSAGES, {"temperature": 0}) != wire_key(*other)


def test_the_order_of_names_does_not_change_the_key() -> None:
    assert wire_key(IDENTITY, MESSAGES, {"a": 1, "b": 2}) == wire_key(
        dict(reversed(IDENTITY.items())), MESSAGES, {"b": 2, "a": 1}
    )


@given(json_values)
def test_canonical_json_can_be_written_as_utf8_and_is_read_back(value: object) -> None:
    text = canonical(value)
    assert json.loads(text.encode("utf-8")) == value
    assert "\n" not in text


def test_half_a_surrogate_pair_has_a_key_of_its_own() -> None:
    halves = {wire_key(IDENTITY, [{"role": "user", "content": c}], {}) for c in ("\ud83d", "\ude00", "?")}
    assert len(halves) == 3


def test_what_json_does_not_know_is_refused() -> None:
    for value in (float("nan"), {1, 2}):
        with pytest.raises(InputError, match="plain JSON"):
            canonical({"temperature": value})
