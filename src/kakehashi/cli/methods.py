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
    from kakehashi.work.workspace import Workspace

    rooms = Workspace(workspace)
    card = get_method(name, rooms.methods, DataStore(rooms.data)).card
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
