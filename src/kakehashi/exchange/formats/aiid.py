"""The AI Incident Database's snapshot: incidents, their duplicates, and the CSETv1 and MIT classifications, as CSV.

An incident becomes an ``incident``, a duplicate a relationship ``duplicate-of``, a classification a note on its
incident. Each carries its own row with the header, byte for byte; the rows of a collection together give the file
back. The licence stands on every object as a statement.

References:
    AI Incident Database, https://incidentdatabase.ai (CC BY-SA 4.0; reports have rights of their own).
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from kakehashi.errors import InputError
from kakehashi.exchange.formats.base import (
    Format,
    Held,
    Reading,
    Status,
    Writing,
    day,
    imported,
    marked,
    seconds,
    source_document,
    statuses,
    text_of,
)
from kakehashi.exchange.ids import derived_id
from kakehashi.exchange.records import Record, extension_of
from kakehashi.exchange.validate import problems_of

LICENCE = (
    "AI Incident Database, CC BY-SA 4.0 (https://creativecommons.org/licenses/by-sa/4.0/); "
    "report contents are subject to their own rights."
)
DEPLOYER, DEVELOPER = "Alleged deployer of AI system", "Alleged developer of AI system"
HARMED = "Alleged harmed or nearly harmed parties"
INCIDENTS: dict[str, Status] = {
    "_id": "approximate",
    "incident_id": "direct",
    "date": "approximate",
    "reports": "unmapped",
    DEPLOYER: "approximate",
    DEVELOPER: "approximate",
    HARMED: "approximate",
    "description": "direct",
    "title": "direct",
}
DUPLICATES: dict[str, Status] = {"duplicate_incident_number": "direct", "true_incident_number": "direct"}
CLASSIFICATION: dict[str, Status] = {
    "Namespace": "direct",
    "Incident ID": "direct",
    "Published": "direct",
    "(every other column)": "approximate",
}
WRITES: dict[str, Status] = {
    "name": "direct",
    "description": "direct",
    "external_references": "partial",
    "labels": "partial",
    "object_marking_refs": "unmapped",
    "extensions": "partial",
}
_KINDS = {
    "incidents": {"incident_id", "date", "reports", "title"},
    "duplicates": {"duplicate_incident_number", "true_incident_number"},
    "classifications": {"Namespace", "Incident ID"},
}
_SINCE = "2020-11-01T00:00:00.000Z"  # the database's opening: for rows that say no time of their own


class Row(NamedTuple):
    """A row of a CSV file: the number of its first line, its cells by column, and its text as it stands."""

    line: int
    cells: dict[str, str]
    raw: str


def rows(data: bytes | str, *, name: str = "") -> Iterator[Row]:
    r"""The rows of a CSV file, without the header; the first of two columns of one name is kept.

    Args:
        data: The file.
        name: Its name, for errors.

    Raises:
        InputError: It is no UTF-8, or a row has not as many cells as the header, with its line.

    Examples:
        >>> [row.cells["a"] for row in rows("a,b\n1,2\n3,4\n")]
        ['1', '3']
    """
    text = data if isinstance(data, str) else text_of(data, name=name)
    taken: list[str] = []

    def tape() -> Iterator[str]:
        for line in io.StringIO(text.removeprefix("\ufeff"), newline=""):
            taken.append(line)
            yield line

    reader = csv.reader(tape(), strict=True)
    line = 1
    try:
        header = next(reader, [])
        columns = [(column, at) for at, column in enumerate(header) if column not in header[:at]]
        taken.clear()
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) != len(header):
                    raise InputError(
                        f"line {line}: {len(cells)} cells where the header has {len(header)}",
                        path=name or None,
                    )
                yield Row(line, {column: cells[at] for column, at in columns}, "".join(taken))
            taken.clear()
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"line {line}: not CSV: {error}", path=name or None) from error


def kind_of(data: bytes) -> str | None:
    """Which of the snapshot's files this is: ``incidents``, ``duplicates``, ``classifications`` or none."""
    head = data[: 16 << 10].decode("utf-8-sig", "replace")
    try:
        header = set(next(csv.reader(io.StringIO(head)), ()))
    except csv.Error:
        return None
    return next((kind for kind, need in _KINDS.items() if need <= header), None)


