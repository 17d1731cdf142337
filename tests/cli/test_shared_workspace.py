"""Two commands on one folder, one cache or one ledger, and a cache that is damaged."""

import json
import time
from collections import Counter

import pytest
from commands import Served, kakehashi, run_files, start

CORE = ("--method", "core", "--limit", "14", "--workspace", "ws", "--json")


def test_a_second_run_on_the_same_folder_is_told_who_holds_it_and_harms_nothing(tmp_path):
    with Served() as mock:
        mock.hold()
        first = start("assess", mock.subject, *CORE, cwd=tmp_path)
        while not mock.server.calls:
            assert first.poll() is None, first.communicate()[1].decode()
            time.sleep(0.02)
        second = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert (second.code, second.json["error"]) == (5, "LockedError")
        assert f"in use by process {first.pid} on" in second.json["message"]
        mock.let_go()
        out, err = first.communicate(timeout=60)
        assert first.returncode == 0, err
        asked = mock.server.calls
        again = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert again.json["assessment"] == json.loads(out)["assessment"]
        assert mock.server.calls == asked == 28


def test_two_runs_at_once_share_cache_and_ledger_and_lose_nothing(tmp_path):
    with Served(delay=0.02) as mock:
        # Half of what the second asks is asked by the first too; both make the workspace at the same time.
        methods = (("--limit", "14"), ("--limit", "28"))
        runs = [
            start(
                "assess",
                mock.subject,
                "--method",
                "core",
                *limit,
                "--workspace",
                "ws",
                "--json",
                cwd=tmp_path,
            )
            for limit in methods
        ]
        ended = [run.communicate(timeout=120) for run in runs]
        for run, (_, err) in zip(runs, ended, strict=True):
            assert run.returncode == 0, err.decode()
        wanted = set(mock.requests())
        asked = mock.server.calls
        # A third run that asks what both have asked finds it in the cache.
        third = kakehashi(
            "assess", mock.subject, "mock:refuse", "--method", "core", "--limit", "28", "--workspace", "ws", "--json",
            cwd=tmp_path,
        )  # fmt: skip
        assert third.code == 0, third.both
        assert mock.server.calls == asked
        assert third.json["assessment"]["run"]["outcome"]["cached"] == 56
    assert len(wanted) == 56
    listed = kakehashi("results", "list", "--workspace", "ws", "--json", cwd=tmp_path).json
    assert len(listed["runs"]) == 3
    assert kakehashi("results", "verify", "--workspace", "ws", cwd=tmp_path).code == 0


@pytest.mark.parametrize("keep", [0.5, 0.0])
def test_a_cache_cut_in_half_is_set_aside_with_a_warning_and_the_run_goes_on(tmp_path, keep):
    with Served() as mock:
        first = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert first.code == 0, first.both
        cache = tmp_path / "ws" / "cache" / "responses.sqlite"
        cache.write_bytes(cache.read_bytes()[: int(cache.stat().st_size * keep)])
        # A finished run needs no cache: what was paid for stands in its folder.
        again = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert (again.code, mock.server.calls) == (0, 28), again.both
        other = kakehashi("assess", mock.subject, "mock:refuse", *CORE, cwd=tmp_path)
        assert other.code == 0, other.both
        wanted = Counter(mock.requests())
        assert max(wanted.values()) <= 2
    aside = list(cache.parent.glob("*.damaged-*"))
    warned = [
        event["message"]
        for path in sorted(tmp_path.glob("ws/runs/*/events.jsonl"))
        for event in map(json.loads, path.read_text(encoding="utf-8").splitlines())
        if event["event"] == "warning"
    ]
    # An empty file is an empty cache; half a one is damaged.
    assert (len(aside), bool(warned)) == ((1, True) if keep else (0, False))
    assert all("was damaged" in text for text in warned)


def test_a_half_line_at_the_end_of_the_log_is_asked_again_and_damage_in_the_middle_is_named(tmp_path):
    with Served() as mock:
        assert kakehashi("assess", mock.subject, *CORE, cwd=tmp_path).code == 0
        (calls,) = tmp_path.glob("ws/runs/*/calls.jsonl")
        (rows,) = tmp_path.glob("ws/runs/*/rows.jsonl")
        cache = tmp_path / "ws" / "cache" / "responses.sqlite"
        cache.unlink()
        calls.write_bytes(calls.read_bytes()[:-20])
        rows.write_bytes(rows.read_bytes()[:-20])
        again = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert (again.code, mock.server.calls) == (0, 29), again.both
        assert len(run_files(tmp_path / "ws", "rows")) == 28
        lines = rows.read_bytes().splitlines(keepends=True)
        rows.write_bytes(b"".join([*lines[:3], b'{"answer":{"text":"cut\n', *lines[4:]]))
        damaged = kakehashi("assess", mock.subject, *CORE, cwd=tmp_path)
        assert (damaged.code, damaged.json["error"]) == (5, "CorruptFileError")
        assert "rows.jsonl" in damaged.json["message"]
        assert mock.server.calls == 29
