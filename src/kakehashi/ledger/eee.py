"""Results as Every Eval Ever 0.3: one aggregate JSON a result, and JSON lines of its items.

EEE takes no unknown keys and only strings in ``additional_details``: what it has no place for travels there
as JSON text under ``kakehashi.…``, so that a record read back is byte for byte the record that was written.
What EEE cannot say is never bent: a measurement or item without a number, for which EEE demands one, travels
only there.

References:
    Every Eval Ever, JSON Schemas 0.3.0 (evaleval/every_eval_ever).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from kakehashi.errors import UsageError
from kakehashi.ledger.files import write_whole
from kakehashi.ledger.items import ITEM_COLUMNS
from kakehashi.ledger.records import Record
from kakehashi.ledger.store import Ledger
from kakehashi.model import Measurement, Polarity
from kakehashi.proof import canonical_bytes

EEE_VERSION = "0.3.0"
RECORD_KEY = "kakehashi.record"
RECORD_ID_KEY = "kakehashi.record_id"
MEASUREMENT_KEY = "kakehashi.measurement"
POSITION_KEY = "kakehashi.position"
UNSCORED_KEY = "kakehashi.unscored"
UNSCORED_ITEMS_KEY = "kakehashi.unscored_items"
ITEM_KEY = "kakehashi.item"
ROW_KEY = "kakehashi.row"


@dataclass(frozen=True, slots=True)
class EeeDocument:
    """One result in the form of EEE.

    Attributes:
        aggregate: The aggregate JSON.
        instances: The instance rows, in order; empty where the record has no items.
    """

    aggregate: dict[str, Any]
    instances: tuple[dict[str, Any], ...]


def to_eee(ledger: Ledger, record_id: str, *, texts: bool = False) -> EeeDocument:
    """A result in the form of EEE.

    Args:
        ledger: The ledger.
        record_id: Id or prefix of a result.
        texts: Whether prompts and answers go along; without, ``input.raw`` is empty.

    Raises:
        UsageError: The record is not a result.
        StorageError: Texts are asked for, but are not there.
    """
    record = ledger.get(record_id)
    if record.kind != "result":
        raise UsageError(f"{record.id[:12]} is a {record.kind}; only results can be exported as EEE")
    subject = _subject(ledger, record)
    created = next((m.provenance.created for m in record.measurements()), "")
    evaluation_id = f"{record.text('method')}/{record.text('subject').replace('/', '_')}/{record.id[:16]}"
    scored: list[tuple[int, Measurement]] = []
    unscored: list[tuple[int, Measurement]] = []
    for position, measurement in enumerate(record.measurements()):
        (unscored if measurement.value is None else scored).append((position, measurement))
    body = {key: value for key, value in record.body.items() if key != "measurements"}
    details = {
        RECORD_ID_KEY: record.id,
        RECORD_KEY: _text(body),
        UNSCORED_KEY: _text([[p, record.body["measurements"][p]] for p, _ in unscored]),
    }
    instances: tuple[dict[str, Any], ...] = ()
    aggregate: dict[str, Any] = {
        "schema_version": EEE_VERSION,
        "evaluation_id": evaluation_id,
        "retrieved_timestamp": _epoch_time(created),
        "source_metadata": {
            "source_name": record.text("run") or "kakehashi",
            "source_type": "evaluation_run",
            "source_organization_name": next((m.provenance.author for _, m in scored), "") or "unknown",
            "evaluator_relationship": "other",
            "additional_details": details,
        },
        "eval_library": {"name": "kakehashi", "version": _software(ledger, record)},
        "model_info": _model_info(record.text("subject"), subject),
        "evaluation_results": [_result(record, p, m) for p, m in scored],
    }
    if created:
        aggregate["evaluation_timestamp"] = _epoch_time(created)
    if isinstance(record.body.get("items"), Mapping):
        rows = ledger.items(record=record.id, columns=list(ITEM_COLUMNS))
        said = _said(ledger, record.id) if texts else {}
        instances, blank = _instances(record, evaluation_id, rows, said)
        aggregate["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": _published_path(record, aggregate["model_info"]),
            "hash_algorithm": "sha256",
            "checksum": sha256(_lines(instances)).hexdigest(),
            "total_rows": len(instances),
            "additional_details": {UNSCORED_ITEMS_KEY: _text(blank)},
        }
    return EeeDocument(aggregate, instances)


def export_eee(ledger: Ledger, record_id: str, folder: Path | str, *, texts: bool = False) -> list[Path]:
    """Write a result as EEE files into a folder; returns their paths, aggregate first."""
    document = to_eee(ledger, record_id, texts=texts)
    folder = Path(folder)
    stem = _stem(ledger.get(record_id))
    aggregate = folder / f"{stem}.json"
    write_whole(
        aggregate,
        json.dumps(document.aggregate, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n",
    )
    if "detailed_evaluation_results" not in document.aggregate:
        return [aggregate]
    samples = folder / f"{stem}_samples.jsonl"
    write_whole(samples, _lines(document.instances))
    return [aggregate, samples]


def _stem(record: Record) -> str:
    """A UUID of version 4 in form, as EEE names files, and made from the record's id."""
    return str(UUID(hex=record.id[:32], version=4))


