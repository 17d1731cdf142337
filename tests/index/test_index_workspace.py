"""Measures from one's own ledger and exchange node, made by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from kakehashi.commitments import load_catalog
from kakehashi.exchange import Node, make
from kakehashi.exchange.records import extension
from kakehashi.index import assemble
from kakehashi.index.words import source_words
from kakehashi.ledger import encode
from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.work.evidence import Source, add_evidence, retract_evidence
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

WHEN = "2026-07-01T12:00:00Z"


def values(workspace, name, as_of="2026-11-25"):
    return next(one for one in assemble(workspace, as_of) if one.measure.id == name).values


def results(place, methods):
    """A ledger with the values of each method, model by model."""
    with open_ledger(place.ledger, write=True) as ledger:
        ledger.append(
            {
                "kind": "run", "run": "r1", "created": WHEN, "software": "kakehashi/0.1.0",
                "subjects": [{"name": f"m{i}", "endpoint": "mock", "model": "m"} for i in range(10)],
                "methods": [{"id": name, "version": "1.0"} for name in methods],
                "settings": {}, "counts": {}, "partial": False,
            }
        )  # fmt: skip
        for name, scores in methods.items():
            measure = Measure(f"{name}:rate", "safety", Polarity.HIGHER)
            made = Provenance("kakehashi/0.1.0", name, "1.0", WHEN, run="r1")
            for number, score in enumerate(scores):
                found = Measurement(f"m{number}", measure, score, made, n=100, k=100 * score)
                ledger.append(
                    {
                        "kind": "result", "run": "r1", "subject": f"m{number}", "method": name,
                        "method_version": "1.0", "measurements": [encode(found)],
                    }
                )  # fmt: skip


ORDER = [i / 20 for i in range(10)]


def test_agreement_between_methods_by_hand(tmp_path):
    swapped = [*ORDER[:4], ORDER[5], ORDER[4], *ORDER[6:]]
    results(Workspace(tmp_path), {"a/one": ORDER, "b/two": swapped})
    (one,) = values(tmp_path, "method-disagreement")
    # of the 45 pairs of 10 models one stands the other way round: (44 - 1) / 45
    assert one.value == pytest.approx(100 * 43 / 45)
    assert one.interval.low < one.value <= one.interval.high <= 100
    assert (one.n, one.as_of) == (1, "2026-07-01")
    assert not values(tmp_path, "method-disagreement", "2026-06-30"), "the ledger did not exist then"


def test_agreement_needs_ten_models_in_common(tmp_path):
    results(Workspace(tmp_path), {"a/one": ORDER[:9], "b/two": ORDER[:9]})
    assert not values(tmp_path, "method-disagreement")


def test_commitment_evidence_by_hand(tmp_path):
    place = Workspace(tmp_path)
    catalog = load_catalog()

    def add(**changes):
        made = {
            "organization": "anthropic", "provisions": ["frontier-commitments-2"], "finding": "found",
            "date": "2026-11-20", "author": "N. N.", "source": Source(url="https://example.org/a"),
            "today": datetime(2026, 11, 25, tzinfo=UTC).date(), "marking": "clear",
        }  # fmt: skip
        return add_evidence(catalog, place, **(made | changes))

    add()
    add(provisions=["frontier-commitments-3"], finding="not-found", source=None, searched="its site")
    add(organization="openai", marking="red")  # not for everybody: counts as not checked
    gone = add(organization="openai", provisions=["frontier-commitments-3"])
    day = datetime.now(UTC).date().isoformat()

    def told():
        return {one.facets["state"]: one.value for one in values(tmp_path, "commitment-evidence", day)}

    # commitments I to VIII and eight practices, 16 provisions, by 20 signatories; three pairs have public evidence
    assert told() == {"found": 2, "not-found": 1, "gone": 0, "not-checked": 16 * 20 - 3}
    retract_evidence(place, gone, reason="wrong page", author="N. N.")
    # what its author withdrew says nothing any more
    assert told() == {"found": 1, "not-found": 1, "gone": 0, "not-checked": 16 * 20 - 2}


def case(node, number, state, opened, changed=None):
    made = make(
        "grouping",
        level="amber",
        creator=node.me().identity,
        now=opened,
        context="unspecified",
        object_refs=["vulnerability--00000000-0000-4000-8000-000000000001"],
        extensions=extension(
            "disclosure", parties=[{"name": f"V{number}", "role": "vendor"}], case_state="open"
        ),
    )
    versions = [made]
    if state != "open":
        body = extension("disclosure", parties=[{"name": f"V{number}", "role": "vendor"}], case_state=state)
        versions.append(
            {**made, "modified": (changed or opened).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "extensions": body}
        )
    return versions


def test_open_cases_of_an_exchange_node_by_hand(tmp_path):
    now = datetime.now(UTC)
    node = Node.init(tmp_path / "exchange", "Institute A")
    findings = node.collection("findings").id
    # open for 1, 2, 3, 10 and 20 days: an embargoed and a published case are open until they are closed
    states = ["open", "open", "embargoed", "published", "open"]
    for number, (days, state) in enumerate(zip((1, 2, 3, 10, 20), states, strict=True)):
        for version in case(node, number, state, now - timedelta(days=days), now - timedelta(hours=20)):
            (outcome,) = node.store.post(node.me(), findings, [version]).outcomes
            assert outcome.failure is None
    assert (only := values(tmp_path, "open-cases", now.date().isoformat())[0]).value == 5
    assert (only.source, only.n) == ("own exchange node", 5)
    assert source_words(only.source)["ja"] == "自機関の交換ノード"
    assert values(tmp_path, "median-days-open", now.date().isoformat())[0].value == 3
    assert not values(tmp_path, "open-cases", (now - timedelta(days=1)).date().isoformat()), (
        "not yet received"
    )
    for version in case(node, 9, "closed", now - timedelta(days=40), now - timedelta(hours=1)):
        node.store.post(node.me(), findings, [version])
    # one closed case is a small count: with the total of 6, 5 open would tell of it
    withheld = values(tmp_path, "open-cases", now.date().isoformat())[0]
    assert (withheld.value is None) != (withheld.n is None)
    node.store.close()
