"""The same workspace and day give the same bytes in another process, zone, locale and order of hashes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FORMATS = "html,json,pdf,xlsx,csv,docx,png"
HERE = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
ELSEWHERE = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "LANG": "ja_JP.UTF-8", "PYTHONHASHSEED": "2"}


def written(workspace: Path, out: Path, surroundings: dict[str, str], *words: str) -> dict[str, bytes]:
    """Every file of a report that a process of its own makes."""
    command = [sys.executable, "-m", "kakehashi.cli.main", "report", *words, "--workspace", str(workspace)]
    command += ["--format", FORMATS, "--lang", "ja,en", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **surroundings})
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.mark.parametrize(
    "words",
    [
        ("monthly", "--as-of", "2026-10-31"),
        pytest.param(("quarterly", "--as-of", "2026-10-31"), marks=pytest.mark.proof),
        pytest.param(("annual", "--as-of", "2026-10-31"), marks=pytest.mark.proof),
        pytest.param(("assessment", "run-000000000002"), marks=pytest.mark.proof),
    ],
    ids=lambda words: words[0],
)
def test_a_report_is_the_same_bytes_in_every_format_wherever_it_is_made(
    workspace: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    here = written(workspace, tmp_path / "here", HERE, *words)
    elsewhere = written(workspace, tmp_path / "elsewhere", ELSEWHERE, *words)
    kinds = {name.rpartition(".")[2] for name in here}
    assert kinds == set(FORMATS.split(",")) - (set() if words[0] in ("annual", "assessment") else {"png"})
    assert here.keys() == elsewhere.keys()
    assert [name for name in here if here[name] != elsewhere[name]] == []
