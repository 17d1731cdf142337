"""``kakehashi report``: reports in English and Japanese from what the ledger holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kakehashi.cli.options import json_option, print_json, workspace_option

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def report() -> None:
    """Write reports in English and Japanese."""


def format_option(function: F) -> F:
    """Which files are written."""
    return click.option(
        "--format",
        "formats",
        default="html,json",
        show_default=True,
        help="Files to write: html, json, pdf, xlsx, csv, png, docx; all but html and json one a language.",
    )(function)


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


def _periodic_options(function: F) -> F:
    """What all reports of a period take."""
    options = (
        click.option(
            "--as-of", required=True, metavar="DATE", help="The last day that enters, as 2026-11-30."
        ),
        click.option(
            "--clearance",
            type=click.Choice(["clear", "green", "amber", "amber+strict", "red"]),
            help="TLP level of the readers; clear unless reports.yaml says otherwise.",
        ),
        click.option("--member", default="", help="Instead, the member of the exchange that it is made for."),
        click.option(
            "--lang",
            default="ja,en",
            show_default=True,
            help="Languages of the report, the first one shown first.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            default=Path("out/report"),
            show_default=True,
        ),
        format_option,
        workspace_option,
        json_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@report.command()
@_periodic_options
def monthly(**words: Any) -> None:
    """Write the technical bulletin: records, open replications, disagreements.

    A period begins with the calendar month, unless reports.yaml in the workspace says otherwise, and ends with DATE;
    nothing dated later enters. Records of the exchange are those that the reader may see.

    Example: kakehashi report monthly --as-of 2026-11-30 --clearance green --format html,pdf
    """
    _write("monthly", **words)


@report.command()
@_periodic_options
def quarterly(**words: Any) -> None:
    """Write the policy brief: counts that are safe to show, indicators, changes of the crosswalk.

    Small counts are withheld, and others with them, so that no difference gives them away.

    Example: kakehashi report quarterly --as-of 2026-12-31 --lang ja,en --format html,docx
    """
    _write("quarterly", **words)


@report.command()
@_periodic_options
@click.option(
    "--facts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A dated record of developers and their countries (as compare groups takes it).",
)
def annual(**words: Any) -> None:
    """Write the annual assessment: all measures, indicators, comparison, exposure, response times.

    Example: kakehashi report annual --as-of 2026-12-31 --format html,pdf,xlsx
    """
    _write("annual", **words)


def _write(
    kind: str,
    *,
    as_of: str,
    clearance: str | None,
    member: str,
    lang: str,
    out: Path,
    formats: str,
    workspace: Path,
    as_json: bool,
    facts: Path | None = None,
) -> None:
    from kakehashi.cli.assess import languages_of
    from kakehashi.report import build_periodic, check_formats, check_languages, write_periodic

    if member and clearance:
        raise click.UsageError("--member and --clearance are two ways to name one reader; give one of them")
    languages, wanted = languages_of(lang), languages_of(formats)
    check_languages(languages)
    check_formats(wanted)
    found = build_periodic(
        kind, as_of=as_of, workspace=workspace, clearance=clearance or "", member=member, facts=facts
    )
    paths = write_periodic(found, out, languages, formats=wanted)
    if as_json:
        print_json({name: str(path) for name, path in paths.items()})
        return
    for path in paths.values():
        click.echo(f"wrote {path}")
