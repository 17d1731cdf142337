"""``kakehashi compare brief``: what a policy reader needs of a table of methods, and where the rest is."""

from pathlib import Path
from typing import Any

import click

from kakehashi.cli.compare_source import sheet_of, source_options
from kakehashi.cli.options import json_option, workspace_option
from kakehashi.cli.progress import show_work


@click.command()
@source_options
@click.option("--lang", default="en", show_default=True, help="Languages of the brief; the first is printed.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for brief.html and brief.json."
)
@click.option("--seed", type=int, default=0, show_default=True)
@workspace_option
@json_option
def brief(
    lang: str,
    out: Path | None,
    seed: int,
    workspace: Path,
    as_json: bool,
    **source: Any,
) -> None:
    """Say in short whether methods agree, which ranks a choice of them can give, and what no choice changes.

    TARGETS are files of results (nothing is written to the ledger) or runs of the ledger.

    Example: kakehashi compare brief safetywashing_chat.csv --lang ja --out out/brief
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.cli.options import print_table
    from kakehashi.report import build_brief, write_brief
    from kakehashi.report.terminal import brief_rows, brief_text
    from kakehashi.report.voice import check_languages

    languages = languages_of(lang)
    check_languages(languages)
    sheet = sheet_of(workspace, **source)
    with show_work("brief"):
        found = build_brief(sheet, rng=seed)
    paths = write_brief(found, out, languages) if out is not None else {}
    if as_json:
        click.echo(found.to_json(), nl=False)
        return
    sentences, methods_line, origin = brief_text(found, language=languages[0])
    for sentence in sentences:
        click.echo(sentence)
    head, *rows = brief_rows(found, language=languages[0])
    if rows:
        click.echo("")
        print_table([dict(zip(head, row, strict=True)) for row in rows], head)
        click.echo(methods_line)
    click.echo(origin)
    for path in paths.values():
        click.echo(f"wrote {path}", err=True)
