"""Tables of alerts and webhooks, in statements that SQLite and PostgreSQL both take.

They stand beside the log, not in it: what happened to an alert here, and what is still to be sent. What was said
about an alert is in the log, as signed records.
"""

from datetime import UTC, datetime
from typing import Any

from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_base import SqlBase, Tables
from kakehashi.exchange.validate import moment

ALERT_TABLES = Tables(
    "alert",
    "1",
    """
-- What happened to an alert here, once for each recipient and event: the first time counts.
CREATE TABLE IF NOT EXISTS alert_events (
  alert TEXT NOT NULL, recipient TEXT NOT NULL, event TEXT NOT NULL, at TEXT NOT NULL, detail TEXT NOT NULL,
  PRIMARY KEY (alert, recipient, event));
-- Who is told next: where a recipient (any, where empty) has not answered after so many seconds.
CREATE TABLE IF NOT EXISTS escalation_rules (
  id TEXT PRIMARY KEY, level TEXT NOT NULL, recipient TEXT NOT NULL, after_seconds BIGINT NOT NULL, told TEXT NOT NULL);
-- Officers of other institutes, as their keys were pinned here.
CREATE TABLE IF NOT EXISTS partner_officers (identity TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (identity, key));
-- Who stands in for an officer and until when, signed by that officer.
CREATE TABLE IF NOT EXISTS delegations (
  delegate TEXT PRIMARY KEY, officer TEXT NOT NULL, until_time TEXT NOT NULL, signature TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_hosts (host TEXT PRIMARY KEY, private INTEGER NOT NULL);
-- position: the log up to here was looked through for this hook, in the transaction that filled the queue.
CREATE TABLE IF NOT EXISTS webhooks (
  id TEXT PRIMARY KEY, member TEXT NOT NULL, url TEXT NOT NULL, secret TEXT NOT NULL, what TEXT NOT NULL,
  content INTEGER NOT NULL, position BIGINT NOT NULL, ended TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_queue (
  hook TEXT NOT NULL, seq BIGINT NOT NULL, collection TEXT NOT NULL, object TEXT NOT NULL, version TEXT NOT NULL,
  added TEXT NOT NULL, attempts BIGINT NOT NULL, due TEXT NOT NULL, dead INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (hook, seq));
""",
)


def note_event(
    con: Any, alert: str, recipient: str, event: str, *, at: datetime | None = None, detail: str = ""
) -> None:
    """Write down that something happened to an alert; only its first time is kept."""
    con.execute(
        "INSERT INTO alert_events VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (alert, recipient, event, timestamp(at or datetime.now(UTC)), detail),
    )


def events_of(store: SqlBase, alert: str) -> tuple[tuple[str, str, datetime, str], ...]:
    """What happened to an alert here, in order: recipient, event, time, detail."""
    with store.rows(ALERT_TABLES) as con:
        rows = con.execute(
            "SELECT recipient, event, at, detail FROM alert_events WHERE alert = ? ORDER BY at, recipient, event",
            (alert,),
        ).fetchall()
    return tuple((row[0], row[1], moment(row[2]), row[3]) for row in rows)
