"""``kakehashi exercise``: joint exercises between institutes, by files alone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kakehashi.cli.options import (
    Number,
    json_option,
    judge_options,
    language_option,
    print_json,
    print_table,
    workspace_option,
)

if TYPE_CHECKING:
    from kakehashi.report.document import Piece
    from kakehashi.report.voice import Voice
    from kakehashi.work.exercise_combine import Combined

F = TypeVar("F", bound=Callable[..., Any])


def _protocol_argument(function: F) -> F:
    return click.argument("protocol", type=click.Path(path_type=Path))(function)


def _key_option(function: F) -> F:
    return click.option(
        "--key", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Your signing key."
    )(function)


def _out_option(function: F) -> F:
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder to write to; the protocol's by default.",
    )(function)


@click.group()
def exercise() -> None:
    """Run a joint exercise between institutes: one signed protocol, each on its own machine, combined by files."""


@exercise.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File of the key; NAME.key by default."
)
@json_option
def key(name: str, out: Path | None, as_json: bool) -> None:
    """Make a signing key for NAME, and its public half beside it.

    Compare the public text with the others over another channel, for instance by telephone: that is what shows whose
    key it is.

    Example: kakehashi exercise key alpha --out alpha.key
    """
    from kakehashi.work.signed import make_key

    path = out or Path(f"{name}.key")
    public = make_key(path, name)
    if as_json:
        print_json({"key": str(path), "public": str(public)})
    else:
        click.echo(f"wrote {path} (keep it) and {path.with_suffix('.pub')} (send it)")
        click.echo(str(public))


@exercise.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("subjects", nargs=-1, required=True)
@_key_option
@click.option("--title", required=True, help="What the exercise is called.")
@click.option(
    "--profile", type=click.Choice(["quick", "standard", "full"]), default="quick", show_default=True
)
@click.option("--method", "methods", multiple=True, help="A method; give it again for more.")
@language_option
@click.option(
    "--limit", type=click.IntRange(min=1), help="Pairs, questions or cells of each method and language."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice of items.")
@judge_options
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, help="Answers to each item."
)
@click.option("--alone", is_flag=True, help="Run these methods alone, as for assess.")
@click.option("--mirror", help="A folder or address with the data of published methods.")
@click.option("--human-labels", default="", help="Who labels what, in words.")
@click.option("--embargo", default="", help="Date until which results are not combined.")
@click.option("--deadline", default="", help="Date until which results are taken.")
@click.option("--margin", type=Number(0, 1, min_open=True, max_open=True), default=0.1, show_default=True)
@click.option(
    "--site", "sites", type=click.Path(path_type=Path), multiple=True, help="Public key of who may take part."
)
@workspace_option
@json_option
def init(
    folder: Path,
    subjects: tuple[str, ...],
    key: Path,
    language: str,
    sites: tuple[Path, ...],
    workspace: Path,
    as_json: bool,
    **words: Any,
) -> None:
    """Write the signed protocol of an exercise into FOLDER; SUBJECTS and words are those of assess.

    Several --judge are several judges that each read all answers, not a panel.

    Example: kakehashi exercise init july local/smollm2 --key alpha.key --title "July round" --method core
    """
    from kakehashi.cli.assess import languages_of
    from kakehashi.work.exercise import init_exercise, plain_protocol
    from kakehashi.work.signed import read_key, read_verifier

    made = init_exercise(
        folder,
        subjects,
        read_key(key),
        languages=languages_of(language),
        sites=[read_verifier(path) for path in sites],
        workspace=workspace,
        say=lambda text: click.echo(text, err=True),
        **words,
    )
    if as_json:
        print_json(made.shown())
    else:
        click.echo(plain_protocol(made))
        click.echo(f"wrote {made.signed.path}")


@exercise.command()
@_protocol_argument
@_key_option
@click.option(
    "--private",
    multiple=True,
    help="A method of your own whose items only you see; the others get a commitment to them.",
)
@_out_option
@workspace_option
@json_option
def join(
    protocol: Path, key: Path, private: tuple[str, ...], out: Path | None, workspace: Path, as_json: bool
) -> None:
    """Take part in the exercise of PROTOCOL: check its signature, sign its hash, commit to private items.

    Example: kakehashi exercise join july/protocol.json --key beta.key
    """
    from kakehashi.work.exercise import join_exercise, plain_protocol, read_protocol
    from kakehashi.work.signed import read_key

    read = read_protocol(protocol)
    joined = join_exercise(
        read, read_key(key), out or read.signed.path.parent, private=private, workspace=workspace
    )
    if as_json:
        print_json({"protocol": read.shown(), "join": dict(joined.body), "path": str(joined.path)})
        return
    click.echo(plain_protocol(read))
    for one in joined.body["private"]:
        click.echo(f"committed to {one['items']} private items of {one['method']}: root {one['root']}")
    click.echo(f"wrote {joined.path}")


@exercise.command()
@_protocol_argument
@_key_option
@click.option(
    "--at", multiple=True, metavar="NAME=SUBJECT", help="Where the system NAME is reached from here."
)
@click.option(
    "--judge",
    "judges",
    multiple=True,
    help="The protocol's judges in its order, where they are reached elsewhere from here.",
)
@click.option("--phrases", type=click.Path(path_type=Path), multiple=True, help="Phrase lists of the judges.")
@click.option(
    "--calibration",
    "calibrations",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Calibrations of the judges.",
)
@click.option("--allow-code", is_flag=True, help="Run code that a system writes, in a sandbox.")
@click.option("--mirror", help="Folder or address from which data of published methods are taken first.")
@click.option("--budget", type=click.IntRange(min=1), help="Most calls of each run in this session.")
@click.option("--concurrency", type=click.IntRange(1, 4096), default=32, show_default=True)
@click.option("--patience", type=Number(min=0), help="Seconds to bear with a failing endpoint.")
@click.option("--offline", is_flag=True, help="Use only weights that are already here.")
@workspace_option
@json_option
def run(protocol: Path, key: Path, as_json: bool, **words: Any) -> None:
    """Run on this machine what PROTOCOL says; the same command goes on where it was stopped.

    A method, revision, judge or selection that is not the same here is refused; other settings that differ are named.

    Example: kakehashi exercise run july/protocol.json --key beta.key --at tiny=http://127.0.0.1:8000/v1#tiny
    """
    from kakehashi.cli.progress import show_progress
    from kakehashi.work.exercise import read_protocol, run_exercise
    from kakehashi.work.signed import read_key

    with show_progress("exercise") as progress:
        runs = run_exercise(
            read_protocol(protocol),
            read_key(key),
            progress=progress,
            say=lambda text: click.echo(text, err=True),
            **words,
        )
    if as_json:
        print_json({"runs": runs})
    else:
        click.echo(f"finished: {', '.join(runs)}")


@exercise.command()
@_protocol_argument
@_key_option
@click.option("--early", is_flag=True, help="Agree that results are combined before the embargo ends.")
@_out_option
@workspace_option
@json_option
def submit(protocol: Path, key: Path, early: bool, out: Path | None, workspace: Path, as_json: bool) -> None:
    """Sign the results of your runs and write them for the others, without texts; once.

    Example: kakehashi exercise submit july/protocol.json --key beta.key --out to-send
    """
    from kakehashi.work.exercise import read_protocol
    from kakehashi.work.exercise_submit import submit_exercise
    from kakehashi.work.signed import read_key

    read = read_protocol(protocol)
    made = submit_exercise(
        read, read_key(key), out or read.signed.path.parent, early=early, workspace=workspace
    )
    if as_json:
        print_json({"path": str(made.path), "sha256": made.digest, "submitted": made.body["submitted"]})
        return
    click.echo(f"wrote {made.path}")
    click.echo(f"submission sha256 {made.digest} (tell it to the others at once; the file may follow)")


@exercise.command("open")
@_protocol_argument
@_key_option
@click.option("--item", "items", multiple=True, help="Show this item alone; give it again for more.")
@_out_option
@workspace_option
@json_option
def open_(
    protocol: Path, key: Path, items: tuple[str, ...], out: Path | None, workspace: Path, as_json: bool
) -> None:
    """Show your private items (with their texts) so that others can check them against your commitment.

    Combine checks every opening that lies in the folder.

    Example: kakehashi exercise open july/protocol.json --key beta.key
    """
    from kakehashi.work.exercise import read_protocol
    from kakehashi.work.exercise_submit import open_holdouts
    from kakehashi.work.signed import read_key

    read = read_protocol(protocol)
    made = open_holdouts(
        read, read_key(key), out or read.signed.path.parent, items=items, workspace=workspace
    )
    count = sum(len(one["opened"]) for one in made.body["private"])
    if as_json:
        print_json({"path": str(made.path), "opened": count})
    else:
        click.echo(f"wrote {made.path}: {count} items with their texts")


@exercise.command()
@_protocol_argument
@click.option(
    "--organizer", type=click.Path(path_type=Path), help="Public key that must have signed the protocol."
)
@click.option("--partial", is_flag=True, help="Combine although a site that joined has not submitted.")
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="JSON file to write.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the intervals of variances.")
@json_option
def combine(
    protocol: Path,
    organizer: Path | None,
    partial: bool,
    lang: str,
    out: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Check all that lies beside PROTOCOL; say what replicated between sites, and where differences come from.

    Signatures, protocol, embargo, deadline and what was received before are checked first; nothing is combined with a
    file that does not fit.

    Example: kakehashi exercise combine july/protocol.json --lang ja --out july/combined.json
    """
    from kakehashi.errors import VerificationError
    from kakehashi.work.exercise import read_protocol
    from kakehashi.work.exercise_combine import combine_exercise
    from kakehashi.work.signed import read_verifier

    read = read_protocol(protocol)
    if organizer is not None and read.signed.key != read_verifier(organizer):
        raise VerificationError(
            f"{read.signed.path}: signed by {read.signed.key}, not by the organizer's key",
            hint="Ask the organizer for the protocol again.",
        )
    found = combine_exercise(read, read.signed.path.parent, partial=partial, rng=seed)
    if out is not None:
        from kakehashi.ledger.files import write_whole

        write_whole(out, found.to_json().encode())
    if as_json:
        click.echo(found.to_json(), nl=False)
        return
    _print_combined(found, lang)
    if out is not None:
        click.echo(f"wrote {out}", err=True)


def _print_combined(found: "Combined", lang: str) -> None:
    from kakehashi.report.pages import exercise as page
    from kakehashi.report.voice import Voice

    voice = Voice(lang)
    for sentence in page.exercise_sentences(found):
        click.echo(voice.plain(sentence))
    _table(voice, *page.site_table(found))
    for pair in found.pairs:
        click.echo("")
        for sentence in page.pair_sentences(pair):
            click.echo(voice.plain(sentence))
        _table(voice, *page.pair_table(pair))
    click.echo("")
    click.echo(voice.plain(page.ABOUT_VARIANCES))
    _table(voice, *page.variance_table(found))
    if any(site.private for site in found.sites):
        click.echo("")
        click.echo(voice.plain(page.ABOUT_PRIVATE))
        _table(voice, *page.private_table(found))
    for note in found.notes:
        click.echo(note)


def _table(voice: "Voice", heads: "tuple[Piece, ...]", rows: "list[tuple[Piece, ...]]") -> None:
    names = [voice.plain(head) for head in heads]
    print_table([dict(zip(names, (voice.plain(cell) for cell in row), strict=True)) for row in rows], names)
