"""What facets, and intervals that are missing, are called in English and Japanese."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from kakehashi.commitments.catalog import load_catalog
from kakehashi.commitments.lined import read_lined
from kakehashi.compare import GroupRule
from kakehashi.index.records import Measure, MeasureValue, Words

LANGUAGES = ("en", "ja")
_BETWEEN = {"en": ", ", "ja": "、"}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAY = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2])(?:-(\d{2}))?)?")
#: They repeat the period that stands beside every value.
_PERIODS = ("year", "month")


def facet_words(facets: Mapping[str, str]) -> Words:
    """What a value is about, in words; empty where its period says all.

    Examples:
        >>> facet_words({"year": "2024", "region": "CN"})["ja"]
        '中国'
        >>> facet_words({"question": "asked of users"})["en"]
        'asked of users'
    """
    said = [_facet(key, text) for key, text in facets.items() if key not in _PERIODS]
    return {code: _BETWEEN[code].join(one[code] for one in said) for code in LANGUAGES} if said else {}


def day_words(iso: str) -> Words:
    """A year, a month or a day as each language writes it.

    Examples:
        >>> day_words("2024-12-31")
        {'en': '31 December 2024', 'ja': '2024年12月31日'}
        >>> day_words("2024-12"), day_words("2024")["ja"], day_words("second half")["en"]
        ({'en': 'December 2024', 'ja': '2024年12月'}, '2024年', 'second half')
    """
    found = _DAY.fullmatch(iso)
    if found is None:
        return dict.fromkeys(LANGUAGES, iso)
    year, month, day = (int(part) if part else 0 for part in found.groups())
    english = [str(day) if day else "", _MONTHS[month - 1] if month else "", str(year)]
    japanese = [f"{year}年", f"{month}月" if month else "", f"{day}日" if day else ""]
    return {"en": " ".join(filter(None, english)), "ja": "".join(japanese)}


def unbounded(measure: Measure, value: MeasureValue) -> str:
    """Why a value has no interval, one of :data:`~kakehashi.index.records.BOUNDS`; ``""`` where nothing lacks."""
    return "" if value.interval is not None or value.value is None else value.bounds or measure.bounds


def unit_words(unit: str) -> Words:
    """A unit in words."""
    return dict(_words()["units"][unit])


def head_words(column: str, language: str) -> str:
    """Head of a column of values."""
    return str(_words()["heads"][column][language])


def licence_words(licence: str) -> Words:
    """A licence in words; its own name where it has one."""
    return dict(_words()["licences"].get(licence) or dict.fromkeys(LANGUAGES, licence))


def source_words(source: str) -> Words:
    """A source of one's own in words; empty for those of others, which keep the name that they have.

    Examples:
        >>> source_words("own ledger, records: 12")["ja"]
        '自機関の台帳（記録12件）'
        >>> source_words("AI Incident Database, weekly snapshot")
        {}
    """
    name, _, records = source.partition(", ")
    known = _words()["sources"].get(name)
    if known is None:
        return {}
    if not records:
        return dict(known)
    count = records.removeprefix("records: ")
    return {code: _words()["records"][code].format(source=known[code], count=count) for code in LANGUAGES}


def bounds_words(why: str) -> Words:
    """What stands in the place of an interval."""
    return dict(_words()["bounds"][why])


def bounds_note(why: str) -> Words:
    """What that means, in a sentence."""
    return dict(_words()["bounds-notes"][why])


def _facet(key: str, text: str) -> Words:
    if key == "instrument" and text in load_catalog().instruments:
        return dict(load_catalog().instruments[text].title)
    known = _words()["facets"].get(key, {})
    if text in known:
        return dict(known[text])
    if set(known) == set(LANGUAGES):
        said = day_words(text) if key == "since" else dict.fromkeys(LANGUAGES, text)
        return {code: known[code].format(value=said[code]) for code in LANGUAGES}
    if key == "region":
        return {code: GroupRule().title("country", text, code) for code in LANGUAGES}
    return dict.fromkeys(LANGUAGES, text)


@cache
def _words() -> dict[str, Any]:
    with as_file(files("kakehashi.index") / "data" / "words.yaml") as path:
        return read_lined(path)
