"""Several server processes on one socket and one database, each started again when it dies."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

from kakehashi.errors import StorageError

_LOG = logging.getLogger("kakehashi.exchange")
_AT_ONCE, _MOST_IN_A_ROW = 2.0, 5
_LOOK_EVERY = 0.2
_PATIENCE = 20.0


def keep_running(workers: int, work: Callable[[], None]) -> None:
    """Run processes that each do ``work``, until SIGTERM or SIGINT, which are passed on.

    The caller must have closed its own connections to the database: they must not be shared over a fork. The
    processes end themselves where this one is killed.

    Args:
        workers: How many.
        work: Serves until its process is told to end.

    Raises:
        StorageError: They end as soon as they are started.
    """
    context = multiprocessing.get_context("fork")
    lives, held = os.pipe()  # never written to: its end is the end of this process
    told: list[int] = []

    def tell(number: int, _: FrameType | None) -> None:
        told.append(number)

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    running: dict[BaseProcess, float] = {}
    in_a_row = 0
    try:
        while not told:
            while len(running) < workers:
                fresh = context.Process(target=_worker, args=(lives, held, work))
                fresh.start()
                running[fresh] = time.monotonic()
            wait([one.sentinel for one in running], timeout=_LOOK_EVERY)
            for one in [one for one in running if one.exitcode is not None]:
                lived = time.monotonic() - running.pop(one)
                if told:
                    continue
                in_a_row = in_a_row + 1 if lived < _AT_ONCE else 0
                if in_a_row >= _MOST_IN_A_ROW:
                    raise StorageError(
                        "the server's processes end as soon as they are started",
                        hint="Try with --workers 1, which says why.",
                    )
                _LOG.warning("a server process ended (%s); another one is started", one.exitcode)
    finally:
        for one in running:
            one.terminate()
        deadline = time.monotonic() + _PATIENCE
        for one in running:
            one.join(max(0.0, deadline - time.monotonic()))
            if one.exitcode is None:
                one.kill()
                one.join()
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(lives)
        os.close(held)


def _worker(lives: int, held: int, work: Callable[[], None]) -> None:
    os.close(held)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(lives,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        work()


def _end_with(lives: int) -> None:
    """Wait for the end of the process that started this one, and end too, so that the port is free for the next."""
    os.read(lives, 1)
    os._exit(1)  # as if it had been killed itself: what was not acknowledged does not count
