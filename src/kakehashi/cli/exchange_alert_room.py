"""What becomes of alerts, in ``kakehashi exchange``: standing alerts, timeline, escalation, delegates."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from kakehashi.cli.exchange_alerts import node_of
from kakehashi.cli.options import Span, json_option, print_json, print_table, workspace_option

_LANG = click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True)
_COLUMNS = ("level", "state", "deadline", "checked", "id", "text")


@click.command()
@click.argument("alert_id", required=False)
@click.option("--no-receipt", is_flag=True, help="Do not tell the sender that it was opened.")
@_LANG
@workspace_option
@json_option
def alerts(alert_id: str | None, no_receipt: bool, lang: str, workspace: Path, as_json: bool) -> None:
    """List the alerts here, those that wait for your answer first; or open one.

    The officers' signatures are held to the keys that you pinned (exchange officer KEY --of NAME). Opening one makes a
    signed receipt for its sender, which the next push sends.

    Example: kakehashi exchange alerts note--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    from kakehashi.errors import UnknownNameError
    from kakehashi.exchange.alerts import OPENED, acknowledge
    from kakehashi.exchange.timeline import standing_alerts
    from kakehashi.report.voice import messages

    node, words = node_of(workspace), messages(lang)
    found = standing_alerts(node)
    if alert_id is not None:
        found = tuple(one for one in found if one.record["id"] == alert_id)
        if not found:
            raise UnknownNameError("alert", alert_id, hint="See: kakehashi exchange alerts")
        if found[0].asked and not found[0].answer and not no_receipt:
            acknowledge(node, alert_id, OPENED)
    if as_json:
        rows: list[dict[str, object]] = [
            {
                "id": one.record["id"],
                "level": one.level,
                "drill": one.drill,
                "deadline": None if one.deadline is None else one.deadline.isoformat(),
                "asked": one.asked,
                "answer": one.answer or None,
                "persons": one.release.persons,
                "persons_needed": one.release.needed,
                "institute_signature": one.release.by_institute,
                "sound": one.release.is_sound,
                "text": one.record["content"],
            }
            for one in found
        ]
        print_json(rows)
        return
    rows = []
    for one in found:
        sound = "alert.checked" if one.release.is_sound else "alert.not-checked"
        state = one.answer or ("waits" if one.asked else "not-asked")
        rows.append(
            {
                "level": words[f"alert.level.{one.level}"] + (words["alert.drill"] if one.drill else ""),
                "state": words[f"alert.state.{state}"],
                "deadline": None if one.deadline is None else f"{one.deadline:%Y-%m-%d %H:%MZ}",
                "checked": words[sound].format(persons=one.release.persons, needed=one.release.needed),
                "id": one.record["id"],
                "text": str(one.record["content"])[: None if alert_id else 60],
            }
        )
    titles = [words[f"alert.column.{name}"] for name in _COLUMNS]
    print_table([{words[f"alert.column.{k}"]: v for k, v in row.items()} for row in rows], titles)


@click.command()
@click.argument("alert_id", required=False)
@_LANG
@workspace_option
@json_option
def timeline(alert_id: str | None, lang: str, workspace: Path, as_json: bool) -> None:
    """Show what became of an alert, in order, and of each recipient; without an id, how fast alerts were answered.

    Drills are marked, and are never counted with real alerts.

    Example: kakehashi exchange timeline note--6ba7b810-9dad-41d1-80b4-00c04fd430c8
    """
    from kakehashi.exchange.escalation import escalate
    from kakehashi.exchange.timeline import AnswerTimes, answer_times
    from kakehashi.exchange.timeline import timeline as look
    from kakehashi.report.voice import messages

    node, words = node_of(workspace), messages(lang)
    escalate(node)
    names = {who: label for who, (label, _) in node.store.members().items()}
    if alert_id is None:
        both: dict[str, AnswerTimes] = {
            "real": answer_times(node),
            "drills": answer_times(node, drills=True),
        }
        facts = [
            {
                "kind": kind,
                "alerts": t.alerts,
                "asked": t.asked,
                "answered": t.answered,
                "median_minutes": _minutes(t.median),
            }
            for kind, t in both.items()
        ]
        print_json(facts) if as_json else print_table(
            facts, ["kind", "alerts", "asked", "answered", "median_minutes"]
        )
        return
    found = look(node, alert_id)
    minutes = _minutes(found.median_to_answer)
    if as_json:
        print_json(
            {
                "alert": found.alert,
                "level": found.level,
                "drill": found.drill,
                "released": found.released.isoformat(),
                "deadline": None if found.deadline is None else found.deadline.isoformat(),
                "median_minutes": minutes,
                "waiting": found.waiting,
                "recipients": [
                    {
                        "recipient": names.get(one.identity, one.identity),
                        "state": one.state,
                        "overdue": one.overdue,
                        **{
                            name: None if (at := getattr(one, name)) is None else at.isoformat()
                            for name in ("queued", "delivered", "opened", "answered")
                        },
                    }
                    for one in found.recipients
                ],
                "steps": [
                    {
                        "at": s.at.isoformat(),
                        "what": s.what,
                        "who": names.get(s.who, s.who),
                        "detail": s.detail,
                    }
                    for s in found.steps
                ],
            }
        )
        return
    if found.drill:
        click.echo(words["alert.is-drill"])
    columns = [words[f"alert.column.{name}"] for name in ("time", "what", "who", "detail")]
    print_table(
        [
            dict(
                zip(
                    columns,
                    (
                        f"{s.at:%Y-%m-%d %H:%M:%SZ}",
                        words[f"alert.step.{s.what}"],
                        names.get(s.who, s.who),
                        s.detail,
                    ),
                    strict=True,
                )
            )
            for s in found.steps
        ],
        columns,
    )
    key = "alert.nobody" if minutes is None else "alert.median"
    click.echo(words[key].format(minutes=f"{minutes or 0:.1f}", waiting=found.waiting))


