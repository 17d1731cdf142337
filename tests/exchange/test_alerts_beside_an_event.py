"""Alerts of a node beside a dated event: only what is TLP:CLEAR, real and released."""

from datetime import UTC, datetime

from nodes import GREEN, vulnerability
from stix_corpus import stix_id

from kakehashi.exchange import Node
from kakehashi.exchange.alerts import add_officer, draft_alert, release_alert
from kakehashi.index.claims.events import workspace_steps
from kakehashi.proof import SigningKey

KEY = SigningKey("officer/1", bytes([1] * 32))
SENT = datetime(2026, 6, 1, 9, tzinfo=UTC)


def test_only_released_clear_alerts_that_are_no_drill_come_in(tmp_path):
    node = Node.init(tmp_path / "exchange", "Institute A")
    node.store.post(node.me(), node.collection("findings").id, [vulnerability(1, GREEN)])
    add_officer(node, KEY.verifier)
    given = {
        "about": stix_id("vulnerability", 1),
        "action": "retest",
        "audience": (stix_id("identity", 2),),
        "now": SENT,
    }
    drafts = {
        name: draft_alert(node, "Retest.", **given | {"level": "urgent", "tlp": "clear"} | more)
        for name, more in {
            "clear": {},
            "green": {"tlp": "green"},
            "drill": {"drill": True},
            "held": {"level": "emergency"},
        }.items()
    }
    assert [release_alert(node, one, KEY) for one in drafts.values()] == [
        0,
        0,
        0,
        1,
    ]  # an emergency takes two
    node.store.close()
    (step,) = workspace_steps(tmp_path)
    assert (step.kind, step.date, step.source, step.origin) == (
        "alert",
        "2026-06-01",
        drafts["clear"],
        "exchange",
    )
    assert step.what == {"en": "alert of level urgent", "ja": "警報（至急）"}
