"""Identity: exact name, alias, suggestion; nothing is merged because it looks alike."""

import csv
from pathlib import Path

import pytest
from ledger_samples import result_record

from kakehashi.errors import FormatVersionError, InputError, UsageError
from kakehashi.ledger import AliasTable, Ledger, score_table


def test_a_name_is_exact_an_alias_or_unknown() -> None:
    table = AliasTable.shipped()
    assert table.identify("openai/gpt-4o-2024-05-13").how == "exact"
    found = table.identify("Mixtral-8x7B-Instruct-v0.1")
    assert (found.how, found.model) == ("alias", "mistralai/mixtral-8x7b-instruct-v0.1")
    assert table.identify("nobody/knows-this").model is None
    assert table.resolve("nobody/knows-this") == "nobody/knows-this"


def test_what_only_looks_alike_is_suggested_and_never_merged() -> None:
    table = AliasTable.shipped()
    near = table.identify("qwen1.5_72b_chat")
    assert near.model is None
    assert near.suggestions[0].model == "qwen/qwen1.5-72b-chat"
    # Another size is another model, however alike the names.
    assert "qwen/qwen1.5-7b-chat" not in [s.model for s in near.suggestions]
    assert table.identify("gpt-4o-2024-05-14").suggestions == ()


def test_a_quantized_copy_or_another_system_prompt_is_related_not_the_same() -> None:
    table = AliasTable.shipped()
    for name in (
        "meta/llama-3.1-8b-instruct-turbo",
        "llama2orig",
        "google/gemini-1.5-pro-001-safety-default",
    ):
        found = table.identify(name)
        assert found.model is None
        assert "not the same" in found.suggestions[0].reason


def test_a_person_s_decision_is_kept_in_a_file(tmp_path: Path) -> None:
    table = AliasTable.shipped().accept("our-llama", "meta-llama/llama-2-7b-chat-hf")
    assert table.identify("our-llama").how == "accepted"
    table.write(tmp_path / "aliases.json")
    assert AliasTable.shipped().read(tmp_path / "aliases.json") == table
    with pytest.raises(UsageError, match="means 'meta-llama/llama-2-7b-chat-hf' already"):
        table.accept("our-llama", "other")
    with pytest.raises(UsageError, match="name of a model itself"):
        table.accept("openai/gpt-4o-2024-05-13", "other")
    (tmp_path / "newer.json").write_text('{"format": "kakehashi.aliases/2", "accepted": {}}')
    with pytest.raises(FormatVersionError):
        table.read(tmp_path / "newer.json")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(InputError, match="not a file of"):
        table.read(tmp_path / "other.json")


def test_the_shipped_table_is_consistent() -> None:
    table = AliasTable.shipped()
    assert not table.same.keys() & table.related.keys()
    assert not table.same.keys() & set(table.same.values())  # no chains
    assert all(model == model.lower() and "/" in model for model in table.models)


def test_the_models_of_the_reference_files_are_known(shared: Path) -> None:
    table = AliasTable.shipped()
    for name, column in (
        ("safetywashing_chat", "model"),
        ("airbench_model_x_category", "model"),
        ("jailbreakbench_items", "model"),
    ):
        with (shared / "results" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            names = {row[column] for row in csv.DictReader(stream)}
        unknown = [n for n in names if table.identify(n).how == "unknown" and n not in table.related]
        assert unknown == [], name


def test_a_table_of_scores_joins_names_that_mean_one_model(tmp_path: Path) -> None:
    with Ledger.init(tmp_path / "ledger") as ledger:
        ledger.append(result_record(subject="Yi-34B-Chat"))
        ledger.append(result_record(subject="01-ai/yi-34b-chat", run="r2", value=0.5))
        ledger.append(result_record(subject="gpt-4-0613", value=0.75))
        assert score_table(ledger).models == ("Yi-34B-Chat", "01-ai/yi-34b-chat", "gpt-4-0613")
        with pytest.raises(InputError, match="two values"):
            score_table(ledger, aliases=AliasTable.shipped())
        found = score_table(ledger, run="r1", aliases=AliasTable.shipped())
        assert found.models == ("01-ai/yi-34b-chat", "openai/gpt-4-0613")
