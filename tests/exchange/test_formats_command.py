"""``exchange add --dry-run``, ``export``, ``known``, ``ask``, ``answer`` and ``learn`` as a user types them."""

import json
from importlib.util import find_spec

import pytest
from click.testing import CliRunner
from nodes import GREEN, vulnerability
from stix_corpus import ours, whole
from test_exchange_formats import AIID

from kakehashi.cli.main import cli
from kakehashi.exchange import Node

TEXT = "synthetic prompt twelve about the quiet river and the blue garden"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    node = Node.init(tmp_path / "ws" / "exchange", "Institute A")
    node.store.close()
    return tmp_path


def run(*words, code=0, stdin=None):
    needs_place = words[0] not in ("ask", "learn")
    line = ["exchange", *map(str, words), *(("--workspace", "ws") if needs_place else ())]
    done = CliRunner().invoke(cli, line, input=stdin)
    assert done.exit_code == code or done.return_value == code, (done.output, done.exception)
    return done


def test_a_dry_run_says_each_fields_status_and_takes_nothing_in(here):
    (here / "incidents.csv").write_text(AIID, newline="")
    shown = run("add", "incidents.csv", "--dry-run").output
    assert "nothing was taken in" in shown
    assert "Alleged deployer of AI system" in shown
    facts = json.loads(run("add", "incidents.csv", "--dry-run", "--json").output)
    title = next(row for row in facts["fields"] if row["field"] == "title")
    assert (title["direct"], title["unmapped"]) == (2, 0)
    assert json.loads(run("list", "--json").output) == []


def test_export_writes_the_document_and_the_table(here):
    record = vulnerability(1, GREEN, extensions=ours("vulnerability", affected=[{"name": "model-1"}]))
    (here / "v.json").write_text(json.dumps(record))
    run("add", "v.json")
    facts = json.loads(run("export", record["id"], "--as", "csaf", "--json").output)
    document = json.loads(facts["document"])
    assert document["document"]["publisher"]["name"] == "Institute A"
    assert facts["fields"]["name"] == "direct"
    shown = run("export", record["id"], "--as", "misp", "--out", "e.json").output
    assert "object_marking_refs" in shown
    assert "Event" in json.loads((here / "e.json").read_text())
    assert "give ids, or --type" in str(
        CliRunner().invoke(cli, ["exchange", "export", "--as", "csaf"]).exception
    )


@pytest.mark.skipif(find_spec("rensa") is None, reason="rensa is not installed")
def test_known_finds_a_disguised_prompt_and_says_unknown_of_another(here):
    (here / "p.json").write_text(json.dumps(whole("attack-pattern") | {"object_marking_refs": [GREEN]}))
    (here / "prompt.txt").write_text(TEXT + "\n")
    run("add", "p.json", "--text", "prompt.txt")
    found = json.loads(run("known", "-", "--json", stdin=TEXT.upper()).output)
    assert (found["verdict"], found["compared"], found["matches"][0]["similarity"]) == ("known", 1, 1.0)
    assert (
        "unknown: 0 of 1" in run("known", "-", stdin="an entirely different text about something else").output
    )
    if find_spec("private_set_intersection") is None:
        return
    run("ask", "prompt.txt", "--out", "q.json")
    assert TEXT not in (here / "q.json").read_text()
    assert (here / "q.json.secret").stat().st_mode & 0o77 == 0
    run("answer", "q.json", "--out", "a.json", "--contact", "desk@example.org")
    said = run("learn", "a.json", "--secret", "q.json.secret").output
    assert said.startswith("known: 9 of 9")
    assert "desk@example.org" in said
    assert "serve: visible" in run("answer", "--serve", "visible").output
