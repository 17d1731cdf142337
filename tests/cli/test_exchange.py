"""Two institutes through the real command: one serves, the other pulls, answers and pushes; an auditor verifies."""

import json
import signal
import sqlite3
import subprocess
from contextlib import contextmanager

import click
import pytest
from commands import environment, in_process, words

from kakehashi.cli.exchange import exchange

pytest.importorskip("uvicorn")

VULNERABILITY = "vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def record(kind, identifier, **body):
    at = "2026-03-01T09:00:00.000Z"
    return {"type": kind, "spec_version": "2.1", "id": identifier, "created": at, "modified": at, **body}


@contextmanager
def serving(cwd, home):
    with subprocess.Popen(
        words("exchange", "serve", "--port", "0", "--json", "--workspace", home),
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
    ) as process:
        try:
            said = json.loads(process.stdout.readline())
            assert said["name"] == "Institute A"
            yield said["url"].removesuffix("/taxii2/")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def test_a_finding_travels_is_answered_and_the_log_is_verified(tmp_path):
    def a(*arguments, **env):
        return in_process("exchange", *arguments, "--workspace", "a", cwd=tmp_path, **env)

    def b(*arguments, **env):
        return in_process("exchange", *arguments, "--workspace", "b", cwd=tmp_path, **env)

    made = a("init", "Institute A", "--json").json
    b("init", "Institute B")
    finding = record("vulnerability", VULNERABILITY, name="answers when asked politely")
    secret = record("vulnerability", VULNERABILITY.replace("6ba7", "7ba7"), name="canary-unmarked")
    (tmp_path / "finding.json").write_text(json.dumps(finding))
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    assert a("add", "finding.json", "--level", "green", "--json").json["new"] == 1
    assert a("add", "secret.json").code == 0
    rights = ["--clearance", "amber", "--community", "network", "--reads", "findings", "--writes", "findings"]
    assert a("member", "Institute B", *rights, "--json").json[0]["clearance"] == "amber"
    token = a("token", "Institute B", "--days", "2", "--json").json["token"]
    assert token not in a("token", "--json").out
    assert [row["id"] for row in a("list", "--as", "Institute B", "--json").json] == [VULNERABILITY]
    with serving(tmp_path, "a") as url:
        address, env = f"{url}/api/collections/findings/", {"KAKEHASHI_EXCHANGE_TOKEN": token}
        pulled = b("pull", address, "--json", **env)
        assert (pulled.code, pulled.json["new"]) == (0, 1)
        measured = {
            "extension_type": "property-extension",
            "observed_count": 0,
            "trial_count": 20,
            "counted": "complied",
            "subject": {"name": "model-b"},
            "method": "own/retest",
        }
        extension = "extension-definition--7062ad23-dd6f-516f-bbf5-4ca777d778cf"
        sighting = record(
            "sighting",
            "sighting--6ba7b811-9dad-41d1-80b4-00c04fd430c8",
            sighting_of_ref=VULNERABILITY,
            extensions={extension: measured},
        )
        (tmp_path / "retest.json").write_text(json.dumps(sighting))
        assert b("add", "retest.json", "--level", "green").code == 0
        assert b("push", address, "--json", **env).json["sent"] == 1
        refused = b("pull", address, "--json", KAKEHASHI_EXCHANGE_TOKEN="kx_canary-wrong")
        assert (refused.code, refused.json["error"]) == (4, "AuthenticationError")
        assert "canary" not in refused.both
    (row,) = a("list", "--type", "sighting", "--json").json
    # Wilson at 0 of 20 by hand: z²/(n + z²) = 3.8415/23.8415 = .1611.
    assert (row["k of n"], row["rate"], round(row["high"], 4), row["method"]) == (
        "0 of 20",
        0.0,
        0.1611,
        "wilson",
    )
    assert "canary" not in b("list", "--json").both + b("show", VULNERABILITY).both
    checkpoint = a("verify", "--json").json["checkpoint"]
    (tmp_path / "checkpoint.txt").write_text(checkpoint)
    assert made["key"].split("+")[0] in checkpoint
    assert a("verify", "--against", "checkpoint.txt").code == 0
    (tmp_path / "printed.txt").write_text(a("verify").out)
    assert a("verify", "--against", "printed.txt").code == 0
    assert a("verify", "--against", "missing.txt").code == 3
    assert a("recall", VULNERABILITY, "--json").json["versions"] == 1
    assert a("show", VULNERABILITY).code == 2
    assert a("verify", "--against", "checkpoint.txt").code == 0
    con = sqlite3.connect(tmp_path / "a" / "exchange" / "node.sqlite")
    con.execute("DELETE FROM log WHERE seq > 1")
    con.execute("DELETE FROM objects WHERE seq > 1")
    con.execute("DELETE FROM heads WHERE id NOT IN (SELECT id FROM objects)")
    con.commit()
    con.close()
    found = a("verify", "--against", "checkpoint.txt", "--json")
    assert (found.code, found.json["error"]) == (6, "VerificationError")
    assert "lines are missing" in found.json["message"]


