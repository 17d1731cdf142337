"""``kakehashi exchange``: findings exchanged between institutes."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.exchange_alert_room import ALERT_ROOM_COMMANDS
from kakehashi.cli.exchange_alerts import ALERT_COMMANDS, LEVELS, node_of
from kakehashi.cli.exchange_bundles import bundle
from kakehashi.cli.exchange_clock import clock
from kakehashi.cli.exchange_delivery import DELIVERY_COMMANDS
from kakehashi.cli.exchange_formats import FORMAT_COMMANDS, print_dry_run, read_prompt
from kakehashi.cli.exchange_loop import LOOP_COMMANDS
from kakehashi.cli.exchange_members import MEMBER_COMMANDS
from kakehashi.cli.exchange_partners import PARTNER_COMMANDS
from kakehashi.cli.exchange_people import PEOPLE_COMMANDS
from kakehashi.cli.exchange_private import PRIVATE_COMMANDS
from kakehashi.cli.exchange_pull import PULL_COMMANDS
from kakehashi.cli.options import json_option, print_json, print_table, workspace_option

if TYPE_CHECKING:
    from kakehashi.exchange import Node


@click.group()
def exchange() -> None:
    """Exchange findings with other institutes: nothing is lost, and nobody gets what they must not see."""


for command in (
    *ALERT_COMMANDS,
    *ALERT_ROOM_COMMANDS,
    *DELIVERY_COMMANDS,
    *MEMBER_COMMANDS,
    *PARTNER_COMMANDS,
    *PEOPLE_COMMANDS,
    *FORMAT_COMMANDS,
    *PRIVATE_COMMANDS,
    *LOOP_COMMANDS,
    *PULL_COMMANDS,
    bundle,
    clock,
):
    exchange.add_command(command)


@exchange.command()
@click.argument("name")
@click.option(
    "--small",
    is_flag=True,
    help="For two people without a server: also write the card, and say what is next.",
)
@click.option(
    "--db",
    help="A PostgreSQL database instead of an embedded one: postgresql://… (or KAKEHASHI_EXCHANGE_DB).",
)
@workspace_option
@json_option
def init(name: str, small: bool, db: str | None, workspace: Path, as_json: bool) -> None:
    """Make a node for the institute NAME: database, key, and a collection "findings".

    A password in the address of a database is not kept: set KAKEHASHI_EXCHANGE_DB, PGPASSWORD or ~/.pgpass.

    Example: kakehashi exchange init "Institute A"
    """
    from kakehashi.exchange import Node
    from kakehashi.exchange.node import DATABASE_VARIABLE
    from kakehashi.work.workspace import Workspace

    node = Node.init(Workspace(workspace).exchange, name, db=db or os.environ.get(DATABASE_VARIABLE))
    facts = {
        "node": str(node.path),
        "database": str(node.store.path),
        "identity": node.owner,
        "collection": node.collection("findings").id,
        "key": node.store.meta("key"),
    }
    if small:
        facts["card"], facts["fingerprint"] = _write_card(node)
    if as_json:
        print_json(facts)
        return
    for label, value in facts.items():
        click.echo(f"{label}: {value}")
    if small:
        click.echo("1. give the card to your partner, and compare the fingerprint by telephone")
        click.echo("2. pin your partner's card: kakehashi exchange partner CARD --clearance green")
        click.echo(
            "3. kakehashi exchange bundle make --to PARTNER; send the file; bundle apply what comes back"
        )


def _write_card(node: "Node") -> tuple[str, str]:
    from kakehashi.exchange.partners import make_card, read_card
    from kakehashi.ledger.files import write_whole

    made, place = make_card(node), node.path / "my.card"
    write_whole(place, made)
    return str(place), read_card(made).fingerprint


@exchange.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8471, show_default=True, help="0 takes a free one."
)
@click.option(
    "--tls-certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PEM file."
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PEM file.")
@click.option(
    "--client-authority",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file: only clients with a certificate of this authority are let in (mutual TLS).",
)
@click.option("--behind-proxy", is_flag=True, help="Something in front does TLS.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Server processes.")
@workspace_option
@json_option
def serve(
    host: str,
    port: int,
    tls_certificate: Path | None,
    tls_key: Path | None,
    client_authority: Path | None,
    behind_proxy: bool,
    workers: int,
    workspace: Path,
    as_json: bool,
) -> None:
    """Serve the node over TAXII 2.1 until it is stopped.

    Example: kakehashi exchange serve --port 8471
    """
    import json

    from kakehashi.errors import MissingExtraError

    node = node_of(workspace)

    def ready(url: str) -> None:  # one line, for whoever started it
        line = json.dumps({"name": node.name, "url": url}, ensure_ascii=False)
        click.echo(line if as_json else f"serving {node.name} at {url}")

    try:
        from kakehashi.exchange.server import serve as run
    except ModuleNotFoundError as error:
        raise MissingExtraError("exchange", "serving a node") from error
    run(
        node,
        host=host,
        port=port,
        certificate=tls_certificate,
        key=tls_key,
        client_authority=client_authority,
        behind_proxy=behind_proxy,
        workers=workers,
        ready=ready,
    )


@exchange.command()
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER|ARCHIVE…"
)
@click.option("--level", type=LEVELS, help="TLP level for objects that bear no marking.")
@click.option("--sign", "signed", is_flag=True, help="Sign in the institute's name what bears no other's.")
@click.option(
    "--quarantine", is_flag=True, help="Keep aside what breaks the standard instead of refusing the file."
)
@click.option("--dry-run", is_flag=True, help="Only say what it would become, with a status for each field.")
@click.option(
    "--text",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="File with the prompt of the one attack-pattern: its sketch is stored, the text is not.",
)
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def add(
    paths: tuple[Path, ...],
    level: str | None,
    signed: bool,
    quarantine: bool,
    dry_run: bool,
    text: Path | None,
    collection: str,
    workspace: Path,
    as_json: bool,
) -> int:
    """Take in STIX 2.1, AVID, MITRE ATLAS YAML, AI Incident Database CSV, MISP, OECD or CSAF in the owner's name.

    An object without a marking is seen by its creator alone; --level marks those that have none. The exit code is 10
    where something was put in quarantine.

    Example: kakehashi exchange add finding.json --level green
    """
    from kakehashi.exchange import take_in
    from kakehashi.exchange.intake import read_files

    if dry_run:
        return print_dry_run(read_files(paths, quarantine=quarantine, level=level), as_json)
    node = node_of(workspace)
    prompt = None if text is None else read_prompt(text)
    done = take_in(
        node, paths, collection=collection, quarantine=quarantine, level=level, signed=signed, text=prompt
    )
    held = [{"file": name, "reasons": reasons} for name, reasons in done.held]
    if as_json:
        ids = [outcome.id for outcome in done.stored]
        print_json({"stored": len(done.stored), "new": done.new, "ids": ids, "quarantine": held})
    else:
        click.echo(
            f"{len(done.stored)} objects taken in, {done.new} of them new, {len(held)} put in quarantine"
        )
        for row in held[:20]:
            click.echo(f"{row['file']}: {'; '.join(row['reasons'])}", err=True)
    return 10 if held else 0


@exchange.command("list")
@click.option("--type", "kind", help="Only objects of this type.")
@click.option("--as", "member", help="As this member would see it; the owner unless said.")
@click.option("--quarantine", is_flag=True, help="What was kept aside, and why.")
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def list_objects(
    kind: str | None, member: str | None, quarantine: bool, collection: str, workspace: Path, as_json: bool
) -> None:
    """List the objects of a collection, with rates and intervals where they hold measurements.

    Example: kakehashi exchange list --type sighting
    """
    node = node_of(workspace)
    if quarantine:
        rows = [{"source": s, "reasons": r, "bytes": len(d)} for s, r, d in node.store.quarantined()]
        print_json(rows) if as_json else print_table(rows, ["source", "reasons", "bytes"])
        return
    from kakehashi.exchange import Filters

    who = node.member(member) if member else node.me()
    types = frozenset({kind}) if kind else frozenset()
    page = node.store.page(
        who, node.collection(collection).id, Filters(types=types), limit=1_000_000, budget=1 << 40
    )
    rows = [_row(entry.data, entry.added) for entry in page.entries]
    if as_json:
        print_json(rows)
        return
    columns = [
        "added",
        "type",
        "id",
        "level",
        "name",
        *(["k of n", "rate", "low", "high"] if _measured(rows) else []),
    ]
    print_table(rows, columns)


def _measured(rows: list[dict[str, Any]]) -> bool:
    return any("rate" in row for row in rows)


def _row(data: bytes, added: str) -> dict[str, Any]:
    import json

    from kakehashi.exchange import measured
    from kakehashi.exchange.ids import TLP_IDS

    obj = json.loads(data)
    refs = obj.get("object_marking_refs", ())
    row = {
        "added": added,
        "type": obj["type"],
        "id": obj["id"],
        "level": ", ".join(TLP_IDS.get(ref, "marked") for ref in refs) or "none",
        "name": str(obj.get("name") or obj.get("content") or obj.get("relationship_type") or "")[:80],
    }
    found = measured(obj)
    if found is not None:
        k, n = found.settings["k"], found.settings["n"]
        row |= {"k of n": f"{k} of {n}", "rate": found.value, "low": found.low, "high": found.high}
        row |= {"method": found.method, "confidence_level": found.confidence_level}
    return row


@exchange.command()
@click.argument("object_id")
@click.option("--as", "member", help="As this member would see it; the owner unless said.")
@click.option("--source", is_flag=True, help="The document that it was imported from, byte for byte.")
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def show(
    object_id: str, member: str | None, source: bool, collection: str, workspace: Path, as_json: bool
) -> None:
    """Show an object's versions, as they are stored.

    Example: kakehashi exchange show vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    import json

    from kakehashi.errors import UnknownNameError
    from kakehashi.exchange import Filters
    from kakehashi.exchange.exporting import source_of

    node = node_of(workspace)
    who = node.member(member) if member else node.me()
    filters = Filters(ids=frozenset({object_id}), versions=frozenset({"all"}))
    page = node.store.page(who, node.collection(collection).id, filters, limit=10_000, budget=1 << 40)
    if not page.entries:
        raise UnknownNameError("object", object_id, hint="See: kakehashi exchange list")
    if source:
        sys.stdout.buffer.write(source_of(node, json.loads(page.entries[-1].data), collection=collection))
        return
    objects = [json.loads(entry.data) for entry in page.entries]
    print_json(objects if as_json or len(objects) > 1 else objects[0])


