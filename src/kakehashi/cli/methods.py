"""``kakehashi methods``: what can be run, and what each method declares."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


@click.group()
def methods() -> None:
    """List, show and make methods."""


@methods.command("list")
@workspace_option
@json_option
def list_methods(workspace: Path, as_json: bool) -> None:
    """Show every method with construct, languages and judge.

    Example: kakehashi methods list
    """
    from kakehashi.evaluate.datasets import DataStore
    from kakehashi.evaluate.methods import NOT_PULLED, get_method, method_names
    from kakehashi.work.workspace import Workspace

    rooms = Workspace(workspace)
    own, store = rooms.methods, DataStore(rooms.data)
    cards = [get_method(name, own, store).card for name in method_names(own)]
    rows = [
        {
            "method": card.id,
            "version": card.version,
            "constructs": sorted({measure.construct for measure in card.measures}),
            "languages": list(card.languages),
            "categories": len(card.categories),
            "judge": card.judge,
            "data": "not pulled" if card.data_revision == NOT_PULLED else "here",
            "summary": card.summary["en"],
        }
        for card in cards
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            rows, ["method", "version", "constructs", "languages", "categories", "judge", "data", "summary"]
        )


@methods.command()
@click.argument("name")
@workspace_option
@json_option
def show(name: str, workspace: Path, as_json: bool) -> None:
    """Show everything that a method declares: construct, polarity, policies, data revision.

    Example: kakehashi methods show core
    """
    from kakehashi.evaluate.datasets import DataStore
    from kakehashi.evaluate.methods import get_method
    from kakehashi.work.judging import with_known_errors
    from kakehashi.work.workspace import Workspace

    rooms = Workspace(workspace)
    card = with_known_errors(get_method(name, rooms.methods, DataStore(rooms.data)).card)
    described: dict[str, Any] = asdict(card)
    if as_json:
        print_json(described)
        return
    for key, value in described.items():
        if key == "measures":
            for measure in value:
                click.echo(
                    f"measure: {measure['id']} (construct {measure['construct']}, {measure['polarity']})"
                )
        elif isinstance(value, dict):
            click.echo(f"{key}:")
            for name_of, inner in value.items():
                words = inner.get("en", inner) if isinstance(inner, dict) else inner
                click.echo(f"  {name_of}: {words}")
        else:
            shown = ", ".join(value) if isinstance(value, list | tuple) else value
            click.echo(f"{key}: {shown}")


@methods.command()
@click.argument("prompts", type=click.Path(path_type=Path))
@click.option("--construct", required=True, help="What is meant to be measured; 'own' where no other fits.")
@click.option("--language", required=True, help="Language of the prompts, such as en or ja.")
@click.option("--name", help="Name of the method (own/NAME); the file's stem by default.")
@click.option("--title", default="", help="Title in your words.")
@click.option("--licence", default="", help="Licence of the prompts.")
@workspace_option
@json_option
def new(
    prompts: Path,
    construct: str,
    language: str,
    name: str | None,
    title: str,
    licence: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Make a method of your own prompts, equal to the shipped ones.

    The CSV needs a column 'prompt'; 'id', 'category', 'kind' (harmful, benign, question), 'pair' and
    'target' (the right answer of a question) may stand beside it.

    Example: kakehashi methods new prompts.csv --construct harmful-request-handling --language en
    """
    from kakehashi.evaluate.methods import OwnMethod, make_method, write_method
    from kakehashi.work.workspace import Workspace

    described = make_method(
        prompts,
        name=name or prompts.stem.lower().replace(" ", "-"),
        construct=construct,
        language=language,
        title=title,
        licence=licence,
    )
    path = write_method(described, Workspace(workspace).methods)
    card = OwnMethod(path).card
    if as_json:
        print_json({"method": card.id, "path": str(path), "items": len(described["items"])})
    else:
        click.echo(f"{card.id}: {len(described['items'])} prompts, {card.data_revision}")
        click.echo(f"Run it with: kakehashi assess SUBJECT --method {card.id}")


