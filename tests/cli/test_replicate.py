"""Another institute's run, repeated: ``results export`` there, ``assess --from`` here."""

import json
import shutil

import pytest
from click.testing import CliRunner
from commands import Done, Served, own_method, subject_file

from kakehashi.cli.main import cli
from kakehashi.errors import KakehashiError


def here(*words):
    """The command in this process: its code and what it printed."""
    done = CliRunner().invoke(cli, [str(word) for word in words])
    if isinstance(done.exception, KakehashiError):
        return Done(done.exception.exit_code, done.stdout, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def exported(folder, *words):
    run = here("assess", *words, "--workspace", folder / "there", "--json")
    assert run.code == 0, run.err
    done = here(
        "results",
        "export",
        run.json["run"],
        "--eee",
        "--out",
        folder / "exp",
        "--workspace",
        folder / "there",
    )
    assert done.code == 0, done.err
    return folder / "exp", run.json["run"]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    return exported(folder, "mock:refuse", "mock:comply", "--method", "core", "--limit", "40", "--seed", "3")


def test_the_same_plan_on_the_same_systems_is_replicated_and_is_the_same_run(given, tmp_path):
    folder, run = given
    done = here("assess", "--from", folder, "--workspace", tmp_path, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert (found["run"], found["differing_settings"]) == (run, [])
    rows = found["replications"]
    assert {row["result"]["verdict"] for row in rows} == {"replicated"}
    assert {row["result"]["design"] for row in rows} == {"paired"}
    # the refusing mock refuses 40 of 40 harmful items and 40 of 40 twins, the complying one none
    assert {(row["subject"], row["first"], row["second"]) for row in rows} == {
        ("mock-refuse", 1.0, 1.0),
        ("mock-comply", 0.0, 0.0),
    }
    for row in rows:
        assert row["items"] == {
            "shared": 40, "equal": 40, "other_answer": 0, "other_verdict": 0, "unknown": 0,
            "only_first": 0, "only_second": 0,
        }  # fmt: skip
        # Newcombe, 40 equal pairs at 0 or 1: z^2 / (n + z^2) = 3.8415 / 43.8415
        assert row["result"]["difference"]["high"] == pytest.approx(0.0876, abs=1e-4)


def test_another_system_in_its_place_is_not_replicated_and_named(given, tmp_path):
    folder, _ = given
    words = ("assess", "--from", folder, "--at", "mock-refuse=mock:comply", "--workspace", tmp_path)
    found = here(*words, "--json").json
    by = {(row["subject"], row["measure"]["id"].split(":")[1]): row for row in found["replications"]}
    changed = by["mock-refuse", "safe-handling-rate"]
    assert (changed["first"], changed["second"]) == (1.0, 0.0)
    assert changed["result"]["verdict"] == "not-replicated"
    assert changed["result"]["difference"]["value"] == -1.0
    assert changed["items"]["other_answer"] == 40
    assert by["mock-comply", "safe-handling-rate"]["result"]["verdict"] == "replicated"
    assert [one["path"] for one in found["differing_settings"]] == ["subjects.mock-refuse.model"]
    text = here(*words, "--lang", "ja").out
    assert "再現されなかった" in text
    assert "最初に異なる設定：subjects.mock-refuse.model。" in text


def test_an_estimate_asks_nothing_and_a_report_is_written_where_it_is_asked_for(given, tmp_path):
    folder, run = given
    words = ("assess", "--from", folder, "--workspace", tmp_path / "ws")
    told = here(*words, "--estimate", "--json")
    assert (told.code, told.json["run"], told.json["samples"]) == (0, run, 160)  # 2 systems, 40 pairs
    assert not (tmp_path / "ws").exists()
    done = here(*words, "--out", tmp_path / "out", "--lang", "ja")
    assert done.code == 0, done.err
    assert (tmp_path / "out" / "report.html").is_file()
    assert here(*words, "--lang", "tlh").code == 2
    assert here(*words, "--partial").code == 2


def test_what_cannot_be_the_same_is_refused(given, tmp_path):
    folder, run = given
    manifest = json.loads((folder / f"{run}.manifest.json").read_text())
    for change, word in (
        ({"version": "0.1"}, "version"),
        ({"data_revision": "sha256:00"}, "data_revision"),
        ({"limit": 41, "max_tokens": 9}, "max_tokens"),
        ({"samples": 7}, "samples"),
        ({"judge": "other@1"}, "judge"),
        ({"id": "own/absent"}, "method"),
    ):
        copy = tmp_path / word
        shutil.copytree(folder, copy)
        other = {**manifest, "methods": [{**manifest["methods"][0], **change}]}
        (copy / f"{run}.manifest.json").write_text(json.dumps(other))
        done = here("assess", "--from", copy, "--workspace", tmp_path / "ws", "--json")
        assert (done.code, word in done.err) == (2, True), (word, done.err)
    judged = here("assess", "--from", folder, "--judge", "model:mock:comply", "--workspace", tmp_path / "ws")
    assert judged.code == 2
    (tmp_path / "judge" / f"{run}.manifest.json").write_text(
        json.dumps({**manifest, "judge": {"id": "model:x@1"}})
    )
    done = here("assess", "--from", tmp_path / "judge", "--workspace", tmp_path / "ws")
    assert (done.code, "model:x@1" in done.err) == (2, True)
    assert not (tmp_path / "ws" / "runs").exists()


def test_words_that_the_manifest_decides_are_refused(given, tmp_path):
    folder, _ = given
    for more in (["--seed", "4"], ["--method", "core"], ["--limit", "3"], ["mock:comply"]):
        assert here("assess", *more, "--from", folder, "--workspace", tmp_path).code == 2
    assert here("assess", "--from", folder, "--at", "nobody=mock:comply", "--workspace", tmp_path).code == 2
    assert here("assess", "--from", folder, "--at", "mock-refuse", "--workspace", tmp_path).code == 2
    assert here("assess", "mock:comply", "--at", "a=mock:comply", "--workspace", tmp_path).code == 2
    assert here("assess", "--workspace", tmp_path).code == 2


def test_files_that_are_no_manifest_or_were_changed_get_one_clear_error(given, tmp_path):
    folder, run = given
    assert here("assess", "--from", tmp_path / "absent", "--workspace", tmp_path / "ws").code == 3
    (tmp_path / "empty").mkdir()
    assert here("assess", "--from", tmp_path / "empty", "--workspace", tmp_path / "ws").code == 3
    for content, code in (
        ("{", 3),
        ("[]", 3),
        ('{"format": "kakehashi.run/2"}', 3),
        ('{"format": "x/1"}', 3),
    ):
        (tmp_path / "m.json").write_text(content)
        assert here("assess", "--from", tmp_path / "m.json", "--workspace", tmp_path / "ws").code == code
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(folder / f"{run}.manifest.json", alone)
    done = here("assess", "--from", alone, "--workspace", tmp_path / "ws")
    assert (done.code, "no exported results" in done.err) == (3, True)
    changed = tmp_path / "changed"
    shutil.copytree(folder, changed)
    victim = next(path for path in changed.glob("*.json") if "manifest" not in path.name)
    text = victim.read_text()
    assert '"score": 1.0' in text or '"score": 0.0' in text
    victim.write_text(text.replace('"score": 1.0', '"score": 0.5').replace('"score": 0.0', '"score": 0.5'))
    done = here("assess", "--from", changed, "--workspace", tmp_path / "ws")
    assert done.code == 3, done.both
    assert not (tmp_path / "ws").exists()


def test_a_run_folder_is_repeated_against_another_address(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_NAME_OF_A_KEY", "not-a-key")
    own_method(tmp_path, [f"prompt {n}" for n in range(50)])
    shutil.copytree(tmp_path / "kakehashi-work" / "methods", tmp_path / "there" / "methods")
    shutil.copytree(tmp_path / "kakehashi-work" / "methods", tmp_path / "here" / "methods")

    def sometimes(body):
        number = int(str(body["messages"][-1]["content"]).rpartition(" ")[2])
        return "I'm sorry, but I can't help with that." if number < 30 else "Sure, here is how it is done."

    def always(body):
        return "I'm sorry, but I can't help with that."

    with Served(answer=sometimes) as one, Served(answer=always) as two:
        path = subject_file(tmp_path, name="tiny", endpoint=one.subject, key_env="SECRET_NAME_OF_A_KEY")
        folder, run = exported(tmp_path, path, "--method", "own/mine")
        assert "SECRET_NAME_OF_A_KEY" not in (folder / f"{run}.manifest.json").read_text()
        found = here(
            "assess", "--from", tmp_path / "there" / "runs" / run, "--results", folder,
            "--at", f"tiny={two.subject}", "--workspace", tmp_path / "here", "--json",
        )  # fmt: skip
    assert found.code == 0, found.err
    (row,) = found.json["replications"]
    # 30 of 50 there, 50 of 50 here
    assert (row["first"], row["second"], row["result"]["verdict"]) == (0.6, 1.0, "not-replicated")
    assert row["items"]["equal"] == 30
    assert row["items"]["other_answer"] == 20
    assert [one["path"] for one in found.json["differing_settings"]] == ["subjects.tiny.base_url"]
