"""Tokens: what a member shows to be known. Only their hashes are kept."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange.node_time import TIME_COLUMNS, NodeTime
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import timestamp
from kakehashi.exchange.sql_read import caller_of
from kakehashi.exchange.sql_store import SqlStore
from kakehashi.exchange.validate import moment

SCOPES = ("read", "write", "audit", "configure")
USUAL = ("read", "write")
_OF_ROLE = {"auditor": "audit", "administrator": "configure"}
_PREFIX = "kx_"


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token.

    Attributes:
        id: Names it, to revoke it.
        identity: The member whose it is.
        scopes: What may be done with it, within the member's rights.
        expires: When it ends.
        revoked: Whether it was taken back.
    """

    id: str
    identity: str
    scopes: tuple[str, ...]
    expires: datetime
    revoked: bool


class Tokens:
    """The tokens of a node.

    Args:
        store: The node's store.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def issue(
        self, identity: str, *, scopes: Iterable[str] = USUAL, days: float = 90, now: datetime | None = None
    ) -> tuple[Token, str]:
        """A new token and its text, which is shown this once.

        Raises:
            InputError: An unknown scope, or a life of no days.
            UnknownNameError: No such member.
        """
        wanted = tuple(sorted(set(scopes)))
        if not wanted or set(wanted) - set(SCOPES):
            raise InputError(f"scopes are {', '.join(SCOPES)}, not {', '.join(wanted) or 'none'}")
        if not 0 < days <= 36_500:
            raise InputError(
                f"a token of {days} days is none", hint="Give a number of days above 0, to 36500."
            )
        if self._store.member(identity) is None:
            raise UnknownNameError("member", identity, sorted(self._store.members()))
        text = _PREFIX + secrets.token_urlsafe(32)
        token = Token(
            str(uuid4()), identity, wanted, (now or datetime.now(UTC)) + timedelta(days=days), False
        )
        row = (token.id, _digest(text), identity, " ".join(wanted), timestamp(token.expires))
        with self._store.writing() as con:
            con.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, 0)", row)
        return token, text

    def list(self) -> tuple[Token, ...]:
        """All tokens, without their texts."""
        with self._store.reading() as con:
            rows = con.execute(
                "SELECT id, identity, scopes, expires, revoked FROM tokens ORDER BY expires"
            ).fetchall()
        return tuple(Token(r[0], r[1], tuple(r[2].split()), moment(r[3]), bool(r[4])) for r in rows)

    def revoke(self, token_id: str) -> None:
        """Take a token back.

        Raises:
            UnknownNameError: There is none of that id.
        """
        with self._store.writing() as con:
            if con.execute("UPDATE tokens SET revoked = 1 WHERE id = ?", (token_id,)).rowcount == 0:
                raise UnknownNameError("token", token_id, hint="See: kakehashi exchange token")

    def caller(self, text: str, *, now: datetime | None = None) -> Caller | None:
        """The member whose token this is, with rights cut to the token's scopes; ``None`` where it opens nothing."""
        query = (
            f"SELECT t.identity, t.scopes, t.expires, m.rights, {TIME_COLUMNS} FROM tokens t JOIN members m"
            " ON m.identity = t.identity WHERE t.digest = ? AND t.revoked = 0"
        )
        with self._store.reading() as con:
            row = con.execute(query, (_digest(text),)).fetchone()
        if row is None or moment(row[2]) <= (now or NodeTime.of(datetime.now(UTC), row[4], row[5]).latest):
            return None
        member = caller_of(row[0], row[3])
        scopes, nothing = row[1].split(), frozenset[str]()
        return replace(
            member,
            reads=member.reads if "read" in scopes else nothing,
            writes=member.writes if "write" in scopes else nothing,
            roles=frozenset(one for one in member.roles if _OF_ROLE.get(one) in (None, *scopes)),
        )

    def expires(self, text: str) -> datetime:
        """When a token ends; the beginning of time for what is none."""
        with self._store.reading() as con:
            row = con.execute("SELECT expires FROM tokens WHERE digest = ?", (_digest(text),)).fetchone()
        return datetime.min.replace(tzinfo=UTC) if row is None else moment(row[0])


def _digest(text: str) -> str:
    """The token's hash; a token has 256 random bits, so a plain hash cannot be guessed back."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()
