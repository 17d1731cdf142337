"""Requests and offers: matched, marked fulfilled by whoever was helped, and each member's balance.

Everything goes through the eyes of whoever asks: what he may not see is in no match, sum or count. Sums over others are
shown only where at least three members are behind them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import Record, extension_of, timestamp
from kakehashi.exchange.signing import sign
from kakehashi.exchange.store import Filters

SMALL_CELL = 3
"""Fewer members than this behind a sum, and it is not shown."""

_NOTES = Filters(types=frozenset({"note"}))


@dataclass(frozen=True, slots=True)
class Ask:
    """A request or an offer.

    Attributes:
        id: Id of the note.
        direction: ``request`` or ``offer``.
        by: Identity of the member who deposited it.
        resource: What.
        language: Which language, where that matters.
        amount: How much, ``None`` where it is not said.
        unit: Of what.
        until: Last day.
        fulfilled_by: The offer or member that helped, ``None`` while it is open.
    """

    id: str
    direction: str
    by: str
    resource: str
    language: str | None
    amount: int | None
    unit: str | None
    until: date | None
    fulfilled_by: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a balance.

    Attributes:
        resource: What.
        unit: Of what; ``None`` where times are counted, since no amount was said.
        given: How much was given.
        received: How much was received.
    """

    resource: str
    unit: str | None
    given: int
    received: int


@dataclass(frozen=True, slots=True)
class Sum:
    """What others exchanged among themselves.

    Attributes:
        resource: What.
        unit: As in :class:`Line`.
        amount: How much; ``None`` where fewer than three members are behind it.
    """

    resource: str
    unit: str | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Balance:
    """A member's own balance, and sums over what others exchanged."""

    own: tuple[Line, ...]
    others: tuple[Sum, ...]


def asks(node: Node, caller: Caller) -> tuple[Ask, ...]:
    """The requests and offers that a member may see, newest versions, oldest first."""
    found = []
    for one in node.store.collections():
        if one.id not in caller.reads:
            continue
        page = node.store.page(caller, one.id, _NOTES, limit=10**6, budget=1 << 40)
        for entry in page.entries:
            body = extension_of(json.loads(entry.data), "request")
            by = node.store.creator_of(entry.id)
            if body is None or by is None:
                continue
            until = body.get("until")
            found.append(
                Ask(
                    entry.id,
                    body["direction"],
                    by,
                    body["resource"],
                    body.get("language"),
                    body.get("amount"),
                    body.get("unit"),
                    None if until is None else date.fromisoformat(until),
                    body.get("fulfilled_by"),
                )
            )
    return tuple(found)


def matches(found: Iterable[Ask], *, today: date | None = None) -> list[tuple[Ask, Ask]]:
    """Open requests with open offers that fit: same resource, language and unit where both say one, in time.

    Offers of at least the amount asked come first. Nobody is matched with himself.
    """
    day, listed = today or datetime.now(UTC).date(), list(found)
    alive = [one for one in listed if one.fulfilled_by is None and (one.until is None or one.until >= day)]
    pairs = [
        (wanted, offered)
        for wanted in alive
        for offered in alive
        if (wanted.direction, offered.direction) == ("request", "offer")
        and wanted.by != offered.by
        and wanted.resource == offered.resource
        and all(
            mine is None or theirs is None or mine.casefold() == theirs.casefold()
            for mine, theirs in ((wanted.language, offered.language), (wanted.unit, offered.unit))
        )
    ]
    return sorted(pairs, key=lambda pair: (pair[0].id, not _enough(*pair), pair[1].id))


def _enough(wanted: Ask, offered: Ask) -> bool:
    return wanted.amount is None or (offered.amount is not None and offered.amount >= wanted.amount)


def fulfill(
    node: Node, request: str, by: str, *, collection: str = "findings", now: datetime | None = None
) -> Record:
    """Mark a request of the owner's as fulfilled: whoever was helped says so, not whoever helped.

    Args:
        node: The node.
        request: Id of the request.
        by: Id of the offer, or identity or name of the member, that helped.
        collection: Where it stands.
        now: The time.

    Raises:
        UnknownNameError: There is no such request, offer or member.
        InputError: It is another's, an offer, or was marked already.
    """
    me, target = node.me(), node.collection(collection).id
    page = node.store.page(me, target, Filters(ids=frozenset({request})))
    note = json.loads(page.entries[0].data) if page.entries else {}
    body = extension_of(note, "request")
    if body is None:
        raise UnknownNameError("request", request, hint="See: kakehashi exchange offers")
    if not node.store.own_ids(node.owner, [request]) or body["direction"] != "request":
        raise InputError("only whoever asked for help marks a request as fulfilled")
    if "fulfilled_by" in body:
        raise InputError(f"{request} is fulfilled already, by {body['fulfilled_by']}")
    known = {one.id: one for one in asks(node, me)}
    helper = by if by in known and known[by].direction == "offer" else node.member(by).identity
    changed = {**body, "fulfilled_by": helper}
    made = {
        **note,
        "created_by_ref": node.owner,
        "modified": timestamp(now or datetime.now(UTC)),
        "extensions": {**note["extensions"], EXTENSIONS["request"]: changed},
    }
    receipt = node.store.post(me, target, [sign(made, node.key())])
    if failure := receipt.outcomes[0].failure:
        raise InputError(failure)
    return made


def balance(node: Node, caller: Caller) -> Balance:
    """What a member gave and received, and sums over what others did; only confirmed help counts.

    Where no amount was said, times are counted instead, on a line of their own.
    """
    found = asks(node, caller)
    offers = {one.id: one.by for one in found if one.direction == "offer"}
    own: dict[tuple[str, str | None], list[int]] = defaultdict(lambda: [0, 0])
    others: dict[tuple[str, str | None], list[tuple[int, str, str]]] = defaultdict(list)
    for one in found:
        if one.direction != "request" or one.fulfilled_by is None:
            continue
        giver = offers.get(one.fulfilled_by, one.fulfilled_by)
        cell = (one.resource, None if one.amount is None else one.unit or "")
        amount = 1 if one.amount is None else one.amount
        if caller.identity in (giver, one.by):
            own[cell][0] += amount if giver == caller.identity else 0
            own[cell][1] += amount if one.by == caller.identity else 0
        else:
            others[cell].append((amount, giver, one.by))
    return Balance(
        tuple(Line(*cell, *sums) for cell, sums in sorted(own.items(), key=_order)),
        tuple(Sum(*cell, _sum(rows)) for cell, rows in sorted(others.items(), key=_order)),
    )


def _order(item: tuple[tuple[str, str | None], object]) -> tuple[str, str]:
    return item[0][0], item[0][1] or ""


def _sum(rows: Sequence[tuple[int, str, str]]) -> int | None:
    """The sum, where three members gave and three received: fewer on one side, and one of them knew the others'.

    Whose an offer is that the caller may not see is not known, so it is nobody's here.
    """
    givers = {giver for _, giver, _ in rows if giver.startswith("identity--")}
    receivers = {taker for _, _, taker in rows}
    if len(givers) < SMALL_CELL or len(receivers) < SMALL_CELL:
        return None
    return sum(amount for amount, _, _ in rows)
