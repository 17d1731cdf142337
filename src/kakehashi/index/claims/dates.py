"""Days, months and years in a text, of the common and the Japanese calendar."""

import re
from collections.abc import Iterator

from kakehashi.index.claims.masks import BLANK
from kakehashi.index.claims.numerals import parse_number

_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925}
_MONTH = {
    name: n
    for n, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_M = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_Y = r"(?:19|20)\d\d"
_YK = rf"(?:{_Y}|[一二][〇一二三四五六七八九]{{3}})"
_K = "〇一二三四五六七八九十"
_N = rf"(?:\d{{1,2}}|[{_K}]{{1,3}})"
_UNTIL = r"(?:\s*(?:-|–|—|and|to|〜|～|~)\s*(?P<until>\d{1,2})(?:st|nd|rd|th)?)?"
_UNTIL_JA = rf"(?:(?:から|-|–|〜|～|~|、|・|及び)(?:(?P<m2>{_N})月)?(?P<until>{_N})日)?"

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        (
            rf"(?P<era>令和|平成|昭和)(?P<n>元|\d{{1,2}}|[{_K}]{{1,3}})年度?(?:末|\s*(?P<m>{_N})月"
            rf"(?:(?P<d>{_N})日{_UNTIL_JA})?)?"
        ),
        rf"(?<!\d)(?P<y>{_YK})年度?(?:末|初|\s*(?P<m>{_N})月(?:(?P<d>{_N})日{_UNTIL_JA})?)(?!間)",
        rf"(?<![\d.])(?P<y>{_Y})年?\s*[-–—〜～~]\s*(?P<y2>{_Y})年?(?![\d-])",
        rf"(?<!\d)(?P<y>{_Y})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}})(?!\d)",
        rf"(?<!\d)(?P<y>{_Y})-(?P<m>(?:0[1-9]|1[0-2]))(?![\d-])",
        rf"(?<![\d.,])(?P<d>\d{{1,2}})(?:st|nd|rd|th)?{_UNTIL}\s+(?P<mon>{_M}),?\s+(?P<y>{_Y})(?!\d)",
        rf"\b(?P<mon>{_M})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?{_UNTIL},?\s+(?P<y>{_Y})(?!\d)",
        rf"\b(?P<mon>{_M}),?\s+(?:of\s+)?(?P<y>{_Y})(?!\d)",
        rf"(?<![\d.,])(?P<d>\d{{1,2}})(?:st|nd|rd|th)?{_UNTIL}\s+(?P<mon>{_M})(?![a-z])",
        rf"\b(?P<mon>{_M})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:[-–](?P<until>\d{{1,2}}))?(?!\d|[,.]\d|%)",
        rf"(?<!\d)(?P<m>{_N})月(?P<d>{_N})日",
        r"(?<!\d)(?P<m>\d{1,2})月(?!間)",
        rf"(?<!\d)(?P<y>{_YK})年度?(?!間|\d)",
        rf"\bFY\s?(?P<y>{_Y})\b",
    )
)
#: A bare year: four digits that nothing counts.
_YEAR = re.compile(
    r"(?<![\d,.$¥€£\w-])(?P<y>(?:19[5-9]|20[0-4])\d)(?![\d,.]*\d|[%\w]|\s*(?:[mb]illion|thousand|per ?cent))"
)
_COUNTED = re.compile(r"(?:about|around|some|over|nearly|roughly|almost|than|~|約|およそ)\s*$", re.I)


def find_dates(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Every date: its place, its first and its last day, each as far as it is said (``""`` where it is one day).

    A day without a year is ``--04-07``. What cannot be a date (a thirteenth month) is left out.

    Examples:
        >>> [(first, last) for _, _, first, last in find_dates("令和6年11月20日から21日、FY2024")]
        [('2024-11-20', '2024-11-21'), ('2024', '')]
    """
    for pattern in (*_PATTERNS, _YEAR):
        taken: list[tuple[int, int]] = []
        for found in pattern.finditer(text):
            if pattern is _YEAR and _COUNTED.search(text[max(0, found.start() - 12) : found.start()]):
                continue
            said = _said(found.groupdict())
            if said is not None:
                taken.append(found.span())
                yield (*found.span(), *said)
        for start, end in taken:
            text = text[:start] + BLANK * (end - start) + text[end:]


def _said(parts: dict[str, str | None]) -> tuple[str, str] | None:
    year = parts.get("y")
    era = parts.get("era")
    if era:
        n = parts["n"] or ""
        year = str(_ERAS[era] + (1 if n == "元" else int(parse_number(n)[0])))
    year = _digits(year)
    month = _digits(parts.get("m"))
    if mon := parts.get("mon"):
        month = str(_MONTH[mon[:3].lower()])
    day = _digits(parts.get("d"))
    if (month and not 1 <= int(month) <= 12) or (day and not 1 <= int(day) <= 31):
        return None
    first = _iso(year, month, day)
    if parts.get("y2"):
        return first, str(parts["y2"])
    if until := parts.get("until"):
        return first, _iso(year, _digits(parts.get("m2")) or month, _digits(until))
    return first, ""


def _digits(text: str | None) -> str | None:
    """Digits of a number in digits or kanji."""
    return text if text is None or text.isascii() else str(int(parse_number(text)[0]))


def _iso(year: str | None, month: str | None, day: str | None) -> str:
    text = year or "-"
    if month:
        text += f"-{int(month):02d}"
    if day:
        text += f"-{int(day):02d}"
    return text
