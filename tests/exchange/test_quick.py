"""The compiled test of an extension says yes exactly when jsonschema does."""

import copy
from random import Random

import pytest
from jsonschema import Draft202012Validator
from stix_corpus import BODIES, ours

from kakehashi.errors import InputError
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.quick import compile_schema
from kakehashi.exchange.validate import schema_document

SOUND = {
    name: next(b["extensions"][ref] for b in BODIES.values() if ref in b.get("extensions", {}))
    for name, ref in EXTENSIONS.items()
    if any(ref in b.get("extensions", {}) for b in BODIES.values())
} | {
    "request": ours("request", direction="offer", resource="compute", amount=3)[EXTENSIONS["request"]],
    "tombstone": ours("tombstone", removed="note--6ba7b810-9dad-41d1-80b4-00c04fd430c8", reason="deleted")[
        EXTENSIONS["tombstone"]
    ],
    "acknowledgement": ours(
        "acknowledgement",
        alert="note--6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        recipient="identity--6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        state="acted",
    )[EXTENSIONS["acknowledgement"]],
    "escalation": ours(
        "escalation",
        alert="note--6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        silent="identity--6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        told="identity--6ba7b811-9dad-41d1-80b4-00c04fd430c8",
        drill=True,
    )[EXTENSIONS["escalation"]],
    "signature": ours("signature", signed_by="a", signature="A" * 86 + "==")[EXTENSIONS["signature"]],
    "view": ours("view", affected_family="f", contact="c", commitments=["ab" * 32])[EXTENSIONS["view"]],
    "opening": ours(
        "opening", view="vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8", salts={"a": "ab" * 32}
    )[EXTENSIONS["opening"]],
    "imported": ours("imported", format="f", fields={"a": "direct"}, problems=["p"])[EXTENSIONS["imported"]],
}
WRONG = (
    None,
    "",
    "word",
    0,
    -1,
    2**60,
    True,
    [],
    [""],
    ["a", "a"],
    [1],
    {},
    {"a": 1},
    "2026-01-01",
    "2026-01-01T00:00:00Z",
)


def spoil(body, random):
    made = copy.deepcopy(body)
    for _ in range(random.randrange(1, 3)):
        name = random.choice([*made, "additional", "embargo_until", "embargo_recipients", "date"])
        if random.random() < 0.3:
            made.pop(name, None)
        elif isinstance(made.get(name), dict) and random.random() < 0.5:
            made[name][random.choice([*made[name], "more"])] = random.choice(WRONG)
        else:
            made[name] = random.choice(WRONG)
    return made


def test_every_extension_has_a_sound_example():
    assert set(SOUND) == set(EXTENSIONS)


@pytest.mark.parametrize("name", sorted(EXTENSIONS))
def test_both_agree_on_sound_and_spoiled_bodies(name):
    quick, slow = compile_schema(schema_document(name)), Draft202012Validator(schema_document(name))
    assert quick(SOUND[name])
    random, verdicts = Random(3), []
    for _ in range(300):
        body = spoil(SOUND[name], random)
        verdicts.append(slow.is_valid(body))
        assert quick(body) == verdicts[-1], body
    assert not all(verdicts)


def test_what_is_not_known_is_not_passed_over():
    with pytest.raises(InputError, match="oneOf"):
        compile_schema({"oneOf": []})
