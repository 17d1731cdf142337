"""Progress on standard error: a bar on a terminal, a line now and then in a log."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kakehashi.evaluate.engine import Progress

#: Seconds between two lines where standard error is no terminal.
_EVERY = 20.0


@contextmanager
def show_progress(title: str) -> "Iterator[Callable[[Progress], None]]":
    """A function that shows the progress given to it, with the time left."""
    if sys.stderr.isatty():
        with _bar(title) as update:
            yield update
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> "Iterator[Callable[[Progress], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, note="")

        def update(progress: "Progress") -> None:
            bar.update(task, completed=progress.done, total=progress.total, note=_note(progress))

        yield update


@contextmanager
def show_steps(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A function that shows how much is done, of how much, and what is being done."""
    if not sys.stderr.isatty():
        last = time.monotonic()

        def say(done: int, total: int, note: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _EVERY:
                last = time.monotonic()
                print(f"{title}: {done} of {total}, {note}", file=sys.stderr, flush=True)

        yield say
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, note="")
        yield lambda done, total, note: bar.update(task, completed=done, total=total, note=note)


@contextmanager
def show_work(title: str, *, every: float | None = None) -> Iterator[None]:
    """Say that work goes on, and for how long, where nobody can say how much of it is left.

    On a terminal a line that counts the seconds and is gone at the end; elsewhere a line now and then, so that work of
    a few seconds prints nothing.

    Args:
        title: What is being done.
        every: Seconds between two signs; by default 1 on a terminal and 20 elsewhere.
    """
    live = sys.stderr.isatty()
    pause = every if every is not None else 1.0 if live else _EVERY
    ended = threading.Event()
    begun = time.monotonic()

    def tell() -> None:
        while not ended.wait(pause):
            said = f"{title}: at work for {_clock(time.monotonic() - begun)}"
            print(f"\r{said}\x1b[K" if live else said, end="" if live else "\n", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, daemon=True, name="kakehashi-progress")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        if live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _lines(title: str) -> "Callable[[Progress], None]":
    last = time.monotonic() - _EVERY

    def update(progress: "Progress") -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY or progress.done == progress.total:
            last = time.monotonic()
            print(
                f"{title}: {progress.done} of {progress.total}, {_note(progress)}",
                file=sys.stderr,
                flush=True,
            )

    return update


def _note(progress: "Progress") -> str:
    parts = (
        [] if progress.eta is None or progress.done == progress.total else [f"{_clock(progress.eta)} left"]
    )
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    parts.append(f"{progress.calls} calls")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
