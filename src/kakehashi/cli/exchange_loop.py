"""The loop of ``kakehashi exchange`` with evaluations: retest, pool."""

from pathlib import Path
from typing import Any

import click

from kakehashi.cli.exchange_alerts import LEVELS
from kakehashi.cli.exchange_remote import token_of, token_option
from kakehashi.cli.options import json_option, print_json, print_table, workspace_option


@click.command()
@click.argument("ref")
@click.option("--subject", "subjects", multiple=True, required=True, help="Your own system, as for assess.")
@click.option(
    "--payload",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV of prompts that you have; held to the record's hash.",
)
@click.option("--technique", help="A technique of kakehashi/attacks instead.")
@click.option("--language", default="en", show_default=True, help="Language of the prompts.")
@click.option("--limit", type=click.IntRange(min=1), help="Most prompts.")
@click.option("--judge", "judges", multiple=True, help="As for assess; rules unless said.")
@click.option("--alert", "alert_id", help="The alert that it answers; the newest one about REF unless said.")
@click.option("--fixed", is_flag=True, help="Say that the system was mended since.")
@click.option("--level", type=LEVELS, default="amber", show_default=True, help="TLP level of the sightings.")
@click.option("--marking", "markings", multiple=True, help="Id of a further marking.")
@click.option("--offer", metavar="URL", help="Push the result to this collection.")
@token_option
@workspace_option
@json_option
def retest(
    ref: str,
    subjects: tuple[str, ...],
    payload: Path | None,
    technique: str | None,
    language: str,
    limit: int | None,
    judges: tuple[str, ...],
    alert_id: str | None,
    fixed: bool,
    level: str,
    markings: tuple[str, ...],
    offer: str | None,
    token_env: str,
    workspace: Path,
    as_json: bool,
) -> int:
    """Run an incoming attack pattern, vulnerability or sighting REF against your own system; sign the result.

    Nothing is fetched: give the payload as a file that you have, or a technique. A sighting is replicated.

    Example: kakehashi exchange retest attack-pattern--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --subject mine.yaml
    --payload prompts.csv
    """
    from kakehashi.exchange import Node, measured, push
    from kakehashi.work.retest import retest as run
    from kakehashi.work.workspace import Workspace

    token = None if offer is None else token_of(token_env)
    done = run(
        ref,
        subjects,
        payload=payload,
        technique=technique,
        language=language,
        limit=limit,
        judges=judges,
        alert=alert_id,
        fixed=fixed,
        level=level,
        markings=markings,
        workspace=workspace,
        say=lambda text: click.echo(text, err=True),
    )
    sent = None
    if offer is not None and token is not None:
        sent = push(Node.open(Workspace(workspace).exchange), offer, token)
    rows: list[dict[str, Any]] = []
    for one in done.sightings:
        found = measured(one)
        assert found is not None
        body = next(b for b in one["extensions"].values() if "observed_count" in b)
        rows.append(
            {
                "id": one["id"],
                "system": body["subject"]["name"],
                "counted": body["counted"],
                "k of n": f"{body['observed_count']} of {body['trial_count']}",
                "rate": found.value,
                "low": found.low,
                "high": found.high,
            }
        )
    if as_json:
        failures = None if sent is None else dict(sent.failures)
        print_json({"run": done.run, "alert": done.alert, "sightings": rows, "not_taken": failures})
    else:
        print_table(rows, ["system", "counted", "k of n", "rate", "low", "high", "id"])
        click.echo(
            "signed, in your node" + ("; offer it: kakehashi exchange push" if offer is None else ", offered")
        )
    return 10 if sent is not None and sent.failures else 0


@click.command()
@click.argument("ref")
@click.option("--subject", help="Only this system.")
@workspace_option
@json_option
def pooled(ref: str, subject: str | None, workspace: Path, as_json: bool) -> None:
    """Pool what institutes measured of REF: random effects, how far they differ, and each replication's verdict.

    What was measured after a mending is shown and not pooled.

    Example: kakehashi exchange pooled vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    from dataclasses import asdict

    from kakehashi.cli.options import plain
    from kakehashi.work.pooled import pooled as pool

    found = pool(ref, subject=subject, workspace=workspace)
    if as_json:
        print_json(plain([asdict(one) for one in found]))
        return
    for one in found:
        rows = [
            {
                "system": row.subject,
                "institute": row.institute,
                "k of n": f"{row.k} of {row.n}",
                "rate": row.rate,
                "low": row.low,
                "high": row.high,
                "replication": None if row.verdict is None else row.verdict.verdict,
                "note": "after a mending, not pooled" if row.fixed else None,
            }
            for row in one.rows
        ]
        columns = ["system", "institute", "k of n", "rate", "low", "high", "replication", "note"]
        print_table(rows, columns, title=one.counted)
        if one.pooled is None:
            click.echo(f"{one.counted}: fewer than two measurements to pool")
            continue
        p = one.pooled
        click.echo(
            f"{one.counted}: {p.value:.3f} [{p.low:.3f}, {p.high:.3f}] over {p.studies} measurements of"
            f" {one.institutes} institutes and {one.subjects} systems; spread (log-odds) {p.tau:.2f}"
            f" [{p.tau_low:.2f}, {p.tau_high:.2f}]; Q {p.q:.2f}, p {p.p:.3f}, I² {p.i_squared:.0%}"
            + ("; with fewer than five, the spread is mostly its prior" if p.studies < 5 else "")
        )


LOOP_COMMANDS = (retest, pooled)
