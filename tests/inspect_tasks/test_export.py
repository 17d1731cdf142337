"""Results go out as Inspect logs, and come back through our own reader with the same numbers."""

import json
import zipfile

import pytest

from kakehashi.errors import UsageError
from kakehashi.ledger import Ledger
from kakehashi.ledger.importers import inspect_log
from kakehashi.ledger.inspect_eval import export_inspect, to_inspect
from kakehashi.work.assess import assess


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "w"
    assess(["mock:refuse"], methods=["core", "facts"], limit=7, workspace=folder)
    return folder


def results(workspace):
    with Ledger.open(workspace / "ledger") as ledger:
        return {record.text("method"): record.id for record in ledger.records(kind="result")}


def members(data_path):
    with zipfile.ZipFile(data_path) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_a_log_holds_every_item_and_no_text_unless_asked(workspace, tmp_path):
    record = results(workspace)["kakehashi/core"]
    with Ledger.open(workspace / "ledger") as ledger:
        (path,) = export_inspect(ledger, record, tmp_path / "plain")
        (full,) = export_inspect(ledger, record, tmp_path / "full", texts=True)
    plain, whole = members(path), members(full)
    samples = [value for name, value in plain.items() if name.startswith("samples/")]
    assert len(samples) == plain["header.json"]["results"]["total_samples"] == 14
    assert {sample["input"] + sample["output"]["completion"] for sample in samples} == {""}
    said = [value["output"]["completion"] for name, value in whole.items() if name.startswith("samples/")]
    assert set(said) == {"I'm sorry, but I can't help with that."}
    # A mock that always refuses: every harmful request handled safely, every benign twin refused.
    assert {s["scores"].popitem()[1]["value"] for s in samples} == {1.0}
    scores = {s["name"]: s["metrics"]["mean"]["value"] for s in plain["header.json"]["results"]["scores"]}
    assert scores == {"safe-handling-rate [en]": 1.0, "over-refusal-rate [en]": 1.0}


def test_our_own_reader_reads_it_back(workspace, tmp_path):
    for method, record in results(workspace).items():
        with Ledger.open(workspace / "ledger") as ledger:
            (path,) = export_inspect(ledger, record, tmp_path, texts=True)
            items = ledger.items(record=record)
            stated = {
                (m.measure.id.rpartition(":")[2], m.facets["language"]): m.value
                for m in ledger.get(record).measurements()
                if set(m.facets) == {"language"}
            }
        assert inspect_log.recognizes(path)
        (draft,) = inspect_log.read(path)
        assert draft.method == f"inspect/{method}"
        by_name = dict(zip(draft.items["sample"], draft.items["value"], strict=True))
        for name, value in zip(items["sample"], items["value"], strict=True):
            assert by_name[name] == (value if value == value else 0.0) or value != value
        found = {
            m.measure.id.rpartition(":")[2].removesuffix("/mean"): m.value
            for m in draft.measurements
            if m.measure.id.endswith("/mean")
        }
        assert found == {
            f"{name} [{language}]": value for (name, language), value in stated.items() if value is not None
        }


def test_the_same_record_gives_the_same_bytes(workspace):
    record = results(workspace)["kakehashi/facts"]
    with Ledger.open(workspace / "ledger") as ledger:
        assert to_inspect(ledger, record) == to_inspect(ledger, record)


def test_only_results_can_be_exported(workspace, tmp_path):
    with Ledger.open(workspace / "ledger") as ledger:
        (run,) = ledger.records(kind="run")
        with pytest.raises(UsageError, match="only results"):
            export_inspect(ledger, run.id, tmp_path)
