"""Answers to bundles: a small signed file that tells the maker up to where everything has come.

It carries the maker's newest checkpoint that was heard of, cosigned: so partners without a network witness each
other's logs too.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.bundles.apply import stands_of
from kakehashi.exchange.bundles.ranges import as_ranges, from_ranges
from kakehashi.exchange.cosigning import keep_cosigned
from kakehashi.exchange.heard import heard_of
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import Partner, partner_of, partners
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.exchange.validate import moment
from kakehashi.proof import Checkpoint, canonical_bytes, cosign, parse_json

FORMAT = "kakehashi.bundle-ack/1"
_PREFIX = b"kakehashi.bundle-ack/1\n"
_NAMES = {"format", "from", "to", "stands", "also", "checkpoint", "made", "signature"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer said.

    Attributes:
        partner: Name of who answered.
        stands: Up to which line of our log it has all that it may see.
        also: How many lines behind that it has besides.
        cosigned: Size of the log that it cosigned; ``None`` where none.
    """

    partner: str
    stands: int
    also: int
    cosigned: int | None


def make_ack(node: Node, to: str, *, now: datetime | None = None) -> bytes:
    """An answer to the maker of bundles that were applied here.

    Raises:
        UnknownNameError: No such partner.
    """
    maker, at = partner_of(node, to), now or datetime.now(UTC)
    stands, also = stands_of(node, maker)
    heard = heard_of(node, maker)
    note = None if heard is None else cosign(Checkpoint.parse(heard.note), node.key(), at).text()
    body: dict[str, Any] = {
        "format": FORMAT,
        "from": node.owner,
        "to": maker.identity,
        "stands": stands,
        "also": as_ranges(also),
        "checkpoint": note,
        "made": timestamp(at),
    }
    mark = base64.b64encode(node.key().sign(_PREFIX + canonical_bytes(body))).decode()
    return canonical_bytes({**body, "signature": mark}) + b"\n"


def is_ack(data: bytes) -> bool:
    """Whether a file looks like an answer."""
    return b'"format":"kakehashi.bundle-ack/' in data


def take_ack(node: Node, data: bytes) -> Answer:
    """Take in a partner's answer: the next bundle for it begins where it stands.

    Raises:
        InputError: It is no answer, or is for another node, or older than one that is here.
        VerificationError: The signature is wrong, or it saw another history of our log.
    """
    body = parse_json(data)
    if not isinstance(body, Mapping) or set(body) != _NAMES or body["format"] != FORMAT:
        raise InputError("not an answer to a bundle")
    partner = _signed_by(node, body)
    if body["to"] != node.owner:
        raise InputError(f"this answer is for {body['to']}, not for this node")
    try:
        stands, also, made = body["stands"], from_ranges(body["also"]), moment(str(body["made"]))
        if type(stands) is not int or stands < 0:
            raise ValueError("not a line")
    except ValueError as error:
        raise InputError("not an answer to a bundle: its numbers or time cannot be read") from error
    with node.store.reading() as con:
        size = con.execute("SELECT COALESCE(MAX(seq), 0) FROM log").fetchone()[0]
    furthest = max([stands, *also])
    if furthest > size:
        raise VerificationError(
            f"{partner.name} says that it has line {furthest} of our log, which has {size}",
            hint="This node was set back to an older state: restore its newest copy.",
        )
    cosigned = None
    if body["checkpoint"] is not None:
        cosigned = keep_cosigned(node, str(body["checkpoint"]), partner)
    with node.store.rows(TRUST_TABLES, write=True) as con:
        row = con.execute("SELECT at FROM bundle_acks WHERE partner = ?", (partner.identity,)).fetchone()
        if row is not None and moment(row[0]) > made:
            raise InputError(
                f"a newer answer of {partner.name} is here already",
                hint="Nothing was changed; none is needed.",
            )
        con.execute(
            "INSERT INTO bundle_acks VALUES (?, ?, ?, ?) ON CONFLICT (partner) DO UPDATE SET at = excluded.at,"
            " stands = excluded.stands, also = excluded.also",
            (partner.identity, timestamp(made), stands, json.dumps(as_ranges(also))),
        )
    return Answer(partner.name, stands, len(also), cosigned)


def _signed_by(node: Node, body: Mapping[str, Any]) -> Partner:
    partner = next((one for one in partners(node) if one.identity == body["from"]), None)
    if partner is None:
        raise InputError("this answer is of somebody whose keys are not pinned here")
    signed = {key: value for key, value in body.items() if key != "signature"}
    try:
        mark = base64.b64decode(str(body["signature"]), validate=True)
    except (binascii.Error, ValueError):
        mark = b""
    if not partner.key.verifies(mark, _PREFIX + canonical_bytes(signed)):
        raise VerificationError(f"this answer is not signed by {partner.name}", hint="Ask for it again.")
    return partner
