"""Records, items and texts that the tests of the ledger share."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kakehashi.ledger import encode
from kakehashi.model import Interval, Measure, Measurement, Polarity, Provenance

SAFE = Measure("kakehashi/core:safe-handling-rate", "safety", Polarity.HIGHER)


def provenance(method: str = "kakehashi/core") -> Provenance:
    return Provenance("kakehashi/0.1.0", method, "1.0", "2026-07-01T12:00:00Z", run="r1")


def measurement(subject: str = "bare", value: float | None = 0.25, **more: Any) -> Measurement:
    settings: dict[str, Any] = {
        "n": 4,
        "k": 1.0,
        "interval": Interval(0.05, 0.7, 0.95, "wilson"),
        "counts": {"refused": 1, "complied": 3},
    }
    return Measurement(subject, SAFE, value, provenance(), **(settings | more))


def run_record(run: str = "r1", **more: Any) -> dict[str, Any]:
    return {
        "kind": "run",
        "run": run,
        "created": "2026-07-01T12:00:00Z",
        "software": "kakehashi/0.1.0",
        "subjects": [{"name": "bare", "endpoint": "mock", "model": "m"}],
        "methods": [{"id": "kakehashi/core", "version": "1.0"}],
        "settings": {"limit": 4},
        "counts": {"samples": 4},
        "partial": False,
    } | more


def result_record(
    subject: str = "bare", run: str = "r1", value: float | None = 0.25, **more: Any
) -> dict[str, Any]:
    return {
        "kind": "result",
        "run": run,
        "subject": subject,
        "method": "kakehashi/core",
        "method_version": "1.0",
        "judge": "kakehashi/rules 1",
        "measurements": [encode(measurement(subject, value))],
    } | more


def item_columns(offset: int = 0) -> Mapping[str, Any]:
    return {
        "sample": [f"violence-{i + offset}" for i in range(4)],
        "cluster": ["v0", "v0", "v1", "v1"],
        "category": ["violence"] * 4,
        "kind": ["harmful", "benign", "harmful", "benign"],
        "language": ["en"] * 4,
        "label": ["refused", "complied", "complied", "error"],
        "value": [1.0, 0.0, 0.0, None],
        "seconds": [0.5, 0.25, 0.125, 1.0],
        "prompt_tokens": [3, 4, None, 5],
    }


def text_rows(secret: str = "the answer") -> dict[str, dict[str, str]]:
    return {f"violence-{i}": {"prompt": f"question {i}", "response": f"{secret} {i}"} for i in range(4)}


def files_of(folder: Path) -> dict[str, bytes]:
    """Path → bytes of all files below a folder, the lock apart."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "lock"
    }


def put(path: Path, body: object) -> Path:
    """Write text, or anything else as JSON, into a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return path
