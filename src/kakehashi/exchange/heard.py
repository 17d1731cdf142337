"""What was heard of a partner's log: its newest checkpoint, which every later one must go on from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.node import Node
from kakehashi.exchange.node_log import origin_of
from kakehashi.exchange.partners import Partner
from kakehashi.exchange.trust_tables import TRUST_TABLES
from kakehashi.proof import Checkpoint, Frontier, TreeHead, verify_consistency

_TELL = "Keep both, and tell the other partners: this is how a rewritten log shows."


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest checkpoint of a partner's log that was found to go on from those before it.

    Attributes:
        head: Size and root.
        note: The checkpoint as it was signed.
    """

    head: TreeHead
    note: str


def heard_of(node: Node, partner: Partner) -> Heard | None:
    """What was last heard of a partner's log."""
    with node.store.rows(TRUST_TABLES) as con:
        row = con.execute(
            "SELECT size, root, note FROM heard WHERE identity = ?", (partner.identity,)
        ).fetchone()
    return None if row is None else Heard(TreeHead(int(row[0]), str(row[1])), str(row[2]))


def read_checkpoint(partner: Partner, text: str) -> Checkpoint:
    """A checkpoint of a partner's log, signed with the key that is pinned for it.

    Raises:
        InputError: It is no checkpoint, or another log's.
        VerificationError: The signature is wrong, or another's.
    """
    found = Checkpoint.parse(text)
    if found.origin != origin_of(partner.identity):
        raise InputError(f"this checkpoint is of the log {found.origin}, not of {partner.name}'s")
    found.verified_by([partner.key])
    return found


def check_goes_on(
    node: Node, partner: Partner, new: TreeHead, proof_from: Callable[[int], list[bytes] | None]
) -> None:
    """Whether a new head of a partner's log goes on from what was heard of it.

    Args:
        node: The node.
        partner: Whose log.
        new: The new head.
        proof_from: The consistency proof from an older size to the new one, or ``None`` where there is none.

    Raises:
        VerificationError: The log was cut, rewritten, or shows this node another history than before; or nothing
            shows that it was not.
    """
    old = heard_of(node, partner)
    if old is None or old.head == new:
        return
    if new.size < old.head.size:
        raise VerificationError(
            f"this is older than what is known here: {partner.name}'s log had {old.head.size} lines already,"
            f" and here it has {new.size}",
            hint="Ask for a newer one. If its maker says that this is the newest, its log was cut or set back.",
        )
    rewritten = VerificationError(
        f"{partner.name}'s log is not the one that was heard of before: its first {old.head.size} lines differ",
        hint=_TELL,
    )
    if new.size == old.head.size:
        raise rewritten
    if old.head.size == 0:
        return
    proof = proof_from(old.head.size)
    if proof is None:
        copied = copied_head(node, partner, new.size)
        if copied is None:
            raise VerificationError(
                f"nothing shows that {partner.name}'s log goes on from the {old.head.size} lines known here",
                hint="Copy its log first: kakehashi exchange log copy URL --partner NAME",
            )
        if copied != new:
            raise rewritten
        return
    if not verify_consistency(
        old.head.size, bytes.fromhex(old.head.root_hex), new.size, bytes.fromhex(new.root_hex), proof
    ):
        raise rewritten


def remember_heard(con: Any, partner: Partner, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint that was checked, where it is the newest; inside a transaction of the caller's."""
    head = checkpoint.head
    con.execute(
        "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT (identity) DO UPDATE SET size = excluded.size,"
        " root = excluded.root, note = excluded.note WHERE heard.size < excluded.size",
        (partner.identity, head.size, head.root_hex, checkpoint.text()),
    )


def copied_head(node: Node, partner: Partner, size: int) -> TreeHead | None:
    """The head over the first lines of our copy of a partner's log; ``None`` where it is not so long."""
    edge = Frontier()
    with node.store.rows(TRUST_TABLES) as con:
        rows = con.execute(
            "SELECT entry FROM copied WHERE identity = ? AND seq <= ? ORDER BY seq", (partner.identity, size)
        )
        for (entry,) in rows:
            edge.add(str(entry).encode())
    return TreeHead(edge.size, edge.root().hex()) if edge.size == size else None
