"""Formats of others: in, out, back without loss, and a status for each field."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from nodes import GREEN, vulnerability
from stix_corpus import whole

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange import FORMATS, Filters, Node, extension_of, problems_of, take_in, write_as
from kakehashi.exchange.exporting import export, field_statuses, source_of
from kakehashi.exchange.formats import STATUSES, atlas
from kakehashi.exchange.formats.aiid import LICENCE, aiid_objects, rows
from kakehashi.exchange.formats.oecd import CRITERIA, MANDATORY, criterion, oecd_objects
from kakehashi.exchange.ids import TLP_2
from kakehashi.exchange.intake import read_files

DOCS = Path(__file__).resolve().parents[2] / "docs" / "exchange.md"

ATLAS = """---
id: ATLAS
name: Adversarial Threat Landscape for AI Systems
version: 5.6.0
matrices:
- id: ATLAS
  name: ATLAS Matrix
  tactics:
  - {id: AML.TA0002, name: Initial Access, description: d, object-type: tactic,
     created_date: 2022-01-24, modified_date: 2025-04-09}
  techniques:
  - {id: AML.T0000, name: one, description: d, object-type: technique, tactics: [AML.TA0002],
     created_date: 2021-05-13, modified_date: 2025-04-09, maturity: feasible}
  - {id: AML.T0000.001, name: two, description: d, object-type: technique, subtechnique-of: AML.T0000,
     created_date: 2021-05-13, modified_date: 2025-04-09, maturity: feasible}
  - {id: AML.T0001, name: late, description: d, object-type: technique, tactics: [AML.TA0002],
     created_date: 2026-05-13, modified_date: 2025-04-09, maturity: feasible}
  mitigations:
  - {id: AML.M0000, name: m, description: d, object-type: mitigation, category: [Policy],
     techniques: [{id: AML.T0000, use: so}], created_date: 2023-04-12, modified_date: 2025-12-23}
case-studies:
- {id: AML.CS0000, name: c, object-type: case-study, summary: s, incident-date: 2020-01-01, case-study-type: exercise,
   procedure: [{tactic: AML.TA0002, technique: AML.T0000, description: x}]}
