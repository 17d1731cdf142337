"""The READMEs' lines of Python do what they say, as they stand there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def lines_of(name: str) -> str:
    (block,) = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    return str(block)


def test_the_lines_of_python_run_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the systems are others (mocks, so that no model has to run) and fewer items are asked."""
    lines = lines_of("README.md")
    others = lines.replace('"local/smollm2", "smollm2-primed"', '"mock:refuse", "mock:comply"')
    fewer = others.replace('profile="quick"', 'profile="quick", limit=7')
    assert lines != others != fewer
    monkeypatch.chdir(tmp_path)
    exec(compile(fewer, "README.md", "exec"), {})
    assert capsys.readouterr().out == "insufficient\n"
    assert "<html" in (tmp_path / "out/report/report.html").read_text(encoding="utf-8")


def test_both_readmes_print_the_same_python() -> None:
    assert lines_of("README.md") == lines_of("README.ja.md")