def _published_path(record: Record, model: Mapping[str, Any]) -> str:
    parts = (record.text("method"), str(model.get("developer", "unknown")), record.text("subject"))
    return "/".join(
        ["data", *(re.sub(r"[^\w.-]+", "_", part) or "_" for part in parts), f"{_stem(record)}_samples.jsonl"]
    )


def _epoch_time(created: str) -> str:
    """ISO 8601 as EEE's Unix time; what is not ISO 8601 stays as it is."""
    try:
        return str(int(datetime.fromisoformat(created).timestamp()))
    except ValueError:
        return created or "unknown"


def _lines(rows: tuple[dict[str, Any], ...]) -> bytes:
    return b"".join(canonical_bytes(row) + b"\n" for row in rows)


def _text(value: object) -> str:
    return canonical_bytes(value).decode()


def _subject(ledger: Ledger, record: Record) -> Mapping[str, Any]:
    for run in ledger.records(kind="run", run=record.text("run") or None, include_hidden=True):
        for subject in run.body["subjects"]:
            if subject["name"] == record.text("subject") and run.text("run") == record.text("run"):
                return dict(subject)
    return {}


def _software(ledger: Ledger, record: Record) -> str:
    runs = ledger.records(kind="run", run=record.text("run"), include_hidden=True)
    return next((r.text("software").rpartition("/")[2] for r in runs if r.text("software")), "unknown")


def _model_info(name: str, subject: Mapping[str, Any]) -> dict[str, Any]:
    weights = {"open": "open_weights", "closed": "closed_weights"}.get(str(subject.get("weights")), "unknown")
    deployed = {"local": "self_deployed", "anthropic": "externally_managed"}.get(
        str(subject.get("endpoint")), "unknown"
    )
    found: dict[str, Any] = {
        "name": name,
        "id": str(subject.get("model") or name),
        "additional_details": {
            "deployment_type": deployed,
            "model_availability": weights,
            "kakehashi.subject": name,
        },
    }
    if subject.get("developer"):
        found["developer"] = str(subject["developer"])
    return found