def aiid_objects(data: bytes, *, name: str = "", level: str | None = "clear") -> Reading:
    """The STIX objects of one file of the snapshot.

    Raises:
        InputError: It is none of its files, or no CSV.
    """
    kind = kind_of(data)
    if kind is None:
        raise InputError("not a file of the AI Incident Database's snapshot", path=name or None)
    text = text_of(data, name=name).removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    header = "".join(io.StringIO(text, newline="").readlines()[: reader.line_num])
    statement = _statement()
    make = {"incidents": _incident, "duplicates": _duplicate, "classifications": _classification}[kind]
    sound: list[Record] = [statement]
    held: list[Held] = []
    fields: Mapping[str, Status] = {}
    common = {"spec_version": "2.1", **marked(level, statement["id"])}
    for row in rows(text, name=name):
        try:
            obj = make(row, header, common)
            problems = problems_of(obj)
        except (ValueError, KeyError) as error:
            problems = [str(error)]
        if problems:
            held.append((row.raw.encode(), [f"line {row.line}: {problem}" for problem in problems]))
        else:
            sound.append(obj)
            fields = fields or (extension_of(obj, "imported") or {}).get("fields", {})
    return Reading(tuple(sound), fields, tuple(held))


def incident_id(number: str) -> str:
    """The STIX id of an incident of the database."""
    return derived_id("incident", "aiid", number)


def _number(text: str, column: str) -> str:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{column}: {text[:40]!r} is not the number of an incident")
    return str(int(text))


def _names(text: str) -> list[str]:
    if not text:
        return []
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{text[:40]!r} is not a list of names") from error
    if not isinstance(found, list):
        raise ValueError(f"{text[:40]!r} is not a list of names")
    return [str(one) for one in found]


def _incident(row: Row, header: str, common: Record) -> Record:
    cells = row.cells
    number = _number(cells["incident_id"], "incident_id")
    if not cells["title"].strip():
        raise ValueError("title: missing")
    if day(cells["date"]) is None:
        raise ValueError(f"date: {cells['date'][:40]!r} is not a date")
    made = _birth(cells.get("_id", "")) or _SINCE
    words = {"deployer": DEPLOYER, "developer": DEVELOPER, "harmed": HARMED}
    labels = [
        f"{word}: {who}" for word, column in words.items() for who in _names(cells.get(column) or "") if who
    ]
    obj: Record = {
        "type": "incident",
        **common,
        "id": incident_id(number),
        "created": made,
        "modified": made,
        "name": cells["title"],
        "description": cells.get("description"),
        "labels": [*labels, f"date: {cells['date'][:10]}"],
        "external_references": [
            {
                "source_name": "aiid",
                "external_id": number,
                "url": f"https://incidentdatabase.ai/cite/{number}",
            }
        ],
        "extensions": imported("aiid/incidents", header + row.raw, statuses(INCIDENTS, cells), whole=True),
    }
    return {key: value for key, value in obj.items() if value}


def _birth(text: str) -> str | None:
    """When MongoDB made an id: its first four bytes are seconds since 1970."""
    digits = text.removeprefix("ObjectId(").removesuffix(")")
    try:
        return seconds(int(digits[:8], 16)) if len(digits) == 24 else None
    except ValueError:
        return None


