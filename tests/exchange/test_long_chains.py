"""Records about records about records: however long a chain or wide a net somebody deposits, the others are served."""

from dataclasses import replace
from uuid import UUID

import pytest
from nodes import EVERYTHING, FINDINGS, GREEN, RED, member, names, store_with, vulnerability
from stix_corpus import ours, stix_id, whole

A, B = member(1), member(2)
LONG = 1500  # more than Python's own stack would take


def note(number: int, *about: str) -> dict:
    made = whole("note", 1, object_marking_refs=[GREEN], object_refs=list(about))
    return made | {"id": f"note--{UUID(int=number, version=4)}"}


def chain(about: str) -> list[dict]:
    """The first note is about ``about``, each further one about the one before it."""
    made = [note(1, about)]
    for number in range(2, LONG + 1):
        made.append(note(number, made[-1]["id"]))
    return made


@pytest.mark.parametrize(("marking", "seen"), [(GREEN, LONG + 1), (RED, 0)])
def test_a_chain_of_any_length_is_decided_on_by_its_end(tmp_path, marking, seen):
    store = store_with(tmp_path, A, member(2, clearance="green"))
    end = vulnerability(1, marking)
    for objects in ([end], chain(end["id"])[::-1]):  # each before what it is about
        assert {o.failure for o in store.post(A, FINDINGS, objects).outcomes} == {None}
    assert len(store.page(store.member(B.identity), FINDINGS, limit=10_000).entries) == seen
    store.close()


def test_a_ring_is_seen_whole_or_not_at_all(tmp_path):
    store = store_with(tmp_path, A, B)
    ring = [note(n, note(n % 5 + 1)["id"]) for n in range(1, 6)]
    store.post(A, FINDINGS, ring)
    assert len(names(store.page(B, FINDINGS))) == 5
    hidden = ring[2] | {"object_marking_refs": [RED], "modified": "2026-04-01T09:00:00.000Z"}
    store.post(A, FINDINGS, [hidden])
    assert names(store.page(B, FINDINGS, EVERYTHING)) == []
    store.close()


def test_a_wide_net_is_asked_once_for_what_a_subscriber_wants(tmp_path):
    # twelve layers of eight notes, each about all eight below: 8 to the 12th paths, 96 notes
    wanting = replace(B, models=frozenset({"vendor/*"}))
    store = store_with(tmp_path, A, wanting)
    named = {"affected": [{"name": "m-1", "developer": "Vendor"}]}
    for vendor, start in ((False, 1), (True, 1001)):
        bottom = vulnerability(
            start, GREEN, **({"extensions": ours("vulnerability", **named)} if vendor else {})
        )
        below, objects = [bottom["id"]], [bottom]
        for layer in range(12):
            row = [note(start + layer * 8 + n, *below) for n in range(8)]
            below, objects = [one["id"] for one in row], objects + row
        store.post(A, FINDINGS, objects)
    found = names(store.page(wanting, FINDINGS, limit=1000))
    assert stix_id("vulnerability", 1001) in found
    assert len(found) == 97
    store.close()
