"""The engine end to end against a server on loopback: every kind of bad input, one by one."""

import asyncio
from pathlib import Path

import pytest
from engine_runs import METHOD, QUICK, answers, assess, sample, samples, score, subject, until
from reference.mock_server import MockServer

from kakehashi.errors import (
    AuthenticationError,
    EndpointUnreachableError,
    IncompleteError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
    UnknownNameError,
)
from kakehashi.evaluate.engine import (
    EngineSettings,
    Job,
    MockEndpoint,
    Patience,
    Progress,
    ResponseCache,
    RunFolder,
    TransportSettings,
    endpoint_for,
    run_jobs,
)
from kakehashi.model import Answer, GuardSpec, Message, Sample, Score, Status


async def test_an_ordinary_run_answers_scores_and_logs_every_sample(tmp_path: Path) -> None:
    seen: list[Progress] = []
    async with MockServer() as server:
        outcome = await assess(tmp_path, subject(server.url), samples(20), progress=seen.append)
        assert server.calls == 20
    assert outcome.is_complete
    assert (outcome.total, outcome.done, outcome.calls) == (20, 20, 20)
    # The mock counts 10 prompt tokens and 5 completion tokens for each answer.
    assert (outcome.prompt_tokens, outcome.completion_tokens) == (200, 100)
    assert outcome.cost is None
    assert answers(tmp_path)["s0007"].text == "echo: Question s0007"
    with RunFolder.open(tmp_path, read_only=True) as folder:
        calls = list(folder.calls())
    assert len(calls) == 20
    assert calls[0]["request"]["messages"][-1]["role"] == "user"
    assert calls[0]["response"]["choices"][0]["finish_reason"] == "stop"
    assert calls[0]["tries"] == 1
    assert (seen[-1].done, seen[-1].total, seen[-1].calls) == (20, 20, 20)


async def test_a_second_session_makes_no_call_for_what_is_finished(tmp_path: Path) -> None:
    async with MockServer() as server:
        await assess(tmp_path, subject(server.url), samples(10))
        again = await assess(tmp_path, subject(server.url), samples(12))
        assert server.calls == 12
    assert (again.resumed, again.done, again.calls) == (10, 12, 2)