def test_a_minimal_view_is_shared_and_the_full_record_is_held_to_it(tmp_path):
    in_process("exchange", "init", "A", cwd=tmp_path)
    finding = record("vulnerability", VULNERABILITY, name="canary-name")
    (tmp_path / "finding.json").write_text(json.dumps(finding))
    in_process("exchange", "add", "finding.json", "--level", "amber", "--sign", cwd=tmp_path)
    rights = ["--clearance", "amber", "--reads", "findings"]
    in_process("exchange", "member", "B", *rights, cwd=tmp_path)
    assert in_process("exchange", "list", "--as", "B", "--json", cwd=tmp_path).json == []
    words_ = ["exchange", "view", VULNERABILITY, "--contact", "desk@example.org", "--json"]
    made = in_process(*words_, cwd=tmp_path).json["view"]
    (row,) = in_process("exchange", "list", "--as", "B", "--json", cwd=tmp_path).json
    assert row["id"] == made
    shown = in_process("exchange", "show", made, "--as", "B", cwd=tmp_path)
    assert "canary" not in shown.both
    from kakehashi.exchange import Node, check_view, verify_signature
    from kakehashi.proof import VerifierKey

    node = Node.open(tmp_path / "kakehashi-work" / "exchange")
    keys = [VerifierKey.parse(node.store.meta("key"))]
    full = in_process("exchange", "show", VULNERABILITY, "--json", cwd=tmp_path).json[-1]
    node.store.close()
    assert "name" in check_view(full, shown.json)
    assert verify_signature(full, keys) == verify_signature(shown.json, keys) == keys[0]
    assert in_process("exchange", "view", made.replace("-4", "-5"), "--contact", "x", cwd=tmp_path).code == 2


def test_an_emergency_takes_two_officers_and_says_who_answered(tmp_path):
    def run(*arguments):
        return in_process("exchange", *arguments, cwd=tmp_path)

    from kakehashi.proof import SigningKey

    run("init", "A")
    run("member", "B", "--clearance", "green", "--reads", "findings")
    (tmp_path / "finding.json").write_text(json.dumps(record("vulnerability", VULNERABILITY, name="x")))
    run("add", "finding.json", "--level", "green")
    for n in (1, 2):
        key = SigningKey(f"officer-{n}", bytes([n] * 32))
        (tmp_path / f"{n}.key").write_text(key.secret_text())
        run("officer", str(key.verifier))
    what = [
        "--about",
        VULNERABILITY,
        "--level",
        "emergency",
        "--action",
        "retest",
        "--to",
        "B",
        "--hours",
        "24",
    ]
    draft = run("alert", "Retest now.", *what, "--json").json["draft"]
    assert run("release", draft, "--key-file", "1.key", "--json").json == {
        "cannot_see": [],
        "persons_missing": 1,
        "released": False,
    }
    assert run("list", "--type", "note", "--as", "B", "--json").json == []
    assert run("release", draft, "--key-file", "2.key", "--json").json["released"] is True
    assert [row["id"] for row in run("list", "--type", "note", "--as", "B", "--json").json] == [draft]
    assert run("acknowledge", draft, "acted").code == 0
    said = run("responses", draft, "--json").json
    assert (said["median_minutes"], said["waiting"], said["responses"][0]["state"]) == (None, 1, "waiting")
    high = run("alert", "Retest now.", *what, "--tlp", "amber", "--level", "urgent", "--json")
    assert (high.code, high.json["cannot_see"]) == (0, ["B"])
    ended = run("release", high.json["draft"], "--key-file", "1.key")
    assert (ended.code, ended.out) == (10, "released\n")
    assert "B may not see this alert" in ended.err


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (3, ["list"]),
        (3, ["verify"]),
        (3, ["add", "missing.json"]),
        (2, ["member", "X", "--clearance", "orange"]),
        (3, ["serve"]),
    ],
)
def test_without_a_node_every_command_says_how_to_make_one(tmp_path, code, arguments):
    ended = in_process("exchange", *arguments, cwd=tmp_path)
    assert ended.code == code
    assert "Traceback" not in ended.both
    assert code == 2 or "kakehashi exchange init" in ended.err


