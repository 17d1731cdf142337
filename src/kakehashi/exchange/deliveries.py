"""Writing down which alert reached which recipient, without a write for each page that is read."""

import json
import threading
from collections.abc import Iterable
from datetime import UTC, datetime

from kakehashi.exchange.alert_tables import ALERT_TABLES, note_event
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.records import extension_of
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Entry

_ALERT = EXTENSIONS["alert"].encode()
_REMEMBERED = 10_000


class Deliveries:
    """Collects what was handed over; :meth:`flush` writes it in one transaction.

    Delivered means: the bytes were given to the recipient's connection, by page, event or webhook. What a crash loses
    of these marks is made good by the next reading, or by the recipient's answer, which implies it.

    Args:
        store: The node's store.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, str, datetime, str]] = []
        self._known: set[tuple[str, str]] = set()

    def note(self, identity: str, data: bytes, via: str) -> None:
        """Say that an object was handed to a member; it counts where it is an alert that the member should answer."""
        if _ALERT not in data:
            return
        alert = json.loads(data)
        body = extension_of(alert, "alert")
        key = (str(alert["id"]), identity)
        if body is None or identity not in body.get("audience", ()) or key in self._known:
            return
        with self._lock:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            self._known.add(key)
            self._waiting.append((*key, datetime.now(UTC), via))

    def flush(self) -> int:
        """Write down what was collected; returns how many marks there were."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if not waiting:
            return 0
        try:
            with self._store.rows(ALERT_TABLES, write=True) as con:
                for alert, identity, at, via in waiting:
                    note_event(con, alert, identity, "delivered", at=at, detail=via)
        except BaseException:
            with self._lock:
                self._waiting = waiting + self._waiting
            raise
        return len(waiting)


def maybe_alerts(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Of entries, those that :meth:`Deliveries.note` has to look at."""
    return tuple(entry for entry in entries if _ALERT in entry.data)
