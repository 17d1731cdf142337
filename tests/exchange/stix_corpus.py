"""STIX objects for tests: one whole object of every type exchanged, and seeded spoilings of them."""

import copy
from random import Random
from typing import Any
from uuid import UUID

from kakehashi.exchange.ids import EXTENSIONS, TLP_2

CREATED = "2026-03-01T09:00:00.000Z"


def stix_id(kind: str, number: int) -> str:
    return f"{kind}--{UUID(int=(number << 32) | 0x4000_8000_0000_0000_0000, version=4)}"


def ours(name: str, **body: object) -> dict[str, Any]:
    return {EXTENSIONS[name]: {"extension_type": "property-extension", **body}}


def whole(kind: str, number: int = 1, **more: object) -> dict[str, Any]:
    """An object of a type with the common properties, and what the type asks for."""
    made: dict[str, Any] = {
        "type": kind,
        "spec_version": "2.1",
        "id": stix_id(kind, number),
        "created": CREATED,
        "modified": CREATED,
        **copy.deepcopy(BODIES.get(kind, {})),
        **more,
    }
    if kind == "marking-definition":
        del made["modified"]
    return made


VULNERABILITY = stix_id("vulnerability", 1)
IDENTITY = stix_id("identity", 1)
BODIES: dict[str, dict[str, Any]] = {
    "vulnerability": {
        "name": "weakness 1",
        "description": "synthetic",
        "created_by_ref": IDENTITY,
        "object_marking_refs": [TLP_2["green"]],
        "external_references": [
            {"source_name": "cve", "external_id": "CVE-2024-0132"},
            {"source_name": "page", "url": "https://example.org/a"},
        ],
        "extensions": ours("vulnerability", hazard="synthetic", severity_band="high", languages=["en", "ja"]),
    },
    "attack-pattern": {
        "name": "technique 1",
        "aliases": ["other name"],
        "kill_chain_phases": [{"kill_chain_name": "mitre-atlas", "phase_name": "reconnaissance"}],
        "extensions": ours("attack-pattern", atlas_id="AML.T0051", payload_ref="urn:example:1"),
    },
    "course-of-action": {"name": "filter", "extensions": ours("course-of-action", effect="fewer")},
    "incident": {
        "name": "incident 1",
        "extensions": ours(
            "incident",
            title="t",
            description="d",
            relation="the system answered",
            submitter="s",
            supporting_materials=["urn:example:2"],
            severity_level="low",
            harm_type=["other"],
        ),
    },
    "identity": {
        "name": "Institute A",
        "identity_class": "organization",
        "sectors": ["government"],
        "roles": ["x"],
    },
    "grouping": {
        "context": "unspecified",
        "object_refs": [VULNERABILITY],
        "extensions": ours("disclosure", parties=[{"name": "V", "role": "vendor"}], case_state="open"),
    },
    "report": {
        "name": "r",
        "published": CREATED,
        "object_refs": [VULNERABILITY],
        "report_types": ["vulnerability"],
    },
    "note": {
        "content": "act",
        "object_refs": [VULNERABILITY],
        "authors": ["a"],
        "lang": "en",
        "extensions": ours("alert", level="urgent", action="retest", drill=True),
    },
    "opinion": {"opinion": "agree", "object_refs": [VULNERABILITY], "explanation": "seen too"},
    "relationship": {
        "relationship_type": "mitigates",
        "source_ref": stix_id("course-of-action", 1),
        "target_ref": VULNERABILITY,
        "start_time": CREATED,
        "stop_time": "2026-04-01T00:00:00.000Z",
    },
    "sighting": {
        "sighting_of_ref": VULNERABILITY,
        "first_seen": CREATED,
        "last_seen": CREATED,
        "count": 3,
        "where_sighted_refs": [IDENTITY],
        "summary": False,
        "confidence": 80,
        "extensions": ours(
            "measurement",
            observed_count=7,
            trial_count=20,
            counted="complied",
            subject={"name": "m"},
            method="own/x",
        ),
    },
    "marking-definition": {
        "name": "for two",
        "extensions": ours("sharing", recipients=[IDENTITY], communities=["network"]),
    },
    "extension-definition": {
        "name": "e",
        "created_by_ref": IDENTITY,
        "schema": "urn:example:schema",
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    },
}
KINDS = tuple(BODIES)
_WRONG: tuple[object, ...] = (
    None,
    "",
    "word",
    7,
    -1,
    1.5,
    True,
    [],
    {},
    ["a"],
    [3],
    {"a": 1},
    "2026-13-01T00:00:00Z",
)


def spoiled(kind: str, random: Random) -> dict[str, Any]:
    """An object with one thing done to it; most are invalid then, some are not."""
    made = whole(kind, random.randrange(1, 99))
    name = random.choice(sorted(set(made) - {"type"}))
    match random.randrange(7):
        case 0:
            del made[name]
        case 1 | 2:
            made[name] = random.choice(_WRONG)
        case 3:
            made["granular_markings"] = [
                {
                    "marking_ref": random.choice(list(TLP_2.values())),
                    "selectors": [random.choice([name, "nothing", "a"])],
                }
            ]
        case 4:
            made["modified"] = random.choice(
                ["2026-02-01T00:00:00.000Z", "2026-03-01T09:00:00Z", "2027-02-30T00:00:00.000Z"]
            )
        case 5:
            made[
                random.choice(
                    [
                        "severity",
                        "labels",
                        "revoked",
                        "confidence",
                        "object_marking_refs",
                        "external_references",
                    ]
                )
            ] = random.choice(
                [*_WRONG, [TLP_2["red"]], 100, 101, [{"source_name": "cve", "external_id": "7"}]]
            )
        case 6:
            value = made[name]
            if name == "lang":  # we check its form, the oracle a list that lacks some languages
                made[name] = "not a language"
                return made
            made[name] = (
                value + "x"
                if isinstance(value, str)
                else [value]
                if not isinstance(value, list)
                else value * 2
            )
    return made
