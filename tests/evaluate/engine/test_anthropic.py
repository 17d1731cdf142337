from pathlib import Path

import pytest
from engine_runs import answers, assess, sample, subject
from reference.mock_server import MockServer

from kakehashi.model import Message, Status


async def test_system_stands_apart_and_max_tokens_is_always_sent(tmp_path: Path) -> None:
    async with MockServer() as server:
        who = subject(
            server.url,
            endpoint="anthropic",
            system="Be kind.",
            opening=(Message("user", "Hi"), Message("assistant", "Hello")),
        )
        await assess(tmp_path, who, [sample("a", "Q", system="Briefly.")])
        (body,), (headers,) = server.bodies, server.headers
    assert body == {
        "model": "mock-model",
        "system": "Be kind.\n\nBriefly.",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Q"},
        ],
        "max_tokens": 1024,
    }
    assert headers["anthropic-version"] == "2023-06-01"
    got = answers(tmp_path)["a"]
    assert (got.text, got.finish_reason, got.prompt_tokens, got.completion_tokens) == (
        "echo: Q",
        "end_turn",
        10,
        5,
    )


@pytest.mark.parametrize(
    ("fault", "status", "text", "thinking"),
    [
        ("think", Status.OK, "Yes.", "Hm."),
        ("empty", Status.EMPTY, "", ""),
        ("refusal", Status.BLOCKED, "", ""),
        ("filter400", Status.BLOCKED, "", ""),
        ("nochoices", Status.ERROR, "", ""),
    ],
)
async def test_stop_reasons_and_thinking_are_read(
    tmp_path: Path, fault: str, status: Status, text: str, thinking: str
) -> None:
    async with MockServer(default=fault) as server:
        await assess(tmp_path, subject(server.url, endpoint="anthropic"), [sample("a", "Q")])
    got = answers(tmp_path)["a"]
    assert (got.status, got.text, got.thinking) == (status, text, thinking)


async def test_an_empty_answer_within_a_conversation_is_not_sent_back(tmp_path: Path) -> None:
    async with MockServer(["empty"]) as server:
        await assess(tmp_path, subject(server.url, endpoint="anthropic"), [sample("a", "one", "two")])
        assert [m["content"] for m in server.bodies[1]["messages"]] == ["one", "two"]


async def test_a_refused_temperature_is_left_out_and_recorded(tmp_path: Path) -> None:
    async with MockServer(refuses=["temperature"]) as server:
        who = subject(server.url, endpoint="anthropic", parameters={"temperature": 0, "max_tokens": 5})
        outcome = await assess(tmp_path, who, [sample("a", "Q")])
        assert server.bodies[-1].keys() == {"model", "messages", "max_tokens"}
    assert [a.parameter for a in outcome.adaptations] == ["temperature"]
