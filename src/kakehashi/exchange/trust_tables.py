"""Tables of partners, their logs, bundles and reads, in statements that SQLite and PostgreSQL both take."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kakehashi.exchange.sql_store import SqlStore

_VERSION = "1"
_TABLES = """
-- Other institutes' nodes whose keys are pinned here.
CREATE TABLE IF NOT EXISTS partners (
  identity TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, key TEXT NOT NULL, recipient TEXT NOT NULL,
  unsigned TEXT NOT NULL);
-- The newest checkpoint of a partner's log that was found to go on from the one before.
CREATE TABLE IF NOT EXISTS heard (
  identity TEXT PRIMARY KEY, size BIGINT NOT NULL, root TEXT NOT NULL, note TEXT NOT NULL);
-- A copy of a partner's log, as far as it was checked.
CREATE TABLE IF NOT EXISTS copied (
  identity TEXT NOT NULL, seq BIGINT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (identity, seq));
-- Bundles that were made for a partner, and how far he said that he has them.
CREATE TABLE IF NOT EXISTS bundles_made (
  sha256 TEXT PRIMARY KEY, partner TEXT NOT NULL, at TEXT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS bundle_acks (
  partner TEXT PRIMARY KEY, at TEXT NOT NULL, stands BIGINT NOT NULL, also TEXT NOT NULL);
-- Bundles that were applied, and up to where everything of a maker's log that we may see is here.
CREATE TABLE IF NOT EXISTS bundles_applied (sha256 TEXT PRIMARY KEY, maker TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bundle_stands (maker TEXT PRIMARY KEY, stands BIGINT NOT NULL, also TEXT NOT NULL);
-- Checkpoints of our own log that partners cosigned.
CREATE TABLE IF NOT EXISTS cosigned (
  size BIGINT NOT NULL, key TEXT NOT NULL, at TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (size, key));
-- Who read what of AMBER and above: each batch is committed to by one line of the log.
CREATE TABLE IF NOT EXISTS read_batches (seq BIGINT PRIMARY KEY, salt TEXT NOT NULL, reads TEXT NOT NULL);
"""


def ensure_tables(store: SqlStore) -> None:
    """Make the tables where they are not there."""
    if store.meta("trust-tables") == _VERSION:
        return
    with store.writing() as con:
        for statement in filter(str.strip, _TABLES.split(";")):
            con.execute(statement)
    store.set_meta("trust-tables", _VERSION)


@contextmanager
def rows_of(store: SqlStore, *, write: bool = False) -> Iterator[Any]:
    """A connection to the tables, in one transaction."""
    ensure_tables(store)
    with store.writing() if write else store.reading() as con:
        yield con
