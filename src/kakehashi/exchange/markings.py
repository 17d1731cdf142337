"""Markings read into conditions: what a marking asks of whoever wants to see what bears it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kakehashi.exchange.ids import EXTENSIONS, LEVELS, TLP_EXTENSION, TLP_IDS
from kakehashi.exchange.validate import moment

_NO_CONDITIONS = (EXTENSIONS["signature"], EXTENSIONS["imported"])
CAVEATS = ("national-security", "trade-secret", "personal-data")


@dataclass(frozen=True, slots=True)
class Marking:
    """The conditions of one marking definition.

    Attributes:
        level: TLP 2.0 level, or ``None`` where the marking sets none.
        audience: Whether it names an audience at all; an audience without anybody in it means nobody.
        communities: Communities in the audience.
        recipients: Identities in the audience.
        caveats: What a reader must be cleared for, every one.
        embargo_until: Until when only ``embargo_recipients`` may see.
        embargo_recipients: Who may see during the embargo.
    """

    level: str | None = None
    audience: bool = False
    communities: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()
    caveats: frozenset[str] = frozenset()
    embargo_until: datetime | None = None
    embargo_recipients: frozenset[str] = frozenset()


BUILT_IN: Mapping[str, Marking] = {key: Marking(level=level) for key, level in TLP_IDS.items()}
"""The TLP markings, known without anybody sending them."""


def read_marking(obj: Mapping[str, Any]) -> Marking | None:
    """The conditions of a marking definition, or ``None`` where it says something unknown.

    A statement (such as a copyright notice) asks nothing and sets no level. A definition with any extension or type
    that is not understood is unknown as a whole, and what bears it stays with its creator.

    Args:
        obj: A valid ``marking-definition``.
    """
    if obj["id"] in BUILT_IN:
        return BUILT_IN[obj["id"]]
    extensions = obj.get("extensions", {})
    if not extensions:
        return Marking() if obj.get("definition_type") == "statement" else None
    if "definition_type" in obj and obj["definition_type"] != "statement":
        return None
    level: str | None = None
    body: Mapping[str, Any] = {}
    for key, value in extensions.items():
        if key == TLP_EXTENSION:
            level = str(value.get("tlp_2_0"))
            if level not in LEVELS:
                return None
        elif key == EXTENSIONS["sharing"]:
            body = value
        elif key not in _NO_CONDITIONS:
            return None
    until = body.get("embargo_until")
    return Marking(
        level=level,
        audience="communities" in body or "recipients" in body,
        communities=frozenset(body.get("communities", ())),
        recipients=frozenset(body.get("recipients", ())),
        caveats=frozenset(body.get("caveats", ())),
        embargo_until=None if until is None else moment(until),
        embargo_recipients=frozenset(body.get("embargo_recipients", ())),
    )


def marking_refs(obj: Mapping[str, Any]) -> frozenset[str]:
    """Every marking on an object and on parts of it."""
    refs = obj.get("object_marking_refs", ())
    parts = (one.get("marking_ref") for one in obj.get("granular_markings", ()))
    return frozenset((*refs, *filter(None, parts)))


def object_level_refs(obj: Mapping[str, Any]) -> frozenset[str]:
    """The markings on an object as a whole."""
    return frozenset(obj.get("object_marking_refs", ()))


def end_refs(obj: Mapping[str, Any]) -> tuple[str, ...]:
    """What an object is about: both ends of a relationship, what was sighted, what a note or report is on."""
    single = (obj[name] for name in ("source_ref", "target_ref", "sighting_of_ref") if name in obj)
    return tuple(dict.fromkeys((*single, *obj.get("object_refs", ()))))


KEPT_HERE = "kept-here"
"""Stands among the markings of what was pulled and may not be forwarded; no marking bears this name, so that nobody
but the member who pulled it sees it."""


def stays_here(obj: Mapping[str, Any], statements: frozenset[str]) -> bool:
    """Whether a record that was pulled stays with its receiver.

    Args:
        obj: The record.
        statements: Ids of markings that are plain statements.
    """
    if obj.get("type") == "marking-definition":
        marking = read_marking(obj)
        return (
            marking is None or marking.audience or bool(marking.caveats) or marking.embargo_until is not None
        )
    levels = [TLP_IDS.get(ref) for ref in marking_refs(obj) - statements]
    return not levels or any(level not in ("clear", "green") for level in levels)
