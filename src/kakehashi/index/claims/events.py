"""A dated event with what came before and after it, in days; the order of dates, and no word on why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from kakehashi.commitments.lined import Lined, read_lined
from kakehashi.errors import FormatVersionError, InputError
from kakehashi.index.datasets import latest_day

FORMAT = "kakehashi.event/1"
ACTS = ("first-public-evaluation", "policy-act", "alert", "fix")

#: What a ledger adds: a run of one's own is an evaluation, but nobody has published it.
OWN = "own-evaluation"
KINDS = (*ACTS, OWN)

_LEVELS_JA = {"information": "情報", "attention": "注意", "urgent": "至急", "emergency": "緊急"}

Words = dict[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A dated act beside an event.

    Attributes:
        kind: One of :data:`KINDS`.
        date: Its day.
        what: What was done.
        source: Where it is said.
        origin: ``"file"``, ``"ledger"`` or ``"exchange"``.
    """

    kind: str
    date: str
    what: Words
    source: str
    origin: str = "file"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened on a day, and the acts whose dates are known.

    Attributes:
        what: What happened.
        date: Its day.
        source: Where it is said.
        steps: Acts in the order of their days.
    """

    what: Words
    date: str
    source: str
    steps: tuple[Step, ...]

    def days(self, step: Step) -> int:
        """Days from the event to an act; negative before it."""
        return (date.fromisoformat(step.date) - date.fromisoformat(self.date)).days

    def first(self, kind: str) -> Step | None:
        """The earliest act of a kind on or after the day, or ``None``."""
        return next((one for one in self.steps if one.kind == kind and self.days(one) >= 0), None)


def read_event(path: Path, *, today: date | None = None) -> Event:
    """An event of a YAML file.

    Args:
        path: The file: ``format``, ``what`` (en, ja), ``date``, ``source``, ``acts``.
        today: Day that nothing may be later than.

    Raises:
        InputError: It cannot be used: a key that is missing or unknown, a language, a day; with file and line.
        FormatVersionError: It is of a newer format.
    """
    today = today or latest_day()
    data = read_lined(path)
    said = str(data.get("format", ""))
    if said.startswith("kakehashi.event/") and said != FORMAT:
        raise FormatVersionError(said, FORMAT, path=path)
    if said != FORMAT:
        raise InputError(f"'format' must be {FORMAT!r}, not {said!r}", path=path, row=data.line_of("format"))
    _check_keys(data, ("format", "what", "date", "source", "acts"), path)
    acts = data["acts"]
    if not isinstance(acts, list):
        raise InputError("'acts' must be a list", path=path, row=data.line_of("acts"))
    steps = []
    for n, raw in enumerate(acts, start=1):
        if not isinstance(raw, Lined):
            raise InputError(f"act {n} is no mapping", path=path, row=data.line_of("acts"))
        _check_keys(raw, ("kind", "date", "what", "source"), path)
        if raw["kind"] not in ACTS:
            raise InputError(
                f"the kind {raw['kind']!r} is none of {', '.join(ACTS)}",
                path=path,
                row=raw.line_of("kind"),
            )
        steps.append(
            Step(
                raw["kind"],
                _day(raw, today, path),
                _both(raw, path),
                _text(raw, "source", path),
            )
        )
    return Event(_both(data, path), _day(data, today, path), _text(data, "source", path), _sorted(steps))


def with_steps(event: Event, more: Sequence[Step]) -> Event:
    """The event with further acts."""
    return replace(event, steps=_sorted([*event.steps, *more]))


def workspace_steps(workspace: Path) -> list[Step]:
    """Acts that a workspace knows: runs of its ledger, and released alerts of its node that are TLP:CLEAR.

    Drills, alerts whose release cannot be checked, and what is marked above CLEAR are left out: a page is easily
    passed on. Days are those on which the records were made.
    """
    return [*_ledger_steps(workspace / "ledger"), *_exchange_steps(workspace / "exchange")]


def _ledger_steps(path: Path) -> list[Step]:
    if not path.is_dir():
        return []
    from kakehashi.ledger import Ledger

    with Ledger.open(path) as ledger:
        return [
            Step(
                OWN,
                record.text("created")[:10],
                {"en": f"evaluation run {record.text('run')}", "ja": f"評価実行 {record.text('run')}"},
                f"record {record.id[:12]}",
                "ledger",
            )
            for record in ledger.records(kind="run")
            if record.text("created")
        ]


def _exchange_steps(path: Path) -> list[Step]:
    from kakehashi.exchange import Node

    if not Node.is_here(path):
        return []
    from kakehashi.exchange.ids import TLP_IDS
    from kakehashi.exchange.timeline import standing_alerts

    node = Node.open(path)
    try:
        found = standing_alerts(node)
    finally:
        node.store.close()
    return [
        Step(
            "alert",
            str(one.record["created"])[:10],
            {"en": f"alert of level {one.level}", "ja": f"警報（{_LEVELS_JA.get(one.level, one.level)}）"},
            str(one.record["id"]),
            "exchange",
        )
        for one in found
        if one.tlp == "clear"
        and all(ref in TLP_IDS for ref in one.record.get("object_marking_refs", ()))
        and not one.record.get("granular_markings")
        and not one.drill
        and one.release.is_sound
    ]


def _sorted(steps: Sequence[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda one: (one.date, KINDS.index(one.kind), one.source)))


def _check_keys(raw: Lined, names: tuple[str, ...], path: Path) -> None:
    for name in names:
        if name not in raw:
            raise InputError(f"the key {name!r} is missing", path=path, row=raw.line)
    for name in raw:
        if name not in names:
            raise InputError(
                f"the key {name!r} is not known",
                path=path,
                row=raw.line_of(name),
                hint=f"Known: {', '.join(names)}.",
            )


def _both(raw: Lined, path: Path) -> Words:
    found: Any = raw["what"]
    for language in ("en", "ja"):
        if (
            not isinstance(found, dict)
            or not isinstance(found.get(language), str)
            or not found[language].strip()
        ):
            raise InputError(
                f"'what' has no text in {language!r}",
                path=path,
                row=raw.line_of("what"),
                hint="Give en and ja.",
            )
    return {language: found[language].strip() for language in ("en", "ja")}


def _text(raw: Lined, name: str, path: Path) -> str:
    if not isinstance(raw[name], str) or not raw[name].strip():
        raise InputError(f"{name!r} must be a text", path=path, row=raw.line_of(name))
    return str(raw[name]).strip()


def _day(raw: Lined, today: date, path: Path) -> str:
    text, row = str(raw["date"]), raw.line_of("date")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:  # 20250120 and 2025-W04-1 are days to Python
        raise InputError(f"{raw['date']!r} is no day", path=path, row=row, hint="Write it as 2025-01-20.")
    if day > today:
        raise InputError(f"{day} is in the future", path=path, row=row)
    return text
