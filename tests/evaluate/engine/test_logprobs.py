"""Log-probabilities of an answer's first token: asked for, kept, and done without where they are refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from engine_runs import METHOD, assess, sample, subject
from reference.mock_server import MockServer

from kakehashi.errors import AuthenticationError
from kakehashi.evaluate.engine import MockEndpoint, RunFolder
from kakehashi.evaluate.engine.endpoint import Completion, ParameterRefusedSignal
from kakehashi.evaluate.engine.openai import OpenAIEndpoint
from kakehashi.evaluate.engine.refusals import refused_parameter
from kakehashi.evaluate.engine.rows import FinishedRow, JobKey, from_record, to_line
from kakehashi.evaluate.engine.transport import Response, Transport
from kakehashi.model import Answer, GuardSpec, Score, Status

GIVEN = (("B", -0.25), (" A", -1.5), ("あ", -3.0))
ITEM = sample("q", top_logprobs=20, max_tokens=4)


def row_of(folder: Path) -> FinishedRow:
    with RunFolder.open(folder, read_only=True) as opened:
        return next(opened.rows())


async def test_alternatives_are_asked_for_only_by_samples_that_want_them_and_kept(tmp_path: Path) -> None:
    async with MockServer(logprobs=GIVEN) as server:
        await assess(tmp_path, subject(server.url), [ITEM, sample("plain")], concurrency=1)
    assert [(b.get("logprobs"), b.get("top_logprobs")) for b in server.bodies] == [(True, 20), (None, None)]
    with RunFolder.open(tmp_path, read_only=True) as folder:
        rows = {row.job.sample: row.answer.alternatives for row in folder.rows()}
    assert rows == {"q": GIVEN, "plain": ()}


@pytest.mark.parametrize("refuses", [["logprobs"], ["top_logprobs"], ["logprobs", "top_logprobs"]])
async def test_a_provider_that_refuses_them_is_asked_without_and_it_is_recorded(
    tmp_path: Path, refuses: list[str]
) -> None:
    async with MockServer(refuses=refuses, logprobs=GIVEN, answer=lambda body: "B") as server:
        outcome = await assess(
            tmp_path, subject(server.url), [ITEM, sample("r", top_logprobs=20)], concurrency=1
        )
    assert outcome.is_complete
    assert {each.parameter for each in outcome.adaptations} >= {"top_logprobs"}
    assert not set(server.bodies[-1]) & set(refuses)
    assert (row_of(tmp_path).answer.text, row_of(tmp_path).answer.alternatives) == ("B", ())


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "top_logprobs must be less than or equal to 5"),
        (400, "logprobs are not available"),
        (403, "You are not allowed to request logprobs from this model"),
        (422, "extra: 'logprobs' was unexpected"),
    ],
)
def test_whatever_words_refuse_them(status: int, message: str) -> None:
    sent: dict[str, object] = {"logprobs": True, "top_logprobs": 20}
    adaptation = refused_parameter({"message": message}, sent)
    assert adaptation is not None
    assert (adaptation.parameter, adaptation.replaced_by) == ("top_logprobs", "")
    assert refused_parameter({"message": message}, {"temperature": 0}) is None
    again = refused_parameter({"message": message}, {"logprobs": True})
    assert again is not None
    assert again.parameter == "logprobs"


@pytest.mark.parametrize(
    "logprobs",
    [
        None, [], {}, {"content": None}, {"content": []}, {"content": ["x"]}, {"content": [{"token": "B"}]},
        {"content": [{"top_logprobs": None}]}, {"content": [{"top_logprobs": ["x", {"token": 3, "logprob": -1}]}]},
        {"content": [{"top_logprobs": [{"token": "B", "logprob": "high"}]}]},
    ],
)  # fmt: skip
def test_a_strange_shape_is_none(logprobs: object) -> None:
    raw = {"choices": [{"message": {"content": "B"}, "finish_reason": "stop", "logprobs": logprobs}]}
    assert OpenAIEndpoint("m", Transport("http://127.0.0.1:1/v1", {})).read(raw).alternatives == ()


def test_a_403_about_log_probabilities_is_not_about_the_key() -> None:
    endpoint = OpenAIEndpoint("m", Transport("http://127.0.0.1:1/v1", {}))
    sent: dict[str, object] = {"temperature": 0, "logprobs": True, "top_logprobs": 20}
    about = {"error": {"message": "You are not allowed to request logprobs from this model"}}
    with pytest.raises(ParameterRefusedSignal):
        endpoint._failed(Response(403, {}, b""), about, sent)
    assert endpoint.settle(sent) == {"temperature": 0, "logprobs": True}
    with pytest.raises(AuthenticationError):
        endpoint._failed(Response(403, {}, b""), {"error": {"message": "temperature not allowed"}}, sent)


def test_rows_go_to_a_line_and_back() -> None:
    row = FinishedRow(
        JobKey("s", METHOD, "q", 0), Answer("B", alternatives=GIVEN), Score("q", "correct", "x")
    )
    line = to_line(row)
    assert from_record(json.loads(line)) == row
    plain = replace(row, answer=Answer("B"))
    assert b"alternatives" not in to_line(plain)
    assert from_record(json.loads(to_line(plain))) == plain
    assert list(json.loads(line)["answer"]) == sorted(json.loads(line)["answer"])


async def test_an_answer_of_a_guard_has_none(tmp_path: Path) -> None:
    guard = GuardSpec("words", input_phrases=("bomb",), output_phrases=("never",))
    items = [sample("in", "a bomb", top_logprobs=5), sample("out", "say never", top_logprobs=5)]
    mock = MockEndpoint("scripted", lambda messages: Completion("never", Status.OK, alternatives=GIVEN))
    who = replace(subject("", endpoint="mock"), guard=guard)
    await assess(tmp_path, who, items, endpoints={"s": mock})
    with RunFolder.open(tmp_path, read_only=True) as folder:
        assert [row.answer.alternatives for row in folder.rows()] == [(), ()]


async def test_answers_that_are_to_be_several_are_asked_for_several_times(tmp_path: Path) -> None:
    items = [
        sample("a", "same"),
        sample("b", "same", repeat=1),
        sample("c", "same", repeat=2),
        sample("d", "same"),
    ]
    async with MockServer() as server:
        await assess(tmp_path, subject(server.url), items, concurrency=1)
    assert server.calls == 3  # a and d are one request
