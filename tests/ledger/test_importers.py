"""Importers: genuine files of each tool, small files in the same shape, and broken ones."""

import json
from pathlib import Path
from typing import Any

import pytest
from ledger_samples import put

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.ledger import Ledger
from kakehashi.ledger.importers import ColumnMap, import_csv, import_path
from kakehashi.model import Polarity

EVAL = Path(__file__).parent / "fixtures" / "sums.eval"


# ---------------------------------------------------------------- tables

WIDE = "model,accuracy,asr,note\nalpha,0.5,0.25,x\nbeta,,0.75,y\n"


def test_a_wide_table_gives_a_record_a_subject_and_a_number_a_cell(tmp_path: Path, ledger: Ledger) -> None:
    path = put(tmp_path / "t.csv", WIDE)
    columns = ColumnMap(
        "board@1", "model", ignore=("note",), higher_is_better={"accuracy": True, "asr": False},
        constructs={"asr": "attack-robustness"}, minimum=0, maximum=1, created="2026-01-01",
    )  # fmt: skip
    report = import_csv(ledger, path, columns)
    assert (report.added, report.findings) == (2, ())
    rows = [
        (m.subject, m.measure.id, m.value, m.measure.polarity, m.measure.construct)
        for m in ledger.measurements()
    ]
    assert rows == [
        ("alpha", "board@1:accuracy", 0.5, Polarity.HIGHER, "own"),
        ("alpha", "board@1:asr", 0.25, Polarity.LOWER, "attack-robustness"),
        ("beta", "board@1:asr", 0.75, Polarity.LOWER, "attack-robustness"),
    ]
    assert import_csv(ledger, path, columns).added == 0


def test_a_long_table_carries_uncertainty(tmp_path: Path, ledger: Ledger) -> None:
    path = put(
        tmp_path / "t.csv",
        "m;b;s;e;l;h;n\nx;one;0,5;;;;\n".replace("0,5", "0.5") + "x;two;0.25;0.1;0.1;0.4;20\n",
    )
    columns = ColumnMap(
        "b", "m", measure="b", value="s", std_error="e", low="l", high="h", n="n", higher_is_better=True
    )
    assert import_csv(ledger, path, columns).findings == ()
    first, second = ledger.measurements()
    assert (first.std_error, first.interval, first.n) == (None, None, None)
    assert second.interval is not None
    assert (second.std_error, second.interval.low, second.interval.high, second.n) == (0.1, 0.1, 0.4, 20)


def test_lint_sees_across_the_rows_of_a_table_and_names_the_line(tmp_path: Path, ledger: Ledger) -> None:
    path = put(tmp_path / "t.csv", "model,score\na,0.5\nb,-1\nc,0.7\na,0.6\n")
    columns = ColumnMap("b", "model", higher_is_better=True, minimum=0, maximum=1, unit="proportion")
    report = import_csv(ledger, path, columns)
    assert [(f.row, f.code) for _, f in report.findings] == [
        (2, "duplicate-differs"), (5, "duplicate-differs"), (3, "sentinel"),
    ]  # fmt: skip
    assert report.quarantined == 3
    assert [m.subject for m in ledger.measurements()] == ["c"]


def test_a_column_map_can_be_read_from_a_settings_file() -> None:
    found = ColumnMap.from_mapping({"source": "s", "subject": "m", "measures": ["a", "b"]})
    assert found.measures == ("a", "b")
    with pytest.raises(InputError, match="unknown key 'colour'"):
        ColumnMap.from_mapping({"source": "s", "subject": "m", "colour": 1})
    with pytest.raises(InputError, match="does not say 'subject'"):
        ColumnMap.from_mapping({"source": "s"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "table is empty"),
        (b"model,score\na,high\n", r"t.csv:2: 'score' holds 'high'"),
        (b"model,score\na,45%\n", "'45%', which is not a number"),
        (b"model,score\na,inf\n", "infinite"),
        (b"model,score\na,1,2\n", "t.csv:2: 3 cells, but 2 columns"),
        (b"model,score,score\na,1,2\n", "'score' stands twice"),
        (b"name,score\na,1\n", "no column 'model'"),
        (b"model,score\n,1\n", "cell of 'model' is empty"),
        (b"model,score\na,1\nb\xe9,2\n", r"t.csv:3: not UTF-8 .byte 0xe9"),
        (b"model,score\na,1\0\n", "NUL byte"),
        (b'model,score\n"a,1\n', "not CSV"),
        (b"model,score\n", "no result"),
    ],
)
def test_a_broken_table_is_one_clear_error_with_file_and_row(
    tmp_path: Path, ledger: Ledger, text: bytes, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text)
    with pytest.raises(InputError, match=words):
        import_csv(ledger, path, ColumnMap("s", "model"))
    assert ledger.root().size == 0


