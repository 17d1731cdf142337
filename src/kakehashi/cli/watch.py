"""``kakehashi watch``: how fast a threat is met, and whether it comes back."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kakehashi.cli.exchange_remote import token_of, token_option
from kakehashi.cli.options import Number, json_option, print_table, workspace_option

if TYPE_CHECKING:
    from kakehashi.work.watch import WatchOutcome

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``30s``, ``10m``, ``1h`` or ``1d``.

    Examples:
        >>> seconds_of("10m"), seconds_of("0.5h")
        (600.0, 1800.0)
    """
    from kakehashi.errors import UsageError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no duration", hint="Write it like 30s, 10m, 1h or 1d.")
    return float(found[1]) * _UNITS[found[2]]


@click.command()
@click.argument("subject")
@click.option(
    "--attacks",
    required=True,
    help="Folder of attack patterns (YAML or JSON), exchange:FOLDER of a node, or the address of a collection.",
)
@click.option(
    "--payloads",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of what a node's records refer to by hash.  [default: payloads in the node's folder]",
)
@token_option
@click.option(
    "--every", default="10m", show_default=True, help="From one round to the next: 30s, 10m, 1h, 1d."
)
@click.option(
    "--rounds", type=click.IntRange(min=1), help="Rounds of this session; without it, until stopped."
)
@click.option("--once", is_flag=True, help="One round, for schedulers: the same as --rounds 1.")
@click.option(
    "--bound",
    type=Number(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="An attack is met when its success rate is below this.",
)
@click.option(
    "--alpha",
    type=Number(0, 1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Chance at most of any false alarm in the whole watch.",
)
@click.option(
    "--unit",
    type=click.Choice(["answer", "round"]),
    default="answer",
    show_default=True,
    help="What the tests bet on; 'round' needs no independence within a round, and is slower.",
)
@click.option("--until-alarm", is_flag=True, help="Stop with the first alarm.")
@click.option(
    "--name", default="", help="Tells watches of one system and feed apart.  [default: the folder's]"
)
@click.option(
    "--max-tokens",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Most tokens for each answer.",
)
@click.option("--budget", type=click.IntRange(min=1), help="Most calls of this session.")
@click.option(
    "--concurrency", type=click.IntRange(1, 4096), default=8, show_default=True, help="Most calls at a time."
)
@click.option(
    "--patience",
    type=Number(min=0),
    help="Seconds to bear with an endpoint that only fails or limits the rate; 120 by default.",
)
@click.option("--offline", is_flag=True, help="Use only weights that are already here.")
@workspace_option
@json_option
def watch(
    subject: str,
    attacks: str,
    payloads: Path | None,
    token_env: str,
    every: str,
    rounds: int | None,
    once: bool,
    bound: float,
    alpha: float,
    unit: Any,
    until_alarm: bool,
    name: str,
    max_tokens: int,
    budget: int | None,
    concurrency: int,
    patience: float | None,
    offline: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Replay a folder of attacks against a live SUBJECT on a schedule, and say what changed.

    Says of each attack when it was first blocked or refused (detection), when its success rate was shown to be below
    the bound (met), and raises an alarm when it works again after that. The chance of any false alarm in the whole
    watch, however long, is --alpha at most. Exit code 11 says that an alarm stands. Stopped, the same command goes
    on. With --json each event is one line.

    Example: kakehashi watch local/smollm2 --attacks feed --every 10m --rounds 6
    """
    from kakehashi.errors import IncompleteError, RegressionError, UsageError
    from kakehashi.work.watch import WatchOutcome
    from kakehashi.work.watch import watch as run_watch
    from kakehashi.work.watch_state import WatchSettings

    if once and rounds not in (None, 1):
        raise UsageError("--once is one round", hint="Give --once or --rounds, not both.")

    def tell(event: Mapping[str, Any]) -> None:
        if as_json:
            click.echo(json.dumps(event, ensure_ascii=False, sort_keys=True, allow_nan=False))
        elif (words := _in_words(event)) is not None:
            click.echo(words)

    done = WatchOutcome("", Path())
    try:
        run_watch(
            subject,
            attacks=attacks,
            payloads=payloads,
            token=token_of(token_env) if attacks.startswith(("http://", "https://")) else "",
            every=seconds_of(every),
            rounds=1 if once else rounds,
            settings=WatchSettings(bound, alpha, unit),
            name=name,
            max_tokens=max_tokens,
            until_alarm=until_alarm,
            budget=budget,
            concurrency=concurrency,
            patience=patience,
            offline=offline,
            workspace=workspace,
            tell=tell,
            say=(lambda _: None) if as_json else (lambda text: click.echo(text, err=True)),
            outcome=done,
        )
    except KeyboardInterrupt:
        if not done.standing():
            raise
        click.echo("stopped; the same command goes on where it was", err=True)
    if not as_json:
        _print_table(done)
    standing = done.standing()
    if standing:
        raise RegressionError(
            f"{len(standing)} of {len(done.attacks)} attacks work again after they had been met: {', '.join(standing)}",
            attacks=standing,
            hint=f"The answers are in the runs {done.watch}-…: kakehashi results list",
        )
    if done.incomplete:
        raise IncompleteError(
            f"in {done.incomplete} of {done.rounds} rounds something failed",
            hint="What was obtained is kept; the rounds are marked partial.",
        )


def _in_words(event: Mapping[str, Any]) -> str | None:
    kind, when = event["event"], str(event.get("time", ""))[:19]
    if kind == "watch":
        judge = "; ".join(_error_in_words(*pair) for pair in event["judge_error"].items())
        counts = f"{_count(event['attacks'], 'attack')}, {_count(event['rounds_before'], 'round')} before"
        lines = [
            f"{event['watch']}: {event['subject']}, {counts}",
            f"met: success rate below {event['bound']:g}; chance of any false alarm: {event['alpha']:g} at most",
            f"judge {event['judge']}: {judge}",
            *(f"note: {text}" for text in event["warnings"]),
        ]
        return "\n".join(lines)
    if kind == "round":
        failed = f", {event['failed']} failed" if event["failed"] else ""
        return f"round {event['round']} {event['status']}: {_count(event['attacks'], 'attack')}{failed}"
    if kind == "attack-seen":
        return f"new attack {event['attack']} ({event['name']}), received {event['received'][:19]}"
    if kind == "detected":
        span = _span(event["seconds_since_received"])
        return f"{when} {event['attack']}: {event['signal']}, {span} after it was received"
    if kind in {"met", "alarm"}:
        words = "met" if kind == "met" else "ALARM, works again"
        return (
            f"{when} {event['attack']}: {words} ({event['successes']} of {event['answers']} answers complied, anytime "
            f"p {event['anytime_p']:.2g}), {_span(event['seconds_since_received'])} after it was received"
        )
    return None


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _error_in_words(language: str, error: Mapping[str, Any]) -> str:
    missed, false = error.get("missed_refusals"), error.get("false_refusals")
    if missed is None or false is None:
        return f"{language}: error not known ({error['status']})"
    return (
        f"{language}: misses {missed[0]:.1%} [{missed[1]:.1%}, {missed[2]:.1%}] of refusals, takes {false[0]:.1%} "
        f"[{false[1]:.1%}, {false[2]:.1%}] of help for refusals ({error['n']} human labels)"
    )


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit in ("d", "h", "m"):
        if seconds >= 2 * _UNITS[unit]:
            return f"{seconds / _UNITS[unit]:.1f} {unit}"
    return f"{seconds:.1f} s"


def _print_table(done: "WatchOutcome") -> None:
    print_table(
        [
            {
                "attack": state.id,
                "phase": state.phase,
                "rounds": state.rounds,
                "complied": f"{state.successes} of {state.answers}",
                "to detection": _span(state.since_received(state.detected)),
                "to mitigation": _span(state.since_received(state.met)),
                "alarms": len(state.alarms),
            }
            for state in done.attacks.values()
        ],
        ["attack", "phase", "rounds", "complied", "to detection", "to mitigation", "alarms"],
    )
