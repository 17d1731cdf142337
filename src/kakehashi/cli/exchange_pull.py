"""``kakehashi exchange pull`` and ``push``: records from and to another node."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.exchange_remote import tls_of, tls_options, token_of, token_option
from kakehashi.cli.options import json_option, plain, print_json, workspace_option

if TYPE_CHECKING:
    from kakehashi.exchange import Exchanged


def _remote_options(function: Any) -> Any:
    """The other side's collection, our own, and where the token is."""
    ours = click.option("--collection", default="findings", show_default=True, help="Ours: id or alias.")
    return click.argument("url")(tls_options(token_option(ours(function))))


@click.command()
@_remote_options
@click.option("--partner", help="Whose node it is: keys and policy are checked; remembered for the address.")
@workspace_option
@json_option
def pull(
    url: str,
    token_env: str,
    collection: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    partner: str | None,
    workspace: Path,
    as_json: bool,
) -> int:
    """Bring what is new in another node's collection; goes on where the last pull ended.

    What came above GREEN, or with an audience, caveat or embargo, stays with you: other members of your node do not
    see it. The exit code is 10 where something could not be taken in and is in quarantine.

    Example: kakehashi exchange pull https://hub.example.org/api/collections/findings/
    """
    from kakehashi.exchange import pull as fetch

    node = node_of(workspace)
    tls = tls_of(tls_certificate, tls_key, tls_trusted)
    done = fetch(node, url, token_of(token_env), into=collection, partner=partner, tls=tls)
    if done.partner is None and done.sent:
        click.echo("whose keys signed what came was not checked: give --partner NAME", err=True)
    return _tell(done, "came", as_json)


@click.command()
@_remote_options
@workspace_option
@json_option
def push(
    url: str,
    token_env: str,
    collection: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    workspace: Path,
    as_json: bool,
) -> int:
    """Send your own records that may leave the node; goes on where the last push ended.

    RED, AMBER+STRICT and unmarked records are never sent. What the other side did not take is tried again next time,
    and the exit code is 10.

    Example: kakehashi exchange push https://hub.example.org/api/collections/findings/
    """
    from kakehashi.exchange import push as send

    node = node_of(workspace)
    tls = tls_of(tls_certificate, tls_key, tls_trusted)
    return _tell(send(node, url, token_of(token_env), collection=collection, tls=tls), "sent", as_json)


def _tell(done: "Exchanged", word: str, as_json: bool) -> int:
    if as_json:
        print_json(plain(done))
    else:
        click.echo(f"{done.sent} objects {word}, {done.new} new, {len(done.failures)} not taken")
        for ref in done.recalls:
            click.echo(
                f"recalled by its creator: {ref}; withdraw it here too: kakehashi exchange recall {ref}"
            )
        for ref, reason in list(done.failures.items())[:20]:
            click.echo(f"{ref}: {reason}", err=True)
    return 10 if done.failures else 0


PULL_COMMANDS = (pull, push)
