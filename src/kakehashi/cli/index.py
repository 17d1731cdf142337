"""``kakehashi index``: measures with vintage, source and siblings."""

import click

from kakehashi.cli.index_claims import INDEX_COMMANDS


@click.group()
def index() -> None:
    """Show measures with their vintage, source and siblings; never one score, never a ranking."""


for command in INDEX_COMMANDS:
    index.add_command(command)
