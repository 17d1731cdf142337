"""Tables of partners, their logs, bundles, reads, confirmed times, in statements that both databases take."""

from kakehashi.exchange.sql_base import Tables

TRUST_TABLES = Tables(
    "trust",
    "1",
    """
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
""",
)

TIME_TABLES = Tables(
    "time",
    "1",
    """
-- What the operator said of the time: each word is committed to by one line of the log.
CREATE TABLE IF NOT EXISTS time_words (seq BIGINT PRIMARY KEY, salt TEXT NOT NULL, said TEXT NOT NULL);
""",
)
