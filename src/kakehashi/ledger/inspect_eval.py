"""Results as Inspect logs: one ``.eval`` archive a result, which ``inspect view`` opens; written without inspect-ai.

Members are packed with deflate, which every version of Inspect and every unzip reads. Times and the order of members
come from the record alone, so the same record gives the same bytes.

References:
    Inspect, "Eval logs" (inspect.aisi.org.uk/eval-logs.html); the models ``EvalLog`` and ``EvalSample`` of inspect-ai
    0.3.285.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kakehashi.errors import UsageError
from kakehashi.ledger.files import write_whole
from kakehashi.ledger.items import ITEM_COLUMNS
from kakehashi.ledger.records import Record
from kakehashi.ledger.store import Ledger
from kakehashi.model import Measurement

LOG_VERSION = 2


def export_inspect(ledger: Ledger, record_id: str, folder: Path | str, *, texts: bool = False) -> list[Path]:
    """Write a result as an Inspect log into a folder; returns its path.

    Args:
        ledger: The ledger.
        record_id: Id or prefix of a result.
        folder: Where to write.
        texts: Whether prompts and answers go along; without, they are empty.

    Raises:
        UsageError: The record is not a result.
        StorageError: Texts are asked for, but are not there.
    """
    record = ledger.get(record_id)
    if record.kind != "result":
        raise UsageError(f"{record.id[:12]} is a {record.kind}; only results can be exported as Inspect logs")
    created = _time(record)
    task = re.sub(r"[^\w-]+", "-", record.text("method")).strip("-")
    subject = re.sub(r"[^\w.-]+", "-", record.text("subject")).strip("-")
    # Inspect finds time, task and id in the name of a file.
    path = Path(folder) / f"{created:%Y-%m-%dT%H-%M-%S}-00-00_{task}-{subject}_{record.id[:22]}.eval"
    write_whole(path, to_inspect(ledger, record.id, texts=texts))
    return [path]


def to_inspect(ledger: Ledger, record_id: str, *, texts: bool = False) -> bytes:
    """The bytes of the archive."""
    record = ledger.get(record_id)
    created = _time(record)
    rows = list(_rows(ledger, record))
    said = {(t["sample"], int(t.get("epoch", 0))): t for t in ledger.texts(record.id)} if texts else {}
    started = {"version": LOG_VERSION, "eval": _eval(ledger, record, rows, created), "plan": _plan()}
    samples = [
        _sample(record, row, said.get((str(row["sample"]), int(row.get("epoch", 0))), {}), created)
        for row in rows
    ]
    header = {
        **started,
        "status": "cancelled" if record.body.get("partial") else "success",
        "results": _results(record, rows),
        "stats": _stats(record, rows, created),
        "invalidated": False,
        "tags": [],
        "metadata": {},
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "_journal/start.json", started, created)
        for sample in samples:
            _add(archive, f"samples/{sample['id']}_epoch_{sample['epoch']}.json", sample, created)
        summaries = [_summary(sample) for sample in samples]
        _add(archive, "_journal/summaries/1.json", summaries, created)
        _add(archive, "summaries.json", summaries, created)
        _add(archive, "header.json", header, created)
    return stream.getvalue()


def _time(record: Record) -> datetime:
    stated = next((m.provenance.created for m in record.measurements()), "")
    try:
        return datetime.fromisoformat(stated).astimezone(UTC)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)


def _add(archive: zipfile.ZipFile, name: str, value: object, created: datetime) -> None:
    info = zipfile.ZipInfo(name, created.timetuple()[:6] if created.year >= 1980 else (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
    archive.writestr(info, text.encode("utf-8", "backslashreplace"))


def _rows(ledger: Ledger, record: Record) -> Iterator[dict[str, Any]]:
    if not isinstance(record.body.get("items"), Mapping):
        return
    columns = ledger.items(record=record.id, columns=list(ITEM_COLUMNS))
    whole = {name for name, sql in ITEM_COLUMNS.items() if sql == "BIGINT"}
    for number in range(len(columns["sample"])):
        row: dict[str, Any] = {}
        for name, column in columns.items():
            value = column[number]
            if value is None or (not isinstance(value, str) and np.isnan(value)):
                continue
            row[name] = value if isinstance(value, str) else int(value) if name in whole else float(value)
        yield row


def _epoch(row: Mapping[str, Any]) -> int:
    return int(row.get("epoch", 0)) + 1  # Inspect counts from 1


def _eval(ledger: Ledger, record: Record, rows: list[dict[str, Any]], created: datetime) -> dict[str, Any]:
    ids = list(dict.fromkeys(str(row["sample"]) for row in rows))
    runs = ledger.records(kind="run", run=record.text("run"), include_hidden=True)
    software = next(
        (run.text("software").rpartition("/")[2] for run in runs if run.text("software")), "unknown"
    )
    return {
        "eval_id": record.id[:22],
        "run_id": record.text("run"),
        "created": created.isoformat(timespec="seconds"),
        "task": record.text("method"),
        "task_id": record.id[:22],
        "task_version": record.text("method_version"),
        "task_attribs": {},
        "task_args": {},
        "task_args_passed": {},
        "dataset": {"name": record.text("method"), "samples": len(ids), "sample_ids": ids, "shuffled": False},
        "model": f"kakehashi/{record.text('subject')}",
        "model_generate_config": {},
        "model_args": {},
        "config": {"epochs": max((_epoch(row) for row in rows), default=1)},
        "packages": {"kakehashi": software},
        "metadata": {"kakehashi": {"record": record.id, "judge": record.text("judge")}},
    }


def _plan() -> dict[str, Any]:
    return {"name": "plan", "steps": [], "config": {}}


def _results(record: Record, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "total_samples": len(rows),
        "completed_samples": sum(row.get("status") != "error" for row in rows),
        "scores": [_score(record, m) for m in record.measurements() if not set(m.facets) - {"language"}],
    }


def _score(record: Record, m: Measurement) -> dict[str, Any]:
    name = _measure(m.measure.id)
    metrics = {} if m.value is None else {"mean": {"name": "mean", "value": m.value, "params": {}}}
    if m.std_error is not None:
        metrics["stderr"] = {"name": "stderr", "value": m.std_error, "params": {}}
    kept: dict[str, Any] = {"facets": dict(m.facets), "n": m.n, "polarity": str(m.measure.polarity)}
    if m.interval is not None:
        kept["interval"] = {
            "low": m.interval.low,
            "high": m.interval.high,
            "confidence_level": m.interval.confidence_level,
            "method": m.interval.method,
        }
    if m.reason:
        kept["reason"] = m.reason
    return {
        "name": " ".join([name, *(f"[{value}]" for value in m.facets.values())]),
        "scorer": name,
        "scored_samples": m.n,
        "params": {},
        "metrics": metrics,
        "metadata": {"kakehashi": kept},
    }


def _measure(identifier: str) -> str:
    return identifier.rpartition(":")[2] or "score"


def _stats(record: Record, rows: list[dict[str, Any]], created: datetime) -> dict[str, Any]:
    when = created.isoformat(timespec="seconds")
    return {
        "started_at": when,
        "completed_at": when,
        "model_usage": {f"kakehashi/{record.text('subject')}": _usage(rows)},
    }


def _usage(rows: list[dict[str, Any]]) -> dict[str, int]:
    read = sum(int(row.get("prompt_tokens", 0)) for row in rows)
    written = sum(int(row.get("completion_tokens", 0)) for row in rows)
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def _sample(
    record: Record, row: dict[str, Any], text: Mapping[str, Any], created: datetime
) -> dict[str, Any]:
    model = f"kakehashi/{record.text('subject')}"
    prompt, answer = str(text.get("prompt") or ""), str(text.get("response") or "")
    blocked = row.get("status") == "blocked"
    message = {"role": "assistant", "content": answer, "source": "generate", "model": model}
    output = {
        "model": model,
        "choices": [{"message": message, "stop_reason": "content_filter" if blocked else "stop"}],
        "completion": answer,
        "usage": _usage([row]),
    }
    label, reason = str(row.get("label", "")), str(row.get("reason", ""))
    score = {
        "value": row.get("value", "N"),
        "explanation": f"{label} ({reason})" if reason else label,
        "metadata": {"label": label, "judge": row.get("judge", "")},
    }
    kept = {
        key: row[key]
        for key in ("category", "kind", "language", "technique", "cluster", "guard")
        if row.get(key)
    }
    sample: dict[str, Any] = {
        "id": str(row["sample"]),
        "epoch": _epoch(row),
        "input": prompt,
        "target": "",
        "messages": [{"role": "user", "content": prompt, "source": "input"}, message],
        "output": output,
        "scores": {_measure(str(row.get("measure", ""))): score},
        "metadata": kept,
        "store": {},
        "events": [],
        "model_usage": {model: _usage([row])},
        "started_at": created.isoformat(timespec="seconds"),
        "total_time": row.get("seconds", 0.0),
        "attachments": {},
    }
    if row.get("status") == "error":
        sample["error"] = {"message": reason or "error", "traceback": "", "traceback_ansi": ""}
    return sample


def _summary(sample: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "id",
        "epoch",
        "input",
        "target",
        "metadata",
        "scores",
        "model_usage",
        "started_at",
        "total_time",
    )
    summary = {name: sample[name] for name in names}
    if "error" in sample:
        summary["error"] = sample["error"]["message"]
    return {
        **summary,
        "input": str(summary["input"])[:1024],
        "retries": 0,
        "completed": True,
        "message_count": 2,
    }
