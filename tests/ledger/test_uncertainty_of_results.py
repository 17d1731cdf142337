"""Numbers of the ledger with their uncertainty, from real logs: every ground is named."""

from pathlib import Path

import numpy as np
import pytest

from kakehashi.ledger import ItemMap, Ledger, ScoreColumn, import_items, import_path, score_table
from kakehashi.ledger.uncertainty import measurements_with_uncertainty

FIXTURES = Path(__file__).parent / "fixtures"


def grounds(ledger: Ledger) -> dict[str, str]:
    found = measurements_with_uncertainty(ledger, ledger.records(kind="result"))
    assert all((m.interval is None) == (m.std_error is None) for m in found)
    assert all(m.std_error is None or m.std_error > 0 for m in found)
    return {
        f"{m.subject} {m.measure.id}": "unknown" if m.interval is None else m.interval.method for m in found
    }


def test_the_grounds_of_the_fixtures(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "ledger") as ledger:
        for name in ("sums.eval", "tests.report.jsonl", "promptfoo_sums.json"):
            import_path(ledger, FIXTURES / name)
        found = grounds(ledger)
    assert found["mockllm/model inspect/sums:match/accuracy"] == "stated standard error, wilson-effective-n"
    # two outputs a prompt: the prompts are the clusters
    assert found["test.Repeat garak/test.Test:any.AnyOutput/pass-rate"].startswith("cluster-bootstrap")
    # one prompt, said twice: nothing is known of other prompts, but the number of outputs is
    assert found["test.Repeat garak/test.Blank:any.AnyOutput/pass-rate"] == "wilson, from n = 2"
    assert found["echo-one promptfoo/Sums by an echo provider:pass-rate"].startswith("cluster-bootstrap")
    # one test has this score, always the same: it cannot be estimated
    assert found["echo-one promptfoo/Sums by an echo provider:score/short"] == "unknown"


def test_a_table_for_comparison_takes_errors_from_clustered_items(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = ["who,test,nr,group,right"]
    for who, shift in (("a", 0), ("b", 1)):
        lines += [f"{who},quiz,{i},{i // 10},{(i // 10 + shift) % 2}" for i in range(100)]
    path.write_text("\n".join(lines) + "\n")
    columns = ItemMap(
        "s", "who", "nr", (ScoreColumn("right"),), method="test", cluster="group", higher_is_better=True
    )
    with Ledger.init(tmp_path / "ledger") as ledger:
        import_items(ledger, path, columns)
        from_items = score_table(ledger).std_error
        from_number = score_table(ledger, from_items=False).std_error
        again = score_table(ledger).std_error
    assert from_items is not None
    assert from_number is not None
    assert again is not None
    np.testing.assert_array_equal(from_items, again)
    # ten clusters of ten equal items: about sqrt(10) times as wide as the hundred items look
    assert (from_items / from_number > 2).all()


def test_the_real_logs_have_a_ground_or_are_unknown(shared: Path, tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "ledger") as ledger:
        for name in ("helm", "inspect", "lm_eval"):
            import_path(ledger, shared / "logs" / name)
        found = grounds(ledger)
        rows = {m.measure.id: m for m in measurements_with_uncertainty(ledger, ledger.records(kind="result"))}
    # HELM states no error of its own; its per-instance rows do: nine questions, one right
    name = "helm/mmlu:subject=philosophy,method=multiple_choice_joint:exact_match"
    assert rows[name].n == 9
    assert found[f"openai/gpt2 {name}"] == "wilson, from n = 9"
    assert found["openai/gpt2 helm/narrative_qa:f1_score"].startswith("cluster-bootstrap")
    assert found["ollama/qwen2.5:0.5b inspect/inspect_evals/arc_easy:choice/accuracy"].startswith("stated")
    kinds = {ground.partition(" ")[0].rstrip(",") for ground in found.values()}
    assert kinds >= {"stated", "wilson", "cluster-bootstrap"}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_records_does_not_matter(tmp_path: Path, seed: int) -> None:
    with Ledger.init(tmp_path / "ledger") as ledger:
        for name in ("tests.report.jsonl", "promptfoo_sums.json"):
            import_path(ledger, FIXTURES / name)
        records = ledger.records(kind="result")
        forward = measurements_with_uncertainty(ledger, records, rng=seed)
        backward = measurements_with_uncertainty(ledger, records[::-1], rng=seed)
    assert {m.subject + m.measure.id: m for m in forward} == {m.subject + m.measure.id: m for m in backward}