def test_what_is_no_length_of_time_and_files_of_other_kinds_are_refused_and_no_defect(tmp_path):
    def run(*arguments):
        return in_process("exchange", *arguments, cwd=tmp_path)

    run("init", "A")
    run("member", "B", "--clearance", "amber", "--reads", "findings")
    alert = ("alert", "x", "--about", VULNERABILITY, "--level", "urgent", "--action", "a", "--to", "B")
    for span in ("inf", "nan", "1e300", "0"):
        assert run("token", "B", "--days", span).code == 2
        assert run(*alert, "--hours", span).code == 2
        assert run("escalation", "--level", "emergency", "--after", span, "--to", "B").code == 2
    (tmp_path / "other.bin").write_bytes(bytes(range(256)))
    for words_ in (
        ("verify", "--against", "other.bin"),
        ("release", VULNERABILITY, "--key-file", "other.bin"),
        ("add", "other.bin"), ("read", "other.bin"), ("bundle", "apply", "other.bin"), ("partner", "other.bin"),
    ):  # fmt: skip
        assert run(*words_).code in (2, 3, 6), words_


def test_every_command_of_the_noun_has_json(tmp_path):
    def walk(command, path):
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                yield from walk(command.get_command(click.Context(command), name), f"{path} {name}")
        else:
            yield path, {word for option in command.params for word in option.opts}

    found = dict(walk(exchange, "exchange"))
    assert len(found) > 40
    assert [path for path, options in found.items() if "--json" not in options] == []
    in_process("exchange", "init", "A", cwd=tmp_path)
    card = in_process("exchange", "card", "--json", cwd=tmp_path).json
    again = in_process("exchange", "card", "--out", "a.card", "--json", cwd=tmp_path).json
    assert (again["file"], again["fingerprint"]) == ("a.card", card["fingerprint"])
    (tmp_path / "finding.json").write_text(json.dumps(record("vulnerability", VULNERABILITY, name="x")))
    in_process("exchange", "add", "finding.json", "--level", "green", "--sign", cwd=tmp_path)
    assert in_process("exchange", "write", VULNERABILITY, "--json", cwd=tmp_path).code == 2
    written = in_process("exchange", "write", VULNERABILITY, "--out", "f.json", "--json", cwd=tmp_path).json
    assert written == {"file": "f.json", "bytes": (tmp_path / "f.json").stat().st_size}


def test_other_machines_are_not_served_without_tls(tmp_path):
    in_process("exchange", "init", "A", cwd=tmp_path)
    assert "node here already" in in_process("exchange", "init", "A", cwd=tmp_path).err
    ended = in_process("exchange", "serve", "--host", "0.0.0.0", cwd=tmp_path)
    assert (ended.code, "without TLS" in ended.err) == (3, True)
    assert in_process("exchange", "pull", "http://127.0.0.1:9/c/", cwd=tmp_path).code == 2  # no token


def test_the_commands_but_serve_load_neither_starlette_nor_stix2(tmp_path):
    in_process("exchange", "init", "A", cwd=tmp_path)
    program = (
        "import sys; from kakehashi.cli.main import run\n"
        "try:\n    run(['exchange', 'list'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'starlette', 'uvicorn', 'stix2', 'aiohttp', 'scipy', 'duckdb'}\n"
        "print('loaded:', sorted(heavy & sys.modules.keys()))\n"
    )
    ended = subprocess.run(
        [words()[0], "-c", program], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    assert ended.stdout.decode().splitlines()[-1] == "loaded: []"