class _TranslateGroup(click.Group):
    """``translate import SHEET``, and ``translate NAME`` for every other word."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take a word that is no verb as the name of a method."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            return "sheet", self.commands["sheet"], args
        return super().resolve_command(ctx, args)


@methods.group(cls=_TranslateGroup, subcommand_metavar="NAME [OPTIONS] | import SHEET")
def translate() -> None:
    """Make a sheet of a method for human translators, and a language edition of the sheet.

    Example: kakehashi methods translate core --to fr --out core-fr.csv
    """


@translate.command("sheet")
@click.argument("name")
@click.option("--to", required=True, help="Language of the edition, such as fr.")
@click.option(
    "--from", "source_language", default="en", show_default=True, help="Language to translate from."
)
@click.option("--category", default="", help="Only items of this category.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="CSV file to write."
)
@workspace_option
@json_option
def translate_sheet(
    name: str, to: str, source_language: str, category: str, out: Path, workspace: Path, as_json: bool
) -> None:
    """Write a sheet for human translators: source, draft, back-translation, reviewer, cultural note, status.

    Example: kakehashi methods translate core --to fr --out core-fr.csv
    """
    from kakehashi.errors import StorageError
    from kakehashi.evaluate.datasets import DataStore
    from kakehashi.evaluate.methods.edition import translation_sheet
    from kakehashi.work.workspace import Workspace

    rooms = Workspace(workspace)
    text = translation_sheet(
        name,
        to,
        source_language=source_language,
        category=category,
        own_methods=rooms.methods,
        data=DataStore(rooms.data),
    )
    if out.exists():
        raise StorageError(
            "there is a file here already",
            path=out,
            hint="Translators' work is not overwritten; name another.",
        )
    out.write_text(text, encoding="utf-8-sig", newline="")  # spreadsheets take the mark for UTF-8
    import csv

    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    drafts = sum(bool(row["draft"]) for row in rows)
    if as_json:
        print_json({"path": str(out), "items": len(rows), "drafts": drafts})
        return
    click.echo(f"wrote {out}: {len(rows)} items, {drafts} with a draft")
    click.echo("The translation goes into the column draft, which may hold one already.")
    click.echo(
        "Status of a row: unreviewed; second-read or native-reviewed (with a translator and another person as "
        "reviewer); or left-out (with a note why)."
    )
    click.echo(f"Filled in: kakehashi methods translate import {out}")


@translate.command("import")
@click.argument("sheet", type=click.Path(path_type=Path))
@workspace_option
@json_option
def translate_import(sheet: Path, workspace: Path, as_json: bool) -> None:
    """Make a language edition of a filled-in SHEET, a method of the workspace with its review status.

    Example: kakehashi methods translate import core-fr.csv
    """
    from kakehashi.evaluate.datasets import DataStore
    from kakehashi.evaluate.methods import OwnMethod
    from kakehashi.evaluate.methods.edition import read_sheet, write_edition
    from kakehashi.work.workspace import Workspace

    rooms = Workspace(workspace)
    folder = rooms.methods
    edition = read_sheet(sheet, folder, DataStore(rooms.data))
    path = write_edition(edition, folder)
    card = OwnMethod(path).card
    (language,) = card.languages
    if as_json:
        print_json(
            {
                "method": card.id,
                "version": card.version,
                "language": language,
                "review": card.review[language],
                "items": len(edition.described["items"]),
                "unreviewed": edition.unreviewed,
                "left_out": dict(edition.left_out),
                "as_source": list(edition.as_source),
                "path": str(path),
            }
        )
        return
    click.echo(
        f"{card.id} {card.version}: {len(edition.described['items'])} items in {language}, "
        f"review: {card.review[language]}, {edition.unreviewed} unreviewed, {len(edition.left_out)} left out"
    )
    if edition.as_source:
        click.echo(f"word for word the source: {', '.join(edition.as_source[:5])} ({len(edition.as_source)})")
    if card.review[language] == "unreviewed":
        click.echo("Until every item is reviewed it can be run and is kept out of comparisons.")
    click.echo(f"Run it with: kakehashi assess SUBJECT --method {card.id} --language {language}")
