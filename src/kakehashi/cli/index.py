"""``kakehashi index``: measures with vintage, source and siblings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kakehashi.cli.index_claims import INDEX_COMMANDS
from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option


def _lang_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language."
    )(function)


def _as_of_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option(
        "--as-of", default="", metavar="DATE", help="Day whose knowledge is shown; today by default."
    )(function)


def _day(text: str) -> str:
    from kakehashi.index.datasets import check_date, last_day, latest_day

    today = latest_day()
    if not text:
        return today.isoformat()
    check_date(text, today, what="--as-of")
    return min(last_day(text), today.isoformat())


def _print(rows: Sequence[Mapping[str, object]], lang: str) -> None:
    """A table with its heads in a language."""
    from kakehashi.index.words import head_words

    named = [{head_words(key, lang): value for key, value in row.items()} for row in rows]
    print_table(named, tuple(named[0]))


@click.group()
def index() -> None:
    """Show measures with their vintage, source and siblings; never one score, never a ranking."""


@index.command("list")
@_as_of_option
@_lang_option
@workspace_option
@json_option
def list_measures(as_of: str, lang: str, workspace: Path, as_json: bool) -> None:
    """List every measure: how many values it has, or why it has none.

    Example: kakehashi index list --lang ja
    """
    from kakehashi.index import assemble
    from kakehashi.index.words import unit_words

    sheets = assemble(workspace, _day(as_of))
    if as_json:
        print_json(
            [
                {**plain(one.measure), "values": len(one.values), "siblings": list(one.siblings)}
                for one in sheets
            ]
        )
        return
    rows = [
        {
            "id": one.measure.id,
            "title": one.measure.title[lang],
            "unit": unit_words(one.measure.unit)[lang],
            "values": len([value for value in one.values if value.value is not None]),
            "empty because": one.why_empty.get(lang, ""),
        }
        for one in sheets
    ]
    _print(rows, lang)


@index.command()
@click.argument("name")
@_as_of_option
@_lang_option
@workspace_option
@json_option
def show(name: str, as_of: str, lang: str, workspace: Path, as_json: bool) -> None:
    """Show a measure (NAME) with its rule and its values, its siblings beside it, and how far they agree.

    Example: kakehashi index show notable-models-any --lang ja
    """
    from kakehashi.errors import UnknownNameError
    from kakehashi.index import assemble
    from kakehashi.index.words import (
        bounds_words,
        facet_words,
        head_words,
        licence_words,
        source_words,
        unbounded,
        unit_words,
    )

    sheets = {one.measure.id: one for one in assemble(workspace, _day(as_of))}
    if name not in sheets:
        raise UnknownNameError("measure", name, sorted(sheets))
    shown = [sheets[one] for one in (name, *sheets[name].siblings)]
    if as_json:
        print_json(plain(shown))
        return
    to = "～" if lang == "ja" else " to "
    for sheet in shown:
        measure = sheet.measure
        click.echo(f"{measure.title[lang]} ({measure.id}, {unit_words(measure.unit)[lang]})")
        click.echo(measure.formula[lang])
        click.echo(measure.caveat[lang])
        if sheet.why_empty:
            click.echo(sheet.why_empty[lang])
        rows = [
            {
                "as of": one.as_of,
                "value": None
                if one.value is None
                else f"{one.value:.0f}"
                if measure.unit == "count"
                else f"{one.value:.1f}",
                "interval": bounds_words(why)[lang]
                if (why := unbounded(measure, one))
                else None
                if one.interval is None
                else f"{one.interval.low:.1f}{to}{one.interval.high:.1f}",
                "n": one.n,
                "of": facet_words(one.facets).get(lang, ""),
                "vintage": one.vintage,
                "source": source_words(one.source).get(lang, one.source),
                "licence": licence_words(one.licence)[lang],
                "note": one.reason.get(lang)
                or (head_words("newer", lang).format(newer=one.newer) if one.newer else ""),
            }
            for one in sheet.values
        ]
        if rows:
            _print(rows, lang)
        click.echo("")
    click.echo(sheets[name].agreement[lang])


@index.command()
@_as_of_option
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for index.json."
)
@workspace_option
@json_option
def compute(as_of: str, out: Path, workspace: Path, as_json: bool) -> None:
    """Write every measure with all values as index.json: the same inputs give the same bytes.

    Example: kakehashi index compute --as-of 2026-03-31 --out out/index
    """
    from kakehashi.index import assemble
    from kakehashi.report import write_texts
    from kakehashi.report.plain import as_lines

    day = _day(as_of)
    body = {"format": "kakehashi.index/1", "as_of": day, "measures": plain(assemble(workspace, day))}
    paths = write_texts({"index.json": as_lines(body)}, out)
    if as_json:
        print_json(body)
        return
    for path in paths.values():
        click.echo(f"wrote {path}")


@index.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", required=True, help="What it is: aiid, oecd-aim, epoch-models, register, values, …")
@click.option("--vintage", required=True, metavar="DATE", help="Day of the data, as 2026-02-28.")
@click.option("--source", default="", help="How to cite it; known for public data sets.")
@click.option("--licence", default="", help="Licence of the data; known for some public data sets.")
@workspace_option
@json_option
def import_(
    file: Path, kind: str, vintage: str, source: str, licence: str, workspace: Path, as_json: bool
) -> None:
    """Import a data set (FILE, CSV) into the workspace, in a file of its own with its licence.

    Kinds: aiid, oecd-aim, epoch-models, epoch-benchmarks, epoch-eci, register, evaluations, survey, audits, values.
    Nothing is written where a row is wrong.

    Example: kakehashi index import incidents.csv --kind aiid --vintage 2026-02-28
    """
    from kakehashi.index import import_file, load_measures
    from kakehashi.index.assemble import FOLDER

    made, path = import_file(
        workspace / FOLDER,
        file,
        kind,
        vintage=vintage,
        source=source,
        licence=licence,
        known={one.id: one.unit for one in load_measures()},
    )
    if as_json:
        print_json({"kind": made.kind, "rows": len(made.rows), "licence": made.licence, "path": str(path)})
        return
    rows = f"{len(made.rows)} row{'s' * (len(made.rows) != 1)}"
    click.echo(f"{rows}, {made.source}, licence {made.licence}: {path}")


for command in INDEX_COMMANDS:
    index.add_command(command)