def _duplicate(row: Row, header: str, common: Record) -> Record:
    double = _number(row.cells["duplicate_incident_number"], "duplicate_incident_number")
    true = _number(row.cells["true_incident_number"], "true_incident_number")
    if double == true:
        raise ValueError(f"incident {double} is called a duplicate of itself")
    return {
        "type": "relationship",
        **common,
        "id": derived_id("relationship", "aiid", "duplicate-of", double, true),
        "created": _SINCE,
        "modified": _SINCE,
        "relationship_type": "duplicate-of",
        "source_ref": incident_id(double),
        "target_ref": incident_id(true),
        "extensions": imported("aiid/duplicates", header + row.raw, DUPLICATES, whole=True),
    }


def _classification(row: Row, header: str, common: Record) -> Record:
    namespace, number = row.cells["Namespace"], _number(row.cells["Incident ID"], "Incident ID")
    if not namespace:
        raise ValueError("Namespace: missing")
    said = {k: v for k, v in row.cells.items() if v and k not in ("Namespace", "Incident ID")}
    fields = {
        column: CLASSIFICATION.get(column, "approximate") if value else "unmapped"
        for column, value in row.cells.items()
        if column
    }
    return {
        "type": "note",
        **common,
        "id": derived_id("note", "aiid", namespace, number),
        "created": _SINCE,
        "modified": _SINCE,
        "abstract": f"{namespace} classification of incident {number}",
        "content": "\n".join(f"{column}: {value}" for column, value in said.items()) or "(nothing)",
        "object_refs": [incident_id(number)],
        "extensions": imported(f"aiid/{namespace}", header + row.raw, fields, whole=True),
    }


def _statement() -> Record:
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": derived_id("marking-definition", "aiid", "licence", "CC-BY-SA-4.0"),
        "created": _SINCE,
        "definition_type": "statement",
        "definition": {"statement": LICENCE},
    }


def _write(objects: Sequence[Record]) -> Writing:
    """Rows as they came, under one header; an incident of another origin becomes a row of what it says."""
    documents: dict[str, list[str]] = {}
    present = {name for obj in objects for name in obj} & WRITES.keys()
    for obj in objects:
        body = extension_of(obj, "imported") or {}
        if str(body.get("format", "")).startswith("aiid/"):
            text = source_document(obj).decode()
            raw = next(rows(text)).raw
            documents.setdefault(text.removesuffix(raw), []).append(raw)
        elif obj["type"] == "incident":
            header = ",".join(INCIDENTS) + "\n"
            documents.setdefault(header, []).append(_own_row(obj))
    if not documents:
        raise InputError("the AI Incident Database has a place for incidents alone")
    if len(documents) > 1:
        raise InputError(
            f"these objects come from {len(documents)} files with different columns",
            hint="Export incidents, duplicates and each classification by themselves.",
        )
    ((header, lines),) = documents.items()
    ended = [line if line.endswith(("\n", "\r")) else line + "\n" for line in lines[:-1]]
    fields = {name: WRITES[name] for name in WRITES if name in present}
    return Writing((header + "".join(ended) + lines[-1]).encode(), fields, LICENCE)


def _own_row(obj: Record) -> str:
    body = extension_of(obj, "incident") or {}
    out = io.StringIO()
    made = {
        "date": day(body.get("first_occurrence")) or obj["created"],
        DEVELOPER: json.dumps([body["developer_and_deployer"]]) if "developer_and_deployer" in body else "[]",
        HARMED: json.dumps(body.get("affected_stakeholders", []), ensure_ascii=False),
        "description": obj.get("description", ""),
        "title": obj["name"],
        DEPLOYER: "[]",
        "reports": "[]",
    }
    made["date"] = str(made["date"])[:10]
    csv.writer(out, lineterminator="\n").writerow([made.get(column, "") for column in INCIDENTS])
    return out.getvalue()


FORMAT = Format(
    "aiid",
    "AI Incident Database snapshot CSV",
    lambda data, document: document is None and kind_of(data) is not None,
    lambda data, name, level: aiid_objects(data, name=name, level=level or "clear"),
    _write,
    {**INCIDENTS, **DUPLICATES, **CLASSIFICATION},
    WRITES,
)
