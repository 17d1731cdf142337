"""``kakehashi commitments clock``: deadlines of incidents, in three readings; not legal advice."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.commitments_evidence import catalog_option
from kakehashi.cli.options import json_option, print_json, print_table, workspace_option

if TYPE_CHECKING:
    from kakehashi.work.clocks import Due
    from kakehashi.work.workspace import Workspace

_ZONE = "Time zone of a time without an offset, and whose days are counted."


@click.group()
def clock() -> None:
    """Start and read the clocks of incidents (2, 5, 10, 15 days of the EU GPAI code). Not legal advice."""


@clock.command()
@click.option("--lang", default="en", show_default=True, help="Language of the titles.")
@catalog_option
@json_option
def rules(lang: str, own: Path | None, as_json: bool) -> None:
    """List which trigger has which clock, how days are counted, and where that was read.

    Example: kakehashi commitments clock rules --lang ja
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.commitments.plain import as_plain
    from kakehashi.report.voice import messages

    words = messages(lang)
    found = sound_catalog(own).clocks
    if as_json:
        print_json(as_plain(list(found.values())))
        return
    rows = [
        {
            "rule": one.id,
            "trigger": trigger.id,
            "days": trigger.days,
            "counting": one.counting,
            "what happened": trigger.title[lang],
        }
        for one in found.values()
        for trigger in one.triggers
    ]
    print_table(rows, ("rule", "trigger", "days", "counting", "what happened"))
    for one in found.values():
        about = words["list.semicolon"].join((one.title[lang], one.starts[lang]))
        stop = "。" if lang == "ja" else ". "
        click.echo(f"{one.id}: {about}{stop}{one.counting_note[lang]}")
        click.echo(f"  {one.source['title']} ({one.source['publisher']}, {one.source['date']})")
    click.echo(words["clock.note"])


