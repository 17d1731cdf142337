"""Pages that were decided on, kept for as long as nothing that the decision hangs on has changed."""

import threading
from collections import OrderedDict
from collections.abc import Hashable

from kakehashi.exchange.store import Page

#: Bytes of objects that a process keeps at most.
MOST_BYTES = 32 << 20
_BESIDE = 500  # what an entry takes beside its bytes, about


class PageCache:
    """The pages asked for last; safe for several threads.

    A key holds the number and time of the newest line of the log, the caller with all his rights, how many embargoes
    have ended, and what was asked. Objects and markings change only together with a new line of the log, so the same
    key means the same page; nothing is ever taken out because it has become wrong.

    Args:
        most_bytes: Bytes that are kept at most.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._size = most_bytes, 0
        self._pages: OrderedDict[Hashable, tuple[Page, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Page | None:
        """The page of a key, where it is kept."""
        with self._lock:
            found = self._pages.get(key)
            if found is None:
                return None
            self._pages.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, page: Page) -> None:
        """Keep a page; those not asked for longest make room."""
        size = _BESIDE + sum(len(entry.data) + _BESIDE for entry in page.entries)
        if size > self._most // 4:
            return
        with self._lock:
            if key in self._pages:
                return
            self._pages[key] = (page, size)
            self._size += size
            while self._size > self._most:
                _, (_, gone) = self._pages.popitem(last=False)
                self._size -= gone
