"""Checkpoints of our own log that partners cosigned, and cosigning theirs."""

from datetime import UTC, datetime

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.heard import heard_of
from kakehashi.exchange.node import Node
from kakehashi.exchange.node_log import origin_of
from kakehashi.exchange.partners import Partner, partners
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_verify import read_head
from kakehashi.exchange.store import Finding
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.proof import Checkpoint, Cosignature, TreeHead, cosign, cosignatures


def cosign_heard(node: Node, partner: Partner, *, now: datetime | None = None) -> Checkpoint:
    """A partner's newest checkpoint that was heard of and checked here, with our cosignature.

    Raises:
        InputError: Nothing was heard of its log yet.
    """
    heard = heard_of(node, partner)
    if heard is None:
        raise InputError(
            f"nothing was heard of {partner.name}'s log yet",
            hint="Copy it, or apply a bundle: kakehashi exchange log copy URL --partner NAME",
        )
    return cosign(Checkpoint.parse(heard.note), node.key(), now or datetime.now(UTC))


def keep_cosigned(node: Node, text: str, partner: Partner | None = None) -> int:
    """Keep a checkpoint of our log that partners cosigned.

    Args:
        node: The node.
        text: The note.
        partner: Who must be among the cosigners; anybody whose key is pinned unless said.

    Returns:
        Size of the log that was cosigned.

    Raises:
        InputError: It is no checkpoint of ours, or no partner cosigned it.
        VerificationError: A cosignature is wrong, or partners saw another history than ours.
    """
    note = Checkpoint.parse(text)
    if note.origin != origin_of(node.owner):
        raise InputError(f"this checkpoint is of the log {note.origin}, not of this node's")
    keys = [one.key for one in ([partner] if partner else partners(node))]
    found = cosignatures(note, keys)
    if not found:
        raise InputError("no partner whose key is pinned here cosigned this checkpoint")
    note.verified_by([node.key().verifier])  # that we signed it: else it says nothing of us
    with node.store.reading() as con:
        mine = read_head(con, note.head.size)
    if mine != note.head:
        raise VerificationError(
            _other_history(mine, note.head, found),
            hint="This node's log was cut or rewritten: restore a copy, and tell the partners.",
        )
    with node.store.rows(TRUST_TABLES, write=True) as con:
        con.executemany(
            "INSERT INTO cosigned VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(note.head.size, str(one.key), timestamp(one.at), note.text()) for one in found],
        )
    return note.head.size


def _other_history(mine: TreeHead, theirs: TreeHead, found: tuple[Cosignature, ...]) -> str:
    who = ", ".join(one.key.name for one in found)
    if mine.size < theirs.size:
        return f"{who} cosigned {theirs.size} lines of this node's log, which has {mine.size}"
    return f"{who} cosigned another history of this node's first {theirs.size} lines"


def newest_cosigned(node: Node) -> Checkpoint | None:
    """The longest state of our log that partners cosigned, with the cosignatures of all who cosigned that state."""
    with node.store.rows(TRUST_TABLES) as con:
        rows = con.execute(
            "SELECT note FROM cosigned WHERE size = (SELECT MAX(size) FROM cosigned) ORDER BY key"
        ).fetchall()
    if not rows:
        return None
    notes = [Checkpoint.parse(row[0]) for row in rows]
    signatures = dict.fromkeys(signature for note in notes for signature in note.signatures)
    return Checkpoint(notes[0].origin, notes[0].head, notes[0].extensions, tuple(signatures))


def check_cosigned(node: Node) -> tuple[list[Finding], list[tuple[str, int, datetime]]]:
    """Whether our log still is what partners cosigned, and who cosigned how much of it, when.

    Cosignatures of keys that are no longer pinned are passed over.
    """
    with node.store.rows(TRUST_TABLES) as con:
        rows = con.execute("SELECT size, note FROM cosigned ORDER BY size").fetchall()
    names = {one.key: one.name for one in partners(node)}
    findings, good = [], dict[str, tuple[int, datetime]]()
    for size, text in rows:
        note = Checkpoint.parse(text)
        try:
            found = cosignatures(note, names)
        except VerificationError as error:
            findings.append(Finding("cosignatures", error.message))
            continue
        with node.store.reading() as con:
            mine = read_head(con, size)
        if mine != note.head and found:
            findings.append(Finding("cosignatures", _other_history(mine, note.head, found)))
            continue
        good |= {names[one.key]: (size, one.at) for one in found}
    return findings, [(name, size, at) for name, (size, at) in sorted(good.items())]
