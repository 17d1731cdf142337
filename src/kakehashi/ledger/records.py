"""The record of a ledger: ``kakehashi.record/1``, its kinds, its bytes and its schema."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from kakehashi.errors import CorruptFileError, FormatVersionError, InputError
from kakehashi.ledger.codec import decode
from kakehashi.model import Measurement
from kakehashi.proof import canonical_bytes, parse_json, schema_validator

RECORD_FORMAT = "kakehashi.record/1"

KINDS = (
    *("run", "result", "calibration", "plan", "retract", "supersede", "tombstone", "merge"),
    *("evidence", "reply", "clock"),
)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it stands in a ledger.

    Attributes:
        id: SHA-256 of its bytes as stored, 64 hexadecimal digits.
        position: Its place in the log, from 0.
        body: Its content; treat it as read-only.
    """

    id: str
    position: int
    body: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        return str(self.body["kind"])

    def text(self, key: str) -> str:
        """The string under ``key`` of the body, or ``""``."""
        value = self.body.get(key, "")
        return value if isinstance(value, str) else ""

    def measurements(self) -> list[Measurement]:
        """The measurements in the record; none for kinds that carry none."""
        return [
            decode(Measurement, value, where=f"{self.id[:12]}.measurements[{index}]")
            for index, value in enumerate(self.body.get("measurements", ()))
        ]


def now_utc() -> str:
    """The time as records carry it: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of ``kakehashi.record/1``, as shipped."""
    text = files("kakehashi.ledger").joinpath("schemas/record.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def check_record(body: Mapping[str, Any]) -> None:
    """Hold a record against the schema.

    Measurements are read by the codec, which is as strict and faster than the schema.

    Raises:
        FormatVersionError: The record says a format newer than this one.
        InputError: The record breaks the schema; the message names the field.
    """
    check_format(body)
    measurements = body.get("measurements")
    if isinstance(measurements, list | tuple):
        for index, value in enumerate(measurements):
            decode(Measurement, value, where=f"measurements[{index}]")
        body = {**body, "measurements": []}
    if body.get("kind") not in KINDS:
        raise InputError(f"kind: {body.get('kind')!r} is not one of {', '.join(KINDS)}")
    errors = list(_validator(str(body["kind"])).iter_errors(body))
    if not errors:
        return
    from jsonschema.exceptions import best_match

    error = best_match(errors)
    place = error.json_path.removeprefix("$").lstrip(".") or "the record"
    raise InputError(
        f"a {body['kind']} record cannot be stored: {place}: {error.message[:200]}",
        hint="The schema is shipped as kakehashi/ledger/schemas/record.schema.json.",
    )


def check_format(body: Mapping[str, Any], path: Path | str | None = None) -> None:
    """Refuse a record of a newer format or of none.

    Raises:
        FormatVersionError: Newer than this program.
        InputError: It says no format, or not one of a record.
    """
    found = body.get("format")
    if found == RECORD_FORMAT:
        return
    name, _, version = str(found).partition("/")
    if name == RECORD_FORMAT.partition("/")[0] and version.isdigit() and int(version) > 1:
        raise FormatVersionError(str(found), RECORD_FORMAT, path=path)
    raise InputError(f"its format is {found!r}, not {RECORD_FORMAT!r}", path=path)


def record_bytes(body: Mapping[str, Any]) -> tuple[str, bytes]:
    """Identifier and bytes of a record that :func:`check_record` has seen.

    Raises:
        InputError: The record holds what JSON cannot.
    """
    data = canonical_bytes(body)
    return sha256(data).hexdigest(), data


def read_record(data: bytes, record_id: str, position: int, path: Path) -> Record:
    """A record from its stored bytes; the bytes are hashed, never written anew.

    Raises:
        CorruptFileError: The bytes are not those that the id names.
        FormatVersionError: The record is newer than this program.
    """
    found = sha256(data).hexdigest()
    if found != record_id:
        raise CorruptFileError(
            f"the record's bytes have SHA-256 {found}, not {record_id}",
            path=path,
            hint="Run `kakehashi results verify` and fetch this file from a copy of the ledger.",
        )
    body = parse_json(data, path=path)
    if not isinstance(body, dict):
        raise InputError("a record must be an object", path=path)
    check_format(body, path)
    return Record(record_id, position, body)


@cache
def _validator(kind: str) -> Any:
    """The validator of one kind: the whole schema would try every kind on every record."""
    return schema_validator({"$ref": f"#/$defs/{kind}", "$defs": record_schema()["$defs"]})
