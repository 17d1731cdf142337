"""``kakehashi judge sheet``: answers to human annotators and back."""

from math import isnan
from pathlib import Path
from typing import Any

import click

from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option


@click.group()
def sheet() -> None:
    """Blinded sheets for human annotators, and their labels back."""


@sheet.command(name="export")
@click.argument("source")
@click.option("--annotators", type=click.IntRange(2, 9), default=2, show_default=True, help="How many.")
@click.option(
    "--items", type=click.IntRange(min=1), help="How many answers, drawn at random; all without it."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw and of the orders.")
@click.option(
    "--form", type=click.Choice(["csv", "xlsx"]), default="csv", show_default=True, help="Form of the sheets."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="A new folder.")
@workspace_option
@json_option
def export_(
    source: str,
    annotators: int,
    items: int | None,
    seed: int,
    form: str,
    out: Path,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write a blinded, shuffled sheet for each annotator, the guide, and the key.

    SOURCE is a RUN of the ledger, or a CSV or JSONL file with prompt, answer and language (and model, item, judge
    where there are). The sheets are CSV that Excel opens as it is, or workbooks with a list of the labels (--form
    xlsx). Keep key.jsonl to yourself: it says who answered.

    Example: kakehashi judge sheet export run-1a2b3c --annotators 2 --items 100 --out sheets
    """
    from kakehashi.work.sheet import export_sheet, rows_of_file, rows_of_run
    from kakehashi.work.workspace import Workspace

    path = Path(source)
    is_file = path.suffix.lower() in (".csv", ".jsonl")
    rows = rows_of_file(path) if is_file else rows_of_run(Workspace(workspace).ledger, source)
    written = export_sheet(
        rows,
        out,
        annotators=annotators,
        items=items,
        seed=seed,
        source=path.name if is_file else source,
        form=form,
    )
    if as_json:
        print_json({"rows": items or len(rows), "of": len(rows), "files": [str(each) for each in written]})
        return
    click.echo(f"{items or len(rows)} of {len(rows)} answers, {annotators} annotators")
    for each in written:
        click.echo(f"wrote {each}")
    click.echo(
        "Give out one sheet and the guide each; keep key.jsonl. Back: kakehashi judge sheet import "
        + str(out)
    )


@sheet.command(name="import")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Where labels go; FOLDER by default."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the intervals.")
@json_option
def import_(folder: Path, out: Path | None, seed: int, as_json: bool) -> None:
    """Read filled sheets, print the agreement of the annotators, and write the labels.

    FOLDER is what `judge sheet export` wrote. Disagreements go into adjudicate.csv (or .xlsx): fill its column
    label and import again. labels.jsonl is what `judge calibrate` takes, answers.csv what `compare judges` takes.

    Example: kakehashi judge sheet import sheets
    """
    from kakehashi.work.sheet import import_sheet

    found = import_sheet(folder, out=out, seed=seed)
    if as_json:
        print_json(plain(found))
        return
    click.echo(
        f"{found.rows} rows: {found.agreed} agreed, {found.adjudicated} adjudicated, {found.open} disagreed and open, "
        f"{found.unlabelled} not labelled by all"
    )
    table: list[dict[str, Any]] = [
        {
            "annotators": pair,
            "kappa": _say(estimate),
            "refused or not": _say(found.binary.get(pair)),
            "n": estimate.n,
        }
        for pair, estimate in found.kappa.items()
    ]
    if table:
        print_table(table, ["annotators", "kappa", "refused or not", "n"])
    for pair, why in found.reasons.items():
        click.echo(f"{pair}: no agreement ({why})")
    click.echo(f"wrote {found.labels}")
    if found.answers is not None:
        click.echo(f"wrote {found.answers}")
    if found.open and found.adjudicate is not None:
        click.echo(f"wrote {found.adjudicate}: settle {found.open} rows there and import again")


def _say(estimate: Any) -> str:
    if estimate is None:
        return "not estimable"
    if isnan(estimate.low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
