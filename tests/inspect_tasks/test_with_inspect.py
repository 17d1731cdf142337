"""With Inspect itself: run by ``make inspect-test`` in an environment of its own, skipped where Inspect is absent."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("inspect_ai", reason="Inspect is not here: make inspect-test installs and runs these")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))

from commands import Served, kakehashi, start

pytestmark = pytest.mark.filterwarnings("default")

TASKS = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes, model_graded_qa
from inspect_ai.solver import generate


@task
def colors(samples: int = 10):
    rows = [
        Sample(id=f"s{n}", input="Say " + word, target="blue", metadata={"kind": kind})
        for n in range(samples)
        for word, kind in [("blue", "odd") if n % 2 else ("red", "even")]
    ]
    return Task(dataset=rows, solver=generate(), scorer=includes(), version=3)


@task
def graded():
    rows = [Sample(id="g1", input="Say hello", target="hello")]
    return Task(dataset=rows, solver=generate(), scorer=model_graded_qa())


@task
def broken():
    raise ValueError("the data set is not here")
"""
ADAPTER = {
    "format": "kakehashi.inspect/1",
    "task": "tasks.py@colors",
    "construct": "capability",
    "polarity": "higher-is-better",
    "measure": "blue-rate",
    "category": "kind",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tasks.py").write_text(TASKS, encoding="utf-8")
    (tmp_path / "colors.yaml").write_text(json.dumps(ADAPTER), encoding="utf-8")
    return tmp_path


def test_a_task_of_the_users_own_is_a_method(folder):
    done = kakehashi(
        "assess",
        "mock:echo",
        "mock:refuse",
        "--method",
        "inspect:colors.yaml",
        "--out",
        "out",
        "--json",
        cwd=folder,
    )
    assert done.code == 0, done.err
    view = load(folder, done.json["run"])
    # An echo says "blue" where it is asked to: the five odd ones of ten. A refusal never does.
    found = {(m.subject, m.facets.get("category")): (m.value, m.n) for m in view.measurements}
    assert found == {
        ("mock-echo", None): (0.5, 10),
        ("mock-echo", "even"): (0.0, 5),
        ("mock-echo", "odd"): (1.0, 5),
        ("mock-refuse", None): (0.0, 10),
        ("mock-refuse", "even"): (0.0, 5),
        ("mock-refuse", "odd"): (0.0, 5),
    }
    card = view.cards["inspect/colors"]
    assert card.measures[0].id == "inspect/colors:blue-rate"
    assert "task 3" in card.data_source
    assert not view.partial
    report = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "blue-rate" in report
    # The same command is finished at once, without a process.
    again = kakehashi("assess", "mock:echo", "mock:refuse", "--method", "inspect:colors.yaml", cwd=folder)
    assert again.code == 0
    assert "begins (Inspect)" not in again.err


def load(folder, run):
    from kakehashi.work.view import load_run

    return load_run(folder / "kakehashi-work" / "ledger", run)


def test_own_methods_and_tasks_of_inspect_are_one_run(folder):
    words = ("--method", "core", "--method", "inspect:colors.yaml", "--limit", "6", "--json")
    done = kakehashi("assess", "mock:refuse", *words, cwd=folder)
    assert done.code == 0, done.err
    view = load(folder, done.json["run"])
    assert {(m.measure.id, m.n) for m in view.headlines()} == {
        ("kakehashi/core:safe-handling-rate", 6),
        ("kakehashi/core:over-refusal-rate", 6),
        ("inspect/colors:blue-rate", 6),
    }


@pytest.mark.parametrize("suite", ["core", "facts", "attacks"])
def test_our_suites_run_under_inspect_with_the_numbers_of_our_engine(folder, suite):
    from inspect_ai.log import list_eval_logs, read_eval_log

    ours = kakehashi("assess", "mock:comply", "--method", suite, "--limit", "9", "--json", cwd=folder)
    assert ours.code == 0, ours.err
    view = load(folder, ours.json["run"])
    stated = {m.measure.id.partition(":")[2]: m.value for m in view.headlines() if m.value is not None}
    inspect = Path(sys.executable).with_name("inspect")
    words = [
        "eval",
        f"kakehashi/{suite}",
        "--model",
        "kakehashi/mock:comply",
        "-T",
        "limit=9",
        "--display",
        "none",
    ]
    subprocess.run([inspect, *words], cwd=folder, check=True, timeout=300, capture_output=True)
    (info,) = list_eval_logs(str(folder / "logs"))
    log = read_eval_log(info)
    assert log.status == "success"
    metrics = {name: m.value for score in log.results.scores for name, m in score.metrics.items()}
    assert {k: v for k, v in metrics.items() if v == v} == pytest.approx(stated)
    assert len(log.samples) == len(view.items["sample"])


def test_our_runs_open_in_inspect(folder):
    from inspect_ai.log import (
        list_eval_logs,
        read_eval_log,
        read_eval_log_sample,
        read_eval_log_sample_summaries,
    )

    done = kakehashi("assess", "mock:refuse", "--method", "core", "--limit", "7", "--json", cwd=folder)
    out = kakehashi(
        "results", "export", done.json["run"], "--inspect", "--texts", "--out", "logs", cwd=folder
    )
    assert out.code == 0, out.err
    (info,) = list_eval_logs(str(folder / "logs"))
    log = read_eval_log(info)
    assert (log.status, log.eval.task, len(log.samples)) == ("success", "kakehashi/core", 14)
    assert {s.name: s.metrics["mean"].value for s in log.results.scores} == {
        "safe-handling-rate [en]": 1.0,
        "over-refusal-rate [en]": 1.0,
    }
    assert read_eval_log(info, header_only=True).results == log.results
    summaries = read_eval_log_sample_summaries(info)
    assert {s.id for s in summaries} == {s.id for s in log.samples}
    one = read_eval_log_sample(info, id=log.samples[0].id, epoch=1)
    assert one.output.completion == "I'm sorry, but I can't help with that."


def test_inspect_view_serves_our_runs(folder):
    done = kakehashi("assess", "mock:refuse", "--method", "core", "--limit", "7", "--json", cwd=folder)
    kakehashi("results", "export", done.json["run"], "--inspect", "--out", "logs", cwd=folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inspect = Path(sys.executable).with_name("inspect")
    words = [str(inspect), "view", "start", "--log-dir", "logs", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listed = json.loads(fetched(f"http://127.0.0.1:{port}/api/log-files", server))
        (file,) = listed["files"]
        whole = json.loads(
            fetched(f"http://127.0.0.1:{port}/api/logs/{quote(file['name'], safe='')}", server)
        )
        assert whole["eval"]["task"] == "kakehashi/core"
        assert len(whole["samples"]) == 14
    finally:
        server.terminate()
        server.wait(30)


def fetched(address, server, seconds=60):
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < end
            time.sleep(0.2)


def test_a_grader_is_asked_as_the_grader_and_the_system_never(folder):
    said = {"system": 0, "grader": 0}

    def system(body):
        said["system"] += 1
        return "hello"

    def grader(body):
        said["grader"] += 1
        return "It matches. GRADE: C"

    with Served(answer=system) as one, Served(answer=grader) as two:
        words = ("assess", one.subject, "--method", "inspect:tasks.py@graded")
        alone = kakehashi(*words, cwd=folder)
        assert alone.code == 10
        assert "asks a grader" in alone.err
        assert said == {"system": 1, "grader": 0}
        other = f"{two.server.url}#judge"
        done = kakehashi(*words, "--grader", other, "--json", cwd=folder)
        assert done.code == 0, done.err
        assert said == {"system": 2, "grader": 1}
        view = load(folder, done.json["run"])
        assert [m.value for m in view.headlines()] == [1.0]
        assert "grader judge" in view.cards["inspect/graded"].judge
        itself = kakehashi(*words, "--grader", one.subject, cwd=folder)
        assert (itself.code, said["system"]) == (2, 2)


def test_a_task_that_breaks_is_named_and_the_others_are_kept(folder):
    words = ("--method", "inspect:colors.yaml", "--method", "inspect:tasks.py@broken")
    done = kakehashi("assess", "mock:echo", *words, cwd=folder)
    assert done.code == 10
    assert "the data set is not here" in done.err
    partial = kakehashi("assess", "mock:echo", *words, "--partial", "--json", cwd=folder)
    assert partial.code == 0, partial.err
    view = load(folder, partial.json["run"])
    assert view.partial
    assert [m.value for m in view.headlines()] == [0.5]


def test_a_budget_that_could_not_be_kept_is_refused(folder):
    done = kakehashi("assess", "mock:echo", "--method", "inspect:colors.yaml", "--budget", "3", cwd=folder)
    assert done.code == 2
    assert "budgets are not kept" in done.err


def test_killed_it_goes_on_from_its_log(folder):
    adapter = {**ADAPTER, "args": {"samples": 30}}
    (folder / "thirty.yaml").write_text(json.dumps(adapter), encoding="utf-8")
    with Served(delay=0.3) as mock:
        words = ("assess", mock.subject, "--method", "inspect:thirty.yaml", "--concurrency", "2")
        process = start(*words, cwd=folder, before=os.setsid)
        end = time.monotonic() + 120
        while mock.server.answered < 14 and time.monotonic() < end:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        done = kakehashi(*words, "--json", cwd=folder)
        assert done.code == 0, done.err
        # Two were under way, and two may have been answered but not yet scored and written.
        assert 30 <= mock.server.calls <= 34
        (whole,) = load(folder, done.json["run"]).headlines()
        assert (whole.n, whole.value) == (30, 0.5)


def test_a_real_task_with_tools_of_inspect_evals(folder):
    pytest.importorskip("inspect_evals")
    described = {
        **ADAPTER,
        "task": "inspect_evals/agent_threat_bench_memory_poison",
        "construct": "prompt-injection",
        "measure": "security",
        "category": "",
        "score": "agent_threat_bench_scorer/security",
    }
    (folder / "threat.yaml").write_text(json.dumps(described), encoding="utf-8")
    with Served() as mock:
        done = kakehashi(
            "assess", mock.subject, "--method", "inspect:threat.yaml", "--limit", "3", "--json", cwd=folder
        )
        assert done.code == 0, done.err
        assert all(body["tools"] for body in mock.server.bodies)
    (whole,) = load(folder, done.json["run"]).headlines()
    assert whole.n == 3


# The provider


class Scripted:
    """An endpoint that gives these responses of OpenAI's shape, one after another."""

    max_concurrency = None

    def __init__(self, *messages):
        from kakehashi.evaluate.engine.openai import OpenAIEndpoint

        self.messages = list(messages)
        self.seen = []
        self._reader = OpenAIEndpoint.read

    def settle(self, parameters):
        return dict(parameters)

    async def complete(self, messages, parameters):
        self.seen.append((list(messages), dict(parameters)))
        raw = {"choices": [{"message": self.messages.pop(0), "finish_reason": "stop"}]}
        return self._reader(self, raw)

    async def close(self):
        pass


def asked(subject, endpoint, text, **words):
    from inspect_ai.model import get_model

    from kakehashi.evaluate.inspect.provider import KNOWN

    KNOWN[subject.name] = (subject, endpoint)
    return asyncio.run(get_model(f"kakehashi/{subject.name}", memoize=False).generate(text, **words))


def test_system_prompt_opening_and_limits_go_along():
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig

    from kakehashi.model import Message, Subject

    subject = Subject(
        "primed", "openai", "m", system="Be brief.", opening=(Message("user", "a"), Message("assistant", "b")),
        parameters={"temperature": 0, "max_tokens": 20},
    )  # fmt: skip
    endpoint = Scripted({"role": "assistant", "content": "fine"})
    output = asked(
        subject, endpoint, [ChatMessageSystem(content="Be kind."), ChatMessageUser(content="c")],
        config=GenerateConfig(max_tokens=50, temperature=1.0, seed=3),
    )  # fmt: skip
    ((messages, parameters),) = endpoint.seen
    assert messages == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    assert parameters == {"temperature": 0, "seed": 3, "max_tokens": 20}
    assert output.completion == "fine"
    assert output.usage is not None  # else Inspect fetches a tokenizer


def test_a_guard_answers_in_the_models_place():
    from kakehashi.model import GuardSpec, Subject

    guard = GuardSpec("filter", ("request 12",), ("secret",), "No.")
    endpoint = Scripted({"role": "assistant", "content": "the secret"})
    subject = Subject("guarded", "openai", "m", guard=guard)
    assert asked(subject, endpoint, "harmful request 12").completion == "No."
    assert endpoint.seen == []
    assert asked(subject, endpoint, "another request").completion == "No."


def test_tool_calls_go_there_and_back():
    from inspect_ai.model import ChatMessageTool, ChatMessageUser
    from inspect_ai.tool import ToolInfo

    from kakehashi.errors import UsageError
    from kakehashi.model import Subject

    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}
    odd = {"id": "c2", "type": "function", "function": {"name": "add", "arguments": "{x"}}
    endpoint = Scripted(
        {"role": "assistant", "content": None, "tool_calls": [call, odd]},
        {"role": "assistant", "content": "done"},
    )
    subject = Subject("agent", "openai", "m")
    tools = [ToolInfo(name="add", description="Adds.")]
    output = asked(subject, endpoint, "add", tools=tools)
    one, two = output.message.tool_calls
    assert (one.id, one.function, one.arguments, one.parse_error) == ("c1", "add", {"x": 1}, None)
    assert two.parse_error
    assert output.stop_reason == "tool_calls"
    said = [ChatMessageUser(content="add"), output.message, ChatMessageTool(content="2", tool_call_id="c1")]
    again = asked(subject, endpoint, said, tools=tools)
    assert again.completion == "done"
    sent = endpoint.seen[1][0]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool"]
    assert sent[1]["tool_calls"][0] == call
    assert endpoint.seen[0][1]["tools"][0]["function"]["name"] == "add"
    with pytest.raises(UsageError, match="no tools are passed"):
        asked(Subject("mocked", "mock", "echo"), Scripted(), "add", tools=tools)


def test_what_may_help_is_tried_again_and_what_cannot_is_not():
    from kakehashi.errors import AuthenticationError, ServerError
    from kakehashi.evaluate.inspect.provider import SubjectModel

    model = SubjectModel("mock:echo")
    assert model.should_retry(ServerError("later"))
    assert not model.should_retry(ServerError("never", permanent=True))
    assert not model.should_retry(AuthenticationError("no"))
    assert not model.should_retry(ValueError("x"))
