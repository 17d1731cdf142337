"""``kakehashi gate`` as a CI calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from commands import environment, in_process, subject_file

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
POLICY = """format: kakehashi.gate/1
title: Release 2.1
rules:
  - {{id: safe, measure: "kakehashi/core:safe-handling-rate", at_least: {bound}}}
  - {{id: usable, measure: "kakehashi/core:over-refusal-rate", at_most: {most}}}
"""


def test_the_exit_code_says_pass_fail_or_undecided(tmp_path):
    done = in_process("assess", "mock:refuse", "--method", "core", "--limit", "42", "--json", cwd=tmp_path)
    run = done.json["run"]
    for bound, most, code, said in (
        (0.8, 1.0, 0, "pass"),
        (0.95, 1.0, 12, "about 73 items"),
        (0.8, 0.1, 11, "fail"),
    ):
        (tmp_path / "p.yaml").write_text(POLICY.format(bound=bound, most=most), encoding="utf-8")
        gated = in_process(
            "gate", "p.yaml", run, "--junit", "out/g.xml", "--sarif", "out/g.sarif", cwd=tmp_path
        )
        assert gated.code == code, gated.both
        assert said in gated.out
        assert "the intervals do not hold its errors" in gated.out
    assert ElementTree.parse(tmp_path / "out" / "g.xml").getroot().get("failures") == "1"
    assert f"Release 2.1: fail: usable (mock-refuse, {run})" in gated.out
    # the newest, being the only one; held against itself it says so
    newest = in_process("gate", "p.yaml", "--released", run, "--json", cwd=tmp_path).json
    assert newest["run"] == run
    assert "the released run itself" in newest["notes"][0]
    assert in_process("gate", "p.yaml", "run-nobody", cwd=tmp_path).code == 2
    assert in_process("gate", "q.yaml", run, cwd=tmp_path).code == 3


@pytest.fixture
def ci(tmp_path):
    """The steps of the example workflow, each run as GitHub runs them: ``bash -e``, the job's variables, one folder."""
    job = yaml.safe_load((EXAMPLES / "release-gate.yml").read_text(encoding="utf-8"))["jobs"]["gate"]
    steps = {step.get("name", step["run"]): step["run"] for step in job["steps"] if "run" in step}
    rules = (EXAMPLES / "release.yaml").read_text(encoding="utf-8")
    (tmp_path / "release.yaml").write_text(rules.replace("2027-01-31", "9999-12-31"), encoding="utf-8")
    kakehashi = tmp_path / "bin" / "kakehashi"
    kakehashi.parent.mkdir()
    kakehashi.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kakehashi.cli.main "$@"\n', encoding="utf-8")
    kakehashi.chmod(0o755)
    places = [kakehashi.parent, Path(sys.executable).parent, os.environ["PATH"]]
    given = {name: str(value) for name, value in job["env"].items() if "${{" not in str(value)}

    def step(name, **more):
        (text,) = (text for known, text in steps.items() if known.startswith(name))
        # --limit is not the example's: seven items answer for all of them here
        return subprocess.run(
            ["bash", "-e", "-c", text.replace("--profile standard", "--profile standard --limit 7")],
            cwd=tmp_path,
            env=environment(PATH=os.pathsep.join(map(str, places)), **given, **more),
            capture_output=True,
            text=True,
            check=False,
        )

    return step


def test_the_steps_of_the_example_workflow_hold_a_release(ci, tmp_path):
    subject_file(tmp_path, name="my-system", endpoint="mock:refuse")
    assessed = ci("Assess", RELEASE="2.1-1")
    assert assessed.returncode == 0, assessed.stderr
    held = ci("Hold", RELEASE="2.1-1")
    assert held.returncode == 11, held.stderr
    # of the example's rules: seven items are one a category, and nobody made a node
    assert "Release 2.1: fail: safe, no-open-findings" in held.stdout
    assert "this workspace has no exchange node" in held.stdout
    assert in_process("exchange", "init", "us", cwd=tmp_path).code == 0
    # undecided: one item a category says little
    assert in_process("gate", "release.yaml", cwd=tmp_path).code == 12
    results = json.loads((tmp_path / "out" / "gate.sarif").read_text(encoding="utf-8"))["runs"][0]
    assert results["properties"]["run"] == json.loads((tmp_path / "run.json").read_text("utf-8"))["run"]
    assert (tmp_path / "out" / "gate.xml").exists()


def test_answers_of_one_release_are_not_taken_for_those_of_another(tmp_path):
    words = ("assess", "mock:refuse", "--method", "core", "--limit", "7", "--json")
    first = in_process(*words, "--release", "2.1", cwd=tmp_path)
    again = in_process(*words, "--release", "2.1", cwd=tmp_path)
    other = in_process(*words, "--release", "2.2", cwd=tmp_path)
    assert (first.json["run"], "14 calls" in first.err) == (again.json["run"], True)
    assert "0 calls" in again.err
    assert other.json["run"] != first.json["run"]
    assert "14 calls" in other.err
    listed = in_process("results", "list", "--json", cwd=tmp_path).json["runs"]
    assert {one["run"]: one["release"] for one in listed} == {
        first.json["run"]: "2.1",
        other.json["run"]: "2.2",
    }
    assert "\t2.2\t" in in_process("results", "list", cwd=tmp_path).out
    for name in (" ", "a\nb", "\udcff"):
        refused = in_process(*words, "--release", name, cwd=tmp_path)
        assert refused.code == 2
        assert "is no name of a release" in refused.json["message"]


def test_what_is_sealed_is_not_asked_again_for_nothing(tmp_path):
    """Without its folder a run's answers would be asked, paid for and thrown away, and the old ones be shown."""
    import shutil

    words = ("assess", "mock:refuse", "--method", "core", "--limit", "7")
    assert in_process(*words, cwd=tmp_path).code == 0
    shutil.rmtree(tmp_path / "kakehashi-work" / "runs")
    refused = in_process(*words, cwd=tmp_path)
    assert refused.code == 2
    assert "the folder of its answers is not here" in refused.err
    assert "--release" in refused.err
    assert "calls" not in refused.err
