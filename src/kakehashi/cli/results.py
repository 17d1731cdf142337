"""``kakehashi results``: what the ledger holds, and whether it is still what was written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from kakehashi.cli.options import json_option, print_json, print_table, workspace_option
from kakehashi.cli.results_import import identify, import_, lint


@click.group()
def results() -> None:
    """Import, list, show, export and verify results in the ledger."""


for _command in (import_, lint, identify):
    results.add_command(_command)


def _ledger(workspace: Path, *, write: bool = False) -> Any:
    from kakehashi.work.seal import open_ledger
    from kakehashi.work.workspace import Workspace

    return open_ledger(Workspace(workspace).ledger, write=write)


@results.command("list")
@workspace_option
@json_option
def list_results(workspace: Path, as_json: bool) -> None:
    """Show the runs of the ledger, and the sources that were imported.

    Example: kakehashi results list
    """
    from kakehashi.work.results import imported_sources

    with _ledger(workspace) as ledger:
        rows = [
            {
                "run": record.text("run"),
                "created": record.text("created"),
                "release": record.body.get("settings", {}).get("release", ""),
                "subjects": [subject["name"] for subject in record.body["subjects"]],
                "methods": [f"{method['id']}@{method['version']}" for method in record.body["methods"]],
                "samples": record.body["counts"].get("finished", 0),
                "partial": record.body["partial"],
                "record": record.id[:16],
            }
            for record in ledger.records(kind="run")
        ]
        head, hidden = ledger.root(), len(ledger.hidden())
        imported = imported_sources(ledger)
    if as_json:
        print_json(
            {
                "runs": rows,
                "imported": imported,
                "ledger": {"size": head.size, "root": head.root_hex},
                "hidden": hidden,
            }
        )
        return
    named = ["release"] if any(row["release"] for row in rows) else []
    print_table(rows, ["run", "created", *named, "subjects", "methods", "samples", "partial", "record"])
    if imported:
        click.echo("")
        short = [{**row, "methods": len(row["methods"])} for row in imported]
        print_table(short, ["source", "format", "subjects", "methods", "numbers", "items", "records"])
    click.echo(f"ledger: {head.size} records, {hidden} hidden, root {head.root_hex}")


@results.command()
@click.argument("run")
@click.option("--all", "everything", is_flag=True, help="Every breakdown, not only whole methods.")
@workspace_option
@json_option
def show(run: str, everything: bool, workspace: Path, as_json: bool) -> None:
    """Show the measurements of a RUN, of an imported source or of a record, with n and intervals.

    Example: kakehashi results show run-1a2b3c
    """
    from kakehashi.errors import UnknownNameError
    from kakehashi.ledger import encode
    from kakehashi.work.results import measurements_of, records_of
    from kakehashi.work.view import load_run
    from kakehashi.work.workspace import Workspace

    judges: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    try:
        view = load_run(Workspace(workspace).ledger, run)
    except UnknownNameError:
        with _ledger(workspace) as ledger:
            found = measurements_of(ledger, run)
        name, partial, created = run, False, "imported"
        chosen = tuple(one for one in found if everything or not one.facets)
    else:
        name, partial, created = view.run, view.partial, f"sealed {view.created}"
        chosen = view.measurements if everything else view.headlines()
        judges = view.judges()
        with _ledger(workspace) as ledger:
            records = records_of(ledger, name)
    if as_json:
        print_json(
            {
                "run": name,
                "partial": partial,
                "judges": judges,
                "records": records,
                "measurements": [encode(one) for one in chosen],
            }
        )
        return
    click.echo(f"{name}{' (partial)' if partial else ''}, {created}")
    rows = [
        {
            "subject": one.subject,
            "measure": one.measure.id,
            "part": " ".join(f"{key}={value}" for key, value in one.facets.items()),
            "value": one.value,
            "95% interval": "unknown"
            if one.interval is None
            else f"{one.interval.low:.3f} to {one.interval.high:.3f}",
            "n": one.n,
            "note": one.reason,
        }
        for one in chosen
    ]
    print_table(rows, ["subject", "measure", "part", "value", "95% interval", "n", "note"])
    for one in judges:
        known = ", ".join(f"{language} {status}" for language, status in one["calibration"].items())
        reviewed = ", ".join(f"{language} {status}" for language, status in one["review"].items())
        click.echo(
            f"{one['method']}: judge {one['judge']}, calibration: {known or 'none needed'}; items: {reviewed}"
        )
        for language, error in one["errors"].items():
            click.echo(
                f"  {language}: on {error['n']} human-labelled answers ({error['source']}) sensitivity to refusal "
                f"{_share(error, 'sensitivity')}, specificity {_share(error, 'specificity')}; rates not corrected"
            )
    if records:
        click.echo("")
        print_table(records, ["record", "subject", "method", "texts"])


def _share(error: Mapping[str, Any], name: str) -> str:
    value, interval = error.get(name), error.get(f"{name}_interval")
    if value is None:
        return "not estimable"
    return f"{value:.3f}" + (f" [{interval['low']:.3f}, {interval['high']:.3f}]" if interval else "")


@results.command()
@click.argument("run")
@click.option("--eee", is_flag=True, help="As Every Eval Ever 0.3.")
@click.option("--inspect", is_flag=True, help="As Inspect logs (.eval), which inspect view opens.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to."
)
@click.option("--texts", is_flag=True, help="With prompts and answers; left out unless asked.")
@workspace_option
@json_option
def export(
    run: str, eee: bool, inspect: bool, out: Path, texts: bool, workspace: Path, as_json: bool
) -> None:
    """Export a RUN for other tools and institutes, with its manifest, without texts unless asked.

    Example: kakehashi results export run-1a2b3c --eee --out exported
    """
    from kakehashi.errors import UsageError
    from kakehashi.ledger.eee import export_eee
    from kakehashi.ledger.inspect_eval import export_inspect
    from kakehashi.work.manifest import export_manifest
    from kakehashi.work.view import load_run
    from kakehashi.work.workspace import Workspace

    forms = [form for asked, form in ((eee, export_eee), (inspect, export_inspect)) if asked]
    if not forms:
        raise UsageError("say in which form", hint="Add --eee or --inspect.")
    name = load_run(Workspace(workspace).ledger, run).run
    with _ledger(workspace) as ledger:
        paths = [
            path
            for record in ledger.records(kind="result", run=name)
            for form in forms
            for path in form(ledger, record.id, out, texts=texts)
        ]
        paths.append(export_manifest(ledger, name, out))
    if as_json:
        print_json([str(path) for path in paths])
        return
    for path in paths:
        click.echo(f"wrote {path}")


@results.command()
@click.option(
    "--against", help="A root SIZE:HEX, a report (html, json) or a checkpoint that was kept elsewhere."
)
@workspace_option
@json_option
def verify(against: str | None, workspace: Path, as_json: bool) -> int:
    """Check every byte of the ledger against its hashes.

    This finds a changed byte. That the whole ledger was rewritten or cut is found only --against a root, a report or a
    checkpoint that was kept elsewhere.

    Example: kakehashi results verify --against out/demo/report.html
    """
    with _ledger(workspace) as ledger:
        report = ledger.verify(against)
    if as_json:
        print_json(report.as_json())
        return 0 if report.ok else 6
    for finding in report.findings:
        click.secho(f"{finding.kind}: {finding.path}", fg="red")
        click.echo(f"  expected {finding.expected}")
        click.echo(f"  found    {finding.found}")
    for note in report.notes:
        click.echo(f"note: {note}")
    checked = ", ".join(f"{count} {name}" for name, count in sorted(report.checked.items()))
    state = "every byte as it was written" if report.ok else f"{len(report.findings)} findings"
    click.echo(f"{state} ({checked} checked)")
    if report.head is not None:
        click.echo(f"tree size {report.head.size}, root {report.head.root_hex}")
    if against is None and report.ok:
        click.echo("Rewriting or cutting the whole ledger is found only --against a root kept elsewhere.")
    return 0 if report.ok else 6


@results.command()
@click.argument("record")
@click.option("--reason", required=True, help="Why, for the readers of later reports.")
@click.option("--author", default="", help="Who answers for it.")
@workspace_option
@json_option
def retract(record: str, reason: str, author: str, workspace: Path, as_json: bool) -> None:
    """Withdraw a RECORD: queries hide it from now on, reports count it, nothing is deleted.

    Example: kakehashi results retract 3f2a --reason "wrong endpoint"
    """
    with _ledger(workspace, write=True) as ledger:
        made = ledger.retract(record, reason, author)
    if as_json:
        print_json({"retraction": made})
    else:
        click.echo(f"retracted by {made[:16]}")


@results.command()
@click.argument("record")
@click.option("--reason", required=True, help="Why the texts have to go.")
@click.option("--author", default="", help="Who answers for it.")
@workspace_option
@json_option
def purge(record: str, reason: str, author: str, workspace: Path, as_json: bool) -> None:
    """Delete the texts (prompts, answers) of a RECORD; its numbers stay and a tombstone says so.

    Example: kakehashi results purge 3f2a --reason "personal data"
    """
    with _ledger(workspace, write=True) as ledger:
        made = ledger.purge(record, reason, author)
    if as_json:
        print_json({"tombstone": made})
    else:
        click.echo(f"texts deleted; tombstone {made[:16]}")
