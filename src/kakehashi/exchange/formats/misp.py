"""MISP events in the core format, with the AI objects: in and out.

An event becomes a grouping that carries the document; ``ai-chat-prompt`` an attack-pattern with a hash of its prompt,
never the prompt; the other objects ``x-misp-object``, the type that misp-stix gives them; CVE attributes
vulnerabilities. Who may see: TLP tags become levels, a distribution to a group becomes an audience, PAP a statement;
what is not understood, or "your organisation only", leaves the object to its creator.

References:
    MISP core format, draft-dulaunoy-misp-core-format-20. MISP objects and taxonomies (CC0 / BSD-2).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from kakehashi.errors import InputError
from kakehashi.exchange.formats.base import (
    Format,
    Held,
    Reading,
    Status,
    Writing,
    day,
    imported,
    level_of,
    marked,
    seconds,
    statuses,
)
from kakehashi.exchange.ids import LEVELS, derived_id
from kakehashi.exchange.records import Record, extension, extension_of
from kakehashi.exchange.validate import moment, problems_of
from kakehashi.proof import parse_json

READS: dict[str, Status] = {
    "uuid": "direct",
    "info": "direct",
    "date": "direct",
    "timestamp": "direct",
    "publish_timestamp": "unmapped",
    "published": "unmapped",
    "analysis": "approximate",
    "threat_level_id": "approximate",
    "distribution": "approximate",
    "sharing_group_id": "partial",
    "SharingGroup": "partial",
    "Org": "unmapped",
    "Orgc": "partial",
    "Tag": "partial",
    "Galaxy": "unmapped",
    "Object": "partial",
    "Attribute": "partial",
    "EventReport": "unmapped",
    "RelatedEvent": "unmapped",
}
WRITES: dict[str, Status] = {
    "id": "direct",
    "name": "direct",
    "description": "direct",
    "created": "partial",
    "modified": "approximate",
    "labels": "direct",
    "external_references": "partial",
    "object_marking_refs": "approximate",
    "extensions": "partial",
}
PROMPT = "ai-chat-prompt"
_TLP = {"white": "clear", **{level: level for level in LEVELS}}
_PAP = ("RED", "AMBER", "GREEN", "CLEAR", "WHITE")
_AUDIENCE = {"1": "misp:this-community", "2": "misp:connected-communities"}
_TLP_OUT = {"clear": "3", "green": "1"}
_CVE = re.compile(r"CVE-\d{4}-(0\d{3}|[1-9]\d{3,})")
_ANALYSIS = {"0": "initial", "1": "ongoing", "2": "completed"}
_THREAT = {"1": "high", "2": "medium", "3": "low", "4": "undefined"}
_BASE = "2020-11-01T00:00:00.000Z"


@dataclass(frozen=True, slots=True)
class _Who:
    """Who may see a part: its level, and the markings besides; no level leaves it to its creator."""

    level: str | None
    markings: tuple[Record, ...] = ()

    def properties(self) -> dict[str, Any]:
        return marked(self.level, *(one["id"] for one in self.markings)) if self.level else {}


def events_of(document: Any) -> list[Any] | None:
    """The events of a parsed document, or ``None`` where it is not MISP's."""
    if not isinstance(document, Mapping):
        return None
    if "Event" in document and "type" not in document:
        return [document["Event"]]
    response = document.get("response")
    if (
        isinstance(response, list)
        and response
        and all(isinstance(v, Mapping) and "Event" in v for v in response)
    ):
        return [one["Event"] for one in response]
    return None


def misp_objects(data: bytes, *, name: str = "", level: str | None = None) -> Reading:
    """The STIX objects of MISP events.

    Args:
        data: The document.
        name: Name of its file.
        level: TLP level for events that say none; they stay their creator's alone without one.

    Raises:
        InputError: It is no MISP event, or not as the core format has it.
    """
    document = parse_json(data, path=name or None)
    events = events_of(document)
    if events is None:
        raise InputError("not a MISP event", path=name or None)
    sound: list[Record] = []
    held: list[Held] = []
    fields: dict[str, Status] = {}
    for at, event in enumerate(events):
        where = "Event" if len(events) == 1 else f"response/{at}/Event"
        raw = data if len(events) == 1 else _bytes({"Event": event})
        try:
            made = list(_event(event, raw, level))
        except _Misformed as error:
            held.append((raw, [f"{where}{error}"]))
            continue
        problems = [f"{where}: {obj['type']}: {line}" for obj in made for line in problems_of(obj)]
        if problems:
            held.append((raw, problems))
            continue
        sound += made
        fields |= (extension_of(made[-1], "imported") or {})["fields"]
    known = {obj["id"]: obj for obj in sound}
    return Reading(tuple(known.values()), fields, tuple(held))


