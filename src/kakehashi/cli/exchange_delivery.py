"""Delivery of ``kakehashi exchange``: listening to another node, and webhooks."""

from pathlib import Path

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.exchange_remote import tls_of, tls_options, token_of, token_option
from kakehashi.cli.options import Span, json_option, print_json, print_table, workspace_option


@click.command()
@click.argument("url")
@click.option("--partner", help="Whose node it is: keys and policy of what it brings are then checked.")
@tls_options
@token_option
@click.option("--collection", default="findings", show_default=True, help="Ours: id or alias.")
@click.option("--print-only", is_flag=True, help="Take nothing in, keep no place.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many events.")
@click.option("--seconds", type=Span(in_a_day=86_400), help="Stop after so long.")
@workspace_option
@json_option
def listen(
    url: str,
    partner: str | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    token_env: str,
    collection: str,
    print_only: bool,
    count: int | None,
    seconds: float | None,
    workspace: Path,
    as_json: bool,
) -> int:
    """Take in what is new in another node's collection as soon as it is there; after a loss it goes on where it was.

    With --json, one line for each event. The exit code is 10 where something could not be taken in.

    Example: kakehashi exchange listen https://hub.example.org/api/collections/findings/
    """
    import json

    from kakehashi.exchange.events import Received
    from kakehashi.exchange.listen import Listening
    from kakehashi.exchange.listen import listen as hear

    def heard(event: Received) -> None:
        obj = event.body["object"]
        if as_json:
            click.echo(json.dumps({"seq": event.seq, "kind": event.kind, **event.body}, ensure_ascii=False))
            return
        said = str(obj.get("content") or obj.get("name") or "")[:80]
        sign = {"alert": "ALERT ", "drill": "DRILL / 訓練 "}.get(event.kind, "")
        click.echo(f"{event.body.get('date_added', '')}\t{sign}{obj.get('type')}\t{obj.get('id')}\t{said}")

    tls = tls_of(tls_certificate, tls_key, tls_trusted)
    how = Listening(
        url, token_of(token_env), collection, not print_only, count, seconds, partner=partner, tls=tls
    )
    done = hear(node_of(workspace), how, heard=heard, say=lambda text: click.echo(text, err=True))
    for ref, reason in list(done.failures.items())[:20]:
        click.echo(f"{ref}: {reason}", err=True)
    return 10 if done.failures else 0


@click.group()
def webhook() -> None:
    """Tell addresses of alerts, signed after Standard Webhooks; only hosts that are allowed are called."""


@webhook.command()
@click.argument("host")
@click.option("--private", is_flag=True, help="Also where it has a private or loopback address, or no TLS.")
@click.option("--take-back", is_flag=True, help="Forbid it again.")
@workspace_option
@json_option
def allow(host: str, private: bool, take_back: bool, workspace: Path, as_json: bool) -> None:
    """Allow webhooks to the exact HOST.

    Example: kakehashi exchange webhook allow alerts.example.org
    """
    from kakehashi.exchange.webhooks import allow_host, allowed_hosts, forbid_host

    node = node_of(workspace)
    forbid_host(node, host) if take_back else allow_host(node, host, private=private)
    hosts = allowed_hosts(node)
    if as_json:
        print_json({name: {"private": flag} for name, flag in hosts.items()})
        return
    print_table([{"host": name, "private": flag} for name, flag in hosts.items()], ["host", "private"])


@webhook.command()
@click.argument("url")
@click.option("--member", required=True, help="Through whose eyes it looks.")
@click.option("--all", "everything", is_flag=True, help="Of all records, not of alerts alone.")
@click.option("--content", is_flag=True, help="Send the record along; else its ids and levels alone.")
@click.option("--shared-secret", is_flag=True, help="Sign with HMAC-SHA256 instead of Ed25519.")
@workspace_option
@json_option
def add(
    url: str,
    member: str,
    everything: bool,
    content: bool,
    shared_secret: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Tell URL of what comes from now on, as far as the member may see it; prints what checks its signatures.

    Example: kakehashi exchange webhook add https://alerts.example.org/in --member "Institute B"
    """
    from kakehashi.exchange.webhooks import add_hook

    what = "all" if everything else "alerts"
    hook, verifier = add_hook(
        node_of(workspace), url, member, what=what, content=content, shared=shared_secret
    )
    if as_json:
        print_json({"id": hook.id, "url": hook.url, "verifier": verifier})
    else:
        click.echo(f"{hook.id}: {hook.url}\ngive its receiver, by a way you trust: {verifier}")


@webhook.command("list")
@workspace_option
@json_option
def list_hooks(workspace: Path, as_json: bool) -> None:
    """List the webhooks.

    Example: kakehashi exchange webhook list
    """
    from kakehashi.exchange.webhooks import hooks

    node = node_of(workspace)
    names = {who: label for who, (label, _) in node.store.members().items()}
    rows = [
        {
            "id": one.id,
            "url": one.url,
            "member": names.get(one.member, one.member),
            "what": one.what,
            "content": one.content,
            "ended": one.ended or None,
        }
        for one in hooks(node)
    ]
    print_json(rows) if as_json else print_table(rows, ["id", "url", "member", "what", "content", "ended"])


@webhook.command()
@click.argument("hook_id")
@workspace_option
@json_option
def remove(hook_id: str, workspace: Path, as_json: bool) -> None:
    """Remove a webhook and what waits for it.

    Example: kakehashi exchange webhook remove hook-1a2b3c4d5e6f
    """
    from kakehashi.exchange.webhooks import remove_hook

    remove_hook(node_of(workspace), hook_id)
    print_json({"removed": hook_id}) if as_json else click.echo(f"{hook_id} removed")


@webhook.command()
@workspace_option
@json_option
def dead(workspace: Path, as_json: bool) -> None:
    """List what was given up after its last attempt, and why.

    Example: kakehashi exchange webhook dead
    """
    from kakehashi.exchange.webhooks import dead_deliveries

    rows = [
        {"hook": one.hook, "object": one.object, "attempts": one.attempts, "reason": one.reason}
        for one in dead_deliveries(node_of(workspace))
    ]
    print_json(rows) if as_json else print_table(rows, ["hook", "object", "attempts", "reason"])


@webhook.command()
@click.argument("hook_id")
@workspace_option
@json_option
def retry(hook_id: str, workspace: Path, as_json: bool) -> None:
    """Try what a webhook gave up again; one that had ended goes on.

    Example: kakehashi exchange webhook retry hook-1a2b3c4d5e6f
    """
    from kakehashi.exchange.webhooks import retry as again

    count = again(node_of(workspace), hook_id)
    print_json({"retried": count}) if as_json else click.echo(f"{count} deliveries are tried again")


@webhook.command()
@workspace_option
@json_option
def send(workspace: Path, as_json: bool) -> None:
    """Send what is due now; a node that is served does it by itself.

    Example: kakehashi exchange webhook send
    """
    import asyncio

    from kakehashi.exchange.webhook_send import send_due

    count = asyncio.run(send_due(node_of(workspace)))
    print_json({"taken": count}) if as_json else click.echo(f"{count} deliveries were taken")


DELIVERY_COMMANDS = (listen, webhook)
