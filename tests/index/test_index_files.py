"""Every shipped file of the index is what its JSON Schema says, and a file that breaks it is found."""

import copy
import json
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from kakehashi.commitments.lined import read_lined
from kakehashi.index.records import BOUNDS

FOLDER = Path(str(files("kakehashi.index"))) / "data"
SCHEMAS = {
    "measures.yaml": "schema.json",
    "published.yaml": "schema.json",
    "words.yaml": "schema.json",
    "claims.yaml": "claims.schema.json",
}


def validator(name):
    schema = json.loads((FOLDER / SCHEMAS[name]).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_every_file_has_a_schema():
    assert {path.name for path in FOLDER.rglob("*.yaml")} == set(SCHEMAS)
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    assert set(schema["$defs"]["measure"]["properties"]["bounds"]["enum"]) == set(BOUNDS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_file_is_what_its_schema_says(name):
    # Read with lines: a key that YAML reads as another thing (no, on, 1) or that stands twice is refused on the way.
    assert [one.message for one in validator(name).iter_errors(read_lined(FOLDER / name))] == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("measures.yaml", lambda body: body["measures"][0]["title"].pop("ja")),
        ("measures.yaml", lambda body: body["measures"][0].update({False: "1"})),
        ("measures.yaml", lambda body: body["measures"][0].update(unit="furlongs")),
        ("published.yaml", lambda body: body["values"][0].update(basis="M")),
        ("published.yaml", lambda body: body["values"][0].update(vintage="7 April 2025")),
        ("words.yaml", lambda body: body["units"].update(count={"en": "count", "ja": ""})),
        ("claims.yaml", lambda body: body["claims"][0].pop("source")),
    ],
)
def test_what_breaks_a_schema_is_found(name, change):
    body = copy.deepcopy(yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")))
    body = json.loads(json.dumps(body, default=str))
    before = list(validator(name).iter_errors(body))
    change(body)
    assert before == []
    assert list(validator(name).iter_errors(json.loads(json.dumps(body)))) != []
