"""``kakehashi assess``: systems by several methods."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.options import (
    Number,
    json_option,
    judge_options,
    language_option,
    print_json,
    workspace_option,
)

if TYPE_CHECKING:
    from kakehashi.evaluate.engine import PriceTable


def languages_of(text: str) -> tuple[str, ...]:
    """Languages from a comma-separated list."""
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


@click.command()
@click.argument("subjects", nargs=-1)
@click.option(
    "--profile",
    type=click.Choice(["quick", "standard", "full"]),
    default="quick",
    show_default=True,
    help="How much of each method to run.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    help="A method; give it again for more. All three suites by default.",
)
@language_option
@click.option(
    "--limit", type=click.IntRange(min=1), help="Pairs, questions or cells of each method and language."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice of items.")
@judge_options
@click.option("--grader", help="The SUBJECT that Inspect tasks ask in the role of a grader.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="Most Inspect tasks at a time, each in its own process.",
)
@click.option(
    "--allow-code",
    is_flag=True,
    help="Run the code that answers hold (humaneval), in a sandbox without network.",
)
@click.option(
    "--allow-code-unisolated",
    is_flag=True,
    help="Run it even where this machine cannot isolate it; only on a machine that can be thrown away.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Answers to each item, for methods that take several (humaneval: pass@10).",
)
@click.option(
    "--alone",
    is_flag=True,
    help="Run these methods alone; else one that rewards refusing has an over-refusal method beside it.",
)
@click.option(
    "--release",
    default="",
    metavar="NAME",
    help="Name of the release that is assessed: another name is another run, and every answer is asked for anew.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Who makes the calls: this process, or the workers of a Ray cluster.",
)
@click.option(
    "--ray-address", help="Address of the cluster (HOST:6379, auto); without it one is started here."
)
@click.option("--ray-workers", type=click.IntRange(min=1), help="Workers; one a processor by default.")
@click.option("--budget", type=click.IntRange(min=1), help="Most calls of this session.")
@click.option(
    "--token-budget", type=click.IntRange(min=1), help="Most tokens of this session, read and written."
)
@click.option("--cost-budget", type=Number(min=0), help="Most money of this session; needs --prices.")
@click.option(
    "--prices",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own dated price table (YAML); without it the cost is unknown.",
)
@click.option(
    "--concurrency", type=click.IntRange(1, 4096), default=32, show_default=True, help="Most calls at a time."
)
@click.option(
    "--patience",
    type=Number(min=0),
    help="Seconds to bear with an endpoint that only fails or limits the rate; 120 by default.",
)
@click.option("--partial", is_flag=True, help="Seal and report what there is, marked as partial.")
@click.option("--offline", is_flag=True, help="Use only weights that are already here.")
@click.option(
    "--mirror",
    help="A folder or address with the data of published methods; what is not here is taken from it first.",
)
@click.option("--estimate", "only_estimate", is_flag=True, help="Say how much would be asked, and stop.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.html and report.json."
)
@click.option("--lang", default="en,ja", show_default=True, help="Languages of the report.")
@click.option(
    "--from",
    "manifest",
    type=click.Path(path_type=Path),
    help="Repeat the run of this manifest (of a run folder or an export) and say what replicated.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="With --from: folder of the other side's exported results; beside the manifest by default.",
)
@click.option(
    "--at",
    multiple=True,
    metavar="NAME=SUBJECT",
    help="With --from: where the system NAME is reached from here.",
)
@click.option(
    "--margin",
    type=Number(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="With --from: largest difference that counts as the same, as a share of a measure's range.",
)
@workspace_option
@json_option
@click.pass_context
def assess(
    context: click.Context,
    subjects: tuple[str, ...],
    profile: str,
    methods: tuple[str, ...],
    language: str,
    limit: int | None,
    seed: int,
    judges: tuple[str, ...],
    phrases: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    grader: str | None,
    processes: int,
    engine: str,
    ray_address: str | None,
    ray_workers: int | None,
    allow_code: bool,
    allow_code_unisolated: bool,
    repeats: int,
    alone: bool,
    release: str,
    allow_family: bool,
    budget: int | None,
    token_budget: int | None,
    cost_budget: float | None,
    prices: Path | None,
    concurrency: int,
    patience: float | None,
    partial: bool,
    offline: bool,
    mirror: str | None,
    only_estimate: bool,
    out: Path | None,
    lang: str,
    manifest: Path | None,
    results: Path | None,
    at: tuple[str, ...],
    margin: float,
    workspace: Path,
    as_json: bool,
) -> int:
    """Assess systems by several safety methods; the same command goes on where it was stopped.

    A SUBJECT is local/NAME, openai:MODEL, anthropic:MODEL, http://host/v1#MODEL, or the path of a YAML file.

    A method inspect:… is a task of Inspect (docs/inspect.md); --grader names the model that it asks to grade.

    Another judge over answers that this workspace has already generates nothing again: only the judge is called.

    With --from, another institute's run is repeated on this machine: same methods, revisions, items, answers to each,
    seed and settings; whether generated code may run is yours to say with --allow-code. What cannot be the same is
    refused or named, and each headline measure is replicated, not replicated or undecided.

    Example: kakehashi assess local/smollm2 --profile quick --out out
    """
    if manifest is None and (at or results is not None):
        raise click.UsageError("--at and --results belong to --from")
    if manifest is not None and partial:
        raise click.UsageError("--from compares whole runs; leave out --partial")
    from kakehashi.work.code import CodeWords

    words: dict[str, Any] = {
        "profile": profile,
        "methods": methods,
        "languages": languages_of(language),
        "limit": limit,
        "seed": seed,
        "judges": judges,
        "phrases": phrases,
        "calibrations": calibrations,
        "grader": grader,
        "code": CodeWords(allow_code, allow_code_unisolated),
        "repeats": repeats,
        "alone": alone,
        "release": release,
        "allow_family": allow_family,
    }
    table = None
    if prices is not None:
        from kakehashi.work.prices import read_prices

        table = read_prices(prices)
    if manifest is not None:
        from kakehashi.cli.replicate import check_free, repeat_and_compare

        check_free(context)
        return repeat_and_compare(
            manifest,
            results,
            at,
            margin,
            out,
            languages_of(lang),
            as_json,
            only_estimate=only_estimate,
            judges=judges,
            phrases=phrases,
            calibrations=calibrations,
            allow_family=allow_family,
            code=words["code"],
            mirror=mirror,
            budget=budget,
            token_budget=token_budget,
            cost_budget=cost_budget,
            prices=table,
            concurrency=concurrency,
            patience=patience,
            offline=offline,
            workspace=workspace,
        )
    if not subjects:
        raise click.UsageError("Missing argument 'SUBJECTS...'.")
    if only_estimate:
        _print_estimate(subjects, workspace, words, table, as_json, mirror)
        return 0
    run_and_report(
        subjects,
        out,
        languages_of(lang),
        as_json,
        title="assessing",
        **words,
        budget=budget,
        token_budget=token_budget,
        cost_budget=cost_budget,
        prices=table,
        concurrency=concurrency,
        patience=patience,
        partial=partial,
        offline=offline,
        processes=processes,
        engine=engine,
        ray_address=ray_address,
        ray_workers=ray_workers,
        mirror=mirror,
        workspace=workspace,
    )
    return 0


def run_and_report(
    subjects: tuple[str, ...],
    out: Path | None,
    report_languages: tuple[str, ...],
    as_json: bool,
    *,
    title: str,
    formats: tuple[str, ...] = ("html", "json"),
    **words: Any,
) -> str:
    """Assess, print the table of systems, and write the report; returns the day of the run."""
    from kakehashi.cli.progress import show_progress
    from kakehashi.report import build_assessment, write_report
    from kakehashi.work.assess import assess as run_assess

    check_report_languages(report_languages)  # before anything is asked, and paid for

    def say(text: str) -> None:
        click.echo(text, err=True)

    with show_progress(title) as progress:
        done = run_assess(subjects, progress=progress, say=say, **words)
    assessment = build_assessment(done.view)
    paths = write_report(assessment, out, report_languages, formats=formats) if out is not None else {}
    if as_json:
        print_json(
            {
                "run": done.run,
                "partial": done.view.partial,
                "paths": {name: str(path) for name, path in paths.items()},
                "assessment": json.loads(assessment.to_json()),
            }
        )
        return done.view.created[:10]
    print_assessment(assessment)
    prices: PriceTable | None = words.get("prices")
    if prices is not None and done.outcome.cost is not None:
        click.echo(
            f"this session cost {done.outcome.cost:.2f} {prices.currency} at the prices of {prices.as_of}"
        )
    click.echo(f"run {done.run}, ledger of {done.view.tree_size} records, root {done.view.root[:16]}…")
    for path in paths.values():
        click.echo(f"wrote {path}")
    return done.view.created[:10]


def check_report_languages(languages: tuple[str, ...]) -> None:
    """Refuse languages that reports are not written in.

    Raises:
        UnknownNameError: One of them is unknown; the nearest is suggested.
        UsageError: There are none.
    """
    from kakehashi.errors import UsageError
    from kakehashi.report.voice import messages

    if not languages:
        raise UsageError("no language of the report was named", hint="Use --lang ja,en")
    for language in languages:
        messages(language)


def print_assessment(assessment: Any) -> None:
    """Print the table of systems and the sentences that may be said of it."""
    from kakehashi.cli.options import print_table
    from kakehashi.report import terminal_rows, terminal_sentences

    head, *rows = terminal_rows(assessment)
    print_table([dict(zip(head, row, strict=True)) for row in rows], head)
    for sentence in terminal_sentences(assessment):
        click.echo(sentence)


def _print_estimate(
    subjects: tuple[str, ...],
    workspace: Path,
    words: dict[str, Any],
    prices: "PriceTable | None",
    as_json: bool,
    mirror: str | None,
) -> None:
    from dataclasses import asdict

    from kakehashi.evaluate.datasets import DataStore
    from kakehashi.evaluate.engine import estimate
    from kakehashi.work.assess import in_words
    from kakehashi.work.data import pull_for
    from kakehashi.work.judging import JudgeWords
    from kakehashi.work.plan import make_plan
    from kakehashi.work.workspace import Workspace

    rooms = Workspace(workspace)
    judge = JudgeWords(
        words.pop("judges"), words.pop("phrases"), words.pop("calibrations"), words.pop("allow_family")
    )
    if not (words["code"].allow or words["code"].unisolated):
        words["code"] = None  # an estimate runs nothing
    data = DataStore(rooms.data)
    if mirror is not None:
        pull_for(
            words["methods"],
            data,
            mirror,
            alone=words["alone"],
            say=lambda text: click.echo(text, err=True),
        )
    plan = make_plan(
        subjects, models=rooms.models, own_methods=rooms.methods, data=data, judge=judge, **words
    )
    found = estimate(((job.subject, job.sample) for job in plan.jobs()), prices)
    if as_json:
        print_json({"run": plan.run, "judge_calls": plan.verdicts(), **asdict(found)})
    else:
        click.echo(f"{plan.run}: {in_words(found, plan.verdicts())}")
