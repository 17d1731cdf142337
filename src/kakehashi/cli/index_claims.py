"""``kakehashi index claims`` and ``index event``: quoted figures, and what came before and after a day."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


def _lang_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--lang",
        default="en,ja",
        show_default=True,
        help="Languages; the first is printed, --out writes all.",
    )(function)


def _out_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for HTML, CSV and JSON."
    )(function)


def _format_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--format",
        "formats",
        default="html,csv,json",
        show_default=True,
        help="What --out writes; pdf, docx and xlsx too.",
    )(function)


def _book_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--claims",
        "own",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A list of claims of your own (YAML) in place of the shipped one.",
    )(function)


@click.group()
def claims() -> None:
    """Hold figures that somebody quoted against what the sources say; the figure is judged, never who quoted it."""


@claims.command("list")
@_lang_option
@_out_option
@_format_option
@_book_option
@json_option
def list_claims(lang: str, out: Path | None, formats: str, own: Path | None, as_json: bool) -> None:
    """List the figures on record with source, basis and verdict.

    Example: kakehashi index claims list --lang ja
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.report.claims import list_plain, list_rows, write_claim_list
    from kakehashi.report.formats import check_formats
    from kakehashi.report.voice import check_languages

    languages, wanted = languages_of(lang), languages_of(formats)
    check_languages(languages)
    check_formats(wanted)
    book = _book(own)
    paths = write_claim_list(book, out, languages, formats=wanted) if out is not None else {}
    if as_json:
        print_json(list_plain(book))
        return
    head, *rows = list_rows(book, language=languages[0])
    print_table(
        [dict(zip(head, row, strict=True)) for row in rows], head[:-1], title=book.title[languages[0]]
    )
    _say_paths(paths)


@claims.command()
@click.argument("name")
@click.option("--lang", default="en", show_default=True, help="Language.")
@_book_option
@json_option
def show(name: str, lang: str, own: Path | None, as_json: bool) -> None:
    """Show one figure on record (NAME) as a sentence to paste.

    Example: kakehashi index claims show c01 --lang ja
    """
    from kakehashi.report.claims import claim_plain, show_lines
    from kakehashi.report.voice import check_languages

    check_languages((lang,))
    claim = _book(own).claim(name)
    if as_json:
        print_json(claim_plain(claim))
        return
    for line in show_lines(claim, language=lang):
        click.echo(line)


@claims.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@_lang_option
@_out_option
@_format_option
@_book_option
@json_option
def check(path: Path, lang: str, out: Path | None, formats: str, own: Path | None, as_json: bool) -> None:
    """Find every figure of a speech, an article or a table (FILE: txt, md, docx, csv) and check it.

    Figures without a match are listed as not checked; nothing is guessed and nothing is fetched.

    Example: kakehashi index claims check speech.docx --lang ja --out out/claims
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.index.claims import check_file
    from kakehashi.report.claims import (
        check_plain,
        check_rows,
        check_text_lines,
        write_claim_check,
    )
    from kakehashi.report.formats import check_formats
    from kakehashi.report.voice import check_languages

    languages, wanted = languages_of(lang), languages_of(formats)
    check_languages(languages)
    check_formats(wanted)
    found = check_file(path, _book(own))
    paths = write_claim_check(found, out, languages, formats=wanted) if out is not None else {}
    if as_json:
        print_json(check_plain(found))
        return
    for line in check_text_lines(found, language=languages[0]):
        click.echo(line)
    head, *rows = check_rows(found, language=languages[0])
    print_table([dict(zip(head, row, strict=True)) for row in rows], head)
    _say_paths(paths)


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@_lang_option
@_out_option
@click.option(
    "--with-workspace", is_flag=True, help="Add runs of the ledger and alerts of the node, by their dates."
)
@workspace_option
@json_option
def event(
    path: Path, lang: str, out: Path | None, with_workspace: bool, workspace: Path, as_json: bool
) -> None:
    """Show what came how many days before and after a dated event (FILE, YAML); order only, no reasons.

    Example: kakehashi index event release.yaml --lang ja --out out/event
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.index.claims.events import read_event, with_steps, workspace_steps
    from kakehashi.report.events import event_plain, event_rows, event_text, write_event
    from kakehashi.report.voice import check_languages

    languages = languages_of(lang)
    check_languages(languages)
    found = read_event(path)
    if with_workspace:
        found = with_steps(found, workspace_steps(workspace))
    paths = write_event(found, out, languages) if out is not None else {}
    if as_json:
        print_json(event_plain(found))
        return
    for line in event_text(found, language=languages[0]):
        click.echo(line)
    head, *rows = event_rows(found, language=languages[0])
    print_table([dict(zip(head, row, strict=True)) for row in rows], head)
    _say_paths(paths)


#: What this file adds to the noun ``index``.
INDEX_COMMANDS = (claims, event)


def _book(own: Path | None):  # type: ignore[no-untyped-def]  # nothing of the room is loaded before it is asked for
    from kakehashi.index.claims import read_claims, shipped_claims

    return shipped_claims() if own is None else read_claims(own)


def _say_paths(paths: dict[str, Path]) -> None:
    for path in paths.values():
        click.echo(f"wrote {path}", err=True)
