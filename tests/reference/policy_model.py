"""The sharing policy of the exchange, written a second time from the issue's text, as slow and plain as it can be.

It shares no code with kakehashi.exchange: it reads the objects' JSON itself, keeps everything it was ever told in
lists, and answers "what does this caller see?" by going through all of it.

The text: "A decision needs every condition: TLP 2.0 level, community or named recipients, handling caveats (national
security, trade secret, personal data), embargo time, collection grant; over every marking on the object, its granular
markings, and for relationships both ends. Missing or unknown marking means the creator only; an empty group means
nobody; TLP 1 ids map to TLP 2."
"""

from dataclasses import dataclass, field
from datetime import datetime

ORDER = {"clear": 0, "green": 1, "amber": 2, "amber+strict": 3, "red": 4}
FIXED = {  # TLP 2.0, then the four of TLP 1
    "94868c89-83c2-464b-929b-a1a8aa3c8487": "clear",
    "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green",
    "55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber",
    "939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
    "e828b379-4e03-4974-9ac4-e53a884c97c1": "red",
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}
SHARING = "extension-definition--abeeac93-88d2-5b5c-92cf-ce3cfff9362e"


@dataclass
class Member:
    name: str
    clearance: str | None
    communities: set[str] = field(default_factory=set)
    caveats: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)


@dataclass
class Deposit:
    by: str
    collection: str
    obj: dict
    gone: bool = False


class PolicyModel:
    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.deposits: list[Deposit] = []

    def versions(self, ref: str) -> list[Deposit]:
        found = [d for d in self.deposits if d.obj["id"] == ref]
        return sorted(found, key=lambda d: d.obj.get("modified", d.obj["created"]))

    def walk(self, name: str, collection: str, now: datetime) -> set[tuple[str, str]]:
        """Every (id, version) that a full walk of a collection must show this member, no more and no less."""
        return {
            (d.obj["id"], d.obj.get("modified", d.obj["created"]))
            for d in self.deposits
            if d.collection == collection and not d.gone and self.sees(name, d, now)
        }

    def sees(self, name: str, deposit: Deposit, now: datetime) -> bool:
        newest = self.versions(deposit.obj["id"])[-1]
        member = self.members[name]
        if collection_missing := deposit.collection not in member.reads:
            return not collection_missing
        if deposit.by == name:
            return True
        if not self.marked_for(member, deposit.obj, now) or not self.marked_for(member, newest.obj, now):
            return False
        # "For relationships both ends": every object that it is about, and what those are about in turn. An end
        # that the member deposited itself is seen, whatever that one is about.
        waiting, met = list(self.about(deposit.obj)), set()
        while waiting:
            ref = waiting.pop()
            if ref in met:
                continue
            met.add(ref)
            if not (found := self.versions(ref)):
                return False  # cannot be decided
            end = found[-1]
            if end.collection not in member.reads:
                return False
            if end.by == name:
                continue
            if not self.marked_for(member, end.obj, now):
                return False
            waiting.extend(self.about(end.obj))
        return True

    @staticmethod
    def about(obj: dict) -> list[str]:
        keys = ("source_ref", "target_ref", "sighting_of_ref")
        return [obj[k] for k in keys if k in obj] + list(obj.get("object_refs", []))

    def marked_for(self, member: Member, obj: dict, now: datetime) -> bool:
        on_whole = list(obj.get("object_marking_refs", []))
        on_parts = [g["marking_ref"] for g in obj.get("granular_markings", [])]
        if obj["type"] == "marking-definition" and obj["id"].split("--")[1] not in FIXED:
            on_parts.append(obj["id"])  # who may see what it marks may see the marking
        levels, whole_has_level, audiences, caveats, embargoes = [], False, [], set(), []
        for ref in on_whole + on_parts:
            short = ref.split("--")[1]
            if short in FIXED:
                levels.append(FIXED[short])
                whole_has_level = whole_has_level or ref in on_whole
                continue
            definition = self.versions(ref)
            if not definition:
                return False  # unknown
            definition = definition[0].obj
            if "extensions" not in definition:
                if definition["definition_type"] == "statement":
                    continue
                return False
            if list(definition["extensions"]) != [SHARING]:
                return False
            body = definition["extensions"][SHARING]
            if "communities" in body or "recipients" in body:
                audiences.append((set(body.get("communities", [])), set(body.get("recipients", []))))
            caveats |= set(body.get("caveats", []))
            if "embargo_until" in body:
                until = datetime.fromisoformat(body["embargo_until"])
                embargoes.append((until, set(body.get("embargo_recipients", []))))
        if not whole_has_level and obj["type"] != "marking-definition":
            return False
        level = max([ORDER[x] for x in levels], default=0)
        if member.clearance is None or ORDER[member.clearance] < level:
            return False
        if level >= ORDER["amber"] and not audiences:
            return False
        for communities, recipients in audiences:
            named = member.name in recipients
            shared = bool(communities & member.communities)
            if not (named or (shared and level < ORDER["red"])):
                return False
        if not caveats <= member.caveats:
            return False
        return all(now >= until or member.name in allowed for until, allowed in embargoes)