def test_the_real_markers_of_helm_classic_are_found(shared: Path, ledger: Ledger) -> None:
    path = shared / "results" / "eee_helm_classic_wide.csv"
    columns = ColumnMap("helm_classic", "model_id", higher_is_better=True, minimum=0, maximum=1)
    cells = [c for line in path.read_text().splitlines()[1:] for c in line.split(",")[1:]]
    markers = sum(c == "-1.0" for c in cells)
    assert markers > 50
    report = import_csv(ledger, path, columns)
    assert [f.code for _, f in report.findings].count("sentinel") == markers == report.quarantined
    assert not [m for m in ledger.measurements() if m.value == -1]
    fixed = import_csv(ledger, path, columns, fix=True)
    assert fixed.quarantined == 0


# ---------------------------------------------------------------- HELM


def helm_run(folder: Path, **spec: Any) -> Path:
    def stat(name: str, mean: float | None, split: str = "test", **more: Any) -> dict[str, Any]:
        return {
            "name": {"name": name, "split": split, **more},
            "count": 0 if mean is None else 1,
            "mean": mean,
        }

    adapter = {"method": "generation", "model": "org/model", "temperature": 0.0} | spec
    put(
        folder / "run_spec.json",
        {
            "name": "quiz:subject=x,model=org_model",
            "scenario_spec": {"class_name": "Q"},
            "adapter_spec": adapter,
        },
    )
    worst = {"perturbation": {"name": "robustness", "computed_on": "worst"}}
    put(
        folder / "stats.json",
        [
            stat("exact_match", 0.5), stat("exact_match", 1.0, "valid"), stat("exact_match", 0.25, **worst),
            stat("toxic_frac", 0.125), stat("num_bytes", 9.0), stat("bleu_1", None),
        ],
    )  # fmt: skip
    rows = [("id1", 1.0), ("id2", 0.0)]
    put(
        folder / "per_instance_stats.json",
        [
            {
                "instance_id": i,
                "train_trial_index": 0,
                "stats": [stat("exact_match", v), stat("num_bytes", 9)],
            }
            for i, v in rows
        ],
    )
    state = {"request": {"prompt": "p"}, "result": {"completions": [{"text": "a"}]}, "train_trial_index": 0}
    put(
        folder / "scenario_state.json",
        {"request_states": [{**state, "instance": {"id": i}} for i, _ in rows]},
    )
    return folder


def test_a_helm_run_gives_its_test_split_as_the_whole_and_the_rest_as_facets(
    tmp_path: Path, ledger: Ledger
) -> None:
    (report,) = import_path(ledger, helm_run(tmp_path / "run"))
    assert report.importer == "helm"
    found = {(m.measure.id, tuple(m.facets.items())): m for m in ledger.measurements()}
    whole = found["helm/quiz:subject=x:exact_match", ()]
    assert (whole.value, whole.n, whole.measure.polarity, whole.subject) == (
        0.5,
        2,
        Polarity.HIGHER,
        "org/model",
    )
    assert found["helm/quiz:subject=x:exact_match", (("split", "valid"),)].n is None
    assert ("helm/quiz:subject=x:exact_match", (("perturbation", "robustness/worst"),)) in found
    assert found["helm/quiz:subject=x:toxic_frac", ()].measure.polarity is Polarity.NONE
    assert not [key for key, _ in found if "num_bytes" in key or "bleu" in key]
    assert {f.code for _, f in report.findings} == {"direction-missing"}
    rows = ledger.items()
    assert list(zip(rows["sample"], rows["value"], rows["kind"], strict=True)) == [
        ("id1", 1, "test"),
        ("id2", 0, "test"),
    ]
    assert [r["response"] for r in ledger.texts(report.records[0])] == ["a", "a"]


def test_helm_runs_with_other_settings_are_another_version(tmp_path: Path, ledger: Ledger) -> None:
    for number, spec in enumerate(({}, {"model": "org/other"}, {"temperature": 1.0})):
        import_path(ledger, helm_run(tmp_path / str(number), **spec))
    one, same, other = (r.text("method_version") for r in ledger.records())
    assert one == same != other


def test_a_broken_helm_run_is_one_clear_error(tmp_path: Path, ledger: Ledger) -> None:
    folder = helm_run(tmp_path / "run")
    for name, text in (
        ("stats.json", "[{"),
        ("stats.json", "{}"),
        ("per_instance_stats.json", '[{"stats": []}]'),
    ):
        helm_run(folder)
        (folder / name).write_text(text)
        with pytest.raises(InputError, match="run"):
            import_path(ledger, folder)
    assert ledger.root().size == 0


