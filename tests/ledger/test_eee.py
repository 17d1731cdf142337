"""Every Eval Ever: what we write is valid and comes back as it went; what others wrote is read with lint."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ledger_samples import item_columns, measurement, put, result_record, run_record, text_rows

from kakehashi.errors import FormatVersionError, InputError, UsageError
from kakehashi.ledger import Ledger, encode
from kakehashi.ledger.eee import export_eee, to_eee
from kakehashi.ledger.importers import import_path
from kakehashi.model import Interval, Measure, Polarity


@pytest.fixture
def full(ledger: Ledger) -> str:
    """A result with everything that a result can have."""
    ledger.append(run_record())
    unbounded = Measure("kakehashi/core:tokens", "own", Polarity.NONE, "count", None, None)
    rows = [
        measurement(std_error=0.2),
        measurement(value=None, reason="insufficient", facets={"category": "hate"}, k=None, interval=None),
        measurement(value=0.5, facets={"category": "violence", "language": "en"}, interval=None),
    ]
    other = encode(measurement(value=12.0, k=None)) | {"measure": encode(unbounded)}
    record = result_record(measurements=[*map(encode, rows), other], details={"note": "ノート"})
    return ledger.append(record, item_columns(), text_rows("canary"))


def test_an_export_is_valid_by_the_published_schemas(shared: Path, ledger: Ledger, full: str) -> None:
    folder = shared / "logs" / "eee" / "schemas"
    aggregate, instance = (
        jsonschema.Draft7Validator(json.loads((folder / name).read_text()))
        for name in ("eval.schema.json", "instance_level_eval.schema.json")
    )
    for texts in (False, True):
        document = to_eee(ledger, full, texts=texts)
        aggregate.validate(document.aggregate)
        assert len(document.instances) == 3
        for row in document.instances:
            instance.validate(row)
    bare = ledger.append(result_record(subject="no items", measurements=[]))
    aggregate.validate(to_eee(ledger, bare).aggregate)


def test_a_record_comes_back_byte_for_byte_from_its_export(tmp_path: Path, ledger: Ledger, full: str) -> None:
    paths = export_eee(ledger, full, tmp_path / "out")
    assert [p.suffix for p in paths] == [".json", ".jsonl"]
    with Ledger.init(tmp_path / "other") as other:
        (report,) = import_path(other, tmp_path / "out")
        assert report.records == (full,)
        assert report.added == 1
        assert other.layout.record(full).read_bytes() == ledger.layout.record(full).read_bytes()
        assert other.measurements() == ledger.measurements()
        mine, theirs = ledger.items(), other.items()
        assert all(list(map(str, mine[c])) == list(map(str, theirs[c])) for c in mine)
        assert other.verify().ok
        (again,) = import_path(other, tmp_path / "out")
        assert again.added == 0


def test_numbers_that_eee_cannot_say_are_not_made_up(ledger: Ledger, full: str) -> None:
    document = to_eee(ledger, full)
    scores = [r["score_details"]["score"] for r in document.aggregate["evaluation_results"]]
    assert scores == [0.25, 0.5, 12.0]  # the insufficient one is not a score of zero
    assert [row["evaluation"]["score"] for row in document.instances] == [1.0, 0.0, 0.0]
    assert document.aggregate["detailed_evaluation_results"]["total_rows"] == 3


def test_an_export_is_without_texts_unless_asked(tmp_path: Path, ledger: Ledger, full: str) -> None:
    for texts, found in ((False, False), (True, True)):
        data = b"".join(p.read_bytes() for p in export_eee(ledger, full, tmp_path / str(texts), texts=texts))
        assert (b"canary" in data) is found
        assert (b"question 1" in data) is found


def test_only_results_can_be_exported(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="is a run"):
        to_eee(ledger, ledger.append(run_record()))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"score": 0.25', '"score": 0.95', "contradicts the measurement beside it"),
        ('\\"value\\":0.25', '\\"value\\":0.95', "contradicts the measurement beside it"),
        ('\\"subject\\":\\"bare\\"', '\\"subject\\":\\"best\\"', "was changed since"),
    ],
)
def test_an_export_that_was_changed_is_refused(
    tmp_path: Path, ledger: Ledger, full: str, old: str, new: str, words: str
) -> None:
    path, _ = export_eee(ledger, full, tmp_path / "out")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with Ledger.init(tmp_path / "other") as other:
        with pytest.raises(InputError, match=words):
            import_path(other, path)
        assert other.root().size == 0


def test_changed_instances_are_refused(tmp_path: Path, ledger: Ledger, full: str) -> None:
    _, samples = export_eee(ledger, full, tmp_path / "out")
    samples.write_bytes(samples.read_bytes().replace(b'"score":0', b'"score":1'))
    with Ledger.init(tmp_path / "other") as other, pytest.raises(InputError, match="the aggregate says"):
        import_path(other, tmp_path / "out")


# ---------------------------------------------------------------- what others wrote


def aggregate(**more: Any) -> dict[str, Any]:
    """A small file in the shape of EEE 0.3."""
    return {
        "schema_version": "0.3.0",
        "evaluation_id": "board/org_model/1750000000",
        "evaluation_timestamp": "1750000000",
        "retrieved_timestamp": "1750000001",
        "source_metadata": {
            "source_name": "Board",
            "source_type": "documentation",
            "source_organization_name": "Org",
            "evaluator_relationship": "third_party",
        },
        "eval_library": {"name": "own", "version": "2.1"},
        "model_info": {"name": "model", "id": "org/model", "additional_details": {}},
        "evaluation_results": [result()],
    } | more


def result(name: str = "bench", score: float = 0.75, **more: Any) -> dict[str, Any]:
    return {
        "evaluation_name": name,
        "source_data": {"dataset_name": name, "source_type": "other"},
        "metric_config": {
            "metric_id": "accuracy",
            "lower_is_better": False,
            "min_score": 0.0,
            "max_score": 1.0,
        }
        | more.pop("config", {}),
        "score_details": {"score": score} | more,
    }


def test_a_foreign_aggregate_becomes_one_record_for_each_evaluation(tmp_path: Path, ledger: Ledger) -> None:
    uncertainty = {
        "standard_error": {"value": 0.02},
        "confidence_interval": {"lower": 0.7, "upper": 0.8, "method": "bootstrap"},
        "num_samples": 400,
    }
    path = put(
        tmp_path / "a.json",
        aggregate(evaluation_results=[result(uncertainty=uncertainty), result("other", 0.5)]),
    )
    (report,) = import_path(ledger, path)
    assert report.added == 2
    first, second = ledger.measurements()
    assert (first.subject, first.measure.id, first.value) == ("org/model", "Board/bench:accuracy", 0.75)
    assert (first.n, first.std_error, first.measure.unit) == (400, 0.02, "proportion")
    assert first.interval == Interval(0.7, 0.8, 0.95, "stated (bootstrap; level not stated, 0.95 assumed)")
    assert (second.interval, second.std_error, second.n) == (None, None, None)
    assert first.provenance.method_version == "2.1"
    assert import_path(ledger, path)[0].added == 0


def test_offsets_are_found_on_the_way_in_and_never_used_in_silence(tmp_path: Path, ledger: Ledger) -> None:
    offsets = {"confidence_interval": {"lower": -0.0318, "upper": 0.0318, "confidence_level": 0.95}}
    path = put(tmp_path / "a.json", aggregate(evaluation_results=[result(score=0.88, uncertainty=offsets)]))
    (report,) = import_path(ledger, path)
    assert [(part, f.code) for part, f in report.findings] == [("bench", "interval-offset")]
    assert ledger.measurements()[0].interval is None
    kept = ledger.get(report.records[0]).body["details"]
    assert kept["originals"][0]["measurement"]["interval"]["low"] == -0.0318
    (fixed,) = import_path(ledger, path, fix=True)
    assert fixed.added == 1  # the mended reading is another reading
    between = ledger.measurements()[-1].interval
    assert between is not None
    assert round(between.low, 4) == 0.8482


def test_an_unknown_level_is_a_missing_value(tmp_path: Path, ledger: Ledger) -> None:
    config = {"score_type": "levels", "has_unknown_level": True, "min_score": None, "lower_is_better": True}
    path = put(tmp_path / "a.json", aggregate(evaluation_results=[result(score=-1, config=config)]))
    import_path(ledger, path)
    (found,) = ledger.measurements()
    assert found.value is None
    assert found.measure.polarity is Polarity.LOWER
    assert "unknown" in found.reason


def test_a_value_in_quarantine_stands_in_the_record_s_details(tmp_path: Path, ledger: Ledger) -> None:
    (report,) = import_path(
        ledger, put(tmp_path / "a.json", aggregate(evaluation_results=[result(score=7.5)]))
    )
    assert report.quarantined == 1
    assert ledger.measurements() == []
    assert ledger.get(report.records[0]).body["details"]["quarantine"][0]["measurement"]["value"] == 7.5


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (aggregate(schema_version="0.4.0"), "every-eval-ever 0.4.0"),
        (aggregate(schema_version="new"), "not Every Eval Ever"),
        (aggregate(model_info=[]), "model_info is not an object"),
        (aggregate(model_info={"name": "x"}), "model_info.id is not a text"),
        (aggregate(evaluation_results={}), "not a list"),
        (aggregate(evaluation_results=[]), "no result was found"),
        (aggregate(evaluation_results=[result(score="high")]), "score of 'bench' is not a number"),  # type: ignore[arg-type]
    ],
)
def test_a_broken_file_is_one_clear_error_and_leaves_the_ledger_alone(
    tmp_path: Path, ledger: Ledger, body: object, words: str
) -> None:
    path = put(tmp_path / "a.json", body)
    with pytest.raises(InputError, match=words) as caught:
        import_path(ledger, path)
    assert "a.json" in str(caught.value) or isinstance(caught.value, FormatVersionError)
    assert ledger.root().size == 0


def test_a_cut_or_endlessly_nested_file_is_one_clear_error(tmp_path: Path, ledger: Ledger) -> None:
    path = put(tmp_path / "a.json", aggregate())
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    with pytest.raises(InputError, match=r"ends too early|not JSON"):
        import_path(ledger, path)
    path.write_bytes(whole[:-1] + b', "x": ' + b"[" * 1000 + b"]" * 1000 + b"}")
    with pytest.raises(InputError, match="nested deeper"):
        import_path(ledger, path)
    path.write_bytes(whole.replace(b"bench", "bänch".encode("latin-1")))
    with pytest.raises(InputError, match="not UTF-8"):
        import_path(ledger, path)
    assert ledger.root().size == 0


def test_the_real_records_are_read_and_all_their_offsets_found(shared: Path, ledger: Ledger) -> None:
    reports = import_path(ledger, shared / "logs" / "eee")
    assert len(reports) == 16
    offsets = [f for r in reports for _, f in r.findings if f.code == "interval-offset"]
    # Four models of Global MMLU Lite, 16 languages each, every interval of theirs is an offset.
    assert len(offsets) == 64
    assert {f.certain for f in offsets} == {True}
    assert not [m for m in ledger.measurements() if m.interval is not None]
    assert len(ledger.items()["sample"]) == 1
    size = ledger.root().size
    import_path(ledger, shared / "logs" / "eee")
    assert ledger.root().size == size
    assert ledger.verify().ok


def test_nobody_knows_a_file_of_no_format(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="no importer knows this"):
        import_path(ledger, tmp_path / "notes.txt")
    with pytest.raises(InputError, match="no such file"):
        import_path(ledger, tmp_path / "nothing")