def _minutes(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds() / 60


@click.command()
@click.option(
    "--level",
    type=click.Choice(["information", "attention", "urgent", "emergency"]),
    help="Level of the alerts.",
)
@click.option("--after", type=Span(in_a_day=24), help="Hours without an answer.")
@click.option("--to", "told", help="The member who is told next.")
@click.option("--for", "recipient", help="Only where this member is silent; any recipient unless said.")
@click.option("--remove", help="Id of a rule to remove.")
@workspace_option
@json_option
def escalation(
    level: str | None,
    after: float | None,
    told: str | None,
    recipient: str | None,
    remove: str | None,
    workspace: Path,
    as_json: bool,
) -> None:
    """List the rules of who is told next where a recipient of an alert does not answer; add one, or remove one.

    Example: kakehashi exchange escalation --level emergency --after 2 --to "Institute B, second contact"
    """
    from kakehashi.errors import UsageError
    from kakehashi.exchange.escalation import add_rule, remove_rule, rules

    node = node_of(workspace)
    if remove is not None:
        remove_rule(node, remove)
    given = (level, after, told)
    if any(word is not None for word in given):
        if level is None or after is None or told is None:
            raise UsageError("a rule needs --level, --after and --to", hint="Give all three.")
        whose = "" if recipient is None else node.member(recipient).identity
        add_rule(node, level, timedelta(hours=after), node.member(told).identity, recipient=whose)
    names = {who: label for who, (label, _) in node.store.members().items()}
    rows = [
        {
            "id": one.id,
            "level": one.level,
            "after_hours": one.after.total_seconds() / 3600,
            "silent": names.get(one.recipient, one.recipient) or "any",
            "told": names.get(one.told, one.told),
        }
        for one in rules(node)
    ]
    print_json(rows) if as_json else print_table(rows, ["id", "level", "after_hours", "silent", "told"])


@click.command()
@click.argument("key")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The signing key of the officer who will be away.",
)
@click.option("--days", type=Span(), required=True, help="For how long.")
@workspace_option
@json_option
def delegate(key: str, key_file: Path, days: float, workspace: Path, as_json: bool) -> None:
    """Let the holder of the verifier key KEY release alerts in place of an officer who will be away.

    The two are one person: an officer and its own delegate do not make two. Who is an officer already cannot stand in.

    Example: kakehashi exchange delegate "deputy+1f2e3d4c+AeR3…" --key-file officer.key --days 14
    """
    from kakehashi.exchange.officers import Delegation, add_delegation
    from kakehashi.proof import SigningKey, VerifierKey

    until = datetime.now(UTC) + timedelta(days=days)
    made = Delegation.make(
        SigningKey.parse(key_file.read_text("utf-8", "replace")), VerifierKey.parse(key), until
    )
    add_delegation(node_of(workspace), made)
    facts = {"delegate": made.delegate.name, "officer": made.officer.name, "until": until.isoformat()}
    print_json(facts) if as_json else click.echo(
        f"{facts['delegate']} acts for {facts['officer']} until {facts['until']}"
    )


ALERT_ROOM_COMMANDS = (alerts, timeline, escalation, delegate)