class _Misformed(Exception):
    """What is not as the core format has it; the message begins with the path."""


def _event(event: Any, raw: bytes, level: str | None) -> Iterator[Record]:
    if not isinstance(event, Mapping):
        raise _Misformed(": not an object")
    uuid = _uuid(event, "")
    if not isinstance(event.get("info"), str) or not event["info"].strip():
        raise _Misformed("/info: missing")
    born = day(event.get("date"))
    if born is None:
        raise _Misformed("/date: missing or not a date")
    if str(event.get("distribution", "0")) not in {"0", "1", "2", "3", "4"}:
        raise _Misformed("/distribution: none of 0 to 4")
    modified = seconds(event.get("timestamp")) or born
    times = {"spec_version": "2.1", "created": min(born, modified), "modified": modified}
    tags = _tags(event, "")
    who = _who(event, tags, level)
    made: list[Record] = []
    for at, one in enumerate(_list(event, "Object", "")):
        made += _object(one, f"/Object/{at}", who, times, uuid)
    for at, one in enumerate(_list(event, "Attribute", "")):
        made += _vulnerability(one, f"/Attribute/{at}", who, times, uuid)
    prompts = any(one["type"] == "attack-pattern" for one in made)
    if prompts and who.level in ("clear", "green"):
        # The document holds the prompts' texts: payloads are AMBER, which without an audience is their creator's.
        whole = _Who("amber", who.markings)
    else:
        whole = who
    orgc = event.get("Orgc")
    labels = [
        *tags,
        *(
            [f"analysis: {_ANALYSIS[str(event['analysis'])]}"]
            if str(event.get("analysis")) in _ANALYSIS
            else []
        ),
        *(
            [f"threat-level: {_THREAT[str(event['threat_level_id'])]}"]
            if str(event.get("threat_level_id")) in _THREAT
            else []
        ),
        *([f"organisation: {orgc['name']}"] if isinstance(orgc, Mapping) and orgc.get("name") else []),
    ]
    seen = {one["id"]: one for part in (who, *(_of(one) for one in made)) for one in part.markings}
    yield from seen.values()
    for one in made:
        yield {key: value for key, value in one.items() if key != "_who"}
    grouping = f"grouping--{uuid}"
    yield {
        "type": "grouping",
        **times,
        "id": grouping,
        "name": event["info"],
        "context": "unspecified",
        "object_refs": [one["id"] for one in made] or [grouping],
        **({"labels": labels} if labels else {}),
        **whole.properties(),
        "extensions": imported("misp/core", raw, statuses(READS, event), whole=True),
    }


def _of(obj: Record) -> _Who:
    found = obj.get("_who")
    return found if isinstance(found, _Who) else _Who(None)


def _uuid(one: Mapping[str, Any], where: str) -> str:
    try:
        found = UUID(str(one["uuid"]))
    except (KeyError, ValueError):
        raise _Misformed(f"{where}/uuid: missing or no UUID") from None
    if found.version not in (1, 2, 3, 4, 5):
        raise _Misformed(f"{where}/uuid: no UUID that STIX takes")
    return str(found)


def _list(one: Mapping[str, Any], name: str, where: str) -> list[Any]:
    found = one.get(name) or []
    if not isinstance(found, list) or not all(isinstance(v, Mapping) for v in found):
        raise _Misformed(f"{where}/{name}: not a list of objects")
    return found


def _tags(one: Mapping[str, Any], where: str) -> list[str]:
    names = [tag.get("name") for tag in _list(one, "Tag", where)]
    if not all(isinstance(name, str) and name for name in names):
        raise _Misformed(f"{where}/Tag: a tag without a name")
    return [str(name) for name in names]


