"""Who may see what: one pure function, asked at every door.

Every condition must hold. Where one cannot be decided, the answer is no.

1. **Grant**: the caller may read the collection.
2. **Level**: the object bears a TLP level as a whole, and the strictest of its levels is within the caller's clearance.
3. **Audience**: every marking that names an audience has the caller in it, by community or by name. AMBER and
   AMBER+STRICT need an audience; RED needs the caller's name in every audience, a community is not enough.
4. **Caveats**: the caller is cleared for each.
5. **Embargo**: it has ended, or the caller is among those named for it.
6. **Ends**: the caller may see everything that the object is about.

All markings count: on the object, on parts of it (nothing is cut out of what was signed: who may not see a part does
not see the whole), and those of its newest version (restricting an object restricts its history). The creator, that
is the member who deposited the object at this node, sees it always; ``created_by_ref`` is a claim and opens nothing. A
missing level or an unknown marking leaves it with the creator alone. Being administrator opens nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from kakehashi.exchange.ids import LEVELS
from kakehashi.exchange.markings import BUILT_IN, Marking

ROLES = ("reader", "contributor", "releaser", "alert-officer", "auditor", "administrator")
"""What members may be. Reader and contributor follow from the collections that a member reads and writes; releasers
and alert officers are persons with keys; an auditor reads who read what; an administrator, the members' rights."""

_RANK = {level: rank for rank, level in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        identity: STIX id of the member.
        clearance: Highest TLP level that the member may see at all, or ``None``.
        communities: Communities that the member belongs to.
        caveats: Caveats that the member is cleared for.
        reads: Collections that the member may read.
        writes: Collections that the member may write to.
        roles: Of :data:`ROLES`; none of them opens content.
        models: What the member subscribed to, such as ``vendor/*``; empty means everything. It narrows what is sent
            (:mod:`kakehashi.exchange.subscription`) and never widens what may be seen.
    """

    identity: str
    clearance: str | None = None
    communities: frozenset[str] = frozenset()
    caveats: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Marks:
    """The markings on one version of an object.

    Attributes:
        whole: Ids of the markings on the object as a whole.
        every: Ids of those and of the markings on parts of it.
    """

    whole: frozenset[str]
    every: frozenset[str]


@dataclass(frozen=True, slots=True)
class Item:
    """What the policy has to know of an object.

    Attributes:
        creator: Identity of the member who deposited it.
        collection: Collection that it stands in.
        marks: Of this version and of the newest; each must be satisfied.
        ends: Ids of what it is about.
        is_marking: Whether it is a marking definition: that needs no level of its own.
    """

    creator: str
    collection: str
    marks: tuple[Marks, ...]
    ends: tuple[str, ...] = ()
    is_marking: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether, and the first condition that failed (for the object's creator and for tests, never for the caller)."""

    allowed: bool
    reason: str


def may_see(
    caller: Caller,
    item: Item,
    markings: Mapping[str, Marking],
    now: datetime,
    items: Mapping[str, Item] = MappingProxyType({}),
    known: dict[str, bool] | None = None,
) -> bool:
    """Whether a caller may see an object.

    Args:
        caller: Who asks.
        item: The object.
        markings: What the markings known here say, by id; the TLP markings need not be among them.
        now: The time.
        items: What objects are about, by id, each with the marks of its newest version. An end that is not among
            them is unknown here, and what is about it stays with its creator.
        known: What was found out of ends, by id; filled, to be given again for the same caller, state and time.

    Examples:
        >>> from datetime import UTC
        >>> from kakehashi.exchange.ids import TLP_2
        >>> green = frozenset({TLP_2["green"]})
        >>> item = Item("identity--a", "findings", (Marks(green, green),))
        >>> caller = Caller("identity--b", clearance="amber", reads=frozenset({"findings"}))
        >>> may_see(caller, item, {}, datetime(2026, 1, 1, tzinfo=UTC))
        True
    """
    return decide(caller, item, markings, now, items, known).allowed


def decide(
    caller: Caller,
    item: Item,
    markings: Mapping[str, Marking],
    now: datetime,
    items: Mapping[str, Item] = MappingProxyType({}),
    known: dict[str, bool] | None = None,
) -> Decision:
    """:func:`may_see` with the reason.

    The walk over ends needs no stack, however long a chain of notes on notes somebody deposits, and asks of each end
    once: ``came`` holds what was met and from where, so that a refusal refuses all that led to it.
    """
    own = _alone(caller, item, markings, now)
    if own is not None:
        return own
    found = {} if known is None else known
    came: dict[str, str | None] = dict.fromkeys(item.ends)
    waiting = list(came)
    while waiting:
        ref = waiting.pop()
        end = items.get(ref)
        allowed = found.get(ref)
        if allowed is None and end is not None:
            alone = _alone(caller, end, markings, now)
            allowed = None if alone is None else alone.allowed
            if alone is None:
                fresh = [one for one in end.ends if one not in came]
                came |= dict.fromkeys(fresh, ref)
                waiting += fresh
                continue
        if not allowed:
            back: str | None = ref
            while back is not None:
                found[back] = False
                back = came[back]
            return Decision(False, "an end")
    found |= dict.fromkeys(came, True)
    return Decision(True, "all conditions")


def _alone(caller: Caller, item: Item, markings: Mapping[str, Marking], now: datetime) -> Decision | None:
    """What is decided without looking at what an object is about; ``None`` where that is all that is left to ask."""
    if item.collection not in caller.reads:
        return Decision(False, "no grant")
    if caller.identity == item.creator:
        return Decision(True, "creator")
    for marks in item.marks:
        if reason := _refusal(caller, marks, markings, now, needs_level=not item.is_marking):
            return Decision(False, reason)
    return None


def _refusal(
    caller: Caller, marks: Marks, markings: Mapping[str, Marking], now: datetime, *, needs_level: bool
) -> str | None:
    found = {ref: BUILT_IN.get(ref) or markings.get(ref) for ref in marks.every}
    known = [one for one in found.values() if one is not None]
    if len(known) < len(found):
        return "unknown marking"
    if needs_level and not any((one := found[ref]) and one.level for ref in marks.whole):
        return "no level"
    strictest = max((_RANK[one.level] for one in known if one.level), default=0)
    if caller.clearance is None or strictest > _RANK[caller.clearance]:
        return "level"
    audiences = [one for one in known if one.audience]
    if strictest >= _RANK["amber"] and not audiences:
        return "no audience"
    red = strictest == _RANK["red"]
    for one in audiences:
        if caller.identity not in one.recipients and (red or not one.communities & caller.communities):
            return "audience"
    if any(one.caveats - caller.caveats for one in known):
        return "caveat"
    if any(
        one.embargo_until is not None
        and now < one.embargo_until
        and caller.identity not in one.embargo_recipients
        for one in known
    ):
        return "embargo"
    return None
