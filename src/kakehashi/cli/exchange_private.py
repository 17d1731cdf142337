"""Private questions of ``kakehashi exchange``: whether a prompt is known, without showing it."""

import json
from pathlib import Path
from typing import Any

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.exchange_formats import read_prompt
from kakehashi.cli.exchange_remote import tls_of, tls_options, token_of, token_option
from kakehashi.cli.options import json_option, plain, print_json, workspace_option

_IN = click.Path(path_type=Path, exists=True, dir_okay=False)
_OUT = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument(
    "text", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True), metavar="FILE|-"
)
@click.option(
    "--out", type=_OUT, help="File for the question; its secret goes beside it, and stays with you."
)
@click.option("--url", help="Address of a node: ask it at once.")
@token_option
@tls_options
@json_option
def ask(
    text: Path,
    out: Path | None,
    url: str | None,
    token_env: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    as_json: bool,
) -> None:
    """Ask another institute whether it knows a prompt, without showing it (extra privacy).

    By file: send the question, get the answer, read it with "exchange learn". Or at once with --url. The other side
    learns that something was asked, not what; you learn known or unknown, and whom to ask.

    Example: kakehashi exchange ask prompt.txt --out question.json
    """
    from kakehashi.errors import UsageError
    from kakehashi.exchange.private import ask as make
    from kakehashi.exchange.private import read_answer

    if (out is None) == (url is None):
        raise UsageError("give --out for a file, or --url to ask a node at once")
    question, secret = make(read_prompt(text))
    if url is not None:
        from kakehashi.exchange.private_client import send

        tls = tls_of(tls_certificate, tls_key, tls_trusted)
        body = send(url, token_of(token_env), question, tls=tls)
        _tell(plain(read_answer(secret, body)), as_json)
        return
    assert out is not None
    kept = out.with_name(out.name + ".secret")
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(secret) + "\n")
    out.write_text(json.dumps(question) + "\n")
    if as_json:
        print_json({"question": str(out), "secret": str(kept)})
    else:
        click.echo(f"send {out}; keep {kept}")


@click.command()
@click.argument("question", type=_IN, required=False)
@click.option("--out", type=_OUT, help="File for the answer.")
@click.option("--contact", help="Whom to ask; kept for the next time. The institute's name unless said.")
@click.option(
    "--serve",
    "scope",
    type=click.Choice(["off", "visible", "all"]),
    help="Which sketches the served node answers from: those the asker may see, all, or none (as from the start).",
)
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def answer(
    question: Path | None,
    out: Path | None,
    contact: str | None,
    scope: str | None,
    collection: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Answer a private question from every sketch of the collection; or say whether the served node does.

    Whoever asks learns whether a near prompt is known here, and can guess again with each question.

    Example: kakehashi exchange answer question.json --out answer.json --contact desk@example.org
    """
    from kakehashi.errors import UsageError
    from kakehashi.exchange.known import known_patterns
    from kakehashi.exchange.private import answer as make

    if (question is None) != (out is None) or (question is None and scope is None and contact is None):
        raise UsageError("give a question and --out, or --serve")
    node = node_of(workspace)
    if contact is not None:
        node.store.set_meta("contact", contact)
    if scope is not None:
        node.store.set_meta("private-questions", scope)
    facts: dict[str, Any] = {"serve": node.store.meta("private-questions") or "off"}
    if question is not None and out is not None:
        found = [sketch for _, sketch in known_patterns(node, node.me(), collection)]
        whom = node.store.meta("contact") or node.name
        out.write_text(json.dumps(make(found, _document(question), contact=whom)) + "\n")
        facts |= {"answer": str(out), "sketches": len(found)}
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name}: {value}")


@click.command()
@click.argument("answer_file", type=_IN, metavar="ANSWER")
@click.option(
    "--secret", type=_IN, required=True, help="The secret that 'exchange ask' wrote beside the question."
)
@json_option
def learn(answer_file: Path, secret: Path, as_json: bool) -> None:
    """Read the answer to a private question: known or unknown, and whom to ask.

    Example: kakehashi exchange learn answer.json --secret question.json.secret
    """
    from kakehashi.exchange.private import read_answer

    _tell(plain(read_answer(_document(secret), _document(answer_file))), as_json)


def _document(path: Path) -> dict[str, Any]:
    from kakehashi.errors import InputError
    from kakehashi.proof import parse_json

    found = parse_json(path.read_bytes(), path=path)
    if not isinstance(found, dict):
        raise InputError("not an object", path=path)
    return found


def _tell(verdict: Any, as_json: bool) -> None:
    if as_json:
        print_json(verdict)
        return
    click.echo(f"{verdict['verdict']}: {verdict['common']} of {verdict['bands']} bands in common")
    if verdict["verdict"] == "known" and verdict["contact"]:
        click.echo(f"ask: {verdict['contact']}")


PRIVATE_COMMANDS = (ask, answer, learn)
