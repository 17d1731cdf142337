"""How many requests may be under way at one endpoint: more while it keeps up, fewer when it says 429."""

import asyncio
from collections import deque
from collections.abc import Callable
from statistics import median

START = 64


class Limiter:
    """Adaptive concurrency for one endpoint.

    It begins at ``min(ceiling, 64)`` and doubles for each window of answers until the first setback; then it
    grows by a tenth. A 429 halves it, at most once for the requests that were under way together, and holds
    new requests back for as long as the endpoint asks. When the median latency of a window is over three times
    the best one seen, it shrinks by a tenth, to no less than an eighth of the ceiling: what an endpoint
    answers slowly because it thinks long must not bring the run to a halt.

    Args:
        ceiling: Most requests at once.
        clock: Seconds, monotonic.
    """

    def __init__(self, ceiling: int, *, clock: Callable[[], float]) -> None:
        self.ceiling = max(1, ceiling)
        self.limit = float(min(self.ceiling, START))
        self.active = 0
        self._clock = clock
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._window: list[float] = []
        self._best = float("inf")
        self._slow_start = True
        self._cut_at = float("-inf")

    async def acquire(self) -> float:
        """Wait for a place; returns the time at which it was given, for :meth:`throttled`."""
        if not (self._waiters or self.active >= int(self.limit) or self._closed_until > self._clock()):
            self.active += 1
            return self._clock()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(place)
        self._wake()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()
            raise
        return self._clock()

    def release(self) -> None:
        """Give a place back."""
        self.active -= 1
        if self._waiters:
            self._wake()

    def _wake(self) -> None:
        wait = self._closed_until - self._clock()
        if wait > 0:
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(wait, self._reopen)
            return
        while self._waiters and self.active < int(self.limit):
            place = self._waiters.popleft()
            if not place.done():
                self.active += 1
                place.set_result(None)

    def _reopen(self) -> None:
        self._timer = None
        self._wake()

    def open_all(self) -> None:
        """Let everybody through: the endpoint has been given up, and each waiter is to notice."""
        self._closed_until = 0.0
        self.limit = float(self.ceiling)
        while self._waiters:
            place = self._waiters.popleft()
            if not place.done():
                self.active += 1
                place.set_result(None)

    def succeeded(self, seconds: float) -> None:
        """Take note of an answer and its latency."""
        window = self._window
        window.append(seconds)
        if len(window) < min(max(8, int(self.limit)), 256):
            return
        typical = median(window)
        window.clear()
        slow = typical > 3 * self._best
        self._best = min(self._best * 1.02, typical)
        if slow:
            self._slow_start = False
            self.limit = max(1.0, self.ceiling / 8, self.limit * 0.9)
        elif self.limit < self.ceiling:
            grown = self.limit * 2 if self._slow_start else self.limit + max(1.0, self.limit * 0.1)
            self.limit = min(float(self.ceiling), grown)
            self._wake()

    def throttled(self, began: float, wait: float) -> None:
        """Take note of a 429 for a request begun at ``began``; ``wait`` is what the endpoint asks, or 0."""
        now = self._clock()
        if began > self._cut_at:
            self._cut_at = now
            self._slow_start = False
            self.limit = max(1.0, self.limit / 2)
        self._closed_until = max(self._closed_until, now + wait)

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
