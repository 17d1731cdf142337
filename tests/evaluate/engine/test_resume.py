"""Killed at any moment: nothing answered is lost, nothing finished is asked again."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from engine_runs import answers, assess, samples, subject, until
from reference.mock_server import MockServer

from kakehashi.errors import DiskFullError, LockedError
from kakehashi.evaluate.engine import ResponseCache, RunFolder
from kakehashi.model import Status

HERE = Path(__file__).resolve().parent
PROGRAM = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = [{here!r}, {tests!r}]
from engine_runs import assess, samples, subject
from kakehashi.evaluate.engine import ResponseCache
async def main():
    cache = ResponseCache(Path(sys.argv[3])) if len(sys.argv) > 3 else None
    outcome = await assess(Path(sys.argv[1]), subject(sys.argv[2]), samples(60), concurrency=6, cache=cache)
    if cache: cache.close()
    print(outcome.calls)
asyncio.run(main())
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    program = PROGRAM.format(here=str(HERE), tests=str(HERE.parent.parent))
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
async def test_a_killed_run_goes_on_and_asks_again_only_what_was_under_way(tmp_path: Path) -> None:
    async with MockServer(delay=0.02) as server:
        kills = 0
        for calls in (15, 35):
            process = start(str(tmp_path), server.url)
            await until(lambda calls=calls: server.calls >= calls)
            os.kill(process.pid, signal.SIGKILL)
            await asyncio.to_thread(process.communicate)
            kills += 1
        before = len(answers(tmp_path))
        assert before > 0
        outcome = await assess(tmp_path, subject(server.url), samples(60), concurrency=6)
        asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert outcome.is_complete
    assert (outcome.done, outcome.resumed) == (60, before)
    assert len(answers(tmp_path)) == 60
    # Six requests are under way at a time, so each kill costs six at most.
    assert len(asked) <= 60 + 6 * kills
    assert len(set(asked)) == 60


async def test_a_disk_that_fills_up_stops_the_run_while_there_is_room_for_what_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Usage = namedtuple("Usage", "total used free")
    async with MockServer(delay=0.05) as server:
        monkeypatch.setattr(
            shutil, "disk_usage", lambda _: Usage(10**9, 0, 10**8 if server.answered < 20 else 10**6)
        )
        with pytest.raises(DiskFullError, match=r"1\.0 MB"):
            await assess(tmp_path, subject(server.url), samples(60), concurrency=4)
        asked = server.calls
        assert 20 <= asked < 60
        with pytest.raises(DiskFullError):  # still full: nothing is asked at all
            await assess(tmp_path, subject(server.url), samples(60), concurrency=4)
        assert server.calls == asked
        monkeypatch.undo()
        outcome = await assess(tmp_path, subject(server.url), samples(60), concurrency=4)
        assert outcome.is_complete
        assert server.calls == 60  # not one answer was lost


async def test_an_answer_whose_row_was_not_written_is_not_asked_for_again(tmp_path: Path) -> None:
    async with MockServer() as server:
        await assess(tmp_path, subject(server.url), samples(5), concurrency=1)
        rows = tmp_path / "rows.jsonl"
        whole = rows.read_bytes()
        lines = whole.splitlines(keepends=True)
        rows.write_bytes(b"".join(lines[:3]) + lines[3][:40])  # killed in the middle of the fourth row
        outcome = await assess(tmp_path, subject(server.url), samples(5), concurrency=1)
        assert server.calls == 5
    assert (outcome.resumed, outcome.cached, outcome.calls) == (3, 2, 0)
    assert list(answers(tmp_path)) == [f"s{i:04d}" for i in range(5)]
    assert all(answer.status is Status.OK for answer in answers(tmp_path).values())


async def test_a_half_written_call_is_cut_off_and_asked_again(tmp_path: Path) -> None:
    async with MockServer() as server:
        await assess(tmp_path, subject(server.url), samples(5), concurrency=1)
        calls, rows = tmp_path / "calls.jsonl", tmp_path / "rows.jsonl"
        calls.write_bytes(calls.read_bytes()[:-30])
        rows.write_bytes(b"".join(rows.read_bytes().splitlines(keepends=True)[:4]))
        outcome = await assess(tmp_path, subject(server.url), samples(5), concurrency=1)
        assert server.calls == 6
    assert outcome.is_complete
    assert all(line.startswith(b'{"call":"') for line in calls.read_bytes().splitlines())


async def test_of_two_processes_on_one_folder_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    async with MockServer() as server:
        server.gate.clear()
        process = start(str(tmp_path), server.url)
        await until(lambda: server.calls > 0)
        with pytest.raises(LockedError, match=f"process {process.pid} on .* since "):
            RunFolder.create(tmp_path, {"test": 1})
        second = start(str(tmp_path), server.url)
        _, complaint = await asyncio.to_thread(second.communicate)
        assert second.returncode != 0
        assert "LockedError" in complaint
        server.gate.set()
        _, complaint = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, complaint
        assert server.calls == 60


async def test_two_processes_share_one_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    async with MockServer(delay=0.005) as server:
        both = [start(str(tmp_path / name), server.url, str(cache)) for name in "ab"]
        for process in both:
            _, complaint = await asyncio.to_thread(process.communicate)
            assert process.returncode == 0, complaint
        assert 60 <= server.calls <= 120
        with ResponseCache(cache) as store:
            assert len(store) == 60
            made = server.calls
            third = await assess(tmp_path / "c", subject(server.url), samples(60), cache=store)
            assert server.calls == made
    assert third.cached == 60
    assert len(answers(tmp_path / "a")) == len(answers(tmp_path / "b")) == 60


async def test_a_run_from_the_cache_logs_its_calls_like_any_other(tmp_path: Path) -> None:
    async with MockServer() as server:
        with ResponseCache(tmp_path / "cache.sqlite") as cache:
            await assess(tmp_path / "a", subject(server.url), samples(3), cache=cache)
            await assess(tmp_path / "b", subject(server.url), samples(3), cache=cache)
        assert server.calls == 3
    logs = []
    for name in "ab":
        with RunFolder.open(tmp_path / name, read_only=True) as folder:
            logs.append({call["call"]: call for call in folder.calls()})
    assert [{call["from_cache"] for call in log.values()} for log in logs] == [{False}, {True}]
    for key, call in logs[0].items():
        assert {**call, "from_cache": True} == logs[1][key]
    first, second = answers(tmp_path / "a"), answers(tmp_path / "b")
    assert [a.text for a in first.values()] == [a.text for a in second.values()]
    assert [a.cached for a in second.values()] == [True] * 3
