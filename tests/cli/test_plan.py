"""Pre-registration through the real command: planned against reported, and plans that came too late."""

import json
import shutil

import pytest
from click.testing import CliRunner
from commands import Done, Served, kakehashi

from kakehashi.cli.main import cli
from kakehashi.errors import KakehashiError

WORDS = ("mock:refuse", "mock:comply", "--method", "core", "--limit", "5")
RUN = ("assess", *WORDS, "--workspace", "ws")

# The finished runs of this file are made once, not once for each worker.
pytestmark = pytest.mark.xdist_group("plan")


def here(folder, *words):
    """The command in this process: its code and what it printed."""
    done = CliRunner().invoke(cli, [*words, "--workspace", str(folder / "ws")])
    if isinstance(done.exception, KakehashiError):
        return Done(done.exception.exit_code, done.stdout, str(done.exception))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def plan(folder, *more):
    done = here(folder, "plan", "write", *WORDS, "--title", "July", "--json", *more)
    assert done.code == 0, done.err
    return done.json


def check(folder, record, *more):
    done = here(folder, "plan", "check", record, "--json", *more)
    assert done.code == 0, done.err
    return done.json


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A plan, then an assessment with the same words."""
    folder = tmp_path_factory.mktemp("kept")
    words = ("--title", "July", "--author", "an institute", "--workspace", "ws", "--json")
    written = kakehashi("plan", "write", *WORDS, *words, cwd=folder).json
    done = kakehashi(*RUN, "--out", "out", "--json", cwd=folder)
    assert done.code == 0, done.err
    assert f"follows the plan {written['plan'][:16]}" in done.err
    return folder, written, done.json


def test_the_same_words_cite_the_plan_by_themselves(kept):
    folder, written, run = kept
    listed = kakehashi("plan", "check", written["plan"][:8], "--workspace", "ws", "--json", cwd=folder).json
    assert (listed["kept"], listed["intact"], listed["counts"]) == (True, True, {"done": 2})
    assert {(c["status"], c["order"], c["run"]) for c in listed["cells"]} == {("done", "after", run["run"])}
    from kakehashi.ledger import Ledger

    with Ledger.open(folder / "ws/ledger") as ledger:
        (head,) = ledger.records(kind="run")
    assert head.body["details"]["plan"] == {"record": written["plan"], "before_first_answer": True}
    (inside,) = run["assessment"]["plans"]
    assert inside["plan"] == written["plan"]
    stored = next((folder / "ws/ledger/records").rglob(f"{written['plan']}*"))
    assert json.loads(stored.read_text())["details"]["intent_sha256"] == written["intent_sha256"]


def test_the_plan_stands_in_the_merkle_log_and_in_the_report(kept):
    folder, written, _ = kept
    root = f"{written['ledger']['size']}:{written['ledger']['root']}"
    verified = kakehashi("results", "verify", "--against", root, "--workspace", "ws", cwd=folder)
    assert verified.code == 0, verified.both  # the root that was printed with the plan is one of this log
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    for words in (
        "Planned and reported",
        "計画と報告の対照",
        "Everything planned was done as planned",
        written["plan"][:16],
    ):
        assert words in page


def test_the_same_plan_again_is_the_same_record(kept):
    folder, written, _ = kept
    assert plan(folder)["plan"] == written["plan"]
    rows = here(folder, "plan", "list", "--json").json
    assert [(row["title"], row["author"], row["position"]) for row in rows] == [("July", "an institute", 0)]


@pytest.fixture
def copy(kept, tmp_path):
    shutil.copytree(kept[0] / "ws", tmp_path / "ws")
    return tmp_path, kept[1]["plan"]


def test_what_was_changed_added_and_left_out_is_listed(copy):
    folder, record = copy
    other = ("assess", "mock:refuse", "--method", "core", "--method", "facts", "--limit", "5", "--seed", "3")
    assert kakehashi(*other, "--workspace", "ws", "--json", cwd=folder).code == 0
    listed = check(folder, record)
    assert listed["counts"] == {"done": 2, "changed": 1, "not-planned": 1}
    assert listed["kept"] is False
    (changed,) = [c for c in listed["cells"] if c["status"] == "changed"]
    assert "seed: 0 planned, 3 reported" in changed["changes"]
    assert "items" in changed["changes"]
    (extra,) = [c for c in listed["cells"] if c["status"] == "not-planned"]
    assert (extra["subject"], extra["method"]) == ("mock-refuse", "kakehashi/facts")
    only = check(folder, record, "--run", changed["run"])
    assert only["counts"] == {"changed": 1, "not-done": 1, "not-planned": 1}


def test_a_result_withdrawn_after_the_fact_stays_in_the_list(copy):
    folder, record = copy
    result = check(folder, record)["cells"][0]["record"]
    assert kakehashi(
        "results", "retract", result, "--reason", "not to our liking", "--workspace", "ws", cwd=folder
    ).code == 0  # fmt: skip
    listed = check(folder, record)
    assert listed["counts"] == {"withdrawn": 1, "done": 1}
    assert listed["cells"][0]["reason"] == "not to our liking"
    assert listed["kept"] is False
    ja = here(folder, "plan", "check", record, "--lang", "ja")
    assert "実施後に撤回 1" in ja.out


def test_a_plan_without_a_run_is_not_done(tmp_path):
    written = plan(tmp_path)
    listed = check(tmp_path, written["plan"])
    assert (listed["counts"], listed["kept"]) == ({"not-done": 2}, False)


def test_a_plan_written_after_the_run_is_shown_as_such_whatever_its_date(tmp_path):
    assert kakehashi(*RUN, "--json", cwd=tmp_path).code == 0
    late = plan(tmp_path)
    listed = check(tmp_path, late["plan"])
    assert {c["order"] for c in listed["cells"]} == {"before"}
    assert listed["kept"] is False
    # the tamperer's way: a record with an earlier date, put straight into the ledger
    from kakehashi.ledger import Ledger

    with Ledger.open(tmp_path / "ws/ledger", write=True) as ledger:
        body = {k: v for k, v in ledger.get(late["plan"]).body.items() if k != "format"}
        backdated = ledger.append({**body, "created": "2020-01-01T00:00:00Z"})
    listed = check(tmp_path, backdated)
    assert {c["order"] for c in listed["cells"]} == {"before"}
    assert len(listed["backdated"]) == 1
    text = here(tmp_path, "plan", "check", backdated).out
    assert "for that run it is no plan" in text
    assert "the log has the runs first" in text
    # the same assess again does not take up the late plan
    again = kakehashi(*RUN, "--json", cwd=tmp_path)
    assert {c["order"] for one in again.json["assessment"]["plans"] for c in one["cells"]} == {"before"}


def test_a_plan_written_between_the_first_answers_and_the_seal_is_no_plan(tmp_path):
    with Served(answer=lambda body: "Sure.") as mock:
        words = (mock.subject, "--method", "core", "--limit", "5")
        stopped = kakehashi("assess", *words, "--budget", "4", "--workspace", "ws", cwd=tmp_path)
        assert stopped.code in (8, 10)
        written = here(tmp_path, "plan", "write", *words, "--title", "late", "--json")
        assert written.code == 0, written.err
        assert kakehashi("assess", *words, "--workspace", "ws", cwd=tmp_path).code == 0
    listed = check(tmp_path, written.json["plan"])
    assert {(c["status"], c["order"]) for c in listed["cells"]} == {("done", "began-before")}
    assert listed["kept"] is False


def test_a_plan_whose_hash_is_not_that_of_its_words_is_found(copy):
    from kakehashi.ledger import Ledger

    folder, record = copy
    with Ledger.open(folder / "ws/ledger", write=True) as ledger:
        body = json.loads(json.dumps({k: v for k, v in ledger.get(record).body.items() if k != "format"}))
        body["details"]["intent"]["seed"] = 9
        forged = ledger.append(body)
    listed = check(folder, forged)
    assert (listed["intact"], listed["kept"]) == (False, False)


def test_bad_words_get_one_clear_error(tmp_path):
    bare = kakehashi("plan", "write", *WORDS, "--workspace", "ws", cwd=tmp_path)
    assert (bare.code, "--title" in bare.err) == (2, True)
    assert here(tmp_path, "plan", "write", *WORDS, "--title", " ").code == 2
    assert here(tmp_path, "plan", "write", "mock:nothing", "--title", "x").code == 2
    assert here(tmp_path, "plan", "check", "abcd").code == 5  # no ledger yet
    written = plan(tmp_path)
    assert here(tmp_path, "plan", "check", "ffff").code == 2
    unknown = here(tmp_path, "plan", "check", written["plan"], "--run", "run-0")
    assert (unknown.code, "unknown run" in unknown.err) == (2, True)
