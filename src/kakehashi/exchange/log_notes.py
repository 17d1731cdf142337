"""Lines of the log about what is no object: each commits to a text that stands in a table beside the log."""

import secrets
from dataclasses import dataclass

from kakehashi.exchange.database import Connection
from kakehashi.exchange.log_line import Opening
from kakehashi.exchange.sql_base import Clock, SqlBase, Tables
from kakehashi.exchange.store import Finding
from kakehashi.proof import canonical_bytes


@dataclass(frozen=True, slots=True)
class LogNotes:
    """One kind of such lines.

    Attributes:
        event: What the lines say that happened.
        tables: Where the table is made.
        table: Its name; it has the columns ``seq``, ``salt`` and the one with the text.
        column: Name of the column with the text.
        named: What findings call all of them, and one of them.
    """

    event: str
    tables: Tables
    table: str
    column: str
    named: tuple[str, str]

    def add(self, con: Connection, text: str) -> None:
        """Write one down, with the line that commits to it; inside a transaction that writes."""
        salt = secrets.token_hex(16)
        seq, added = Clock(con).next()
        con.execute("INSERT INTO log VALUES (?, ?, ?)", (seq, added, self._line(seq, added, salt, text)))
        con.execute(f"INSERT INTO {self.table} VALUES (?, ?, ?)", (seq, salt, text))

    def check(self, store: SqlBase) -> list[Finding]:
        """Whether each fits its line of the log, and none is missing."""
        all_of_them, one = self.named
        with store.rows(self.tables) as con:
            rows = con.execute(
                f"SELECT b.seq, b.salt, b.{self.column}, l.added, l.entry FROM {self.table} b"
                " LEFT JOIN log l ON l.seq = b.seq"
            ).fetchall()
            lines = con.execute("SELECT seq, entry FROM log ORDER BY seq").fetchall()
        found, there = [], {row[0] for row in rows}
        for seq, salt, text, added, entry in rows:
            if entry is None or bytes(entry) != self._line(seq, added, salt, text):
                found.append(Finding(all_of_them, f"the {one} of line {seq} does not match the log"))
        ours = f'"event":"{self.event}"'.encode()
        for seq, entry in lines:
            if ours in bytes(entry) and seq not in there:
                found.append(Finding(all_of_them, f"the {one} of line {seq} is missing"))
        return found

    def _line(self, seq: int, added: str, salt: str, text: str) -> bytes:
        beside = canonical_bytes([str(seq), added, self.event])
        return Opening.made(seq, self.event, bytes.fromhex(salt), beside).line(text.encode())
