"""Instruments and maps as libraries of CISO Assistant: a framework a file, and a mapping library a pair.

The format is that of intuitem/ciso-assistant-community as read in November 2026 (backend/library/utils.py,
core/models.py): a library with ``urn``, ``locale``, ``ref_id`` and ``objects``; requirement nodes with ``assessable``
and ``depth``; mappings with the relationships below.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.records import Crosswalk, Instrument, Relationship

PACKAGER = "kakehashi"
_RELATIONS = {
    Relationship.EQUAL: ("equal", "syntactic"),
    Relationship.EQUIVALENT: ("equal", "semantic"),
    Relationship.SUBSET: ("subset", "semantic"),
    Relationship.SUPERSET: ("superset", "semantic"),
    Relationship.INTERSECTS: ("intersect", "semantic"),
    Relationship.NONE: ("not_related", "semantic"),
}


def ciso_framework(instrument: Instrument) -> dict[str, Any]:
    """An instrument as a library with one framework, in English with Japanese beside it."""
    nodes = []
    for provision in instrument.provisions:
        node: dict[str, Any] = {
            "urn": node_urn(instrument.id, provision.id),
            "assessable": not provision.heading,
            "depth": 2 if provision.under else 1,
            "ref_id": provision.num,
            "name": provision.title["en"],
        }
        if provision.under:
            node["parent_urn"] = node_urn(instrument.id, provision.under)
        if provision.summary:
            node["description"] = provision.summary["en"]
        if not provision.verified:
            node["annotation"] = "not checked against the text"
        node["translations"] = {
            "ja": {
                "name": provision.title["ja"],
                **({"description": provision.summary["ja"]} if provision.summary else {}),
            }
        }
        nodes.append(node)
    about = _about(instrument.id, instrument.title["en"], instrument.reading.date)
    body = {
        "urn": framework_urn(instrument.id),
        "ref_id": instrument.id,
        "name": instrument.title["en"],
        "description": _described(instrument),
        "translations": {"ja": {"name": instrument.title["ja"], "description": instrument.licence["ja"]}},
        "requirement_nodes": nodes,
    }
    return {
        **about,
        "description": _described(instrument),
        "copyright": instrument.licence["en"],
        "provider": instrument.issuer["en"],
        "translations": {"ja": {"name": instrument.title["ja"], "description": instrument.licence["ja"]}},
        "objects": {"framework": body},
    }


def ciso_mapping(catalog: Catalog, walk: Crosswalk, source: str, target: str) -> dict[str, Any] | None:
    """The lines of a map between two instruments as a library with a mapping set and its reverse, or ``None``.

    Lines inferred through a third text are left out, and so are lines about a whole instrument.
    """
    there = []
    for line in walk.relations:
        for end in line.targets:
            owners = (catalog.owner(line.source), catalog.owner(end))
            whole = line.source in catalog.instruments or end in catalog.instruments
            if line.derived or whole or set(owners) != {source, target}:
                continue
            forth = owners == (source, target)
            relation = line.relationship if forth else line.relationship.inverse
            there.append(
                (line.source if forth else end, end if forth else line.source, relation, line.gap["en"])
            )
    if not there:
        return None
    back = [(end, start, relation.inverse, gap) for start, end, relation, gap in there]
    name = f"{walk.id}-{source}-to-{target}"
    titles = [catalog.instrument(one).short["en"] for one in (source, target)]
    about = _about(f"mapping-{name}", f"{titles[0]} to {titles[1]} (map {walk.id})", walk.date)
    return {
        **about,
        "description": f"{walk.author}, {walk.date}, {walk.origin}, {walk.status}.",
        "copyright": "Own words; relations are statements of the map's author.",
        "provider": PACKAGER,
        "dependencies": [library_urn(source), library_urn(target)],
        "objects": {
            "requirement_mapping_sets": [
                _mappings(name, about["name"], source, target, there),
                _mappings(f"{name}-revert", about["name"], target, source, back),
            ]
        },
    }


def ciso_files(catalog: Catalog, names: Iterable[str], *, maps: Iterable[str] = ()) -> dict[str, str]:
    """Everything as YAML files: a framework an instrument, a mapping library for each pair that a map relates."""
    chosen = [catalog.instrument(name) for name in names]
    found = {f"{one.id}.yaml": _yaml(ciso_framework(one)) for one in chosen}
    for name in maps or catalog.crosswalks:
        walk = catalog.crosswalks[name]
        for i, first in enumerate(chosen):
            for second in chosen[i + 1 :]:
                made = ciso_mapping(catalog, walk, first.id, second.id)
                if made is not None:
                    found[f"mapping-{name}-{first.id}-to-{second.id}.yaml"] = _yaml(made)
    return found


def library_urn(name: str) -> str:
    """URN of a library."""
    return f"urn:{PACKAGER}:risk:library:{_leaf(name)}"


def framework_urn(name: str) -> str:
    """URN of a framework."""
    return f"urn:{PACKAGER}:risk:framework:{_leaf(name)}"


def node_urn(instrument: str, provision: str) -> str:
    """URN of a requirement node."""
    return f"urn:{PACKAGER}:risk:req_node:{_leaf(instrument)}:{_leaf(provision)}"


def _leaf(name: str) -> str:
    return re.sub(r"[^0-9a-z\[\]()\-._]+", "-", name.lower())


def _about(ref: str, name: str, date: str) -> dict[str, Any]:
    return {
        "urn": library_urn(ref),
        "locale": "en",
        "ref_id": ref,
        "name": name,
        "version": int(date.replace("-", "")),
        "publication_date": date,
        "packager": PACKAGER,
    }


def _described(one: Instrument) -> str:
    read = (
        f"Own words; read: {one.reading.extent.value}; legal force: {one.legal_force}; version {one.version}."
    )
    return f"{read} Source: {one.source['title']} ({one.source['publisher']}, {one.source['date']})."


def _mappings(
    name: str, title: str, source: str, target: str, lines: Iterable[tuple[str, str, Relationship, str]]
) -> dict[str, Any]:
    return {
        "urn": f"urn:{PACKAGER}:risk:req_mapping_set:{_leaf(name)}",
        "ref_id": name,
        "name": title,
        "source_framework_urn": framework_urn(source),
        "target_framework_urn": framework_urn(target),
        "requirement_mappings": [
            {
                "source_requirement_urn": node_urn(source, start),
                "target_requirement_urn": node_urn(target, end),
                "relationship": _RELATIONS[relation][0],
                "rationale": _RELATIONS[relation][1],
                "annotation": gap,
            }
            for start, end, relation, gap in lines
        ],
    }


def _yaml(content: Mapping[str, Any]) -> str:
    """YAML whose texts come back as texts: dates and numbers among the ids are quoted."""
    return yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False, width=100)
