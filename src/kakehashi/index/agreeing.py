"""How far siblings agree, in words: ranges over what they share, and a coefficient where ten things are shared."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from kakehashi.compare import ScoreTable, agreement
from kakehashi.errors import NotEstimableError
from kakehashi.index.records import Measure, MeasureValue, Words
from kakehashi.index.words import day_words, facet_words

_SHARED = ("benchmark", "region", "rule")


def agreement_words(family: Sequence[Measure], mine: Mapping[str, Sequence[MeasureValue]]) -> Words:
    """What ``compare`` says of siblings over what they share; each vintage of a measure is a column of its own."""
    if len({one.unit for one in family}) > 1:
        return {"en": "different units: not compared", "ja": "単位が異なるため比較しない"}
    cells: dict[str, dict[str, float]] = defaultdict(dict)
    named: dict[str, Words] = {}
    for measure in family:
        for one in mine[measure.id]:
            if one.value is not None:
                column = f"{measure.id} {one.vintage}" if _is_set(one) else measure.id
                cells[column][_key(one)] = one.value
                named[_key(one)] = _name(one)
    columns = [name for name in cells if len(cells[name]) > 0]
    if len(columns) < 2:
        return {"en": "no second value to compare with", "ja": "比較できる別の値がない"}
    keys = sorted({key for name in columns for key in cells[name]})
    shared = [key for key in keys if sum(key in cells[name] for name in columns) > 1]
    if not shared:
        return _apart(family, mine)
    ranges = [(key, [cells[name][key] for name in columns if key in cells[name]]) for key in _newest(shared)]
    en = "; ".join(f"{named[key]['en']}: {_en(v)} ({len(v)} values)" for key, v in ranges)
    ja = "、".join(f"{named[key]['ja']}：{_ja(v)}（{len(v)}件）" for key, v in ranges)
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
        "ja": f"{ja}。τ-bの平均 {tau.value:.2f}（{tau.low:.2f}～{tau.high:.2f}）。",
    }


def _is_set(one: MeasureValue) -> bool:
    return one.licence != "facts"


def _apart(family: Sequence[Measure], mine: Mapping[str, Sequence[MeasureValue]]) -> Words:
    """The span of values of the newest day on which two siblings speak of different things."""
    days: dict[str, list[MeasureValue]] = defaultdict(list)
    for measure in family:
        for one in mine[measure.id]:
            if one.value is not None:
                days[one.as_of].append(one)
    both = [day for day, found in days.items() if len({one.measure for one in found}) > 1]
    nothing = {"en": "nothing in common to compare", "ja": "共通の対象がなく比較できない"}
    if not both:
        return nothing
    found = sorted(days[max(both)], key=lambda one: one.value or 0.0)
    low, high = (
        facet_words({k: v for k, v in one.facets.items() if k in _SHARED}) for one in (found[0], found[-1])
    )
    values = [one.value or 0.0 for one in found]
    day = day_words(max(both))
    return {
        "en": f"{nothing['en']}; {day['en']}: {values[0]:.1f} ({low.get('en')}) to {values[-1]:.1f} ({high.get('en')})",
        "ja": f"{nothing['ja']}。{day['ja']}：{values[0]:.1f}（{low.get('ja')}）～{values[-1]:.1f}（{high.get('ja')}）",
    }


def _newest(keys: Sequence[str], most: int = 4) -> list[str]:
    """Keys of the newest period, and of whole earlier ones while they are few."""
    found: list[str] = []
    for period in sorted({key.partition(" ")[0] for key in keys}, reverse=True):
        mine = [key for key in keys if key.partition(" ")[0] == period]
        if found and len(found) + len(mine) > most:
            break
        found = mine + found
    return found


def _en(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _ja(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g}～{high:g}"


def _key(one: MeasureValue) -> str:
    return " ".join([one.as_of, *(one.facets[name] for name in _SHARED if name in one.facets)])


def _name(one: MeasureValue) -> Words:
    """What :func:`_key` joins, in words."""
    said = facet_words({name: one.facets[name] for name in _SHARED if name in one.facets})
    day = day_words(one.as_of)
    joins = {"en": " ", "ja": "の"}
    return {code: joins[code].join(filter(None, (day[code], said.get(code, "")))) for code in ("en", "ja")}
