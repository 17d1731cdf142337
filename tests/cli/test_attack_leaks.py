"""The real command prints and reports no rendered attack, whatever happens; a mock that echoes them would show it."""

import contextlib
import html
import json

import pytest
from commands import Served, kakehashi

from kakehashi.evaluate.methods.attacks import AttackSuite
from kakehashi.evaluate.methods.base import Selection


@pytest.fixture(scope="module")
def pieces():
    """A telling piece of every rendered attack of a quick run, and of every request in it."""
    found = set()
    for sample in AttackSuite().samples(Selection(limit=40, max_tokens=48)):
        for text in (*sample.turns, *([sample.system] if sample.system else [])):
            lines = [line.strip() for line in text.splitlines() if len(line.strip()) >= 24]
            found.update(line[:48] for line in lines)
    assert len(found) > 60
    return found


def leaks(text, pieces):
    """How many pieces stand in a text, however it was escaped."""
    plain = html.unescape(text)
    with contextlib.suppress(ValueError):
        plain += "\n" + json.dumps(json.loads(text), ensure_ascii=False)
    plain += plain.replace('\\"', '"').replace("\\n", "\n")
    return sum(piece in plain for piece in pieces)


def test_terminal_report_and_results_of_a_run_hold_no_rendered_attack(tmp_path, pieces):
    words = (
        "assess",
        "mock:echo",
        "mock:refuse",
        "--method",
        "attacks",
        "--limit",
        "40",
        "--workspace",
        "ws",
    )
    done = kakehashi("--debug", *words, "--out", "out", cwd=tmp_path)
    assert done.code == 0, done.err
    again = kakehashi(*words, "--json", cwd=tmp_path)
    run = again.json["run"]
    shown = kakehashi("results", "show", run, "--all", "--workspace", "ws", cwd=tmp_path)
    plan = kakehashi(*words, "--estimate", cwd=tmp_path)
    texts = {
        "terminal": done.both,
        "json": again.out,
        "results": shown.both,
        "estimate": plan.both,
        **{path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()},
        "events": (tmp_path / "ws" / "runs" / run / "events.jsonl").read_text(encoding="utf-8"),
    }
    assert {name: leaks(text, pieces) for name, text in texts.items() if leaks(text, pieces)} == {}
    # The check can fail: the run folder keeps what was sent, on purpose.
    kept = (tmp_path / "ws" / "runs" / run / "rows.jsonl").read_text(encoding="utf-8")
    assert sum(piece in kept for piece in pieces) > 5


@pytest.mark.parametrize("fault", ["400", "503", "truncated"])
def test_errors_hold_no_rendered_attack_even_with_debug(tmp_path, pieces, fault):
    with Served(default=fault) as served:
        words = ("assess", served.subject, "--method", "attacks", "--limit", "40", "--patience", "0")
        done = kakehashi_with_traceback("--debug", *words, "--workspace", "ws", cwd=tmp_path)
    assert done.returncode != 0
    assert leaks(done.stdout + done.stderr, pieces) == 0


def kakehashi_with_traceback(*arguments, cwd):
    """The command where a traceback is wanted."""
    import subprocess

    from commands import environment, words

    return subprocess.run(
        words(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
