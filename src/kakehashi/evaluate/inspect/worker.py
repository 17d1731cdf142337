"""One task on one system in a process of its own: a job in JSON on standard input, the outcome in JSON on its output.

Run by :mod:`kakehashi.work.inspect_tasks` as ``python -m kakehashi.evaluate.inspect.worker``.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log, read_eval_log_sample_summaries
from inspect_ai.model import GenerateConfig, Model, get_model

from kakehashi.evaluate.inspect.provider import NO_GRADER, know
from kakehashi.model import GuardSpec, Message, Subject


def subject_from(described: Mapping[str, Any]) -> Subject:
    """A subject out of its JSON."""
    guard: dict[str, Any] | None = described.get("guard")
    if guard is not None:
        phrases = {key: tuple(guard[key]) for key in ("input_phrases", "output_phrases")}
        guard = {**guard, **phrases}
    opening = tuple(Message(**message) for message in described["opening"])
    return Subject(
        **{**described, "opening": opening, "guard": None if guard is None else GuardSpec(**guard)}
    )


def run(job: Mapping[str, Any]) -> dict[str, Any]:
    """Run the job; what goes wrong in the task stands in the outcome."""
    subject = subject_from(job["subject"])
    know(job, subject)
    grader_name = NO_GRADER
    if job["grader"] is not None:
        grader = subject_from(job["grader"]["subject"])
        know(job["grader"], grader)
        grader_name = grader.name
    settings = GenerateConfig(
        max_retries=job["max_retries"], timeout=job["timeout"], max_connections=job["connections"]
    )
    model = get_model(f"kakehashi/{subject.name}", config=settings)
    judge = get_model(f"kakehashi/{grader_name}", config=settings)
    log = _retried(job, model, judge) or _fresh(job, model, judge)
    return {
        "status": log.status,
        "location": log.location,
        "error": log.error.message.splitlines()[-1][:500] if log.error is not None else "",
        "calls": getattr(model.api, "calls", 0) + getattr(judge.api, "calls", 0),
    }


def _common(job: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "log_dir": job["logs"],
        "log_format": "eval",
        "log_realtime": False,
        "log_buffer": 1,  # what is finished is in the log, so that a kill loses nothing
        "display": "none",
        "log_level": "error",
        "score_display": False,
        "fail_on_error": False,
        "max_samples": job["connections"],
    }


def _fresh(job: Mapping[str, Any], model: Model, judge: Model) -> EvalLog:
    args = dict(job["args"])
    for name in job["grader_args"]:
        args[name.removesuffix("[]")] = [str(judge)] if name.endswith("[]") else str(judge)
    shuffled = {"sample_shuffle": job["seed"], "limit": job["limit"]} if job["limit"] is not None else {}
    epochs = {"epochs": job["epochs"]} if job["epochs"] is not None else {}
    (log,) = inspect_ai.eval(
        job["task"],
        model=model,
        model_roles={"grader": judge},
        task_args=args,
        **shuffled,
        **epochs,
        **_common(job),
    )
    return log


def _retried(job: Mapping[str, Any], model: Model, judge: Model) -> EvalLog | None:
    """Go on with what a worker that was killed has left, if anything; its finished samples are kept."""
    left = list_eval_logs(job["logs"])
    if not left:
        return None
    log = read_eval_log(left[0], header_only=True)  # the newest stands first
    if log.status == "success" and not any(one.error for one in read_eval_log_sample_summaries(left[0])):
        return log
    try:
        (again,) = inspect_ai.eval_retry(read_eval_log(left[0]), **_common(job))
    except Exception:  # a log that broke off too early to be gone on with
        return None
    return again


def main() -> int:
    """Read the job, run it, write the outcome; what tasks print goes to standard error."""
    job = json.load(sys.stdin)
    Path(job["logs"]).mkdir(parents=True, exist_ok=True)
    with redirect_stdout(sys.stderr):
        try:
            outcome = run(job)
        except Exception as error:
            words = str(error).strip().splitlines()
            outcome = {
                "status": "error",
                "location": "",
                "error": f"{type(error).__name__}: {words[0][:500] if words else ''}",
                "calls": 0,
            }
    json.dump(outcome, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
