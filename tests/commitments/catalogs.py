"""Small catalogs for the tests, in the files' own format."""

from pathlib import Path
from typing import Any

import yaml

from kakehashi.commitments import Catalog, read_catalog

WORDS = {"en": "w", "ja": "語"}


def instrument(name: str, *provisions: str, **changes: Any) -> dict[str, Any]:
    return {
        "format": "kakehashi.instrument/1",
        "id": name,
        "title": WORDS,
        "short": {"en": name, "ja": name},
        "issuer": WORDS,
        "addressees": ["companies"],
        "legal_force": "voluntary",
        "status": "in-force",
        "version": "1",
        "adopted": "2024-05",
        "source": {"title": "t", "publisher": "p", "date": "2024"},
        "reading": {"extent": "whole", "by": "a reader", "date": "2026-01-02"},
        "licence": WORDS,
        "provisions": [{"id": each, "num": each[-1], "title": WORDS} for each in provisions],
        **changes,
    }


def line(source: str, relation: str, *targets: str, **changes: Any) -> dict[str, Any]:
    gap = {"en": f"gap of {source}", "ja": f"{source}の差異"}
    return {
        "source": source,
        "targets": list(targets),
        "relation": relation,
        "confidence": "high",
        "gap": gap,
        **changes,
    }


def absence(provision: str, where: str, extent: str = "whole", **changes: Any) -> dict[str, Any]:
    return {
        "provision": provision,
        "instrument": where,
        "version": "1",
        "extent": extent,
        "searched_by": "a reader",
        "date": "2026-01-02",
        **changes,
    }


def crosswalk(name: str, *lines: dict[str, Any], absences: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "format": "kakehashi.crosswalk/1",
        "id": name,
        "author": "an author",
        "date": "2026-01-02",
        "origin": "own",
        "status": "draft",
        "relations": list(lines),
        "absences": list(absences),
    }


def write(folder: Path, *contents: dict[str, Any]) -> list[Path]:
    paths = []
    for i, content in enumerate(contents):
        path = folder / f"{i}.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        paths.append(path)
    return paths


def catalog(folder: Path, *contents: dict[str, Any]) -> Catalog:
    return read_catalog(write(folder, *contents))
