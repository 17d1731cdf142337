"""Two people without a server, through the command: cards, a bundle by e-mail, an answer, a file that is read."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import KakehashiError

VULNERABILITY = "vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def exchange(home: str, *arguments: object, code: int = 0) -> str:
    """Run ``kakehashi exchange`` in this process; errors of ours come as they are raised."""
    words = ["exchange", *map(str, arguments), "--workspace", home]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert (done.return_value or 0) == code, done.output
    return done.stdout


def as_json(home: str, *arguments: object, code: int = 0):
    return json.loads(exchange(home, *arguments, "--json", code=code))


@pytest.fixture
def two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for home, name in (("a", "Institute A"), ("b", "Institute B")):
        made = as_json(home, "init", name, "--small")
        assert Path(made["card"]).is_file()
        exchange(home, "card", "--out", f"{home}.card")
        assert Path(f"{home}.card").read_bytes() == Path(made["card"]).read_bytes()
    as_json("a", "partner", "b.card", "--clearance", "green")
    as_json("b", "partner", "a.card", "--clearance", "green")
    finding = {
        "type": "vulnerability",
        "spec_version": "2.1",
        "id": VULNERABILITY,
        "created": "2026-03-01T09:00:00.000Z",
        "modified": "2026-03-01T09:00:00.000Z",
        "name": "answers when asked politely",
    }
    Path("finding.json").write_text(json.dumps(finding))
    exchange("a", "add", "finding.json", "--level", "green", "--sign")
    return tmp_path


def test_a_bundle_travels_in_parts_is_answered_and_the_next_begins_there(two):
    made = as_json("a", "bundle", "make", "--to", "Institute B", "--out", "x.bundle", "--split", "2k")
    assert (made["first"], made["last"], made["records"], made["left_out"]) == (0, 1, 1, 0)
    assert len(made["files"]) > 1
    with pytest.raises(KakehashiError, match=r"missing: 1\n"):
        exchange("b", "bundle", "apply", *made["files"][1:])
    assert as_json("b", "bundle", "show", *made["files"])[0]["records"][0]["id"] == VULNERABILITY
    (done,) = as_json("b", "bundle", "apply", *reversed(made["files"]))
    assert (done["new"], done["stands"], done["gap"], done["failures"]) == (1, 1, None, {})
    assert "nothing changed" in exchange("b", "bundle", "apply", *made["files"])
    whole = as_json("a", "bundle", "make", "--to", "Institute B")["files"][0]
    assert whole == "Institute-B-0-1.bundle"
    answer = as_json("b", "bundle", "ack", whole)["file"]
    assert as_json("b", "bundle", "ack", "--to", "Institute A")["file"] == answer == "Institute-A.ack"
    as_json("b", "bundle", "ack", *made["files"])
    assert as_json("a", "bundle", "ack", answer) == {
        "partner": "Institute B",
        "stands": 1,
        "also": 0,
        "cosigned": 1,
    }
    assert as_json("a", "bundle", "make", "--to", "Institute B")["first"] == 1
    (seen,) = as_json("a", "log", "cosigned")
    assert seen["lines"] == 1
    assert "cosigned by Institute B" in exchange("a", "verify")
    assert as_json("b", "log", "show", "Institute A")["heard"] == 1
    exchange("a", "add", "finding.json", "--level", "green", "--sign")  # the same again
    gap = as_json("a", "bundle", "make", "--to", "Institute B", "--since", "1", "--out", "late.bundle")
    assert gap["records"] == 0


def test_one_finding_is_written_as_one_file_and_read_without_a_node(two):
    exchange("a", "write", VULNERABILITY, "--out", "for-b.json")
    said = exchange("nowhere", "read", "for-b.json", "--key", "a.card")
    assert "answers when asked politely" in said
    assert "right, by Institute A" in said
    assert not Path("nowhere").exists()
    assert "whose key" in exchange("nowhere", "read", "for-b.json")
    assert exchange("b", "read", "for-b.json", "--language", "ja").startswith("脆弱性\n")
    exchange("a", "write", VULNERABILITY, "--to", "Institute B", "--out", "for-b.bundle")
    assert "answers when asked politely" in exchange("b", "read", "for-b.bundle")
    with pytest.raises(KakehashiError):
        exchange("nowhere", "read", "for-b.bundle")
    Path("for-b.json").write_text(Path("for-b.json").read_text().replace("politely", "rudely"))
    with pytest.raises(KakehashiError, match="signature"):
        exchange("b", "read", "for-b.json")


def test_partners_members_reads_and_balances_are_listed(two):
    (row,) = as_json("a", "partner")
    assert (row["name"], row["unsigned"]) == ("Institute B", "quarantine")
    rights = ("--reads", "findings", "--role", "auditor", "--models", "vendor/*")
    (row,) = as_json("a", "member", "Institute B", "--clearance", "green", *rights)
    assert (row["roles"], row["models"]) == (["auditor"], ["vendor/*"])
    assert as_json("a", "list", "--as", "Institute B") == []
    assert as_json("a", "log", "reads") == []
    assert as_json("a", "offers") == []
    assert as_json("a", "balance") == {"own": [], "others": []}
    with pytest.raises(KakehashiError, match="partner"):
        exchange("a", "bundle", "make", "--to", "Institute C")
