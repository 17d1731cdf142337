"""Values of reports as JSON: strict, sorted, stable, one row a line."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def as_lines(body: Mapping[str, Any]) -> str:
    """Strict JSON, sorted and stable, one row a line."""
    entries = (f" {_line(key)}: {_lines(body[key])}" for key in sorted(body))
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def _lines(value: Any) -> str:
    """A list of rows with a line for each, so that two reports can be compared line by line."""
    if not isinstance(value, list) or not value:
        return _line(value)
    return "[\n" + ",\n".join(f"  {_line(row)}" for row in value) + "\n ]"


def as_plain(value: Any) -> Any:
    """A frozen value as strict JSON takes it: what is not a number becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: as_plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_plain(inner) for inner in value]
    if isinstance(value, Enum):
        return as_plain(value.value)
    if isinstance(value, bool | int | str) or value is None:
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def finite(value: float | None) -> float | None:
    """The number, or ``None`` for one that does not exist."""
    return None if value is None or not math.isfinite(value) else float(value)
