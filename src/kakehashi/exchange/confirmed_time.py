"""The operator's word for the time, where a node does not believe its clock; each word is a line of the log."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kakehashi.errors import InputError
from kakehashi.exchange.log_notes import LogNotes
from kakehashi.exchange.node_time import KNOWN, SPAN, NodeTime
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.store import Finding
from kakehashi.exchange.trust_tables import TIME_TABLES
from kakehashi.exchange.validate import moment

_WORDS = LogNotes("time", TIME_TABLES, "time_words", "said", ("confirmed times", "word for the time"))
_MOST_SPAN = 24 * 366
_BEHIND = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TimeWord:
    """What an operator said of the time.

    Attributes:
        line: The line of the log that commits to it.
        by: Who said it.
        clock: What the machine's clock said then.
        known: The last time known before.
        span_hours: How far ahead of the last time known the clock is believed since then.
    """

    line: int
    by: str
    clock: datetime
    known: datetime
    span_hours: int


def confirm_time(
    store: SqlStore, by: str, *, span_hours: int | None = None, clock: datetime | None = None
) -> int:
    """Say that the clock is right, and enter again what has ended by it.

    This is also the way back from a wrong clock that was confirmed: embargoes that end later than the clock stand
    again, and what they hide is entered again when they end. What partners have been given by then stays given.

    Args:
        store: The node's store.
        by: Who says it.
        span_hours: How far ahead of the last time known the clock is to be believed; as before unless said.
        clock: What the clock says; the machine's unless said.

    Returns:
        How many entries were made.

    Raises:
        InputError: Nobody says it, or the span is none.
    """
    if not by.strip():
        raise InputError("who confirms the time must be said", hint="Give --by NAME.")
    if span_hours is not None and not 1 <= span_hours <= _MOST_SPAN:
        raise InputError(
            f"a span of {span_hours} hours is none", hint=f"Give a number from 1 to {_MOST_SPAN}."
        )
    at = clock or datetime.now(UTC)
    with store.rows(TIME_TABLES, write=True) as con:
        before = store.time()
        if span_hours is not None:
            store.set_meta(SPAN, str(span_hours))
        store.set_meta(KNOWN, timestamp(at))
        con.execute("UPDATE embargoes SET done = 0 WHERE until > ?", (timestamp(at),))
        said = {
            "by": by.strip(),
            "clock": timestamp(at),
            "known": timestamp(before.known),
            "span_hours": span_hours or int(before.span / timedelta(hours=1)),
        }
        _WORDS.add(con, json.dumps(said, ensure_ascii=False, sort_keys=True))
        return store.tick(at)


def time_words(store: SqlStore) -> tuple[TimeWord, ...]:
    """What operators said of the time, in order."""
    with store.rows(TIME_TABLES) as con:
        rows = con.execute("SELECT seq, said FROM time_words ORDER BY seq").fetchall()
    said = [(row[0], json.loads(row[1])) for row in rows]
    return tuple(
        TimeWord(line, one["by"], moment(one["clock"]), moment(one["known"]), one["span_hours"])
        for line, one in said
    )


def check_time_words(store: SqlStore) -> list[Finding]:
    """Whether every word for the time fits its line of the log, and none is missing."""
    return _WORDS.check(store)


def held_embargoes(store: SqlStore, time: NodeTime) -> tuple[datetime, ...]:
    """Ends of the embargoes that stand only because the clock is not believed."""
    if time.believed:
        return ()
    ends = [one.embargo_until for one in store.known_markings().values()]
    return tuple(sorted(end for end in ends if end is not None and time.now < end <= time.clock))


def clock_trouble(store: SqlStore) -> tuple[str, str] | None:
    """What is wrong with the clock, as far as an embargo hangs on it, and what mends it."""
    time = store.time()
    if held := held_embargoes(store, time):
        what = "an embargo that would have ended meanwhile still stands"
        if len(held) > 1:
            what = f"{len(held)} embargoes that would have ended meanwhile still stand"
    elif time.known - time.clock > _BEHIND:
        what = "embargoes go by the later of the two"
    else:
        return None
    times = (
        f"the clock says {time.clock:%Y-%m-%d %H:%M} UTC, the last time known is {time.known:%Y-%m-%d %H:%M}"
    )
    return (
        f"{times}: {what}",
        "Set the clock; or, where it is right: kakehashi exchange clock --confirm --by NAME",
    )
