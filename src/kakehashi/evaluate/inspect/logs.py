"""From an Inspect log, as our own reader reads it, to samples and finished rows of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kakehashi.errors import InputError
from kakehashi.evaluate.engine.rows import FinishedRow, JobKey
from kakehashi.evaluate.inspect.adapter import InspectAdapter
from kakehashi.ledger.importers.inspect_log import Log, item_rows, open_log, sample_texts
from kakehashi.model import Answer, Label, Sample, Score, Status

#: Labels that our words know, by Inspect's grade.
_LABELS = {"correct": Label.CORRECT, "wrong": Label.WRONG, "no-answer": Label.UNPARSED, "error": Label.ERROR}
SCORED = "scored"


@dataclass(frozen=True, slots=True)
class ReadTask:
    """What a log holds of a task.

    Attributes:
        samples: One for each sample and epoch, in the order of their names.
        rows: What each came to.
        score: Name of the score that was taken, ``"scorer"`` or ``"scorer/part"``.
        status: How Inspect says that it ended; ``"success"`` where all went well.
        versions: Package versions and the task's version, as the log states them.
        grader: What the log states for the role ``grader``, or ``""``.
    """

    samples: tuple[Sample, ...]
    rows: tuple[FinishedRow, ...]
    score: str
    status: str
    versions: Mapping[str, str]


def read_task(path: Path, adapter: InspectAdapter, *, subject: str, method: str) -> ReadTask:
    """Read a log of a task as samples and rows.

    Args:
        path: The ``.eval`` file.
        adapter: What its scores mean.
        subject: Name of the system.
        method: Key of the method in the run.

    Raises:
        InputError: The score that the adapter names is not there, or there are several and it names none.
    """
    with open_log(path) as log:
        samples, rows, score = _read(log, path, adapter, subject, method)
        task = log.task
        packages = task.get("packages")
        versions = {str(k): str(v) for k, v in packages.items()} if isinstance(packages, dict) else {}
        versions["task"] = str(task.get("task_version", ""))
        return ReadTask(tuple(samples), tuple(rows), score, str(log.header.get("status")), versions)


def _read(
    log: Log, path: Path, adapter: InspectAdapter, subject: str, method: str
) -> tuple[list[Sample], list[FinishedRow], str]:
    samples: list[Sample] = []
    rows: list[FinishedRow] = []
    chosen = adapter.score
    for raw in log.samples():
        found = item_rows(raw, path)
        names = [name for name in dict.fromkeys(found["measure"]) if name is not None]
        if not chosen and len(names) > 1:
            raise InputError(
                f"the task gives several scores: {', '.join(map(str, names))}",
                path=path,
                hint="Name one in an adapter, with 'score: NAME' (docs/inspect.md).",
            )
        if not chosen and names:
            chosen = str(names[0])
        failed = bool(raw.get("error"))
        if chosen and names and chosen not in names and not failed:
            raise InputError(
                f"the score {chosen!r} is not in the log; it has {', '.join(map(str, names))}",
                path=path,
                hint="Mend 'score' in the adapter.",
            )
        place = found["measure"].index(chosen) if chosen in found["measure"] else None
        value = None if place is None else found["value"][place]
        label = None if place is None else found["label"][place]
        if label in adapter.values or str(_word(raw, chosen)) in adapter.values:
            value = adapter.values.get(str(label), adapter.values.get(str(_word(raw, chosen))))
        texts = sample_texts(raw)
        identifier, epoch = str(raw["id"]), int(found["epoch"][0])
        name = identifier if epoch == 1 else f"{identifier}#e{epoch}"
        sample = Sample(
            id=name,
            turns=(str(texts.get("prompt") or ""),),
            language=adapter.language,
            category=_field(raw, adapter.category) or "all",
            kind="inspect",
            cluster=identifier,
        )
        samples.append(sample)
        rows.append(_row(sample, found, failed, value, label, texts, subject, method, chosen, raw))
    return samples, rows, chosen


def _row(
    sample: Sample,
    found: Mapping[str, list[Any]],
    failed: bool,
    value: float | None,
    label: object,
    texts: Mapping[str, object],
    subject: str,
    method: str,
    chosen: str,
    raw: Mapping[str, Any],
) -> FinishedRow:
    text = str(texts.get("response") or "")
    scorer = f"inspect:{chosen.partition('/')[0]}"
    if failed:
        error = raw.get("error")
        kind = str(error.get("message", "error"))[:200] if isinstance(error, dict) else "error"
        answer = Answer(text, Status.ERROR, error=kind)
        score = Score(sample.id, Label.ERROR, scorer, reason="the sample failed in Inspect")
    else:
        answer = Answer(
            text,
            Status.OK if text.strip() else Status.EMPTY,
            prompt_tokens=_whole(found["prompt_tokens"][0]),
            completion_tokens=_whole(found["completion_tokens"][0]),
            seconds=float(found["seconds"][0] or 0.0),
        )
        word = Label.JUDGE_FAILED if value is None else _LABELS.get(str(label), SCORED)
        score = Score(
            sample.id, word, scorer, value=value, reason="the scorer gave no number" if value is None else ""
        )
    return FinishedRow(JobKey(subject, method, sample.id, 0), answer, score)


def _word(raw: Mapping[str, Any], chosen: str) -> object:
    """The scorer's own word, before anything was made of it."""
    scores = raw.get("scores")
    name, _, part = chosen.partition("/")
    score = scores.get(name) if isinstance(scores, dict) else None
    value = score.get("value") if isinstance(score, dict) else None
    return value.get(part) if part and isinstance(value, dict) else value


def _field(raw: Mapping[str, Any], path: str) -> str:
    value: object = raw.get("metadata")
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else None
    return str(value) if path and isinstance(value, str | int | float) else ""


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None
