"""Pages that were decided on, kept for as long as nothing that the decision hangs on has changed."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from kakehashi.exchange.store import Entry, Page

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
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._entries: dict[tuple[int, str], tuple[Entry, int]] = {}  # with how many kept pages hold it
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Page | None:
        """The page of a key, where it is kept."""
        with self._lock:
            found = self._pages.get(key)
            if found is not None:
                self._pages.move_to_end(key)
            return found

    def put(self, key: Hashable, page: Page) -> Page:
        """Keep a page; those not asked for longest make room. Pages of several callers share their entries.

        Returns:
            The same page, with the entries that are kept.
        """
        if _BESIDE + sum(len(entry.data) + _BESIDE for entry in page.entries) > self._most // 4:
            return page
        with self._lock:
            if key in self._pages:
                return self._pages[key]
            page = replace(page, entries=tuple(map(self._shared, page.entries)))
            self._pages[key] = page
            self._size += _BESIDE + 8 * len(page.entries)
            while self._size > self._most:
                _, gone = self._pages.popitem(last=False)
                self._size -= _BESIDE + 8 * len(gone.entries)
                for entry in gone.entries:
                    self._let_go(entry)
        return page

    def _shared(self, entry: Entry) -> Entry:
        name = (entry.seq, entry.added)
        kept, count = self._entries.get(name, (entry, 0))
        if count == 0:
            self._size += len(entry.data) + _BESIDE
        self._entries[name] = (kept, count + 1)
        return kept

    def _let_go(self, entry: Entry) -> None:
        name = (entry.seq, entry.added)
        kept, count = self._entries[name]
        if count > 1:
            self._entries[name] = (kept, count - 1)
            return
        del self._entries[name]
        self._size -= len(kept.data) + _BESIDE
