"""``kakehashi assess --from``: another institute's run repeated here."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.options import plain, print_json, print_table

if TYPE_CHECKING:
    from kakehashi.evaluate.engine import PriceTable
    from kakehashi.work.code import CodeWords
    from kakehashi.work.replicate import Repeated

#: Words of ``assess`` that a manifest decides.
DECIDED = ("profile", "methods", "language", "limit", "seed", "repeats", "alone", "release")


def check_free(context: click.Context) -> None:
    """Refuse words that contradict a manifest.

    Raises:
        UsageError: One of them was given.
    """
    from click.core import ParameterSource

    from kakehashi.errors import UsageError

    given = [
        name
        for name in ("subjects", *DECIDED)
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE and context.params.get(name)
    ]
    if given:
        words = {"methods": "--method", "subjects": "SUBJECTS"}
        raise UsageError(
            f"{words.get(given[0], '--' + given[0])} is decided by the manifest of --from",
            hint="Leave it out; --at NAME=SUBJECT says where a system is reached from here.",
        )


def repeat_and_compare(
    manifest_path: Path,
    results: Path | None,
    at: tuple[str, ...],
    margin: float,
    out: Path | None,
    languages: tuple[str, ...],
    as_json: bool,
    *,
    only_estimate: bool,
    judges: tuple[str, ...],
    phrases: tuple[Path, ...],
    calibrations: tuple[Path, ...],
    allow_family: bool,
    code: "CodeWords",
    mirror: str | None,
    workspace: Path,
    **settings: Any,
) -> int:
    """Repeat the run of a manifest, hold the results against those beside it, print what came of it."""
    from kakehashi.cli.assess import check_report_languages
    from kakehashi.cli.progress import show_progress
    from kakehashi.work.assess import assess
    from kakehashi.work.judging import JudgeWords
    from kakehashi.work.manifest import read_manifest
    from kakehashi.work.replicate import exported_results, repeat, replicate, results_of

    def say(text: str) -> None:
        click.echo(text, err=True)

    check_report_languages(languages)
    manifest = read_manifest(manifest_path)
    beside = manifest_path if manifest_path.is_dir() else manifest_path.parent
    theirs = exported_results(results or beside, manifest)  # before anything is asked, and paid for
    made = repeat(
        manifest,
        at=at,
        judge=JudgeWords(judges, phrases, calibrations, allow_family),
        code=code,
        mirror=mirror,
        workspace=workspace,
        say=say,
    )
    for difference in made.differences:
        say(f"differs: {difference}")
    if only_estimate:
        _print_estimate(made, settings["prices"], as_json)
        return 0
    words: Mapping[str, Any] = {**made.words, **settings}
    with show_progress("repeating") as progress:
        done = assess(**words, workspace=workspace, progress=progress, say=say)
    if out is not None:
        from kakehashi.report import build_assessment, write_report

        for path in write_report(build_assessment(done.view), out, languages).values():
            say(f"wrote {path}")
    ours = results_of(done.view, made.plan.manifest)
    rows = replicate(theirs, ours, margin=margin, say=say)
    if as_json:
        print_json(
            {
                "run": done.run,
                "from": {
                    "run": str(manifest.get("run", "")),
                    "kakehashi": str(manifest.get("kakehashi", "")),
                },
                "replications": plain(rows),
                "differing_settings": [asdict(one) for one in made.differences],
                "margin": margin,
            }
        )
        return 0
    from kakehashi.report.pages.replication import (
        replication_cells,
        replication_heads,
        replication_sentences,
    )
    from kakehashi.report.voice import Voice

    voice = Voice(languages[0])
    head = [voice.plain(one) for one in replication_heads()]
    cells = [[voice.plain(cell) for cell in replication_cells(row)] for row in rows]
    print_table([dict(zip(head, row, strict=True)) for row in cells], head)
    for sentence in replication_sentences(rows, made.differences, margin, 0.95):
        click.echo(voice.plain(sentence))
    click.echo(f"run {done.run}")
    return 0


def _print_estimate(made: "Repeated", prices: "PriceTable | None", as_json: bool) -> None:
    from kakehashi.evaluate.engine import estimate
    from kakehashi.work.assess import in_words

    found = estimate(((job.subject, job.sample) for job in made.plan.jobs()), prices)
    if as_json:
        print_json({"run": made.plan.run, "judge_calls": made.plan.verdicts(), **asdict(found)})
    else:
        click.echo(f"{made.plan.run}: {in_words(found, made.plan.verdicts())}")
