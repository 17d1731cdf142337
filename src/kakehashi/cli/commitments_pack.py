"""``kakehashi commitments evidence pack`` and ``verify``: one archive that an auditor checks without Kakehashi."""

from pathlib import Path
from typing import Any

import click

from kakehashi.cli.commitments_evidence import catalog_option, clearance_option
from kakehashi.cli.options import json_option, plain, print_json, workspace_option


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The archive (.zip)."
)
@click.option(
    "--key", type=click.Path(path_type=Path), required=True, help="Signing key of who makes the pack."
)
@click.option("--for", "organizations", multiple=True, metavar="ORG", help="Only evidence of these.")
@click.option("--instrument", "instruments", multiple=True, help="Only of these instruments.")
@clearance_option
@catalog_option
@workspace_option
@json_option
def pack(
    out: Path,
    key: Path,
    organizations: tuple[str, ...],
    instruments: tuple[str, ...],
    clearance: str,
    own: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write one signed archive that an auditor reads and checks without Kakehashi: index, documents, records, proofs.

    The same evidence and key give the same bytes. Make a key with: kakehashi exercise key NAME --out FILE

    Example: kakehashi commitments evidence pack --for anthropic --key me.key --out pack.zip
    """
    from kakehashi.commitments import sound_catalog
    from kakehashi.report.evidence import pack_pages
    from kakehashi.work.evidence_pack import gather_pack, write_pack
    from kakehashi.work.signed import read_key
    from kakehashi.work.workspace import Workspace

    catalog = sound_catalog(own)
    signer = read_key(key)
    content = gather_pack(
        catalog,
        Workspace(workspace),
        organizations=organizations,
        instruments=instruments,
        clearance=clearance,
    )
    head = content.checkpoint.head
    pages = pack_pages(catalog, content.book.entries, content.places, size=head.size, root=head.root_hex)
    digest = write_pack(out, content, pages, signer)
    told: dict[str, Any] = {
        "path": str(out),
        "sha256": digest,
        "evidence": len(content.book.entries),
        "records": len(content.proofs),
        "withheld": content.book.withheld,
        "signer": str(signer.verifier),
    }
    if as_json:
        print_json(told)
        return
    click.echo(
        f"wrote {out}: {told['evidence']} pieces of evidence, {told['records']} records, sha256 {digest}"
    )
    if told["withheld"]:
        click.echo(f"left out, being above TLP:{clearance.upper()}: {told['withheld']}", err=True)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path), help="The signer's public key (.pub), got from the signer."
)
@json_option
def verify(path: Path, key: Path | None, as_json: bool) -> None:
    """Check every byte of a pack (PATH), its signature and its proofs; exits with 6 where anything does not match.

    Example: kakehashi commitments evidence verify pack.zip --key signer.pub
    """
    from kakehashi.errors import VerificationError
    from kakehashi.work.evidence_pack import verify_pack
    from kakehashi.work.signed import read_verifier

    found = verify_pack(path, key=read_verifier(key) if key is not None else None)
    if found.findings:
        lines = "; ".join(f"{one.where}: {one.what}" for one in found.findings[:5])
        raise VerificationError(
            f"{path}: {len(found.findings)} things do not match: {lines}",
            hint="Ask its sender for the pack again.",
        )
    if as_json:
        print_json(plain(found))
        return
    click.echo(f"{found.files} files and {found.records} records match; signed with {found.signer}")
    if found.known is None:
        click.echo("whose key that is was not checked: compare it with one from the signer (--key)")
