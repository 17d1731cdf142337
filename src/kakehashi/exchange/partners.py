"""Partners: other institutes' nodes, known by keys that were pinned here.

A **card** says who a node is: name, identity, the key that it signs with and the key that files for it are encrypted
to, signed with the former. Cards are exchanged once, by any means, and their fingerprints compared by another.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from kakehashi.errors import InputError, UnknownNameError, VerificationError
from kakehashi.exchange.age import ReadingKey, Recipient
from kakehashi.exchange.node import Node
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import VerifierKey, canonical_bytes, parse_json

CARD_FORMAT = "kakehashi.card/1"
UNSIGNED = ("quarantine", "accept")
_PREFIX = b"kakehashi.card/1\n"


@dataclass(frozen=True, slots=True)
class Partner:
    """A node of another institute.

    Attributes:
        identity: STIX id of the institute, as it writes it itself.
        name: Its name.
        key: What it signs with.
        recipient: What files for it are encrypted to.
        unsigned: What happens to unsigned records in its name, or brought by it in the name of somebody unknown:
            ``quarantine``, or ``accept`` where it is known not to sign.
    """

    identity: str
    name: str
    key: VerifierKey
    recipient: Recipient
    unsigned: str = "quarantine"

    @property
    def fingerprint(self) -> str:
        """128 bits of a hash over identity and both keys, to be compared by voice or on paper."""
        digest = sha256(
            b"\n".join([self.identity.encode(), self.key.public, self.recipient.public])
        ).hexdigest()
        return " ".join(digest[n : n + 4] for n in range(0, 32, 4))


def reading_key(node: Node) -> ReadingKey:
    """The key that opens files encrypted to this node: a secret; made when it is first needed."""
    place = node.path / "node.age"
    if not place.exists():
        fresh = ReadingKey.generate()
        passing = node.path / f"node.age.{os.getpid()}"
        passing.touch(mode=0o600)
        passing.write_text(fresh.secret_text() + "\n")
        try:
            os.link(passing, place)  # whoever is first, the file is whole
        except OSError:  # another was first, or the disk knows no links
            if not place.exists():
                passing.replace(place)
        finally:
            passing.unlink(missing_ok=True)
    return ReadingKey.parse(place.read_text())


def make_card(node: Node) -> bytes:
    """The node's own card, as a file to give to others."""
    body = {
        "format": CARD_FORMAT,
        "identity": node.owner,
        "name": node.name,
        "key": str(node.key().verifier),
        "recipient": str(reading_key(node).recipient),
    }
    mark = base64.b64encode(node.key().sign(_PREFIX + canonical_bytes(body))).decode()
    return canonical_bytes({**body, "signature": mark}) + b"\n"


def read_card(data: bytes, *, path: object = None) -> Partner:
    """The partner that a card describes; that it is really his, only comparing the fingerprint can say.

    Raises:
        InputError: It is no card.
        VerificationError: It was changed.
    """
    shown = None if path is None else str(path)
    card = parse_json(data, path=shown)
    if not isinstance(card, Mapping) or card.get("format") != CARD_FORMAT:
        raise InputError("not a card", path=shown, hint="A partner makes one: kakehashi exchange card")
    body: dict[str, Any] = {key: value for key, value in card.items() if key != "signature"}
    if set(body) != {"format", "identity", "name", "key", "recipient"} or not all(
        isinstance(value, str) for value in card.values()
    ):
        raise InputError("not a card: a line of it is missing or too many", path=shown)
    key = VerifierKey.parse(body["key"])
    try:
        mark = base64.b64decode(str(card.get("signature")), validate=True)
    except (binascii.Error, ValueError):
        mark = b""
    if not key.verifies(mark, _PREFIX + canonical_bytes(body)):
        raise VerificationError(f"the card of {body['name']} was changed", hint="Ask for it again.")
    probe = {"type": "identity", "spec_version": "2.1", "id": body["identity"], "name": body["name"]}
    if problems_of({**probe, "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z"}):
        raise InputError("not a card: its identity or name is not STIX", path=shown)
    return Partner(body["identity"], body["name"], key, Recipient.parse(body["recipient"]))


def pin(node: Node, partner: Partner, *, replace: bool = False) -> None:
    """Keep a partner's keys: from now on they, and no others, are his.

    Raises:
        InputError: Other keys are pinned for him, or another partner or member has his name, or it is this node
            itself.
    """
    if partner.unsigned not in UNSIGNED:
        raise InputError(f"{partner.unsigned!r} is not one of {' and '.join(UNSIGNED)}")
    if partner.identity == node.owner:
        raise InputError("this card is your own", hint="Pin the cards of others, and give them yours.")
    for identity, (label, _) in node.store.members().items():
        if label == partner.name and identity != partner.identity:
            raise InputError(
                f"the member called {label} has another identity ({identity}) than this card",
                hint="Give the partner another --name, or make the member anew with the card's identity.",
            )
    values = (partner.name, str(partner.key), str(partner.recipient), partner.unsigned, partner.identity)
    with node.store.rows(TRUST_TABLES, write=True) as con:
        old = con.execute(
            "SELECT key, recipient FROM partners WHERE identity = ?", (partner.identity,)
        ).fetchone()
        if old is not None and tuple(old) != values[1:3] and not replace:
            raise InputError(
                f"other keys are pinned for {partner.name}",
                hint="Ask it, by another way than this card came, whether it changed them; then give --replace.",
            )
        other = con.execute(
            "SELECT identity FROM partners WHERE name = ? AND identity <> ?", (partner.name, partner.identity)
        ).fetchone()
        if other is not None:
            raise InputError(f"another partner is called {partner.name}", hint="Give it another --name.")
        con.execute(
            "INSERT INTO partners (name, key, recipient, unsigned, identity) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (identity) DO UPDATE SET name = excluded.name, key = excluded.key,"
            " recipient = excluded.recipient, unsigned = excluded.unsigned",
            values,
        )


def partners(node: Node) -> tuple[Partner, ...]:
    """All partners whose keys are pinned here."""
    with node.store.rows(TRUST_TABLES) as con:
        rows = con.execute(
            "SELECT identity, name, key, recipient, unsigned FROM partners ORDER BY name"
        ).fetchall()
    return tuple(
        Partner(row[0], row[1], VerifierKey.parse(row[2]), Recipient.parse(row[3]), row[4]) for row in rows
    )


def partner_of(node: Node, word: str) -> Partner:
    """A partner by identity or name.

    Raises:
        UnknownNameError: None is pinned.
    """
    known = partners(node)
    for one in known:
        if word in (one.identity, one.name):
            return one
    raise UnknownNameError(
        "partner", word, [one.name for one in known], hint="Pin its card: kakehashi exchange partner CARD"
    )
