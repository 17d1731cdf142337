"""Options that several commands share."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A number in a range; NaN, which lies in every range, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what is no number."""
        found = super().convert(value, param, ctx)
        if found != found:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return found


class Span(Number):
    """A length of time above zero, and not longer than a hundred years.

    Args:
        in_a_day: How many of its unit a day has.
    """

    def __init__(self, in_a_day: float = 1) -> None:
        super().__init__(min=0, min_open=True, max=36_500 * in_a_day)


def workspace_option(function: F) -> F:
    """``--workspace``: the folder that keeps runs, cache, ledger and models."""
    return click.option(
        "--workspace",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="KAKEHASHI_HOME",
        default=Path("kakehashi-work"),
        show_default=True,
        help="Folder of ledger, runs, cache and models (or KAKEHASHI_HOME).",
    )(function)


def language_option(function: F) -> F:
    """``--language``: languages of the items, separated by commas or named one by one; all of them count."""
    return click.option(
        "--language",
        multiple=True,
        default=("en",),
        show_default=True,
        callback=lambda context, option, given: ",".join(given),
        help="Languages of the items, such as ja,en.",
    )(function)


def judge_options(function: F) -> F:
    """``--judge``, ``--phrases`` and ``--calibration``: which judge reads the answers."""
    for option in (
        click.option(
            "--calibration",
            "calibrations",
            type=click.Path(path_type=Path),
            multiple=True,
            help="What 'judge calibrate --json' wrote of a phrase list, a model or a panel.",
        ),
        click.option(
            "--phrases",
            type=click.Path(path_type=Path),
            multiple=True,
            help="A phrase list of your own for the rule judge (YAML).",
        ),
        click.option(
            "--judge",
            "judges",
            multiple=True,
            metavar="rules|model:SUBJECT|replay:FILE#COLUMN",
            help="Which judge reads the answers; given several times, they are a panel; with cascade: before it, it is"
            " asked only for what the rules leave doubtful.  [default: rules]",
        ),
        click.option(
            "--allow-family",
            is_flag=True,
            help="Allow judges that are kin of a system or of one another; marked on every score.",
        ),
    ):
        function = option(function)
    return function


def json_option(function: F) -> F:
    """``--json``: machine-readable output on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def print_json(value: Any) -> None:
    """Print strict JSON with sorted keys; a NaN here is a defect and fails."""
    click.echo(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """A frozen result as JSON takes it: arrays as lists, what is not a number as null.

    Examples:
        >>> plain({"a": float("nan"), "b": (1, 2.0)})
        {'a': None, 'b': [1, 2.0]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def print_table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, title: str = "") -> None:
    """Print rows as a table: framed on a terminal, tab-separated in a pipe, there one line a row.

    Cells may hold what others wrote: it is text, and neither markup, nor a sequence that moves a terminal, nor a line
    of its own that a CI would take for a command.
    """
    import sys

    if not sys.stdout.isatty():
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(_CONTROL.sub(" ", _cell(row.get(column))) for column in columns))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float | type(None)) for row in rows)
        table.add_column(column, justify="right" if numeric and rows else "left", overflow="fold")
    for row in rows:
        cells = (_CONTROL.sub(_kept_line, _cell(row.get(column))) for column in columns)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)


#: What moves a terminal or ends a line: control characters, and the two separators that some take for line ends.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def _kept_line(found: re.Match[str]) -> str:
    return "\n" if "\n" in found.group() else " "


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    return str(value)
