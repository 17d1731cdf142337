"""What stands in a row in a collection, before anybody's rights were asked: read once for all who ask for it."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kakehashi.exchange.database import Connection
from kakehashi.exchange.store import Entry

COLUMNS = "o.seq, o.added, o.id, o.version, o.spec, o.creator, o.policy, o.type, o.vkey, h.policy, h.vkey"
MOST_BYTES = 16 << 20
_BESIDE = 2000  # what a row takes beside its bytes, about

PolicyKey = tuple[str, str, str, str]
"""All that a decision takes from a row: creator, policies of this version and of the newest, type."""


def policy_key(row: Any) -> PolicyKey:
    """The key of a row of :data:`COLUMNS`."""
    return row[5], row[6], row[9], row[7]


def entry_of(row: Any) -> Entry:
    """What a page holds of a row."""
    return Entry(row[0], row[1], row[2], row[3], row[4], bytes(row[11]))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some rows in the order in which they were added.

    Attributes:
        rows: Of :data:`COLUMNS`, and the bytes.
        entries: The same, as pages hold them, without the one that is read to see whether there is more.
        keys: What has to be decided on: each distinct key once.
        sizes: Bytes of each.
        ended: Whether nothing stands behind them.
        newest: Whether each is the newest version of its object.
        notes: What was found out about the entries of a page that holds all of them.
    """

    rows: Sequence[Any]
    entries: tuple[Entry, ...]
    keys: tuple[PolicyKey, ...]
    sizes: tuple[int, ...]
    ended: bool
    newest: bool
    notes: dict[str, Any] = field(default_factory=dict)


def read_stretch(
    con: Connection, collection: str, where: str, values: Sequence[str], after: int, most: int, budget: int
) -> Stretch:
    """Read at most so many rows behind ``after``, and no more once their bytes are more than ``budget``."""
    rows, sizes, size, ended = [], [], 0, True
    for row in con.execute(
        f"SELECT {COLUMNS}, o.data FROM objects o JOIN heads h USING (id) WHERE o.collection = ?"
        f" AND o.seq > ? AND o.data IS NOT NULL {where} ORDER BY o.seq LIMIT {most}",
        (collection, after, *values),
    ):
        rows.append(row)
        sizes.append(len(row[11]))
        size += sizes[-1]
        if size > budget:
            ended = False
            break
    entries = tuple(map(entry_of, rows[: most - 1]))
    keys = tuple(dict.fromkeys(map(policy_key, rows)))
    newest = all(row[8] == row[10] for row in rows)
    return Stretch(rows, entries, keys, tuple(sizes), ended and len(rows) < most, newest)


class Stretches:
    """The stretches of one state of the database that were read last; safe for several threads.

    Args:
        most_bytes: Bytes that are kept at most.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._size = most_bytes, 0
        self._head: Hashable = None
        self._kept: OrderedDict[Hashable, tuple[Stretch, int]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, con: Connection, head: Hashable | None, *asked: Any) -> Stretch:
        """:func:`read_stretch`, kept while ``head`` is the same.

        Args:
            con: The connection.
            head: What changes whenever objects do; ``None`` where nothing may be kept.
            asked: As :func:`read_stretch` takes it.
        """
        if head is None:
            return read_stretch(con, *asked)
        with self._lock:
            found = self._kept.get(asked) if head == self._head else None
        if found is not None:
            return found[0]
        made = read_stretch(con, *asked)
        size = _BESIDE + sum(made.sizes) + _BESIDE * len(made.rows)
        with self._lock:
            if head != self._head:
                self._kept.clear()
                self._head, self._size = head, 0
            if size <= self._most // 4 and asked not in self._kept:
                self._kept[asked] = (made, size)
                self._size += size
                while self._size > self._most:
                    self._size -= self._kept.popitem(last=False)[1][1]
        return made
