"""Instruments and maps in OSCAL 1.2: catalogs, profiles and a mapping collection."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.records import Crosswalk, Instrument, Relation, Relationship
from kakehashi.errors import InputError

OSCAL_VERSION = "1.2.1"
#: Every UUID is made from what the document says: the same content has the same one, another content another.
_NAMESPACE = uuid.UUID("5b0c6f0a-6a57-5c39-9f0e-2f6f2d1b7a11")


def oscal_catalog(instrument: Instrument, *, language: str = "en") -> dict[str, Any]:
    """An instrument as an OSCAL catalog: one control a provision, in one language.

    Args:
        instrument: The instrument.
        language: ``"en"`` or ``"ja"``.
    """
    controls = []
    for provision in instrument.provisions:
        control: dict[str, Any] = {
            "id": provision.id,
            "class": "heading" if provision.heading else "provision",
            "title": provision.title[language],
            "props": [
                {"name": "label", "value": provision.num},
                {"name": "verified", "ns": _NS, "value": "yes" if provision.verified else "no"},
                *({"name": "topic", "ns": _NS, "value": topic} for topic in provision.topics),
            ],
        }
        if provision.summary:
            control["parts"] = [
                {"id": f"{provision.id}_sum", "name": "overview", "prose": provision.summary[language]}
            ]
        controls.append(control)
    body = {
        "metadata": {
            "title": instrument.title[language],
            "last-modified": _moment(instrument.reading.date),
            "version": instrument.version,
            "oscal-version": OSCAL_VERSION,
            "props": [
                {"name": "legal-force", "ns": _NS, "value": instrument.legal_force},
                {"name": "status", "ns": _NS, "value": instrument.status},
                {"name": "adopted", "ns": _NS, "value": instrument.adopted},
                {"name": "read", "ns": _NS, "value": instrument.reading.extent.value},
                {"name": "language", "ns": _NS, "value": language},
                *({"name": "addressee", "ns": _NS, "value": name} for name in instrument.addressees),
            ],
            "remarks": f"{_source(instrument)}. {instrument.licence[language]}",
        },
        "controls": controls,
    }
    return {"catalog": {"uuid": _uuid("catalog", body), **body}}


def oscal_profile(instrument: Instrument, *, language: str = "en") -> dict[str, Any]:
    """A profile that takes the provisions of an instrument that say something, without its headings."""
    body = {
        "metadata": {
            "title": instrument.title[language],
            "last-modified": _moment(instrument.reading.date),
            "version": instrument.version,
            "oscal-version": OSCAL_VERSION,
        },
        "imports": [
            {
                "href": catalog_file(instrument.id, language),
                "include-controls": [
                    {"with-ids": [one.id for one in instrument.provisions if not one.heading]}
                ],
            }
        ],
    }
    return {"profile": {"uuid": _uuid("profile", body), **body}}


def oscal_mapping(catalog: Catalog, walk: Crosswalk, *, language: str = "en") -> dict[str, Any]:
    """A map as an OSCAL mapping collection: one mapping for each pair of instruments.

    Lines inferred through a third text and lines about a whole instrument are left out (OSCAL maps controls), and
    so are searches that found nothing, unless the whole text was read: then the provision stands in the gap summary.

    Raises:
        InputError: A line names something that is not there: a dangling reference is never written.
    """
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in walk.relations:
        if line.derived or line.source in catalog.instruments:
            continue
        for owner, targets in _by_owner(catalog, line).items():
            source = _owner(catalog, line, line.source)
            pairs.setdefault((source, owner), []).append(_map(walk, line, targets, language))
    if not pairs:
        raise InputError(f"map {walk.id!r} has no line from provision to provision", path=walk.place.path)
    mappings = []
    for (source, target), maps in pairs.items():
        mapping: dict[str, Any] = {
            "uuid": _uuid("mapping", [walk.id, walk.date, source, target, maps]),
            "source-resource": {"type": "catalog", "href": catalog_file(source, language)},
            "target-resource": {"type": "catalog", "href": catalog_file(target, language)},
            "maps": maps,
        }
        unmapped = [
            one.provision
            for one in walk.absences
            if catalog.is_absent(one) and one.instrument == target and catalog.owner(one.provision) == source
        ]
        if unmapped:
            mapping["source-gap-summary"] = {
                "uuid": _uuid("gap", [walk.id, source, target, unmapped]),
                "unmapped-controls": [{"with-ids": unmapped}],
            }
        mappings.append(mapping)
    body = {
        "metadata": {
            "title": f"Kakehashi map {walk.id}",
            "last-modified": _moment(walk.date),
            "version": walk.date,
            "oscal-version": OSCAL_VERSION,
        },
        "provenance": {
            "method": "human",
            "matching-rationale": "semantic",
            "status": "draft" if walk.status == "draft" else "complete",
            "mapping-description": f"{walk.author}, {walk.date}, {walk.origin}.",
        },
        "mappings": mappings,
    }
    return {"mapping-collection": {"uuid": _uuid("mapping-collection", body), **body}}


def oscal_files(
    catalog: Catalog, names: Iterable[str], *, maps: Iterable[str] = (), language: str = "en"
) -> dict[str, str]:
    """Everything as files that refer to one another: catalogs, profiles, and the maps between these instruments.

    Returns:
        Name of the file → strict JSON.
    """
    chosen = [catalog.instrument(name) for name in names]
    found: dict[str, Mapping[str, Any]] = {}
    for one in chosen:
        found[catalog_file(one.id, language)] = oscal_catalog(one, language=language)
        found[f"{one.id}.profile.{language}.json"] = oscal_profile(one, language=language)
    here = {one.id for one in chosen}
    for name in maps or catalog.crosswalks:
        walk = _narrowed(catalog, catalog.crosswalks[name], here)
        if walk.relations:
            found[f"{name}.mapping.{language}.json"] = oscal_mapping(catalog, walk, language=language)
    return {name: _json(content) for name, content in found.items()}


def catalog_file(instrument: str, language: str) -> str:
    """Name of the file of an instrument's catalog, by which maps and profiles refer to it."""
    return f"{instrument}.catalog.{language}.json"


