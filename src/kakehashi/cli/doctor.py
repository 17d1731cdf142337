"""``kakehashi doctor``: what is missing here, and the command that mends it."""

import click

from kakehashi.cli.options import json_option, print_json, workspace_option


@click.command()
@workspace_option
@json_option
def doctor(workspace: object, as_json: bool) -> int:
    """Check this installation: Python, extras, weights, fonts, disk, a node's clock, proxy, certificates.

    Example: kakehashi doctor
    """
    from pathlib import Path

    from kakehashi.work.doctor import examine

    findings = examine(Path(str(workspace)))
    if as_json:
        print_json([{"check": f.check, "state": f.state, "found": f.found, "mend": f.mend} for f in findings])
    else:
        marks = {"ok": ("ok     ", "green"), "missing": ("missing", "yellow"), "broken": ("broken ", "red")}
        for finding in findings:
            mark, color = marks[finding.state]
            click.echo(f"{click.style(mark, fg=color)}  {finding.check}: {finding.found}")
            if finding.mend:
                click.echo(f"         mend: {finding.mend}")
    return 1 if any(finding.state == "broken" for finding in findings) else 0
