"""MITRE ATLAS as its YAML distribution, beside the STIX that MITRE publishes.

Techniques become attack-patterns, mitigations courses-of-action, tactics MITRE's own ``x-mitre-tactic``, case studies
reports on the techniques they used; a report on everything carries the document. A sub-technique takes its tactics
from its parent, as MITRE's STIX does.

References:
    mitre-atlas/atlas-data (Apache-2.0).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from kakehashi.errors import InputError
from kakehashi.exchange.formats.base import (
    Format,
    Held,
    Reading,
    Status,
    Writing,
    day,
    imported,
    link,
    marked,
    text_of,
)
from kakehashi.exchange.ids import derived_id
from kakehashi.exchange.records import Record, extension, extension_of
from kakehashi.exchange.validate import problems_of

READS: dict[str, Status] = {
    "id": "direct",
    "name": "direct",
    "version": "direct",
    "matrices/tactics/*": "direct",
    "matrices/tactics/ATT&CK-reference": "direct",
    "matrices/techniques/id": "direct",
    "matrices/techniques/name": "direct",
    "matrices/techniques/description": "direct",
    "matrices/techniques/tactics": "direct",
    "matrices/techniques/subtechnique-of": "direct",
    "matrices/techniques/created_date": "direct",
    "matrices/techniques/modified_date": "direct",
    "matrices/techniques/ATT&CK-reference": "direct",
    "matrices/techniques/maturity": "approximate",
    "matrices/techniques/references": "direct",
    "matrices/mitigations/*": "direct",
    "matrices/mitigations/techniques": "direct",
    "matrices/mitigations/ml-lifecycle": "approximate",
    "matrices/mitigations/category": "approximate",
    "case-studies/*": "partial",
    "case-studies/procedure": "partial",
    "case-studies/incident-date": "approximate",
    "case-studies/incident-date-granularity": "unmapped",
}
WRITES: dict[str, Status] = {
    "name": "direct",
    "description": "direct",
    "created": "approximate",
    "modified": "approximate",
    "kill_chain_phases": "direct",
    "external_references": "partial",
    "extensions": "partial",
    "object_marking_refs": "unmapped",
}
_ID = re.compile(r"AML\.(T\d{4}(\.\d{3})?|TA\d{4}|M\d{4}|CS\d{4})")
_PAGES = {
    "technique": "techniques",
    "tactic": "tactics",
    "mitigation": "mitigations",
    "case-study": "studies",
}


def is_atlas(data: bytes) -> bool:
    """Whether a document is the ATLAS YAML."""
    head = data[:4096]
    return re.search(rb"^id: *['\"]?ATLAS\b", head, re.MULTILINE) is not None and b"matrices:" in data


def atlas_objects(data: bytes, *, name: str = "", level: str | None = "clear") -> Reading:
    """The STIX objects of the ATLAS YAML.

    Raises:
        InputError: It is no YAML, or not as ATLAS writes it.
    """
    import yaml

    text = text_of(data, name=name)
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise InputError(f"{where}not YAML: {getattr(error, 'problem', error)}", path=name or None) from error
    try:
        return _Atlas(document, data, level).reading()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"its fields are not as ATLAS writes them: {error!r}", path=name or None) from error


class _Atlas:
    def __init__(self, document: Mapping[str, Any], data: bytes, level: str | None) -> None:
        self.document, self.data, self.level = document, data, level
        self.version = f"atlas/{document.get('version', 'unknown')}"
        self.matrices: list[Mapping[str, Any]] = list(document["matrices"])
        self.short = {
            one["id"]: one["name"].lower().replace(" ", "-")
            for matrix in self.matrices
            for one in matrix.get("tactics", ())
        }
        self.parents = {one["id"]: one for m in self.matrices for one in m.get("techniques", ())}

    def reading(self) -> Reading:
        sound: list[Record] = []
        held: list[Held] = []
        for path, obj in self._made():
            if problems := problems_of(obj):
                held.append((_bytes(obj), [f"{path}: {line}" for line in problems]))
            else:
                sound.append(obj)
        latest = max((obj["modified"] for obj in sound), default=None)
        if latest is None:
            raise ValueError("nothing in it can be read")
        whole: Record = {
            **self._common(None, latest),
            "type": "report",
            "id": derived_id("report", "atlas", sha256(self.data).hexdigest()),
            "name": f"MITRE ATLAS {self.document.get('version', '')}".strip(),
            "published": latest,
            "object_refs": [obj["id"] for obj in sound],
            "extensions": imported(self.version, self.data, READS, whole=True),
        }
        return Reading((whole, *sound), READS, tuple(held))

    def _made(self) -> Iterator[tuple[str, Record]]:
        for matrix in self.matrices:
            for one in matrix.get("tactics", ()):
                yield one["id"], self._plain("x-mitre-tactic", one, x_mitre_shortname=self.short[one["id"]])
            for one in matrix.get("techniques", ()):
                yield one["id"], self._technique(one)
                if parent := one.get("subtechnique-of"):
                    yield one["id"], self._relation("subtechnique-of", one, one["id"], parent)
            for one in matrix.get("mitigations", ()):
                labels = [str(v) for key in ("category", "ml-lifecycle") for v in one.get(key) or ()]
                yield one["id"], self._plain("course-of-action", one, labels=labels)
                for used in one.get("techniques") or ():
                    yield one["id"], self._relation("mitigates", one, one["id"], used["id"], used.get("use"))
        for one in self.document.get("case-studies") or ():
            yield one["id"], self._study(one)

    def _common(self, one: Mapping[str, Any] | None, at: str | None = None) -> Record:
        created = at or day(one["created_date"] if one else None)
        modified = at or day(one["modified_date"] if one else None)
        times = {"created": created, "modified": modified}
        return {
            "spec_version": "2.1",
            **{key: value for key, value in times.items() if value is not None},
            **marked(self.level),
        }

    def _plain(self, kind: str, one: Mapping[str, Any], **more: Any) -> Record:
        page = _PAGES[one["object-type"]]
        refs = [
            {
                "source_name": "mitre-atlas",
                "url": f"https://atlas.mitre.org/{page}/{one['id']}",
                "external_id": one["id"],
            }
        ]
        if attack := one.get("ATT&CK-reference"):
            refs.append(
                {"source_name": "mitre-attack", "url": attack["url"], "external_id": str(attack["id"])}
            )
        more_refs = (link("reference", r.get("url"), r.get("title")) for r in one.get("references") or ())
        refs += filter(None, more_refs)
        return {
            "type": kind,
            **self._common(one),
            "id": atlas_id(kind, one["id"]),
            "name": one["name"],
            "description": one["description"],
            "external_references": refs,
            **{key: value for key, value in more.items() if value},
        }

    def _technique(self, one: Mapping[str, Any]) -> Record:
        tactics = one.get("tactics") or self.parents[one["subtechnique-of"]].get("tactics") or ()
        phases = [{"kill_chain_name": "mitre-atlas", "phase_name": self.short[key]} for key in tactics]
        return self._plain(
            "attack-pattern",
            one,
            kill_chain_phases=phases,
            labels=[f"maturity: {one['maturity']}"] if one.get("maturity") else None,
            extensions=extension("attack-pattern", atlas_id=one["id"]),
        )

    def _relation(
        self, word: str, one: Mapping[str, Any], source: str, target: str, use: str | None = None
    ) -> Record:
        kind = "course-of-action" if word == "mitigates" else "attack-pattern"
        made: Record = {
            "type": "relationship",
            **self._common(one),
            "id": derived_id("relationship", "atlas", word, source, target),
            "relationship_type": word,
            "source_ref": atlas_id(kind, source),
            "target_ref": atlas_id("attack-pattern", target),
        }
        return made | ({"description": use} if use else {})

    def _study(self, one: Mapping[str, Any]) -> Record:
        at = day(one["incident-date"])
        if at is None:
            raise ValueError(f"{one['id']}: incident-date")
        used = [step["technique"] for step in one.get("procedure") or () if step.get("technique")]
        plain = self._plain(
            "report",
            {**one, "description": one["summary"], "created_date": at, "modified_date": at},
            labels=[str(one["case-study-type"])] if one.get("case-study-type") else None,
        )
        refs = [atlas_id("attack-pattern", key) for key in dict.fromkeys(used)]
        return {**plain, "published": at, "object_refs": refs}


def atlas_id(kind: str, key: str) -> str:
    """The id of an ATLAS object of the YAML; MITRE's STIX has ids of its own, the ATLAS id is in both."""
    return derived_id(kind, "atlas", key)


