"""Applying bundles: everything is checked before anything is taken in, and all of it is taken in at once or nothing."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.bundles.file import Head, check_signed, is_bundle, read_head, unseal
from kakehashi.exchange.bundles.make import PAYLOAD
from kakehashi.exchange.bundles.parts import is_part, join, read_part
from kakehashi.exchange.bundles.ranges import as_ranges, from_ranges
from kakehashi.exchange.heard import check_goes_on, read_checkpoint, remember_heard
from kakehashi.exchange.log_line import Opening
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import Partner, partners, reading_key
from kakehashi.exchange.receipt import check_received, quarantine_received
from kakehashi.exchange.records import extension_of, timestamp
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.proof import Checkpoint, parse_json, verify_inclusion

_DAMAGED = "Ask its maker for the bundle again."


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle that was opened and whose signature, hashes and proofs are right.

    Attributes:
        maker: Who made it.
        head: What stood on its outside.
        first: Line of the maker's log behind which it begins.
        last: Line up to which it goes.
        left: How many records that we may see its maker left out.
        skipped: Lines that its maker left out because we said that we have them.
        checkpoint: The maker's log, as long as ``last``.
        objects: The records, in the order of the log.
        lines: The line of each.
        older: Consistency proofs by the size that they begin at.
        sha256: Hash of the file.
    """

    maker: Partner
    head: Head
    first: int
    last: int
    left: int
    skipped: frozenset[int]
    checkpoint: Checkpoint
    objects: tuple[Any, ...]
    lines: tuple[int, ...]
    older: Mapping[int, list[bytes]]
    sha256: str


@dataclass(slots=True)
class Applied:
    """What applying a bundle did.

    Attributes:
        maker: Name of who made it.
        first: Line of the maker's log behind which it begins.
        last: Line up to which it goes.
        came: How many records were in it and are here now.
        new: How many of them were not here before.
        recalls: Ids that their makers ask to withdraw.
        failures: Ids that were not taken in, with the reason.
        gap: Lines that are missing between what was here and this bundle, first and last; ``None`` where none are.
        left: How many records its maker left out.
        stands: Up to which line of the maker's log everything that we may see is here now.
        again: Whether it had been applied before.
    """

    maker: str
    first: int
    last: int
    came: int = 0
    new: int = 0
    recalls: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    gap: tuple[int, int] | None = None
    left: int = 0
    stands: int = 0
    again: bool = False


def read_files(paths: Sequence[Path]) -> list[bytes]:
    """The bundles in files, some of which may be parts.

    Raises:
        InputError: A file is missing or is no bundle, or a part is missing.
        VerificationError: A part is torn.
    """
    whole, parts = [], []
    for path in paths:
        if not path.is_file():
            raise InputError("no such file", path=path)
        data = path.read_bytes()
        if is_part(data):
            parts.append(read_part(data, path=path))
        elif is_bundle(data):
            whole.append(data)
        else:
            raise InputError("neither a bundle nor a part of one", path=path)
    return [*whole, *join(parts)]


def open_bundle(node: Node, data: bytes) -> Opened:
    """Open a bundle for this node and check all of it; nothing is taken in.

    Raises:
        InputError: Its maker is not pinned here, or it is for somebody else.
        VerificationError: Signature, hash or a proof is wrong.
    """
    claimed, _, _, _ = read_head(data)
    maker = next((one for one in partners(node) if one.identity == claimed.maker), None)
    if maker is None:
        raise InputError(
            f"made by {claimed.maker}, whose keys are not pinned here",
            hint="Ask it for its card, compare the fingerprint, and pin it: kakehashi exchange partner CARD",
        )
    head, sealed = check_signed(data, maker.key)
    if head.recipient != node.owner:
        raise InputError(f"this bundle is for {head.recipient}, not for this node ({node.owner})")
    payload = unseal(head, sealed, reading_key(node))
    wrong = VerificationError(f"the bundle of {maker.name} is not well made", hint=_DAMAGED)
    try:
        if payload["format"] != PAYLOAD:
            raise wrong
        first, last, left = (_number(payload[name]) for name in ("first", "last", "left"))
        hashes = [base64.b64decode(one, validate=True) for one in payload["hashes"]]
        checkpoint = read_checkpoint(maker, payload["checkpoint"])
        older = {
            _number(one["size"]): [hashes[_number(n)] for n in one["proof"]] for one in payload["consistency"]
        }
        skipped = frozenset(from_ranges(payload["skipped"]))
        objects, lines = [], []
        for row in payload["entries"]:
            opening = Opening(
                _number(row["seq"]),
                str(row["event"]),
                bytes.fromhex(row["beside"]),
                bytes.fromhex(row["salt"]),
            )
            raw = row["data"].encode()
            proof = [hashes[_number(n)] for n in row["proof"]]
            root = bytes.fromhex(checkpoint.head.root_hex)
            if not first < opening.seq <= last or not verify_inclusion(
                opening.line(raw), opening.seq - 1, checkpoint.head.size, proof, root
            ):
                raise VerificationError(
                    f"line {opening.seq} of {maker.name}'s log is not what the bundle says", hint=_DAMAGED
                )
            objects.append(parse_json(raw))
            lines.append(opening.seq)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, binascii.Error, InputError) as error:
        raise wrong from error
    if checkpoint.head.size != last or first > last or lines != sorted(set(lines)):
        raise wrong
    digest = sha256(data).hexdigest()
    return Opened(
        maker, head, first, last, left, skipped, checkpoint, tuple(objects), tuple(lines), older, digest
    )


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number of a line")
    return value


