"""``kakehashi kit``: everything that a machine without a network needs, on one stick."""

from pathlib import Path

import click

from kakehashi.cli.options import json_option, plain, print_json, print_table, workspace_option


@click.group()
def kit() -> None:
    """Make, check and install a kit for machines without a network."""


@kit.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--extra", default="all", show_default=True, help="Extras of kakehashi, with commas.")
@click.option("--model", "models", multiple=True, help="Embedded model to take along; smollm2 by default.")
@click.option("--no-model", is_flag=True, help="Take no model along.")
@click.option(
    "--source",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Checkout to build from; the one this program runs from by default.",
)
@click.option(
    "--wheels",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of wheels to take instead of the registry's (such as `make wheels` gathers).",
)
@workspace_option
@json_option
def make(
    folder: Path,
    extra: str,
    models: tuple[str, ...],
    no_model: bool,
    source: Path | None,
    wheels: Path | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """Gather wheels, model, the workspace's data, documentation and checksums into FOLDER; stopped, it goes on.

    The kit is for machines with the same Python and processor as this one.

    Example: kakehashi kit make /media/stick/kakehashi-kit
    """
    from kakehashi.work.kit import make_kit

    made = make_kit(
        folder,
        source=source,
        extras=extra,
        models=() if no_model else models or ("smollm2",),
        wheels=wheels,
        workspace=workspace,
        say=lambda text: click.echo(text, err=True),
    )
    if as_json:
        print_json({**plain(made), "total": made.total})
        return
    rows = [
        {"part": part, "files": made.files[part], "MB": f"{made.bytes[part] / 1e6:.1f}"}
        for part in made.files
    ]
    print_table(
        [*rows, {"part": "total", "files": sum(made.files.values()), "MB": f"{made.total / 1e6:.1f}"}],
        ["part", "files", "MB"],
    )
    for note in made.notes:
        click.echo(note)
    click.echo(f"there: python3 {folder / 'install.py'} --to ENVIRONMENT, or kakehashi kit install {folder}")


@kit.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@json_option
def verify(folder: Path, as_json: bool) -> None:
    """Hold every file of the kit in FOLDER against its checksum.

    This finds damage. Against a kit that somebody changed with its list, compare the hash of SHA256SUMS over another
    channel.

    Example: kakehashi kit verify /media/stick/kakehashi-kit
    """
    from kakehashi.work.kit import verify_kit
    from kakehashi.work.kit_bootstrap import SUMS, sha256_of

    count = verify_kit(folder)
    digest = sha256_of(folder / SUMS)
    if as_json:
        print_json({"files": count, "sha256sums": digest})
    else:
        click.echo(f"{count} files as they were made; SHA-256 of {SUMS}: {digest}")


@kit.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the new environment.",
)
@workspace_option
@json_option
def install(folder: Path, target: Path, workspace: Path, as_json: bool) -> None:
    """Check the kit in FOLDER and install it into an environment of its own, without a network.

    Example: kakehashi kit install /media/stick/kakehashi-kit --to ~/kakehashi
    """
    from kakehashi.work.kit import install_kit

    done = install_kit(folder, target, workspace, say=lambda text: click.echo(text, err=True))
    if as_json:
        print_json(done)
    else:
        click.echo(f"installed: {done['command']}")
        click.echo(f"workspace: {done['workspace']}")