@exchange.command()
@click.argument("object_id")
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def recall(object_id: str, collection: str, workspace: Path, as_json: bool) -> None:
    """Withdraw an object of your own: its content is deleted, and a tombstone tells the partners.

    Example: kakehashi exchange recall vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    from kakehashi.errors import UnknownNameError, UsageError

    node = node_of(workspace)
    try:
        count = node.recall(object_id, collection=collection)
    except PermissionError as error:
        raise UsageError(str(error)) from None
    if count == 0:
        raise UnknownNameError("object", object_id, hint="See: kakehashi exchange list")
    print_json({"withdrawn": object_id, "versions": count}) if as_json else click.echo(
        f"{count} versions withdrawn"
    )


@exchange.command()
@click.option("--against", help="A checkpoint's file, or size=… root=…, kept elsewhere.")
@workspace_option
@json_option
def verify(against: str | None, workspace: Path, as_json: bool) -> None:
    """Check every byte of the node against its log, offline; print a signed checkpoint for others to keep.

    A log that was cut or rewritten as a whole is found only against a checkpoint that was kept elsewhere.

    Example: kakehashi exchange verify --against checkpoint.txt
    """
    from kakehashi.errors import InputError
    from kakehashi.exchange.cosigning import check_cosigned
    from kakehashi.proof import Checkpoint, TreeHead

    node = node_of(workspace)
    head = None
    if against is not None:
        path = Path(against)
        if "=" not in against and not path.is_file():
            raise InputError("no such file", path=path, hint="Give a checkpoint's file, or size=… root=….")
        if path.is_file():  # also the whole of what this command printed: the checkpoint stands last
            text = path.read_text("utf-8", "replace")
            head = Checkpoint.parse(text[max(text.find("kakehashi-exchange/"), 0) :]).head
        else:
            head = TreeHead.parse(against)
    found = node.must_verify(head)
    note = node.checkpoint().text()
    cosigned = check_cosigned(node)[1]
    if as_json:
        by = [{"cosigner": name, "lines": size, "at": at.isoformat()} for name, size, at in cosigned]
        print_json({"objects": found.objects, **found.head.as_json(), "checkpoint": note, "cosigned": by})
        return
    click.echo(f"{found.objects} versions of objects and {found.head.size} lines of the log match")
    for name, size, at in cosigned:
        click.echo(f"cosigned by {name}: the first {size} lines, {at:%Y-%m-%d %H:%M} UTC")
    click.echo(note, nl=False)


@exchange.command()
@click.argument("object_id")
@click.option("--contact", required=True, help="Whom to ask for the full record.")
@click.option("--family", default="withheld", show_default=True, help="What is said of the systems affected.")
@click.option("--level", type=LEVELS, default="green", show_default=True, help="TLP level of the view.")
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def view(
    object_id: str, contact: str, family: str, level: str, collection: str, workspace: Path, as_json: bool
) -> None:
    """Make a minimal view of a vulnerability of your own, signed: hazard, severity, whom to ask, and nothing else.

    The view commits to every property of the full record, which becomes a new version that opens them: who sees it
    later can check that it was not changed. The full record keeps its markings.

    Example: kakehashi exchange view vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --contact desk@example.org
    """
    node = node_of(workspace)
    made = node.view(object_id, contact=contact, affected_family=family, level=level, collection=collection)
    if as_json:
        print_json({"full": object_id, "view": made["id"]})
    else:
        click.echo(f"view {made['id']}, signed, of level {level}")


@exchange.command()
@click.argument("run")
@click.option("--of", required=True, help="Id of the vulnerability or attack pattern in the node.")
@click.option(
    "--measure", "measures", multiple=True, help="Only this measure; all counted shares unless said."
)
@click.option("--subject", "subjects", multiple=True, help="Only this system.")
@click.option("--level", type=LEVELS, default="amber", show_default=True, help="TLP level of the sightings.")
@click.option(
    "--marking", "markings", multiple=True, help="Id of a further marking, such as one with an audience."
)
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def sight(
    run: str,
    of: str,
    measures: tuple[str, ...],
    subjects: tuple[str, ...],
    level: str,
    markings: tuple[str, ...],
    collection: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Make signed sightings of what a RUN of the ledger measured: k of n for each system and measure.

    Example: kakehashi exchange sight run-1a2b3c --of vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    from kakehashi.work.sightings import sight as make

    made = make(
        run,
        of=of,
        workspace=workspace,
        measures=measures,
        subjects=subjects,
        level=level,
        markings=markings,
        collection=collection,
    )
    if as_json:
        print_json([one["id"] for one in made])
    else:
        click.echo(f"{len(made)} sightings, signed; see: kakehashi exchange list --type sighting")
