"""A node's own log as a tree that is kept, and what opens its lines."""

import threading
from collections.abc import Sequence
from typing import Any

from kakehashi.exchange.log_line import Opening
from kakehashi.exchange.node import Node
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.sql_verify import ROW, opening_of
from kakehashi.proof import Checkpoint, MerkleTree

_STEP, _MANY = 5_000, 400


class NodeLog:
    """The log's tree, caught up when it is asked for; safe for several threads.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._node, self._tree, self._lock = node, MerkleTree(), threading.Lock()

    def tree(self) -> MerkleTree:
        """The tree over all lines there are now; ask it only for sizes up to its own."""
        with self._lock:
            while lines := self._node.store.log_lines(len(self._tree), _STEP):
                for line in lines:
                    self._tree.add(line)
            return self._tree

    def checkpoint(self) -> Checkpoint:
        """The log's head, signed by the node's key."""
        key = self._node.key()
        return Checkpoint(origin_of(self._node.owner), self.tree().head()).signed_by(key)


def origin_of(identity: str) -> str:
    """The name of the log of an institute's node."""
    return f"kakehashi-exchange/{identity.removeprefix('identity--')}"


def openings(store: SqlStore, lines: Sequence[int]) -> dict[int, tuple[Opening, bytes]]:
    """What opens lines of the log, and the object's bytes; lines that are not about an object now are left out."""
    found: dict[int, tuple[Opening, bytes]] = {}
    with store.reading() as con:
        for start in range(0, len(lines), _MANY):
            some: Sequence[Any] = lines[start : start + _MANY]
            marks = ",".join("?" * len(some))
            query = f"SELECT {ROW} FROM objects WHERE data IS NOT NULL AND seq IN ({marks})"
            for row in con.execute(query, tuple(some)):
                found[row[0]] = (opening_of(row), bytes(row[12]))
    return found
