"""MISP events: who may see what, prompts by hash alone, and back without loss."""

import json
from hashlib import sha256

import pytest
from nodes import AMBER, GREEN, vulnerability
from stix_corpus import ours, whole

from kakehashi.errors import InputError
from kakehashi.exchange import FORMATS, Node, extension_of, problems_of, take_in, write_as
from kakehashi.exchange.formats.misp import events_of, misp_objects
from kakehashi.exchange.ids import TLP_2, TLP_IDS

EVENT_ID = "5c3ee8a1-6a2b-4d6e-9a3b-0c9d8b7a6f51"
OBJECT_ID = "7b1f0a52-31d4-4c8e-8f0d-2a9e5c7b1d63"
PROMPT = "synthetic prompt twelve about the blue garden"


def attribute(relation, value, kind="text"):
    return {"object_relation": relation, "type": kind, "value": value, "uuid": OBJECT_ID[:-1] + "0"}


def event(*tags, **more):
    return {
        "uuid": EVENT_ID,
        "info": "Synthetic event",
        "date": "2026-03-01",
        "timestamp": "1772355600",  # 2026-03-01T09:00:00Z
        "published": True,
        "analysis": "2",
        "threat_level_id": "2",
        "distribution": "3",
        "Orgc": {"name": "Institute A", "uuid": OBJECT_ID},
        "Tag": [{"name": tag} for tag in tags],
        "Object": [
            {
                "uuid": OBJECT_ID,
                "name": "ai-chat-prompt",
                "meta-category": "misc",
                "distribution": "5",
                "Attribute": [
                    attribute("prompt", PROMPT),
                    attribute("model", "model-1"),
                    attribute("role", "user"),
                ],
            }
        ],
    } | more


def read(body, **settings):
    return misp_objects(json.dumps({"Event": body}).encode(), **settings)


def of(kind, body, **settings):
    return next(obj for obj in read(body, **settings).objects if obj["type"] == kind)


def level(obj):
    return [TLP_IDS[ref] for ref in obj.get("object_marking_refs", ()) if ref in TLP_IDS]


def test_a_prompt_is_an_attack_pattern_with_a_hash_and_its_text_is_in_the_document_alone():
    pattern, grouping = of("attack-pattern", event("tlp:green")), of("grouping", event("tlp:green"))
    body = extension_of(pattern, "attack-pattern")
    assert body["payload_sha256"] == sha256(PROMPT.encode()).hexdigest()
    assert PROMPT not in json.dumps(pattern)
    assert level(pattern) == ["green"]
    # The document holds the text: AMBER, which nobody but its creator sees without an audience.
    assert level(grouping) == ["amber"]
    assert grouping["object_refs"] == [pattern["id"]]
    assert grouping["modified"] == "2026-03-01T09:00:00.000Z"


def test_an_event_comes_back_byte_for_byte(tmp_path):
    data = json.dumps({"Event": event("tlp:clear", "PAP:AMBER")}, indent=1).encode()
    path = tmp_path / "event.json"
    path.write_bytes(data)
    node = Node.init(tmp_path / "exchange", "Institute A")
    from kakehashi.exchange.exporting import export

    assert take_in(node, [path]).held == []
    assert export(node, [f"grouping--{EVENT_ID}"], "misp").data == data
    assert take_in(node, [path]).new == 0
    node.store.close()


@pytest.mark.parametrize(
    ("tags", "more", "levels"),
    [
        (["tlp:white"], {}, ["clear"]),
        (["tlp:clear"], {}, ["clear"]),
        (["TLP:GREEN"], {}, ["green"]),
        (["tlp:amber+strict"], {}, ["amber+strict"]),
        (["tlp:green", "tlp:red"], {}, ["red"]),
        (["tlp:green", "PAP:RED"], {}, ["green"]),
        ([], {}, []),  # nothing said: its creator's alone
        (["tlp:ex:chr"], {}, []),
        (["tlp:green", "tlp:unclear"], {}, []),
        (["tlp:green", "PAP:PURPLE"], {}, []),
        (["tlp:green"], {"distribution": "0"}, []),
        (["tlp:green"], {"distribution": "4", "sharing_group_id": "0"}, []),
    ],
)
def test_tags_and_distribution_become_markings_and_what_is_unknown_stays_with_its_creator(tags, more, levels):
    pattern = of("attack-pattern", event(*tags, **more))
    assert level(pattern) == levels
    assert bool(pattern.get("object_marking_refs")) == bool(levels)


@pytest.mark.parametrize(
    ("more", "community"),
    [
        ({"distribution": "1"}, "misp:this-community"),
        ({"distribution": "2"}, "misp:connected-communities"),
        ({"distribution": "4", "SharingGroup": {"uuid": OBJECT_ID}}, f"misp:sharing-group:{OBJECT_ID}"),
    ],
)
def test_a_distribution_to_a_group_is_an_audience(more, community):
    made = read(event("tlp:green", **more)).objects
    (marking,) = [obj for obj in made if obj["type"] == "marking-definition"]
    assert extension_of(marking, "sharing")["communities"] == [community]
    pattern = next(obj for obj in made if obj["type"] == "attack-pattern")
    assert pattern["object_marking_refs"] == [GREEN, marking["id"]]


