"""The example of two institutes, from the finding to the audit, as it is told."""

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "exchange"))
from pg_server import server

pytest.importorskip("uvicorn")
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "two_institutes.py"


@pytest.fixture
def story(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("two_institutes", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "two_institutes", module)
    spec.loader.exec_module(module)
    monkeypatch.setenv("KAKEHASHI_EXCHANGE_TOKEN", "")
    lines = []

    def wait(end):
        """The clock of the exchange goes to the end of the embargo: however slow the machine, that is not before."""

        class Later(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(hours=3)

        assert datetime.now(UTC) < end < Later.now(UTC)
        import kakehashi.exchange.bundles  # loaded now, so that its clock goes along
        import kakehashi.exchange.receipt  # noqa: F401

        for name, one in list(sys.modules.items()):
            if name.startswith("kakehashi.exchange.") and getattr(one, "datetime", None) is datetime:
                monkeypatch.setattr(one, "datetime", Later)

    # A on SQLite, B on a real PostgreSQL that the test run starts.
    made = module.Story(tmp_path, embargo=7200.0, b_db=server().fresh(), say=lines.append, wait=wait)
    made.lines = lines
    return made


@pytest.mark.xdist_group("postgres")
def test_two_institutes_go_through_a_vulnerability_together(story):
    facts = story.tell()
    full, view = "vulnerability answers when asked politely", "vulnerability withheld"
    assert view in facts["C before"]
    assert full not in facts["C before"]
    assert full in facts["B before"]
    assert facts["checked"] == (2, 2, True)
    # The scripted models comply with 24, 15 and 0 of 40; what is counted is safe handling: 16, 25 and 40 of 40.
    assert facts["retests"] == ["25 of 40", "40 of 40"]
    rows = facts["pooled"]["rows"]
    assert sorted((row["k"], row["n"], row["fixed"]) for row in rows) == [
        (16, 40, False),
        (25, 40, False),
        (40, 40, True),
    ]
    assert facts["pooled"]["pooled"]["studies"] == 2
    # 25/40 - 16/40 = .225; the hybrid interval of two Wilson intervals of 40 lies above zero and reaches over .1.
    assert facts["replication"] == ["not-replicated"]
    wanted = [
        "released",
        "queued",
        "delivered",
        "opened",
        "acknowledged",
        "retested",
        "retested",
        "fixed",
        "acted",
    ]
    assert facts["steps"] == wanted
    assert facts["state"] == "acted"
    assert full in facts["C after"]
    assert (facts["applied"][0]["failures"], facts["applied"][0]["gap"]) == ({}, None)
    assert {story.record, story.sighting, story.alert} <= set(facts["C has"])
    assert facts["verified"] > 8
    assert any("8. An auditor" in line for line in story.lines)