@clock.command()
@click.argument("incident")
@click.option(
    "--trigger", "triggers", multiple=True, required=True, help="What happened; give it again for more."
)
@click.option(
    "--at", "moment", required=True, metavar="TIME", help="When it became known: 2026-11-25T09:00+09:00."
)
@click.option("--author", required=True, help="Who says so.")
@click.option("--rule", default="", help="The rule, where several have such a trigger.")
@click.option("--zone", help="Time zone of a time without an offset, such as Asia/Tokyo.")
@catalog_option
@workspace_option
@json_option
def start(
    incident: str,
    triggers: tuple[str, ...],
    moment: str,
    author: str,
    rule: str,
    zone: str | None,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Start the clock of an INCIDENT: a STIX incident (file or id in the node), or a name of your own.

    Example: kakehashi commitments clock start incident.json --trigger death --at 2026-11-25T09:00+09:00 --author me
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.commitments.clocks import read_moment
    from kakehashi.work.clocks import find_trigger, list_clocks, read_incident, start_clock
    from kakehashi.work.workspace import Workspace

    catalog, place = sound_catalog(own), Workspace(workspace)
    at = read_moment(moment, zone=zone)
    about = read_incident(place, incident)
    for name in triggers:  # all are known before any is started
        find_trigger(catalog, name, rule)
    made = [
        start_clock(catalog, place, about, trigger=name, at=at, author=author, rule=rule)[2]
        for name in triggers
    ]
    mine = [one for one in list_clocks(catalog, place) if one.record in made and one.stage == "initial"]
    _print_dues(mine, as_json)


@clock.command("list")
@click.option("--now", "moment", metavar="TIME", help="The present, for those who look ahead or back.")
@click.option("--zone", help="Time zone whose days are counted, in place of each rule's own.")
@click.option("--holidays", type=click.Path(path_type=Path), help="Holidays: a file with one date a line.")
@catalog_option
@workspace_option
@json_option
def list_dues(
    moment: str | None,
    zone: str | None,
    holidays: Path | None,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """List every deadline, the next one first, with the time left by the strictest reading.

    Example: kakehashi commitments clock list --now 2026-12-01T09:00+01:00
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.commitments.clocks import read_holidays, read_moment
    from kakehashi.work.clocks import list_clocks
    from kakehashi.work.workspace import Workspace

    found = list_clocks(
        sound_catalog(own),
        Workspace(workspace),
        now=read_moment(moment, zone=zone) if moment else None,
        zone=zone,
        holidays=read_holidays(holidays) if holidays is not None else (),
    )
    _print_dues(list(found), as_json)
    if holidays is None and not as_json:
        click.echo("holidays are not taken into account: give a list with --holidays")


@clock.command()
@click.argument("incident")
@click.option("--stage", default="initial", show_default=True, help="initial, intermediate or final.")
@click.option("--at", "moment", required=True, metavar="TIME", help="When it was sent.")
@click.option("--author", required=True, help="Who says so.")
@click.option("--zone", help=_ZONE)
@catalog_option
@workspace_option
@json_option
def report(
    incident: str,
    stage: str,
    moment: str,
    author: str,
    zone: str | None,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Enter that a report on an INCIDENT was sent; the next report's clock begins.

    Example: kakehashi commitments clock report incident-7 --at 2026-11-26T10:00+01:00 --author "N. N."
    """
    from kakehashi.commitments.clocks import read_moment
    from kakehashi.work.clocks import report_clock
    from kakehashi.work.workspace import Workspace

    place, at = Workspace(workspace), read_moment(moment, zone=zone)
    _say(report_clock(place, incident, stage=stage, at=at, author=author), incident, place, own, as_json)


@clock.command()
@click.argument("incident")
@click.option("--at", "moment", required=True, metavar="TIME", help="When it was resolved.")
@click.option("--author", required=True, help="Who says so.")
@click.option("--zone", help=_ZONE)
@catalog_option
@workspace_option
@json_option
def resolve(
    incident: str,
    moment: str,
    author: str,
    zone: str | None,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Enter that an INCIDENT was resolved; the final report's clock begins.

    Example: kakehashi commitments clock resolve incident-7 --at 2026-12-10T10:00+01:00 --author "N. N."
    """
    from kakehashi.commitments.clocks import read_moment
    from kakehashi.work.clocks import resolve_clock
    from kakehashi.work.workspace import Workspace

    place, at = Workspace(workspace), read_moment(moment, zone=zone)
    _say(resolve_clock(place, incident, at=at, author=author), incident, place, own, as_json)


def _say(made: str, incident: str, place: "Workspace", own: Path | None, as_json: bool) -> None:
    """The record that was made, and what is due of the incident now."""
    from kakehashi.commitments import sound_catalog
    from kakehashi.work.clocks import list_clocks

    if as_json:
        print_json({"record": made})
        return
    click.echo(f"entered as record {made}")
    _print_dues([one for one in list_clocks(sound_catalog(own), place) if one.incident == incident], as_json)


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="minutes")


def _print_dues(found: "list[Due]", as_json: bool) -> None:
    from kakehashi.report.voice import messages

    note = messages("en")["clock.note"]
    rows: list[dict[str, Any]] = [
        {
            "incident": one.incident,
            "title": one.title,
            "report": one.stage,
            "trigger": one.trigger or None,
            "rule": one.rule,
            "start": _stamp(one.start),
            "days": one.days,
            "by the hour": _stamp(one.due.elapsed),
            "end of the day": _stamp(one.due.end_of_day),
            "moved (1182/71)": _stamp(one.due.moved),
            "state": one.state,
            "hours left": None if one.left is None else round(one.left.total_seconds() / 3600, 1),
        }
        for one in found
    ]
    if as_json:
        names = {"by the hour": "elapsed", "end of the day": "end_of_day", "moved (1182/71)": "moved"}
        names |= {"hours left": "hours_left"}
        body = [{names.get(key, key): value for key, value in row.items()} for row in rows]
        for one, row in zip(found, body, strict=True):
            row |= {
                "strictest": _stamp(one.due.strictest),
                "reported": _stamp(one.reported),
            }
        print_json({"deadlines": body, "note": note})
        return
    columns = ("incident", "title", "report", "trigger", "days", "by the hour", "end of the day")
    shown = [
        {**row, "hours left": None if one.left is None else f"{row['hours left']:.1f}"}
        for one, row in zip(found, rows, strict=True)
    ]
    print_table(shown, (*columns, "moved (1182/71)", "state", "hours left"))
    click.echo(note)
