"""Tokens, hooks' secrets, keys and passwords: shown once where they are made, and nowhere else, whatever goes wrong."""

import json
import logging
import traceback

import pytest
from click.testing import CliRunner

from kakehashi.cli.main import cli
from kakehashi.errors import InputError, KakehashiError
from kakehashi.exchange import Node, pull
from kakehashi.exchange.client import collection_address
from kakehashi.exchange.listen import Listening
from kakehashi.exchange.webhooks import hooks

PASSWORD = "pw-canary-77d1"
NOWHERE = "http://127.0.0.1:9/api/collections/findings/"  # nobody listens there


@pytest.fixture
def said(tmp_path, caplog):
    """Runs a command as with ``--debug``: all that is printed, tracebacks with their causes, the logs."""
    caplog.set_level(logging.DEBUG)
    heard = []

    def run(*words, keep=True, **env):
        done = CliRunner(env=env).invoke(cli, [*words, "--workspace", str(tmp_path)])
        error = done.exception
        text = done.output + (
            "".join(traceback.format_exception(error)) + repr(vars(error)) if error is not None else ""
        )
        if isinstance(error, KakehashiError):
            text += json.dumps(error.facts())
        if keep:
            heard.append(text)
        return done.output

    return run, lambda: "".join(heard) + caplog.text


def test_no_token_secret_or_key_is_in_what_is_said_later_nor_in_a_file_that_need_not_hold_it(said, tmp_path):
    run, everything = said
    run("exchange", "init", "Institute A")
    run("exchange", "member", "B", "--clearance", "amber", "--reads", "findings")
    token = json.loads(run("exchange", "token", "B", "--json", keep=False))["token"]
    run("exchange", "webhook", "allow", "127.0.0.1", "--private")
    add = ("exchange", "webhook", "add", "http://127.0.0.1:9/in", "--member", "B", "--all", "--json")
    shared = run(*add, "--shared-secret", keep=False)
    run(*add)  # with a key pair: the receiver gets the public half
    node = Node.open(tmp_path / "exchange")
    secrets = [hook.secret for hook in hooks(node)]
    assert sorted(secret.partition("_")[0] for secret in secrets) == ["whsec", "whsk"]
    assert any(secret in shared for secret in secrets)  # the canaries sing where they may
    key = (tmp_path / "exchange" / "node.key").read_text().strip()
    canaries = [token, key, *(secret.partition("_")[2] for secret in secrets)]
    finding = tmp_path / "finding.json"
    finding.write_text(json.dumps({"type": "vulnerability", "name": "x"}))
    run("exchange", "add", str(finding), "--level", "green")
    wrong = {"KAKEHASHI_EXCHANGE_TOKEN": token}
    for words in (
        ("exchange", "token"), ("exchange", "token", "--json"), ("exchange", "webhook", "list", "--json"),
        ("exchange", "webhook", "send", "--json"), ("exchange", "webhook", "dead", "--json"),
        ("exchange", "webhook", "retry", "hook-none"), ("exchange", "member", "--json"), ("exchange", "verify"),
        ("exchange", "pull", NOWHERE), ("exchange", "push", NOWHERE, "--json"),
        ("exchange", "pull", "https://127.0.0.1:9/", "--json"), ("exchange", "listen", NOWHERE, "--seconds", "0.1"),
        ("exchange", "log", "reads", NOWHERE), ("exchange", "card", "--out", str(tmp_path / "a.card")),
    ):  # fmt: skip
        run(*words, **wrong)
    with pytest.raises(KakehashiError) as raised:
        pull(node, NOWHERE, token)
    shown = (
        everything()
        + str(vars(raised.value))
        + repr(hooks(node))
        + repr(Listening(NOWHERE, token))
        + repr(node)
    )
    assert [c[:8] for c in canaries if c in shown] == []
    node.store.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            held = [n for n, canary in enumerate(canaries) if canary.encode() in data]
            if path.name == "node.key":
                assert (held, path.stat().st_mode & 0o077) == ([1], 0)
            elif path.name.startswith("node.sqlite"):
                assert (set(held) <= {2, 3}, path.stat().st_mode & 0o077) == (
                    True,
                    0,
                )  # documented: hooks' secrets
            else:
                assert held == [], path


@pytest.mark.parametrize(
    "url",
    [
        f"https://me:{PASSWORD}@hub.example.org/api/collections/x/",
        f"https://:{PASSWORD}@hub.example.org/api/collections/x/",
        f"https://hub.example.org/api/collections/x/?key={PASSWORD}",
        f"https://hub.example.org/api/collections/x/#{PASSWORD}",
        f"https://me:{PASSWORD}@[bad/x/",
        "https://hub.example.org:port/x/",
    ],
)
def test_an_address_that_holds_a_password_is_refused_and_the_password_not_repeated(url):
    with pytest.raises(InputError) as raised:
        collection_address(url)
    assert PASSWORD not in str(vars(raised.value))


def test_a_database_s_password_is_not_in_any_traceback(said):
    run, everything = said
    for address in (
        f"postgresql://me:{PASSWORD}@127.0.0.1:9/x",
        f"host=127.0.0.1 port=9 dbname=x password={PASSWORD}",
        f"postgresql://me:{PASSWORD}@127.0.0.1:9/x?nonsense={PASSWORD}",
        f"postgresql://me:{PASSWORD}@db.example.org/x",
    ):
        run("exchange", "init", "A", "--db", address)
        run("exchange", "init", "A", "--json", KAKEHASHI_EXCHANGE_DB=address)
    assert "does not answer" in everything()
    assert PASSWORD not in everything()
