"""Alerts of ``kakehashi exchange``: drafted, released by officers, answered."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kakehashi.cli.options import Span, json_option, print_json, print_table, workspace_option

if TYPE_CHECKING:
    from kakehashi.exchange import Node

LEVELS = click.Choice(["clear", "green", "amber", "amber+strict", "red"])


def _warn_of_blind(node: "Node", alert_id: str) -> list[str]:
    """Say who is asked and will not be told; returns their names."""
    from kakehashi.exchange.alerts import cannot_see

    members = node.store.members()
    names = [members[one][0] if one in members else one for one in cannot_see(node, alert_id)]
    if names:
        click.echo(
            f"warning: {', '.join(names)} may not see this alert, or not what it is about, and so is not told."
            " Give a wider --tlp or --marking, or share the record with them first",
            err=True,
        )
    return names


def node_of(workspace: Path) -> "Node":
    """The workspace's node; where embargoes stand because its clock is not believed, that is said."""
    from kakehashi.exchange import Node
    from kakehashi.exchange.confirmed_time import clock_trouble
    from kakehashi.work.workspace import Workspace

    node = Node.open(Workspace(workspace).exchange)
    if trouble := clock_trouble(node.store):
        click.echo("; ".join(trouble), err=True)
    return node


@click.command()
@click.argument("key")
@click.option(
    "--of", "institute", help="Pin it as an officer's of another institute: a member, or its identity."
)
@workspace_option
@json_option
def officer(key: str, institute: str | None, workspace: Path, as_json: bool) -> None:
    """Let the holder of the verifier key KEY release alerts; or pin a partner's officer with --of.

    Example: kakehashi exchange officer "desk+1f2e3d4c+AeR3…"
    """
    from kakehashi.exchange.alerts import add_officer
    from kakehashi.exchange.officers import officers_of, pin_officer
    from kakehashi.proof import VerifierKey

    node = node_of(workspace)
    whose = node.owner
    if institute is None:
        add_officer(node, VerifierKey.parse(key))
    else:
        whose = institute if institute.startswith("identity--") else node.member(institute).identity
        pin_officer(node, whose, VerifierKey.parse(key))
    names = [one.name for one in officers_of(node, whose)]
    print_json(names) if as_json else click.echo(f"officers: {', '.join(names)}")


@click.command()
@click.argument("text")
@click.option("--about", required=True, help="Id of what it is about.")
@click.option(
    "--level", type=click.Choice(["information", "attention", "urgent", "emergency"]), required=True
)
@click.option("--action", required=True, help="What the recipients are asked to do.")
@click.option("--to", "audience", multiple=True, required=True, help="A member who is asked to answer.")
@click.option("--hours", type=Span(in_a_day=24), help="Hours until the deadline.")
@click.option("--drill", is_flag=True, help="An exercise.")
@click.option("--tlp", type=LEVELS, default="green", show_default=True)
@click.option(
    "--marking", "markings", multiple=True, help="Id of a further marking, such as one with an audience."
)
@workspace_option
@json_option
def alert(
    text: str,
    about: str,
    level: str,
    action: str,
    audience: tuple[str, ...],
    hours: float | None,
    drill: bool,
    tlp: str,
    markings: tuple[str, ...],
    workspace: Path,
    as_json: bool,
) -> None:
    """Draft an alert: nobody is told before it is released.

    Example: kakehashi exchange alert "Retest now." --about vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    --level emergency --action retest --to "Institute B" --hours 24
    """
    from datetime import UTC, datetime, timedelta

    from kakehashi.exchange.alerts import draft_alert

    node = node_of(workspace)
    made = draft_alert(
        node,
        text,
        about=about,
        level=level,
        action=action,
        audience=tuple(node.member(word).identity for word in audience),
        deadline=None if hours is None else datetime.now(UTC) + timedelta(hours=hours),
        drill=drill,
        tlp=tlp,
        markings=markings,
    )
    blind = _warn_of_blind(node, made)
    print_json({"draft": made, "cannot_see": blind}) if as_json else click.echo(
        f"draft {made}; release it: kakehashi exchange release {made}"
    )


@click.command()
@click.argument("draft")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The signing key of the officer who releases.",
)
@workspace_option
@json_option
def release(draft: str, key_file: Path, workspace: Path, as_json: bool) -> int:
    """Put an officer's signature under a draft; an emergency, or anything RED, needs two persons.

    The exit code is 10 where it was released and somebody who is asked to answer may not see it.

    Example: kakehashi exchange release note--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --key-file desk.key
    """
    from kakehashi.exchange.alerts import release_alert
    from kakehashi.proof import SigningKey

    node = node_of(workspace)
    missing = release_alert(node, draft, SigningKey.parse(key_file.read_text("utf-8", "replace")))
    blind = _warn_of_blind(node, draft) if missing == 0 else []
    if as_json:
        print_json({"released": missing == 0, "persons_missing": missing, "cannot_see": blind})
    else:
        click.echo("released" if missing == 0 else f"signed; {missing} more person must release it")
    return 10 if blind else 0


@click.command()
@click.argument("alert_id")
@click.argument("state", type=click.Choice(["opened", "acknowledged", "acted", "declined"]))
@click.option("--retest", help="Id of the sighting that shows what was done.")
@workspace_option
@json_option
def acknowledge(alert_id: str, state: str, retest: str | None, workspace: Path, as_json: bool) -> None:
    """Answer an alert with a signed record for its sender; the next push sends it.

    Example: kakehashi exchange acknowledge note--6ba7b810-9dad-41d1-80b4-00c04fd430c8 acted
    """
    from kakehashi.exchange.alerts import acknowledge as answer

    made = answer(node_of(workspace), alert_id, state, retest=retest)
    print_json({"id": made["id"]}) if as_json else click.echo(
        f"{state}: {made['id']}; send it with: exchange push"
    )


@click.command()
@click.argument("alert_id")
@workspace_option
@json_option
def responses(alert_id: str, workspace: Path, as_json: bool) -> None:
    """Say what each recipient of an alert did, who is overdue, and the median time to the first answer.

    Example: kakehashi exchange responses note--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    from kakehashi.exchange.alerts import median_time
    from kakehashi.exchange.alerts import responses as find

    node = node_of(workspace)
    found = find(node, alert_id)
    names = {who: label for who, (label, _) in node.store.members().items()}
    rows = [
        {
            "recipient": names.get(one.recipient, one.recipient),
            "state": one.state,
            "minutes": None if one.after is None else one.after.total_seconds() / 60,
            "overdue": one.overdue,
        }
        for one in found
    ]
    middle = median_time(found)
    minutes = None if middle is None else middle.total_seconds() / 60
    waiting = sum(one.after is None for one in found)
    if as_json:
        print_json({"responses": rows, "median_minutes": minutes, "waiting": waiting})
        return
    print_table(rows, ["recipient", "state", "minutes", "overdue"])
    said = (
        "nobody has answered" if minutes is None else f"median of those who answered: {minutes:.1f} minutes"
    )
    click.echo(f"{said}; {waiting} still waiting")


ALERT_COMMANDS = (officer, alert, release, acknowledge, responses)
