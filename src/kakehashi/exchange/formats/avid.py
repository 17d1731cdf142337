"""AVID reports and vulnerabilities as STIX objects, and back.

Each document becomes a vulnerability; each row of k of n in its metrics becomes a sighting with a measurement. The
document itself travels inside, byte for byte, with a status for each field: ``direct`` (the same thing), ``partial``
(some of it), ``approximate`` (a near thing) or ``unmapped`` (kept, not read).

References:
    AI Vulnerability Database, avidml/avid-db (MIT).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from kakehashi.errors import InputError
from kakehashi.exchange.formats.base import Format, Reading, Status, Writing
from kakehashi.exchange.ids import TLP_2, derived_id
from kakehashi.exchange.records import Record, extension, extension_of
from kakehashi.exchange.validate import problems_of
from kakehashi.proof import parse_json

_CVE = re.compile(r"CVE-\d{4}-(?:0\d{3}|[1-9]\d{3,})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_BANDS = {"low", "medium", "high", "critical"}
_STATUS: dict[str, Status] = {
    "data_type": "direct",
    "data_version": "direct",
    "metadata": "direct",
    "affects": "partial",
    "problemtype": "partial",
    "metrics": "partial",
    "references": "approximate",
    "description": "partial",
    "impact": "partial",
    "reported_date": "direct",
    "published_date": "direct",
    "last_modified_date": "direct",
    "reports": "approximate",
}


def is_avid(document: object) -> bool:
    """Whether a parsed document is AVID's."""
    return isinstance(document, Mapping) and document.get("data_type") == "AVID"


def avid_objects(data: bytes, *, name: str = "", level: str = "clear") -> list[Record]:
    """The STIX objects of one AVID document: its vulnerability first, then measurements and relationships.

    Args:
        data: The document.
        name: Name of its file; identifies a draft that has no id, or one under ``review/``.
        level: TLP level of the objects.

    Raises:
        InputError: It is no AVID document, or cannot be mapped.
    """
    document = parse_json(data, path=name or None, nan_as_null=True)
    if not isinstance(document, dict) or not is_avid(document):
        raise InputError("not an AVID document", path=name or None)
    try:
        made = _mapped(document, data, name, level)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"its fields are not as AVID writes them: {error}", path=name or None) from error
    for obj in made:
        if problems := problems_of(obj):
            raise InputError(f"cannot be mapped: {'; '.join(problems)}", path=name or None)
    return made


def _mapped(document: Mapping[str, Any], data: bytes, name: str, level: str) -> list[Record]:
    key = _key(document, data, name)
    created, modified = _times(document, key)
    common: Record = {
        "spec_version": "2.1",
        "created": created,
        "modified": max(created, modified),
        "object_marking_refs": [TLP_2[level]],
    }
    text = data.decode("utf-8-sig")
    vulnerability: Record = {
        "type": "vulnerability",
        **common,
        "id": derived_id("vulnerability", "avid", key),
        "name": _text(document.get("problemtype"))[:300] or key,
        "description": _text(document.get("description")),
        "external_references": _references(document, key),
        "extensions": {
            **_vulnerability(document),
            **extension(
                "imported",
                format=f"avid/{document.get('data_version') or 'unknown'}",
                document=text,
                document_sha256=sha256(data).hexdigest(),
                fields={field: _status(field, value) for field, value in document.items()},
            ),
        },
    }
    made = [{k: v for k, v in vulnerability.items() if v not in ("", [])}]
    made += _measurements(document, vulnerability, common, key)
    return made + _relations(document, vulnerability, common, key)


def avid_document(vulnerability: Mapping[str, Any]) -> bytes:
    """The AVID document that a vulnerability was made of, byte for byte.

    Raises:
        InputError: It was made of none.
    """
    body = extension_of(vulnerability, "imported")
    if body is None or not str(body.get("format", "")).startswith("avid/"):
        raise InputError(f"{vulnerability.get('id')} does not come from AVID")
    data = str(body["document"]).encode()
    if sha256(data).hexdigest() != body.get("document_sha256"):
        raise InputError(f"the document inside {vulnerability.get('id')} was changed")
    return data


def _key(document: Mapping[str, Any], data: bytes, name: str) -> str:
    metadata = document.get("metadata") or {}
    known = metadata.get("report_id") or metadata.get("vuln_id")
    if isinstance(known, str) and known and "review/" not in name:
        return known
    return f"draft/{name.rpartition('/')[2].removesuffix('.json') or sha256(data).hexdigest()}"


def _times(document: Mapping[str, Any], key: str) -> tuple[str, str]:
    def at(*fields: str) -> str | None:
        for field in fields:
            if isinstance(value := document.get(field), str) and (found := _DATE.match(value)):
                return f"{found[0]}T00:00:00.000Z"
        return None

    year = re.search(r"AVID-(\d{4})", key)
    created = at("reported_date", "published_date") or f"{year[1] if year else '1970'}-01-01T00:00:00.000Z"
    return created, at("last_modified_date") or created


