"""docs/joint-exercise.md is run as it stands."""

import json
import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from kakehashi.cli.main import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "joint-exercise.md"


def test_the_walk_through_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = block.splitlines()
    assert len(lines) == 10
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "kakehashi"
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, (line, done.output, done.exception)
    assert "合同評価演習「July round」" in done.stdout
    found = json.loads(Path("july/combined.json").read_text(encoding="utf-8"))
    verdicts = {(one["system"], one["measure"]): one["verdict"] for one in found["verdicts"]}
    assert verdicts["mock-refuse", "kakehashi/core:safe-handling-rate"] == "not-replicated"
    assert verdicts["mock-comply", "kakehashi/core:safe-handling-rate"] == "replicated"
    assert found["pairs"][0]["settings"][0]["path"] == "subjects.mock-refuse.model"
