"""Inspect tasks within a run: each task on each system in a process of its own, their logs read back as rows."""

import importlib.util
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kakehashi.errors import IncompleteError, KakehashiError, MissingExtraError, UsageError
from kakehashi.evaluate.engine import Outcome, RunFolder
from kakehashi.evaluate.inspect.logs import ReadTask, read_task
from kakehashi.evaluate.inspect.method import InspectMethod
from kakehashi.evaluate.local import LocalServer
from kakehashi.model import Label, Sample, Subject
from kakehashi.work.plan import Plan, PlannedMethod

_WORKER = "kakehashi.evaluate.inspect.worker"


@dataclass(frozen=True, slots=True)
class Unit:
    """One task on one system.

    Attributes:
        subject: The system.
        planned: The method.
        folder: Where its logs are, inside the run folder.
    """

    subject: Subject
    planned: PlannedMethod
    folder: Path

    @property
    def method(self) -> InspectMethod:
        """The method, which is an Inspect task."""
        assert isinstance(self.planned.method, InspectMethod)
        return self.planned.method

    def log(self) -> Path | None:
        """Its newest log, if there is one."""
        logs = sorted(self.folder.glob("*.eval"))
        return logs[-1] if logs else None


def tasks_of(plan: Plan) -> list[PlannedMethod]:
    """The methods of a plan that Inspect runs."""
    return [planned for planned in plan.methods if isinstance(planned.method, InspectMethod)]


def check_inspect(names: Sequence[str]) -> None:
    """Refuse tasks of Inspect where it is not installed, before anything is asked.

    Raises:
        MissingExtraError: ``inspect_ai``, or the package that holds a task, is not here.
    """
    for name in names:
        package = "" if ".py" in name else name.partition("/")[0]
        if importlib.util.find_spec("inspect_ai") is None or (
            package == "inspect_evals" and importlib.util.find_spec(package) is None
        ):
            raise MissingExtraError("inspect", f"the Inspect task {name}")


def units(plan: Plan, folder: Path) -> list[Unit]:
    """Every task on every system."""
    return [
        Unit(subject, planned, folder / "inspect" / _slug(subject.name) / _slug(planned.card.id))
        for subject in plan.subjects
        for planned in tasks_of(plan)
    ]


