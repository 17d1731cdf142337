"""What a schema finds wrong with a file that a person wrote: the line, what is wrong there, what to write."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from kakehashi.commitments.lined import Lined
from kakehashi.errors import UnknownNameError

_DATE = "^[0-9]{4}"
_DATED = ("date", "adopted", "as_of", "from", "by", "until")
_WRITE = "Write 2026-11-25, 2026-11 or 2026 (in quotes)."
_READ_OTHERWISE = "YAML reads it as another thing than a text: quote it."


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a schema finds wrong.

    Attributes:
        line: The line on which it stands.
        message: What is wrong, with where and which value.
        hint: What to write instead, ``""`` where the message says it.
        misspelt: Whether it is a key that nobody knows.
    """

    line: int
    message: str
    hint: str = ""
    misspelt: bool = False


def first_fault(content: Lined, validator: Any) -> Fault | None:
    """The first thing in a file that a validator of jsonschema finds wrong, or a date that no calendar has.

    A key that nobody knows comes before one that is missing: the one is often the other, misspelt.
    """
    faults = [fault_of(content, error) for error in validator.iter_errors(content)]
    faults += _no_days(content)
    return min(faults, key=lambda fault: (not fault.misspelt, fault.line, fault.message), default=None)


def fault_of(content: Lined, error: Any) -> Fault:
    """What a ``ValidationError`` of jsonschema says of a file, for a person."""
    line, at = content.line, content
    for step in error.path:
        line = at.line_of(step) if isinstance(at, Lined) else line
        at = at[step]
        line = at.line if isinstance(at, Lined) else line
    where = ".".join(map(str, error.path)) or "the file"
    found = error.instance
    if error.validator == "additionalProperties":
        known = sorted(error.schema["properties"])
        extra = next(key for key in found if key not in known)
        line = found.line_of(extra) if isinstance(found, Lined) else line
        wrong = UnknownNameError("key", extra, known)
        missing = [key for key in error.schema.get("required", ()) if key not in found]
        also = "".join(f"; {key!r} is a required property" for key in missing)
        return Fault(line, f"{where}: {wrong.message}{also}", wrong.hint or "", misspelt=True)
    if (
        error.validator == "type"
        and error.validator_value == "string"
        and isinstance(found, bool | int | float)
    ):
        return Fault(line, f"{where}: {found!r} is not a text", _READ_OTHERWISE)
    if error.validator == "pattern" and error.validator_value.startswith(_DATE):
        return Fault(line, f"{where}: {found!r} is no date", _WRITE)
    if error.validator == "pattern" and not found.strip():
        return Fault(line, f"{where} is empty")
    if error.validator == "pattern":
        return Fault(line, f"{where}: {found!r} is no id", "Small letters and digits, parted by '-' or '.'.")
    if error.validator == "type" and error.validator_value == "array":
        return Fault(line, f"{where}: {found!r} is no list", "Write it in brackets: [one, another]")
    if error.validator == "oneOf":
        names = [name for each in error.validator_value for name in each.get("required", ())]
        return Fault(line, f"{where}: exactly one of {', '.join(names)} is needed")
    return Fault(line, f"{where}: {error.message[:200]}")


def _no_days(content: Any) -> Iterator[Fault]:
    """Dates that a schema's pattern lets through and no calendar has, such as 30 February."""
    if isinstance(content, list):
        for inner in content:
            yield from _no_days(inner)
    if not isinstance(content, Lined):
        return
    for key, value in content.items():
        if (
            key in _DATED
            and isinstance(value, str)
            and len(value) == len("2026-11-25")
            and value[:4].isdigit()
        ):
            try:
                date.fromisoformat(value)
            except ValueError:
                yield Fault(content.lines[key], f"{key}: {value!r} is no date of the calendar")
        yield from _no_days(value)
