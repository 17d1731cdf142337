"""Formats of others and the search for known prompts, of ``kakehashi exchange``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.options import Number, json_option, print_json, print_table, workspace_option

if TYPE_CHECKING:
    from kakehashi.exchange.intake import ReadFiles

_TEXT = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


def print_dry_run(read: "ReadFiles", as_json: bool) -> int:
    """Say what files would become: objects by type, the status of each field, and what would be kept aside."""
    from collections import Counter

    from kakehashi.exchange.exporting import field_statuses

    sound, held = read
    kinds = Counter(obj["type"] for _, obj in sound)
    rows = [
        {"format": one.format, "field": one.field, **one.counts}
        for one in field_statuses(obj for _, obj in sound)
    ]
    aside = [{"file": name, "reasons": reasons} for name, _, reasons in held]
    if as_json:
        print_json({"objects": dict(kinds), "fields": rows, "quarantine": aside})
        return 10 if held else 0
    click.echo(f"nothing was taken in; it would be: {', '.join(f'{n} {kind}' for kind, n in kinds.items())}")
    if rows:
        print_table(rows, ["format", "field", "direct", "partial", "approximate", "unmapped"])
    for row in aside[:20]:
        click.echo(f"{row['file']}: {'; '.join(row['reasons'])}", err=True)
    return 10 if held else 0


@click.command()
@click.argument("object_ids", nargs=-1, metavar="ID…")
@click.option("--as", "name", required=True, help="Format: aiid, atlas, avid, csaf, misp, oecd, oecd-csv.")
@click.option("--type", "kinds", multiple=True, help="All objects of this type instead of ids.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.")
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def export(
    object_ids: tuple[str, ...],
    name: str,
    kinds: tuple[str, ...],
    out: Path | None,
    collection: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Write records in a format of others, and say what became of each field.

    What was imported from that format comes back byte for byte. The document goes to standard output without --out,
    the table of fields to standard error.

    Example: kakehashi exchange export vulnerability--6ba7b810-9dad-41d1-80b4-00c04fd430c8 --as csaf --out advisory.json
    """
    from kakehashi.errors import UsageError
    from kakehashi.exchange.exporting import export as write

    if bool(object_ids) == bool(kinds):
        raise UsageError("give ids, or --type", hint="See: kakehashi exchange list")
    made = write(node_of(workspace), object_ids, name, types=kinds, collection=collection)
    if out is not None:
        out.write_bytes(made.data)
    rows = [{"field": field, "status": status} for field, status in made.fields.items()]
    if as_json:
        text = None if out is not None else made.data.decode()
        facts = {
            "format": name,
            "bytes": len(made.data),
            "fields": dict(made.fields),
            "licence": made.licence,
        }
        print_json(facts | ({"document": text} if text is not None else {"out": str(out)}))
        return
    if out is None:
        sys.stdout.buffer.write(made.data)
        sys.stdout.flush()
        for row in rows:
            click.echo(f"{row['field']}: {row['status']}", err=True)
    else:
        print_table(rows, ["field", "status"])
    if made.licence:
        click.echo(f"licence: {made.licence}", err=True)


@click.command()
@click.argument("text", type=_TEXT, metavar="FILE|-")
@click.option("--threshold", type=Number(0, 1), help="Least similarity; see docs/exchange.md.")
@click.option("--as", "member", help="As this member would see it; the owner unless said.")
@click.option("--collection", default="findings", show_default=True, help="Id or alias.")
@workspace_option
@json_option
def known(
    text: Path, threshold: float | None, member: str | None, collection: str, workspace: Path, as_json: bool
) -> None:
    """Say whether an attack prompt is known: near-duplicates among the attack-patterns with a sketch.

    The prompt is compared here and stored nowhere. Disguises are taken away first: width, case, homoglyphs, invisible
    characters, leet, spacing, base64, hexadecimal, percent-encoding, ROT13.

    Example: kakehashi exchange known prompt.txt
    """
    from kakehashi.exchange.known import THRESHOLD, known_patterns, search

    node = node_of(workspace)
    who = node.member(member) if member else node.me()
    least = THRESHOLD if threshold is None else threshold
    prompt = read_prompt(text)
    matches = search(node, prompt, who=who, collection=collection, threshold=least)
    looked = len(known_patterns(node, who, collection))
    rows = [
        {"id": one.id, "name": one.name, "similarity": one.similarity, "ask": one.creator} for one in matches
    ]
    if as_json:
        verdict = "known" if matches else "unknown"
        print_json({"verdict": verdict, "threshold": least, "compared": looked, "matches": rows})
        return
    if rows:
        print_table(rows, ["id", "name", "similarity", "ask"])
    click.echo(f"{'known' if rows else 'unknown'}: {len(rows)} of {looked} sketches at {least:g} or nearer")


def read_prompt(path: Path) -> str:
    """A prompt from a file or standard input; the line break at its end is none of it."""
    from kakehashi.errors import InputError

    data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    try:
        return data.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text", path=path) from error


FORMAT_COMMANDS = (export, known)
