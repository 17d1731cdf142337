"""Sealing: a run folder becomes records of the ledger."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kakehashi import __version__
from kakehashi.errors import StorageError
from kakehashi.evaluate.engine import FinishedRow, JobKey, RunFolder
from kakehashi.evaluate.judges import CascadeJudge
from kakehashi.evaluate.methods import Scored
from kakehashi.ledger import Entry, Ledger, encode
from kakehashi.model import Provenance, Sample, Subject
from kakehashi.work.judged_by import who_decided
from kakehashi.work.plan import Plan, PlannedMethod, without_key_names

#: Seconds to wait for another run that is being sealed into the same ledger.
_WAIT = 60.0


def open_ledger(path: Path, *, write: bool) -> Ledger:
    """The workspace's ledger, made when it is written to for the first time.

    Raises:
        StorageError: There is none yet, and it was opened for reading.
    """
    made = path / "ledger.json"
    if write and not made.exists():
        try:
            return Ledger.init(path, wait=_WAIT)
        except StorageError:
            if not made.exists():  # else another process has made it meanwhile
                raise
    if not path.exists():
        raise StorageError("there is no ledger here yet", path=path, hint="Run: kakehashi demo")
    return Ledger.open(path, write=write, wait=_WAIT)


def seal_run(
    plan: Plan,
    folder: RunFolder,
    ledger: Path,
    *,
    partial: bool,
    warnings: Sequence[str] = (),
    preregistered: Mapping[str, Any] | None = None,
) -> list[str]:
    """Append a run's manifest and one result for each subject and method.

    A run that is sealed already is left as it is; one that was sealed in part is superseded.

    Args:
        plan: The plan of the run.
        folder: Its run folder.
        ledger: Folder of the ledger.
        partial: Whether something is missing; the records say so.
        warnings: What the reader of the run should know.
        preregistered: Record of the plan that the run follows, and whether it was there before the first answer.

    Returns:
        Identifiers of the run's record and of its results.
    """
    with open_ledger(ledger, write=True) as opened:
        before = opened.records(run=plan.run)
        if any(record.kind == "run" and not record.body["partial"] for record in before):
            return [record.id for record in before]
        head = _run_record(plan, folder, partial, warnings, preregistered or {})
        results = list(_results(plan, folder, partial))
        head["details"]["notes"] += _failures(plan, results)
        entries = [Entry(head), *results, *_calibrations(plan)]
        replaces = {
            place: old.id
            for place, entry in enumerate(entries)
            for old in before
            if _same_place(old.body, entry.record)
        }
        return opened.append_all(
            entries, replaces=replaces, reason="the run went on after it was sealed in part"
        )


def _same_place(one: Any, other: Any) -> bool:
    return all(one.get(key) == other.get(key) for key in ("kind", "run", "subject", "method"))


def _run_record(
    plan: Plan, folder: RunFolder, partial: bool, warnings: Sequence[str], preregistered: Mapping[str, Any]
) -> dict[str, Any]:
    counts = {"planned": len(plan), **_counted(folder)}
    adapted = [event for event in folder.events() if event["event"] == "parameter-refused"]
    manifest = {
        key: value for key, value in plan.manifest.items() if key not in {"subjects", "methods", "kakehashi"}
    }
    return {
        "kind": "run",
        "run": plan.run,
        "created": folder.manifest["created"],
        "software": f"kakehashi/{__version__}",
        "subjects": [_described(subject) for subject in plan.subjects],
        "methods": [
            {**described, "card": encode(planned.card)}
            for described, planned in zip(plan.manifest["methods"], plan.methods, strict=True)
        ],
        "settings": manifest,
        "counts": counts,
        "partial": partial,
        "details": {
            "notes": [*plan.notes, *warnings],
            "refused_parameters": [
                {key: event[key] for key in ("parameter", "reason") if key in event} for event in adapted
            ],
            **({"plan": dict(preregistered)} if preregistered else {}),
        },
    }


def _counted(folder: RunFolder) -> dict[str, int]:
    """How the samples ended and what the answers cost, the same however often the run was stopped.

    Each call of the log counts once. Texts are not kept while rows are counted.
    """
    counts = dict.fromkeys(("finished", "failed", "guarded"), 0)
    rows: list[tuple[JobKey, tuple[str, ...], int, int]] = []
    for row in folder.rows():
        counts["failed" if row.retry else "finished"] += 1
        counts["guarded"] += bool(row.answer.guard)
        if row.calls or not row.retry:
            tokens = row.answer.prompt_tokens or 0, row.answer.completion_tokens or 0
            rows.append((row.job, row.calls, *tokens))
    from_cache = {call["call"]: bool(call["from_cache"]) for call in folder.calls()}
    spent = {"calls": len(from_cache), "cached": 0, "prompt_tokens": 0, "completion_tokens": 0}
    counted = {key for key, cached in from_cache.items() if cached}
    for _, calls, prompt_tokens, completion_tokens in sorted(rows):
        if counted.issuperset(calls):
            spent["cached"] += 1
        else:
            spent["prompt_tokens"] += prompt_tokens
            spent["completion_tokens"] += completion_tokens
        counted.update(calls)
    return {**counts, **spent}


def _described(subject: Subject) -> dict[str, Any]:
    plain: dict[str, Any] = asdict(without_key_names(subject))
    return plain


def _results(plan: Plan, folder: RunFolder, partial: bool) -> Iterator[Entry]:
    placed: dict[tuple[str, str], dict[str, _Placed]] = {}
    for place, row in folder.placed_rows():
        placed.setdefault((row.job.subject, row.job.method), {})[row.job.sample] = _placed(place, row)
    for subject in plan.subjects:
        for planned in plan.methods:
            mine = placed.pop((subject.name, planned.key), {})
            if mine:
                yield _result(plan, folder, subject, planned, mine, partial)


class _Placed(NamedTuple):
    """A finished row without its texts, and where they are."""

    place: int
    row: FinishedRow


def _placed(place: int, row: FinishedRow) -> _Placed:
    sample = sys.intern(row.job.sample)
    return _Placed(
        place,
        replace(
            row,
            job=row.job._replace(sample=sample),
            answer=replace(row.answer, text="", thinking=""),
            score=replace(row.score, sample=sample),
            calls=(),
        ),
    )


def _result(
    plan: Plan,
    folder: RunFolder,
    subject: Subject,
    planned: PlannedMethod,
    placed: Mapping[str, _Placed],
    partial: bool,
) -> Entry:
    card = planned.card
    provenance = Provenance(
        source=f"kakehashi/{__version__}",
        method=card.id,
        method_version=card.version,
        created=folder.manifest["created"],
        run=plan.run,
        licence=card.licence,
    )
    by_id = {sample.id: sample for sample in planned.samples}
    finished = [sample for sample in by_id.values() if sample.id in placed]
    ordered = [(sample, placed[sample.id].row) for sample in finished]
    scored = [Scored(sample, row.score) for sample, row in ordered]
    measurements = planned.method.measure(scored, subject=subject.name, provenance=provenance)
    record = {
        "kind": "result",
        "run": plan.run,
        "subject": subject.name,
        "method": card.id,
        "method_version": card.version,
        "judge": card.judge,
        "partial": partial,
        "measurements": [encode(measurement) for measurement in measurements],
    }
    details = _judged_by(plan, subject, planned, [row for _, row in ordered])
    if details:
        record["details"] = {"judge": details}
    places = [placed[sample.id].place for sample in finished]
    columns = _items(planned, ordered)
    if "kin" in details:
        columns["reason"] = [f"{reason};kin" for reason in columns["reason"]]
    return Entry(record, columns, _texts(folder, finished, places))


def _judged_by(
    plan: Plan, subject: Subject, planned: PlannedMethod, rows: Sequence[FinishedRow]
) -> dict[str, Any]:
    """What a reader of these scores must know of their judge: its known errors, kin of the system, who decided."""
    card = planned.card
    found: dict[str, Any] = {}
    if card.judge_errors:
        found["errors"] = {language: encode(error) for language, error in card.judge_errors.items()}
    if plan.judge is not None and card.judge.startswith(plan.judge.judge.id):
        if kin := plan.judge.kin(subject):
            found["kin"] = kin
        found |= who_decided(row.score.reason for row in rows)
    return found


def _failures(plan: Plan, results: Sequence[Entry]) -> list[str]:
    """Which members of a panel failed how often: a reader of the run must know."""
    members = plan.judge.members if plan.judge is not None else ()
    if plan.judge is not None and isinstance(plan.judge.judge, CascadeJudge):
        members = members[1:]  # the panel is what comes after the rules
    return [
        f"{entry.record['method']}, {entry.record['subject']}: {members[int(place) - 1]['id']} failed on "
        f"{count} answers"
        for entry in results
        for place, count in entry.record.get("details", {}).get("judge", {}).get("panel_failed", {}).items()
        if int(place) <= len(members)
    ]


def _calibrations(plan: Plan) -> Iterator[Entry]:
    """The calibrations that the run relied on; one that the ledger has already is not stored twice."""
    for record in plan.judge.records if plan.judge is not None else ():
        yield Entry(
            {
                "kind": "calibration",
                "judge": str(record["judge"]),
                "dataset": str(record.get("dataset") or "human labels"),
                "measurements": [],
                "details": {key: value for key, value in record.items() if key != "beside"},
            }
        )


def _items(planned: PlannedMethod, ordered: list[tuple[Sample, FinishedRow]]) -> dict[str, Any]:
    credits_ = [planned.method.credit(Scored(sample, row.score)) for sample, row in ordered]
    samples = [sample for sample, _ in ordered]
    rows = [row for _, row in ordered]
    return {
        "sample": [sample.id for sample in samples],
        "epoch": [row.job.epoch for row in rows],
        "measure": [credit.measure if credit else "" for credit in credits_],
        "cluster": [sample.cluster for sample in samples],
        "category": [sample.category for sample in samples],
        "kind": [sample.kind for sample in samples],
        "language": [sample.language for sample in samples],
        "technique": [sample.facets.get("technique", "") for sample in samples],
        "label": [str(row.score.label) for row in rows],
        "value": np.array(
            [np.nan if credit is None or credit.value is None else credit.value for credit in credits_],
            dtype=float,
        ),
        "reason": [row.score.reason for row in rows],
        "judge": [row.score.scorer for row in rows],
        "status": [str(row.answer.status) for row in rows],
        "guard": [row.answer.guard for row in rows],
        "seconds": [row.answer.seconds for row in rows],
        "prompt_tokens": [row.answer.prompt_tokens for row in rows],
        "completion_tokens": [row.answer.completion_tokens for row in rows],
    }


def _texts(folder: RunFolder, samples: Sequence[Sample], places: Sequence[int]) -> Iterator[dict[str, Any]]:
    for sample, row in zip(samples, folder.rows_at(places), strict=True):
        yield {
            "sample": sample.id,
            "epoch": row.job.epoch,
            "prompt": "\n\n".join(sample.turns),
            "response": row.answer.text,
        }
