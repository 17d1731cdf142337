"""What a member subscribed to: only what concerns certain models, such as a company's own.

A subscription narrows what a member is sent. It is asked after the policy has said yes, so it never widens anything;
a company that subscribes to its own models still needs level, audience and all other conditions.
"""

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from kakehashi.exchange.markings import end_refs, marking_refs, read_marking
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.records import extension_of

_ALWAYS = ("marking-definition", "extension-definition", "identity")
_DEEPEST = 20


class Subscription:
    """What one member is sent, in one snapshot.

    Args:
        con: A connection inside a transaction.
        caller: The member.
    """

    def __init__(self, con: Any, caller: Caller) -> None:
        self._con, self._caller = con, caller
        self._patterns = [one.casefold() for one in caller.models]
        self._known: dict[tuple[str, str], bool] = {}

    def wants(self, ref: str, vkey: str, creator: str) -> bool:
        """Whether a version of an object concerns what the member subscribed to, names it, or is its own.

        Markings and identities are always sent, and so are tombstones: whoever holds a record must hear that it was
        withdrawn.
        """
        if creator == self._caller.identity:
            return True
        key = (ref, vkey)
        if key not in self._known:
            row = self._con.execute(
                "SELECT data FROM objects WHERE id = ? AND vkey = ?", (ref, vkey)
            ).fetchone()
            obj = None if row is None or row[0] is None else json.loads(bytes(row[0]))
            self._known[key] = obj is not None and self._concerns(obj)
        return self._known[key]

    def _concerns(self, obj: Mapping[str, Any]) -> bool:
        """Whether a record, or what it is about where it names no models, concerns the member; nearest first."""
        met, near = set[str](), [obj]
        for _ in range(_DEEPEST + 1):
            if any(map(self._by_itself, near)):
                return True
            refs = {ref for one in near if not models_of(one) for ref in end_refs(one)} - met
            met |= refs
            near = [end for end in map(self._newest, sorted(refs)) if end and end["type"] not in _ALWAYS]
        return False

    def _by_itself(self, obj: Mapping[str, Any]) -> bool:
        if obj["type"] in _ALWAYS or extension_of(obj, "tombstone") or self._names_me(obj):
            return True
        named = [name.casefold() for name in models_of(obj)]
        return any(fnmatchcase(name, pattern) for name in named for pattern in self._patterns)

    def _names_me(self, obj: Mapping[str, Any]) -> bool:
        for ref in marking_refs(obj):
            row = self._con.execute("SELECT data FROM objects WHERE id = ?", (ref,)).fetchone()
            marking = None if row is None or row[0] is None else read_marking(json.loads(bytes(row[0])))
            if marking is not None and self._caller.identity in marking.recipients:
                return True
        return False

    def _newest(self, ref: str) -> Mapping[str, Any] | None:
        row = self._con.execute(
            "SELECT o.data FROM objects o JOIN heads h ON h.id = o.id AND h.vkey = o.vkey WHERE o.id = ?",
            (ref,),
        ).fetchone()
        found: Mapping[str, Any] | None = None if row is None or row[0] is None else json.loads(bytes(row[0]))
        return found


def models_of(obj: Mapping[str, Any]) -> list[str]:
    """The models that an object names, each as ``developer/name`` where it says the developer.

    Examples:
        >>> from kakehashi.exchange.records import extension
        >>> affected = [{"name": "m-1", "developer": "Vendor"}]
        >>> models_of({"extensions": extension("vulnerability", affected=affected)})
        ['Vendor/m-1']
    """
    found: list[str] = []
    for extension, place in (
        ("vulnerability", "affected"),
        ("measurement", "subject"),
        ("course-of-action", "tested_on"),
    ):
        said = (extension_of(obj, extension) or {}).get(place, ())
        for one in said if isinstance(said, list | tuple) else (said,):
            if isinstance(one, Mapping) and "name" in one:
                developer = one.get("developer")
                found.append(f"{developer}/{one['name']}" if developer else str(one["name"]))
            elif isinstance(one, str):
                found.append(one)
    family = (extension_of(obj, "view") or {}).get("affected_family")
    return found + ([family] if isinstance(family, str) and family != "withheld" else [])
