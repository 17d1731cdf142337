"""From which day to which day a report reaches."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from kakehashi.errors import UsageError
from kakehashi.index.datasets import latest_day

KINDS = ("monthly", "quarterly", "annual")


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a report covers.

    Attributes:
        kind: ``"monthly"``, ``"quarterly"`` or ``"annual"``.
        start: First day.
        as_of: Last day; nothing dated later enters.
    """

    kind: str
    start: str
    as_of: str

    @property
    def end(self) -> datetime:
        """The last moment that enters, in UTC."""
        return datetime.combine(date.fromisoformat(self.as_of), time.max, UTC)

    def enters(self, when: str) -> bool:
        """Whether something of this date or time is not later than the report; what bears no date does not enter.

        Examples:
            >>> one = Period("monthly", "2026-11-01", "2026-11-30")
            >>> one.enters("2026-11-30T23:59:59Z"), one.enters("2026-12-01"), one.enters("2025"), one.enters("")
            (True, False, True, False)
        """
        moment = _moment(when)
        return moment is not None and moment <= self.end

    def within(self, when: str) -> bool:
        """Whether something of this date or time belongs to the period itself."""
        moment = _moment(when)
        return moment is not None and self.enters(when) and moment.date().isoformat() >= self.start


def _moment(when: str) -> datetime | None:
    """A time from ISO 8601; a year or a month alone is its last moment, so that it never enters too early."""
    text = when.strip()
    try:
        if len(text) == 4:
            return datetime(int(text), 12, 31, 23, 59, 59, tzinfo=UTC)
        if len(text) == 7:
            first = date.fromisoformat(f"{text}-01")
            following = (first + timedelta(days=32)).replace(day=1)
            return datetime.combine(following, time.min, UTC) - timedelta(microseconds=1)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def period_of(
    kind: str, as_of: str, *, months: int, year_starts: int = 1, today: date | None = None
) -> Period:
    """The period that a day falls in, up to that day.

    Args:
        kind: ``"monthly"``, ``"quarterly"`` or ``"annual"``.
        as_of: The day, ISO 8601.
        months: Length of a period; periods are counted from the first month of the year.
        year_starts: That month, 1 to 12.
        today: The last day that is not to come; by default the later of today here and by UTC.

    Raises:
        UsageError: No such kind, not a day, or a day to come.

    Examples:
        >>> period_of("quarterly", "2026-11-25", months=3, year_starts=4, today=date(2026, 12, 1)).start
        '2026-10-01'
    """
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of report", hint=f"Known: {', '.join(KINDS)}.")
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise UsageError(f"{as_of!r} is not a day", hint="Use --as-of 2026-11-30") from None
    if day > (today or latest_day()):
        raise UsageError(
            f"{as_of} is still to come", hint="A report is of what is known: name today or before."
        )
    since = (day.year * 12 + day.month - year_starts) // months * months + year_starts - 1
    return Period(kind, date(since // 12, since % 12 + 1, 1).isoformat(), day.isoformat())
