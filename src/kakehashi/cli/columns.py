"""What the columns of a table mean, said on the command line."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kakehashi.ledger import ColumnMap, ItemMap

F = TypeVar("F", bound=Callable[..., Any])


def column_options(function: F) -> F:
    """The options that say what the columns of a table mean."""
    for option in reversed(
        (
            click.option("--columns", metavar="MAP", help="For tables: a map's YAML file, or a shipped map's name."),
            click.option("--wide", metavar="SUBJECT", help="A row a system: its column; the others are measures."),
            click.option("--long", metavar="SUBJECT,MEASURE,VALUE", help="A row a number: three columns."),
            click.option("--items", metavar="SUBJECT,METHOD,SAMPLE,VALUE", help="A row an item: four columns."),
            click.option(
                "--set", "settings", metavar="KEY=VALUE", multiple=True,
                help="Another key of the map, such as higher_is_better=true (repeatable).",
            ),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def column_map(
    paths: Sequence[Path],
    columns: str | None,
    wide: str | None,
    long: str | None,
    items: str | None,
    settings: tuple[str, ...],
) -> "ColumnMap | ItemMap | None":
    """The map that the words of :func:`column_options` make; ``None`` where none of them was given."""
    from kakehashi.errors import UsageError

    given = [
        name
        for name, value in (("--columns", columns), ("--wide", wide), ("--long", long), ("--items", items))
        if value
    ]
    if len(given) > 1:
        raise UsageError(f"give one of {' and '.join(given)}, not both")
    if not given:
        if settings:
            raise UsageError("--set needs --columns, --wide, --long or --items")
        return None
    import yaml

    from kakehashi.ledger import columns_from, load_columns
    from kakehashi.ledger.importers.column_map import COLUMNS_FORMAT, with_settings

    more: dict[str, Any] = {}
    for pair in settings:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"{pair!r} is no setting", hint="Write --set KEY=VALUE.")
        try:
            more[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"{value!r} is not YAML") from error
    if columns:
        loaded = load_columns(columns)
        return with_settings(loaded, more) if more else loaded
    source = {"format": COLUMNS_FORMAT, "source": paths[0].stem if paths else "table"}
    if wide:
        return columns_from({**source, "shape": "wide", "subject": wide, **more})
    if long:
        subject, measure, value = _split(long, 3, "--long SUBJECT,MEASURE,VALUE")
        return columns_from(
            {**source, "shape": "long", "subject": subject, "measure": measure, "value": value, **more}
        )
    subject, method, sample, value = _split(items or "", 4, "--items SUBJECT,METHOD,SAMPLE,VALUE")
    found = {"subject": subject, "method": method, "sample": sample, "scores": value}
    return columns_from({**source, "shape": "items", **found, **more})


def _split(text: str, count: int, words: str) -> list[str]:
    from kakehashi.errors import UsageError

    parts = [part.strip() for part in text.split(",")]
    if len(parts) != count or not all(parts):
        raise UsageError(f"{text!r} names {len(parts)} columns, not {count}", hint=f"Write {words}.")
    return parts
