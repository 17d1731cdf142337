"""Members of a node, their rights and their tokens."""

from pathlib import Path

import click

from kakehashi.cli.exchange_alerts import LEVELS, node_of
from kakehashi.cli.options import Span, json_option, print_json, print_table, workspace_option

CAVEATS = click.Choice(["national-security", "trade-secret", "personal-data"])


@click.command()
@click.argument("name", required=False)
@click.option("--identity", help="STIX id of the member; a new one unless said.")
@click.option("--key", help="Its verifier key: what it deposits in its own name must be signed with it.")
@click.option("--clearance", type=LEVELS, help="Highest TLP level that the member may see.")
@click.option("--community", "communities", multiple=True, help="A community that the member belongs to.")
@click.option(
    "--cleared-for", "caveats", multiple=True, type=CAVEATS, help="A caveat the member is cleared for."
)
@click.option("--reads", multiple=True, help="A collection that the member may read.")
@click.option("--writes", multiple=True, help="A collection that the member may write to.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(["auditor", "administrator"]),
    help="Opens no content.",
)
@click.option(
    "--models", multiple=True, help="Send only what concerns these models, such as 'vendor/*'; never more."
)
@workspace_option
@json_option
def member(
    name: str | None,
    identity: str | None,
    key: str | None,
    clearance: str | None,
    communities: tuple[str, ...],
    caveats: tuple[str, ...],
    reads: tuple[str, ...],
    writes: tuple[str, ...],
    roles: tuple[str, ...],
    models: tuple[str, ...],
    workspace: Path,
    as_json: bool,
) -> None:
    """List the members, or say all the rights of one: what is not said, the member does not have.

    What a member may newly see is entered again, so that ordinary polling brings it.

    Example: kakehashi exchange member "Institute B" --clearance amber --community network --reads findings
    """
    node = node_of(workspace)
    if name is not None:
        from uuid import uuid4

        from kakehashi.exchange import Caller
        from kakehashi.exchange.partners import partners
        from kakehashi.proof import VerifierKey

        known = {label: who for who, (label, _) in node.store.members().items()}
        pinned = {one.name: one.identity for one in partners(node)}
        caller = Caller(
            identity or known.get(name) or pinned.get(name) or f"identity--{uuid4()}",
            clearance,
            frozenset(communities),
            frozenset(caveats),
            frozenset(node.collection(word).id for word in reads),
            frozenset(node.collection(word).id for word in writes),
            frozenset(roles),
            frozenset(models),
        )
        if key is not None:
            node.store.set_meta(f"key:{caller.identity}", str(VerifierKey.parse(key)))
        node.store.put_member(caller, name)
    rows = [
        {
            "name": label,
            "identity": caller.identity,
            "clearance": caller.clearance,
            "communities": sorted(caller.communities),
            "cleared for": sorted(caller.caveats),
            "key": str(node.store.key_of(caller.identity) or "") or None,
            "reads": len(caller.reads),
            "writes": len(caller.writes),
            "roles": sorted(caller.roles),
            "models": sorted(caller.models),
        }
        for label, caller in node.store.members().values()
        if name is None or label == name
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        rows, ["name", "identity", "clearance", "communities", "cleared for", "reads", "writes", "roles"]
    )


@click.command()
@click.argument("name", required=False)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["read", "write", "audit", "configure"]),
    help="Read and write unless said; audit and configure need the role.",
)
@click.option("--days", type=Span(), default=90, show_default=True)
@click.option("--revoke", help="Id of a token to take back.")
@workspace_option
@json_option
def token(
    name: str | None, scopes: tuple[str, ...], days: float, revoke: str | None, workspace: Path, as_json: bool
) -> None:
    """List the tokens, issue one to the member NAME (its text is shown this once), or take one back.

    Example: kakehashi exchange token "Institute B" --scope read --days 30
    """
    from kakehashi.exchange.records import timestamp

    node = node_of(workspace)
    if revoke is not None:
        node.tokens.revoke(revoke)
    if name is not None:
        issued, text = node.tokens.issue(
            node.member(name).identity, scopes=scopes or ("read", "write"), days=days
        )
        facts = {"id": issued.id, "expires": timestamp(issued.expires), "token": text}
        print_json(facts) if as_json else click.echo(f"{text}\nid {issued.id}, until {facts['expires']}")
        return
    names = {who: label for who, (label, _) in node.store.members().items()}
    rows = [
        {
            "id": one.id,
            "member": names.get(one.identity, one.identity),
            "scopes": list(one.scopes),
            "expires": timestamp(one.expires),
            "revoked": one.revoked,
        }
        for one in node.tokens.list()
    ]
    print_json(rows) if as_json else print_table(rows, ["id", "member", "scopes", "expires", "revoked"])


MEMBER_COMMANDS = (member, token)
