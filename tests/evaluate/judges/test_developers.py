"""Who made a model, by its name."""

import pytest

from kakehashi.errors import UsageError
from kakehashi.evaluate.judges.developers import check_not_itself, developers_record, kinship, lineage


@pytest.mark.parametrize(
    ("model", "developer", "families"),
    [
        ("openai:gpt-4o-mini", "OpenAI", {"gpt"}),
        ("chatgpt-4o-latest", "OpenAI", {"gpt"}),
        ("o3-mini", "OpenAI", {"gpt"}),
        (["anthropic.claude-3-5-sonnet-20241022-v2", "0"][0], "Anthropic", {"claude"}),
        ("meta-llama/Llama-3.1-8B", "Meta", {"llama"}),
        ("vicuna-7b", "Meta", {"llama"}),
        ("DeepSeek-R1-Distill-Qwen-7B", "DeepSeek", {"deepseek", "qwen"}),
        ("Llama-3.1-Nemotron-70B", "Meta", {"llama", "nemotron"}),
        ("http://127.0.0.1:8000/v1#smollm2-135m", "Hugging Face", {"smollm"}),
        ("phi-4", "Microsoft", {"phi"}),
        ("dolphin-model", "", {"dolphin"}),
        ("0731", "", {"0731"}),
    ],
)
def test_developer_and_families_are_read_from_the_name(model, developer, families) -> None:
    found = lineage(model)
    assert (found.developer, found.families) == (developer, families)


def test_the_record_is_dated_and_holds_no_name_twice() -> None:
    record = developers_record()
    assert record["format"] == "kakehashi.developers/1"
    assert str(record["as_of"]) >= "2026-11-24"
    marks = [
        mark
        for entry in record["developers"].values()
        for family in entry["families"].values()
        for mark in (*family.get("words", ()), *family.get("starts", ()))
    ]
    assert len(marks) == len(set(marks))
    assert all(mark == mark.lower() for mark in marks)


def test_kin_share_a_developer_or_a_family() -> None:
    assert kinship(lineage("gpt-4o"), lineage("o3-mini")) == "the developer OpenAI"
    assert kinship(lineage("phi-4"), lineage("mai-1")) == "the developer Microsoft"
    assert kinship(lineage("qwen2.5-72b"), lineage("DeepSeek-R1-Distill-Qwen-7B")) == "the family qwen"
    assert kinship(lineage("gpt-4o"), lineage("claude-3-opus")) == ""
    assert kinship(lineage("house-a", "One Lab"), lineage("other-b", "ONE LAB")) == "the developer One Lab"
    assert kinship(lineage("house-a"), lineage("other-b")) == ""  # two unknown developers are not one


def test_no_model_judges_itself_by_whatever_provider() -> None:
    with pytest.raises(UsageError, match="would judge itself"):
        check_not_itself("openai:GPT-4o", "http://host/v1#gpt-4o")
