"""CSAF 2.0, the advisory of a disclosed vulnerability: in and out.

Each vulnerability of an advisory becomes one here; a report on them carries the document. TLP labels become levels;
an advisory without one stays with its creator unless ``--level`` says otherwise.

References:
    OASIS, Common Security Advisory Framework Version 2.0 (2022).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kakehashi.errors import InputError
from kakehashi.exchange.formats.base import (
    Format,
    Reading,
    Status,
    Writing,
    imported,
    level_of,
    link,
    marked,
    statuses,
)
from kakehashi.exchange.formats.csaf_check import csaf_problems
from kakehashi.exchange.ids import LEVELS, derived_id
from kakehashi.exchange.records import Record, extension, extension_of, timestamp
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import parse_json

READS: dict[str, Status] = {
    "document/category": "partial",
    "document/csaf_version": "direct",
    "document/distribution": "partial",
    "document/lang": "direct",
    "document/notes": "partial",
    "document/publisher": "partial",
    "document/references": "direct",
    "document/title": "direct",
    "document/tracking": "partial",
    "product_tree": "partial",
    "vulnerabilities/cve": "direct",
    "vulnerabilities/cwe": "unmapped",
    "vulnerabilities/discovery_date": "unmapped",
    "vulnerabilities/ids": "direct",
    "vulnerabilities/notes": "partial",
    "vulnerabilities/product_status": "partial",
    "vulnerabilities/references": "direct",
    "vulnerabilities/release_date": "unmapped",
    "vulnerabilities/remediations": "unmapped",
    "vulnerabilities/scores": "partial",
    "vulnerabilities/threats": "unmapped",
    "vulnerabilities/title": "direct",
}
WRITES: dict[str, Status] = {
    "id": "direct",
    "name": "direct",
    "description": "direct",
    "created": "direct",
    "modified": "direct",
    "lang": "direct",
    "created_by_ref": "partial",
    "external_references": "direct",
    "object_marking_refs": "approximate",
    "extensions": "partial",
}
_IN = {"WHITE": "clear", "GREEN": "green", "AMBER": "amber", "RED": "red"}
_OUT = {"clear": "WHITE", "green": "GREEN", "amber": "AMBER"}  # AMBER+STRICT and what has no level: RED
_BANDS = {"low", "medium", "high", "critical"}
_AFFECTED = ("known_affected", "first_affected", "last_affected")


def is_csaf(document: Any) -> bool:
    """Whether a parsed document says that it is CSAF."""
    head = document.get("document") if isinstance(document, Mapping) else None
    return isinstance(head, Mapping) and "csaf_version" in head


def csaf_objects(data: bytes, *, name: str = "", level: str | None = None) -> Reading:
    """The STIX objects of an advisory; one that breaks the standard is held whole, with paths.

    Raises:
        InputError: It is no CSAF document.
    """
    document = parse_json(data, path=name or None)
    if not is_csaf(document) or not isinstance(document, Mapping):
        raise InputError("not a CSAF document", path=name or None)
    if problems := csaf_problems(document):
        return Reading((), {}, ((data, problems),))
    fields = _fields(document)
    made = list(_objects(document, data, level, fields))
    if problems := [f"{obj['type']}: {line}" for obj in made for line in problems_of(obj)]:
        return Reading((), fields, ((data, problems),))
    return Reading(tuple(made), fields)


def _fields(document: Mapping[str, Any]) -> dict[str, Status]:
    present = {f"document/{name}": value for name, value in document["document"].items()}
    present |= {"product_tree": document["product_tree"]} if "product_tree" in document else {}
    for one in document.get("vulnerabilities") or ():
        present |= {f"vulnerabilities/{name}": value for name, value in one.items()}
    return statuses(READS, present)


def _objects(
    document: Mapping[str, Any], data: bytes, level: str | None, fields: Mapping[str, Status]
) -> Iterator[Record]:
    from datetime import datetime

    def at(text: str) -> str:
        return timestamp(datetime.fromisoformat(text.replace("Z", "+00:00")))

    head = document["document"]
    tracking = head["tracking"]
    label = ((head.get("distribution") or {}).get("tlp") or {}).get("label")
    created = at(tracking["initial_release_date"])
    common: Record = {
        "spec_version": "2.1",
        "created": created,
        "modified": max(created, at(tracking["current_release_date"])),
        **marked(_IN[label] if label else level),
    }
    key = (head["publisher"]["namespace"], tracking["id"])
    products = {
        str(one["product_id"]): str(one["name"]) for one in _products(document.get("product_tree") or {})
    }
    made = [
        _vulnerability(one, str(n), key, common, products, tracking["status"])
        for n, one in enumerate(document.get("vulnerabilities") or ())
    ]
    yield from made
    report = derived_id("report", "csaf", *key)
    refs = [link(str(one.get("category") or "reference"), one.get("url"), one.get("summary"))
            for one in head.get("references") or ()]  # fmt: skip
    yield {
        "type": "report",
        **common,
        "id": report,
        "name": head["title"],
        "published": created,
        "report_types": ["vulnerability"],
        "labels": [f"csaf: {head['category']}", f"publisher: {head['publisher']['name']}"],
        "object_refs": [one["id"] for one in made] or [report],
        "external_references": [{"source_name": "csaf", "external_id": tracking["id"]}, *filter(None, refs)],
        "extensions": imported("csaf/2.0", data, fields, whole=True),
    }


def _products(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("product", "full_product_name"):
        if isinstance(node.get(name), Mapping):
            yield node[name]
    for name in ("branches", "relationships"):
        for one in node.get(name) or ():
            yield from _products(one)
    yield from node.get("full_product_names") or ()


def _vulnerability(
    one: Mapping[str, Any],
    number: str,
    key: tuple[str, str],
    common: Record,
    products: Mapping[str, str],
    status: str,
) -> Record:
    refs: list[dict[str, str] | None] = []
    if "cve" in one:
        refs.append({"source_name": "cve", "external_id": one["cve"]})
    refs += [
        {"source_name": str(i["system_name"]), "external_id": str(i["text"])} for i in one.get("ids") or ()
    ]
    refs += [
        link(str(r.get("category") or "reference"), r.get("url"), r.get("summary"))
        for r in one.get("references") or ()
    ]
    notes = [
        note for note in one.get("notes") or () if note["category"] in ("description", "summary", "details")
    ]
    affected = dict.fromkeys(
        product for state in _AFFECTED for product in (one.get("product_status") or {}).get(state) or ()
    )
    cvss: Mapping[str, Any] = next((s["cvss_v3"] for s in one.get("scores") or () if "cvss_v3" in s), {})
    band = str(cvss.get("baseSeverity") or "").lower()
    made: Record = {
        "type": "vulnerability",
        **common,
        "id": derived_id("vulnerability", "csaf", *key, str(one.get("cve") or number)),
        "name": one.get("title") or one.get("cve") or f"{key[1]}, vulnerability {number}",
        "description": "\n\n".join(note["text"] for note in notes),
        "external_references": [ref for ref in refs if ref],
        "extensions": extension(
            "vulnerability",
            severity_band=band if band in _BANDS else "unknown",
            severity_vector=cvss.get("vectorString"),
            disclosure_state="coordinated" if status == "draft" else "public",
            affected=[{"name": products[product]} for product in affected] or None,
        ),
    }
    return {name: value for name, value in made.items() if value not in ("", [])}


def _write(objects: Sequence[Record]) -> Writing:
    """An advisory of the vulnerabilities among the objects, with measurements as notes."""
    found = [obj for obj in objects if obj["type"] == "vulnerability"]
    if not found:
        raise InputError("CSAF has a place for vulnerabilities alone", hint="Give the id of a vulnerability.")
    identity = next((obj for obj in objects if obj["type"] == "identity"), None)
    levels = [level_of(obj) for obj in found]
    level = None if None in levels else max((v for v in levels if v), key=LEVELS.index)
    products: dict[tuple[str, ...], str] = {}
    rows = []
    for obj in found:
        sightings = [one for one in objects if one.get("sighting_of_ref") == obj["id"]]
        rows.append(_row(obj, sightings, products))
    created = min(obj["created"] for obj in found)
    modified = max(obj["modified"] for obj in found)
    first = found[0]
    history = [{"date": created, "number": "1", "summary": "First version."}]
    if modified > created:
        history.append({"date": modified, "number": "2", "summary": "Changed."})
    complete = all("product_status" in row and "notes" in row for row in rows)
    who = (identity or {}).get("id") or first.get("created_by_ref") or first["id"]
    head: dict[str, Any] = {
        "category": "csaf_security_advisory" if complete else "csaf_base",
        "csaf_version": "2.0",
        "distribution": {"tlp": {"label": _OUT.get(level or "", "RED")}},
        "publisher": {
            "category": "coordinator",
            "name": str((identity or {}).get("name") or who),
            "namespace": f"urn:uuid:{who.partition('--')[2]}",
        },
        "title": first["name"],
        "tracking": {
            "id": f"kakehashi-{first['id'].partition('--')[2]}",
            "initial_release_date": created,
            "current_release_date": modified,
            "revision_history": history,
            "status": "final",
            "version": str(len(history)),
        },
    }
    if "lang" in first:
        head["lang"] = first["lang"]
    document: dict[str, Any] = {"document": head}
    if products:
        names = [
            {"product_id": product, "name": " ".join(part for part in key if part)}
            for key, product in products.items()
        ]
        document["product_tree"] = {"full_product_names": names}
    document["vulnerabilities"] = rows
    if problems := csaf_problems(document):
        raise InputError(f"what it would become is no CSAF 2.0: {'; '.join(problems)}")
    present = {name for obj in found for name in obj} - {"type", "spec_version"}
    return Writing(
        (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode(),
        {name: WRITES.get(name, "unmapped") for name in sorted(present)},
    )


def _row(obj: Record, sightings: Sequence[Record], products: dict[tuple[str, ...], str]) -> dict[str, Any]:
    body = extension_of(obj, "vulnerability") or {}
    row: dict[str, Any] = {"title": obj["name"]}
    ids = []
    for one in obj.get("external_references", ()):
        if one["source_name"] == "cve" and "cve" not in row:
            row["cve"] = one["external_id"]
        elif one.get("external_id"):
            ids.append({"system_name": one["source_name"], "text": one["external_id"]})
    if ids:
        row["ids"] = [one for n, one in enumerate(ids) if one not in ids[:n]]
    if "cve" not in row and not ids:
        row["ids"] = [{"system_name": "STIX", "text": obj["id"]}]
    notes = [{"category": "description", "text": obj.get("description") or obj["name"]}]
    notes += [
        {"category": "details", "title": name, "text": str(body[name])}
        for name in ("hazard", "severity_band", "severity_vector")
        if body.get(name)
    ]
    for one in sightings:
        if m := extension_of(one, "measurement"):
            share = f"{m['observed_count']} of {m['trial_count']}"
            text = f"{m['counted']}: {share} ({m['subject']['name']}, {m['method']})"
            notes.append({"category": "details", "title": "measurement", "text": text})
    row["notes"] = notes
    affected = []
    for one in body.get("affected") or ():
        key = (one.get("developer", ""), one["name"], one.get("version", ""))
        affected.append(products.setdefault(key, f"product-{len(products) + 1}"))
    if affected:
        row["product_status"] = {"known_affected": list(dict.fromkeys(affected))}
    refs = [
        {"summary": one.get("description") or one["source_name"], "url": one["url"], "category": "external"}
        for one in obj.get("external_references", ())
        if "url" in one
    ]
    return row | ({"references": refs} if refs else {})


FORMAT = Format(
    "csaf",
    "CSAF 2.0 security advisory",
    lambda _, document: is_csaf(document),
    lambda data, name, level: csaf_objects(data, name=name, level=level),
    _write,
    READS,
    WRITES,
)
