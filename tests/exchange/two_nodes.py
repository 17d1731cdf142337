"""Institutes that pinned one another's cards, for tests without a network."""

from dataclasses import replace
from pathlib import Path

from nodes import EVERYTHING

from kakehashi.exchange import Caller, Node
from kakehashi.exchange.alerts import add_officer
from kakehashi.exchange.officers import with_release
from kakehashi.exchange.partners import make_card, pin, read_card
from kakehashi.exchange.signing import sign
from kakehashi.proof import SigningKey

OFFICER = SigningKey("officer/one", bytes([71] * 32))


def institute(path: Path, name: str) -> Node:
    return Node.init(path / name, name)


def introduce(a: Node, b: Node, **rights: object) -> None:
    """Each pins the other's card; at ``a`` the other is a member with these rights, at ``b`` with the same."""
    for here, there in ((a, b), (b, a)):
        pin(here, read_card(make_card(there)))
        given = {"clearance": "amber", "communities": frozenset({"network"})} | rights
        grant(here, there, **given)


def grant(here: Node, there: Node, **rights: object) -> None:
    ids = frozenset({here.collection("findings").id})
    caller = replace(Caller(there.owner, reads=ids, writes=ids), **rights)
    here.store.put_member(caller, there.name)


def signed(node: Node, *objects: dict) -> list[dict]:
    """The objects in the node's name, signed with its key."""
    return [sign({**obj, "created_by_ref": node.owner}, node.key()) for obj in objects]


def released(node: Node, alert: dict) -> dict:
    """The alert in the node's name, released by an officer of it."""
    add_officer(node, OFFICER.verifier)
    return with_release({**alert, "created_by_ref": node.owner}, OFFICER)


def deposit(node: Node, *objects: dict, by: Caller | None = None, sealed: bool = True) -> None:
    made = signed(node, *objects) if sealed else list(objects)
    receipt = node.store.post(by or node.me(), node.collection("findings").id, made)
    assert [one.failure for one in receipt.outcomes] == [None] * len(made)


def held(node: Node, who: Caller | None = None) -> list[tuple[str, str]]:
    """What somebody sees at a node: ids and versions, the owner unless said."""
    page = node.store.page(
        who or node.me(), node.collection("findings").id, EVERYTHING, limit=10**6, budget=1 << 40
    )
    return [(entry.id, entry.version) for entry in page.entries]
