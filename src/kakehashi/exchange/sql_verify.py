"""The log of a node: what each line commits to, and whether everything still fits.

A line of the log holds its number, what happened, and a commitment: SHA-256 over a random salt, the columns kept beside
the object and the object's bytes. It shows nothing of the content (the salt stays here, so guessing does not help
either), which is why partners may copy all of it.
"""

import json
from collections.abc import Sequence
from typing import Any

from kakehashi.exchange.database import Connection, Database
from kakehashi.exchange.log_line import Opening
from kakehashi.exchange.store import Finding, Verification
from kakehashi.proof import Frontier, TreeHead, canonical_bytes

_LINES = 10_000
ROW = "seq, added, kind, collection, id, version, vkey, type, spec, creator, policy, salt, data"


def log_entry(row: Sequence[Any]) -> bytes:
    """The line of the log about a row of ``objects``."""
    return opening_of(row).line(b"" if row[12] is None else bytes(row[12]))


def opening_of(row: Sequence[Any]) -> Opening:
    """What opens the line about a row to whoever may see its object."""
    beside = canonical_bytes([str(value) for value in row[:11]])
    return Opening.made(row[0], row[2], bytes(row[11]), beside)


def read_head(con: Connection, size: int | None = None) -> TreeHead:
    """The tree head of the log, or of its first ``size`` lines."""
    edge, after, left = Frontier(), 0, size
    while left is None or left > 0:
        many = _LINES if left is None else min(left, _LINES)
        rows = con.execute(
            "SELECT seq, entry FROM log WHERE seq > ? ORDER BY seq LIMIT ?", (after, many)
        ).fetchall()
        for _, entry in rows:
            edge.add(bytes(entry))
        if len(rows) < many:
            break
        after, left = rows[-1][0], None if left is None else left - len(rows)
    return TreeHead(edge.size, edge.root().hex())


def check_rows(database: Database, con: Connection) -> Verification:
    """Go through log, objects and what is derived from them.

    Finds a changed byte in any object, in what stands beside it and in the log; whether the whole was rewritten only
    a checkpoint kept elsewhere can say.
    """
    found: list[Finding] = []
    found += [Finding("database", said) for said in database.faults(con)]
    found += _log_order(database, con)
    newest: dict[str, tuple[str, ...]] = {}
    count = 0
    for row in database.stream(con, f"SELECT {ROW} FROM objects ORDER BY id, vkey"):
        count += 1
        line = con.execute("SELECT entry, added FROM log WHERE seq = ?", (row[0],)).fetchone()
        where = f"{row[4]} version {row[5]}"
        if line is None:
            found.append(Finding(where, f"line {row[0]} of the log is missing"))
        elif bytes(line[0]) != log_entry(row) or line[1] != row[1]:
            found.append(Finding(where, f"does not match line {row[0]} of the log"))
        newest[row[4]] = (row[3], row[9], row[6], row[7], row[10])
    heads = {
        row[0]: tuple(row[1:])
        for row in con.execute("SELECT id, collection, creator, vkey, type, policy FROM heads")
    }
    found += [
        Finding(ref, "what is kept of its newest version does not match it")
        for ref in sorted(heads.keys() | newest.keys())
        if heads.get(ref) != newest.get(ref)
    ]
    return Verification(read_head(con), count, tuple(found))


def _log_order(database: Database, con: Connection) -> list[Finding]:
    found, last = [], ""
    lines = database.stream(con, "SELECT seq, added, entry FROM log ORDER BY seq")
    for expected, (seq, added, entry) in enumerate(lines, 1):
        if seq != expected:
            found.append(Finding("log", f"line {expected} is missing"))
            break
        if added <= last:
            found.append(Finding("log", f"line {seq} is not later than the one before it"))
        try:
            right = json.loads(entry)["seq"] == seq
        except (ValueError, KeyError, TypeError):
            right = False
        if not right:
            found.append(Finding("log", f"line {seq} is not a line of the log"))
        last = added
    return found