def _status(field: str, value: object) -> Status:
    if not value:
        return "unmapped"
    rows = isinstance(value, list) and [row for metric in value for row in _rows(metric)]
    return "unmapped" if field == "metrics" and not rows else _STATUS.get(field, "unmapped")


def _text(body: object) -> str:
    """The value of ``{"lang": …, "value": …}``, or of the description inside."""
    if not isinstance(body, Mapping):
        return ""
    value = body.get("value", body.get("description"))
    return value if isinstance(value, str) else _text(value)


def _references(document: Mapping[str, Any], key: str) -> list[dict[str, str]]:
    found = [{"source_name": "avid", "external_id": key}]
    cves = dict.fromkeys(_CVE.findall(_text(document.get("problemtype"))))
    found += [{"source_name": "cve", "external_id": cve} for cve in cves]
    for one in document.get("references") or ():
        url = str(one.get("url") or "")
        entry = {
            "source_name": str(one.get("type") or "reference"),
            "description": str(one.get("label") or url),
        }
        if re.fullmatch(r"https?://[\x21-\x7e]+", url) and not re.search(r'[<>"{}|\\^`\[\]]', url):
            entry["url"] = url
        if entry["source_name"] not in ("cve", "capec") and entry["description"]:
            found.append(entry)
    return found


def _vulnerability(document: Mapping[str, Any]) -> dict[str, Any]:
    impact = document.get("impact") or {}
    domains = (impact.get("avid") or {}).get("risk_domain") or []
    cvss = impact.get("cvss") or {}
    band = str(cvss.get("baseSeverity") or "").lower() if isinstance(cvss, Mapping) else ""
    vector = cvss.get("vectorString") if isinstance(cvss, Mapping) else None
    return extension(
        "vulnerability",
        hazard=", ".join(map(str, domains)) if isinstance(domains, list) and domains else None,
        severity_band=band if band in _BANDS else "unknown",
        severity_vector=vector or None,
        disclosure_state="public",
        affected=_affected(document) or None,
    )


def _affected(document: Mapping[str, Any]) -> list[dict[str, str]]:
    affects = document.get("affects") or {}
    developers = affects.get("developer") or []
    developer = developers[0] if isinstance(developers, list) and len(developers) == 1 else None
    more = {"developer": str(developer)} if developer else {}
    names = [str(one.get("name") or "") for one in affects.get("artifacts") or ()]
    return [{"name": name, **more} for name in names if name]


def _rows(metric: object) -> Iterator[tuple[str, int, int]]:
    """The rows of k of n of one metric: detector, passed, evaluated."""
    results = metric.get("results") if isinstance(metric, Mapping) else None
    rows = results.get("rows") if isinstance(results, Mapping) else None
    for row in rows if isinstance(rows, list) else ():
        k, n = row.get("passed"), row.get("total_evaluated")
        if isinstance(k, int) and isinstance(n, int) and 0 <= k <= n and n > 0:
            yield str(row.get("detector") or "unnamed"), k, n


def _measurements(document: Mapping[str, Any], of: Record, common: Record, key: str) -> list[Record]:
    affected = _affected(document)
    subject = (
        affected[0] if len(affected) == 1 else {"name": " + ".join(a["name"] for a in affected) or "unnamed"}
    )
    metrics = document.get("metrics")
    rows = [
        (m, r, row)
        for m, metric in enumerate(metrics if isinstance(metrics, list) else ())
        for r, row in enumerate(_rows(metric))
    ]
    return [
        {
            "type": "sighting",
            **common,
            "id": derived_id("sighting", "avid", key, str(m), str(r)),
            "sighting_of_ref": of["id"],
            "extensions": extension(
                "measurement",
                observed_count=k,
                trial_count=n,
                counted="passed",
                subject=subject,
                method=detector,
                date=common["created"][:10],
            ),
        }
        for m, r, (detector, k, n) in rows
    ]


def _relations(document: Mapping[str, Any], of: Record, common: Record, key: str) -> list[Record]:
    reports = [one.get("report_id") for one in document.get("reports") or () if isinstance(one, Mapping)]
    return [
        {
            "type": "relationship",
            **common,
            "id": derived_id("relationship", "avid", key, report),
            "relationship_type": "related-to",
            "source_ref": of["id"],
            "target_ref": derived_id("vulnerability", "avid", report),
        }
        for report in reports
        if isinstance(report, str) and report
    ]


def _read(data: bytes, name: str, level: str | None) -> Reading:
    made = avid_objects(data, name=name, level=level or "clear")
    body = extension_of(made[0], "imported") or {}
    return Reading(tuple(made), body["fields"])


def _write(objects: Sequence[Record]) -> Writing:
    raise InputError(
        f"{objects[0].get('id')} does not come from AVID",
        hint="Only what was imported from AVID is given back; other records have formats: csaf, misp, oecd.",
    )


FORMAT = Format(
    "avid", "AVID reports and vulnerabilities", lambda _, document: is_avid(document), _read, _write, _STATUS
)
