"""``results import``, ``lint`` and ``identify`` through the real command."""

import json
import shutil
from pathlib import Path

import pytest
from commands import files_under, kakehashi

from kakehashi.cli.main import run

FIXTURES = Path(__file__).parents[1] / "ledger" / "fixtures"
TABLE = "model,accuracy,asr\nalpha,0.5,0.25\nbeta,-1,0.75\ngamma,0.8,\n"
WIDE = ("--wide", "model", "--set", "minimum=0", "--set", "maximum=1", "--set", "unit=proportion")
DIRECTIONS = ("--set", "higher_is_better={accuracy: true, asr: false}")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "board.csv").write_text(TABLE)
    for name in ("sums.eval", "tests.report.jsonl", "promptfoo_sums.json"):
        (tmp_path / "logs").mkdir(exist_ok=True)
        shutil.copy(FIXTURES / name, tmp_path / "logs" / name)
    return tmp_path


def refused(capsys, monkeypatch, folder, *words):
    """Exit code and message of a command that goes wrong, in this process."""
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as caught:
        run(["results", *words, "--workspace", "ws"])
    return caught.value.code, capsys.readouterr().err


def test_a_folder_of_logs_is_imported_listed_shown_and_verified(folder):
    done = kakehashi("results", "import", "logs", "--workspace", "ws", "--json", cwd=folder)
    assert done.code == 0, done.err
    assert [one["format"] for one in done.json["sources"]] == ["promptfoo", "inspect", "garak"]
    assert sum(one["added"] for one in done.json["sources"]) == 5
    again = kakehashi("results", "import", "logs", "--workspace", "ws", cwd=folder)
    assert "sums.eval (inspect): 0 of 1 records new" in again.out
    listed = kakehashi("results", "list", "--workspace", "ws", "--json", cwd=folder).json
    assert {one["source"]: one["items"] for one in listed["imported"]}["sums.eval"] == 12
    shown = kakehashi("results", "show", "sums.eval", "--workspace", "ws", cwd=folder)
    assert "inspect/sums:match/accuracy\t\t0.667" in shown.out
    record = done.json["sources"][1]["records"][0]
    by_id = kakehashi("results", "show", record[:12], "--workspace", "ws", "--json", cwd=folder)
    assert {one["subject"] for one in by_id.json["measurements"]} == {"mockllm/model"}
    assert kakehashi("results", "verify", "--workspace", "ws", cwd=folder).code == 0
    unknown = kakehashi("results", "show", "sums.evil", "--workspace", "ws", cwd=folder)
    assert unknown.code == 2
    assert "sums.eval" in unknown.err


def test_a_dry_run_says_the_same_and_makes_no_workspace(folder):
    before = files_under(folder)
    done = kakehashi("results", "import", "logs", "--dry-run", "--workspace", "ws", cwd=folder)
    assert done.code == 0
    assert done.out.count("looked at, nothing written") == 3
    assert files_under(folder) == before


def test_a_table_needs_to_be_told_what_its_columns_mean(folder):
    done = kakehashi("results", "import", "board.csv", "--workspace", "ws", cwd=folder)
    assert done.code == 3
    assert "--wide SUBJECT" in done.err
    assert not (folder / "ws").exists()
    done = kakehashi(
        "results", "import", "board.csv", *WIDE, *DIRECTIONS, "--workspace", "ws", "--json", cwd=folder
    )
    (source,) = done.json["sources"]
    tally = source["tally"]
    assert (tally["rows"], tally["kept"], tally["quarantined"], tally["missing"]) == (5, 4, 1, 1)
    (finding,) = source["findings"]
    assert (finding["row"], finding["code"], finding["with_fix"]) == (
        3,
        "sentinel",
        "becomes a missing value",
    )


def test_long_and_item_tables_can_be_named_by_their_columns(folder, capsys, monkeypatch):
    (folder / "long.csv").write_text("who,what,how\na,x,0.5\nb,x,0.25\n")
    (folder / "items.csv").write_text("who,test,nr,ok\na,t,1,1\na,t,2,0\n")
    done = kakehashi(
        "results", "import", "long.csv", "--long", "who,what,how", "--workspace", "ws", cwd=folder
    )
    assert "2 of 2 records new" in done.out
    done = kakehashi(
        "results", "import", "items.csv", "--items", "who,test,nr,ok", "--workspace", "ws", cwd=folder
    )
    assert "2 item rows, 0 without a number" in done.out
    for words, hint in (
        (("--long", "who,what"), "names 2 columns, not 3"),
        (("--long", "who,what,how", "--wide", "who"), "give one of --wide and --long"),
        (("--set", "unit=score"), "--set needs"),
        (("--wide", "who", "--set", "unit"), "no setting"),
        (("--wide", "who", "--set", "colour=red"), "unknown key 'colour'"),
        (("--columns", "safetywashin"), "Did you mean safetywashing"),
        (("--as", "helmet"), "unknown format"),
    ):
        code, said = refused(capsys, monkeypatch, folder, "import", "long.csv", *words)
        assert code in (2, 3)
        assert hint in said


