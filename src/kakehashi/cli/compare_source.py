"""Where a comparison takes its table from: runs, files, a query or the shipped table, and which measures of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kakehashi.cli.columns import column_map, column_options

if TYPE_CHECKING:
    from kakehashi.work.tables import Sheet

F = TypeVar("F", bound=Callable[..., Any])
_MOST_NOTES = 12


def source_options(function: F) -> F:
    """TARGETS and the options that :func:`sheet_of` takes."""
    for option in reversed(
        (
            click.argument("targets", nargs=-1),
            click.option(
                "--published", is_flag=True, help="The published figures that come with the package."
            ),
            click.option("--query", default="", metavar="SQL", help="One SELECT over the ledger."),
            column_options,
            click.option(
                "--selection", default="", help="A set of measures that the column map names; or 'all'."
            ),
            click.option(
                "--method", "methods", multiple=True, help="Only measures that fit ('HarmBench-*')."
            ),
            click.option("--construct", default="", help="Only measures of this construct."),
        )
    ):
        function = option(function)
    return function


def sheet_of(workspace: Path, **source: Any) -> "Sheet":
    """The table that the words name, with what was left out said on standard error.

    See :func:`kakehashi.work.tables.read_sheet`.
    """
    from kakehashi.cli.progress import show_steps
    from kakehashi.work.tables import read_sheet

    words = {name: source.pop(name) for name in ("columns", "wide", "long", "items", "settings")}
    source["columns"] = column_map([Path(one) for one in source["targets"]], **words)
    with show_steps("reading") as progress:
        sheet = read_sheet(**source, workspace=workspace, progress=progress)
    for note in sheet.notes[:_MOST_NOTES]:
        click.echo(f"note: {note}", err=True)
    if len(sheet.notes) > _MOST_NOTES:
        click.echo(f"note: {len(sheet.notes) - _MOST_NOTES} more were left out", err=True)
    return sheet
