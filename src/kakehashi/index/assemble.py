"""All measures with their values as of a day, siblings side by side and their agreement."""

import json
from collections import defaultdict
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from kakehashi.commitments.lined import read_lined
from kakehashi.errors import InputError
from kakehashi.index.agreeing import agreement_words
from kakehashi.index.compute import computed
from kakehashi.index.datasets import last_day, read_sets
from kakehashi.index.exchange_values import exchange_values
from kakehashi.index.ledger_values import ledger_values
from kakehashi.index.records import BOUNDS, UNITS, Measure, MeasureSheet, MeasureValue

FOLDER = "index"


@cache
def load_measures() -> tuple[Measure, ...]:
    """The shipped measures, in the order of their file."""
    with as_file(files("kakehashi.index") / "data" / "measures.yaml") as path:
        return tuple(_measure(entry, path) for entry in read_lined(path)["measures"])


def read_published(path: Path, as_of: str = "9999-12-31") -> tuple[MeasureValue, ...]:
    """Published values of a file, as known on a day; the shipped one is ``data/published.yaml``.

    Raises:
        InputError: A measure that is not known, or a basis that does not carry a value.
    """
    known = {one.id for one in load_measures()}
    found = []
    body = read_lined(path)
    editions = body.get("editions", {})
    for entry in body["values"]:
        if entry["measure"] not in known:
            raise InputError(f"unknown measure {entry['measure']!r}", path=path, row=entry.line)
        if entry["basis"] not in ("A", "B"):
            raise InputError(
                f"basis {entry['basis']!r}: one secondary page or memory carries no value",
                path=path,
                row=entry.line,
            )
        newer = entry.get("newer", "")
        if newer and newer not in editions:
            raise InputError(f"no day is on record for {newer!r}", path=path, row=entry.line)
        if last_day(entry["vintage"]) > as_of:
            continue
        found.append(
            MeasureValue(
                entry["measure"],
                entry["value"],
                entry["as_of"],
                entry["vintage"],
                entry["source"],
                entry["licence"],
                n=entry.get("n"),
                facets=dict(entry["facets"]),
                newer=newer if newer and last_day(editions[newer]) <= as_of else "",
            )
        )
    return tuple(found)


def assemble(workspace: Path | str, as_of: str) -> tuple[MeasureSheet, ...]:
    """One sheet for every measure, with what was known on a day.

    Args:
        workspace: Folder of the workspace; need not exist.
        as_of: The day, ISO 8601: data of later vintages do not enter.

    Raises:
        CorruptFileError: A data set in the workspace is damaged.
    """
    place = Path(workspace)
    with as_file(files("kakehashi.index") / "data" / "published.yaml") as path:
        values = list(read_published(path, as_of))
    values += computed(read_sets(place / FOLDER, as_of), as_of)
    values += ledger_values(place / "ledger", as_of)
    values += exchange_values(place / "exchange", as_of)
    mine: dict[str, list[MeasureValue]] = defaultdict(list)
    for one in values:
        mine[one.measure].append(one)
    measures = load_measures()
    sheets = []
    for measure in measures:
        family = [one for one in measures if one.family == measure.family]
        own = tuple(sorted(mine[measure.id], key=lambda one: (one.as_of, one.vintage, str(one.facets))))
        sheets.append(
            MeasureSheet(
                measure,
                own,
                tuple(one.id for one in family if one.id != measure.id),
                agreement_words(family, mine),
                {} if own else measure.why_empty,
            )
        )
    return tuple(sheets)


def _measure(entry: dict[str, object], path: Path) -> Measure:
    line = getattr(entry, "line", None)
    for name in ("title", "formula", "caveat", "why_empty"):
        words = entry.get(name)
        if not isinstance(words, dict) or set(words) != {"en", "ja"}:
            raise InputError(f"{name} of {entry.get('id')!r} needs en and ja", path=path, row=line)
    if entry["unit"] not in UNITS:
        raise InputError(f"unknown unit {entry['unit']!r}", path=path, row=line, hint=json.dumps(UNITS))
    if entry["bounds"] not in BOUNDS:
        raise InputError(f"unknown bounds {entry['bounds']!r}", path=path, row=line, hint=json.dumps(BOUNDS))
    return Measure(
        str(entry["id"]),
        str(entry["family"]),
        entry["title"],  # type: ignore[arg-type]
        entry["formula"],  # type: ignore[arg-type]
        str(entry["unit"]),
        tuple(entry["inputs"]),  # type: ignore[arg-type]
        entry["caveat"],  # type: ignore[arg-type]
        entry["why_empty"],  # type: ignore[arg-type]
        str(entry["bounds"]),
    )
