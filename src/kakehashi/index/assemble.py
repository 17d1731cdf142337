"""All measures with their values as of a day, siblings side by side and their agreement."""

import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from kakehashi.commitments.lined import read_lined
from kakehashi.compare import ScoreTable, agreement
from kakehashi.errors import InputError, NotEstimableError
from kakehashi.index.compute import computed
from kakehashi.index.datasets import read_sets
from kakehashi.index.ledger_values import ledger_values
from kakehashi.index.records import UNITS, Measure, MeasureSheet, MeasureValue, Words

FOLDER = "index"


@cache
def load_measures() -> tuple[Measure, ...]:
    """The shipped measures, in the order of their file."""
    with as_file(files("kakehashi.index") / "data" / "measures.yaml") as path:
        return tuple(_measure(entry, path) for entry in read_lined(path)["measures"])


def read_published(path: Path) -> tuple[MeasureValue, ...]:
    """Published values of a file; the shipped one is ``data/published.yaml``.

    Raises:
        InputError: A measure that is not known, or a basis that does not carry a value.
    """
    known = {one.id for one in load_measures()}
    found = []
    for entry in read_lined(path)["values"]:
        if entry["measure"] not in known:
            raise InputError(f"unknown measure {entry['measure']!r}", path=path, row=entry.line)
        if entry["basis"] not in ("A", "B"):
            raise InputError(
                f"basis {entry['basis']!r}: one secondary page or memory carries no value",
                path=path,
                row=entry.line,
            )
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
                newer=entry.get("newer", ""),
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
        values = [one for one in read_published(path) if one.vintage <= as_of]
    values += computed(read_sets(place / FOLDER, as_of), as_of)
    values += ledger_values(place / "ledger", as_of)
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
                _agreement(family, mine),
                {} if own else measure.why_empty,
            )
        )
    return tuple(sheets)


def _agreement(family: Sequence[Measure], mine: dict[str, list[MeasureValue]]) -> Words:
    """What ``compare`` says of siblings over what they share; each vintage of a measure is a column of its own."""
    if len({one.unit for one in family}) > 1:
        return {"en": "different units: not compared", "ja": "単位が異なるため比較しない"}
    cells: dict[str, dict[str, float]] = defaultdict(dict)
    for measure in family:
        for one in mine[measure.id]:
            if one.value is not None:
                column = f"{measure.id} {one.vintage}" if _is_set(one) else measure.id
                cells[column][_key(one)] = one.value
    columns = [name for name in cells if len(cells[name]) > 0]
    if len(columns) < 2:
        return {"en": "no second value to compare with", "ja": "比較できる別の値がない"}
    keys = sorted({key for name in columns for key in cells[name]})
    shared = [key for key in keys if sum(key in cells[name] for name in columns) > 1]
    if not shared:
        return {"en": "nothing in common to compare", "ja": "共通の対象がなく比較できない"}
    ranges = [(key, [cells[name][key] for name in columns if key in cells[name]]) for key in shared[-8:]]
    en = "; ".join(f"{key}: {min(v):g} to {max(v):g} ({len(v)} values)" for key, v in ranges)
    ja = "、".join(f"{key}:{min(v):g}～{max(v):g}({len(v)}件)" for key, v in ranges)
    table = np.array([[cells[name].get(key, np.nan) for name in columns] for key in keys])
    try:
        found = agreement(
            ScoreTable(tuple(keys), tuple(columns), table, (True,) * len(columns)),
            n_resamples=200,
            n_permutations=99,
            rng=0,
        )
    except NotEstimableError:
        found = None
    tau = None if found is None or found.overall is None else found.overall.mean_tau
    if tau is None:
        return {
            "en": f"{en}. Too few in common for a coefficient.",
            "ja": f"{ja}。共通の対象が少なく、一致係数は算出しない。",
        }
    return {
        "en": f"{en}. Mean tau-b {tau.value:.2f} ({tau.low:.2f} to {tau.high:.2f}).",
        "ja": f"{ja}。τ-bの平均 {tau.value:.2f}({tau.low:.2f}～{tau.high:.2f})。",
    }


def _is_set(one: MeasureValue) -> bool:
    return one.licence != "facts"


def _key(one: MeasureValue) -> str:
    named = [one.facets[name] for name in ("benchmark", "region", "rule") if name in one.facets]
    return " ".join([one.as_of, *named])


def _measure(entry: dict[str, object], path: Path) -> Measure:
    line = getattr(entry, "line", None)
    for name in ("title", "formula", "caveat", "why_empty"):
        words = entry.get(name)
        if not isinstance(words, dict) or set(words) != {"en", "ja"}:
            raise InputError(f"{name} of {entry.get('id')!r} needs en and ja", path=path, row=line)
    if entry["unit"] not in UNITS:
        raise InputError(f"unknown unit {entry['unit']!r}", path=path, row=line, hint=json.dumps(UNITS))
    return Measure(
        str(entry["id"]),
        str(entry["family"]),
        entry["title"],  # type: ignore[arg-type]
        entry["formula"],  # type: ignore[arg-type]
        str(entry["unit"]),
        tuple(entry["inputs"]),  # type: ignore[arg-type]
        entry["caveat"],  # type: ignore[arg-type]
        entry["why_empty"],  # type: ignore[arg-type]
    )
