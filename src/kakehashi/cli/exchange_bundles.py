"""``kakehashi exchange bundle``: what a partner may see, in one file."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.options import json_option, plain, print_json, workspace_option

if TYPE_CHECKING:
    from kakehashi.exchange.bundles import Applied

_KINDS = click.Choice(["alerts", "recalls", "views", "full"])


def _size(_: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A number of bytes: ``200k``, ``5m`` or plain."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,12})([kKmM]?)", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a size such as 200k or 5m", param=param)
    return int(found[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[found[2].lower()]


_FILES = click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE…"
)


@click.group()
def bundle() -> None:
    """Offline bundles: one file, encrypted and signed, with proof that it stands in the log."""


@bundle.command()
@click.option("--to", required=True, help="The partner that it is for; its rights as a member decide.")
@click.option(
    "--since",
    type=click.IntRange(min=0),
    help="Behind which line of the log; where its last answer stands unless said.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Where to; a name is made unless said."
)
@click.option(
    "--split",
    callback=_size,
    metavar="SIZE",
    help="Write parts of at most this size, such as 5m, as text for e-mail.",
)
@click.option("--only", multiple=True, type=_KINDS, help="Only these, for a thin line; may be given again.")
@click.option(
    "--limit",
    callback=_size,
    metavar="SIZE",
    help="At most this size: alerts first, then recalls, views, full records.",
)
@click.option("--id", "ids", multiple=True, help="Only this record, with its markings.")
@workspace_option
@json_option
def make(
    to: str,
    since: int | None,
    out: Path | None,
    split: int | None,
    only: tuple[str, ...],
    limit: int | None,
    ids: tuple[str, ...],
    workspace: Path,
    as_json: bool,
) -> None:
    """Write what a partner may see into one file, encrypted to it and signed.

    Example: kakehashi exchange bundle make --to "Institute B" --split 5m
    """
    from kakehashi.exchange.bundles import make_bundle
    from kakehashi.exchange.bundles import split as cut
    from kakehashi.ledger.files import write_whole

    made = make_bundle(node_of(workspace), to, since=since, only=only, limit=limit, ids=ids)
    place = out or Path(f"{_slug(to)}-{made.first}-{made.last}.bundle")
    if split is None:
        written = {place: made.data}
    else:
        parts = cut(made.data, split)
        width = len(str(len(parts)))
        written = {
            place.with_name(f"{place.name}.part-{n:0{width}}-of-{len(parts)}.txt"): part
            for n, part in enumerate(parts, 1)
        }
    for path, data in written.items():
        write_whole(path, data)
    facts = {"first": made.first, "last": made.last, "records": made.entries, "left_out": made.left}
    if as_json:
        print_json(
            {**facts, "sha256": made.sha256, "bytes": len(made.data), "files": [str(p) for p in written]}
        )
        return
    click.echo(
        f"{made.entries} records behind line {made.first} up to line {made.last}, {made.left} left out, "
        f"{len(made.data)} bytes"
    )
    for path in written:
        click.echo(str(path))


@bundle.command()
@_FILES
@workspace_option
@json_option
def show(files: tuple[Path, ...], workspace: Path, as_json: bool) -> None:
    """Open bundles that are for this node and say what is in them; nothing is taken in.

    Example: kakehashi exchange bundle show Institute-B-0-120.bundle
    """
    from kakehashi.exchange.bundles import open_bundle, read_files, stands_of

    node = node_of(workspace)
    rows: list[dict[str, Any]] = []
    for data in read_files(files):
        found = open_bundle(node, data)
        rows.append(
            {
                "maker": found.maker.name,
                "made": found.head.made,
                "first": found.first,
                "last": found.last,
                "left_out": found.left,
                "stands": stands_of(node, found.maker)[0],
                "records": [
                    {"line": line, "type": obj.get("type"), "id": obj.get("id"), "name": obj.get("name")}
                    for line, obj in zip(found.lines, found.objects, strict=True)
                ],
            }
        )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            f"from {row['maker']}, made {row['made']}: behind line {row['first']} up to line {row['last']}, "
            f"{row['left_out']} left out; here everything up to line {row['stands']}"
        )
        for one in row["records"]:
            click.echo(f"{one['line']}\t{one['id']}\t{one['name'] or ''}")


@bundle.command()
@_FILES
@click.option("--collection", default="findings", show_default=True, help="Ours: id or alias.")
@workspace_option
@json_option
def apply(files: tuple[Path, ...], collection: str, workspace: Path, as_json: bool) -> int:
    """Take in bundles, or their parts in any order: all of a bundle or nothing; again changes nothing.

    Signature, hashes, proofs, keys and policy are checked first. The exit code is 10 where lines are missing before
    it, or records were not taken in.

    Example: kakehashi exchange bundle apply Institute-B-0-120.bundle.part-*.txt
    """
    from kakehashi.exchange.bundles import apply_bundle, open_bundle, read_files

    node = node_of(workspace)
    opened = [open_bundle(node, data) for data in read_files(files)]
    opened.sort(key=lambda one: (one.maker.identity, one.last))
    done = [apply_bundle(node, one, collection=collection) for one in opened]
    if as_json:
        print_json([plain(one) for one in done])
    else:
        for one in done:
            _tell(one)
    return 10 if any(one.failures or one.gap for one in done) else 0


def _tell(one: "Applied") -> None:
    if one.again:
        click.echo(f"from {one.maker}: applied before; nothing changed")
        return
    click.echo(
        f"from {one.maker}: {one.came} records, {one.new} new, {len(one.failures)} not taken; "
        f"everything up to line {one.stands} is here"
    )
    if one.gap is not None:
        click.echo(
            f"lines {one.gap[0]} to {one.gap[1]} are missing: send an answer, and the next bundle brings them",
            err=True,
        )
    if one.left:
        click.echo(
            f"{one.left} records were left out by its maker; send an answer, and the next bundle brings them"
        )
    for ref in one.recalls:
        click.echo(f"recalled by its creator: {ref}; withdraw it here too: kakehashi exchange recall {ref}")
    for ref, reason in list(one.failures.items())[:20]:
        click.echo(f"{ref}: {reason}", err=True)


@bundle.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False), metavar="[FILE]…")
@click.option("--to", help="Answer this partner, instead of the maker of the bundle in FILE.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the answer goes; a name is made unless said.",
)
@workspace_option
@json_option
def ack(files: tuple[Path, ...], to: str | None, out: Path | None, workspace: Path, as_json: bool) -> None:
    """Answer the maker of a bundle, or take in a partner's answer.

    FILE is a bundle (or all its parts) that was applied here: a small signed file is written that says up to where
    everything is here, and cosigns the maker's log. FILE is such an answer: the next bundle begins where it stands.

    Example: kakehashi exchange bundle ack --to "Institute A"
    """
    from kakehashi.errors import InputError, UsageError
    from kakehashi.exchange.bundles import is_ack, make_ack, read_files, take_ack
    from kakehashi.exchange.bundles.file import read_head
    from kakehashi.exchange.partners import partner_of
    from kakehashi.ledger.files import write_whole

    node = node_of(workspace)
    if len(files) == 1 and files[0].is_file() and is_ack(data := files[0].read_bytes()):
        said = take_ack(node, data)
        print_json(plain(said)) if as_json else click.echo(
            f"{said.partner} has everything up to line {said.stands}; the next bundle begins there"
        )
        return
    makers = (
        {partner_of(node, to).identity} if to else {read_head(data)[0].maker for data in read_files(files)}
    )
    if not makers:
        raise UsageError("answer to what?", hint="Give the bundle, or --to PARTNER.")
    if len(makers) > 1:
        raise InputError("these bundles are of several makers", hint="Answer one at a time: --to PARTNER")
    maker = partner_of(node, makers.pop())
    place = out or Path(f"{_slug(maker.name)}.ack")
    write_whole(place, make_ack(node, maker.identity))
    print_json({"file": str(place)}) if as_json else click.echo(f"answer to {maker.name}: {place}")


def _slug(name: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^\w]+", "-", name).strip("-") or "partner"
