"""Findings for persons: one file written and read; requests, offers and balances."""

import sys
from pathlib import Path

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option


@click.command()
@click.argument("object_id")
@click.option("--to", help="The partner that it is for: the file is encrypted. Needed above GREEN.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File; printed unless said.")
@workspace_option
@json_option
def write(object_id: str, to: str | None, out: Path | None, workspace: Path, as_json: bool) -> None:
    """Write one signed finding as one file, to be sent by any means.

    Example: kakehashi exchange write vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --out finding.json
    """
    from kakehashi.errors import UsageError
    from kakehashi.exchange.one_file import write_finding
    from kakehashi.ledger.files import write_whole

    data = write_finding(node_of(workspace), object_id, to=to)
    if out is None and as_json:
        raise UsageError("where to write the finding is not said", hint="Give --out FILE beside --json.")
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        write_whole(out, data)
        print_json({"file": str(out), "bytes": len(data)}) if as_json else click.echo(str(out))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--key", "keys", multiple=True, help="A verifier key that you trust, or a file with a card.")
@click.option("--language", type=click.Choice(["en", "ja"]), default="en", show_default=True)
@workspace_option
@json_option
def read(file: Path, keys: tuple[str, ...], language: str, workspace: Path, as_json: bool) -> None:
    """Print a finding for a person, and check its signature. Works without a node; an encrypted file needs one.

    Example: kakehashi exchange read finding.json --key institute-a.card
    """
    from kakehashi.exchange import Node
    from kakehashi.exchange.bundles import open_bundle
    from kakehashi.exchange.bundles.file import is_bundle
    from kakehashi.exchange.one_file import read_objects
    from kakehashi.exchange.partners import partners, read_card
    from kakehashi.exchange.reading import in_words
    from kakehashi.proof import VerifierKey
    from kakehashi.work.workspace import Workspace

    place, data = Workspace(workspace).exchange, file.read_bytes()
    node = Node.open(place) if Node.is_here(place) or is_bundle(data) else None
    cards = [read_card(Path(key).read_bytes(), path=key) for key in keys if Path(key).is_file()]
    known = [*cards, *(() if node is None else partners(node))]
    trusted = [one.key for one in known]
    trusted += [VerifierKey.parse(key) for key in keys if not Path(key).is_file()]
    if is_bundle(data) and node is not None:
        objects = list(open_bundle(node, data).objects)
    else:
        objects = read_objects(data, path=file)
    names = {one.key.public: one.name for one in known}
    text = in_words(objects, language=language, keys=trusted, names=names)
    print_json(objects) if as_json else click.echo(text, nl=False)


@click.command()
@click.option("--as", "member", help="As this member would see them; the owner unless said.")
@workspace_option
@json_option
def offers(member: str | None, workspace: Path, as_json: bool) -> None:
    """List open requests for help with the offers that fit.

    Example: kakehashi exchange offers
    """
    from kakehashi.exchange.mutual_aid import asks, matches

    node = node_of(workspace)
    found = asks(node, node.member(member) if member else node.me())
    names = {who: label for who, (label, _) in node.store.members().items()}
    pairs = matches(found)
    fitting = {wanted.id: [o for w, o in pairs if w.id == wanted.id] for wanted, _ in pairs}
    rows = [
        {
            "id": one.id,
            "direction": one.direction,
            "by": names.get(one.by, one.by),
            "resource": one.resource,
            "language": one.language,
            "amount": one.amount,
            "unit": one.unit,
            "until": None if one.until is None else one.until.isoformat(),
            "fulfilled_by": one.fulfilled_by,
            "offers": [other.id for other in fitting.get(one.id, ())],
        }
        for one in found
    ]
    columns = [
        "id",
        "direction",
        "by",
        "resource",
        "language",
        "amount",
        "unit",
        "until",
        "fulfilled_by",
        "offers",
    ]
    print_json(rows) if as_json else print_table(rows, columns)


@click.command()
@click.argument("request")
@click.option("--by", required=True, help="The offer that fitted, or the member that helped.")
@workspace_option
@json_option
def fulfill(request: str, by: str, workspace: Path, as_json: bool) -> None:
    """Mark a request of your own as fulfilled: whoever was helped says so.

    Example: kakehashi exchange fulfill note--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --by "Institute B"
    """
    from kakehashi.exchange.mutual_aid import fulfill as mark

    made = mark(node_of(workspace), request, by)
    print_json({"id": made["id"], "version": made["modified"]}) if as_json else click.echo(
        "marked as fulfilled"
    )


@click.command()
@click.option("--as", "member", help="Of this member; the owner unless said.")
@workspace_option
@json_option
def balance(member: str | None, workspace: Path, as_json: bool) -> None:
    """Say what a member gave and received, and sums over others where at least three gave and three received.

    Example: kakehashi exchange balance
    """
    from kakehashi.exchange.mutual_aid import balance as find

    node = node_of(workspace)
    found = find(node, node.member(member) if member else node.me())
    if as_json:
        print_json(plain(found))
        return
    print_table([plain(one) for one in found.own], ["resource", "unit", "given", "received"])
    rows = [
        {**plain(one), "amount": "fewer than three members" if one.amount is None else one.amount}
        for one in found.others
    ]
    if rows:
        click.echo("others:")
        print_table(rows, ["resource", "unit", "amount"])


PEOPLE_COMMANDS = (write, read, offers, fulfill, balance)
