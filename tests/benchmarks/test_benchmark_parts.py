"""Every part of ``make bench`` runs at toy size without peers; nothing here looks at a clock."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from benchmarks import mock, run
from benchmarks.bench import Bench, mock_server
from benchmarks.part import all_parts
from benchmarks.subjects import four_way, index_snapshot

PARTS = all_parts()


def test_parts_have_names_and_places_of_their_own() -> None:
    assert {
        "air-bench",
        "commitments",
        "engine",
        "index",
        "judging",
        "memory",
        "report",
        "resume",
        "start",
    } <= {part.name for part in PARTS}
    assert len({part.name for part in PARTS}) == len({part.order for part in PARTS}) == len(PARTS)


def test_the_subject_of_the_four_way_table_does_what_the_page_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    four_way.main()
    told = json.loads(capsys.readouterr().out)
    assert (told["instruments"], told["rows"]) == (14, 28)
    assert 0 < told["read"] < told["seconds"]


def test_the_subject_of_the_snapshot_imports_and_counts_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["index_snapshot", str(tmp_path), "20"])
    index_snapshot.main()
    told = json.loads(capsys.readouterr().out)
    # two incidents in each of ten years; the measure shows the five whole years before the snapshot
    assert told["counted"] == 10
    assert told["imported"] > 0


@pytest.mark.slow
def test_parts_run_at_toy_size_and_fill_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["air-bench", "engine", "judging", "memory", "resume", "start"]
    options = ["--scale", "0.0001", "--repetitions", "1", "--no-peers"]
    places = ["--out", str(tmp_path / "out"), "--page", str(tmp_path / "page.md")]
    assert run.main([*wanted, *options, *places]) == 0
    text = (tmp_path / "page.md").read_text()
    for part in PARTS:
        assert (f"## {part.title}" in text) == (part.name in wanted)
    assert "| inspect-ai | 100 | not measured | peers were left out of this run |" in text
    assert "not the issue's figures" in text
    last = {name: json.loads((tmp_path / "out" / name / "last.json").read_text()) for name in wanted}
    for record in last.values():
        assert record["complete"]
    # What was measured was done: as many samples answered as were asked for, and each logged (the subject looks).
    assert last["engine"]["records"]["ours-100/0"]["samples"] == 20
    assert last["engine"]["records"]["ours-100/0"]["written_mb"] > 0
    assert last["engine"]["records"]["bare-500/0"]["samples"] == 20
    assert last["memory"]["records"]["run/0"]["memory"][-1][0] == 20
    resumed = last["resume"]["records"]["resume/0"]
    assert resumed["samples"] == 21
    assert 0 < resumed["imported"] <= resumed["opened"] <= resumed["to_first_call"]
    assert last["judging"]["records"]["japanese/0"]["answers"] == 20
    assert not list((tmp_path / "out").rglob("*.jsonl")), "what the subjects wrote is taken away"
    assert "not measured" in capsys.readouterr().out


def test_a_subject_of_ours_that_breaks_down_is_an_error_not_a_gap(tmp_path: Path) -> None:
    bench = Bench(tmp_path, say=lambda _: None)
    with pytest.raises(RuntimeError, match="bare_aiohttp broke down"):
        bench.subject("bare_aiohttp", "--no-such-option")


def test_the_program_starts_as_make_starts_it() -> None:
    """Its own folder holds modules with names of the standard library's."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "benchmarks/run.py", "--list"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [part.name for part in PARTS]


def test_an_unknown_part_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run.main(["motor"])
    assert "no part motor; there are engine" in capsys.readouterr().err


def test_the_mock_answers_each_request_with_a_text_of_its_own_and_counts() -> None:
    with mock_server(1.0) as url:
        said = []
        for number in range(3):
            body = json.dumps({"messages": [{"role": "user", "content": str(number)}]}).encode()
            request = urllib.request.Request(url + "/chat/completions", body)
            with urllib.request.urlopen(request, timeout=10) as response:
                said.append(json.load(response)["choices"][0]["message"]["content"])
        with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as response:
            stats = json.load(response)
    assert len(set(said)) == 3
    assert stats["answered"] == 3
    assert stats["cpu"] > 0


def test_the_mock_takes_a_request_in_pieces() -> None:
    class Wire:
        def __init__(self) -> None:
            self.sent = b""

        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes) -> None:
            self.sent += data

    connection = mock.Answering()
    connection._transport = Wire()  # type: ignore[assignment]
    request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd"
    for cut in range(len(request)):
        connection.data_received(request[cut : cut + 1])
    head, _, body = connection._transport.sent.partition(b"\r\n\r\n")  # type: ignore[union-attr]
    assert body == mock.reply(b"abcd")
    assert f"Content-Length: {len(body)}".encode() in head


def test_subjects_for_peers_need_nothing_of_ours() -> None:
    """They run in an environment where the package is not installed."""
    script = "import sys; sys.path.insert(0, 'benchmarks/subjects'); import stopwatch"
    script += "; print('kakehashi' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
    for name in ("inspect_ai_eval", "lm_eval_requests", "openai_client", "bare_httpx", "bare_aiohttp"):
        assert "kakehashi" not in (root / "benchmarks" / "subjects" / f"{name}.py").read_text()