def test_a_part_is_never_seen_by_more_than_see_the_event():
    narrow = event("tlp:amber")
    narrow["Object"][0] |= {"Tag": [{"name": "tlp:clear"}]}
    assert level(of("attack-pattern", narrow)) == ["amber"]
    closed = event("tlp:green")
    closed["Object"][0]["Attribute"][1]["distribution"] = "0"
    assert level(of("attack-pattern", closed)) == []
    assert level(of("attack-pattern", event(), level="green")) == ["green"]


def test_components_are_misp_objects_and_cves_vulnerabilities():
    body = event(
        "tlp:clear", Attribute=[attribute("", "CVE-2024-0132", "vulnerability") | {"uuid": EVENT_ID}]
    )
    body["Object"] = [
        {
            "uuid": OBJECT_ID,
            "name": name,
            "meta-category": "file",
            "Attribute": [attribute(f"{name}-name", "synthetic")],
        }
        for name in ("ai-model-component",)
    ]
    component, found = of("x-misp-object", body), of("vulnerability", body)
    assert component["x_misp_name"] == "ai-model-component"
    assert component["x_misp_attributes"][0]["value"] == "synthetic"
    assert found["external_references"] == [{"source_name": "cve", "external_id": "CVE-2024-0132"}]
    assert level(of("grouping", body)) == ["clear"]  # no prompt in it


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (event(uuid="x"), "Event/uuid: missing or no UUID"),
        (event(info=""), "Event/info: missing"),
        (event(date="soon"), "Event/date: missing"),
        (event(distribution="9"), "Event/distribution"),
        (event(Tag=[{}]), "Event/Tag: a tag without a name"),
        (event(Object=[{"uuid": OBJECT_ID}]), "Event/Object/0/name: missing"),
        (
            event(Object=[{"uuid": OBJECT_ID, "name": "x", "Attribute": [{}]}]),
            "Event/Object/0/Attribute/0/object_rel",
        ),
        (3, "Event: not an object"),
    ],
)
def test_what_is_not_as_the_core_format_has_it_is_held_with_its_path(body, said):
    reading = read(body)
    assert reading.objects == ()
    assert reading.held[0][1][0].startswith(said)


def test_records_become_an_event_of_the_core_format_that_is_read_again():
    seen = whole(
        "sighting",
        extensions=ours("measurement", observed_count=7, trial_count=20, counted="complied", subject={"name": "m"},
                        method="own/x"),
    )  # fmt: skip
    seen["object_marking_refs"] = [GREEN]
    vulnerable = vulnerability(
        1, GREEN, external_references=[{"source_name": "cve", "external_id": "CVE-2024-0132"}]
    )
    made = write_as("misp", [vulnerable, seen])
    (body,) = events_of(json.loads(made.data))
    # The core format's MUSTs of an event: uuid, info, date, threat_level_id, analysis, distribution, timestamp.
    assert {
        "uuid",
        "info",
        "date",
        "published",
        "analysis",
        "threat_level_id",
        "distribution",
        "timestamp",
    } <= set(body)
    assert body["Tag"][0]["name"] == "tlp:green"
    assert body["distribution"] == "1"
    values = [row["value"] for row in body["Attribute"]]
    assert "CVE-2024-0132" in values
    assert "complied: 7 of 20" in values
    again = misp_objects(made.data)
    assert again.held == ()
    assert any(obj["type"] == "vulnerability" and obj["name"] == "CVE-2024-0132" for obj in again.objects)
    assert all(value in ("direct", "partial", "approximate", "unmapped") for value in made.fields.values())


def test_what_has_no_level_or_a_strict_one_leaves_for_its_organisation_alone():
    for refs in ((), (AMBER,), (TLP_2["red"],), (TLP_2["amber+strict"],)):
        (body,) = events_of(json.loads(write_as("misp", [vulnerability(1, *refs)]).data))
        assert body["distribution"] == "0"
    with pytest.raises(InputError, match="no event"):
        write_as("misp", [whole("marking-definition")])


def test_what_is_made_is_valid_for_stix2_validator():
    validator = pytest.importorskip("stix2validator")
    options = validator.ValidationOptions(version="2.1", silent=True)
    made = read(event("tlp:green", "PAP:AMBER", distribution="1")).objects
    assert len(made) == 4
    for obj in made:
        assert problems_of(obj) == []
        assert validator.validate_instance(obj, options).is_valid


def test_the_ai_objects_of_the_shared_definitions_are_read(shared):
    for path in sorted((shared / "exchange" / "misp" / "objects").glob("*/definition.json")):
        template = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            attribute(name, "synthetic", one["misp-attribute"])
            for name, one in template["attributes"].items()
        ]
        body = event("tlp:green")
        body["Object"] = [{"uuid": OBJECT_ID, "name": template["name"], "Attribute": rows}]
        reading = read(body)
        assert reading.held == ()
        kind = "attack-pattern" if template["name"] == "ai-chat-prompt" else "x-misp-object"
        assert [obj["type"] for obj in reading.objects] == [kind, "grouping"]
    assert "misp" in FORMATS
