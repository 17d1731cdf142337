"""Rendered attacks reach no failure output of pytest and no repr."""

import shutil
import subprocess
import sys
from pathlib import Path

from kakehashi.evaluate.methods.attacks import AttackSuite
from kakehashi.evaluate.methods.base import Selection

FAILING = """
from kakehashi.evaluate.methods.attacks import AttackSuite
from kakehashi.evaluate.methods.base import Selection

SAMPLE = next(s for s in AttackSuite().samples(Selection(limit=40)) if s.kind == "attack" and s.turns)


def test_compares_texts():
    print(SAMPLE.turns[0])
    assert SAMPLE.turns[0] == "what was expected"


def test_raises_with_a_text():
    text = SAMPLE.turns[0]
    raise ValueError(text)
"""


def pytest_in(folder: Path, *options: str) -> str:
    """What pytest prints of the failing tests in a folder of their own."""
    (folder / "test_failing.py").write_text(FAILING, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            "--rootdir",
            str(folder),
            *options,
            str(folder),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert "2 failed" in done.stdout
    return done.stdout + done.stderr


def test_a_failing_test_of_this_folder_prints_no_rendered_attack(tmp_path):
    text = next(s for s in AttackSuite().samples(Selection(limit=40)) if s.kind == "attack").turns[0]
    piece = next(line for line in text.splitlines() if len(line) > 20)[:20]
    assert (piece in pytest_in(tmp_path)) is True  # without the conftest they do
    shutil.copy(Path(__file__).parent / "conftest.py", tmp_path)
    for options in ((), ("-vv", "-l", "--tb=long", "-rA")):
        printed = pytest_in(tmp_path, *options)
        assert (piece in printed) is False
        assert "values withheld" in printed
        assert "ValueError" in printed
        assert "test_failing.py" in printed


def test_no_sample_shows_its_texts_in_its_repr():
    suite = AttackSuite()
    shown = [
        sample.id
        for sample in suite.samples(Selection(limit=40))
        if any(text in repr(sample) for text in (*sample.turns, sample.system or "\0", sample.target or "\0"))
    ]
    assert shown == []
