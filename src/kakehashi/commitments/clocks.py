"""Deadlines of incidents as dated data: which trigger has how many days, and three ways in which days are counted.

The texts say "days" without saying how a day is counted. So every deadline is given in three readings, the strictest
first, and the reader decides with counsel: nothing here is legal advice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kakehashi.commitments.lined import Lined
from kakehashi.commitments.records import Extent, Place, Reading, Words
from kakehashi.errors import InputError, UnknownNameError, UsageError

Counting = Literal["calendar-days", "business-days"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """What happened, and the days that it leaves."""

    id: str
    days: int
    title: Words


@dataclass(frozen=True, slots=True)
class ClockRule:
    """The deadlines of one provision.

    Attributes:
        id: Its name, such as ``"eu-gpai-9.3"``.
        instrument: The instrument.
        provision: The provision.
        version: Version of the text.
        adopted: Date of that version.
        source: Title, publisher and date.
        reading: Who read how much of it.
        title: What is to be done.
        starts: What starts it.
        receiver: To whom the report goes.
        counting: Whether the text means calendar or business days.
        counting_note: How that was decided.
        zone: Time zone whose days are counted.
        triggers: The triggers.
        intermediate_days: Most days between two reports while the incident is unresolved.
        final_days: Days from resolution to the final report.
        place: Where it is written.
    """

    id: str
    instrument: str
    provision: str
    version: str
    adopted: str
    source: Mapping[str, str]
    reading: Reading
    title: Words
    starts: Words
    receiver: Words
    counting: Counting
    counting_note: Words
    zone: str
    triggers: tuple[Trigger, ...]
    intermediate_days: int | None
    final_days: int | None
    place: Place

    def trigger(self, name: str) -> Trigger:
        """A trigger by its name.

        Raises:
            UnknownNameError: There is none.
        """
        for one in self.triggers:
            if one.id == name:
                return one
        raise UnknownNameError("trigger", name, [one.id for one in self.triggers])


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline in three readings, in the zone whose days are counted.

    Attributes:
        elapsed: So many times 24 hours after the start: the strictest; ``None`` where business days are counted.
        end_of_day: The end of the last day, the day of the start not counted.
        moved: As ``end_of_day``, moved by Regulation (EEC, Euratom) No 1182/71, Article 3: not on a Saturday, Sunday or
            holiday, and at least two working days in any period of two days or more. That regulation is made for acts
            of the Council and Commission; whether it applies to a code of practice is not said.
    """

    elapsed: datetime | None
    end_of_day: datetime
    moved: datetime

    @property
    def strictest(self) -> datetime:
        """The earliest of them, which nobody who keeps to it can miss."""
        ends = [one for one in (self.elapsed, self.end_of_day) if one is not None]
        # In UTC: Python compares two times of one zone by the wall clock, which a change of the clock makes wrong.
        return min(ends, key=lambda end: end.astimezone(UTC))


def deadline(
    start: datetime,
    days: int,
    *,
    zone: str,
    counting: Counting = "calendar-days",
    holidays: Collection[date] = (),
) -> Deadline:
    """When a period of days ends.

    Args:
        start: The moment from which it runs; must carry its time zone.
        days: Number of days.
        zone: Time zone whose days are counted, such as ``"Europe/Brussels"``.
        counting: Whether all days count or working days alone.
        holidays: Days that are no working days beside Saturdays and Sundays.

    Raises:
        UsageError: The moment has no time zone.
        UnknownNameError: There is no such zone.

    Examples:
        >>> friday = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)  # 17:00 in Brussels
        >>> found = deadline(friday, 2, zone="Europe/Brussels")
        >>> [str(one)[:16] for one in (found.elapsed, found.end_of_day, found.moved)]
        ['2026-11-29 17:00', '2026-11-29 23:59', '2026-12-01 23:59']
    """
    if start.tzinfo is None:
        raise UsageError(f"{start.isoformat()} has no time zone", hint="Write 2026-11-25T09:00+09:00.")
    place = zone_of(zone)
    first = start.astimezone(place).date()
    if counting == "business-days":
        last = _working_days_after(first, days, holidays)
        end = _end_of(last, place)
        return Deadline(None, end, end)
    last = first + timedelta(days=days)
    elapsed = (start.astimezone(UTC) + timedelta(days=days)).astimezone(place)
    moved = last
    if days >= 2:
        moved = max(moved, _working_days_after(first, 2, holidays))
    while not is_working_day(moved, holidays):
        moved += timedelta(days=1)
    return Deadline(elapsed, _end_of(last, place), _end_of(moved, place))