def _who(one: Mapping[str, Any], tags: Sequence[str], level: str | None) -> _Who:
    """What tags and distribution of an event ask; any tag of TLP that is not known leaves it to its creator."""
    said = [tag[4:].strip().lower() for tag in tags if tag.lower().startswith("tlp:")]
    if any(word not in _TLP for word in said):
        return _Who(None)
    levels = [_TLP[word] for word in said] or ([level] if level else [])
    strictest = max(levels, key=LEVELS.index) if levels else None
    reach = str(one.get("distribution", "0"))
    if reach == "0" or strictest is None:
        return _Who(None)
    markings = []
    if reach in _AUDIENCE:
        markings.append(_audience(_AUDIENCE[reach]))
    elif reach == "4":
        group = one.get("SharingGroup")
        key = group.get("uuid") if isinstance(group, Mapping) else None
        key = key or one.get("sharing_group_id")
        if not key or str(key) == "0":
            return _Who(None)
        markings.append(_audience(f"misp:sharing-group:{key}"))
    for tag in tags:
        if tag.upper().startswith("PAP:"):
            word = tag[4:].strip().upper()
            if word not in _PAP:
                return _Who(None)
            markings.append(
                _statement(f"PAP:{word} (permissible actions protocol: what may be done with it)")
            )
    return _Who(strictest, tuple(markings))


def _narrower(event: _Who, one: Mapping[str, Any], tags: Sequence[str]) -> _Who:
    """Who may see a part of an event: never more than see the event."""
    reach = str(one.get("distribution", "5"))
    own = _who({**one, "distribution": "3" if reach == "5" else reach}, tags, event.level)
    if event.level is None or own.level is None:
        return _Who(None)
    level = max(event.level, own.level, key=LEVELS.index)
    known = {marking["id"]: marking for marking in (*event.markings, *own.markings)}
    return _Who(level, tuple(known.values()))


def _audience(community: str) -> Record:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": derived_id("marking-definition", "misp", community),
        "created": _BASE,
        "name": community,
        "extensions": extension("sharing", communities=[community]),
    }


def _statement(text: str) -> Record:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": derived_id("marking-definition", "misp", text),
        "created": _BASE,
        "definition_type": "statement",
        "definition": {"statement": text},
    }


def _object(one: Mapping[str, Any], where: str, event: _Who, times: Record, of: str) -> list[Record]:
    uuid = _uuid(one, where)
    if not isinstance(one.get("name"), str) or not one["name"]:
        raise _Misformed(f"{where}/name: missing")
    attributes = _list(one, "Attribute", where)
    for at, attribute in enumerate(attributes):
        for name in ("object_relation", "type", "value"):
            if not isinstance(attribute.get(name), str):
                raise _Misformed(f"{where}/Attribute/{at}/{name}: missing or not a text")
    who = event
    for part in (one, *attributes):
        who = _narrower(who, part, _tags(part, where))
    common = {**times, **who.properties(), "_who": who}
    if one["name"] == PROMPT:
        return [_prompt(attributes, common, uuid, of)]
    rows = [
        {"object_relation": a["object_relation"], "type": a["type"], "value": a["value"]} for a in attributes
    ]
    return [
        {
            "type": "x-misp-object",
            **common,
            "id": f"x-misp-object--{uuid}",
            "x_misp_name": one["name"],
            **({"x_misp_meta_category": one["meta-category"]} if one.get("meta-category") else {}),
            **({"x_misp_attributes": rows} if rows else {}),
        }
    ]


def _prompt(attributes: Sequence[Mapping[str, Any]], common: Record, uuid: str, of: str) -> Record:
    said = {a["object_relation"]: a["value"] for a in attributes}
    prompts = [a["value"] for a in attributes if a["object_relation"] == "prompt"]
    if not prompts:
        raise _Misformed(f": object {uuid}: {PROMPT} without prompt")
    names = {"model": "model", "role": "role", "act-as": "act-as", "result": "result"}
    return {
        "type": "attack-pattern",
        **common,
        "id": f"attack-pattern--{uuid}",
        "name": said.get("comment") or f"chat prompt {uuid}",
        "labels": [
            f"misp-object: {PROMPT}",
            *(f"{word}: {said[key]}" for key, word in names.items() if key in said),
        ],
        "extensions": extension(
            "attack-pattern",
            payload_ref=f"misp:event/{of}/object/{uuid}",
            payload_sha256=sha256("\n".join(prompts).encode()).hexdigest(),
        ),
    }


