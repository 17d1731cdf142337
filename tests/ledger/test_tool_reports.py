"""garak and promptfoo: files that the tools wrote themselves, and broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.ledger import Ledger, import_path
from kakehashi.model import Polarity

FIXTURES = Path(__file__).parent / "fixtures"
GARAK = FIXTURES / "tests.report.jsonl"
PROMPTFOO = FIXTURES / "promptfoo_sums.json"


# ---------------------------------------------------------------- garak


def test_garak_gives_a_record_a_probe_and_a_rate_a_detector(ledger: Ledger) -> None:
    (report,) = import_path(ledger, GARAK)
    assert (report.importer, report.added, report.findings) == ("garak", 2, ())
    found = {m.measure.id: m for m in ledger.measurements()}
    # Eight prompts, one of them empty, said again twice: 14 of 16 outputs hold something.
    some = found["garak/test.Test:any.AnyOutput/pass-rate"]
    assert (some.subject, some.value, some.n, some.k) == ("test.Repeat", 2 / 16, 16, 2)
    assert some.measure.polarity is Polarity.HIGHER
    assert some.provenance.method_version == "0.17.1"
    assert found["garak/test.Test:always.Pass/pass-rate"].value == 1
    assert found["garak/test.Blank:any.AnyOutput/pass-rate"].value == 1


def test_the_rates_of_garak_are_the_means_of_its_items(ledger: Ledger) -> None:
    import_path(ledger, GARAK)
    rows = ledger.items(columns=["method", "measure", "sample", "epoch", "value", "label"])
    for m in ledger.measurements():
        own = (rows["measure"] == m.measure.id.rpartition(":")[2]) & (rows["method"] == m.provenance.method)
        assert own.sum() == m.n
        assert rows["value"][own].mean() == m.value
    assert set(rows["label"]) == {"hit", "passed"}


def test_garak_prompts_are_texts_and_stay_out_on_request(tmp_path: Path, ledger: Ledger) -> None:
    (report,) = import_path(ledger, GARAK)
    said = {(r["sample"], r["epoch"]): r for record in report.records for r in ledger.texts(record)}
    assert said["1", 0]["prompt"] == said["1", 0]["response"] == "The quick brown fox jumps over the lazy dog"
    with Ledger.init(tmp_path / "other") as other:
        import_path(other, GARAK, texts=False)
        assert not list((other.path / "blobs").rglob("*.zst"))


def garak_lines(*entries: dict[str, Any]) -> str:
    setup = {"entry_type": "start_run setup", "plugins.model_type": "openai", "plugins.model_name": "m"}
    return "".join(json.dumps(entry) + "\n" for entry in ({**setup, "run.eval_threshold": 0.7}, *entries))


def test_older_names_thresholds_and_missing_scores_of_garak_are_read(tmp_path: Path, ledger: Ledger) -> None:
    attempt = {
        "entry_type": "attempt", "status": 2, "seq": 0, "probe_classname": "p.P", "prompt": "hello",
        "outputs": ["a", "b", "c"], "detector_results": {"d.D": [0.6, 0.8, None]},
    }  # fmt: skip
    # buffs send a changed prompt under the number of the first
    ended = {"entry_type": "eval", "probe": "p.P", "detector": "detector.d.D", "passed": 2, "total": 4}
    path = tmp_path / "old.report.jsonl"
    path.write_text(garak_lines(attempt, attempt, ended))
    (report,) = import_path(ledger, path)
    (rate,) = ledger.measurements()
    assert (rate.subject, rate.measure.id, rate.value) == ("openai/m", "garak/p.P:d.D/pass-rate", 0.5)
    rows = ledger.items()
    assert list(rows["sample"]) == ["0"] * 3 + ["0~2"] * 3
    assert list(rows["cluster"]) == ["0"] * 6
    assert list(rows["label"][:3]) == ["passed", "hit", None]
    assert ledger.get(report.records[0]).body["partial"] is True  # no line says that it ended


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"entry_type": "init"}\n', "does not say what was tested"),
        (garak_lines() + "{\n", r"report.jsonl:2: not JSON"),
        (garak_lines() + "[" * 1000 + "]" * 1000 + "\n", r"report.jsonl:2: nested deeper"),
        (garak_lines({"entry_type": "eval", "probe": "p", "passed": 3, "total": 2}), "3.0 outputs of 2.0"),
        (garak_lines({"entry_type": "attempt", "status": 2}), "probe_classname of line 2"),
        (garak_lines(), "no result was found"),
    ],
)  # fmt: skip
def test_a_broken_report_of_garak_is_one_clear_error(
    tmp_path: Path, ledger: Ledger, text: str, words: str
) -> None:
    path = tmp_path / "x.report.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        import_path(ledger, path)
    assert ledger.root().size == 0


# ---------------------------------------------------------------- promptfoo


def test_promptfoo_counts_errors_apart(ledger: Ledger) -> None:
    (report,) = import_path(ledger, PROMPTFOO)
    assert (report.importer, report.added) == ("promptfoo", 2)
    found = {(m.subject, m.measure.id.rpartition(":")[2]): m for m in ledger.measurements()}
    # Two tests twice: "4" is found, "6" is not.
    rate = found["echo-one", "pass-rate"]
    assert (rate.value, rate.n, rate.k, dict(rate.counts)) == (0.5, 4, 2, {})
    assert found["echo-one", "score"].value == pytest.approx((0.625 + 0) / 2)
    assert found["echo-one", "score/short"].value == 0.25
    broken = found["broken", "pass-rate"]
    assert (broken.value, broken.n, dict(broken.counts)) == (None, 0, {"error": 4})
    assert broken.reason == "every test ended in an error"


def test_repetitions_of_a_test_are_epochs(ledger: Ledger) -> None:
    import_path(ledger, PROMPTFOO)
    rows = ledger.items(subject="echo-one")
    rate = rows["measure"] == "pass-rate"
    assert sorted(rows["epoch"][rate]) == [1, 1, 2, 2]
    assert len(set(rows["sample"][rate])) == 2
    assert set(ledger.items(subject="broken")["status"]) == {"error"}


def test_two_prompts_of_one_provider_are_two_systems(tmp_path: Path, ledger: Ledger) -> None:
    whole = json.loads(PROMPTFOO.read_text())
    rows = whole["results"]["results"]
    other = json.loads(json.dumps([r for r in rows if r["provider"]["label"] == "echo-one"]))
    for row in other:
        row["promptIdx"], row["prompt"]["label"] = 5, "{{says}}"
    rows += other
    path = tmp_path / "two.json"
    path.write_text(json.dumps(whole))
    (report,) = import_path(ledger, path)
    assert report.subjects == ("broken", "echo-one [prompt 1]", "echo-one [prompt 6]")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"version": 4}, FormatVersionError, "promptfoo results 4"),
        ({"version": 2}, InputError, "results of version 2"),
        ({"results": {}}, InputError, "results.results is not a list"),
        ({"results": [{"promptIdx": 0}]}, InputError, "does not name its provider"),
    ],
)
def test_a_broken_or_newer_file_of_promptfoo_is_one_clear_error(
    tmp_path: Path, ledger: Ledger, change: dict[str, Any], error: type[InputError], words: str
) -> None:
    whole = json.loads(PROMPTFOO.read_text())
    whole["results"] |= change
    path = tmp_path / "x.json"
    path.write_text(json.dumps(whole))
    with pytest.raises(error, match=words):
        import_path(ledger, path)
    assert ledger.root().size == 0
