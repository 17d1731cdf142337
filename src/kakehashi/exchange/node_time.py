"""What time a node takes it to be: its clock's, unless that is far ahead of the last time that the node knows of.

Embargoes end by the clock, so a clock that is set far ahead would end all of them at once. The node therefore keeps the
last time at which it believed its clock. A clock that is ahead of that by more than a span is not believed: for
embargoes the node's time stands still there until its operator confirms the time
(:func:`kakehashi.exchange.confirmed_time.confirm_time`). A clock that goes backwards opens nothing again and revives
no token: the last time known counts then.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kakehashi.exchange.database import Connection
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.validate import moment

KNOWN, SPAN = "time-known", "time-span-hours"
"""Under which settings of the node the last time known stands, and the span where it was said."""

SPAN_HOURS = 24
_NOTE_EVERY = timedelta(hours=1)

TIME_COLUMNS = ", ".join(f"(SELECT value FROM meta WHERE key = '{key}')" for key in (KNOWN, SPAN))
"""What :meth:`NodeTime.of` takes from the database."""


@dataclass(frozen=True, slots=True)
class NodeTime:
    """The times that a decision may go by.

    Attributes:
        clock: What the machine's clock says.
        known: The last time at which the node believed its clock, or its operator confirmed it.
        span: How far ahead of that the clock is believed.
    """

    clock: datetime
    known: datetime
    span: timedelta

    @classmethod
    def of(cls, clock: datetime, known: str | None, span_hours: str | None) -> "NodeTime":
        """From the machine's clock and :data:`TIME_COLUMNS`."""
        return cls(
            clock, clock if known is None else moment(known), timedelta(hours=int(span_hours or SPAN_HOURS))
        )

    @property
    def believed(self) -> bool:
        """Whether the clock is not too far ahead."""
        return self.clock - self.known <= self.span

    @property
    def now(self) -> datetime:
        """The time by which embargoes end: never earlier than what is known."""
        return max(self.clock, self.known) if self.believed else self.known

    @property
    def latest(self) -> datetime:
        """The time by which tokens and delegations end: believed or not, and never earlier than what is known."""
        return max(self.clock, self.known)

    @property
    def is_worth_noting(self) -> bool:
        """Whether the last time known is to be written down anew."""
        return self.believed and self.clock - self.known >= _NOTE_EVERY


def read_time(con: Connection, clock: datetime) -> NodeTime:
    """The times of a node in this snapshot."""
    return NodeTime.of(clock, *con.execute(f"SELECT {TIME_COLUMNS}").fetchone())


def note_time(con: Connection, at: datetime) -> None:
    """Keep a time that was believed, where it is the latest; inside a transaction that writes.

    What is entered because an embargo ended is entered together with this: no later look takes it for embargoed.
    """
    con.execute(
        "UPDATE meta SET value = ? WHERE key = ? AND value < ?", (timestamp(at), KNOWN, timestamp(at))
    )
