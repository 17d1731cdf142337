import errno
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine_runs import assess, samples, subject
from reference.mock_server import MockServer

from kakehashi.errors import DiskFullError, FormatVersionError, StorageError
from kakehashi.evaluate.engine import ResponseCache, RunFolder, wire_key


def key(n: int) -> str:
    return wire_key({"kind": "mock"}, [{"role": "user", "content": str(n)}], {})


def test_what_was_put_is_got_before_and_after_it_is_written(tmp_path: Path) -> None:
    with ResponseCache(tmp_path / "c") as cache:
        cache.put(key(1), '"response":"é"')
        assert cache.get(key(1)) == '"response":"é"'
        cache.flush()
        assert cache.get(key(1)) == '"response":"é"'
        assert cache.get(key(2)) is None
    with ResponseCache(tmp_path / "c") as cache:
        assert cache.get(key(1)) == '"response":"é"'


@pytest.mark.parametrize("keep", [0.5, 0.03])
async def test_a_cache_file_cut_in_half_is_moved_aside_and_the_run_goes_on(
    tmp_path: Path, keep: float
) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        for n in range(500):
            cache.put(key(n), '"response":"' + "x" * 200 + '"')
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    async with MockServer() as server:
        with ResponseCache(path) as cache:
            outcome = await assess(tmp_path / "run", subject(server.url), samples(4), cache=cache)
    assert outcome.is_complete
    (warning,) = outcome.warnings
    assert "was moved to cache.sqlite.damaged-" in warning
    assert len(list(tmp_path.glob("cache.sqlite.damaged-*"))) == 1
    with RunFolder.open(tmp_path / "run", read_only=True) as folder:
        assert [e["message"] for e in folder.events("warning")] == [warning]
    with ResponseCache(path) as cache:
        assert (len(cache), cache.warnings) == (4, [])


async def test_a_cache_that_is_damaged_while_it_is_open_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        for n in range(500):
            cache.put(key(n), '"response":"' + "x" * 200 + '"')
    cache = ResponseCache(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    async with MockServer() as server:
        outcome = await assess(tmp_path / "run", subject(server.url), samples(4), cache=cache)
    cache.close()
    assert outcome.is_complete
    with ResponseCache(path) as again:
        assert len(again) == 4


def test_many_may_open_write_and_close_one_new_cache_at_once(tmp_path: Path) -> None:
    def use(n: int) -> None:
        with ResponseCache(tmp_path / "c") as cache:
            cache.put(key(n), f'"response":{n}')

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(40)))
    with ResponseCache(tmp_path / "c") as cache:
        assert [cache.get(key(n)) for n in range(40)] == [f'"response":{n}' for n in range(40)]


def test_something_that_is_no_database_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this was never a database" * 100)
    with ResponseCache(path) as cache:
        assert len(cache.warnings) == 1
        cache.put(key(1), '"response":1')
    with ResponseCache(path) as cache:
        assert cache.get(key(1)) == '"response":1'


def test_a_damaged_response_is_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put(key(1), '"response":1')
    db = sqlite3.connect(path)
    db.execute("UPDATE responses SET body = ?", (b'"response":2',))
    db.commit()
    db.close()
    with ResponseCache(path) as cache:
        assert cache.get(key(1)) is None
        assert len(cache.warnings) == 1


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(FormatVersionError):
        ResponseCache(path)
    assert not list(tmp_path.glob("*.damaged-*"))


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError):
        ResponseCache(tmp_path / "file" / "cache.sqlite")


async def test_a_full_disk_under_the_cache_ends_the_session_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    async with MockServer() as server:
        with pytest.raises(DiskFullError), ResponseCache(path) as cache:  # noqa: PT012
            # SQLite itself says "database or disk is full" when a database may have no more pages.
            connect = cache._connect

            def small() -> sqlite3.Connection:
                db = connect()
                db.execute("PRAGMA max_page_count=3")
                return db

            cache._connect = small  # type: ignore[method-assign]
            await assess(tmp_path / "run", subject(server.url), samples(300), cache=cache)
        made = server.calls
        with ResponseCache(path) as cache:
            outcome = await assess(tmp_path / "run", subject(server.url), samples(300), cache=cache)
        assert server.calls == 300
    assert made <= 300
    assert outcome.is_complete


async def test_a_full_disk_under_the_run_folder_ends_the_session_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    written = 0

    def full(fd: int, data: bytes) -> int:
        nonlocal written
        if written > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        # A full disk takes a part of the bytes first, as the kernel does.
        done = real(fd, data[: max(1, 20_001 - written)])
        written += done
        return done

    run = tmp_path / "run"
    async with MockServer() as server:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(DiskFullError) as caught:
                await assess(run, subject(server.url), samples(200), concurrency=5)
        assert "Free some space" in str(caught.value)
        made = server.calls
        assert made < 200
        for name in ("calls.jsonl", "rows.jsonl"):
            assert (run / name).read_bytes().endswith(b"\n")
        kept = len((run / "calls.jsonl").read_bytes().splitlines())
        # What was under way when the disk was full is lost: five requests, and those of one turn of the loop.
        assert made - kept <= 10
        outcome = await assess(run, subject(server.url), samples(200), concurrency=5)
        assert server.calls == 200 + made - kept
    assert outcome.is_complete


async def test_when_the_cache_is_full_the_answers_under_way_are_still_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(key: str, text: str) -> None:
        raise DiskFullError("no space left")

    # The first answer meets the full disk while seven others are still to come.
    async with MockServer(["ok", *["slow:0.3"] * 7]) as server:
        with ResponseCache(tmp_path / "cache.sqlite") as cache:
            monkeypatch.setattr(cache, "put", full)
            with pytest.raises(DiskFullError):
                await assess(tmp_path / "run", subject(server.url), samples(20), cache=cache, concurrency=8)
        paid = server.calls
        outcome = await assess(tmp_path / "run", subject(server.url), samples(20), concurrency=8)
    assert paid >= 2
    assert outcome.is_complete
    assert server.calls == 20  # none of those that had been paid for is asked again