def is_working_day(day: date, holidays: Collection[date] = ()) -> bool:
    """Whether a day is neither Saturday, Sunday nor a holiday."""
    return day.weekday() < 5 and day not in holidays


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name.

    Raises:
        UnknownNameError: The system knows none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownNameError(
            "time zone", name, hint="Names are those of the tz database, such as Asia/Tokyo."
        ) from None


def read_moment(text: str, *, zone: str | None = None) -> datetime:
    """A moment as typed: ISO 8601 with an offset, or a local time in a named zone.

    Raises:
        InputError: Not a time, without offset and zone, or a local time that the clock change leaves out or doubles.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is not a time", hint="Write 2026-11-25T09:00+09:00.") from None
    if found.tzinfo is not None:
        return found
    if zone is None:
        raise InputError(
            f"{text!r} has no time zone",
            hint="Write 2026-11-25T09:00+09:00, or name it with --zone Asia/Tokyo.",
        )
    local = found.replace(tzinfo=zone_of(zone))
    if local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != found:
        raise InputError(f"{text} does not exist in {zone}: clocks were set forward", hint="Give the offset.")
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise InputError(
            f"{text} happens twice in {zone}: clocks were set back", hint="Give the offset, such as +01:00."
        )
    return local


def read_holidays(path: Path) -> frozenset[date]:
    """Holidays from a file, one date a line; ``#`` begins a comment.

    Raises:
        InputError: No such file, or a line that is no date; with the line.
    """
    found = set()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise InputError("no such file", path=path) from None
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", path=path) from None
    for number, line in enumerate(lines, 1):
        said = line.split("#")[0].strip()
        if not said:
            continue
        try:
            found.add(date.fromisoformat(said))
        except ValueError:
            raise InputError(
                f"{said!r} is no date", path=path, row=number, hint="Write 2026-12-25."
            ) from None
    return frozenset(found)


def read_clock(content: Lined, path: Path) -> ClockRule:
    """The rule of a file that the schema has seen.

    Raises:
        InputError: Its time zone does not exist.
    """
    reading, later = content["reading"], content.get("follow_ups", {})
    try:
        zone_of(content["zone"])
    except UnknownNameError as error:
        raise InputError(error.message, path=path, row=content.line, hint=error.hint) from None
    return ClockRule(
        id=content["id"],
        instrument=content["instrument"],
        provision=content["provision"],
        version=content["version"],
        adopted=content["adopted"],
        source=content["source"],
        reading=Reading(Extent(reading["extent"]), reading["by"], reading["date"], reading.get("note", {})),
        title=content["title"],
        starts=content["starts"],
        receiver=content["receiver"],
        counting=content["counting"],
        counting_note=content["counting_note"],
        zone=content["zone"],
        triggers=tuple(Trigger(one["id"], one["days"], one["title"]) for one in content["triggers"]),
        intermediate_days=later.get("intermediate_every_days"),
        final_days=later.get("final_after_resolution_days"),
        place=Place(str(path), content.line),
    )


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    # Where clocks are set back at midnight the last hour comes twice: the day ends with the second.
    return datetime.combine(day, time(23, 59, 59, fold=1), tzinfo=zone)


def _working_days_after(day: date, count: int, holidays: Collection[date]) -> date:
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, holidays)
    return day