def _vulnerability(one: Mapping[str, Any], where: str, event: _Who, times: Record, of: str) -> list[Record]:
    value = one.get("value")
    if one.get("type") != "vulnerability" or not isinstance(value, str) or not _CVE.fullmatch(value):
        return []
    uuid = _uuid(one, where)
    who = _narrower(event, one, _tags(one, where))
    return [
        {
            "type": "vulnerability",
            **times,
            **who.properties(),
            "_who": who,
            "id": f"vulnerability--{uuid}",
            "name": value,
            **({"description": str(one["comment"])} if one.get("comment") else {}),
            "external_references": [{"source_name": "cve", "external_id": value}],
        }
    ]


def _write(objects: Sequence[Record]) -> Writing:
    """A MISP event about the first object, with the others inside."""
    objects = [obj for obj in objects if obj["type"] not in ("marking-definition", "identity")]
    if not objects:
        raise InputError("markings and identities alone are no event")
    first = objects[0]
    levels = [level_of(obj) for obj in objects]
    level = None if None in levels else max((v for v in levels if v), key=LEVELS.index)
    names = [f"tlp:{level}"] if level else []
    names += [label for obj in objects for label in obj.get("labels", ())]
    body = extension_of(first, "vulnerability") or {}
    threat = {"critical": "1", "high": "1", "medium": "2", "low": "3"}.get(body.get("severity_band", ""), "4")
    stamp = str(int(moment(str(first.get("modified", first["created"]))).timestamp()))
    event = {
        "uuid": first["id"].partition("--")[2],
        "info": str(first.get("name") or first.get("abstract") or first["id"]),
        "date": first["created"][:10],
        "timestamp": stamp,
        "published": False,
        "analysis": "2",
        "threat_level_id": threat,
        "distribution": _TLP_OUT.get(level or "", "0"),
        "sharing_group_id": "0",
        "Tag": [{"name": name} for name in dict.fromkeys(names)],
        "Attribute": [row for obj in objects for row in _attributes(obj, stamp)],
    }
    present = {name for obj in objects for name in obj} - {"type", "spec_version"}
    return Writing(
        (json.dumps({"Event": event}, ensure_ascii=False, indent=2) + "\n").encode(),
        {name: WRITES.get(name, "unmapped") for name in sorted(present)},
    )


def _attributes(obj: Record, stamp: str) -> Iterator[dict[str, Any]]:
    def row(kind: str, category: str, value: str, comment: str) -> dict[str, Any]:
        return {
            "uuid": derived_id("attribute", obj["id"], kind, value).partition("--")[2],
            "type": kind,
            "category": category,
            "value": value,
            "comment": comment,
            "to_ids": False,
            "timestamp": stamp,
            "distribution": "5",
            "sharing_group_id": "0",
        }

    what = f"{obj['type']}: {obj.get('name', obj['id'])}"
    if obj.get("description"):
        yield row("text", "Other", obj["description"], what)
    for one in obj.get("external_references", ()):
        if one["source_name"] == "cve":
            yield row("vulnerability", "External analysis", one["external_id"], what)
        elif "url" in one:
            yield row("link", "External analysis", one["url"], one.get("description", one["source_name"]))
    measured = extension_of(obj, "measurement")
    if measured is not None:
        k, n = measured["observed_count"], measured["trial_count"]
        yield row("text", "Other", f"{measured['counted']}: {k} of {n}", f"measurement: {measured['method']}")


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


FORMAT = Format(
    "misp",
    "MISP core format",
    lambda _, document: events_of(document) is not None,
    lambda data, name, level: misp_objects(data, name=name, level=level),
    _write,
    READS,
    WRITES,
)
