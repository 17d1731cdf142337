"""Whether an object is STIX 2.1 as this node exchanges it: a fast check with the verdicts of stix2-validator.

Only what the standard demands is asked (its MUSTs); advice is not given. What a node has no use for is refused:
cyber observables, indicators and threat actors belong on another server. Objects of others' own types (``x-…``) are
taken as they are, with the common properties checked.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from kakehashi.exchange.ids import EXTENSIONS
from kakehashi.exchange.quick import Place, compile_schema, no_times, time_places
from kakehashi.proof import parse_json, schema_validator

Check = Callable[[Any], str | None]

_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
_ID = re.compile(rf"(?P<type>[a-z][a-z0-9-]+[a-z0-9])--{_UUID}")
_TYPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-?")
_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?Z"
)
_MILLIS = re.compile(r"\.[0-9]{3,}Z$")
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{2,249}|id")
_SELECTOR = re.compile(r"([a-z0-9_-]{3,249}(\.(\[\d+\]|[a-z0-9_-]{1,250}))*|id)")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_EXTENSION = re.compile(rf"extension-definition--{_UUID}")
_PREDEFINED = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-ext")
_CVE = re.compile(r"CVE-\d{4}-(0\d{3}|[1-9]\d{3,})")
_CAPEC = re.compile(r"CAPEC-\d+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_EXTENSION_TYPES = {"new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension"}
_OPINIONS = {"strongly-disagree", "disagree", "neutral", "agree", "strongly-agree"}
_FORBIDDEN = ("severity", "action", "username", "phone_numbers")
_ORDERED = (("created", "modified"), ("first_seen", "last_seen"))
_HASHES = {"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128}
_OURS = {value: name for name, value in EXTENSIONS.items()}


def problems_of(obj: object) -> list[str]:
    """What is wrong with an object; empty where it may be exchanged.

    Examples:
        >>> problems_of({"type": "tool"})
        ['objects of type tool are not exchanged here']
    """
    if not isinstance(obj, Mapping):
        return ["not a JSON object"]
    kind = obj.get("type")
    if not isinstance(kind, str):
        return ["type: missing or not a string"]
    table = _TYPES.get(kind)
    if table is None and not kind.startswith("x-"):
        return [f"objects of type {kind[:60]} are not exchanged here"]
    required, checks = table or ((), {})
    common = _OF_MARKINGS if kind == "marking-definition" else _COMMON
    found = [f"{name}: missing" for name in (*_REQUIRED, *required) if name not in obj]
    if kind == "marking-definition":
        found = [line for line in found if line != "modified: missing"]
    if not (_TYPE.fullmatch(kind) and 3 <= len(kind) <= 250):
        found.append("type: not a name of a type")
    for name, value in obj.items():
        if not _PROPERTY.fullmatch(name):
            found.append(f"{name[:60]!r}: not a name of a property")
        elif (value is None or value == []) and (
            kind != "marking-definition" or name in common or name in checks
        ):
            found.append(f"{name}: null and empty lists are not STIX")
        elif (check := checks.get(name) or common.get(name)) and (said := check(value)):
            found.append(f"{name}: {said}")
    if found:
        return found
    return _whole(obj, kind)


def _whole(obj: Mapping[str, Any], kind: str) -> list[str]:
    """What can only be said of the object as a whole."""
    found = []
    if not obj["id"].startswith(f"{kind}--"):
        found.append("id: does not begin with the type")
    if kind != "marking-definition":
        found += [f"{name}: not a property of STIX objects" for name in _FORBIDDEN if name in obj]
        found += [
            f"{name}: needs milliseconds" for name in ("created", "modified") if not _MILLIS.search(obj[name])
        ]
    for earlier, later in _ORDERED[: 1 + (kind == "sighting")]:
        if earlier in obj and later in obj and moment(obj[later]) < moment(obj[earlier]):
            found.append(f"{later} ({obj[later]}) is before {earlier} ({obj[earlier]})")
    if kind == "relationship" and {"start_time", "stop_time"} <= obj.keys():
        late = moment(obj["stop_time"]) > moment(obj["start_time"])
        found += [] if late else ["stop_time is not after start_time"]
    if kind == "marking-definition":
        found += _marking_definition(obj)
    if kind == "extension-definition" and "extension_properties" in obj:
        toplevel = "toplevel-property-extension" in obj["extension_types"]
        found += [] if toplevel else ["extension_properties: only for toplevel-property-extension"]
    for marking in obj.get("granular_markings", ()):
        found += [
            f"granular_markings: selector {selector} selects nothing"
            for selector in marking["selectors"]
            if not _selects(obj, selector)
        ]
    return found + extension_problems(obj)


def extension_problems(obj: Mapping[str, Any]) -> list[str]:
    """What is wrong with the extensions of ours that an object carries."""
    found = []
    for key, body in obj.get("extensions", {}).items():
        name = _OURS.get(key)
        if name is None:
            continue
        if (on := _CARRIERS.get(name)) is not None and obj["type"] != on:
            found.append(f"extension {name}: belongs on {on}, not on {obj['type']}")
        if has_float(body):
            found.append(f"extension {name}: no floats in what may be signed; write k and n, or a string")
        for error in () if _quick(name)(body) else _schema(name).iter_errors(body):
            where = "/".join(map(str, error.absolute_path))
            found.append(f"extension {name}: {where or 'as a whole'}: {error.message[:200]}")
        for where, text in () if found else no_times(_time_places(name), body, moment):
            found.append(f"extension {name}: {where}: {text[:60]!r} is no time of the calendar")
        if name == "measurement" and not found and body["observed_count"] > body["trial_count"]:
            found.append(f"extension measurement: {body['observed_count']} of {body['trial_count']} trials")
    return found


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime:
    """A STIX timestamp as a time; a leap second counts as the next second, finer than microseconds is cut.

    Raises:
        ValueError: The text is no such timestamp, or no date of the calendar.
    """
    if not _TIME.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not a timestamp")
    whole, _, fraction = text[:-1].partition(".")
    leap = whole.endswith(":60")
    at = datetime.fromisoformat(whole[:-2] + "59" if leap else whole).replace(tzinfo=UTC)
    micros = int((fraction + "000000")[:6]) if fraction else 0
    return at.replace(microsecond=999_999 if leap else micros)


@cache
def schema_document(name: str) -> dict[str, Any]:
    """The published JSON Schema of one of our extensions."""
    text = files("kakehashi.exchange").joinpath(f"schemas/{name}.schema.json").read_bytes()
    document = parse_json(text)
    assert isinstance(document, dict)
    return document


@cache
def _quick(name: str) -> Callable[[Any], bool]:
    return compile_schema(schema_document(name))


@cache
def _time_places(name: str) -> tuple[Place, ...]:
    return time_places(schema_document(name))


@cache
def _schema(name: str) -> Any:
    return schema_validator(schema_document(name))


def has_float(value: object) -> bool:
    """Whether there is a float anywhere in a value."""
    if isinstance(value, float):
        return True
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return any(type(part) is not str and has_float(part) for part in parts)


def _string(value: object) -> str | None:
    return None if isinstance(value, str) else "not a string"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "not true or false"


def _time(value: object) -> str | None:
    if not isinstance(value, str):
        return "not a string"
    try:
        moment(value)
    except ValueError as error:
        return str(error)
    return None


def _strings(value: object) -> str | None:
    return (
        None
        if isinstance(value, list) and all(isinstance(v, str) for v in value)
        else "not a list of strings"
    )


def _integer(low: int, high: int) -> Check:
    def check(value: object) -> str | None:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not low <= value <= high:  # type: ignore[operator]
            return f"not a whole number from {low} to {high}"
        return None

    return check


def _id(*kinds: str) -> Check:
    def check(value: object) -> str | None:
        found = _ID.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return "not an id (type--uuid)"
        return f"not an id of {' or '.join(kinds)}" if kinds and found["type"] not in kinds else None

    return check


def _ids(*kinds: str) -> Check:
    one = _id(*kinds)

    def check(value: object) -> str | None:
        return next(filter(None, map(one, value)), None) if isinstance(value, list) else "not a list"

    return check


def _not_id_of(*kinds: str) -> Check:
    one = _id()

    def check(value: object) -> str | None:
        return one(value) or (
            f"may not be an id of {' or '.join(kinds)}" if str(value).startswith(kinds) else None
        )

    return check


def _word(value: object) -> str | None:
    return None if isinstance(value, str) and re.fullmatch(r"[a-z0-9-]+", value) else "not lower-case words"


def _choice(allowed: set[str]) -> Check:
    return lambda value: (
        None if isinstance(value, str) and value in allowed else "not one of the standard's values"
    )


def _choices(allowed: set[str]) -> Check:
    def check(value: object) -> str | None:
        right = isinstance(value, list) and all(isinstance(v, str) and v in allowed for v in value)
        return None if right else "not a list of the standard's values"

    return check


def _language(value: object) -> str | None:
    return (
        None if isinstance(value, str) and _LANGUAGE.fullmatch(value) else "not a language code of RFC 5646"
    )


def _references(value: object) -> str | None:
    if not isinstance(value, list):
        return "not a list"
    return next(filter(None, map(_reference, value)), None)


def _reference(value: object) -> str | None:
    if not isinstance(value, Mapping) or not isinstance(source := value.get("source_name"), str):
        return "an entry without source_name"
    for key in ("external_id", "description"):
        if key in value and not isinstance(value[key], str):
            return f"{key} is not a string"
    if "url" in value and not (isinstance(value["url"], str) and _URL.fullmatch(value["url"])):
        return "url is not an address"
    if "hashes" in value and (said := _hashes(value["hashes"])):
        return said
    external = value.get("external_id")
    form = {"cve": _CVE, "capec": _CAPEC}.get(source)
    if form is not None:
        return None if external and form.fullmatch(external) else f"external_id is none of {source}"
    if external and (_CVE.fullmatch(external) or _CAPEC.fullmatch(external)):
        return "external_id is one of cve or capec, source_name is not"
    return None if external or "description" in value or "url" in value else "an entry that refers to nothing"


def _hashes(value: object) -> str | None:
    if not isinstance(value, Mapping) or not value:
        return "hashes is not a dictionary"
    for name, digest in value.items():
        length = _HASHES.get(name)
        if (
            length is None
            or not isinstance(digest, str)
            or not re.fullmatch(rf"[a-fA-F0-9]{{{length}}}", digest)
        ):
            return f"hashes: {name[:40]} is not a hash that is known here, or not of its length"
    return None


def _phases(value: object) -> str | None:
    names = ("kill_chain_name", "phase_name")
    right = isinstance(value, list) and all(
        isinstance(v, Mapping) and all(isinstance(v.get(name), str) for name in names) for v in value
    )
    return None if right else "not a list of kill chain phases"


def _granular(value: object) -> str | None:
    if not isinstance(value, list):
        return "not a list"
    for one in value:
        if not isinstance(one, Mapping):
            return "an entry that is not an object"
        selectors = one.get("selectors")
        if not isinstance(selectors, list) or not selectors:
            return "an entry without selectors"
        if not all(isinstance(s, str) and _SELECTOR.fullmatch(s) for s in selectors):
            return "a selector that is not one"
        if _id("marking-definition")(one.get("marking_ref")):
            return "an entry without marking_ref"
        if "lang" in one and not isinstance(one["lang"], str):
            return "lang is not a string"
    return None


def _extensions(value: object) -> str | None:
    if not isinstance(value, Mapping) or not value:
        return "not a dictionary of extensions"
    for key, body in value.items():
        if not isinstance(body, Mapping) or not body:
            return f"{key[:60]} is empty or not an object"
        if _EXTENSION.fullmatch(key):
            if str(body.get("extension_type")) not in _EXTENSION_TYPES:
                return f"{key[:60]} has no extension_type"
        elif not _PREDEFINED.fullmatch(key):
            return f"{key[:60]!r} is not the id of an extension"
        if any(not _PROPERTY.fullmatch(name) or v is None or v == [] for name, v in body.items()):
            return f"{key[:60]} holds null, an empty list or a wrong name"
    return None


def _marking_definition(obj: Mapping[str, Any]) -> list[str]:
    kind, body = obj.get("definition_type"), obj.get("definition")
    found = []
    if obj["id"] in (
        *obj.get("object_marking_refs", ()),
        *(m["marking_ref"] for m in obj.get("granular_markings", ())),
    ):
        found.append("a marking definition cannot mark itself")
    if "extensions" not in obj and (kind is None or body is None):
        found.append("definition_type and definition, or extensions: missing")
    if kind == "statement" and not (isinstance(body, Mapping) and isinstance(body.get("statement"), str)):
        found.append("definition: a statement needs its text")
    if kind == "tlp":
        level = body.get("tlp") if isinstance(body, Mapping) else None
        if _TLP_1.get(str(level)) != obj["id"] or obj.get("name") != f"TLP:{str(level).upper()}":
            found.append("definition: not one of the four TLP markings that the standard fixes")
        elif obj["created"] != "2017-01-20T00:00:00.000Z":
            found.append("created: not the date that the standard fixes for TLP markings")
        elif set(obj) - {"type", "id", "spec_version", "name", "created", "definition", "definition_type"}:
            found.append("a TLP marking has no further properties")
    return found


def _selects(obj: Mapping[str, Any], selector: str) -> bool:
    here: Any = obj
    for part in selector.split("."):
        if index := re.fullmatch(r"\[(\d+)\]", part):
            if not isinstance(here, list) or int(index[1]) >= len(here):
                return False
            here = here[int(index[1])]
        elif isinstance(here, Mapping) and part in here:
            here = here[part]
        else:
            return False
    return True


_TLP_1 = {
    "white": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "green": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
    "amber": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
    "red": "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}
_REQUIRED = ("type", "spec_version", "id", "created", "modified")
_COMMON: dict[str, Check] = {
    "spec_version": _choice({"2.1"}),
    "id": _id(),
    "created_by_ref": _id(),
    "created": _time,
    "modified": _time,
    "revoked": _boolean,
    "labels": _strings,
    "confidence": _integer(0, 100),
    "lang": _language,
    "external_references": _references,
    "object_marking_refs": _ids("marking-definition"),
    "granular_markings": _granular,
    "extensions": _extensions,
    # What an object is about, wherever it is said: the policy hangs on it, also on objects of others' own types.
    "source_ref": _id(),
    "target_ref": _id(),
    "sighting_of_ref": _id(),
    "object_refs": _ids(),
}
_OF_MARKINGS = {
    name: check for name, check in _COMMON.items() if name not in {"revoked", "labels", "confidence"}
}
_NO_ENDS = ("bundle--", "marking-definition--", "relationship--", "sighting--", "language-content--")
_NAMED: dict[str, Check] = {"name": _string, "description": _string}
_TYPES: dict[str, tuple[tuple[str, ...], dict[str, Check]]] = {
    "vulnerability": (("name",), _NAMED),
    "attack-pattern": (("name",), {**_NAMED, "aliases": _strings, "kill_chain_phases": _phases}),
    "course-of-action": (("name",), _NAMED),
    "incident": (("name",), _NAMED),
    "identity": (
        ("name",),
        {
            **_NAMED,
            "roles": _strings,
            "identity_class": _string,
            "sectors": _strings,
            "contact_information": _string,
        },
    ),
    "grouping": (("context", "object_refs"), {**_NAMED, "context": _string, "object_refs": _ids()}),
    "report": (
        ("name", "published", "object_refs"),
        {**_NAMED, "report_types": _strings, "published": _time, "object_refs": _ids()},
    ),
    "note": (
        ("content", "object_refs"),
        {"abstract": _string, "content": _string, "authors": _strings, "object_refs": _ids()},
    ),
    "opinion": (
        ("opinion", "object_refs"),
        {"explanation": _string, "authors": _strings, "opinion": _choice(_OPINIONS), "object_refs": _ids()},
    ),
    "relationship": (
        ("relationship_type", "source_ref", "target_ref"),
        {
            "relationship_type": _word,
            "description": _string,
            "source_ref": _not_id_of(*_NO_ENDS),
            "target_ref": _not_id_of(*_NO_ENDS),
            "start_time": _time,
            "stop_time": _time,
        },
    ),
    "sighting": (
        ("sighting_of_ref",),
        {
            "description": _string,
            "first_seen": _time,
            "last_seen": _time,
            "count": _integer(0, 999_999_999),
            "sighting_of_ref": _not_id_of(*_NO_ENDS),
            "observed_data_refs": _ids("observed-data"),
            "where_sighted_refs": _ids("identity", "location"),
            "summary": _boolean,
        },
    ),
    "marking-definition": ((), {"name": _string, "definition_type": _string}),
    "extension-definition": (
        ("name", "schema", "version", "extension_types"),
        {
            **_NAMED,
            "schema": _string,
            "version": _string,
            "extension_types": _choices(_EXTENSION_TYPES),
            "extension_properties": _strings,
        },
    ),
}
_CARRIERS = {
    "vulnerability": "vulnerability",
    "attack-pattern": "attack-pattern",
    "course-of-action": "course-of-action",
    "measurement": "sighting",
    "alert": "note",
    "incident": "incident",
    "disclosure": "grouping",
    "request": "note",
    "sharing": "marking-definition",
    "tombstone": "note",
    "view": "vulnerability",
    "opening": "vulnerability",
    "acknowledgement": "note",
    "escalation": "note",
}
TYPES = tuple(sorted(_TYPES))
"""The types of the standard that a node exchanges."""