def test_the_shipped_maps_are_listed_and_shown(folder):
    listed = kakehashi("results", "import", "--maps", "--json", cwd=folder)
    assert listed.json["xstest"]["licence"] == "CC-BY-4.0"
    shown = kakehashi("results", "import", "--maps", "--columns", "airbench", cwd=folder)
    assert "higher_is_better: false" in shown.out


def test_lint_names_every_row_and_says_what_fix_would_do(folder):
    before = files_under(folder)
    done = kakehashi("results", "lint", "board.csv", *WIDE, "--workspace", "ws", cwd=folder)
    assert done.code == 0, done.err
    assert (
        "3\tsentinel\tbeta\tboard:accuracy\tscore -1 with range 0 to 1\tgoes into quarantine\tbecomes a missing value"
        in (done.out)
    )
    assert "4 × direction-missing" in done.out
    assert "5 numbers: 4 kept, 0 repaired, 0 without the uncertainty stated, 1 in quarantine" in done.out
    fixed = kakehashi(
        "results", "lint", "board.csv", *WIDE, "--fix", "--workspace", "ws", "--json", cwd=folder
    )
    assert fixed.json["tally"]["repaired"] == 1
    assert files_under(folder) == before


def test_lint_with_fix_supersedes_what_is_in_the_ledger(folder):
    kakehashi("results", "import", "board.csv", *WIDE, *DIRECTIONS, "--workspace", "ws", cwd=folder)
    looked = kakehashi("results", "lint", "--workspace", "ws", "--json", cwd=folder).json
    assert [row["code"] for row in looked["rows"]] == ["sentinel"]
    assert looked["repaired"] == []
    fixed = kakehashi("results", "lint", "--fix", "--workspace", "ws", "--json", cwd=folder).json
    ((_, new),) = fixed["repaired"]
    shown = kakehashi("results", "show", new[:12], "--workspace", "ws", "--json", cwd=folder).json
    assert {one["value"] for one in shown["measurements"]} == {None, 0.75}
    again = kakehashi("results", "lint", "--fix", "--workspace", "ws", "--json", cwd=folder).json
    assert again["repaired"] == []
    assert kakehashi("results", "verify", "--workspace", "ws", cwd=folder).code == 0
    missing = kakehashi("results", "lint", "nothing-here", "--workspace", "ws", cwd=folder)
    assert missing.code == 2


def test_identify_joins_nothing_before_a_person_accepts_it(folder, capsys, monkeypatch):
    names = ("openai/gpt-4o-2024-05-13", "Mixtral-8x7B-Instruct-v0.1", "qwen1.5_72b_chat", "our-llama")

    def identify(*more):
        return kakehashi("results", "identify", *names, *more, "--workspace", "ws", "--json", cwd=folder).json

    assert [one["how"] for one in identify()] == ["exact", "alias", "unknown", "unknown"]
    assert identify()[2]["suggestions"][0]["model"] == "qwen/qwen1.5-72b-chat"
    assert not (folder / "ws").exists()
    decided = identify("--accept", "our-llama=meta-llama/llama-2-7b-chat-hf")
    assert (decided[3]["how"], decided[3]["model"]) == ("accepted", "meta-llama/llama-2-7b-chat-hf")
    assert [one["how"] for one in identify()] == ["exact", "alias", "unknown", "accepted"]
    kept = json.loads((folder / "ws" / "aliases.json").read_text())
    assert kept["accepted"] == {"our-llama": "meta-llama/llama-2-7b-chat-hf"}
    assert identify("--forget", "our-llama")[3]["how"] == "unknown"
    for words, hint in (
        (("--accept", "our-llama"), "NAME=MODEL"),
        (
            ("--accept", "Mixtral-8x7B-Instruct-v0.1=other"),
            "means 'mistralai/mixtral-8x7b-instruct-v0.1' already",
        ),
        (("--forget", "nobody"), "not accepted by anybody"),
    ):
        code, said = refused(capsys, monkeypatch, folder, "identify", *words)
        assert code == 2
        assert hint in said


def test_identify_asks_for_every_system_of_the_ledger_by_default(folder):
    kakehashi("results", "import", "logs", "--workspace", "ws", cwd=folder)
    done = kakehashi("results", "identify", "--workspace", "ws", cwd=folder)
    assert "mockllm/model" in done.out
    assert done.out.strip().endswith("4 unknown")


def test_a_broken_file_exits_with_3_and_makes_no_workspace(folder):
    (folder / "cut.eval").write_bytes((FIXTURES / "sums.eval").read_bytes()[:3000])
    done = kakehashi("results", "import", "cut.eval", "--workspace", "ws", "--json", cwd=folder)
    assert done.code == 3
    printed = json.loads(done.out or done.err)
    assert printed["path"] == "cut.eval"
    assert printed["hint"]
    assert not (folder / "ws").exists()
    kakehashi("results", "import", "logs", "--workspace", "ws", cwd=folder)
    before = files_under(folder / "ws")
    done = kakehashi("results", "import", "logs", "cut.eval", "--workspace", "ws", cwd=folder)
    assert done.code == 3
    assert files_under(folder / "ws") == before
