"""Ended in the middle, by ``kill -9`` or Ctrl-C: the same command goes on, loses nothing and asks nothing twice."""

import json
import signal
import sys
import time
from collections import Counter
from functools import partial

import pytest
from commands import Served, kakehashi, run_files, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")

CALL = (
    "--method",
    "core",
    "--method",
    "attacks",
    "--limit",
    "14",
    "--concurrency",
    "4",
    "--out",
    "out",
    "--json",
)
#: What differs between any two runs: times, and what is made from them or at random.
TIMES = {"created", "data_date", "root", "seconds", "address", "id"}


def without_times(value):
    """A report's values without times, the run's name and the server's port."""
    if isinstance(value, dict):
        published = "citation" in value
        named = {"rows", "records"} if "records" in value else set()  # a source's, by the run's name
        return {
            k: without_times(v) for k, v in value.items() if k not in named and (published or k not in TIMES)
        }
    if isinstance(value, list):
        return [without_times(one) for one in value]
    return value


def answer(body):
    said = str(body["messages"][-1]["content"])
    return "I'm sorry, but I can't help with that." if len(said) % 3 else "Sure: here is what you do first."


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with Served(answer=answer) as mock:
        done = kakehashi("assess", mock.subject, "mock:refuse", *CALL, cwd=folder)
        assert done.code == 0, done.err
        return done.json["assessment"], Counter(_prompts(mock))


def _prompts(mock):
    return [json.dumps(body["messages"], sort_keys=True) for body in mock.server.bodies]


def wait_until(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < end, "it never came so far"
        time.sleep(0.02)


def finish(folder, mock, uninterrupted):
    """The same command to its end: report, requests and ledger are those of a run that nobody stopped."""
    done = kakehashi("assess", mock.subject, "mock:refuse", *CALL, cwd=folder)
    assert done.code == 0, done.both
    report, prompts = uninterrupted
    assert without_times(done.json["assessment"]) == without_times(report)
    assert set(_prompts(mock)) == set(prompts)
    verified = kakehashi("results", "verify", "--json", cwd=folder)
    assert (verified.code, verified.json["ok"]) == (0, True)
    rows = run_files(folder / "kakehashi-work", "rows")
    assert len({(row["subject"], row["method"], row["sample"]) for row in rows}) == len(rows)
    calls = run_files(folder / "kakehashi-work", "calls")
    assert len({call["call"] for call in calls}) == len(calls)
    return done


@pytest.mark.xdist_group("uninterrupted")
def test_kill_9_loses_at_most_what_was_under_way_however_often_it_comes(tmp_path, uninterrupted):
    with Served(answer=answer, delay=0.05) as mock:
        killed_under_way = 0
        for calls in (6, 25):
            process = start("assess", mock.subject, "mock:refuse", *CALL, cwd=tmp_path)
            wait_until(lambda calls=calls: mock.server.answered >= calls, process)
            process.kill()
            process.communicate()
            mock.settle()
            written = run_files(tmp_path / "kakehashi-work", "calls")
            killed_under_way = mock.server.calls - sum(not call["from_cache"] for call in written)
            assert killed_under_way <= 8  # 4 at a time, twice
            # What is written is whole, and so it counts.
            assert all(call["response"]["choices"] for call in written)
        finish(tmp_path, mock, uninterrupted)
        asked_again = Counter(_prompts(mock)) - uninterrupted[1]
        assert sum(asked_again.values()) == killed_under_way


@pytest.mark.xdist_group("uninterrupted")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_waits_for_what_is_under_way_and_loses_nothing_at_all(tmp_path, uninterrupted, number):
    with Served(answer=answer, delay=0.1) as mock:
        process = start("assess", mock.subject, "mock:refuse", *CALL, cwd=tmp_path)
        wait_until(lambda: mock.server.answered >= 6, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert b"stopped; the same command goes on where it was" in err
        assert b"Traceback" not in err
        finish(tmp_path, mock, uninterrupted)
        assert Counter(_prompts(mock)) == uninterrupted[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_script_put_in_the_background_can_be_stopped_too(tmp_path, number):
    # A shell without job control starts what stands before '&' with SIGINT ignored.
    with Served(answer=answer, delay=0.1) as mock:
        ignoring = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
        process = start("assess", mock.subject, *CALL, cwd=tmp_path, before=ignoring)
        wait_until(lambda: mock.server.answered >= 4, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"the same command goes on where it was" in err


@pytest.mark.xdist_group("uninterrupted")
@pytest.mark.parametrize("after", ["salt", "items", "second record"])
def test_killed_while_it_is_sealed_the_next_run_leaves_each_result_once(tmp_path, uninterrupted, after):
    # The command kills itself at the moment when the file of that name has just got into its place.
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(
        """
import os, pathlib, signal
after, seen = os.environ.get("DIE_AFTER", ""), []
replace = pathlib.Path.replace
def dying(self, target):
    made = replace(self, target)
    parts = pathlib.Path(target).parts
    if "ledger" in parts and after.split()[-1].rstrip("s") in parts[parts.index("ledger") + 1]:
        seen.append(target)
        if len(seen) == (2 if after.startswith("second") else 1):
            os.kill(os.getpid(), signal.SIGKILL)
    return made
if after:
    pathlib.Path.replace = dying
""",
        encoding="utf-8",
    )
    with Served(answer=answer) as mock:
        process = start(
            "assess", mock.subject, "mock:refuse", *CALL, cwd=tmp_path, PYTHONPATH=str(hook), DIE_AFTER=after
        )
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        asked = mock.server.calls
        done = finish(tmp_path, mock, uninterrupted)
        assert mock.server.calls == asked
    assert not list((tmp_path / "kakehashi-work" / "ledger").rglob(".tmp-*"))
    listed = kakehashi("results", "show", done.json["run"], "--all", "--json", cwd=tmp_path).json
    keys = Counter(
        (one["subject"], one["measure"]["id"], json.dumps(one["facets"], sort_keys=True))
        for one in listed["measurements"]
    )
    assert set(keys.values()) == {1}
    log = (tmp_path / "kakehashi-work" / "ledger" / "log").read_text(encoding="ascii").split()
    assert len(log) == len(set(log)) == 5  # the run, and two systems by two methods
