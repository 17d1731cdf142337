"""What a finished sample leaves behind: its key, its answer, its score."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from kakehashi.evaluate.engine.appendlog import line
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


def to_line(row: FinishedRow) -> bytes:
    """A row as one line of JSON."""
    job, answer, score = row.job, row.answer, row.score
    return line(
        {
            "answer": {
                "cached": answer.cached,
                "completion_tokens": answer.completion_tokens,
                "error": answer.error,
                "finish_reason": answer.finish_reason,
                "guard": answer.guard,
                "prompt_tokens": answer.prompt_tokens,
                "seconds": round(answer.seconds, 6),
                "status": str(answer.status),
                "text": answer.text,
                "thinking": answer.thinking,
            },
            "calls": row.calls,
            "epoch": job.epoch,
            "method": job.method,
            "retry": row.retry,
            "sample": job.sample,
            "score": {
                "label": str(score.label),
                "reason": score.reason,
                "sample": score.sample,
                "scorer": score.scorer,
                "value": score.value,
            },
            "subject": job.subject,
        }
    )


def from_record(record: Mapping[str, Any]) -> FinishedRow:
    """A row from its JSON; fields that this version does not know are passed over."""
    answer = {name: record["answer"][name] for name in _ANSWER if name in record["answer"]}
    answer["status"] = Status(answer["status"])
    score = {name: record["score"][name] for name in _SCORE if name in record["score"]}
    return FinishedRow(
        job=JobKey(record["subject"], record["method"], record["sample"], record["epoch"]),
        answer=Answer(**answer),
        score=Score(**score),
        calls=tuple(record["calls"]),
        retry=bool(record["retry"]),
    )