def apply_bundle(
    node: Node, opened: Opened, *, collection: str = "findings", now: datetime | None = None
) -> Applied:
    """Take in what a bundle holds; the same bundle again changes nothing.

    The records are stored in one transaction, and only then is written down up to where they go: a process that is
    killed has taken in all of them or none, and applying again completes what it left.

    Raises:
        VerificationError: It is older than what is known of its maker's log, or its log does not go on from that.
    """
    maker, at = opened.maker, now or datetime.now(UTC)
    done = Applied(maker.name, opened.first, opened.last, left=opened.left)
    with node.store.rows(TRUST_TABLES) as con:
        done.again = (
            con.execute("SELECT 1 FROM bundles_applied WHERE sha256 = ?", (opened.sha256,)).fetchone()
            is not None
        )
    if done.again:
        done.stands = stands_of(node, maker)[0]
        return done
    check_goes_on(node, maker, opened.checkpoint.head, opened.older.get)
    received = check_received(node, maker, opened.objects, now=now)
    receipt = node.store.post(node.me(), node.collection(collection).id, received.sound, pulled=True)
    for obj, outcome in zip(received.sound, receipt.outcomes, strict=True):
        if outcome.failure is not None:
            raw = json.dumps(obj, ensure_ascii=False).encode("utf-8", "surrogatepass")
            received.held.append((outcome.id, raw, outcome.failure))
            continue
        done.came += 1
        done.new += outcome.new
        if body := extension_of(obj, "tombstone"):
            done.recalls.append(str(body["removed"]))
    done.failures = {ref: reason for ref, _, reason in received.held}
    quarantine_received(node, f"bundle:{opened.sha256}", received.held)
    with node.store.rows(TRUST_TABLES, write=True) as con:
        done.stands, done.gap = _stand(con, opened)
        remember_heard(con, maker, opened.checkpoint)
        con.execute(
            "INSERT INTO bundles_applied VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (opened.sha256, maker.identity, timestamp(at)),
        )
    return done


def stands_of(node: Node, maker: Partner) -> tuple[int, set[int]]:
    """Up to which line of a maker's log all that we may see is here, and which lines behind it are."""
    with node.store.rows(TRUST_TABLES) as con:
        row = con.execute(
            "SELECT stands, also FROM bundle_stands WHERE maker = ?", (maker.identity,)
        ).fetchone()
    return (0, set()) if row is None else (int(row[0]), from_ranges(json.loads(row[1])))


def _stand(con: Any, opened: Opened) -> tuple[int, tuple[int, int] | None]:
    """Write down where we stand after a bundle; inside the transaction."""
    identity = opened.maker.identity
    row = con.execute("SELECT stands, also FROM bundle_stands WHERE maker = ?", (identity,)).fetchone()
    stands, also = (0, set[int]()) if row is None else (int(row[0]), from_ranges(json.loads(row[1])))
    also |= set(opened.lines)
    gap = (stands + 1, opened.first) if opened.first > stands else None
    here = gap is None and opened.skipped <= also
    if here and opened.left == 0:
        stands = max(stands, opened.last)
    also = {line for line in also if line > stands}
    con.execute(
        "INSERT INTO bundle_stands VALUES (?, ?, ?) ON CONFLICT (maker) DO UPDATE SET stands = excluded.stands,"
        " also = excluded.also",
        (identity, stands, json.dumps(as_ranges(also))),
    )
    return stands, gap
