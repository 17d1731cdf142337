"""``kakehashi demo``: three real systems, offline, by one command."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, workspace_option

#: One small model three ways, because safety is a property of systems.
SYSTEMS = ("smollm2-bare", "smollm2-primed", "smollm2-filtered")


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/demo"), show_default=True
)
@click.option("--offline", is_flag=True, help="Use only weights that are already here.")
@click.option("--limit", type=click.IntRange(min=1), help="Fewer items of each method, for a quick look.")
@workspace_option
@json_option
def demo(out: Path, offline: bool, limit: int | None, workspace: Path, as_json: bool) -> None:
    """Assess one small model three ways (bare, primed, behind a filter) and write the report.

    It needs no key and no network beyond the package registry. Stopped, the same command goes on where it was.
    The model speaks English only, so the demonstration runs in English; the report is in English and Japanese.

    Example: kakehashi demo --out out/demo
    """
    from kakehashi.cli.assess import run_and_report
    from kakehashi.cli.compare import print_published

    run_and_report(
        SYSTEMS, out, ("en", "ja"), as_json, title="demo", limit=limit, offline=offline, workspace=workspace
    )
    if not as_json:
        print_published()
        click.echo(f"Open {out / 'report.html'} in a browser.")