def _result(record: Record, position: int, m: Measurement) -> dict[str, Any]:
    config: dict[str, Any] = {
        "metric_id": m.measure.id,
        "metric_name": m.measure.id.rpartition(":")[2],
        "metric_unit": m.measure.unit,
        "lower_is_better": m.measure.polarity is Polarity.LOWER,
        "score_type": "continuous",
        "min_score": "-Infinity" if m.measure.low is None else m.measure.low,
        "max_score": "Infinity" if m.measure.high is None else m.measure.high,
        "additional_details": {
            MEASUREMENT_KEY: _text(record.body["measurements"][position]),
            POSITION_KEY: str(position),
        },
    }
    score: dict[str, Any] = {"score": m.value}
    uncertainty: dict[str, Any] = {}
    if m.std_error is not None:
        uncertainty["standard_error"] = {"value": m.std_error}
    if m.interval is not None:
        uncertainty["confidence_interval"] = {
            "lower": m.interval.low,
            "upper": m.interval.high,
            "confidence_level": m.interval.confidence_level,
            "method": m.interval.method,
        }
    if m.n is not None:
        uncertainty["num_samples"] = m.n
    if uncertainty:
        score["uncertainty"] = uncertainty
    name = record.text("method") + "".join(f"|{k}={v}" for k, v in sorted(m.facets.items()))
    return {
        "evaluation_result_id": f"{m.measure.id}#{position}",
        "evaluation_name": name,
        "source_data": {
            "dataset_name": record.text("method"),
            "source_type": "other",
            "additional_details": {"kakehashi.method_version": record.text("method_version")},
        },
        "metric_config": config,
        "score_details": score,
    }


def _said(ledger: Ledger, record_id: str) -> dict[tuple[str, int], dict[str, Any]]:
    return {(row["sample"], int(row.get("epoch", 0))): row for row in ledger.texts(record_id)}


def _instances(
    record: Record,
    evaluation_id: str,
    rows: Mapping[str, np.ndarray[Any, Any]],
    said: Mapping[tuple[str, int], dict[str, Any]],
) -> tuple[tuple[dict[str, Any], ...], list[list[object]]]:
    scored: list[dict[str, Any]] = []
    blank: list[list[object]] = []
    for number, row in enumerate(_plain_rows(rows)):
        if row.get("value") is None:
            blank.append([number, row])
        else:
            text = said.get((str(row["sample"]), int(row.get("epoch", 0))), {})
            scored.append(_instance(record, evaluation_id, number, row, text))
    return tuple(scored), blank


def _instance(
    record: Record, evaluation_id: str, number: int, row: Mapping[str, Any], text: Mapping[str, Any]
) -> dict[str, Any]:
    answers = [text["response"]] if isinstance(text.get("response"), str) else []
    instance: dict[str, Any] = {
        "schema_version": EEE_VERSION,
        "evaluation_id": evaluation_id,
        "model_id": record.text("subject"),
        "evaluation_name": record.text("method"),
        "sample_id": row["sample"],
        "interaction_type": "single_turn",
        "input": {"raw": str(text.get("prompt", "")), "reference": []},
        "output": {"raw": answers},
        "answer_attribution": [],
        # EEE demands both; only the score is ours, and correct means that it is the greatest one can get.
        "evaluation": {"score": row["value"], "is_correct": row["value"] == 1},
        "metadata": {ITEM_KEY: _text(row), ROW_KEY: str(number)},
    }
    given, made = row.get("prompt_tokens"), row.get("completion_tokens")
    if given is not None and made is not None:
        instance["token_usage"] = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    if row.get("seconds") is not None:
        instance["performance"] = {"latency_ms": row["seconds"] * 1000}
    if row.get("status") not in (None, "ok"):
        instance["error"] = str(row["status"])
    return instance


def _plain_rows(rows: Mapping[str, np.ndarray[Any, Any]]) -> Iterator[dict[str, Any]]:
    """Rows without what is null in them."""
    whole = {name for name, sql in ITEM_COLUMNS.items() if sql == "BIGINT"}
    for number in range(len(rows["sample"])):
        row: dict[str, Any] = {}
        for name, column in rows.items():
            value = column[number]
            if value is None or (not isinstance(value, str) and np.isnan(value)):
                continue
            row[name] = value if isinstance(value, str) else int(value) if name in whole else float(value)
        yield row
