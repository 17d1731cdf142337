"""Each condition of the policy by itself; all of them together are driven against a second model in test_state.py."""

from datetime import UTC, datetime

import pytest
from nodes import AMBER, FINDINGS, GREEN, RED, member, sharing, vulnerability
from stix_corpus import stix_id, whole

from kakehashi.exchange.ids import TLP_2, TLP_EXTENSION
from kakehashi.exchange.markings import Marking, end_refs, read_marking
from kakehashi.exchange.policy import Item, decide
from kakehashi.exchange.sql_read import policy_of, read_policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
A, B = member(1), member(2)


def why(caller, obj, markings=(), *, creator=A, now=NOW, items=None):
    marks, ends = read_policy(policy_of(obj))
    known = {m["id"]: read_marking(m) for m in markings}
    known = {ref: one for ref, one in known.items() if one is not None}
    return decide(caller, Item(creator.identity, FINDINGS, (marks,), ends), known, now, items or {}).reason


def test_without_a_grant_of_the_collection_nobody_sees_not_even_its_creator():
    assert why(member(2, reads=()), vulnerability(1, GREEN)) == "no grant"
    assert why(member(1, reads=()), vulnerability(1, GREEN)) == "no grant"


def test_without_a_level_or_with_an_unknown_marking_it_is_its_creators_alone():
    assert why(A, vulnerability(1)) == "creator"
    assert why(B, vulnerability(1)) == "no level"
    assert why(B, vulnerability(1, GREEN, stix_id("marking-definition", 9))) == "unknown marking"


@pytest.mark.parametrize(
    ("marking", "level"),
    [
        ("613f2e26-407d-48c7-9eca-b8e91df99dc9", "clear"),
        ("34098fce-860f-48ae-8e50-ebd3cc5e41da", "green"),
        ("f88d31f6-486f-44da-b317-01333bde0b82", "amber"),
        ("5e57c739-391a-4eb3-b6be-7d15ca92d5ed", "red"),
    ],
)
def test_tlp_1_markings_count_as_their_tlp_2_levels(marking, level):
    audience = sharing(5, recipients=[B.identity])
    obj = vulnerability(1, f"marking-definition--{marking}", audience["id"])
    order = ["clear", "green", "amber", "amber+strict", "red"]
    for clearance in order:
        wanted = "all conditions" if order.index(clearance) >= order.index(level) else "level"
        assert why(member(2, clearance=clearance), obj, [audience]) == wanted


def test_the_strictest_level_counts():
    assert why(member(2, clearance="green"), vulnerability(1, GREEN, RED)) == "level"


def test_amber_needs_an_audience_and_red_a_name():
    by_community, by_name = sharing(5, communities=["network"]), sharing(6, recipients=[B.identity])
    assert why(B, vulnerability(1, AMBER)) == "no audience"
    assert why(B, vulnerability(1, AMBER, by_community["id"]), [by_community]) == "all conditions"
    assert why(B, vulnerability(1, RED, by_community["id"]), [by_community]) == "audience"
    assert why(B, vulnerability(1, RED, by_name["id"]), [by_name]) == "all conditions"
    assert why(member(3), vulnerability(1, RED, by_name["id"]), [by_name]) == "audience"


def test_every_audience_must_have_the_caller_in_it_and_an_empty_one_has_nobody():
    one, two = sharing(5, communities=["network"]), sharing(6, communities=["inner"])
    obj = vulnerability(1, GREEN, one["id"], two["id"])
    assert why(B, obj, [one, two]) == "audience"
    assert why(member(2, communities={"network", "inner"}), obj, [one, two]) == "all conditions"
    empty = read_marking(sharing(7, recipients=[]))
    assert empty == Marking(audience=True)
    assert (
        why(B, vulnerability(1, GREEN, stix_id("marking-definition", 7)), [sharing(7, recipients=[])])
        == "audience"
    )


def test_every_caveat_needs_its_clearance():
    caveats = sharing(5, caveats=["trade-secret", "personal-data"])
    obj = vulnerability(1, GREEN, caveats["id"])
    assert why(member(2, caveats={"trade-secret"}), obj, [caveats]) == "caveat"
    assert why(member(2, caveats={"trade-secret", "personal-data"}), obj, [caveats]) == "all conditions"


def test_an_embargo_is_for_those_named_until_its_very_end():
    embargo = sharing(5, embargo_until="2026-06-01T00:00:00.000Z", embargo_recipients=[B.identity])
    obj = vulnerability(1, GREEN, embargo["id"])
    before = datetime(2026, 5, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert why(B, obj, [embargo], now=before) == "all conditions"
    assert why(member(3), obj, [embargo], now=before) == "embargo"
    assert why(member(3), obj, [embargo], now=NOW) == "all conditions"


def test_a_marking_on_a_part_hides_the_whole():
    part = {"granular_markings": [{"marking_ref": RED, "selectors": ["name"]}]}
    assert why(B, vulnerability(1, GREEN, **part)) == "no audience"
    assert (
        why(
            B,
            vulnerability(1, **part | {"granular_markings": [{"marking_ref": GREEN, "selectors": ["name"]}]}),
        )
        == "no level"
    )


def test_both_ends_of_a_relationship_must_be_visible():
    relationship = whole("relationship", 1, object_marking_refs=[GREEN])
    source, target = end_refs(relationship)
    marks, hidden = (
        read_policy(policy_of(vulnerability(n, *refs)))[0] for n, refs in ((1, [GREEN]), (2, [RED]))
    )
    open_end, shut_end = (Item(A.identity, FINDINGS, (m,)) for m in (marks, hidden))
    assert why(B, relationship, items={source: open_end, target: open_end}) == "all conditions"
    assert why(B, relationship, items={source: open_end, target: shut_end}) == "an end"
    assert why(B, relationship, items={source: open_end}) == "an end"  # unknown here: cannot be decided
    elsewhere = Item(A.identity, "another collection", (marks,))
    assert why(B, relationship, items={source: open_end, target: elsewhere}) == "an end"


def test_objects_about_one_another_end():
    notes = {stix_id("note", n): [stix_id("note", 3 - n)] for n in (1, 2)}
    green = read_policy(policy_of(vulnerability(1, GREEN)))[0]
    items = {ref: Item(A.identity, FINDINGS, (green,), tuple(ends)) for ref, ends in notes.items()}
    obj = whole("note", 1, object_refs=notes[stix_id("note", 1)], object_marking_refs=[GREEN])
    assert why(B, obj, items=items) == "all conditions"


def test_an_administrator_sees_no_more_than_anybody():
    assert why(member(2, roles={"administrator"}, clearance=None), vulnerability(1, GREEN)) == "level"


def test_a_marking_is_understood_as_a_whole_or_not_at_all():
    def definition(**body):
        return read_marking(whole("marking-definition", 3, **body))

    unknown, plain = (
        "extension-definition--00000000-0000-4000-8000-000000000001",
        {"extension_type": "property-extension"},
    )
    assert definition(extensions={}, definition_type="statement", definition={"statement": "©"}) == Marking()
    assert definition(extensions={}, definition_type="iep", definition={"x": "y"}) is None
    assert definition(extensions=sharing(3, recipients=[B.identity])["extensions"] | {unknown: plain}) is None
    tlp = {TLP_EXTENSION: plain | {"tlp_2_0": "red"}}
    assert definition(extensions=tlp) == Marking(level="red")
    assert definition(extensions=tlp, id=TLP_2["clear"]) == Marking(
        level="clear"
    )  # the id decides, not what is sent
