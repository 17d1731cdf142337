"""Cards and partners of ``kakehashi exchange``, and their logs."""

import sys
from pathlib import Path
from typing import Any

import click

from kakehashi.cli.exchange_alerts import LEVELS, node_of
from kakehashi.cli.exchange_remote import tls_of, tls_options, token_of, token_option
from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File; printed unless said.")
@workspace_option
@json_option
def card(out: Path | None, workspace: Path, as_json: bool) -> None:
    """Write this node's card: name, identity and public keys, signed. Give it to partners.

    Example: kakehashi exchange card --out institute-a.card
    """
    from kakehashi.exchange.partners import make_card, read_card
    from kakehashi.ledger.files import write_whole

    made = make_card(node_of(workspace))
    if out is not None:
        write_whole(out, made)
    elif not as_json:
        sys.stdout.buffer.write(made)
    if as_json:
        file = None if out is None else str(out)
        print_json({"card": made.decode(), "file": file, "fingerprint": read_card(made).fingerprint})
        return
    click.echo(f"fingerprint, to be compared by voice: {read_card(made).fingerprint}", err=True)


@click.command()
@click.argument(
    "file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="CARD"
)
@click.option("--name", help="Call it so here, instead of as it calls itself.")
@click.option(
    "--unsigned",
    type=click.Choice(["quarantine", "accept"]),
    default="quarantine",
    show_default=True,
    help="What happens to unsigned records in its name.",
)
@click.option(
    "--clearance", type=LEVELS, help="Make it a member too, which reads the collection findings up to this."
)
@click.option("--replace", is_flag=True, help="Its keys were changed, and it was asked by another way.")
@workspace_option
@json_option
def partner(
    file: Path | None,
    name: str | None,
    unsigned: str,
    clearance: str | None,
    replace: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """List the partners, or pin the keys on a partner's CARD: from now on these, and no others, are its keys.

    Compare the fingerprint with the partner by another way than the card came.

    Example: kakehashi exchange partner institute-b.card --clearance green
    """
    import dataclasses

    from kakehashi.exchange import Caller
    from kakehashi.exchange.partners import partners, pin, read_card

    node = node_of(workspace)
    if file is not None:
        read = read_card(file.read_bytes(), path=file)
        pinned = dataclasses.replace(read, name=name or read.name, unsigned=unsigned)
        pin(node, pinned, replace=replace)
        if clearance is not None:
            here = frozenset({node.collection("findings").id})
            known = node.store.member(pinned.identity) or Caller(pinned.identity, reads=here, writes=here)
            node.store.put_member(dataclasses.replace(known, clearance=clearance), pinned.name)
    rows = [
        {
            "name": one.name,
            "identity": one.identity,
            "key": str(one.key),
            "recipient": str(one.recipient),
            "unsigned": one.unsigned,
            "fingerprint": one.fingerprint,
        }
        for one in partners(node)
        if file is None or one.identity == read.identity
    ]
    print_json(rows) if as_json else print_table(rows, ["name", "identity", "unsigned", "fingerprint"])


@click.group()
def log() -> None:
    """The logs of partners: copied whole without content, checked, cosigned."""


@log.command("copy")
@click.argument("url")
@click.option("--partner", "whose", required=True, help="Whose log it is.")
@click.option("--cosign", is_flag=True, help="Sign that it was seen to go on, and send that there.")
@token_option
@tls_options
@workspace_option
@json_option
def copy_command(
    url: str,
    whose: str,
    cosign: bool,
    token_env: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Bring our copy of a partner's log up to date, and check that it goes on from what was known of it.

    Example: kakehashi exchange log copy https://hub.example.org/api/ --partner "Institute A" --cosign
    """
    from kakehashi.exchange.partner_log import copy_log

    tls = tls_of(tls_certificate, tls_key, tls_trusted)
    done = copy_log(node_of(workspace), url, token_of(token_env), whose, cosign=cosign, tls=tls)
    if as_json:
        print_json(plain(done))
    else:
        click.echo(f"{done.lines} lines, {done.new} new; they make the checkpoint that its key signed")


@log.command("show")
@click.argument("whose", metavar="PARTNER")
@workspace_option
@json_option
def show_command(whose: str, workspace: Path, as_json: bool) -> None:
    """Say what our copy of a partner's log shows: how much happened, and what of it never came here.

    Example: kakehashi exchange log show "Institute A"
    """
    from kakehashi.exchange.partner_log import overview

    found = overview(node_of(workspace), whose)
    if as_json:
        print_json(plain(found))
        return
    kinds = ", ".join(f"{count} {name}" for name, count in sorted(found.events.items())) or "no lines"
    click.echo(f"{found.lines} lines copied ({kinds}); newest checkpoint checked: {found.heard} lines")
    click.echo(f"bundles brought everything that we may see up to line {found.stands}")
    for low, high in found.also:
        click.echo(f"and of what is behind it, lines {low} to {high}")


@log.command("prove")
@click.argument("url")
@click.argument("object_id")
@click.option("--partner", "whose", required=True, help="Whose log it is.")
@token_option
@tls_options
@workspace_option
@json_option
def prove_command(
    url: str,
    object_id: str,
    whose: str,
    token_env: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Prove that a record, byte for byte as it is here, stands in a partner's log.

    Example: kakehashi exchange log prove https://hub.example.org/api/collections/findings/
    vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --partner "Institute A"
    """
    from kakehashi.exchange.partner_log import prove

    tls = tls_of(tls_certificate, tls_key, tls_trusted)
    found = prove(node_of(workspace), url, token_of(token_env), whose, object_id, tls=tls)
    rows = [{"version": version, "line": line} for version, line in found]
    print_json(rows) if as_json else print_table(rows, ["version", "line"])


@log.command("reads")
@click.argument("url", required=False)
@click.option("--after", type=click.IntRange(min=0), default=0, help="Behind which line of the log.")
@token_option
@tls_options
@workspace_option
@json_option
def reads_command(
    url: str | None,
    after: int,
    token_env: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_trusted: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Say who read which record of AMBER and above, and when: here, or at the node at URL as its auditor.

    Example: kakehashi exchange log reads https://hub.example.org/api/
    """
    from kakehashi.exchange.partner_log import remote_reads
    from kakehashi.exchange.reads import reads_of

    rows: list[dict[str, Any]]
    if url is not None:
        tls = tls_of(tls_certificate, tls_key, tls_trusted)
        rows = list(remote_reads(url, token_of(token_env), after=after, tls=tls))
    else:
        node = node_of(workspace)
        names = {who: label for who, (label, _) in node.store.members().items()}
        rows = [
            {
                "line": seq,
                "member": names.get(one.identity, one.identity),
                "id": one.ref,
                "version": one.version,
                "at": one.at,
            }
            for seq, batch in reads_of(node.store, after=after)
            for one in batch
        ]
    print_json(rows) if as_json else print_table(rows, ["line", "member", "id", "version", "at"])


@log.command("cosigned")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@workspace_option
@json_option
def cosigned_command(file: Path | None, workspace: Path, as_json: bool) -> None:
    """Say who cosigned how much of this node's log; with FILE, take in a checkpoint that a partner cosigned.

    Example: kakehashi exchange log cosigned checkpoint.txt
    """
    from kakehashi.errors import VerificationError
    from kakehashi.exchange.cosigning import check_cosigned, keep_cosigned

    node = node_of(workspace)
    if file is not None:
        keep_cosigned(node, file.read_text(encoding="utf-8"))
    findings, found = check_cosigned(node)
    if findings:
        raise VerificationError("; ".join(one.what for one in findings))
    rows = [{"cosigner": name, "lines": size, "at": at.isoformat()} for name, size, at in found]
    print_json(rows) if as_json else print_table(rows, ["cosigner", "lines", "at"])


PARTNER_COMMANDS = (card, partner, log)