def _slug(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", name)


def open_units(plan: Plan, folder: RunFolder) -> list[Unit]:
    """Those that are not finished."""
    over = {(event["subject"], event["method"]) for event in folder.events("inspect-task")}
    return [u for u in units(plan, folder.path) if (u.subject.name, u.planned.key) not in over]


def run_tasks(
    plan: Plan,
    folder: RunFolder,
    servers: Mapping[str, Sequence[LocalServer]],
    outcome: Outcome,
    *,
    concurrency: int,
    processes: int,
    patience: float | None,
    say: Callable[[str], None],
) -> tuple[Plan, Outcome]:
    """Run what is unfinished, read every log, and give the plan with the samples that were found.

    Args:
        plan: The plan of the run.
        folder: Its run folder, open for writing.
        servers: Servers of local models that are running.
        outcome: What the methods of our own came to.
        concurrency: Most calls at a time, all processes together.
        processes: Most processes at a time.
        patience: Seconds that one answer may take, tries included.
        say: Called with short messages.

    Returns:
        The plan whose methods hold their samples, and the outcome with the tasks counted in.
    """
    waiting = open_units(plan, folder)
    jobs = {
        unit.folder: _job(
            unit, plan, servers, max(1, concurrency // max(1, min(processes, len(waiting)))), patience
        )
        for unit in waiting
    }
    failures = _run_all(waiting, jobs, processes, say)
    read: dict[tuple[str, str], ReadTask] = {}
    done = folder.done()
    over = {(event["subject"], event["method"]) for event in folder.events("inspect-task")}
    for unit in units(plan, folder.path):
        place = (unit.subject.name, unit.planned.key)
        log = unit.log()
        if log is None:
            continue
        found = read[place] = read_task(log, unit.method.adapter, subject=place[0], method=place[1])
        for row in found.rows:
            if row.job not in done:
                folder.add_row(replace(row, retry=row.score.label == Label.ERROR))
        failed = [row for row in found.rows if row.score.label == Label.ERROR]
        if failed:
            say(
                f"{place[0]}: {unit.planned.card.id}: {len(failed)} samples failed; the first: {failed[0].answer.error}"
            )
        if place not in over and found.status == "success" and not failed:
            folder.add_event(
                "inspect-task",
                subject=place[0],
                method=place[1],
                log=str(log.relative_to(folder.path)),
                samples=len(found.rows),
            )
    return _with_samples(plan, read), _counted(plan, folder, outcome, read, failures)


def _job(
    unit: Unit,
    plan: Plan,
    servers: Mapping[str, Sequence[LocalServer]],
    connections: int,
    patience: float | None,
) -> dict[str, Any]:
    adapter, selection = unit.method.adapter, unit.planned.selection
    return {
        **_described(unit.subject, servers),
        "grader": None if plan.grader is None else _described(plan.grader, servers),
        "task": adapter.task,
        "args": dict(adapter.args),
        "grader_args": list(adapter.grader_args) if plan.grader is not None else [],
        "epochs": adapter.epochs,
        "limit": selection.limit,
        "seed": selection.seed,
        "logs": str(unit.folder),
        "connections": connections,
        "timeout": None if patience is None else max(1, round(patience)),
        "max_retries": 8,
    }


def _described(subject: Subject, servers: Mapping[str, Sequence[LocalServer]]) -> dict[str, Any]:
    group = servers.get(subject.model, []) if subject.endpoint == "local" else []
    return {
        "subject": asdict(subject),
        "servers": [
            {"url": one.base_url, "identity": dict(one.identity), "slots": one.settings.n_parallel}
            for one in group
        ],
    }


def _run_all(
    waiting: Sequence[Unit],
    jobs: Mapping[Path, Mapping[str, Any]],
    processes: int,
    say: Callable[[str], None],
) -> dict[tuple[str, str], str]:
    """Run the workers; the failures by system and method."""
    failures: dict[tuple[str, str], str] = {}
    running: set[subprocess.Popen[bytes]] = set()
    lock = threading.Lock()
    stopped = threading.Event()

    def one(unit: Unit) -> None:
        if stopped.is_set():
            return
        unit.folder.mkdir(parents=True, exist_ok=True)
        say(f"{unit.subject.name}: {unit.planned.card.id} begins (Inspect)")
        with (unit.folder / "worker.log").open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
            with lock:
                running.add(process)
            out, _ = process.communicate(json.dumps(jobs[unit.folder]).encode())
            with lock:
                running.discard(process)
        try:
            outcome = json.loads(out)
        except ValueError:
            outcome = {"status": "error", "error": f"the process ended with code {process.returncode}"}
        if outcome["status"] != "success" and not stopped.is_set():
            failures[(unit.subject.name, unit.planned.key)] = outcome["error"] or outcome["status"]
        say(f"{unit.subject.name}: {unit.planned.card.id} {outcome['status']}")

    with ThreadPoolExecutor(max(1, processes)) as pool:
        try:
            for future in [pool.submit(one, unit) for unit in waiting]:
                future.result()
        except BaseException:  # Ctrl-C: Inspect writes what it has; the next session goes on from its log
            stopped.set()
            with lock:
                for process in running:
                    process.terminate()
            raise
    return failures


def _with_samples(plan: Plan, read: Mapping[tuple[str, str], ReadTask]) -> Plan:
    methods = []
    for planned in plan.methods:
        if not isinstance(planned.method, InspectMethod):
            methods.append(planned)
            continue
        mine = [found for (_, key), found in read.items() if key == planned.key]
        samples: dict[str, Sample] = {one.id: one for found in mine for one in found.samples}
        first = mine[0] if mine else None
        method = InspectMethod(
            planned.method.adapter,
            planned.method.grader,
            tuple(samples.values()),
            first.score if first else "",
            first.versions if first else {},
        )
        methods.append(replace(planned, method=method, card=method.card, samples=tuple(samples.values())))
    described = [
        {**old, "samples": len(new.samples), "judge": new.card.judge, "data_revision": new.card.data_revision}
        for old, new in zip(plan.manifest["methods"], methods, strict=True)
    ]
    return replace(plan, methods=tuple(methods), manifest={**plan.manifest, "methods": described})


def _counted(
    plan: Plan,
    folder: RunFolder,
    outcome: Outcome,
    read: Mapping[tuple[str, str], ReadTask],
    failures: Mapping[tuple[str, str], str],
) -> Outcome:
    rows = [row for found in read.values() for row in found.rows]
    failed = sum(row.score.label == Label.ERROR for row in rows)
    # A task that did not end lacks samples that nobody can count: at least one.
    missing = sum((u.subject.name, u.planned.key) not in read for u in units(plan, folder.path))
    missing += sum(found.status != "success" for found in read.values())
    stopped: dict[str, KakehashiError] = {
        f"{subject}, {method.partition('@')[0]}": IncompleteError(
            f"the Inspect task did not end well: {text}"
        )
        for (subject, method), text in failures.items()
    }
    errors = dict(outcome.errors)
    if failed:
        errors["Inspect sample"] = failed
    return replace(
        outcome,
        total=outcome.total + len(rows) + missing,
        done=outcome.done + len(rows) - failed,
        failed=outcome.failed + failed,
        missing=outcome.missing + missing,
        stopped={**outcome.stopped, **stopped},
        errors=errors,
    )


def check_grader(
    grader: Subject | None, subjects: Sequence[Subject], methods: Sequence[InspectMethod]
) -> None:
    """Refuse a grader that would judge itself, and tasks that need one where none was named.

    Raises:
        UsageError: Either of these.
    """
    for method in methods:
        if method.adapter.needs_grader and grader is None:
            raise UsageError(
                f"{method.adapter.id} asks a grader",
                hint="Name one, from another developer: --grader SUBJECT.",
            )
    for subject in subjects:
        if grader is not None and (grader.endpoint, grader.base_url, grader.model) == (
            subject.endpoint,
            subject.base_url,
            subject.model,
        ):
            raise UsageError(
                f"{grader.name} would grade its own answers", hint="Name another model with --grader."
            )
