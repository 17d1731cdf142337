"""A run's counted shares become signed sightings, once."""

import json

import pytest

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange import Node, extension_of, make, measured, verify_signature
from kakehashi.ledger import Ledger, encode
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.work.sightings import sight

SHARE = Measure("kakehashi/core:safe-handling-rate", "safety", Polarity.HIGHER)
SCORE = Measure("kakehashi/core:mean-grade", "safety", Polarity.HIGHER, "score")
FROM = Provenance("kakehashi/0.1.0", "kakehashi/core", "1.0", "2026-07-01T12:00:00Z", run="run-1")


def result(subject, *measurements):
    return {
        "kind": "result", "run": "run-1", "subject": subject, "method": "kakehashi/core", "method_version": "1.0",
        "judge": "kakehashi/rules 1", "measurements": [encode(m) for m in measurements],
    }  # fmt: skip


@pytest.fixture
def place(tmp_path):
    with Ledger.init(tmp_path / "ledger") as ledger:
        run = {
            "kind": "run", "run": "run-1", "created": "2026-07-01T12:00:00Z", "software": "kakehashi/0.1.0",
            "subjects": [{"name": "bare", "endpoint": "mock", "model": "m-7", "developer": "Maker"}],
            "methods": [{"id": "kakehashi/core", "version": "1.0"}], "settings": {}, "counts": {"samples": 4},
            "partial": False,
        }  # fmt: skip
        ledger.append(run)
        part = Measurement("bare", SHARE, 0.5, FROM, n=2, k=1.0, facets={"language": "en"})
        mean = Measurement("bare", SCORE, 0.7, FROM, n=4)
        ledger.append(result("bare", Measurement("bare", SHARE, 0.25, FROM, n=4, k=1.0), part, mean))
        ledger.append(result("guarded", Measurement("guarded", SHARE, 1.0, FROM, n=4, k=4.0)))
    return tmp_path


@pytest.fixture
def known(place):
    node = Node.init(place / "exchange", "Institute A")
    vulnerability = make("vulnerability", name="x", level="green")
    node.store.post(node.me(), node.collection("findings").id, [vulnerability])
    yield node, vulnerability["id"]
    node.store.close()


def test_each_counted_share_of_the_whole_run_becomes_a_sighting(place, known):
    node, of = known
    made = sight("run-1", of=of, workspace=place)
    page = node.store.page(node.me(), node.collection("findings").id)
    stored = [json.loads(entry.data) for entry in page.entries if entry.id.startswith("sighting")]
    assert stored == list(made)
    bodies = [extension_of(one, "measurement") for one in made]
    assert [(b["subject"]["name"], b["observed_count"], b["trial_count"]) for b in bodies] == [
        ("bare", 1, 4),
        ("guarded", 4, 4),
    ]
    assert bodies[0]["subject"] == {"name": "bare", "version": "m-7", "developer": "Maker"}
    assert (bodies[0]["counted"], bodies[0]["judge"]) == (SHARE.id, "kakehashi/rules 1")
    # Wilson at 4 of 4 by hand: 1 / (1 + z²/n) = 1/1.9604 = .510.
    assert round(measured(made[1]).low, 3) == 0.510
    assert all(verify_signature(one, [node.key().verifier]) for one in made)
    with Ledger.open(place / "ledger") as ledger:
        assert ledger.get(made[0]["external_references"][0]["external_id"]).text("subject") == "bare"


def test_the_same_run_again_changes_nothing(place, known):
    node, of = known
    first = sight("run-1", of=of, workspace=place, subjects=("bare",))
    size = node.store.verify().head.size
    assert sight("run-1", of=of, workspace=place, subjects=("bare",)) == first
    assert node.store.verify().head.size == size


def test_what_cannot_be_sighted_is_said(place, known):
    _, of = known
    with pytest.raises(UnknownNameError, match="no-such"):
        sight("run-1", of=of, workspace=place, measures=("no-such",))
    with pytest.raises(UnknownNameError, match="unknown object"):
        sight("run-1", of=of.replace("-4", "-5"), workspace=place)
    with pytest.raises(InputError, match="no share of counted items"):
        sight("run-1", of=of, workspace=place, subjects=("nobody",))
    with pytest.raises(InputError, match="not a TLP level"):
        sight("run-1", of=of, workspace=place, level="orange")
    with pytest.raises(UnknownNameError):
        sight("run-9", of=of, workspace=place)