"""
AIID = (
    "_id,incident_id,date,reports,Alleged deployer of AI system,Alleged developer of AI system,"
    "Alleged harmed or nearly harmed parties,description,title\r\n"
    'ObjectId(625763db343edc875fe639ff),1,2015-05-19,"[2,3]","[""maker""]","[""maker""]","[""children""]",'
    '"two\nlines, and a comma",Synthetic incident\r\n'
    "ObjectId(625763de343edc875fe63a15),23,2017-11-08,[242],[],[],[],second,Second\r\n"
)
OECD = {
    "framework": "OECD common reporting framework for AI incidents (2025)",
    "incidents": [
        {
            "title": "Synthetic incident",
            "description": "what happened",
            "relation": "cause",
            "submitter": "Institute A",
            "supporting_materials": ["https://example.org/a"],
            "severity_level": "serious",
            "harm_type": ["physical", "reputational"],
            "first_occurrence": "2026-03-01",
        }
    ],
}


@pytest.fixture
def node(tmp_path):
    made = Node.init(tmp_path / "exchange", "Institute A")
    yield made
    made.store.close()


def held(node, *types):
    filters = Filters(types=frozenset(types), versions=frozenset({"all"}))
    page = node.store.page(node.me(), node.collection("findings").id, filters, limit=10_000, budget=1 << 40)
    return [json.loads(entry.data) for entry in page.entries]


def written(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.fixture(scope="session")
def oracle():
    validator = pytest.importorskip("stix2validator")
    options = validator.ValidationOptions(version="2.1", silent=True)

    def check(objects):
        return [obj for obj in objects if not validator.validate_instance(obj, options).is_valid]

    return check


def test_the_documentation_has_the_status_of_every_field():
    text = DOCS.read_text(encoding="utf-8")
    for name, form in FORMATS.items():
        for word, table in (("read", form.reads), ("written", form.writes)):
            if name == "oecd-csv" or not table:
                continue
            for status in STATUSES:
                fields = [field for field, said in table.items() if said == status]
                if fields and name != "oecd":
                    row = f"| `{name}` | {word} | {status} | {', '.join(f'`{f}`' for f in fields)} |"
                    assert row in text, f"docs/exchange.md lacks:\n{row}"


def test_atlas_yaml_becomes_techniques_with_their_tactics_and_comes_back_byte_for_byte(
    node, tmp_path, oracle
):
    path = written(tmp_path, "ATLAS.yaml", ATLAS)
    with pytest.raises(
        InputError, match=r"1 of 9 objects .* AML.T0001: modified .* is before created"
    ) as raised:
        take_in(node, [path])
    assert str(path) in str(raised.value)
    done = take_in(node, [path], quarantine=True)
    assert [reasons[0][:9] for _, reasons in done.held] == ["AML.T0001"]
    objects = held(node)
    assert oracle(objects) == []
    by_key = {atlas.atlas_key(obj): obj for obj in objects if atlas.atlas_key(obj)}
    sub = by_key["AML.T0000.001"]
    assert sub["kill_chain_phases"] == [{"kill_chain_name": "mitre-atlas", "phase_name": "initial-access"}]
    assert extension_of(sub, "attack-pattern")["atlas_id"] == "AML.T0000.001"
    assert by_key["AML.CS0000"]["object_refs"] == [by_key["AML.T0000"]["id"]]
    kinds = Counter(obj.get("relationship_type") for obj in objects)
    assert (kinds["subtechnique-of"], kinds["mitigates"]) == (1, 1)
    (report,) = [obj for obj in objects if obj["name" if "name" in obj else "id"] == "MITRE ATLAS 5.6.0"]
    assert source_of(node, report) == export(node, [report["id"]], "atlas").data == ATLAS.encode()
    assert take_in(node, [path], quarantine=True).new == 0


def test_atlas_is_written_so_that_it_is_read_again(tmp_path):
    reading = atlas.atlas_objects(ATLAS.encode())
    technique = next(obj for obj in reading.objects if atlas.atlas_key(obj) == "AML.T0000")
    made = write_as("atlas", [technique])
    assert made.fields["kill_chain_phases"] == "direct"
    assert made.fields["object_marking_refs"] == "unmapped"
    assert b"AML.T0000" in made.data
    with pytest.raises(InputError, match="has a place for"):
        write_as("atlas", [whole("note")])


def test_atlas_yaml_and_stix_say_the_same(shared):
    folder = shared / "exchange" / "atlas"
    reading = atlas.atlas_objects((folder / "ATLAS.yaml").read_bytes())
    stix = json.loads((folder / "stix-atlas.json").read_text(encoding="utf-8"))["objects"]
    # The two techniques that were modified before they were created are kept aside here as they are there.
    assert sorted(reasons[0][:9] for _, reasons in reading.held) == ["AML.T0087", "AML.T0096"]

    def facts(objects):
        keys = {obj["id"]: atlas.atlas_key(obj) for obj in objects}
        things = {
            (atlas.atlas_key(obj), name): json.dumps(obj.get(name), sort_keys=True)
            for obj in objects
            if atlas.atlas_key(obj) and "AML.CS" not in atlas.atlas_key(obj)
            for name in (
                "name",
                "description",
                "created",
                "modified",
                "kill_chain_phases",
                "x_mitre_shortname",
            )
        }
        links = {
            (o["relationship_type"], keys.get(o["source_ref"]), keys.get(o["target_ref"]))
            for o in objects
            if o["type"] == "relationship"
        }
        return things, links

    (ours, our_links), (theirs, their_links) = facts(list(reading.objects)), facts(stix)
    gone = {"AML.T0087", "AML.T0096"}
    theirs = {key: value for key, value in theirs.items() if key[0] not in gone and key in ours}
    assert len(theirs) == 6 * (16 + 168 + 35)
    assert {key: (ours[key], value) for key, value in theirs.items() if ours[key] != value} == {}
    whole_links = {link for link in their_links if not gone & set(link)}
    assert whole_links <= our_links
    assert {link for link in our_links if None not in link} == whole_links


def test_incidents_of_the_database_come_in_with_the_licence_and_go_out_byte_for_byte(node, tmp_path, oracle):
    path = written(tmp_path, "incidents.csv", AIID)
    assert take_in(node, [path]).new == 3
    first, second = held(node, "incident")
    assert oracle(held(node)) == []
    assert (first["name"], first["external_references"][0]["external_id"]) == ("Synthetic incident", "1")
    # 0x625763db is 1649894363 seconds after 1970: 2022-04-13T23:59:23Z.
    assert first["created"] == "2022-04-13T23:59:23.000Z"
    assert first["labels"] == ["deployer: maker", "developer: maker", "harmed: children", "date: 2015-05-19"]
    (statement,) = held(node, "marking-definition")
    assert statement["definition"]["statement"] == LICENCE
    assert statement["id"] in first["object_marking_refs"]
    out = export(node, [], "aiid", types=["incident"])
    assert (out.data, out.licence) == (AIID.encode(), LICENCE)
    header, one, two = AIID.partition("\r\n")[0] + "\r\n", *[r.raw for r in rows(AIID)]
    assert [source_of(node, obj) for obj in (first, second)] == [
        (header + one).encode(),
        (header + two).encode(),
    ]
    assert take_in(node, [path]).new == 0
    written(tmp_path, "incidents.csv", AIID.replace("second,Second", "second,Mended"))
    assert take_in(node, [path]).new == 1
    assert len(held(node, "incident")) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AIID.replace(",23,", ",x,"), "line 4: incident_id: 'x' is not the number"),
        (AIID.replace("2017-11-08", "2017-13-08"), "line 4: date"),
        (AIID.replace("[],second", "second"), "line 4: 8 cells where the header has 9"),
        (AIID.replace(",Second", ","), "line 4: title: missing"),
        (AIID.replace("[],[],[],second", "[],{,[],second"), "line 4: '{' is not a list"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(node, tmp_path, text, said):
    path = written(tmp_path, "incidents.csv", text)
    with pytest.raises(InputError, match=said):
        take_in(node, [path])
    assert len(take_in(node, [path], quarantine=True).held) == 1


def test_duplicates_and_classifications_hang_on_their_incident(tmp_path):
    doubles = aiid_objects(b"duplicate_incident_number,true_incident_number\n237,120\n").objects[1]
    assert doubles["relationship_type"] == "duplicate-of"
    note = aiid_objects(b"Namespace,Incident ID,Published,Risk Domain\nMIT,120,True,1. Synthetic\n").objects[
        1
    ]
    assert note["object_refs"] == [doubles["target_ref"]]
    assert note["content"] == "Published: True\nRisk Domain: 1. Synthetic"
    assert aiid_objects(b"duplicate_incident_number,true_incident_number\n7,7\n").held[0][1] == [
        "line 2: incident 7 is called a duplicate of itself"
    ]


def test_the_whole_snapshot_comes_in_and_goes_out_byte_for_byte(shared, node):
    folder = shared / "exchange" / "aiid"
    done = take_in(node, [folder])
    assert done.held == []
    kinds = Counter(obj["type"] for obj in held(node))
    # 1,367 incidents, 13 duplicates, 214 CSETv1 and 1,242 MIT classifications, one licence (README of the copy).
    assert kinds == {"incident": 1367, "relationship": 13, "note": 1456, "marking-definition": 1}
    assert export(node, [], "aiid", types=["incident"]).data == (folder / "incidents.csv").read_bytes()
    # Relationships are entered again when an end arrives: the rows are the same, their order is the store's.
    pairs = export(node, [], "aiid", types=["relationship"]).data.splitlines()
    assert sorted(pairs) == sorted(filter(None, (folder / "duplicates.csv").read_bytes().splitlines()))
    notes = {n["abstract"].split()[0]: [] for n in held(node, "note")}
    for note in held(node, "note"):
        notes[note["abstract"].split()[0]].append(note["id"])
    for name, ids in notes.items():
        made = export(node, ids, "aiid").data
        whole_file = (folder / f"classifications_{name}.csv").read_bytes()
        assert len(made) == len(whole_file)
        assert sorted(row.raw for row in rows(made)) == sorted(row.raw for row in rows(whole_file))


def test_a_hundred_thousand_rows_are_read_in_one_pass_with_their_text():
    body = AIID.partition("\r\n")
    one = body[2][: body[2].index("Second\r\n") + 8].splitlines(keepends=True)[-1]
    text = body[0] + "\r\n" + one * 20_000
    count = raw = 0
    for row in rows(text):
        count += 1
        raw += len(row.raw)
    assert (count, raw) == (20_000, len(one) * 20_000)


def test_an_incident_of_our_own_is_a_row_with_what_the_database_has_a_place_for():
    own = whole("incident")
    made = write_as("aiid", [own])
    (row,) = csv.DictReader(io.StringIO(made.data.decode()))
    assert row["title"] == own["name"]
    assert made.fields["extensions"] == "partial"


def test_the_criteria_are_29_and_the_mandatory_ones_seven():
    # OECD (2025), doi 10.1787/f326d4ac-en: mandatory are 1, 2, 3, 4, 7, 10 and 11.
    assert len(CRITERIA) == 29
    assert [CRITERIA.index(name) + 1 for name in MANDATORY] == [1, 2, 3, 4, 7, 10, 11]
    assert criterion("10. harm_type") is None


@pytest.mark.parametrize("form", ["oecd", "oecd-csv"])
def test_an_oecd_incident_goes_out_and_comes_in_without_loss(form, oracle):
    data = json.dumps(OECD).encode()
    (first,) = oecd_objects(data, level="green").objects
    assert write_as("oecd", [first]).data == data
    assert first["object_marking_refs"] == [TLP_2["green"]]
    assert oracle([first]) == []
    body = extension_of(first, "incident")
    del first["extensions"][next(k for k, v in first["extensions"].items() if "document" in v)]
    made = write_as(form, [first])
    (again,) = oecd_objects(made.data).objects
    assert extension_of(again, "incident") == body
    assert again["id"] == first["id"]
    assert {made.fields[name] for name in OECD["incidents"][0]} == {"direct"}
    assert made.fields["object_marking_refs"] == "unmapped"


@pytest.mark.parametrize("name", MANDATORY)
def test_an_incident_without_a_mandatory_criterion_is_refused_with_its_place(name):
    body = {key: value for key, value in OECD["incidents"][0].items() if key != name}
    reading = oecd_objects(json.dumps({**OECD, "incidents": [OECD["incidents"][0], body]}).encode())
    assert len(reading.objects) == 1
    (reason,) = reading.held[0][1]
    assert reason == f"incidents/1: {name}: criterion {CRITERIA.index(name) + 1} is mandatory"
    text = (
        ",".join(OECD["incidents"][0])
        + "\n"
        + ",".join("" if key == name else "x" for key in OECD["incidents"][0])
    )
    assert oecd_objects(text.encode()).held[0][1][0].startswith(f"line 2: {name}: criterion")


def test_the_same_form_again_is_the_same_version_and_a_changed_one_a_newer(node, tmp_path):
    path = written(tmp_path, "incident.json", json.dumps(OECD))
    assert take_in(node, [path], level="green").new == 1
    assert take_in(node, [path], level="green").new == 0
    changed = json.loads(json.dumps(OECD))
    changed["incidents"][0]["severity_level"] = "minor"
    written(tmp_path, "incident.json", json.dumps(changed))
    assert take_in(node, [path], level="green").new == 1
    old, new = held(node, "incident")
    assert (
        old["created"] == new["created"] < old["modified"] < new["modified"]
        or old["modified"] < new["modified"]
    )


def test_a_dry_run_counts_the_status_of_each_field(tmp_path):
    path = written(tmp_path, "incidents.csv", AIID)
    sound, _ = read_files([path])
    counts = {one.field: one.counts for one in field_statuses(obj for _, obj in sound)}
    assert counts["title"]["direct"] == 2
    assert (counts["Alleged deployer of AI system"]["approximate"], counts["reports"]["unmapped"]) == (2, 2)


def test_a_folder_is_read_for_what_is_known_and_other_tables_in_it_are_left(node, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    written(folder, "incidents.csv", AIID)
    written(folder, "ATLAS.yaml", ATLAS.replace("created_date: 2026", "created_date: 2020"))
    written(folder, "budget.csv", "a,b\n1,2\n")
    written(folder, "settings.yml", "a: 1\n")
    assert take_in(node, [folder]).held == []
    assert len(held(node, "incident")) == 2
    with pytest.raises(InputError, match=r"budget\.csv"):
        take_in(node, [folder / "budget.csv"])


def test_unknown_formats_and_places_are_said(node):
    with pytest.raises(UnknownNameError, match="stixx"):
        write_as("stixx", [vulnerability(1, GREEN)])
    with pytest.raises(UnknownNameError):
        export(node, ["vulnerability--11111111-1111-4111-8111-111111111111"], "csaf")
    with pytest.raises(InputError, match="nothing to write"):
        export(node, [], "csaf", types=["vulnerability"])
    with pytest.raises(InputError, match="does not come from AVID"):
        write_as("avid", [vulnerability(1, GREEN)])


def test_everything_that_formats_make_is_valid_here_too():
    made = [*atlas.atlas_objects(ATLAS.encode()).objects, *aiid_objects(AIID.encode()).objects]
    assert [problems_of(obj) for obj in made if problems_of(obj)] == []