_NS = "https://kakehashi.example/ns/oscal"


def _narrowed(catalog: Catalog, walk: Crosswalk, here: set[str]) -> Crosswalk:
    from dataclasses import replace

    lines = []
    for line in walk.relations:
        targets = tuple(one for one in line.targets if catalog.owner(one) in here)
        if targets and catalog.owner(line.source) in here and line.source not in catalog.instruments:
            lines.append(replace(line, targets=targets))
    return replace(walk, relations=tuple(lines))


def _by_owner(catalog: Catalog, line: Relation) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for target in line.targets:
        owner = _owner(catalog, line, target)
        if target not in catalog.instruments:
            found.setdefault(owner, []).append(target)
    return found


def _owner(catalog: Catalog, line: Relation, name: str) -> str:
    owner = catalog.owner(name)
    if owner is None:
        raise InputError(f"no provision {name!r}", path=line.place.path, row=line.place.line)
    return owner


def _map(walk: Crosswalk, line: Relation, targets: list[str], language: str) -> dict[str, Any]:
    relationship = Relationship(line.relationship).value
    return {
        "uuid": _uuid("map", [walk.id, line.source, relationship, targets]),
        "relationship": relationship,
        "sources": [{"type": "control", "id-ref": line.source}],
        "targets": [{"type": "control", "id-ref": target} for target in targets],
        "confidence-score": {"category": line.confidence},
        "remarks": " ".join(filter(None, (line.gap[language], line.rationale.get(language, "")))),
    }


def _source(instrument: Instrument) -> str:
    return "{title} ({publisher}, {date})".format(**instrument.source)


def _moment(date: str) -> str:
    """A date as the moment that OSCAL wants; where month or day is not known, the first."""
    parts = [*date.split("-"), "01", "01"][:3]
    return f"{'-'.join(parts)}T00:00:00Z"


def _uuid(kind: str, content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"))


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
