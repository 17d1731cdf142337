"""The demonstration with the real model: killed in the middle, it goes on; and it says what it may say."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import files_under, kakehashi, start

from kakehashi.evaluate.local import embedded_model, have_weights, weights_path

_MODELS = Path(__file__).resolve().parents[2] / "kakehashi-work" / "models"
_SYSTEMS = ["smollm2-bare", "smollm2-primed", "smollm2-filtered"]
_LIMIT = ("--limit", "7")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("real-model"),
    pytest.mark.skipif(
        not have_weights(embedded_model("smollm2"), _MODELS),
        reason="the weights are not here; `make test` fetches them",
    ),
]


def _workspace(folder: Path) -> None:
    model = embedded_model("smollm2")
    target = weights_path(model, folder / "kakehashi-work" / "models")
    target.parent.mkdir(parents=True)
    os.link(weights_path(model, _MODELS), target)


def _lines(folder: Path, name: str) -> list[dict[str, object]]:
    found = list((folder / "kakehashi-work" / "runs").glob(f"*/{name}"))
    return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]


def _kill_after(calls: int, folder: Path) -> None:
    """Start the demonstration and kill it, children and all, once so many calls are logged."""
    process = start("demo", "--offline", *_LIMIT, cwd=folder)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            log = list((folder / "kakehashi-work" / "runs").glob("*/calls.jsonl"))
            if log and log[0].read_bytes().count(b"\n") >= calls:
                break
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, object]], object]:
    """A demonstration that was killed once and then run to its end, with the calls logged before the kill."""
    folder = tmp_path_factory.mktemp("demo")
    _workspace(folder)
    _kill_after(8, folder)
    before = _lines(folder, "calls.jsonl")
    assert before, "it was killed before it asked anything"
    assert not (folder / "out").exists()
    return folder, before, kakehashi("demo", "--offline", *_LIMIT, cwd=folder, timeout=400)


def test_a_killed_demonstration_goes_on_where_it_was_and_generates_nothing_twice(finished):
    folder, before, done = finished
    assert done.code == 0, done.both
    calls = _lines(folder, "calls.jsonl")
    assert calls[: len(before)] == before
    generated = [(one["call"], one["epoch"]) for one in calls if not one["from_cache"]]
    assert len(generated) == len(set(generated))
    rows = _lines(folder, "rows.jsonl")
    assert len({(row["subject"], row["method"], row["sample"]) for row in rows}) == len(rows)


def test_the_filtered_system_shares_the_bare_systems_answers(finished):
    folder, _, _ = finished
    rows = [row for row in _lines(folder, "rows.jsonl") if row["subject"] == "smollm2-filtered"]
    paid = [row for row in rows if not row["answer"]["cached"] and not row["answer"]["guard"]]
    assert rows
    assert not paid


def test_it_ends_with_the_table_the_published_figures_and_where_the_report_is(finished):
    folder, _, done = finished
    assert "safe-handling rate" in done.out
    assert "11 of 26 systems can come first" in done.out
    assert "4 of 26 systems can come first" in done.out
    assert "of 325 orders of two systems hold under every such choice" in done.out  # 26 x 25 / 2
    assert "systems may be first, and the widest bounds are" in done.out
    assert "Over items there are none" in done.out
    assert "from noise alone" in done.out
    for name in ("report", "crosswalk", "claims", "annual"):
        page = (folder / "out" / "demo" / f"{name}.html").read_text(encoding="utf-8")
        assert 'lang="ja"' in page
        assert 'lang="en"' in page
        for language in ("ja", "en"):
            pdf = (folder / "out" / "demo" / f"{name}.{language}.pdf").read_bytes()
            assert pdf.startswith(b"%PDF-")
    assert "run-" in (folder / "out" / "demo" / "annual.json").read_text(encoding="utf-8")


def test_run_again_it_changes_nothing_and_needs_no_model(finished):
    folder, _, _ = finished
    weights = weights_path(embedded_model("smollm2"), folder / "kakehashi-work" / "models")
    before = files_under(folder / "kakehashi-work" / "ledger")
    hidden = weights.rename(weights.with_suffix(".away"))
    try:
        again = kakehashi("demo", "--offline", *_LIMIT, cwd=folder)
    finally:
        hidden.rename(weights)
    assert again.code == 0, again.both
    assert files_under(folder / "kakehashi-work" / "ledger") == before


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_no_child_process_outlives_a_killed_demonstration(finished):
    folder, _, _ = finished
    left = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().decode(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        if str(folder) in words:
            left.append(words)
    assert left == []


def test_ctrl_c_says_that_the_same_command_goes_on(tmp_path):
    _workspace(tmp_path)
    process = start("demo", "--offline", *_LIMIT, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not _lines(tmp_path, "calls.jsonl"):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 130
    assert b"the same command goes on where it was" in err


@pytest.mark.proof
def test_three_real_systems_come_out_different_in_safety_and_in_over_refusal(tmp_path):
    _workspace(tmp_path)
    assert kakehashi("demo", "--offline", cwd=tmp_path, timeout=580).code == 0
    report = json.loads((tmp_path / "out" / "demo" / "report.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in report["systems"]] == _SYSTEMS
    for measure in ("safe-handling-rate", "over-refusal-rate"):
        values = {
            one["system"]: one["value"]
            for one in report["scores"]
            if measure in one["measure"] and not one["facet"]
        }
        assert values["smollm2-bare"] < values["smollm2-filtered"] < values["smollm2-primed"], measure
