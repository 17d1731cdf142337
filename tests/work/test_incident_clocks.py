"""Clocks that run: started by a person or an incident of the exchange, met, missed, followed up."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from evidence_places import SHIPPED, with_node

from kakehashi.errors import InputError, UnknownNameError, UsageError
from kakehashi.exchange import make
from kakehashi.exchange.records import extension
from kakehashi.work.clocks import (
    Incident,
    list_clocks,
    read_incident,
    report_clock,
    resolve_clock,
    start_clock,
)
from kakehashi.work.workspace import Workspace

AWARE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # Monday, 10:00 in Brussels
NOW = AWARE + timedelta(hours=30)
ONE = Incident("incident-7", "seven", "red")


@pytest.fixture
def place(tmp_path):
    return Workspace(tmp_path)


def start(place, trigger, incident=ONE, at=AWARE, now=NOW, **options):
    return start_clock(SHIPPED, place, incident, trigger=trigger, at=at, author="me", now=now, **options)


def dues(place, now=NOW, **options):
    return [(d.stage, d.trigger, d.state) for d in list_clocks(SHIPPED, place, now=now, **options)]


def incident(level="amber"):
    return make(
        "incident",
        name="leak",
        level=level,
        extensions=extension(
            "incident", title="t", description="d", relation="r", submitter="s", supporting_materials=["urn:x:1"],
            severity_level="high", harm_type=["other"],
        ),
    )  # fmt: skip


def test_clocks_run_by_trigger_and_the_nearest_stands_first(place):
    assert list_clocks(SHIPPED, place) == ()
    for trigger in ("serious-harm", "critical-infrastructure", "death"):
        start(place, trigger)
    assert dues(place) == [
        ("initial", "critical-infrastructure", "running"),
        ("initial", "death", "running"),
        ("initial", "serious-harm", "running"),
    ]
    first = list_clocks(SHIPPED, place, now=NOW)[0]
    assert first.left == timedelta(hours=18)  # 48 hours, of which 30 are over
    assert first.due.strictest == AWARE + timedelta(days=2)
    assert dues(place, now=AWARE + timedelta(days=2, seconds=1))[0][2] == "overdue"


def test_the_time_left_is_true_across_a_change_of_the_clock(place):
    # Saturday 28 March 2026, 12:00 in Brussels; the clock goes forward in the night. 24 hours after is Sunday, 13:00.
    brussels = ZoneInfo("Europe/Brussels")
    aware = datetime(2026, 3, 28, 12, 0, tzinfo=brussels)
    start(place, "critical-infrastructure", at=aware)
    (found,) = list_clocks(SHIPPED, place, now=datetime(2026, 3, 28, 13, 0, tzinfo=brussels))
    assert found.left == timedelta(hours=47)  # Python's own difference within one zone is 48 hours
    (found,) = list_clocks(SHIPPED, place, now=datetime(2026, 3, 29, 13, 0, tzinfo=brussels))
    assert found.left == timedelta(hours=24)
    (found,) = list_clocks(SHIPPED, place, now=datetime(2026, 3, 30, 13, 1, tzinfo=brussels))
    assert found.state == "overdue"


def test_the_same_start_again_changes_nothing_and_another_moment_is_refused(place):
    _, _, record = start(place, "death")
    assert start(place, "death")[2] == record
    with pytest.raises(UsageError) as raised:
        start(place, "death", at=AWARE + timedelta(hours=1))
    assert record[:12] in str(raised.value)
    assert len(dues(place)) == 1


def test_reports_stop_a_clock_and_start_the_next(place):
    start(place, "cybersecurity-breach")
    sent = AWARE + timedelta(days=4)
    later = AWARE + timedelta(days=40)
    report_clock(place, "incident-7", stage="initial", at=sent, author="me", now=later)
    assert dues(place, now=sent) == [
        ("intermediate", "", "running"),
        ("initial", "cybersecurity-breach", "met"),
    ]
    intermediate = list_clocks(SHIPPED, place, now=sent)[0]
    assert intermediate.due.elapsed == sent + timedelta(weeks=4)
    again = AWARE + timedelta(days=20)
    report_clock(place, "incident-7", stage="intermediate", at=again, author="me", now=later)
    assert list_clocks(SHIPPED, place, now=again)[0].due.elapsed == again + timedelta(weeks=4)
    resolved = AWARE + timedelta(days=30)
    resolve_clock(place, "incident-7", at=resolved, author="me", now=later)
    final = next(d for d in list_clocks(SHIPPED, place, now=later) if d.stage == "final")
    assert (final.state, final.due.elapsed) == ("running", resolved + timedelta(days=60))
    assert "intermediate" not in {d.stage for d in list_clocks(SHIPPED, place, now=later)}
    report_clock(place, "incident-7", stage="final", at=later, author="me", now=later)
    assert {d.state for d in list_clocks(SHIPPED, place, now=later)} == {"met"}


def test_a_report_after_the_strictest_reading_is_late_though_the_day_is_not_over(place):
    start(place, "critical-infrastructure")
    sent = AWARE + timedelta(days=2, hours=1)  # Wednesday, 11:00 in Brussels: the day itself ends at midnight
    report_clock(place, "incident-7", stage="initial", at=sent, author="me", now=sent)
    met = next(d for d in list_clocks(SHIPPED, place, now=sent) if d.stage == "initial")
    assert (met.state, met.due.end_of_day > sent) == ("met-late", True)


def test_what_cannot_be_is_refused_and_nothing_is_written(place):
    for changes, error, said in (
        ({"at": NOW + timedelta(days=1)}, InputError, "future"),
        ({"at": datetime(2026, 11, 23)}, UsageError, "time zone"),
        ({"trigger": "deth"}, UnknownNameError, "death"),
        ({"trigger": "death", "rule": "eu-gpai-9.4"}, UnknownNameError, "eu-gpai-9.3"),
    ):
        with pytest.raises(error) as raised:
            start(place, **({"trigger": "death"} | changes))
        assert said in str(raised.value)
    assert not place.ledger.exists()
    start(place, "death")
    with pytest.raises(UnknownNameError):
        report_clock(place, "incident-8", stage="initial", at=NOW, author="me", now=NOW)
    with pytest.raises(UnknownNameError):
        report_clock(place, "incident-7", stage="first", at=NOW, author="me", now=NOW)
    with pytest.raises(InputError):
        resolve_clock(place, "incident-7", at=AWARE - timedelta(hours=1), author="me", now=NOW)


def test_an_incident_of_the_exchange_starts_a_clock(place, tmp_path):
    made = incident()
    node = with_node(place)
    node.store.post(node.me(), node.collection("findings").id, [made])
    found = read_incident(place, made["id"])
    assert found == Incident(made["id"], "leak", "amber")
    start(place, "death", incident=found)
    assert list_clocks(SHIPPED, place, now=NOW)[0].title == "leak"
    node.store.close()
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"type": "bundle", "objects": [made]}), encoding="utf-8")
    assert read_incident(place, str(path)) == found
    for content, said in (
        ({"objects": []}, "0 incidents"),
        ({"type": "incident", "id": "incident--1"}, "not a valid"),
    ):
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(InputError) as raised:
            read_incident(place, str(path))
        assert said in str(raised.value)
    with pytest.raises(UnknownNameError):
        read_incident(place, "incident--6ba7b810-9dad-41d1-80b4-00c04fd430c8")
