"""``kakehashi report``: reports in English and Japanese from what the ledger holds."""

from pathlib import Path
from typing import Any

import click

from kakehashi.cli.options import json_option, print_json, workspace_option


@click.group()
def report() -> None:
    """Write reports in English and Japanese."""


def format_option(command: Any) -> Any:
    """Which files are written."""
    return click.option(
        "--format",
        "formats",
        default="html,json",
        show_default=True,
        help="Files to write: html, json, pdf, xlsx, csv, png, docx; all but html and json one a language.",
    )(command)


@report.command()
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--lang", default="ja,en", show_default=True, help="Languages of the report, the first one shown first."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/report"), show_default=True
)
@format_option
@workspace_option
@json_option
def assessment(
    runs: tuple[str, ...], lang: str, out: Path, formats: str, workspace: Path, as_json: bool
) -> None:
    """Write a report on a RUN (or several): what was assessed, by what, and how sure.

    Example: kakehashi report assessment run-1a2b3c --lang ja,en --format html,pdf --out out/report
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.report import build_assessment, check_formats, check_languages, write_report
    from kakehashi.work.view import load_run, merged
    from kakehashi.work.workspace import Workspace

    wanted = languages_of(formats)
    check_languages(languages_of(lang))
    check_formats(wanted)
    ledger = Workspace(workspace).ledger
    view = merged([load_run(ledger, run) for run in runs])
    paths = write_report(build_assessment(view), out, languages_of(lang), formats=wanted)
    if as_json:
        print_json({name: str(path) for name, path in paths.items()})
        return
    for path in paths.values():
        click.echo(f"wrote {path}")