def atlas_key(obj: Mapping[str, Any]) -> str | None:
    """The ATLAS id of an object, from its references or its extension."""
    for one in obj.get("external_references", ()):
        if _ID.fullmatch(str(one.get("external_id"))):
            return str(one["external_id"])
    return (extension_of(obj, "attack-pattern") or {}).get("atlas_id")


def _write(objects: Sequence[Record]) -> Writing:
    import yaml

    matrix: dict[str, list[dict[str, Any]]] = {"tactics": [], "techniques": [], "mitigations": []}
    kinds = {"x-mitre-tactic": "tactics", "attack-pattern": "techniques", "course-of-action": "mitigations"}
    for obj in objects:
        if obj["type"] not in kinds:
            continue
        key = atlas_key(obj) or obj["id"]
        row = {
            "id": key,
            "name": obj["name"],
            "description": obj.get("description", ""),
            "object-type": kinds[obj["type"]].removesuffix("s"),
        }
        if phases := obj.get("kill_chain_phases"):
            row["tactics"] = [phase["phase_name"] for phase in phases]
        row |= {"created_date": obj["created"][:10], "modified_date": obj["modified"][:10]}
        matrix[kinds[obj["type"]]].append(row)
    if not any(matrix.values()):
        raise InputError("ATLAS has a place for attack-patterns, courses-of-action and tactics alone")
    body = {
        "id": "ATLAS",
        "name": "records in the form of ATLAS",
        "version": "0",
        "matrices": [{"id": "ATLAS", "name": "records", **{k: v for k, v in matrix.items() if v}}],
    }
    text = yaml.safe_dump(body, allow_unicode=True, sort_keys=False)
    present = {name for obj in objects for name in obj} & WRITES.keys()
    return Writing(text.encode(), {name: WRITES[name] for name in WRITES if name in present})


def _bytes(obj: Record) -> bytes:
    import json

    return json.dumps(obj, ensure_ascii=False, default=str).encode()


FORMAT = Format(
    "atlas",
    "MITRE ATLAS YAML",
    lambda data, document: document is None and is_atlas(data),
    lambda data, name, level: atlas_objects(data, name=name, level=level or "clear"),
    _write,
    READS,
    WRITES,
)
