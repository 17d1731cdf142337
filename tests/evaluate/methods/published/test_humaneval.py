"""HumanEval on two problems of upstream's shape, run for real in the sandbox."""

import gzip
import json

import pytest
from reference.upstream_shapes import HUMANEVAL, pulled, write_mirror

from kakehashi.errors import InputError, UsageError
from kakehashi.evaluate.methods import Scored, Selection, get_method
from kakehashi.evaluate.methods.published.humaneval import program_of
from kakehashi.evaluate.sandbox import CodeLimits, Sandbox, find_isolation
from kakehashi.model import Answer, Label, Provenance, Score, Status
from kakehashi.work.code import CodeWords, with_sandbox

PROVENANCE = Provenance("test", "humaneval", "1.0", "2026-11-25T00:00:00Z")
isolated = pytest.mark.skipif(not find_isolation().is_enough, reason="no isolation here")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return pulled(tmp_path_factory.mktemp("sets"), "humaneval")


@pytest.fixture(scope="module")
def humaneval(store):
    return get_method("humaneval", data=store).in_sandbox(Sandbox(CodeLimits(wall_seconds=120)))


async def scored(method, answer_of, repeats=1):
    score = method.scorer()
    return [Scored(s, await score(s, answer_of(s))) for s in method.samples(Selection(repeats=repeats))]


def item(sample):
    return next(row for row in HUMANEVAL if row["task_id"] == sample.cluster)


def rest(sample):
    return Answer(item(sample)["canonical_solution"])


def whole(sample):
    code = item(sample)["prompt"].split("\n\n\n")[-1] + item(sample)["canonical_solution"]
    return Answer(f"Here it is:\n```python\n{code}```\nIt works.")


@isolated
async def test_the_right_solution_passes_as_rest_as_whole_and_without_a_fence(humaneval):
    for answer_of in (rest, whole, lambda s: Answer(whole(s).text.split("```python\n")[1].split("```")[0])):
        rows = await scored(humaneval, answer_of)
        assert [row.score.label for row in rows] == [Label.CORRECT, Label.CORRECT]
    (first,) = humaneval.measure(rows, subject="s", provenance=PROVENANCE)
    assert (first.measure.id, first.value, first.n) == ("humaneval:pass-at-1", 1.0, 2)
    assert first.reason.startswith("code run isolated from users, network, processes, filesystem")


@isolated
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("    return 1\n", "AssertionError"),
        ("I'd rather not.", "SyntaxError"),
        ("```python\nimport sys\nsys.exit(0)\n```", "SystemExit"),
        ("    import os\n    os._exit(0)\n", "ended-early"),
        ("    import os\n    os.fork()\n", "BlockingIOError"),
        ("    import socket\n    socket.create_connection(('127.0.0.1', 80), 2)\n", "OSError"),
        ("    return bytearray(10 * 2**30)\n", "MemoryError"),
        ("    open('/etc/x', 'w')\n", "OSError"),
    ],
)
async def test_a_wrong_or_hostile_answer_is_a_counted_failure(humaneval, answer, reason):
    rows = await scored(humaneval, lambda s: Answer(answer))
    assert [row.score.label for row in rows] == [Label.WRONG, Label.WRONG]
    assert {row.score.reason for row in rows} <= {reason, "SyntaxError"}
    (first,) = humaneval.measure(rows, subject="s", provenance=PROVENANCE)
    assert (first.value, first.n, dict(first.counts)) == (0.0, 2, {Label.WRONG: 2})


@isolated
async def test_an_answer_that_was_cut_off_says_so(humaneval):
    rows = await scored(humaneval, lambda s: Answer("```python\ndef double(", finish_reason="length"))
    assert rows[0].score.reason == "SyntaxError, answer cut off"


@isolated
async def test_no_answer_runs_nothing(humaneval):
    rows = await scored(humaneval, lambda s: Answer("", Status.EMPTY))
    assert [row.score.label for row in rows] == [Label.EMPTY] * 2
    rows = await scored(humaneval, lambda s: Answer("", Status.BLOCKED))
    assert [row.score.label for row in rows] == [Label.BLOCKED] * 2


@isolated
async def test_a_sandbox_that_does_not_start_is_no_failure_of_the_system(humaneval, monkeypatch):
    from kakehashi.evaluate.sandbox import CodeRun

    monkeypatch.setattr(humaneval.sandbox, "run", lambda program: CodeRun(False, "could-not-start"))
    rows = await scored(humaneval, rest)
    assert [row.score.label for row in rows] == [Label.JUDGE_FAILED] * 2


def test_the_helper_before_the_function_stays():
    text = program_of(HUMANEVAL[1], "```python\ndef decode(text):\n    return encode(text)\n```")
    assert text.startswith("def encode(text: str):")
    assert text.rstrip().endswith("check(decode)")
    assert text.count("def decode") == 1


def test_pass_at_k_is_estimated_over_problems(humaneval):
    samples = humaneval.samples(Selection(repeats=10))
    assert len(samples) == 20
    assert len({s.id for s in samples}) == 20
    assert [s.repeat for s in samples[:3]] == [0, 1, 2]
    # Problem 0: 1 of 10 right; problem 1: 10 of 10.
    right = {"HumanEval/0": 1, "HumanEval/1": 10}
    rows = [
        Scored(s, Score(s.id, Label.CORRECT if s.repeat < right[s.cluster] else Label.WRONG, "x"))
        for s in samples
    ]
    first, tenth = humaneval.measure(rows, subject="s", provenance=PROVENANCE)
    assert (first.k, first.n) == (11, 20)
    # pass@10 with all ten answers drawn: 1 where any is right, so both problems give 1.
    assert (tenth.measure.id, tenth.value, tenth.n) == ("humaneval:pass-at-10", 1.0, 2)


def test_code_is_off_unless_asked_for(store):
    method = get_method("humaneval", data=store)
    with pytest.raises(UsageError, match="that is off") as caught:
        with_sandbox(method, CodeWords())
    assert "--allow-code" in str(caught.value)
    with pytest.raises(UsageError, match="no sandbox"):
        method.scorer()
    other = get_method("facts")
    assert with_sandbox(other, CodeWords()) == (other, None)


def test_a_doubled_problem_is_a_clear_error(tmp_path):
    mirror = write_mirror(tmp_path / "mirror")
    text = "".join(json.dumps(HUMANEVAL[0]) + "\n" for _ in range(2))
    (mirror / "humaneval" / "HumanEval.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    method = get_method("humaneval", data=pulled(tmp_path, "humaneval", mirror=mirror))
    with pytest.raises(InputError, match="stands twice"):
        method.samples(Selection())
