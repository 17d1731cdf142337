"""Capability methods, generated code and disclosure through the real command."""

import json
from pathlib import Path

import pytest
from commands import kakehashi
from reference.upstream_shapes import write_mirror

from kakehashi.evaluate.sandbox import find_isolation


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return write_mirror(tmp_path / "mirror")


def test_mmlu_and_hellaswag_run_on_a_mirror_and_say_how_answers_were_read(tmp_path, mirror):
    done = kakehashi(
        "assess",
        "mock:echo",
        "--method",
        "mmlu",
        "--method",
        "hellaswag",
        "--mirror",
        mirror,
        "--json",
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    shown = kakehashi("results", "show", done.json["run"], "--json", cwd=tmp_path)
    text = json.dumps(shown.json)
    # An echo begins with the question and ends with "Answer:", so it gives no letter.
    assert "mmlu:accuracy" in text
    assert "read by letter 8" in text


def test_generated_code_is_refused_then_run(tmp_path, mirror):
    words = ("assess", "mock:comply", "--method", "humaneval", "--mirror", mirror)
    refused = kakehashi(*words, cwd=tmp_path)
    assert refused.code == 2
    assert "--allow-code" in refused.err
    assert not list((tmp_path / "kakehashi-work").glob("runs/*"))
    if not find_isolation().is_enough:
        pytest.skip("no isolation here")
    done = kakehashi(*words, "--allow-code", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    (folder,) = (tmp_path / "kakehashi-work" / "runs").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    text = json.dumps(manifest)
    assert '"isolation": ["users", "network", "processes", "filesystem"' in text
    assert '"wall_seconds"' in text


def test_a_plan_and_a_repetition_ask_for_as_many_answers_as_were_said(tmp_path, mirror):
    if not find_isolation().is_enough:
        pytest.skip("no isolation here")
    words = ("mock:comply", "--method", "humaneval", "--mirror", mirror)
    planned = kakehashi("plan", "write", *words, "--repeats", "3", "--title", "t", "--json", cwd=tmp_path)
    assert planned.code == 0, planned.err
    assert "licence" in planned.err
    cited = f"follows the plan {planned.json['plan'][:16]}"
    once = kakehashi("assess", *words, "--allow-code", "--json", cwd=tmp_path)
    assert (once.code, cited in once.err) == (0, False)
    done = kakehashi("assess", *words, "--repeats", "3", "--allow-code", "--json", cwd=tmp_path)
    assert (done.code, cited in done.err) == (0, True), done.err
    listed = kakehashi("plan", "check", planned.json["plan"], "--json", cwd=tmp_path).json
    assert listed["counts"] == {"done": 1, "changed": 1}
    (changed,) = [cell for cell in listed["cells"] if cell["status"] == "changed"]
    assert "repeats: 3 planned, None reported" in changed["changes"]
    exported = kakehashi("results", "export", done.json["run"], "--eee", "--out", "exp", cwd=tmp_path)
    assert exported.code == 0, exported.err
    again = ("assess", "--from", "exp", "--mirror", mirror, "--workspace", "there")
    off = kakehashi(*again, cwd=tmp_path)  # another's manifest runs no code here
    assert (off.code, "--allow-code" in off.err) == (2, True)
    decided = kakehashi(*again, "--allow-code", "--repeats", "2", cwd=tmp_path)
    assert (decided.code, "--repeats is decided by the manifest" in decided.err) == (2, True)
    found = kakehashi(*again, "--allow-code", "--json", cwd=tmp_path)
    assert found.code == 0, found.err
    assert found.json["run"] == done.json["run"]
    assert {row["result"]["verdict"] for row in found.json["replications"]} <= {"replicated", "undecided"}


def test_several_answers_are_only_for_methods_that_take_them(tmp_path):
    done = kakehashi(
        "assess", "mock:echo", "--method", "facts", "--limit", "3", "--repeats", "2", cwd=tmp_path
    )
    assert done.code == 2
    assert "humaneval" in done.err


def test_disclosure_runs_in_three_languages(tmp_path):
    done = kakehashi(
        "assess", "mock:refuse", "--method", "disclosure", "--language", "en,ja,zh", "--json", cwd=tmp_path
    )
    assert done.code == 0, done.err
    text = json.dumps(done.json["assessment"], ensure_ascii=False)
    assert "kakehashi/disclosure:disclosure-rate" in text
    assert "kakehashi/disclosure:over-disclosure-rate" in text


def test_an_unreviewed_language_is_kept_out_and_said_to_be_in_both_languages(tmp_path):
    words = (
        "assess",
        "mock:refuse",
        "mock:comply",
        "mock:echo",
        "--method",
        "disclosure",
        "--method",
        "core",
    )
    done = kakehashi(
        *words, "--language", "en,ja", "--limit", "7", "--out", "out", "--lang", "en,ja", "--json", cwd=tmp_path
    )  # fmt: skip
    assert done.code == 0, done.err
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "kept out of comparisons: Kakehashi disclosure suite (Japanese)" in page
    assert "比較の対象からは除いている：架け橋 AI開示評価セット（日本語）" in page
    run = done.json["run"]
    brief = kakehashi("compare", "brief", run, "--json", cwd=tmp_path)
    assert brief.json["unreviewed"] == [["kakehashi/disclosure", "ja"]]  # Chinese was not asked
    assert "kakehashi/disclosure:disclosure-rate [en]" in brief.json["methods"]
    assert not [name for name in brief.json["methods"] if "disclosure" in name and "[ja]" in name]
    english = kakehashi("compare", "brief", run, cwd=tmp_path).out
    assert "nobody has reviewed the language edition: kakehashi/disclosure (Japanese)" in english
    japanese = kakehashi("compare", "brief", run, "--lang", "ja", cwd=tmp_path).out
    assert "この比較の対象から除いたもの：kakehashi/disclosure（日本語）" in japanese
