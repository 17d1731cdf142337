"""Taking in files: strict and quarantine, AVID and ATLAS whole, and back without loss."""

import json
import tarfile

import pytest
from nodes import GREEN, vulnerability
from stix_corpus import whole

from kakehashi.errors import InputError
from kakehashi.exchange import (
    Filters,
    Node,
    avid_document,
    avid_objects,
    extension_of,
    measured,
    problems_of,
    take_in,
)

AVID = {
    "data_type": "AVID",
    "data_version": "0.3.3",
    "metadata": {"report_id": "AVID-2026-R9001"},
    "affects": {"developer": ["Maker"], "deployer": [], "artifacts": [{"type": "Model", "name": "model-1"}]},
    "problemtype": {
        "classof": "CVE Entry",
        "type": "Advisory",
        "description": {"lang": "eng", "value": "of CVE-2024-0132"},
    },
    "metrics": [
        {
            "name": "",
            "detection_method": {"type": "Static Threshold", "name": "Count failed"},
            "results": {
                "rows": [
                    {
                        "detector": "synthetic.A",
                        "passed": 56,
                        "total_evaluated": 58,
                        "score": 96.55172413793103,
                    },
                    {"detector": "synthetic.B", "passed": 0, "total_evaluated": 6, "score": 0.0},
                ]
            },
        }
    ],
    "references": [{"type": "source", "label": "a page", "url": "https://example.org/a"}],
    "description": {"lang": "eng", "value": "synthetic"},
    "impact": {
        "avid": {"risk_domain": ["Security"]},
        "cvss": {"baseSeverity": "CRITICAL", "vectorString": "CVSS:3.1/AV:N"},
    },
    "reported_date": "2024-09-26",
    "reports": [{"report_id": "AVID-2026-R9000", "type": "Advisory", "name": "x"}],
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


def test_an_avid_report_becomes_a_vulnerability_measurements_and_relationships_and_comes_back_whole():
    data = json.dumps(AVID, indent=2).encode()
    vulnerability, *measurements, relationship = avid_objects(data)
    assert avid_document(vulnerability) == data
    assert vulnerability["name"] == "of CVE-2024-0132"
    assert vulnerability["created"] == "2024-09-26T00:00:00.000Z"
    assert {"source_name": "cve", "external_id": "CVE-2024-0132"} in vulnerability["external_references"]
    said = extension_of(vulnerability, "vulnerability")
    assert (said["severity_band"], said["hazard"]) == ("critical", "Security")
    assert said["affected"] == [{"name": "model-1", "developer": "Maker"}]
    assert [(m.value, m.n) for m in map(measured, measurements)] == [(56 / 58, 58), (0.0, 6)]
    # Wilson at 0 of 6 by hand: low 0, high z²/(n + z²) = 3.8415/9.8415 = .390.
    assert round(measured(measurements[1]).high, 3) == 0.390
    assert (
        relationship["target_ref"]
        == avid_objects(json.dumps(AVID | {"metadata": {"report_id": "AVID-2026-R9000"}}).encode())[0]["id"]
    )
    fields = extension_of(vulnerability, "imported")["fields"]
    assert set(fields) == set(AVID)
    assert fields["reported_date"] == "direct"
    assert (
        extension_of(avid_objects(json.dumps(AVID | {"metrics": []}).encode())[0], "imported")["fields"][
            "metrics"
        ]
        == "unmapped"
    )


def test_a_document_changed_inside_its_record_is_not_given_back():
    vulnerability = avid_objects(json.dumps(AVID).encode())[0]
    body = next(b for b in vulnerability["extensions"].values() if "document" in b)
    body["document"] = body["document"].replace("synthetic", "Synthetic")
    with pytest.raises(InputError, match="was changed"):
        avid_document(vulnerability)
    with pytest.raises(InputError, match="does not come from AVID"):
        avid_document(whole("vulnerability"))


def test_strict_refuses_a_file_and_quarantine_keeps_what_breaks_the_standard(node, tmp_path):
    late = vulnerability(2, GREEN, created="2027-01-01T00:00:00.000Z")
    path = tmp_path / "bundle.json"
    path.write_text(
        json.dumps({"type": "bundle", "objects": [vulnerability(1, GREEN), late, {"type": "tool"}]})
    )
    with pytest.raises(InputError, match="2 of 3 objects break the standard"):
        take_in(node, [path])
    assert held(node) == []
    done = take_in(node, [path], quarantine=True)
    assert (done.new, len(done.held)) == (1, 2)
    assert "is before created" in done.held[0][1][0]
    assert [json.loads(data) for _, _, data in node.store.quarantined()] == [late, {"type": "tool"}]
    assert take_in(node, [path], quarantine=True).new == 0


@pytest.mark.parametrize(
    "text", ["{", '{"objects": 3}', "[1]", '"x"', '{"type": "bundle"}', '{"data_type": "AVID", "affects": 3}']
)
def test_what_is_no_record_is_refused_and_can_be_kept_aside(node, tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_text(text)
    with pytest.raises(InputError):
        take_in(node, [path])
    assert len(take_in(node, [path], quarantine=True).held) == 1


def test_a_level_marks_what_bears_no_marking_and_nothing_else(node, tmp_path):
    path = tmp_path / "two.json"
    path.write_text(json.dumps([vulnerability(1), vulnerability(2, GREEN)]))
    take_in(node, [path], level="amber")
    from kakehashi.exchange.ids import TLP_2

    assert [obj["object_marking_refs"] for obj in held(node)] == [[TLP_2["amber"]], [GREEN]]


def test_the_whole_of_avid_comes_in_and_goes_out_without_loss(shared, tmp_path):
    archive = shared / "exchange" / "avid-db.tar.gz"
    node = Node.init(tmp_path / "exchange", "Institute A")
    done = take_in(node, [archive])
    assert done.held == []
    vulnerabilities, sightings = held(node, "vulnerability"), held(node, "sighting")
    with tarfile.open(archive, "r|gz") as stream:
        documents = sorted(
            stream.extractfile(entry).read()
            for entry in stream
            if entry.name.endswith(".json") and "/scripts/" not in entry.name
        )
    # 1,754 reports (5 of 2022, 3 of 2023, 25 of 2025, 1,712 of 2026, 9 under review) and 40 vulnerabilities.
    assert len(documents) == len(vulnerabilities) == 1794
    assert sorted(map(avid_document, vulnerabilities)) == documents
    assert len(sightings) == 696
    rows = [
        row
        for d in documents
        for m in json.loads(d).get("metrics") or ()
        for row in (m.get("results") or {}).get("rows", ())
    ]
    assert sorted((row["passed"], row["total_evaluated"]) for row in rows) == sorted(
        (body["observed_count"], body["trial_count"])
        for body in (extension_of(s, "measurement") for s in sightings)
    )
    for sighting in sightings:
        found = measured(sighting)
        assert 0 <= found.low <= found.value <= found.high <= 1
    assert take_in(node, [archive]).new == 0
    assert node.verify().findings == ()
    node.store.close()


def test_the_whole_of_atlas_comes_in_but_for_what_breaks_the_standard(shared, tmp_path):
    path = shared / "exchange" / "atlas" / "stix-atlas.json"
    node = Node.init(tmp_path / "exchange", "Institute A")
    with pytest.raises(InputError, match="3 of 538 objects break the standard"):
        take_in(node, [path], level="clear")
    done = take_in(node, [path], level="clear", quarantine=True)
    reasons = [reason for _, (reason, *_) in done.held]
    assert sum("is before created" in reason for reason in reasons) == 2  # the two techniques
    assert sum("created: missing" in reason for reason in reasons) == 1  # the collection
    # 34 relationships' ids and versions stand for 114 relationships: the first of each is taken, 80 are kept aside.
    assert sum("other content" in reason for reason in reasons) == 80
    assert len(reasons) == 83
    assert len(done.stored) == 538 - 83
    source = {(o["id"], o.get("modified")): o for o in reversed(json.loads(path.read_text())["objects"])}
    for obj in held(node):
        original = source[obj["id"], obj["modified"]]
        assert {k: v for k, v in obj.items() if k != "object_marking_refs"} == original
    node.store.close()


def test_stix2_validator_takes_what_avid_became(shared):
    validator = pytest.importorskip("stix2validator")
    with tarfile.open(shared / "exchange" / "avid-db.tar.gz", "r|gz") as stream:
        names = ("R0128", "R0575", "R0001", "V028")
        chosen = [
            stream.extractfile(e).read()
            for e in stream
            if e.name.endswith(".json") and any(n in e.name for n in names)
        ]
    assert len(chosen) > 4
    for obj in (obj for data in chosen for obj in avid_objects(data)):
        assert problems_of(obj) == []
        options = validator.ValidationOptions(version="2.1", silent=True)
        assert validator.validate_instance(obj, options).is_valid
