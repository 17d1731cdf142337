"""``kakehashi exchange clock``: what time the node takes it to be, and the operator's word for it."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


@click.command()
@click.option("--confirm", is_flag=True, help="Say that the clock is right: what has ended by it is opened.")
@click.option("--by", default="", help="Who says it; it is written down in the log.")
@click.option(
    "--span",
    type=click.IntRange(1, 8784),
    help="With --confirm: believe the clock up to so many hours after the last time known.",
)
@workspace_option
@json_option
def clock(confirm: bool, by: str, span: int | None, workspace: Path, as_json: bool) -> int:
    """Say what time the node takes it to be, and which embargoes stand because its clock is not believed.

    A clock that is more than 24 hours ahead of the last time known here ends no embargo before it is confirmed: it may
    be wrong, or the node was off for so long. The exit code is 10 where an embargo waits for that.

    Example: kakehashi exchange clock --confirm --by "N. N."
    """
    from kakehashi.errors import UsageError
    from kakehashi.exchange import Node
    from kakehashi.exchange.confirmed_time import clock_trouble, confirm_time, held_embargoes, time_words
    from kakehashi.exchange.records import timestamp
    from kakehashi.work.workspace import Workspace

    if span is not None and not confirm:
        raise UsageError("--span changes what is believed", hint="Give --confirm --by NAME with it.")
    store = Node.open(Workspace(workspace).exchange).store
    entered = confirm_time(store, by, span_hours=span) if confirm else None
    time = store.time()
    held, words = held_embargoes(store, time), time_words(store)
    rows = [
        {
            "line": one.line,
            "by": one.by,
            "clock": timestamp(one.clock),
            "known before": timestamp(one.known),
            "span hours": one.span_hours,
        }
        for one in words
    ]
    facts = {
        "clock": timestamp(time.clock),
        "known": timestamp(time.known),
        "span_hours": int(time.span.total_seconds() // 3600),
        "believed": time.believed,
        "embargoes_by": timestamp(time.now),
        "waiting": [timestamp(end) for end in held],
        "confirmed": [{key.replace(" ", "_"): value for key, value in row.items()} for row in rows],
    }
    if as_json:
        print_json(facts if entered is None else {**facts, "entered": entered})
        return 10 if held else 0
    if entered is not None:
        click.echo(f"confirmed: {entered} entries made of what has ended")
    click.echo(f"the clock says {time.clock:%Y-%m-%d %H:%M} UTC")
    click.echo(
        f"last time known here: {time.known:%Y-%m-%d %H:%M} UTC; believed up to {facts['span_hours']} h later"
    )
    click.echo(f"embargoes end by {time.now:%Y-%m-%d %H:%M} UTC")
    for end in held:
        click.echo(f"stands until the time is confirmed: an embargo until {end:%Y-%m-%d %H:%M} UTC")
    for line in clock_trouble(store) or ():
        click.echo(line)
    if rows:
        print_table(rows, list(rows[0]))
    return 10 if held else 0
