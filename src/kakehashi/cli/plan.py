"""``kakehashi plan``: say before a run what is meant to be run, and list afterwards what was."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kakehashi.cli.options import (
    json_option,
    judge_options,
    language_option,
    plain,
    print_json,
    print_table,
    workspace_option,
)

if TYPE_CHECKING:
    from kakehashi.work.preregister import PlanCell, PlanCheck


@click.group()
def plan() -> None:
    """Write a plan into the ledger before a run, and list planned against reported."""


@plan.command("write")
@click.argument("subjects", nargs=-1, required=True)
@click.option("--title", required=True, help="What the plan is for.")
@click.option("--author", default="", help="Who plans.")
@click.option(
    "--profile", type=click.Choice(["quick", "standard", "full"]), default="quick", show_default=True
)
@click.option("--method", "methods", multiple=True, help="A method; give it again for more.")
@language_option
@click.option(
    "--limit", type=click.IntRange(min=1), help="Pairs, questions or cells of each method and language."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice of items.")
@judge_options
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, help="Answers to each item."
)
@click.option("--alone", is_flag=True, help="Run these methods alone, as for assess.")
@click.option("--mirror", help="A folder or address with the data of published methods.")
@workspace_option
@json_option
def write_plan(
    subjects: tuple[str, ...],
    title: str,
    author: str,
    profile: str,
    methods: tuple[str, ...],
    language: str,
    limit: int | None,
    seed: int,
    judges: tuple[str, ...],
    phrases: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    allow_family: bool,
    repeats: int,
    alone: bool,
    mirror: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write systems, methods, seed, judges and items into the ledger; the words are those of assess.

    An assess with the same words cites the plan by itself; its words on speed, money and code are free. Keep the
    root that is printed elsewhere: it shows later that the plan was there.

    Example: kakehashi plan write local/smollm2 --title "July round" --method core --seed 1
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.work.preregister import preregister
    from kakehashi.work.seal import open_ledger
    from kakehashi.work.workspace import Workspace

    record = preregister(
        subjects,
        title=title,
        author=author,
        profile=profile,
        methods=methods,
        languages=languages_of(language),
        limit=limit,
        seed=seed,
        judges=judges,
        phrases=phrases,
        calibrations=calibrations,
        allow_family=allow_family,
        repeats=repeats,
        alone=alone,
        mirror=mirror,
        workspace=workspace,
        say=lambda text: click.echo(text, err=True),
    )
    with open_ledger(Workspace(workspace).ledger, write=False) as ledger:
        head = ledger.root(record.position + 1)
    digest = record.body["details"]["intent_sha256"]
    if as_json:
        print_json(
            {
                "plan": record.id,
                "title": record.text("title"),
                "created": record.text("created"),
                "intent_sha256": digest,
                "ledger": {"size": head.size, "root": head.root_hex},
            }
        )
        return
    click.echo(f"plan {record.id} ({record.text('title')}, {record.text('created')})")
    click.echo(f"intent sha256 {digest}")
    click.echo(f"ledger with it: {head.size} records, root {head.root_hex}")


@plan.command("list")
@workspace_option
@json_option
def list_plans(workspace: Path, as_json: bool) -> None:
    """Show the plans of the ledger in the order of its log.

    Example: kakehashi plan list
    """
    from kakehashi.work.seal import open_ledger
    from kakehashi.work.workspace import Workspace

    with open_ledger(Workspace(workspace).ledger, write=False) as ledger:
        rows = [
            {
                "plan": record.id[:16],
                "position": record.position,
                "created": record.text("created"),
                "title": record.text("title"),
                "author": record.text("author"),
                "subjects": list(record.body["subjects"]),
                "methods": [f"{one['id']}@{one['version']}" for one in record.body["methods"]],
            }
            for record in ledger.records(kind="plan")
        ]
    if as_json:
        print_json(rows)
        return
    print_table(rows, ["plan", "position", "created", "title", "author", "subjects", "methods"])


@plan.command("check")
@click.argument("record")
@click.option("--run", "runs", multiple=True, help="Only this run; give it again for more.")
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True)
@workspace_option
@json_option
def check(record: str, runs: tuple[str, ...], lang: str, workspace: Path, as_json: bool) -> None:
    """List a plan against what was reported: done, not done, done but not planned, changed, withdrawn.

    Whether the plan was first is told by the order of the log, not by the plan's own date.

    Example: kakehashi plan check 3f2a
    """
    from kakehashi.work.preregister import check_plan
    from kakehashi.work.seal import open_ledger
    from kakehashi.work.workspace import Workspace

    with open_ledger(Workspace(workspace).ledger, write=False) as ledger:
        found = check_plan(ledger, record, runs=runs)
    if as_json:
        print_json({**plain(found), "kept": found.kept, "counts": found.counts})
        return
    _print_check(found, lang)


def _print_check(found: "PlanCheck", language: str) -> None:
    from kakehashi.report.pages.planned import plan_sentences
    from kakehashi.report.voice import Voice

    voice = Voice(language)
    for sentence in plan_sentences(found):
        click.echo(voice.plain(sentence))
    print_table(
        [_row(cell) for cell in found.cells], ["system", "method", "status", "order", "run", "changes"]
    )


def _row(cell: "PlanCell") -> dict[str, object]:
    return {
        "system": cell.subject,
        "method": cell.method,
        "status": cell.status,
        "order": cell.order or "–",
        "run": cell.run or "–",
        "changes": "; ".join((*cell.changes, cell.reason)) if cell.reason else "; ".join(cell.changes),
    }
