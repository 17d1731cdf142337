"""Plans written into the ledger before a run, and what was reported against them.

A plan is a record of its own kind, named in the log like every other. Whether it came before a run is told by the
log's order and by the run folder, never by the date that the plan gives itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import UnknownNameError, UsageError
from kakehashi.evaluate.datasets import DataStore
from kakehashi.evaluate.engine import RunFolder
from kakehashi.ledger import Ledger, Record, now_utc
from kakehashi.model import Subject
from kakehashi.proof import canonical_bytes
from kakehashi.work.data import pull_for
from kakehashi.work.judging import JudgeWords
from kakehashi.work.plan import Plan, make_plan, without_key_names
from kakehashi.work.seal import open_ledger
from kakehashi.work.workspace import Workspace

INTENT_FORMAT = "kakehashi.intent/1"
_COMPARED = ("version", "data_revision", "judge", "languages", "limit", "max_tokens", "repeats", "samples")


@dataclass(frozen=True, slots=True)
class PlanCell:
    """One subject and method, as planned and as reported.

    Attributes:
        subject: Name of the system.
        method: Id of the method.
        status: ``"done"``, ``"partial"``, ``"changed"``, ``"withdrawn"`` (done, then retracted), ``"not-done"``
            or ``"not-planned"``.
        order: ``"after"`` the plan, ``"before"`` it by the log, or ``"began-before"``: the run had answers
            already when the plan was written. ``""`` where nothing was done.
        run: Identifier of the run, ``""`` where nothing was done.
        record: Id of the result, ``""`` where nothing was done.
        changes: What differs from the plan.
        reason: Why it was withdrawn.
    """

    subject: str
    method: str
    status: str
    order: str = ""
    run: str = ""
    record: str = ""
    changes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PlanCheck:
    """A plan against what was reported.

    Attributes:
        plan: Id of the plan's record.
        title: Its title.
        created: The date that it gives itself.
        author: Who planned.
        position: Its place in the log, from 0.
        intent_sha256: Hash of what was intended.
        intact: Whether that hash is still that of what the record says.
        cells: Planned cells first, then what was not planned.
        backdated: Runs that the log has before the plan although the plan's own date is the earlier one.
        cached: Run → answers that came from the cache, and so may have been known before.
        withdrawn: Why the plan itself was retracted or replaced, ``""`` where it stands.
    """

    plan: str
    title: str
    created: str
    author: str
    position: int
    intent_sha256: str
    intact: bool
    cells: tuple[PlanCell, ...]
    backdated: tuple[str, ...]
    cached: Mapping[str, int]
    withdrawn: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Cells by status."""
        found = [cell.status for cell in self.cells]
        return {status: found.count(status) for status in dict.fromkeys(found)}

    @property
    def kept(self) -> bool:
        """Whether everything planned was done so, after the plan, and nothing else."""
        return (
            self.intact
            and not self.withdrawn
            and all(cell.status == "done" and cell.order == "after" for cell in self.cells)
        )


def intent(plan: Plan) -> dict[str, Any]:
    """What a plan intends, whichever version of the program runs it: systems, methods, seed, judge, items."""
    return {
        "format": INTENT_FORMAT,
        "subjects": {one.name: _subject_hash(one) for one in plan.subjects},
        "methods": [
            {**described, "items_sha256": _items_hash([sample.id for sample in planned.samples])}
            for described, planned in zip(plan.manifest["methods"], plan.methods, strict=True)
        ],
        "profile": plan.manifest["profile"],
        "seed": plan.manifest["seed"],
        "languages": list(plan.manifest["languages"]),
        "runtime": plan.manifest["runtime"],
    }


def intent_hash(intended: Mapping[str, Any]) -> str:
    """SHA-256 of an intent in canonical JSON."""
    return sha256(canonical_bytes(intended)).hexdigest()


