"""What a node's store promises, whatever database is behind it.

- ``added`` is strictly increasing and unique; it and the sequence are allotted under one lock held to the commit, so no
  reader ever sees a gap fill later, and ``added_after`` alone is a cursor that loses nothing.
- What was acknowledged is on the disk; what is returned are the bytes that were stored.
- An envelope is stored in one transaction; the same envelope again changes nothing.
- Whenever somebody may see what he could not see before, the object is entered again with a new ``added``.
- What is deleted or recalled leaves a tombstone that travels as an ordinary object.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from kakehashi.exchange.policy import Caller
from kakehashi.proof import TreeHead


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of a node.

    Attributes:
        id: UUID; what addresses carry.
        title: For people.
        alias: A short name that addresses take too, or ``None``.
    """

    id: str
    title: str
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object of an envelope.

    Attributes:
        id: Its id.
        version: Its version.
        failure: Why it was not stored; ``None`` where it is.
        new: Whether it was not there before.
    """

    id: str
    version: str
    failure: str | None = None
    new: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an envelope.

    Attributes:
        id: Id of the status.
        at: When it was taken in.
        outcomes: One for each object, in their order.
    """

    id: str
    at: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which objects are asked for; empty means all.

    Attributes:
        added_after: Only what was added later, as the store writes times.
        ids: Ids.
        types: Types.
        versions: ``last``, ``first``, ``all`` or times; ``last`` where nothing is said.
        spec_versions: Versions of the standard.
    """

    added_after: str | None = None
    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset({"last"})
    spec_versions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as it stands in a collection.

    Attributes:
        seq: Its place in the log.
        added: When it was (last) added there.
        id: Its id.
        version: Its version.
        spec_version: Version of the standard.
        data: Its bytes.
    """

    seq: int
    added: str
    id: str
    version: str
    spec_version: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries in the order in which they were added.

    Attributes:
        entries: What the caller may see and asked for.
        more: Whether there is more that he may see.
        notes: What was found out about the entries by who hands them over; the same page is handed over often.
    """

    entries: tuple[Entry, ...] = field(default=())
    more: bool = False
    notes: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that ``verify`` found wrong."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` looked at and found."""

    head: TreeHead
    objects: int
    findings: tuple[Finding, ...]


class Store(Protocol):
    """The store of a node; :class:`~kakehashi.exchange.sql_store.SqlStore` is the one there is."""

    def post(
        self, caller: Caller, collection: str, objects: Sequence[Any], *, key: str | None = None
    ) -> Receipt:
        """Take in the objects of an envelope, all in one transaction."""

    def page(
        self,
        caller: Caller,
        collection: str,
        filters: Filters,
        *,
        after: int,
        limit: int,
        budget: int,
        now: datetime,
        kept: bool = False,
    ) -> Page:
        """What stands behind ``after``, as far as the caller may see it."""

    def withdraw(
        self, caller: Caller, collection: str, ref: str, *, versions: frozenset[str], reason: str
    ) -> int:
        """Delete an object's versions and leave a tombstone."""

    def tick(self, now: datetime) -> int:
        """Enter again what became visible by the passing of time."""

    def put_member(self, member: Caller, name: str) -> int:
        """Add or change a member."""

    def members(self) -> dict[str, tuple[str, Caller]]:
        """Members by identity: name and rights."""

    def collections(self) -> tuple[Collection, ...]:
        """The node's collections."""

    def status(self, caller: Caller, status_id: str) -> Receipt | None:
        """What became of an envelope of the caller's."""

    def verify(self) -> Verification:
        """Check every byte against the log."""
