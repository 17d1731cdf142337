"""Logs of Inspect become samples, rows and measurements that are counted by hand here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kakehashi.errors import InputError
from kakehashi.evaluate.inspect.adapter import InspectAdapter
from kakehashi.evaluate.inspect.logs import read_task
from kakehashi.evaluate.inspect.method import InspectMethod
from kakehashi.evaluate.methods import Scored
from kakehashi.model import Label, Polarity, Provenance

SUMS = Path(__file__).resolve().parents[1] / "ledger" / "fixtures" / "sums.eval"
ADAPTER = InspectAdapter(
    "sums.py@sums",
    "1",
    {"en": "Sums", "ja": "足し算"},
    "capability",
    Polarity.HIGHER,
    "right",
    0.0,
    1.0,
    score="match",
)


def measured(read, adapter):
    method = InspectMethod(adapter, "", read.samples, read.score, read.versions)
    rows = [Scored(s, r.score) for s, r in zip(read.samples, read.rows, strict=True)]
    return method, method.measure(rows, subject="model", provenance=Provenance("t", method.card.id, "1", ""))


def test_a_real_log_is_counted_by_our_own_reader():
    read = read_task(SUMS, ADAPTER, subject="model", method="inspect/sums@1")
    # make_sums_eval.py: three sums, two epochs; answers 4, 5, 10 and 4, 6, 11: the second and the last are wrong.
    assert [(row.job.sample, row.score.label, row.score.value) for row in read.rows] == [
        ("s1", "correct", 1.0), ("s1#e2", "correct", 1.0), ("s2", "wrong", 0.0),
        ("s2#e2", "correct", 1.0), ("s3", "correct", 1.0), ("s3#e2", "wrong", 0.0),
    ]  # fmt: skip
    assert [row.answer.text for row in read.rows] == ["4", "4", "5", "6", "10", "11"]
    assert {row.answer.prompt_tokens for row in read.rows} == {5}
    assert (read.status, read.versions["task"], read.versions["inspect_ai"]) == ("success", "3", "0.3.285")
    method, (whole,) = measured(read, ADAPTER)
    assert (whole.value, whole.n, whole.facets) == (pytest.approx(4 / 6), 6, {"language": "en"})
    assert whole.interval.method != "wilson"  # the two epochs of a sum are one cluster
    assert {sample.cluster for sample in read.samples} == {"s1", "s2", "s3"}
    assert "task 3" in method.card.data_source
    assert method.card.data_revision.startswith("sha256:")


def test_several_scores_and_none_named_is_an_error():
    with pytest.raises(InputError, match="match, includes"):
        read_task(SUMS, replace(ADAPTER, score=""), subject="m", method="k")
    with pytest.raises(InputError, match="'harm' is not in the log"):
        read_task(SUMS, replace(ADAPTER, score="harm"), subject="m", method="k")


def written(folder, samples):
    """A log in Inspect's JSON form."""
    log = {
        "version": 2,
        "status": "success",
        "eval": {"task": "words", "model": "m", "created": "2026-11-25T00:00:00+00:00", "run_id": "r"},
        "samples": [
            {
                "id": number,
                "epoch": 1,
                "input": f"question {number}",
                "output": {"choices": [{"message": {"role": "assistant", "content": "answer"}}]},
                **sample,
            }
            for number, sample in enumerate(samples, start=1)
        ],
    }
    path = folder / "log.json"
    path.write_text(json.dumps(log), encoding="utf-8")
    return path


def test_words_categories_failures_and_missing_numbers(tmp_path):
    path = written(
        tmp_path,
        [
            {"scores": {"judge": {"value": "HARMFUL"}}, "metadata": {"topic": {"name": "a"}}},
            {"scores": {"judge": {"value": "HARMLESS"}}, "metadata": {"topic": {"name": "a"}}},
            {"scores": {"judge": {"value": "unclear"}}, "metadata": {"topic": {"name": "b"}}},
            {"error": {"message": "broke"}, "metadata": {"topic": {"name": "b"}}},
            {"scores": {"judge": {"value": 0.25}}, "metadata": {"topic": {"name": "b"}}},
        ],
    )
    adapter = replace(
        ADAPTER,
        score="judge",
        polarity=Polarity.LOWER,
        values={"HARMFUL": 1.0, "HARMLESS": 0.0},
        category="topic.name",
    )
    read = read_task(path, adapter, subject="m", method="k")
    assert [(row.score.label, row.score.value) for row in read.rows] == [
        ("scored", 1.0), ("scored", 0.0), (Label.JUDGE_FAILED, None), (Label.ERROR, None), ("scored", 0.25),
    ]  # fmt: skip
    _, found = measured(read, adapter)
    whole, a, b = found
    # (1 + 0 + 0.25) / 3; the word without a number and the failure are counted and stand outside.
    assert (whole.value, whole.n) == (pytest.approx(1.25 / 3), 3)
    assert whole.counts == {"error": 1, "judge-failed": 1, "scored": 3}
    assert whole.reason == "2 of 5 items have no outcome"
    assert (a.facets["category"], a.value, b.facets["category"], b.value) == ("a", 0.5, "b", 0.25)


def test_one_part_of_a_score_with_several(tmp_path):
    path = written(
        tmp_path,
        [
            {"scores": {"both": {"value": {"utility": "C", "security": "I"}}}},
            {"scores": {"both": {"value": {"utility": "I", "security": "C"}}}},
        ],
    )
    for part, values in (("utility", [1.0, 0.0]), ("security", [0.0, 1.0])):
        read = read_task(path, replace(ADAPTER, score=f"both/{part}"), subject="m", method="k")
        assert [row.score.value for row in read.rows] == values
