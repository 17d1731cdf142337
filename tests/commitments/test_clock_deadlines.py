"""When a deadline ends: dates counted by hand, time zones, changes of the clock, weekends and holidays."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kakehashi.commitments import deadline, load_catalog
from kakehashi.commitments.clocks import is_working_day, read_holidays, read_moment
from kakehashi.errors import InputError, UnknownNameError, UsageError

BRUSSELS = "Europe/Brussels"
CHRISTMAS = {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}


def found(start, days, zone=BRUSSELS, **options):
    made = deadline(datetime.fromisoformat(start), days, zone=zone, **options)
    return [
        one if one is None else one.isoformat(timespec="minutes")
        for one in (made.elapsed, made.end_of_day, made.moved)
    ]


def test_a_plain_week():
    # Monday 23 November 2026, 10:00; day 1 is Tuesday 24, day 2 is Wednesday 25, both working days.
    assert found("2026-11-23T10:00+01:00", 2) == [
        "2026-11-25T10:00+01:00", "2026-11-25T23:59+01:00", "2026-11-25T23:59+01:00",
    ]  # fmt: skip


def test_two_days_over_a_weekend():
    # Friday 27 November 2026: Saturday 28, Sunday 29. Two working days (Monday 30, Tuesday 1) end on Tuesday.
    assert found("2026-11-27T17:00+01:00", 2) == [
        "2026-11-29T17:00+01:00", "2026-11-29T23:59+01:00", "2026-12-01T23:59+01:00",
    ]  # fmt: skip


def test_five_ten_and_fifteen_days_before_christmas():
    # Wednesday 16 December 2026 + 5 = Monday 21, + 10 = Saturday 26, + 15 = Thursday 31.
    assert found("2026-12-16T09:00+01:00", 5)[1:] == ["2026-12-21T23:59+01:00", "2026-12-21T23:59+01:00"]
    # From Saturday 26 over Sunday 27 to Monday 28.
    assert found("2026-12-16T09:00+01:00", 10, holidays=CHRISTMAS)[1:] == [
        "2026-12-26T23:59+01:00", "2026-12-28T23:59+01:00",
    ]  # fmt: skip
    assert found("2026-12-16T09:00+01:00", 15, holidays=CHRISTMAS)[2] == "2026-12-31T23:59+01:00"
    # Thursday 17 + 15 = Friday 1 January, a holiday; Saturday, Sunday; Monday 4.
    assert found("2026-12-17T09:00+01:00", 15, holidays=CHRISTMAS)[1:] == [
        "2027-01-01T23:59+01:00", "2027-01-04T23:59+01:00",
    ]  # fmt: skip


def test_a_period_over_a_change_of_the_clock_is_so_many_times_24_hours():
    # Clocks go back on Sunday 25 October 2026: 48 hours after Saturday 12:00 (+02:00) it is Monday 11:00 (+01:00).
    assert found("2026-10-24T12:00+02:00", 2)[:2] == ["2026-10-26T11:00+01:00", "2026-10-26T23:59+01:00"]
    # And forward on Sunday 29 March 2026: Saturday 12:00 (+01:00) gives Monday 13:00 (+02:00).
    assert found("2026-03-28T12:00+01:00", 2)[:2] == ["2026-03-30T13:00+02:00", "2026-03-30T23:59+02:00"]


def test_a_day_whose_last_hour_comes_twice_ends_with_the_second():
    # In Beirut clocks go back from Sunday 25 October 2026, 0:00 to Saturday 24, 23:00.
    made = found("2026-10-22T12:00+03:00", 2, zone="Asia/Beirut")
    assert made[:2] == ["2026-10-24T12:00+03:00", "2026-10-24T23:59+02:00"]


def test_the_day_of_the_start_is_the_day_in_the_zone_that_counts():
    # 26 November, 07:00 in Tokyo is 25 November, 23:00 in Brussels: day 2 ends on the 27th there, on the 28th in Tokyo.
    assert found("2026-11-26T07:00+09:00", 2)[1] == "2026-11-27T23:59+01:00"
    assert found("2026-11-26T07:00+09:00", 2, zone="Asia/Tokyo")[1] == "2026-11-28T23:59+09:00"


def test_business_days_are_working_days_alone():
    # Thursday 17 December: Friday 18 is 1, Monday 21 is 2, 22, 23, Thursday 24 is 5.
    assert found("2026-12-17T09:00+01:00", 5, counting="business-days") == [
        None, "2026-12-24T23:59+01:00", "2026-12-24T23:59+01:00",
    ]  # fmt: skip
    # Monday 21: 22, 23, 24, then Friday 25 is a holiday; Monday 28 is 4, Tuesday 29 is 5.
    made = found("2026-12-21T09:00+01:00", 5, counting="business-days", holidays=CHRISTMAS)
    assert made[1] == "2026-12-29T23:59+01:00"


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
ZONES = st.sampled_from(
    ["Europe/Brussels", "Asia/Tokyo", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]
)


@given(MOMENTS, st.integers(1, 60), ZONES, st.sets(st.dates(date(2020, 1, 1), date(2030, 6, 1)), max_size=5))
@example(datetime(2020, 3, 1, 13, tzinfo=UTC), 34, "Pacific/Apia", set())  # ends in an hour that comes twice
@example(datetime(2020, 9, 5, 10, tzinfo=UTC), 22, "Pacific/Apia", set())  # clocks go forward on the last day
def test_the_strictest_reading_is_never_later_than_the_others(start, days, zone, holidays):
    made = deadline(start, days, zone=zone, holidays=holidays)
    # In UTC: a time that comes twice equals no time of another zone (PEP 495).
    assert made.elapsed.astimezone(UTC) == start + timedelta(days=days)
    # By the hour is never later than the end of the day, save an hour where the clock went forward in between: then
    # the end of the day is the strictest.
    ends = [one.astimezone(UTC) for one in (made.elapsed, made.end_of_day)]
    assert ends[1] - ends[0] >= timedelta(hours=-1)
    assert made.strictest.astimezone(UTC) == min(ends)
    assert made.moved >= made.end_of_day
    assert is_working_day(made.moved.date(), holidays)
    day, working = start.astimezone(made.moved.tzinfo).date(), 0
    while day < made.moved.date():
        day += timedelta(days=1)
        working += is_working_day(day, holidays)
    assert working >= min(days, 2)


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("tomorrow", None, "is not a time"),
        ("2026-11-25T09:00", None, "has no time zone"),
        ("2026-03-29T02:30", BRUSSELS, "does not exist"),
        ("2026-10-25T02:30", BRUSSELS, "happens twice"),
    ],
)
def test_a_time_that_says_too_little_is_refused(text, zone, said):
    with pytest.raises(InputError) as raised:
        read_moment(text, zone=zone)
    assert said in str(raised.value)


def test_times_are_read_with_an_offset_or_a_zone():
    there = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
    assert read_moment("2026-11-25T09:00+09:00") == there
    assert read_moment("2026-11-25T09:00", zone="Asia/Tokyo") == there
    assert read_moment("2026-10-25T02:30+01:00", zone=BRUSSELS).utcoffset() == timedelta(hours=1)
    with pytest.raises(UnknownNameError):
        read_moment("2026-11-25T09:00", zone="Mars/Olympus")
    with pytest.raises(UsageError):
        deadline(datetime(2026, 11, 25), 2, zone=BRUSSELS)
    assert deadline(there.astimezone(timezone(timedelta(hours=9))), 2, zone=BRUSSELS) == deadline(
        there, 2, zone=BRUSSELS
    )


def test_holidays_come_from_a_file_with_line_numbers(tmp_path):
    path = tmp_path / "days.txt"
    path.write_text("# closed\n2026-12-25\n\n2026-12-26  # Saturday\n", encoding="utf-8")
    assert read_holidays(path) == {date(2026, 12, 25), date(2026, 12, 26)}
    path.write_text("2026-12-25\n26.12.2026\n", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_holidays(path)
    assert raised.value.row == 2


def test_the_shipped_rules_are_those_of_the_code_and_say_where_that_was_read():
    rules = load_catalog().clocks
    nine = rules["eu-gpai-9.3"]
    assert {one.id: one.days for one in nine.triggers} == {
        "critical-infrastructure": 2, "cybersecurity-breach": 5, "death": 10, "serious-harm": 15,
    }  # fmt: skip
    assert (nine.counting, nine.intermediate_days, nine.final_days) == ("calendar-days", 28, 60)
    assert rules["eu-gpai-7.7"].counting == "business-days"
    for one in rules.values():
        assert one.reading.extent.value == "whole"
        assert one.source["date"] == one.version == "2025-07-10"


def test_the_shipped_rules_are_those_of_the_reference(shared):
    text = (shared / "commitments" / "07-eu-gpai-code-of-practice.yaml").read_text(encoding="utf-8")
    assert "2 days critical infrastructure, 5 days cyber breach, 10 days death, 15 days serious harm" in text
    assert "interim every four weeks" in text
    assert "final within 60 days of resolution" in text
