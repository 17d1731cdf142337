"""What a finished sample leaves behind: its key, its answer, its score."""

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from kakehashi.model import Answer, Score, Status


class JobKey(NamedTuple):
    """What names one piece of work within a run."""

    subject: str
    method: str
    sample: str
    epoch: int


@dataclass(frozen=True, slots=True)
class FinishedRow:
    """One finished sample.

    Attributes:
        job: Subject, method, sample and epoch.
        answer: What the system answered.
        score: What the scorer made of it.
        calls: Keys of the wire requests behind the answer, in order; none where a guard answered.
        retry: Whether the next session of the run should try it again (an error, a judge that broke down).
    """

    job: JobKey
    answer: Answer
    score: Score
    calls: tuple[str, ...] = ()
    retry: bool = False


_ANSWER = tuple(field.name for field in fields(Answer))
_SCORE = tuple(field.name for field in fields(Score))


_quote = json.JSONEncoder(ensure_ascii=False).encode
_quote_ascii = json.JSONEncoder().encode


def to_line(row: FinishedRow) -> bytes:
    """A row as one line of JSON, its keys sorted.

    It is written out by hand: this is done for every sample, and a third of the time of an encoder.
    """
    try:
        return _line(row, _quote).encode()
    except UnicodeEncodeError:  # half a surrogate pair cannot stand in UTF-8, only as an escape
        return _line(row, _quote_ascii).encode("ascii")


def _line(row: FinishedRow, q: Callable[[object], str]) -> str:
    job, answer, score = row.job, row.answer, row.score
    given = f'"alternatives":{_pairs(answer.alternatives, q)},' if answer.alternatives else ""
    calls = ",".join([f'"{key}"' for key in row.calls])
    return (
        f'{{"answer":{{{given}"cached":{_bool(answer.cached)}'
        f',"completion_tokens":{_number(answer.completion_tokens)}'
        f',"error":{q(answer.error)}'
        f',"finish_reason":{q(answer.finish_reason)}'
        f',"guard":{q(answer.guard)}'
        f',"prompt_tokens":{_number(answer.prompt_tokens)}'
        f',"seconds":{_number(round(answer.seconds, 6))}'
        f',"status":"{answer.status.value}"'
        f',"text":{q(answer.text)}'
        f',"thinking":{q(answer.thinking)}}}'
        f',"calls":[{calls}]'
        f',"epoch":{job.epoch}'
        f',"method":{q(job.method)}'
        f',"retry":{_bool(row.retry)}'
        f',"sample":{q(job.sample)}'
        f',"score":{{"label":{q(str(score.label))}'
        f',"reason":{q(score.reason)}'
        f',"sample":{q(score.sample)}'
        f',"scorer":{q(score.scorer)}'
        f',"value":{_number(score.value)}}}'
        f',"subject":{q(job.subject)}}}\n'
    )


def _pairs(pairs: tuple[tuple[str, float], ...], q: Callable[[object], str]) -> str:
    return "[" + ",".join([f"[{q(token)},{_number(value)}]" for token, value in pairs]) + "]"


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _number(value: float | None) -> str:
    if value is None:
        return "null"
    if not math.isfinite(value):
        raise ValueError(f"{value} is not JSON")
    # A subclass (bool, numpy's float64) would write its own name.
    return repr(int(value) if isinstance(value, int) else float(value))


def from_record(record: Mapping[str, Any]) -> FinishedRow:
    """A row from its JSON; fields that this version does not know are passed over."""
    answer = {name: record["answer"][name] for name in _ANSWER if name in record["answer"]}
    answer["status"] = Status(answer["status"])
    if "alternatives" in answer:
        answer["alternatives"] = tuple((str(token), float(value)) for token, value in answer["alternatives"])
    score = {name: record["score"][name] for name in _SCORE if name in record["score"]}
    # What is the same in thousands of rows is kept once.
    score.update({name: sys.intern(score[name]) for name in ("label", "scorer", "reason") if name in score})
    answer.update({name: sys.intern(answer[name]) for name in ("finish_reason", "guard") if name in answer})
    return FinishedRow(
        job=JobKey(
            sys.intern(record["subject"]), sys.intern(record["method"]), record["sample"], record["epoch"]
        ),
        answer=Answer(**answer),
        score=Score(**score),
        calls=tuple(record["calls"]),
        retry=bool(record["retry"]),
    )
