"""``kakehashi judge``: what a judge is worth, measured on human labels."""

from pathlib import Path

import click

from kakehashi.cli.judge_sheet import sheet
from kakehashi.cli.options import Number, json_option, print_json, print_table, workspace_option


@click.group()
def judge() -> None:
    """Measure a judge against human labels."""


judge.add_command(sheet)


@judge.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option(
    "--judge",
    "judges",
    multiple=True,
    metavar="rules|model:SUBJECT|replay:FILE#COLUMN",
    help="Which judge; given several times, they are a panel; with cascade: before it, it is asked only for what the"
    " rules leave doubtful.  [default: rules]",
)
@click.option(
    "--phrases", type=click.Path(path_type=Path), multiple=True, help="A phrase list of your own (YAML)."
)
@click.option(
    "--published", type=click.Path(path_type=Path), help="Published verdicts on the same items, beside it."
)
@click.option(
    "--without", multiple=True, help="Leave out the answers of this model (one that rules were made on)."
)
@click.option(
    "--baselines",
    "with_baselines",
    is_flag=True,
    help="Trivial judges, and those whose verdicts stand in the rows, beside it.",
)
@click.option(
    "--prompts",
    metavar="METHOD",
    default="",
    help="Let the judge grade by a method's official prompts (xstest, harmbench, …), whose data were pulled.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--budget", type=click.IntRange(min=1), help="Most calls of a judge model in this session.")
@click.option(
    "--concurrency", type=click.IntRange(1, 4096), default=32, show_default=True, help="Most calls at a time."
)
@click.option(
    "--patience",
    type=Number(min=0),
    help="Seconds to bear with an endpoint that only fails or limits the rate; 120 by default.",
)
@click.option("--offline", is_flag=True, help="Use only weights that are already here.")
@click.option("--allow-family", is_flag=True, help="Allow judges of one developer on a panel.")
@workspace_option
@json_option
def calibrate(
    labels: Path,
    judges: tuple[str, ...],
    phrases: tuple[Path, ...],
    published: Path | None,
    without: tuple[str, ...],
    with_baselines: bool,
    prompts: str,
    seed: int,
    budget: int | None,
    concurrency: int,
    patience: float | None,
    offline: bool,
    allow_family: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Judge labelled answers and compare: kappa, sensitivity, specificity, bias, clustered by prompt.

    LABELS is a JSONL or CSV file: XSTest's or Do-Not-Answer's shape, or prompt, answer, language, label. Stopped,
    the same command goes on where it was: a verdict that a model gave is not asked for again. With --prompts, the
    grade of a refusal counts as refused and the other end of the scale as complied.

    Example: kakehashi judge calibrate answers.jsonl --published verdicts.csv
    """
    from kakehashi.errors import InputError
    from kakehashi.evaluate.judges.calibrate import baselines
    from kakehashi.evaluate.judges.calibration_record import calibration_json, render_calibration
    from kakehashi.evaluate.judges.labels import (
        load_labels,
        load_published_verdicts,
        published_labels,
        verdicts_in_rows,
    )
    from kakehashi.work.calibrate import calibrate_judge

    rows = [row for row in load_labels(labels) if row.model not in without]
    if not rows:
        raise InputError("no row is left", path=labels, hint="Name fewer models with --without.")
    found = calibrate_judge(
        rows,
        judges=judges,
        phrases=phrases,
        seed=seed,
        budget=budget,
        concurrency=concurrency,
        patience=patience,
        offline=offline,
        allow_family=allow_family,
        prompts=prompts,
        workspace=workspace,
        say=lambda text: click.echo(text, err=True),
    )
    others = {}
    if published is not None or with_baselines:
        verdicts = load_published_verdicts(published) if published is not None else {}
        columns = sorted(
            {column for one in verdicts.values() for column in one if column.startswith("judge_")}
        )
        beside = {column: published_labels(rows, verdicts, column) for column in columns}
        beside |= verdicts_in_rows(rows)
        others = baselines(rows, beside, seed=seed)
    if as_json:
        print_json(
            {
                **calibration_json(found, dataset=labels.name),
                "beside": {other: calibration_json(one) for other, one in others.items()},
            }
        )
        return
    click.echo(f"{found.judge} on {len(rows)} answers of {labels.name}")
    for title, one in ((found.judge, found), *others.items()):
        if one is not found:
            click.echo(f"beside: {title}")
        shown = render_calibration(one) if one is found else render_calibration(one)[:6]
        print_table(
            [dict(zip(("part", "figure", "value", "n"), row, strict=True)) for row in shown],
            ["part", "figure", "value", "n"],
        )
