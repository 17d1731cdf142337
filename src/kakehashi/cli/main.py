"""The command ``kakehashi``: lazy nouns, one place where errors become exit codes."""

import importlib
import json
import signal
import sys
from contextlib import suppress

import click

from kakehashi import __version__
from kakehashi.errors import KakehashiError

#: Noun → (module, attribute, short help). A noun's module is loaded only when the noun is used.
COMMANDS = {
    "assess": ("kakehashi.cli.assess", "assess", "Assess systems by several safety methods."),
    "commitments": (
        "kakehashi.cli.commitments",
        "commitments",
        "Put what governments and companies have adopted side by side.",
    ),
    "compare": (
        "kakehashi.cli.compare",
        "compare",
        "Say how far methods agree, and what each choice of them gives.",
    ),
    "data": ("kakehashi.cli.data", "data", "List, pull and verify upstream data sets."),
    "demo": ("kakehashi.cli.demo", "demo", "Assess three real systems offline and write a report."),
    "doctor": ("kakehashi.cli.doctor", "doctor", "Say what is missing here, and the command that mends it."),
    "exchange": (
        "kakehashi.cli.exchange",
        "exchange",
        "Exchange findings with other institutes.",
    ),
    "exercise": ("kakehashi.cli.exercise", "exercise", "Run a joint exercise between institutes by files."),
    "gate": ("kakehashi.cli.gate", "gate", "Hold a run against the rules of a release."),
    "index": (
        "kakehashi.cli.index",
        "index",
        "Show measures with vintage, source and siblings.",
    ),
    "judge": ("kakehashi.cli.judge", "judge", "Measure a judge against human labels."),
    "kit": ("kakehashi.cli.kit", "kit", "Make, check and install a kit for machines without a network."),
    "methods": ("kakehashi.cli.methods", "methods", "List, show, make and translate methods."),
    "models": ("kakehashi.cli.models", "models", "List, fetch and serve embedded models."),
    "plan": ("kakehashi.cli.plan", "plan", "Say before a run what is meant, and list what was done."),
    "provenance": ("kakehashi.cli.provenance", "provenance", "Look for Content Credentials in media."),
    "report": ("kakehashi.cli.report", "report", "Write reports in English and Japanese."),
    "results": ("kakehashi.cli.results", "results", "Import, list, show, export and verify results."),
    "watch": ("kakehashi.cli.watch", "watch", "Replay attacks on a schedule; say when one works again."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads a command's module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command, or ``None`` where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in sorted(COMMANDS)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and suggest the nearest where the name is unknown."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from kakehashi.errors import UnknownNameError

            raise UnknownNameError("command", args[0], sorted(COMMANDS))
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="kakehashi")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def cli(debug: bool) -> None:
    """Kakehashi (架け橋): evaluate, compare and report AI safety, with uncertainty.

    Everything is a measurement by a method, with source, date and uncertainty, and methods disagree.
    Kakehashi is independent: it speaks for no institute, network or government.

    Begin with: kakehashi demo
    """


def run(arguments: list[str] | None = None) -> None:
    """Entry point: run the command and turn errors into exit codes."""
    words = sys.argv[1:] if arguments is None else arguments
    debug, as_json = "--debug" in words, "--json" in words
    for stream in (sys.stdout, sys.stderr):
        _make_writable(stream, as_json=as_json)
    with suppress(ValueError):  # not in the main thread
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as scripts start what they put behind '&'
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # as gently as Ctrl-C
    try:
        code = cli.main(args=words, prog_name="kakehashi", standalone_mode=False)
        sys.stdout.flush()
    except KakehashiError as error:
        if debug:
            raise
        _say_error(error, as_json=as_json)
        sys.exit(error.exit_code)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("stopped; the same command goes on where it was", err=True)
        sys.exit(130)
    except click.ClickException as error:
        if as_json:
            _say_error(_usage_error(error), as_json=True)
        else:
            error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _drop_output()
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        _say_error(_storage_error(error), as_json=as_json)
        sys.exit(5)
    except Exception as error:
        if debug:
            raise
        _say_error(_defect(error), as_json=as_json)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _make_writable(stream: object, *, as_json: bool) -> None:
    """Let a stream take every character, whatever the locale is: names of files may be no UTF-8 at all.

    JSON is UTF-8 everywhere, and so is what a locale of bare ASCII (LANG=C) gets; other encodings get escapes for
    what they lack.
    """
    import io

    if not isinstance(stream, io.TextIOWrapper):
        return
    encoding = stream.encoding.lower().replace("_", "-")
    if as_json or encoding in {"utf-8", "utf8", "ascii", "us-ascii", "ansi-x3.4-1968"}:
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")
    else:
        stream.reconfigure(errors="backslashreplace")


def _usage_error(error: click.ClickException) -> KakehashiError:
    from kakehashi.errors import UsageError

    return UsageError(error.format_message(), hint="Add --help to the command to see how it is used.")


def _storage_error(error: OSError) -> KakehashiError:
    import errno

    from kakehashi.errors import DiskFullError, StorageError

    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return DiskFullError("no space left", path=error.filename, hint="Free some space and run it again.")
    return StorageError(error.strerror or str(error), path=error.filename)


def _defect(error: Exception) -> KakehashiError:
    return KakehashiError(
        f"a defect of kakehashi, not of your call: {type(error).__name__}: {error}",
        hint="Run it again as 'kakehashi --debug …' and report what it prints; what was obtained is kept.",
    )


def _drop_output() -> None:
    """Send what is left of standard output nowhere; else Python complains of it once more when it ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_error(error: KakehashiError, *, as_json: bool) -> None:
    if as_json:
        text = json.dumps(error.facts(), ensure_ascii=False, sort_keys=True)
        try:
            click.echo(text)
            sys.stdout.flush()
        except OSError:  # standard output itself may be what is full
            _drop_output()
            click.echo(text, err=True)
        return
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
    click.secho(f"error: {error.message}", fg="red", err=True)
    if error.hint:
        click.echo(error.hint, err=True)


if __name__ == "__main__":
    run()