def preregister(
    subjects: Sequence[str | Subject],
    *,
    title: str,
    author: str = "",
    profile: str = "quick",
    methods: Sequence[str] = (),
    languages: Sequence[str] = ("en",),
    limit: int | None = None,
    seed: int = 0,
    judges: Sequence[str] = (),
    phrases: Sequence[Path | str] = (),
    calibrations: Sequence[Path | str] = (),
    allow_family: bool = False,
    repeats: int = 1,
    alone: bool = False,
    mirror: Path | str | None = None,
    workspace: Path | str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Record:
    """Write into the ledger what is meant to be run; ``assess`` with the same words then cites it by itself.

    A plan that is there already is returned as it is.

    Args:
        subjects: As for ``assess``.
        title: What the plan is for.
        author: Who plans.
        profile: As for ``assess``.
        methods: As for ``assess``.
        languages: As for ``assess``.
        limit: As for ``assess``.
        seed: As for ``assess``.
        judges: As for ``assess``.
        phrases: As for ``assess``.
        calibrations: As for ``assess``.
        allow_family: As for ``assess``.
        repeats: As for ``assess``.
        alone: As for ``assess``.
        mirror: As for ``assess``.
        workspace: Folder of the ledger.
        say: Told what is taken from a mirror.

    Raises:
        UnknownNameError: An unknown subject, method or profile.
        UsageError: No title, nothing to run, or a judge that may not judge.
    """
    if not title.strip():
        raise UsageError("a plan needs a title", hint='For example: --title "July round"')
    rooms = Workspace.of(workspace)
    data = DataStore(rooms.data)
    if mirror is not None:
        pull_for(methods, data, mirror, alone=alone, say=say)
    plan = make_plan(
        subjects,
        profile=profile,
        methods=methods,
        languages=languages,
        limit=limit,
        seed=seed,
        models=rooms.models,
        own_methods=rooms.methods,
        data=data,
        judge=JudgeWords(
            tuple(judges), tuple(map(Path, phrases)), tuple(map(Path, calibrations)), allow_family
        ),
        repeats=repeats,
        alone=alone,
    )
    intended = intent(plan)
    digest = intent_hash(intended)
    body = {
        "kind": "plan",
        "title": title,
        "author": author,
        "created": now_utc(),
        "subjects": [one.name for one in plan.subjects],
        "methods": intended["methods"],
        "seeds": [seed],
        "judge": ", ".join(dict.fromkeys(str(one["judge"]) for one in intended["methods"] if one["judge"])),
        "details": {"intent": intended, "intent_sha256": digest},
    }
    with open_ledger(rooms.ledger, write=True) as ledger:
        known = matching_plan(ledger, plan)
        return known if known is not None else ledger.get(ledger.append(body))


def matching_plan(ledger: Ledger, plan: Plan) -> Record | None:
    """The first plan in the log that intends exactly this."""
    digest = intent_hash(intent(plan))
    for record in ledger.records(kind="plan"):
        if _digest(record) == digest and intent_hash(record.body["details"]["intent"]) == digest:
            return record
    return None


def cite_plan(ledger: Path, plan: Plan, folder: RunFolder) -> None:
    """Note in the run folder which plan the run follows, and whether it was there before the first answer."""
    if not (ledger / "ledger.json").exists() or cited_plan(folder):
        return
    with Ledger.open(ledger) as opened:
        found = matching_plan(opened, plan)
    if found is not None:
        fresh = next(folder.calls(), None) is None and not folder.done()
        folder.add_event("plan", record=found.id, before_first_answer=fresh)


def citation(folder: RunFolder) -> str:
    """One line on the plan that a run follows, ``""`` where there is none."""
    noted = cited_plan(folder)
    if not noted:
        return ""
    if noted["before_first_answer"]:
        return f"follows the plan {noted['record'][:16]}"
    return f"the plan {noted['record'][:16]} came after the first answers: for this run it is no plan"


def cited_plan(folder: RunFolder) -> dict[str, Any]:
    """What :func:`cite_plan` noted, as the run's record carries it; empty where there was no plan."""
    event = next(folder.events("plan"), None)
    return {} if event is None else {key: event[key] for key in ("record", "before_first_answer")}


def check_plan(ledger: Ledger, plan: str, *, runs: Sequence[str] = ()) -> PlanCheck:
    """List what was planned against what was reported: done, not done, done but not planned, changed.

    Looks at every run that shares a system and a method with the plan or cites it, or at the runs named.
    Results that were retracted stay in the list as withdrawn.

    Args:
        ledger: The ledger.
        plan: Id or prefix of the plan's record.
        runs: Only these runs.

    Raises:
        UnknownNameError: No such record or run.
        UsageError: The record is not a plan.
    """
    record = ledger.get(plan)
    if record.kind != "plan":
        raise UsageError(
            f"the record {record.id[:12]} is a {record.kind}, not a plan",
            hint="List them: kakehashi plan list",
        )
    intended = record.body.get("details", {}).get("intent", {})
    wanted = {
        (subject, str(method["id"])): method
        for subject in record.body["subjects"]
        for method in record.body["methods"]
    }
    heads = _runs(ledger, record, wanted, runs)
    cells = [cell for head in heads for cell in _cells(ledger, record, intended, wanted, head)]
    done = {(cell.subject, cell.method) for cell in cells}
    missing = [PlanCell(s, m, "not-done") for s, m in wanted if (s, m) not in done]
    order = {cell: i for i, cell in enumerate(wanted)}
    planned = [cell for cell in [*cells, *missing] if (cell.subject, cell.method) in wanted]
    planned.sort(key=lambda cell: order[cell.subject, cell.method])
    return PlanCheck(
        plan=record.id,
        title=record.text("title"),
        created=record.text("created"),
        author=record.text("author"),
        position=record.position,
        intent_sha256=_digest(record),
        intact=not intended or intent_hash(intended) == _digest(record),
        cells=(*planned, *(cell for cell in cells if (cell.subject, cell.method) not in wanted)),
        backdated=tuple(
            head.text("run")
            for head in heads
            if head.position < record.position and head.text("created") > record.text("created")
        ),
        cached={head.text("run"): int(head.body["counts"].get("cached", 0)) for head in heads},
        withdrawn=hidden[record.id].reason if record.id in (hidden := ledger.hidden()) else "",
    )


def plans_of(ledger: Ledger, run: str) -> tuple[PlanCheck, ...]:
    """Plans that a run cites or shares a system and a method with, each against all that was reported."""
    heads = ledger.records(kind="run", run=run)
    hidden = ledger.hidden()
    return tuple(
        check_plan(ledger, record.id)
        for record in ledger.records(kind="plan", include_hidden=True)
        if any(
            _cites(head, record) or (record.id not in hidden and _cells_of(head) & _cells_of(record))
            for head in heads
        )
    )


def _cells_of(record: Record) -> set[tuple[str, str]]:
    """Subjects and methods that a plan or a run names, each with each."""
    subjects = [one if isinstance(one, str) else str(one["name"]) for one in record.body["subjects"]]
    return {(subject, str(method["id"])) for subject in subjects for method in record.body["methods"]}


def _runs(
    ledger: Ledger, plan: Record, wanted: Mapping[tuple[str, str], Any], runs: Sequence[str]
) -> list[Record]:
    hidden = ledger.hidden()
    heads = [
        record
        for record in ledger.records(kind="run", include_hidden=True)
        if record.id not in hidden or hidden[record.id].how == "retract"
    ]
    if runs:
        known = [head.text("run") for head in heads]
        for run in runs:
            if run not in known:
                raise UnknownNameError("run", run, known)
        return [head for head in heads if head.text("run") in runs]

    return [head for head in heads if _cells_of(head) & set(wanted) or _cites(head, plan)]


def _cites(head: Record, plan: Record) -> bool:
    cited = head.body.get("details", {}).get("plan", {})
    return bool(cited) and cited.get("record") == plan.id


def _cells(
    ledger: Ledger,
    plan: Record,
    intended: Mapping[str, Any],
    wanted: Mapping[tuple[str, str], Mapping[str, Any]],
    head: Record,
) -> Iterator[PlanCell]:
    hidden = ledger.hidden()
    order = "after" if head.position > plan.position else "before"
    if _cites(head, plan) and not head.body["details"]["plan"]["before_first_answer"]:
        order = "began-before"
    for result in ledger.records(kind="result", run=head.text("run"), include_hidden=True):
        why = hidden.get(result.id)
        if why is not None and why.how != "retract":
            continue
        key = (result.text("subject"), result.text("method"))
        facts: dict[str, Any] = {"order": order, "run": head.text("run"), "record": result.id}
        if key not in wanted:
            # what was done before anything was planned is no deviation from the plan
            if order == "after" and why is None:
                yield PlanCell(*key, "not-planned", **facts)
            continue
        changes = _changes(ledger, intended, wanted[key], head, result)
        if why is not None:
            yield PlanCell(*key, "withdrawn", **facts, changes=changes, reason=why.reason)
        elif changes:
            partial = bool(result.body.get("partial")) and changes == ("items",)
            yield PlanCell(*key, "partial" if partial else "changed", **facts, changes=changes)
        else:
            yield PlanCell(*key, "partial" if result.body.get("partial") else "done", **facts)


def _changes(
    ledger: Ledger, intended: Mapping[str, Any], planned: Mapping[str, Any], head: Record, result: Record
) -> tuple[str, ...]:
    """What of a result differs from its plan, each as ``name: planned, then reported``."""
    described = next(one for one in head.body["methods"] if one["id"] == result.text("method"))
    found = [
        f"{name}: {planned.get(name)} planned, {described.get(name)} reported"
        for name in _COMPARED
        if (name in planned or name in described) and planned.get(name) != described.get(name)
    ]
    settings = head.body["settings"]
    if intended and intended["seed"] != settings.get("seed"):
        found.append(f"seed: {intended['seed']} planned, {settings.get('seed')} reported")
    subject = next(one for one in head.body["subjects"] if one["name"] == result.text("subject"))
    if intended and intended["subjects"].get(result.text("subject")) != _hash(subject):
        found.append("settings of the system")
    model = subject.get("model")
    if intended and intended["runtime"].get(model) != settings.get("runtime", {}).get(model):
        found.append("runtime")
    if planned.get("items_sha256") and "items" in result.body:
        samples = ledger.items(record=result.id, columns=["sample"])["sample"]
        if _items_hash([str(one) for one in samples]) != planned["items_sha256"]:
            found.append("items")
    return tuple(found)


def _digest(record: Record) -> str:
    return str(record.body.get("details", {}).get("intent_sha256", ""))


def _items_hash(samples: Sequence[str]) -> str:
    return sha256("\n".join(sorted(set(samples))).encode()).hexdigest()


def _subject_hash(subject: Subject) -> str:
    return _hash(asdict(without_key_names(subject)))


def _hash(described: Mapping[str, Any]) -> str:
    return sha256(canonical_bytes(described)).hexdigest()
