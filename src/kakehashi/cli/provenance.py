"""``kakehashi provenance``: whether media carry Content Credentials that hold."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, print_json, print_table


@click.group()
def provenance() -> None:
    """Look for Content Credentials in media."""


@provenance.command()
@click.argument("places", nargs=-1, required=True, metavar="FOLDER|FILE|URL…")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificates (PEM) that signers must chain to; without them every signer is untrusted.",
)
@json_option
def check(places: tuple[str, ...], trust: Path | None, as_json: bool) -> int:
    """Say of each media file whether its Content Credentials are valid, and count.

    valid: intact, and the signer is trusted; untrusted: intact, signer unknown; invalid: file and credentials do not
    match; absent; unreadable; unsupported. Nothing but the addresses named is fetched. The exit code is 6 where a
    file's credentials are invalid.

    Example: kakehashi provenance check images/ --trust trust-list.pem
    """
    from kakehashi.work.provenance import as_json as survey_json
    from kakehashi.work.provenance import check_provenance

    survey = check_provenance(places, trust=trust)
    if as_json:
        print_json(survey_json(survey))
    else:
        rows = [
            {
                "file": each.name,
                "state": each.state,
                "reason": each.reason,
                "issuer": each.issuer,
                "source": each.source_types,
            }
            for each in survey.checks
        ]
        print_table(rows, ["file", "state", "reason", "issuer", "source"])
        shares = [
            {
                "state": share.state,
                "files": f"{share.k} of {share.n}",
                "share": share.value,
                "low": None if share.interval is None else share.interval.low,
                "high": None if share.interval is None else share.interval.high,
            }
            for share in survey.shares
        ]
        print_table(shares, ["state", "files", "share", "low", "high"])
        if not survey.trust:
            click.echo("no trust list was given: every intact signature is of an untrusted signer")
        click.echo(f"read by {survey.library}; intervals are Wilson's at 95%")
    return 6 if any(each.state == "invalid" for each in survey.checks) else 0
