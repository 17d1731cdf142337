"""The OECD's common reporting framework for AI incidents: 29 criteria, 7 of them mandatory; JSON and CSV.

The framework fixes criteria, not a file format. Ours: JSON with ``framework`` and ``incidents``, or CSV with a header;
a criterion is named by its property (``severity_level``), its number (``10``) or both (``10. severity_level``). Lists
in CSV are divided by ``;``.

References:
    OECD, Towards a common reporting framework for AI incidents (2025), doi 10.1787/f326d4ac-en.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kakehashi.errors import InputError
from kakehashi.exchange.formats.aiid import rows
from kakehashi.exchange.formats.base import Format, Held, Reading, Status, Writing, imported, marked, text_of
from kakehashi.exchange.ids import derived_id
from kakehashi.exchange.records import Record, extension, extension_of, timestamp
from kakehashi.exchange.validate import problems_of, schema_document
from kakehashi.proof import parse_json

FRAMEWORK = "OECD common reporting framework for AI incidents (2025)"
_SCHEMA = schema_document("incident")
CRITERIA: tuple[str, ...] = tuple(name for name in _SCHEMA["properties"] if name != "extension_type")
"""The 29 criteria in their order; criterion 1 is the first."""
MANDATORY: tuple[str, ...] = tuple(name for name in CRITERIA if name in _SCHEMA["required"])
"""The 7 that must be said: 1, 2, 3, 4, 7, 10 and 11."""
_LISTS = {name for name in CRITERIA if _SCHEMA["properties"][name]["type"] == "array"}
READS: dict[str, Status] = dict.fromkeys(CRITERIA, "direct")
_WORD = re.compile(r"(?:(\d{1,2})\.?)?\s*([a-z_]*)")


def criterion(word: str) -> str | None:
    """The property of a criterion that is named by property, number or both.

    Examples:
        >>> criterion("10"), criterion("10. severity_level"), criterion("harm_type"), criterion("30")
        ('severity_level', 'severity_level', 'harm_type', None)
    """
    found = _WORD.fullmatch(word.strip().lower())
    if found is None:
        return None
    number, name = found[1], found[2]
    by_number = CRITERIA[int(number) - 1] if number and 1 <= int(number) <= len(CRITERIA) else None
    if name and (name not in CRITERIA or (number and by_number != name)):
        return None
    return name or by_number


def _is_json(document: Any) -> bool:
    return isinstance(document, Mapping) and str(document.get("framework", "")).startswith(
        "OECD common reporting framework"
    )


def _is_csv(data: bytes) -> bool:
    head = data[: 8 << 10].decode("utf-8-sig", "replace")
    try:
        header = next(csv.reader(io.StringIO(head)), [])
    except csv.Error:
        return False
    known = {criterion(word) for word in header}
    return {"title", "severity_level", "harm_type"} <= known


def oecd_objects(data: bytes, *, name: str = "", level: str | None = None) -> Reading:
    """The incidents of a document, JSON or CSV; one that lacks a mandatory criterion is held with its place.

    Raises:
        InputError: It is neither.
    """
    sound: list[Record] = []
    held: list[Held] = []
    fields: dict[str, Status] = {}
    for where, values, raw in _incidents(data, name):
        body, wrong = _body(values)
        fields |= {criterion(word) or word: "direct" if criterion(word) else "unmapped" for word in values}
        if wrong:
            held.append((raw, [f"{where}: {line}" for line in wrong]))
            continue
        obj = _incident(body, values, raw, level)
        if problems := problems_of(obj):
            held.append((raw, [f"{where}: {line}" for line in problems]))
        else:
            sound.append(obj)
    return Reading(tuple(sound), fields, tuple(held))


def _incidents(data: bytes, name: str) -> Iterator[tuple[str, Mapping[str, Any], bytes]]:
    """Where each incident stands, what it says, and a document of it alone."""
    if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        text = text_of(data, name=name).removeprefix("\ufeff")
        header = text.splitlines(keepends=True)[0]
        for row in rows(text, name=name):
            yield f"line {row.line}", row.cells, (header + row.raw).encode()
        return
    document = parse_json(data, path=name or None)
    found = document.get("incidents") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise InputError("incidents: not a list", path=name or None)
    for at, one in enumerate(found):
        if not isinstance(one, Mapping):
            raise InputError(f"incidents/{at}: not an object", path=name or None)
        whole = data if len(found) == 1 else _document([one])
        yield f"incidents/{at}", one, whole


def _body(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    body: dict[str, Any] = {}
    wrong = []
    for word, value in values.items():
        name = criterion(word)
        if name is None or value in (None, "", []):
            continue
        if name in body:
            wrong.append(f"{name}: said twice")
        if name in _LISTS:
            parts = value.split(";") if isinstance(value, str) else value
            value = [part.strip() for part in parts if isinstance(part, str) and part.strip()]
            if not isinstance(parts, list) or len(value) != len([p for p in parts if p != ""]):
                wrong.append(f"{name}: not a list of texts")
        elif not isinstance(value, str):
            wrong.append(f"{name}: not a text")
        body[name] = value
    wrong += [
        f"{name}: criterion {CRITERIA.index(name) + 1} is mandatory"
        for name in MANDATORY
        if not body.get(name)
    ]
    return body, wrong


def _incident(body: dict[str, Any], values: Mapping[str, Any], raw: bytes, level: str | None) -> Record:
    fields: dict[str, Status] = {
        word: "direct" if criterion(word) and value else "unmapped" for word, value in values.items() if word
    }
    now = timestamp(datetime.now(UTC))
    return {
        "type": "incident",
        "spec_version": "2.1",
        "id": derived_id(
            "incident", "oecd", body["title"], body["submitter"], body.get("first_occurrence", "")
        ),
        "created": now,
        "modified": now,
        "name": body["title"],
        "description": body["description"],
        **marked(level),
        "extensions": {
            **extension("incident", **body),
            **imported("oecd/2025", raw, fields, whole=True),
        },
    }


def _document(incidents: Sequence[Mapping[str, Any]]) -> bytes:
    body = {"framework": FRAMEWORK, "incidents": [dict(one) for one in incidents]}
    return (json.dumps(body, ensure_ascii=False, indent=2) + "\n").encode()


def _bodies(objects: Sequence[Record]) -> tuple[list[dict[str, Any]], dict[str, Status]]:
    found = []
    for obj in objects:
        body = extension_of(obj, "incident")
        if obj["type"] == "incident" and body is not None:
            found.append({name: body[name] for name in CRITERIA if name in body})
    if not found:
        raise InputError(
            "none of these is an incident with the criteria of the OECD",
            hint="They stand in the extension 'incident'; see docs/exchange.md.",
        )
    said = {name for body in found for name in body}
    fields: dict[str, Status] = {name: "direct" for name in CRITERIA if name in said}
    rest = {"created_by_ref", "object_marking_refs", "external_references", "labels", "confidence"}
    return found, fields | dict.fromkeys(sorted(rest & {n for o in objects for n in o}), "unmapped")


def _write(objects: Sequence[Record]) -> Writing:
    found, fields = _bodies(objects)
    return Writing(_document(found), fields)


def _write_csv(objects: Sequence[Record]) -> Writing:
    found, fields = _bodies(objects)
    if any(";" in part for body in found for name in _LISTS for part in body.get(name, ())):
        raise InputError("a list holds a ';', which divides lists in CSV", hint="Write it --as oecd (JSON).")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([f"{at}. {name}" for at, name in enumerate(CRITERIA, 1)])
    for body in found:
        writer.writerow(
            ["; ".join(v) if isinstance(v := body.get(name, ""), list) else v for name in CRITERIA]
        )
    return Writing(out.getvalue().encode(), fields)


def _recognize(data: bytes, document: Any) -> bool:
    return _is_json(document) if document is not None else _is_csv(data)


def _read(data: bytes, name: str, level: str | None) -> Reading:
    return oecd_objects(data, name=name, level=level)


FORMAT = Format("oecd", FRAMEWORK, _recognize, _read, _write, READS, READS)
CSV = Format("oecd-csv", f"{FRAMEWORK}, as CSV", lambda *_: False, _read, _write_csv, READS, READS)
