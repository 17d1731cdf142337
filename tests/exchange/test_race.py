"""Writers and pollers as processes of their own, killed at random and started again: acknowledged equals seen."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from random import Random

import pytest
from nodes import FINDINGS, GREEN, database_at, member, store_with, vulnerability

from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Filters

READER = member(9)


def write(place: Path | str, number: int, total: int, batch: int, folder: Path) -> None:
    """Post envelopes one after the other; each id is written down once its post was acknowledged."""
    store = SqlStore(database_at(place))
    told = folder / f"acknowledged-{number}"
    done = len(told.read_text().splitlines()) // batch * batch if told.exists() else 0
    with told.open("a") as stream:
        stream.truncate(sum(len(line) for line in told.read_text().splitlines(keepends=True)[:done]))
        for start in range(done, total, batch):
            objects = [
                vulnerability(number * 1_000_000 + n, GREEN) for n in range(start, min(start + batch, total))
            ]
            receipt = store.post(member(number), FINDINGS, objects, key=f"{number}-{start}")
            assert all(o.failure is None for o in receipt.outcomes)
            stream.write("".join(f"{o.id}\n" for o in receipt.outcomes))
            stream.flush()


def poll(place: Path | str, number: int, by_time: bool, folder: Path) -> None:
    """Poll for ever behind a cursor: what was met is written down before the cursor moves.

    It says that there is nothing more only of a page asked for after the last writer was done.
    """
    store = SqlStore(database_at(place))
    met, kept_at = folder / f"seen-{number}", folder / f"cursor-{number}"
    while True:
        kept = kept_at.read_text().split() if kept_at.exists() else []
        after = int(kept[0]) if kept and not by_time else 0
        added = kept[1] if kept and by_time else None
        over = (folder / "over").exists()
        page = store.page(READER, FINDINGS, Filters(added_after=added), after=after, limit=100)
        if not page.entries:
            if over:
                (folder / f"idle-{number}").touch()
            time.sleep(0.01)
            continue
        with met.open("a") as stream:
            stream.write("".join(f"{entry.id}\n" for entry in page.entries))
        fresh = kept_at.with_suffix(".new")
        fresh.write_text(f"{page.entries[-1].seq} {page.entries[-1].added}")
        fresh.replace(kept_at)


def race(
    folder: Path, *, objects: int, writers: int, pollers: int, kills: int, batch: int, seed: int
) -> None:
    made = store_with(folder, *(member(n) for n in range(1, writers + 1)), READER)
    made.close()
    place = made.path  # on the tests' server there is no password that an address would hide
    context, random = multiprocessing.get_context("fork"), Random(seed)
    share = objects // writers
    makers = {f"w{n}": (write, (place, n, share, batch, folder)) for n in range(1, writers + 1)}
    makers |= {f"p{n}": (poll, (place, n, n % 2 == 0, folder)) for n in range(pollers)}
    running = {}

    def start(name: str) -> None:
        running[name] = context.Process(target=makers[name][0], args=makers[name][1], daemon=True)
        running[name].start()

    for name in makers:
        start(name)
    try:
        for _ in range(kills):
            time.sleep(random.uniform(0.02, 0.15))
            victim = random.choice(list(makers))
            if running[victim].is_alive():
                os.kill(running[victim].pid, signal.SIGKILL)
                running[victim].join()
                start(victim)
        for n in range(1, writers + 1):
            running[f"w{n}"].join(timeout=600)
            assert running[f"w{n}"].exitcode == 0
        (folder / "over").touch()
        for n in range(pollers):  # each polls until it meets nothing new
            while not (folder / f"idle-{n}").exists():
                assert running[f"p{n}"].is_alive()
                time.sleep(0.01)
    finally:
        for process in running.values():
            process.kill()
            process.join()
    acknowledged = {
        line for n in range(1, writers + 1) for line in (folder / f"acknowledged-{n}").read_text().split()
    }
    assert len(acknowledged) == share * writers
    for n in range(pollers):
        met = [
            line
            for line in (folder / f"seen-{n}").read_text().split("\n")
            if len(line) == len(next(iter(acknowledged)))
        ]
        assert set(met) == acknowledged, f"poller {n} missed {len(acknowledged - set(met))}"
    store = SqlStore(database_at(place))
    check = store.verify()
    assert (check.findings, check.head.size, check.objects) == ((), share * writers, share * writers)
    store.close()


def test_acknowledged_equals_seen_whoever_is_killed(tmp_path):
    race(tmp_path, objects=2000, writers=3, pollers=2, kills=20, batch=8, seed=5)


@pytest.mark.proof
def test_acknowledged_equals_seen_at_100_000_objects(tmp_path):
    race(tmp_path, objects=100_000, writers=4, pollers=4, kills=300, batch=50, seed=6)