def test_the_real_helm_runs_are_read(shared: Path, ledger: Ledger) -> None:
    reports = import_path(ledger, shared / "logs" / "helm")
    assert len(reports) == 3
    (mmlu,) = [
        m
        for m in ledger.measurements(subject="openai/gpt2", facets={})
        if m.measure.id.endswith("philosophy,method=multiple_choice_joint:exact_match")
    ]
    assert mmlu.value == pytest.approx(1 / 9)
    assert mmlu.n == 9
    # The mean of the items is the run's own number.
    rows = ledger.items(method=mmlu.provenance.method)
    chosen = (rows["measure"] == "exact_match") & (rows["kind"] == "test")
    assert rows["value"][chosen].mean() == pytest.approx(1 / 9)


# ---------------------------------------------------------------- lm-evaluation-harness


def lm_results(**more: Any) -> dict[str, Any]:
    return {
        "results": {
            "quiz": {
                "alias": "quiz",
                "acc,none": 0.5,
                "acc_stderr,none": 0.5,
                "ppl,none": 8.0,
                "ppl_stderr,none": "N/A",
            }
        },
        "configs": {"quiz": {"task": "quiz"}},
        "versions": {"quiz": 2.0},
        "higher_is_better": {"quiz": {"acc": True, "ppl": False}},
        "n-samples": {"quiz": {"original": 2, "effective": 2}},
        "model_name": "org/model",
        "date": 1750000000.5,
        "lm_eval_version": "0.4.9",
    } | more


def test_lm_eval_results_are_read_with_their_samples(tmp_path: Path, ledger: Ledger) -> None:
    path = put(tmp_path / "results_2026.json", lm_results())
    lines = [
        {
            "doc_id": i,
            "filter": "none",
            "metrics": ["acc"],
            "acc": float(i),
            "arguments": [["q", {}]],
            "resps": [["a"]],
        }
        for i in (0, 1)
    ]
    put(tmp_path / "samples_quiz_2026.jsonl", "".join(json.dumps(row) + "\n" for row in lines))
    (report,) = import_path(ledger, path)
    accuracy, perplexity = ledger.measurements()
    assert (accuracy.value, accuracy.n, accuracy.std_error) == (0.5, 2, 0.5)
    assert (accuracy.provenance.method_version, accuracy.provenance.created) == (
        "2.0",
        "2025-06-15T15:06:40Z",
    )
    assert (perplexity.measure.polarity, perplexity.std_error) == (Polarity.LOWER, None)
    assert list(ledger.items()["value"]) == [0, 1]
    assert next(ledger.texts(report.records[0]))["prompt"] == "q"


def test_broken_lm_eval_files_are_one_clear_error_with_the_row(tmp_path: Path, ledger: Ledger) -> None:
    path = put(tmp_path / "results_2026.json", lm_results())
    put(tmp_path / "samples_quiz_2026.jsonl", '{"doc_id": 1}\n{"doc_id": \n')
    with pytest.raises(InputError, match=r"samples_quiz_2026.jsonl:2: not JSON"):
        import_path(ledger, path)
    put(tmp_path / "samples_quiz_2026.jsonl", '{"doc_id": 1}\n{"x": 1}\n')
    with pytest.raises(InputError, match=r"jsonl:2: the row has no doc_id"):
        import_path(ledger, path)
    with pytest.raises(InputError, match="does not name its model"):
        import_path(ledger, put(tmp_path / "results_b.json", lm_results(model_name=None)))
    assert ledger.root().size == 0


def test_the_real_lm_eval_results_are_read(shared: Path, ledger: Ledger) -> None:
    (report,) = import_path(ledger, shared / "logs" / "lm_eval")
    assert report.added == 2
    found = {m.provenance.method: m for m in ledger.measurements()}
    rephrased = found["lm_eval/math_rephrased_full"]
    assert (rephrased.value, rephrased.n) == (0.0004, 5000)
    assert found["lm_eval/math_perturbed_full"].std_error is None  # stated as 0
    assert len(ledger.items()["sample"]) > 0


# ---------------------------------------------------------------- all


def test_an_unknown_format_is_named_with_the_known_ones(ledger: Ledger) -> None:
    with pytest.raises(UnknownNameError, match="helm"):
        import_path(ledger, EVAL, source_format="helmet")
    with pytest.raises(InputError, match=r"not UTF-8|not JSON"):
        import_path(ledger, EVAL, source_format="eee")
