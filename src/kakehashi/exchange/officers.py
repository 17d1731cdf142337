"""Who may release alerts: officers with keys, those who stand in for one on leave, and partners' officers as pinned.

A delegate sits on the seat of the officer who named it: the two are one person, so that nobody releases an emergency
alone by naming a second key. What names the delegate is signed by the officer, travels inside the alert, and can be
checked by whoever pinned the officer's key.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.alert_tables import ALERT_TABLES
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.markings import BUILT_IN, Marking, marking_refs
from kakehashi.exchange.records import Record, extension_of, timestamp
from kakehashi.exchange.signing import signed_part
from kakehashi.exchange.validate import moment
from kakehashi.proof import SigningKey, VerifierKey, canonical_bytes

if TYPE_CHECKING:
    from kakehashi.exchange.node import Node


@dataclass(frozen=True, slots=True)
class Delegation:
    """An officer's word that somebody else may act in its place.

    Attributes:
        delegate: Key of who stands in.
        officer: Key of the officer who is away.
        until: Until when; an alert drafted later is not released by it.
        signature: The officer's signature, base64.
    """

    delegate: VerifierKey
    officer: VerifierKey
    until: datetime
    signature: str

    @classmethod
    def make(cls, officer: SigningKey, delegate: VerifierKey, until: datetime) -> "Delegation":
        """Sign a delegation.

        Raises:
            InputError: The delegate is the officer itself.
        """
        if delegate.public == officer.verifier.public:
            raise InputError("an officer cannot stand in for itself", hint="Give another person's key.")
        mark = base64.b64encode(officer.sign(_delegated(delegate, until))).decode()
        return cls(delegate, officer.verifier, until, mark)

    def holds(self, at: datetime) -> bool:
        """Whether the officer signed it and it had not ended at a time."""
        try:
            raw = base64.b64decode(self.signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        return at < self.until and self.officer.verifies(raw, _delegated(self.delegate, self.until))

    def as_json(self) -> dict[str, str]:
        """As it stands under an alert, beside the delegate's own signature."""
        return {"officer": str(self.officer), "until": timestamp(self.until), "signature": self.signature}


def _delegated(delegate: VerifierKey, until: datetime) -> bytes:
    words = {
        "delegate": str(delegate),
        "purpose": "kakehashi/alert-delegation/1",
        "until": timestamp(until),
    }
    return canonical_bytes(words)


def add_delegation(node: "Node", made: Delegation, *, now: datetime | None = None) -> None:
    """Let a delegate release alerts of this node in an officer's place.

    Raises:
        VerificationError: It is not signed by an officer of this node, or has ended.
        InputError: The delegate is an officer: nobody sits on two seats.
    """
    officers = {one.public for one in node.store.officers()}
    if made.officer.public not in officers or not made.holds(now or node.store.time().latest):
        raise VerificationError(
            "this delegation is not signed by an officer of this node, or has ended",
            hint="The officer who will be away makes it: kakehashi exchange delegate KEY --key-file …",
        )
    if made.delegate.public in officers:
        raise InputError(
            f"{made.delegate.name} is an officer already, and nobody sits on two seats",
            hint="Name somebody who is not an officer.",
        )
    row = (str(made.delegate), str(made.officer), timestamp(made.until), made.signature)
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("DELETE FROM delegations WHERE delegate = ?", (row[0],))
        con.execute("INSERT INTO delegations VALUES (?, ?, ?, ?)", row)


def delegation_of(node: "Node", key: VerifierKey) -> Delegation | None:
    """In whose place the holder of a key stands, if in anybody's."""
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute("SELECT delegate, officer, until_time, signature FROM delegations").fetchall()
    for row in rows:
        if VerifierKey.parse(row[0]).public == key.public:
            return Delegation(VerifierKey.parse(row[0]), VerifierKey.parse(row[1]), moment(row[2]), row[3])
    return None


def pin_officer(node: "Node", identity: str, key: VerifierKey) -> None:
    """Pin the key of another institute's officer: its alerts are held to the keys pinned for it."""
    with node.store.rows(ALERT_TABLES, write=True) as con:
        con.execute("INSERT INTO partner_officers VALUES (?, ?) ON CONFLICT DO NOTHING", (identity, str(key)))


def officers_of(node: "Node", identity: str) -> tuple[VerifierKey, ...]:
    """Officers of an institute as this node knows them: its own, or those pinned of a partner."""
    if identity == node.owner:
        return node.store.officers()
    with node.store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            "SELECT key FROM partner_officers WHERE identity = ? ORDER BY key", (identity,)
        ).fetchall()
    return tuple(VerifierKey.parse(row[0]) for row in rows)


def with_release(alert: Mapping[str, Any], key: SigningKey, delegation: Delegation | None = None) -> Record:
    """The alert with one person's release under it; the node's own signature comes after the last."""
    body = dict(extension_of(alert, "alert") or {})
    entry: dict[str, Any] = {
        "released_by": str(key.verifier),
        "signature": base64.b64encode(key.sign(released_part(alert))).decode(),
    }
    if delegation is not None:
        entry["delegation"] = delegation.as_json()
    body["releases"] = [*body.get("releases", ()), entry]
    return {**alert, "extensions": {**alert["extensions"], EXTENSIONS["alert"]: body}}


def persons_needed(alert: Mapping[str, Any], markings: Mapping[str, Marking] = MappingProxyType({})) -> int:
    """How many persons must release an alert: two for an emergency or anything RED.

    Args:
        alert: The alert.
        markings: What the markings known here say; the TLP markings need not be among them.
    """
    body = extension_of(alert, "alert") or {}
    marks = [BUILT_IN.get(ref) or markings.get(ref) for ref in marking_refs(alert)]
    red = any(one is not None and one.level == "red" for one in marks)
    return 2 if body.get("level") == "emergency" or red else 1


def releasers(alert: Mapping[str, Any], officers: Iterable[VerifierKey]) -> frozenset[bytes]:
    """Public keys of the officers for whom an alert was released, by themselves or by a delegate.

    Each key counts once and each officer counts once; a delegate who is an officer counts for itself alone.
    """
    seats = {one.public for one in officers}
    good: dict[bytes, bytes] = {}
    part = released_part(alert)
    for one in (extension_of(alert, "alert") or {}).get("releases", ()):
        try:
            key = VerifierKey.parse(one["released_by"])
            raw = base64.b64decode(one["signature"], validate=True)
            if not key.verifies(raw, part):
                continue
            if key.public in seats:
                good[key.public] = key.public
            elif given := one.get("delegation"):
                officer = VerifierKey.parse(given["officer"])
                made = Delegation(key, officer, moment(given["until"]), given["signature"])
                if officer.public in seats and made.holds(moment(alert["created"])):
                    good.setdefault(key.public, officer.public)
        except (InputError, binascii.Error, ValueError):
            continue
    return frozenset(good.values())


def released_part(alert: Mapping[str, Any]) -> bytes:
    """What the persons sign: the alert without their own signatures and the node's."""
    body = signed_part(alert)
    inner = {
        key: value for key, value in body["extensions"][EXTENSIONS["alert"]].items() if key != "releases"
    }
    return canonical_bytes({**body, "extensions": {**body["extensions"], EXTENSIONS["alert"]: inner}})
