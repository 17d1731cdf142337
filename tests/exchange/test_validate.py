"""STIX objects are valid here exactly when stix2-validator says so."""

import json
from random import Random
from uuid import uuid5

import pytest
from jsonschema import Draft202012Validator
from stix_corpus import KINDS, VULNERABILITY, ours, spoiled, whole

from kakehashi.errors import InputError
from kakehashi.exchange.ids import EXTENSIONS, NAMESPACE, TLP_2, TLP_EXTENSION, TLP_IDS
from kakehashi.exchange.records import make, measured, measurement, sharing_marking
from kakehashi.exchange.validate import moment, problems_of, schema_document


def oracle(obj: object) -> bool:
    validator = pytest.importorskip("stix2validator")
    try:
        return bool(
            validator.validate_instance(obj, validator.ValidationOptions(version="2.1", silent=True)).is_valid
        )
    except (
        Exception
    ):  # it raises on what is wrong at the root, and stumbles over what it has already found wrong
        return False


def disagreements(seed: int, number: int) -> tuple[list[object], int]:
    random = Random(seed)
    wrong, invalid = [], 0
    for _ in range(number):
        obj = spoiled(random.choice(KINDS), random)
        valid = oracle(obj)
        invalid += not valid
        if valid == bool(problems_of(obj)):
            wrong.append((obj, problems_of(obj), valid))
    return wrong, invalid


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_object_of_each_type_is_valid_for_both(kind):
    assert problems_of(whole(kind)) == []
    assert oracle(whole(kind))


@pytest.mark.filterwarnings("ignore")
def test_both_agree_on_400_spoiled_objects():
    wrong, invalid = disagreements(11, 400)
    assert wrong == []
    assert 200 < invalid < 400  # the corpus holds both kinds


@pytest.mark.proof
@pytest.mark.filterwarnings("ignore")
def test_both_agree_on_5500_spoiled_objects():
    wrong, invalid = disagreements(12, 5500)
    assert wrong == []
    assert invalid > 500


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"observed_count": 21}, "21 of 20 trials"),
        ({"observed_count": 7.0}, "no floats"),
        ({"trial_count": 0}, "less than the minimum"),
        ({"rate": "0.35"}, "Additional properties"),
        ({"protocol_sha256": "abc"}, "does not match"),
    ],
)
def test_a_measurement_that_breaks_its_schema_is_refused(body, said):
    sound = {
        "observed_count": 7,
        "trial_count": 20,
        "counted": "complied",
        "subject": {"name": "m"},
        "method": "x",
    }
    assert problems_of(whole("sighting", extensions=ours("measurement", **sound))) == []
    found = problems_of(whole("sighting", extensions=ours("measurement", **sound | body)))
    assert any(said in line for line in found), found


def test_an_extension_on_the_wrong_type_is_refused():
    found = problems_of(
        whole("vulnerability", extensions=ours("alert", level="urgent", action="x", drill=True))
    )
    assert found == ["extension alert: belongs on note, not on vulnerability"]


@pytest.mark.parametrize(
    ("kind", "name", "body", "where"),
    [
        ("note", "request", {"direction": "request", "resource": "compute", "until": "2026-02-30"}, "until"),
        ("note", "alert", {"deadline": "2026-01-01T24:00:00Z"}, "deadline"),
        ("marking-definition", "sharing", {"embargo_until": "0000-01-01T00:00:00Z"}, "embargo_until"),
        ("sighting", "measurement", {"date": "2026-13-01"}, "date"),
        ("sighting", "measurement", {"retest": {"retested": "2026-01-01T00:00:00Z\n"}}, "retest/retested"),
        ("grouping", "disclosure", {"timeline": [{"at": "2026-04-31T00:00:00Z", "event": "told"}]}, "timeline/*/at"),
    ],
)  # fmt: skip
def test_a_time_in_an_extension_is_one_of_the_calendar(kind, name, body, where):
    # What passed the pattern alone would have stopped everybody who reads such times, such as all balances.
    sound = whole(kind)["extensions"].get(EXTENSIONS[name], {}) if name != "request" else {}
    obj = whole(
        kind, extensions={EXTENSIONS[name]: {**sound, "extension_type": "property-extension", **body}}
    )
    found = problems_of(obj)
    assert len(found) == 1
    assert found[0].startswith(f"extension {name}: {where}: ")
    assert "no time of the calendar" in found[0]


def test_types_that_a_node_has_no_use_for_are_refused():
    assert problems_of({"type": "file", "id": "file--1"}) == ["objects of type file are not exchanged here"]


def test_the_ids_of_extensions_are_fixed_and_derived_as_documented():
    for name, value in EXTENSIONS.items():
        assert value == f"extension-definition--{uuid5(NAMESPACE, f'kakehashi.extension/{name}/1')}"
        Draft202012Validator.check_schema(schema_document(name))
        assert "number" not in json.dumps(schema_document(name)), "no floats in what may be signed"
    # Written out once more, so that no change of the derivation can pass unseen.
    assert EXTENSIONS["measurement"] == "extension-definition--7062ad23-dd6f-516f-bbf5-4ca777d778cf"
    assert EXTENSIONS["sharing"] == "extension-definition--abeeac93-88d2-5b5c-92cf-ce3cfff9362e"


def test_tlp_ids_are_those_of_the_standards():
    stix2 = pytest.importorskip("stix2")
    for color, level in (("WHITE", "clear"), ("GREEN", "green"), ("AMBER", "amber"), ("RED", "red")):
        assert TLP_IDS[getattr(stix2.v21, f"TLP_{color}").id] == level
    assert TLP_2["amber+strict"] == "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
    assert TLP_EXTENSION == "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
    assert len(TLP_IDS) == 9


def test_a_measurement_holds_k_and_n_and_its_reader_computes_the_interval():
    sighting = measurement(VULNERABILITY, 7, 20, counted="complied", subject={"name": "m"}, method="own/x")
    assert not any(isinstance(v, float) for v in sighting["extensions"][EXTENSIONS["measurement"]].values())
    found = measured(sighting)
    assert found is not None
    # Wilson by hand: p = .35, z = 1.96, centre (p + z²/2n)/(1 + z²/n) = .3742, half width .1925.
    assert (round(found.low, 3), round(found.high, 3), found.method) == (0.181, 0.567, "wilson")
    assert measured(whole("note")) is None


def test_what_is_made_is_amber_unless_said_otherwise():
    assert make("vulnerability", name="x")["object_marking_refs"] == [TLP_2["amber"]]
    assert "object_marking_refs" not in sharing_marking(communities=["network"])
    with pytest.raises(InputError, match="not a TLP level"):
        make("vulnerability", name="x", level="orange")
    with pytest.raises(InputError, match="name: missing"):
        make("vulnerability")


def test_moments_are_read_to_the_microsecond():
    assert moment("2026-03-01T09:00:00.1234567Z").microsecond == 123456
    assert moment("2016-12-31T23:59:60Z") > moment("2016-12-31T23:59:59Z")
    with pytest.raises(ValueError):
        moment("2026-02-30T00:00:00Z")