async def test_system_opening_and_limits_of_both_sides_go_into_the_wire_request(tmp_path: Path) -> None:
    async with MockServer() as server:
        who = subject(
            server.url,
            system="Be kind.",
            opening=(Message("user", "Hi"), Message("assistant", "Hello")),
            parameters={"temperature": 0, "max_tokens": 100},
        )
        await assess(tmp_path, who, [sample("a", "Q", system="Answer in one word.", max_tokens=7)])
        (body,) = server.bodies
    assert body == {
        "model": "mock-model",
        "messages": [
            {"role": "system", "content": "Be kind.\n\nAnswer in one word."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Q"},
        ],
        "temperature": 0,
        "max_tokens": 7,
    }


async def test_in_a_conversation_the_answers_stand_between_the_fixed_turns(tmp_path: Path) -> None:
    def answer(body: dict) -> str:
        return f"answer {len(body['messages'])}"

    async with MockServer(answer=answer) as server:
        outcome = await assess(tmp_path, subject(server.url), [sample("a", "one", "two", "three")])
        last = server.bodies[-1]["messages"]
    assert [m["content"] for m in last] == ["one", "answer 1", "two", "answer 3", "three"]
    got = answers(tmp_path)["a"]
    assert got.text == "answer 5"
    assert (got.prompt_tokens, got.completion_tokens) == (30, 15)
    assert outcome.calls == 3
    with RunFolder.open(tmp_path, read_only=True) as folder:
        assert len(next(folder.rows()).calls) == 3
        assert sum(1 for _ in folder.calls()) == 3


async def test_a_blocked_turn_ends_the_conversation_and_an_empty_one_does_not(tmp_path: Path) -> None:
    async with MockServer() as server:
        items = [
            sample("blocked", "one [[filter400]]", "two"),
            sample("empty", "one [[empty]]", "two"),
        ]
        await assess(tmp_path, subject(server.url), items, concurrency=1)
        assert server.calls == 3
    got = answers(tmp_path)
    assert (got["blocked"].status, got["empty"].status) == (Status.BLOCKED, Status.OK)


@pytest.mark.parametrize(
    ("fault", "status", "finish"),
    [
        ("empty", Status.EMPTY, "stop"),
        ("null", Status.EMPTY, "stop"),
        ("filtered", Status.BLOCKED, "content_filter"),
        ("filter400", Status.BLOCKED, "content_filter"),
    ],
)
async def test_empty_and_blocked_answers_are_results_and_no_errors(
    tmp_path: Path, fault: str, status: Status, finish: str
) -> None:
    async with MockServer([fault]) as server:
        outcome = await assess(tmp_path, subject(server.url), samples(1))
    assert outcome.is_complete
    got = answers(tmp_path)["s0000"]
    assert (got.status, got.finish_reason, got.error) == (status, finish, "")


@pytest.mark.parametrize("fault", ["truncated", "badutf8", "notobject", "nochoices", "cutbody"])
async def test_a_malformed_answer_is_tried_three_times_and_then_counted(tmp_path: Path, fault: str) -> None:
    async with MockServer() as server:
        items = [sample("bad", f"[[{fault}]]"), *samples(3)]
        outcome = await assess(tmp_path, subject(server.url), items)
        assert server.calls == 3 + 3
    assert (outcome.done, outcome.failed, dict(outcome.errors)) == (3, 1, {"BadAnswerError": 1})
    assert answers(tmp_path)["bad"].status is Status.ERROR
    with pytest.raises(IncompleteError, match=r"1 failed \(BadAnswerError 1\)"):
        outcome.raise_if_incomplete()


async def test_a_malformed_answer_that_comes_right_leaves_no_failure(tmp_path: Path) -> None:
    async with MockServer(["truncated", "badutf8"]) as server:
        outcome = await assess(tmp_path, subject(server.url), samples(1))
        assert server.calls == 3
    assert outcome.is_complete
    with RunFolder.open(tmp_path, read_only=True) as folder:
        assert [e["error"] for e in folder.events("try-failed")] == ["BadAnswerError"] * 2
        assert next(folder.calls())["tries"] == 3


@pytest.mark.parametrize("fault", ["huge", "hugelength"])
async def test_a_body_of_100_megabytes_is_refused_at_the_limit(tmp_path: Path, fault: str) -> None:
    async with MockServer() as server:
        items = [sample("huge", f"[[{fault}:100000000]]"), sample("fine")]
        outcome = await assess(tmp_path, subject(server.url), items)
        # Three tries; what was on its way when the limit was met lies in buffers of the kernel.
        assert server.bytes_sent < 3 * 40_000_000
    assert (outcome.done, dict(outcome.errors)) == (1, {"BadAnswerError": 1})
    assert "larger than 16 MB" in answers(tmp_path)["huge"].error


async def test_an_answer_of_200000_characters_is_kept_whole(tmp_path: Path) -> None:
    async with MockServer(["long:200000"]) as server:
        await assess(tmp_path, subject(server.url), samples(1))
    assert answers(tmp_path)["s0000"].text == "x" * 200_000


async def test_half_a_surrogate_pair_is_kept_and_logged(tmp_path: Path) -> None:
    async with MockServer() as server:
        items = [sample("answer", "[[surrogate]]"), sample("prompt", "half \ud83d of it")]
        outcome = await assess(tmp_path, subject(server.url), items)
    assert outcome.is_complete
    got = answers(tmp_path)
    assert (got["answer"].text, got["prompt"].text) == ("half \ud83d pair", "echo: half \ud83d of it")


async def test_server_errors_are_tried_again_and_then_counted(tmp_path: Path) -> None:
    async with MockServer() as server:
        items = [sample("bad", "[[500]]"), *samples(2)]
        outcome = await assess(tmp_path, subject(server.url), items, concurrency=1)
        assert server.calls == QUICK.attempts + 2
    assert (outcome.done, dict(outcome.errors)) == (2, {"ServerError": 1})


@pytest.mark.parametrize("fault", ["500", "503:html", "529", "error200:503", "drop", "408"])
async def test_a_passing_fault_is_overcome(tmp_path: Path, fault: str) -> None:
    async with MockServer([fault, fault]) as server:
        outcome = await assess(tmp_path, subject(server.url), samples(1), concurrency=1)
        assert server.calls == 3
    assert outcome.is_complete


async def test_failed_samples_are_tried_again_by_the_next_session_and_replaced(tmp_path: Path) -> None:
    async with MockServer(["500"] * QUICK.attempts) as server:
        first = await assess(tmp_path, subject(server.url), samples(2), concurrency=1)
        second = await assess(tmp_path, subject(server.url), samples(2), concurrency=1)
    assert (first.failed, first.done) == (1, 1)
    assert (second.resumed, second.done, second.failed) == (1, 2, 0)
    assert [answer.status for answer in answers(tmp_path).values()] == [Status.OK, Status.OK]


async def test_500_for_ever_stops_the_subject_by_patience(tmp_path: Path) -> None:
    async with MockServer(default="500") as server:
        outcome = await assess(tmp_path, subject(server.url), samples(5000), concurrency=4)
        assert server.calls < 30
    assert isinstance(outcome.stopped["s"], ServerError)
    assert outcome.done == 0
    assert outcome.missing + outcome.failed == 5000
    with pytest.raises(ServerError):
        outcome.raise_if_incomplete()


async def test_429_for_ever_stops_the_subject_and_writes_no_failed_sample(tmp_path: Path) -> None:
    async with MockServer(default="429") as server:
        outcome = await assess(tmp_path, subject(server.url), samples(5000), concurrency=4)
        assert server.calls < 30
    assert isinstance(outcome.stopped["s"], RateLimitedError)
    assert (outcome.failed, outcome.missing) == (0, 5000)


async def test_a_passing_429_with_retry_after_is_waited_for(tmp_path: Path) -> None:
    async with MockServer(["429:0.01", "429:date", "429"]) as server:
        patience = Patience(backoff=0.0, longest_wait=5.0)
        outcome = await assess(tmp_path, subject(server.url), samples(3), concurrency=1, patience=patience)
        assert server.calls == 6
    assert outcome.is_complete
    with RunFolder.open(tmp_path, read_only=True) as folder:
        waits = [e["wait"] for e in folder.events("try-failed")]
    assert waits[0] == 0.01
    assert 0 <= waits[1] <= 2.0  # the date stood one second ahead, in whole seconds
    assert waits[2] == 0.0


async def test_an_endpoint_that_asks_to_wait_for_an_hour_is_stopped_at_once(tmp_path: Path) -> None:
    async with MockServer(default="429:3600") as server:
        outcome = await assess(tmp_path, subject(server.url), samples(10), concurrency=1, patience=Patience())
        assert server.calls == 1
    assert outcome.stopped["s"].retry_after == 3600


async def test_a_spent_quota_stops_at_once(tmp_path: Path) -> None:
    async with MockServer(default="429:quota") as server:
        outcome = await assess(tmp_path, subject(server.url), samples(10), concurrency=1)
        assert server.calls == 1
    assert "quota is spent" in outcome.stopped["s"].message


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_stops_its_subject_at_once_and_the_others_go_on(
    tmp_path: Path, status: int
) -> None:
    async with MockServer(default=str(status)) as closed, MockServer() as working:
        both = [subject(closed.url, "closed"), subject(working.url, "working")]
        outcome = await assess(tmp_path, both, samples(20), concurrency=1)
        assert (closed.calls, working.calls) == (1, 20)
    assert isinstance(outcome.stopped["closed"], AuthenticationError)
    assert (outcome.done, outcome.missing, outcome.failed) == (20, 20, 0)
    with pytest.raises(IncompleteError, match="20 did not run"):
        outcome.raise_if_incomplete()


async def test_an_unreachable_endpoint_stops_after_three_tries_of_one_request(tmp_path: Path) -> None:
    async with MockServer() as server:
        gone = server.url
    outcome = await assess(tmp_path, subject(gone), samples(100), concurrency=1)
    error = outcome.stopped["s"]
    assert isinstance(error, EndpointUnreachableError)
    assert gone in error.message
    assert error.hint
    with RunFolder.open(tmp_path, read_only=True) as folder:
        assert len(list(folder.events("try-failed"))) == 2
    with pytest.raises(EndpointUnreachableError):
        outcome.raise_if_incomplete()


@pytest.mark.parametrize("fault", ["404", "402", "301"])
async def test_a_wrong_address_or_model_stops_at_once(tmp_path: Path, fault: str) -> None:
    async with MockServer(default=fault) as server:
        outcome = await assess(tmp_path, subject(server.url), samples(50), concurrency=1)
        assert server.calls == 1
    assert isinstance(outcome.stopped["s"], RequestRefusedError)


async def test_a_request_that_is_refused_fails_alone_and_is_not_tried_again(tmp_path: Path) -> None:
    async with MockServer() as server:
        items = [*samples(5), sample("bad", "[[400]]")]
        outcome = await assess(tmp_path, subject(server.url), items, concurrency=1)
        assert server.calls == 6
    assert dict(outcome.errors) == {"RequestRefusedError": 1}


async def test_an_endpoint_that_refuses_every_request_from_the_start_is_stopped(tmp_path: Path) -> None:
    async with MockServer(default="400") as server:
        outcome = await assess(tmp_path, subject(server.url), samples(500), concurrency=1)
        assert server.calls == QUICK.failures
    assert isinstance(outcome.stopped["s"], RequestRefusedError)


async def test_no_answer_within_the_deadline_is_a_counted_failure(tmp_path: Path) -> None:
    async with MockServer() as server:
        items = [sample("slow", "[[slow:30]]"), sample("fine")]
        outcome = await assess(
            tmp_path,
            subject(server.url),
            items,
            transport=TransportSettings(deadline=0.3),
            patience=Patience(attempts=2, backoff=0.0, failures=1000),
        )
    assert (outcome.done, dict(outcome.errors)) == (1, {"ServerError": 1})
    assert "no answer within 0.3 s" in answers(tmp_path)["slow"].error


async def test_a_refused_parameter_is_adapted_once_and_recorded(tmp_path: Path) -> None:
    async with MockServer(refuses=["temperature", "max_tokens"]) as server:
        who = subject(server.url, parameters={"temperature": 0, "max_tokens": 9, "seed": 1})
        outcome = await assess(tmp_path, who, samples(5), concurrency=1)
        assert server.calls == 5 + 2
        assert server.bodies[-1]["max_completion_tokens"] == 9
        assert "temperature" not in server.bodies[-1]
        again = await assess(tmp_path, who, samples(6), concurrency=1)
        assert server.calls == 5 + 2 + 1  # the next session knows already
    expected = [("max_tokens", "max_completion_tokens"), ("temperature", "")]
    for each in (outcome, again):
        assert sorted((a.parameter, a.replaced_by) for a in each.adaptations) == expected
    assert outcome.adaptations[0].subjects == ("s",)
    with RunFolder.open(tmp_path, read_only=True) as folder:
        assert len(list(folder.events("parameter-refused"))) == 2
        assert next(folder.calls())["request"]["parameters"] == {"max_completion_tokens": 9, "seed": 1}


async def test_a_parameter_refused_to_many_requests_at_once_is_recorded_once(tmp_path: Path) -> None:
    async with MockServer(refuses=["temperature"], delay=0.01) as server:
        who = subject(server.url, parameters={"temperature": 0})
        outcome = await assess(tmp_path, who, samples(20), concurrency=20)
    assert outcome.is_complete
    assert len(outcome.adaptations) == 1


@pytest.mark.parametrize("fault", ["think", "reasoning", "reasoning:reasoning"])
async def test_thinking_is_kept_apart_from_the_answer(tmp_path: Path, fault: str) -> None:
    async with MockServer([fault]) as server:
        await assess(tmp_path, subject(server.url), [sample("a", "one", "two")])
        second = server.bodies[1]["messages"]
    with RunFolder.open(tmp_path, read_only=True) as folder:
        (row,) = folder.rows()
        first = next(folder.calls())
    assert second[1] == {"role": "assistant", "content": "Yes."}
    assert "Hm." in str(first["response"])
    assert row.answer.text == "echo: two"


async def test_the_guard_answers_in_place_of_the_model_and_shares_its_calls(tmp_path: Path) -> None:
    guard = GuardSpec("keywords", input_phrases=("BOMB",), output_phrases=("ｓｅｃｒｅｔ",), answer="No.")
    async with MockServer() as server:
        both = [subject(server.url, "bare"), subject(server.url, "guarded", guard=guard)]
        items = [sample("in", "a bomb"), sample("out", "tell a Secret"), sample("fine", "hello")]
        outcome = await assess(tmp_path, both, items)
        assert server.calls == 3
    assert outcome.calls == 3
    with RunFolder.open(tmp_path, read_only=True) as folder:
        rows = {(r.job.subject, r.job.sample): r for r in folder.rows()}
    assert rows["bare", "in"].answer.text == "echo: a bomb"
    assert rows["guarded", "in"].answer == Answer("No.", guard="keywords", finish_reason="guard", cached=True)
    assert rows["guarded", "in"].calls == ()
    assert (rows["guarded", "out"].answer.text, rows["guarded", "out"].answer.guard) == ("No.", "keywords")
    assert rows["guarded", "out"].calls == rows["bare", "out"].calls
    assert rows["guarded", "fine"].answer.guard == ""


async def test_epochs_are_asked_anew_and_the_same_epoch_is_not(tmp_path: Path) -> None:
    async with MockServer() as server:
        who = subject(server.url)
        for repeat in range(2):
            with (
                RunFolder.create(tmp_path / str(repeat), {}) as folder,
                ResponseCache(tmp_path / "c") as cache,
            ):
                await run_jobs(
                    [Job(who, METHOD, sample("a"), epoch) for epoch in range(3)],
                    endpoints={"s": endpoint_for(who)},
                    scorers={METHOD: score},
                    folder=folder,
                    cache=cache,
                )
        assert server.calls == 3


async def test_a_judge_that_breaks_down_is_counted_and_asked_again_without_a_new_call(tmp_path: Path) -> None:
    broken = True

    def judge(item: Sample, answer: Answer) -> Score:
        if broken:
            raise ValueError("no verdict")
        return score(item, answer)

    async with MockServer() as server:
        first = await assess(tmp_path, subject(server.url), samples(3), scorer=judge)
        broken = False
        second = await assess(tmp_path, subject(server.url), samples(3), scorer=judge)
        assert server.calls == 3
    assert (first.judge_failed, first.is_complete) == (3, False)
    assert second.is_complete


async def test_a_scorer_may_be_a_coroutine_and_a_value_must_be_finite(tmp_path: Path) -> None:
    async def judge(item: Sample, answer: Answer) -> Score:
        await asyncio.sleep(0)
        return Score(item.id, "correct", "j@1", value=float("nan") if item.id == "s0000" else 0.5)

    async with MockServer() as server:
        outcome = await assess(tmp_path, subject(server.url), samples(2), scorer=judge)
    assert (outcome.done, outcome.judge_failed) == (1, 1)


async def test_an_unknown_method_or_subject_is_a_mistake_of_the_call(tmp_path: Path) -> None:
    who = subject("http://127.0.0.1:9/v1")
    with RunFolder.create(tmp_path / "run", {}) as folder:
        for endpoints, scorers in (({}, {METHOD: score}), ({"s": MockEndpoint("echo")}, {})):
            with pytest.raises(UnknownNameError):
                await run_jobs(
                    [Job(who, METHOD, sample("a"))], endpoints=endpoints, scorers=scorers, folder=folder
                )


async def test_an_interruption_lets_requests_under_way_end_and_the_next_session_goes_on(
    tmp_path: Path,
) -> None:
    async with MockServer(delay=0.05) as server:
        task = asyncio.create_task(assess(tmp_path, subject(server.url), samples(200), concurrency=10))
        await until(lambda: server.calls >= 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        made = server.calls
        assert made < 200
        assert len(answers(tmp_path)) == made  # every call that was made is in the folder
        outcome = await assess(tmp_path, subject(server.url), samples(200), concurrency=50)
        assert server.calls == 200
    assert outcome.is_complete
    assert outcome.resumed == made


async def test_an_interruption_sends_nothing_more_for_those_who_wait_for_a_place(tmp_path: Path) -> None:
    async with MockServer() as server:
        server.gate.clear()
        endpoint = endpoint_for(subject(server.url), max_concurrency=1)
        task = asyncio.create_task(
            assess(tmp_path, subject(server.url), samples(50), endpoints={"s": endpoint}, concurrency=20)
        )
        await until(lambda: server.calls == 1)
        task.cancel()
        await asyncio.sleep(0.02)
        server.gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert server.calls == 1
    assert len(answers(tmp_path)) == 1


async def test_jobs_are_taken_as_there_is_room_and_not_all_at_once(tmp_path: Path) -> None:
    taken = 0
    furthest = 0

    def jobs():
        nonlocal taken
        for item in samples(300):
            taken += 1
            yield Job(who, METHOD, item)

    async with MockServer() as server:
        who = subject(server.url)

        def watch(body: dict) -> str:
            nonlocal furthest
            furthest = max(furthest, taken - server.answered)
            return "x"

        server.answer = watch
        with RunFolder.create(tmp_path, {}) as folder:
            outcome = await run_jobs(
                jobs(),
                endpoints={"s": endpoint_for(who)},
                scorers={METHOD: score},
                folder=folder,
                settings=EngineSettings(concurrency=8),
            )
        assert server.most_active <= 8
    assert outcome.done == 300
    # Of what is taken and not answered by the server, 8 are under way; up to 8 more have their answer in transit.
    assert furthest <= 17
