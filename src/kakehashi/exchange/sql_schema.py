"""The tables of a node on SQLite."""

FORMAT = "kakehashi.exchange/1"

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS collections (id TEXT PRIMARY KEY, title TEXT NOT NULL, alias TEXT UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (identity TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, rights TEXT NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tokens (
  id TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, identity TEXT NOT NULL, scopes TEXT NOT NULL,
  expires TEXT NOT NULL, revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- One line for each thing that ever happened; never changed.
CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, added TEXT NOT NULL UNIQUE, entry BLOB NOT NULL);
-- One row for each version of an object; seq and added are those of the newest line of the log about it.
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY, added TEXT NOT NULL, kind TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,
  version TEXT NOT NULL, vkey TEXT NOT NULL, type TEXT NOT NULL, spec TEXT NOT NULL, creator TEXT NOT NULL,
  policy TEXT NOT NULL, salt BLOB NOT NULL, data BLOB, UNIQUE (id, vkey));
CREATE INDEX IF NOT EXISTS objects_walk ON objects (collection, seq);
-- The markings are few among many objects, and every process reads all of them.
CREATE INDEX IF NOT EXISTS objects_markings ON objects (id) WHERE type = 'marking-definition';
-- One row for each object: who deposited it, where it stands, and the marks of its newest version.
CREATE TABLE IF NOT EXISTS heads (
  id TEXT PRIMARY KEY, collection TEXT NOT NULL, creator TEXT NOT NULL, vkey TEXT NOT NULL, type TEXT NOT NULL,
  policy TEXT NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
-- What the visibility of an object hangs on: its markings and what it is about.
CREATE TABLE IF NOT EXISTS hangs (target TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (target, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS embargoes (marking TEXT PRIMARY KEY, until TEXT NOT NULL, done INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS statuses (
  id TEXT PRIMARY KEY, identity TEXT NOT NULL, key TEXT, at TEXT NOT NULL, outcomes TEXT NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS statuses_key ON statuses (identity, key);
CREATE TABLE IF NOT EXISTS drafts (id TEXT PRIMARY KEY, at TEXT NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pulled (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
  n INTEGER PRIMARY KEY, at TEXT NOT NULL, source TEXT NOT NULL, reasons TEXT NOT NULL, data BLOB NOT NULL);
"""
