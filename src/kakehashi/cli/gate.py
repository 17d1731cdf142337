"""``kakehashi gate``: may this be released, by the rules that were written down before?"""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option

#: Exit codes of the command, beside those of errors.
FAILED, UNDECIDED = 11, 12


@click.command()
@click.argument("policy", type=click.Path(path_type=Path))
@click.argument("run", required=False)
@click.option("--subject", help="The system, where the run has several.")
@click.option("--released", metavar="RUN", help="The last released run, for rules that compare with it.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML here.")
@click.option("--sarif", type=click.Path(path_type=Path, dir_okay=False), help="Write SARIF here.")
@workspace_option
@json_option
def gate(
    policy: Path,
    run: str | None,
    subject: str | None,
    released: str | None,
    junit: Path | None,
    sarif: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Hold a RUN of the ledger (the newest unless named) against the rules of a POLICY.yaml, for a company's CI.

    Each rule passes, fails, or is undecided where the interval crosses the threshold (then the number of items that
    would decide it is printed). Exits with 0 where all pass or are waived, 11 where any fails or misses its data, 12
    where nothing fails and any is undecided.

    Example: kakehashi gate release.yaml run-1a2b3c --released run-0f9e8d --junit gate.xml
    """
    from kakehashi.report import write_texts
    from kakehashi.work.gate import Answer, check_gate
    from kakehashi.work.gate_files import gate_junit, gate_sarif, waiver_words
    from kakehashi.work.gate_policy import read_policy
    from kakehashi.work.view import load_run, newest_run
    from kakehashi.work.workspace import Workspace

    rules = read_policy(policy)
    ledger = Workspace(workspace).ledger
    before = released or rules.released
    findings = None
    if any(rule.open_findings is not None for rule in rules.rules):
        from kakehashi.work.gate_findings import load_findings

        findings = load_findings(Workspace(workspace))
    result = check_gate(
        rules,
        load_run(ledger, run or newest_run(ledger, subject or rules.subject)),
        subject=subject,
        released=load_run(ledger, before) if before else None,
        findings=findings,
    )
    texts = ((junit, gate_junit(result)), (sarif, gate_sarif(result, policy)))
    for path, text in texts:
        if path is not None:
            write_texts({path.name: text}, path.parent)
    if as_json:
        print_json({**plain(result), "answer": result.answer.value})
    else:
        rows = [
            {
                "rule": check.rule,
                "answer": check.answer.value,
                "part": ", ".join(f"{k}={v}" for k, v in sorted((check.facets or {}).items())),
                "why": check.message if check.waiver is None else waiver_words(check),
            }
            for check in result.checks
        ]
        print_table(rows, ("rule", "answer", "part", "why"))
        for judge in dict.fromkeys(check.judge for check in result.checks if check.judge):
            click.echo(f"judged by {judge}; the intervals do not hold its errors")
        for note in result.notes:
            click.echo(f"note: {note}")
        held = f": {', '.join(result.held_by)}" if result.held_by else ""
        click.echo(f"{result.title}: {result.answer.value}{held} ({result.subject}, {result.run})")
    if result.answer is Answer.FAIL:
        raise click.exceptions.Exit(FAILED)
    if result.answer is Answer.UNDECIDED:
        raise click.exceptions.Exit(UNDECIDED)
