"""A full disk: one clear error, what was written stays whole, and the same command goes on once there is room.

The disk is full at a chosen byte by RLIMIT_FSIZE with SIGXFSZ ignored, which needs no privilege: each file may grow
to the limit, and the write that would go over it is cut short or refused (EFBIG), as on a disk without space.
"""

import subprocess
import sys
from collections import Counter

import pytest
from commands import Done, Served, environment, kakehashi, run_files, words

pytest.importorskip("resource")

_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
sys.argv[0] = "kakehashi"
from kakehashi.cli.main import run
run()
"""


def with_room(size, *arguments, cwd):
    """The command, where no file may grow beyond ``size`` bytes."""
    call = [sys.executable, "-c", _LIMITED, str(size), *words(*arguments)[3:]]
    ended = subprocess.run(call, cwd=cwd, env=environment(), capture_output=True, timeout=120, check=False)
    done = Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    assert "Traceback" not in done.both, done.both
    assert "a defect of kakehashi" not in done.both, done.both
    return done


# From the very first file over the log of calls to the Parquet files and the report.
@pytest.mark.parametrize("size", [0, 3_000, 20_000, 200_000])
def test_a_full_disk_is_one_error_and_nothing_paid_for_is_asked_again(tmp_path, size):
    with Served(delay=0.01) as mock:
        call = (
            "assess",
            mock.subject,
            "--method",
            "core",
            "--limit",
            "14",
            "--out",
            "out",
            "--workspace",
            "ws",
        )
        full = with_room(size, *call, "--json", cwd=tmp_path)
        assert (full.code, full.json["error"]) == (5, "DiskFullError"), full.both
        assert "Free some space" in full.json["hint"]
        asked = mock.server.answered
        kept = len(run_files(tmp_path / "ws", "calls")) if list(tmp_path.glob("ws/runs/*/calls.jsonl")) else 0
        again = kakehashi(*call, cwd=tmp_path)
        assert again.code == 0, again.both
        requests = Counter(mock.requests())
    # Only what could not be written for want of room is asked again.
    assert len(requests) == 28
    assert sum(requests.values()) - len(requests) == asked - kept
    assert len(run_files(tmp_path / "ws", "rows")) == 28
    verified = kakehashi("results", "verify", "--workspace", "ws", "--json", cwd=tmp_path)
    assert (verified.code, verified.json["ok"]) == (0, True)
    assert not list(tmp_path.rglob(".tmp-*"))


def test_a_report_that_cannot_be_written_costs_nothing_but_the_report(tmp_path):
    call = ("mock:refuse", "--method", "core", "--limit", "7", "--workspace", "ws")
    assert kakehashi("assess", *call, cwd=tmp_path).code == 0
    run = kakehashi("results", "list", "--workspace", "ws", "--json", cwd=tmp_path).json["runs"][0]["run"]
    full = with_room(10_000, "report", "assessment", run, "--out", "out", "--workspace", "ws", cwd=tmp_path)
    assert full.code == 5
    assert "no space left" in full.err
    assert not (tmp_path / "out" / "report.html").exists()
    for out in ("export", "e"):
        exported = with_room(
            100, "results", "export", run, "--eee", "--out", out, "--workspace", "ws", cwd=tmp_path
        )
        assert (exported.code, "no space left" in exported.err) == (5, True), exported.both
    good = kakehashi("report", "assessment", run, "--out", "out", "--workspace", "ws", cwd=tmp_path)
    assert good.code == 0


def test_what_is_printed_into_a_full_device_is_an_error_too(tmp_path):
    try:
        sink = open("/dev/full", "wb")  # noqa: SIM115, PTH123
    except OSError:
        pytest.skip("no /dev/full here")
    with sink:
        ended = subprocess.run(
            words("methods", "list", "--json"), cwd=tmp_path, env=environment(), stdout=sink, stderr=subprocess.PIPE,
            timeout=60, check=False,
        )  # fmt: skip
    assert ended.returncode == 5, ended.stderr
    assert b"no space left" in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
