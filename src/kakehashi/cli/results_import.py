"""``kakehashi results import``, ``lint`` and ``identify``: what others measured, and whose it is."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kakehashi.cli.columns import column_map, column_options
from kakehashi.cli.options import json_option, print_json, print_table, workspace_option
from kakehashi.cli.progress import show_steps

if TYPE_CHECKING:
    from kakehashi.ledger import ImportReport, Tally

_SHOWN = 20


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@column_options
@click.option("--as", "source_format", metavar="FORMAT", help="The format; found out by default.")
@click.option("--fix", is_flag=True, help="Mend what is certain; the original is kept beside it.")
@click.option("--no-texts", is_flag=True, help="Leave prompts and answers out.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@click.option("--maps", is_flag=True, help="List the shipped column maps, or show those named by --columns.")
@workspace_option
@json_option
def import_(
    paths: tuple[Path, ...],
    columns: str | None,
    wide: str | None,
    long: str | None,
    items: str | None,
    settings: tuple[str, ...],
    source_format: str | None,
    fix: bool,
    no_texts: bool,
    dry_run: bool,
    maps: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Import others' logs, run folders and tables (PATH…) into the ledger, all or none.

    Known by themselves: Inspect logs (.eval, .json), HELM run folders, lm-evaluation-harness, Every Eval Ever,
    garak report.jsonl, promptfoo JSON, JailbreakBench's artifacts. Tables (CSV, Parquet) need --columns, --wide,
    --long or --items.

    Example: kakehashi results import safetywashing_chat.csv --columns safetywashing
    """
    from kakehashi.errors import UsageError
    from kakehashi.work.results import import_results

    if maps:
        _show_maps(columns, as_json)
        return
    if not paths:
        raise UsageError("name at least one file or folder", hint="Example: kakehashi results import logs/")
    map_ = column_map(paths, columns, wide, long, items, settings)
    with show_steps("import") as progress:
        reports = import_results(
            paths, workspace=workspace, columns=map_, source_format=source_format, fix=fix,
            texts=not no_texts, dry_run=dry_run, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json({"dry_run": dry_run, "sources": [report.as_json() for report in reports]})
        return
    for report in reports:
        _say(report, dry_run)


def _say(report: "ImportReport", dry_run: bool) -> None:
    count = (
        "looked at, nothing written" if dry_run else f"{report.added} of {len(report.records)} records new"
    )
    click.echo(f"{report.path} ({report.importer}): {count}")
    subjects, methods = len(report.subjects), len(report.methods)
    if subjects:
        click.echo(f"  {subjects} system{'s' * (subjects != 1)}, {methods} method{'s' * (methods != 1)}")
    click.echo(f"  {_counts(report.tally)}")
    if report.passed_over:
        click.echo(f"  columns passed over: {', '.join(report.passed_over)}")
    for code, times in Counter(finding.code for _, finding in report.findings).most_common():
        click.echo(f"  {times} × {code}")
    if report.findings:
        click.echo("  row by row: kakehashi results lint, with the same words")
    for note in report.notes:
        click.echo(f"  note: {note}")


def _counts(tally: "Tally") -> str:
    numbers = (
        f"{tally.rows} numbers: {tally.kept} kept, {tally.repaired} repaired, "
        f"{tally.reduced} without the uncertainty stated, {tally.quarantined} in quarantine"
    )
    parts = [numbers]
    if tally.missing:
        parts.append(f"{tally.missing} empty cells")
    if tally.items:
        parts.append(f"{tally.items} item rows, {tally.unscored} without a number")
    if tally.items_quarantined:
        parts.append(f"{tally.items_quarantined} of them in quarantine")
    return "; ".join(parts)


@click.command()
@click.argument("targets", nargs=-1)
@column_options
@click.option("--as", "source_format", metavar="FORMAT", help="The format; found out by default.")
@click.option(
    "--fix", is_flag=True, help="Mend results in the ledger; of files, count what --fix would give."
)
@click.option("--all", "everything", is_flag=True, help="Every row; 20 of each kind by default.")
@workspace_option
@json_option
def lint(
    targets: tuple[str, ...],
    columns: str | None,
    wide: str | None,
    long: str | None,
    items: str | None,
    settings: tuple[str, ...],
    source_format: str | None,
    fix: bool,
    everything: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Look results over row by row: files (PATH…), or runs and records of the ledger (all by default).

    Files are only looked at. With --fix, results of the ledger in which something can be mended with certainty
    are superseded by mended ones; the originals stay.

    Example: kakehashi results lint eee_helm_classic_wide.csv --columns helm-classic
    """
    from kakehashi.work.results import lint_results

    map_ = column_map(tuple(map(Path, targets)), columns, wide, long, items, settings)
    report = lint_results(targets, workspace=workspace, columns=map_, source_format=source_format, fix=fix)
    if as_json:
        print_json(
            {
                "rows": [row.as_json() for row in report.rows],
                "tally": report.tally.as_json(),
                "repaired": [list(pair) for pair in report.repaired],
            }
        )
        return
    from kakehashi.ledger import CODES

    seen: Counter[str] = Counter()
    shown = []
    for row in report.rows:
        seen[row.finding.code] += 1
        if everything or seen[row.finding.code] <= _SHOWN:
            shown.append(
                {
                    "row": row.finding.row,
                    "code": row.finding.code,
                    "system": row.finding.subject,
                    "measure": row.finding.measure,
                    "found": row.finding.message,
                    "what becomes of it": row.without_fix,
                    "with --fix": row.with_fix,
                }
            )
    if shown:
        print_table(shown, ["row", "code", "system", "measure", "found", "what becomes of it", "with --fix"])
    for code, times in seen.most_common():
        more = "" if everything or times <= _SHOWN else f" ({_SHOWN} shown; --all shows every row)"
        click.echo(f"{times} × {code}: {CODES[code]}{more}")
    click.echo(_counts(report.tally))
    for old, new in report.repaired:
        click.echo(f"{old[:16]} is superseded by {new[:16]}")


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--accept", metavar="NAME=MODEL", multiple=True, help="Decide what a name means; kept in the workspace."
)
@click.option("--forget", metavar="NAME", multiple=True, help="Take a decision back.")
@workspace_option
@json_option
def identify(
    names: tuple[str, ...], accept: tuple[str, ...], forget: tuple[str, ...], workspace: Path, as_json: bool
) -> None:
    """Say what NAMEs of models mean: exact id, alias table, else suggestions; all systems of the ledger by default.

    Nothing is joined because it looks alike: a suggestion counts only when a person accepts it.

    Example: kakehashi results identify "our-llama" --accept our-llama=meta-llama/llama-2-7b-chat-hf
    """
    from kakehashi.errors import UsageError
    from kakehashi.work.results import identify_names

    decided = {}
    for pair in accept:
        name, equals, model = pair.rpartition("=")
        if not equals:
            raise UsageError(f"{pair!r} is no decision", hint="Write --accept NAME=MODEL.")
        decided[name.strip()] = model.strip()
    found = identify_names(names, workspace=workspace, accept=decided, forget=forget)
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "model": one.model,
                    "how": one.how,
                    "suggestions": [
                        {"model": s.model, "reason": s.reason, "likeness": s.likeness}
                        for s in one.suggestions
                    ],
                }
                for one in found
            ]
        )
        return
    print_table(
        [
            {
                "name": one.name,
                "how": one.how if one.model or not one.suggestions else "suggestion",
                "model": one.model,
                "suggestions": [f"{s.model} ({s.reason})" for s in one.suggestions],
            }
            for one in found
        ],
        ["name", "how", "model", "suggestions"],
    )
    counts = Counter(one.how if one.model or not one.suggestions else "suggestion" for one in found)
    click.echo(", ".join(f"{times} {how}" for how, times in counts.most_common()))


def _show_maps(name: str | None, as_json: bool) -> None:
    from kakehashi.errors import UnknownNameError
    from kakehashi.ledger import shipped_maps

    maps = shipped_maps()
    if name is not None:
        if name not in maps:
            raise UnknownNameError("column map", name, list(maps))
        maps = {name: maps[name]}
    if as_json:
        print_json({key: dict(value) for key, value in maps.items()})
        return
    if name is None:
        rows = [
            {"map": key, "shape": one["shape"], "file": one["file"], "title": one["title"]}
            for key, one in maps.items()
        ]
        print_table(rows, ["map", "shape", "file", "title"])
        return
    import yaml

    click.echo(yaml.safe_dump(dict(maps[name]), allow_unicode=True, sort_keys=False).rstrip())
