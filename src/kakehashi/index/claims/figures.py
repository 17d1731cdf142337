"""Every figure in a text: amounts, shares, rates, ordinals and dates, in English and Japanese."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from kakehashi.index.claims.dates import find_dates
from kakehashi.index.claims.masks import BLANK, CURRENCIES, mask
from kakehashi.index.claims.numerals import MINUS, SCALES, WORDS, parse_number, parse_words, plain_width

_KANJI = "〇一二三四五六七八九十百千万億兆"
_SIGN = rf"(?:{MINUS}|(?<=比)-|(?<![\w){BLANK}])[-+±])"
#: The European Union groups thousands with a space.
_DIGITS = r"(?:\d{1,3}(?: \d{3})+(?![\d,])|\d(?:[\d,]*\d)?)"
_ASCII = rf"(?:(?<![\d.,A-Za-z])|(?<={CURRENCIES})){_SIGN}?{_DIGITS}(?:\.\d+)?"
#: 四十二・三: a point only before a unit, since the sign stands between words too.
_POINT = r"(?:・[〇一二三四五六七八九]+(?=\s?(?:%|パーセント|倍|ポイント|割|[万億兆])))"
_TOKEN = rf"(?:{_ASCII}(?:[十百千万億兆]+(?:\d(?:[\d,]*\d)?(?:\.\d+)?)?)*|[{_KANJI}]+{_POINT}?[万億兆]?)"
_SCALE = r"(?:[\s-]?(?:thousand|million|billion|trillion|bn|mn|tn|k|m|b|(?-i:T))(?![A-Za-z]))"
_SMALL = "|".join(sorted(WORDS, key=len, reverse=True))
_LARGE = "dozen|hundred|thousand|million|billion|trillion"
_WORDS = rf"(?:(?:half an?|an?|one) (?:{_LARGE})|(?:{_SMALL})(?:[ -](?:{_SMALL}|{_LARGE})){{0,8}})"
_MONEY = (
    (r"AU?\$|AUD ?", "AUD"),
    (r"CA?\$|CAD ?", "CAD"),
    (r"SG?\$|SGD ?", "SGD"),
    (r"HK\$|HKD ?", "HKD"),
    (r"NT\$|TWD ?", "TWD"),
    (r"NZ\$|NZD ?", "NZD"),
    (r"₩|KRW ?", "KRW"),
    (r"₹|INR ?", "INR"),
    (r"CN¥|CNY ?|RMB ?", "CNY"),
    (r"CHF ?", "CHF"),
    (r"US\$|USD ?|\$", "USD"),
    (r"[¥￥]|JPY ?", "JPY"),
    (r"€|EUR ?", "EUR"),
    (r"£|GBP ?", "GBP"),
)
_NUMBER = rf"(?:{_TOKEN}{_SCALE}?|\b{_WORDS}(?:\b|(?=fold\b)))"
_BEFORE = "|".join(sign for sign, _ in _MONEY)

#: A week of five days or of seven, hours of a processor: they are counted in days and hours.
_KIND_OF_TIME = r"[ -]?(?:(?:working|business|calendar|consecutive|straight|full|whole|more)[ -])?"
_HARDWARE = r"\s?(?:[A-Z]{1,2}\d{2,4}[ -]?)?(?:[GT]PU[ -]?)?"

#: Unit as it follows a number → kind; the first that fits.
_UNITS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.I), kind)
    for pattern, kind in (
        (r"(?:%|パーセント)ポイント|[ -]?percentage[ -]points?|ポイント|[ -]?points?\b|\s?pp\b", "points"),
        (r"\s?%|\s?パーセント|[ -]?per ?cent(?:age)?\b", "percent"),
        (r"割(?:[\d一二三四五六七八九]分)?", "tenths"),
        (r"倍|-?fold\b|[ -]times\b|x(?!\w)", "times"),
        (r"\s?(?:豪ドル|Australian dollars?\b|AUD\b)", "money-AUD"),
        (r"\s?(?:カナダドル|加ドル|Canadian dollars?\b|CAD\b)", "money-CAD"),
        (r"\s?(?:シンガポールドル|Singapore dollars?\b|SGD\b)", "money-SGD"),
        (r"\s?(?:香港ドル|Hong Kong dollars?\b|HKD\b)", "money-HKD"),
        (r"\s?(?:ウォン|(?:South )?Korean won\b|KRW\b)", "money-KRW"),
        (r"\s?(?:ルピー|rupees?\b|INR\b)", "money-INR"),
        (r"\s?(?:米国?ドル|ドル|(?:U\.?S\.? )?dollars?\b|USD\b)", "money-USD"),
        (r"\s?(?:ユーロ|euros?\b|EUR\b)", "money-EUR"),
        (r"\s?(?:円|yen\b|JPY\b)", "money-JPY"),
        (r"\s?(?:ポンド|pounds?\b|GBP\b)", "money-GBP"),
        (r"\s?(?:人民元|元(?![年老祖])|yuan\b|RMB\b|CNY\b)", "money-CNY"),
        (r"\s?(?:[か月ヶカヵ箇ケ]月間?|[ -]?months?\b)", "months"),
        (r"年間|年(?!度|\d)|[ -]?years?\b", "years"),
        (r"週間|[ -]?weeks?\b", "weeks"),
        (rf"(?:営業|稼働|暦)?日間?(?!本)|{_KIND_OF_TIME}days?\b", "days"),
        (rf"{_HARDWARE}時間|{_KIND_OF_TIME}{_HARDWARE}hours?\b", "hours"),
        (rf"分間?(?![かけ野類散布析岐割解業]|の[\d{_KANJI}])|[ -]?minutes?\b", "minutes"),
        (r"秒間?|[ -]?seconds?\b", "seconds"),
    )
)
_COUNTER = re.compile(
    r"\s?(?:[かヶカヵ箇ケ](?:国|所|条)|[件社人名国個本回問点台頁票冊校室軒局省庁州県市町村歳字語行段枚]|機関|団体|項目|種類?|"
    r"分野|分類|言語|企業|組織|事例|課題|原則|カ国|つ|者(?!的)|基(?!本)|例(?!え)|問題|か国|[ァ-ヴー]{2,}|"
    r"(?:[kMGT]?Wh?|[KMGTP]B|[KMGTPE]?FLOPS?|[kMG]?Hz|[nk]m)(?![A-Za-z]))"
)
#: Words that name nothing counted: what follows them belongs to the sentence, not to the number.
_NO_NOUN = (
    r"(?:of|and|or|to|in|on|at|for|by|from|with|than|as|per|but|while|who|which|that|this|these|those|the|an?|its?|their|"
    r"is|are|was|were|be|been|has|have|had|do|does|did|can|could|will|would|may|might|must|should|not|after|before|since)\b"
)
_NOUNS = re.compile(rf"(?:[ -](?!{_NO_NOUN})[A-Za-z][A-Za-z-]*){{1,5}}")
_PLURAL = re.compile(r"[A-Za-z-]*(?<![su])s\b")
_AFTER = re.compile(r"(超|以上|を超え|余り|余|強|以下|未満|弱(?!い)|近く|足らず|程度|前後|ほど)")
_OVER, _UNDER = {"超", "以上", "を超え", "余り", "余", "強"}, {"以下", "未満", "弱", "近く", "足らず"}
_SAID_BEFORE = (
    (
        re.compile(
            r"(?:more than|over|above|at least|exceed(?:s|ed|ing)?|upwards of|no fewer than)\s*$", re.I
        ),
        "over",
    ),
    (re.compile(r"(?:less than|under|below|at most|up to|fewer than|nearly|almost)\s*$", re.I), "under"),
    (
        re.compile(
            r"(?:about|around|roughly|approximately|some|circa|approx\.|~|≈|約|およそ|おおよそ|ほぼ|概ね)\s*$",
            re.I,
        ),
        "about",
    ),
)
_TO = r"\s*(?:-|–|—|〜|～|~|to|ないし)\s*"
_TIMES = r"(?:years?|months?|weeks?|days?|hours?|minutes?|seconds?)\b"
_SHARES = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        (
            r"\b(?P<few>an?|one|two|three|four|five|six|seven|eight|nine)[ -]"
            r"(?P<piece>third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|tenth)s?\b"
        ),
        rf"(?P<part>{_NUMBER})(?: [a-z]+)? (?:out of|of)(?: the| all)? (?P<whole>{_NUMBER})(?![%\d])",
        rf"(?P<part>\bone|{_NUMBER}) in (?:every )?(?P<whole>{_NUMBER})(?![%\d]|[ -]{_TIMES})",
        rf"(?P<whole>{_TOKEN})(?P<each>[人社名件国校台本者]|[かカヶ]国)に(?P<part>{_TOKEN})(?P=each)",
        rf"(?P<whole>{_TOKEN})[^\d\s、。{_KANJI}]{{1,4}}?(?:中|のうち、?|の内)(?P<part>{_TOKEN})(?=[^\d%.,{_KANJI}])",
        rf"(?P<whole>{_TOKEN})分の(?P<part>{_TOKEN})",
        rf"(?P<part>{_ASCII})/(?P<whole>\d(?:[\d,]*\d)?)(?![\d/])",
    )
)
_PIECES = ["third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
_ORDINAL = re.compile(
    rf"第(?P<a>\d+|[一二三四五六七八九十百]+)(?:回|版|位|次|期|世代|弾|四半期)?|(?<![\w.,])(?P<b>\d+)(?:st|nd|rd|th)\b|"
    rf"(?P<c>{_TOKEN})位"
)
_RANGE = re.compile(
    rf"(?P<money>{_BEFORE})?(?P<low>{_NUMBER})(?P<unit>[^\d\s{_KANJI}]{{0,4}}?)(?:{_TO})(?:{_BEFORE})?(?P<high>{_NUMBER})",
    re.I,
)
_BETWEEN = re.compile(
    rf"\bbetween (?P<money>{_BEFORE})?(?P<low>{_NUMBER})(?P<unit>%?) and (?:{_BEFORE})?(?P<high>{_NUMBER})",
    re.I,
)
_HALF = re.compile(
    r"[ -]and[ -]a[ -]half(?![ -]of)(?: (?P<scale>thousand|million|billion|trillion)\b)?", re.I
)
_HALF_JA = re.compile(r"半(?![ば分期数減額面])")
_SPANS_OF_TIME = ("years", "months", "weeks", "days", "hours", "minutes")
_SUPER = {ord(sign): str(n) for n, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_POWER = re.compile(
    r"(?<![\d.,A-Za-z])(?:(?P<a>\d+(?:\.\d+)?)\s?[×x*]\s?)?10"
    r"(?:(?:\^|\*\*)\{?(?P<e>\d{1,3})\}?|の(?P<ja>\d{1,3})乗|(?P<s>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}))(?!\d)|"
    r"(?<![\d.,A-Za-z])(?P<m>\d+(?:\.\d+)?)[eE]\+?(?P<x>\d{1,3})(?!\w)"
)
#: What stands between two figures of a change whose second bears no unit: "from 17.5 points to just 0.3".
_ONWARD = re.compile(
    r"\s*(to|から)\s*(?:just|only|about|around|nearly|roughly|some|約|わずか|ほぼ)?\s*", re.I
)
_CHANGE = re.compile(r"(?<!range )(?<!ranges )(?<!ranged )(?<!ranging )\bfrom\s+(?:[A-Z$€¥£]*\s?)?$", re.I)
_ONE = re.compile(rf"(?P<money>{_BEFORE})?(?P<low>{_NUMBER})", re.I)

#: Longer passages are read in windows of so many signs, cut between sentences: the time stays in proportion.
_WINDOW = 3000


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it stands in a text.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        text: Its words.
        kind: ``count``, ``percent``, ``points``, ``times``, ``money-USD`` and others, ``years`` to ``seconds``,
            ``share``, ``ordinal`` or ``date``.
        low: Its value, or the lower end of a range; of a share the part. ``None`` for a date.
        high: The upper end of a range; of a share the whole; ``None`` where it is one value.
        last: One unit of the last digit written: how far it was rounded.
        said: ``"about"``, ``"over"``, ``"under"`` or ``""``.
        date: A date as far as it is said; of a range the first.
        until: The last of a range of dates, else ``""``.
        counter: What is counted, as written after it: in English up to the first plural ("new AI incidents").
    """

    start: int
    end: int
    text: str
    kind: str
    low: Decimal | None = None
    high: Decimal | None = None
    last: Decimal = Decimal(1)
    said: str = ""
    date: str = ""
    until: str = ""
    counter: str = ""


def find_figures(text: str) -> list[Figure]:
    """Every figure of a passage, in the order of the text.

    Telephone numbers, sections, versions, names of models, addresses and footnotes are none; so are words without a
    number ("half", 半数, "doubled").

    Examples:
        >>> [(f.kind, str(f.low)) for f in find_figures("令和6年は２３３件（前年比56.4%増）")]
        [('date', 'None'), ('count', '233'), ('percent', '56.4')]
    """
    found: list[Figure] = []
    begun = 0
    while begun < len(text):
        part = text[begun : begun + _WINDOW]
        if begun + _WINDOW < len(text):
            ends = max(part.rfind(end) for end in ("。", "\n", ". ")) + 1
            part = part[: ends or part.rfind(" ") + 1 or _WINDOW]
        found += (replace(one, start=one.start + begun, end=one.end + begun) for one in _in_window(part))
        begun += len(part)
    return found


def _in_window(text: str) -> list[Figure]:
    original, text = text, mask(plain_width(text))
    found: list[Figure] = []
    for start, end, first, last in find_dates(text):
        found.append(Figure(start, end, original[start:end], "date", date=first, until=last))
        text = _blank(text, start, end)
    for finder in (_powers, _shares, _ordinals, _ranges, _amounts):
        for one in list(finder(text)):
            if BLANK not in text[one.start : one.end]:
                found.append(_with_text(one, original))
                text = _blank(text, one.start, one.end)
    return list(_carried(sorted(found, key=lambda one: one.start), original))


def _carried(found: list[Figure], text: str) -> Iterator[Figure]:
    """The figures, with the unit of the first in a change given to a second that bears none."""
    before: Figure | None = None
    for one in found:
        if (
            before is not None
            and (one.kind, one.counter) == ("count", "")
            and before.kind not in ("count", "date", "ordinal", "share")
            and (onward := _ONWARD.fullmatch(text[before.end : one.start]))
            and (onward[1] == "から" or _CHANGE.search(text[max(0, before.start - 24) : before.start]))
        ):
            one = replace(one, kind=before.kind)
        yield one
        before = one


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + BLANK * (end - start) + text[end:]


def _with_text(one: Figure, original: str) -> Figure:
    return replace(one, text=original[one.start : one.end].strip())


def _value(token: str) -> tuple[Decimal, Decimal]:
    """Value and last digit of a number in digits, kanji or words, with an English scale behind it."""
    token = token.strip()
    scale = re.search(r"[\s-]?([A-Za-z]+)$", token)
    if scale and re.search(r"\d", token) and scale.group(1).lower() in SCALES:
        value, last = parse_number(token[: scale.start()])
        by = SCALES[scale.group(1).lower()]
        return value * by, last * by
    if token.isascii() and not re.search(r"\d", token):
        return parse_words(token), Decimal(1)
    return parse_number(token)


def _powers(text: str) -> Iterator[Figure]:
    """Powers of ten: 10^25, 10の25乗, 10²⁵, 6.3×10^25, 1e25."""
    for found in _POWER.finditer(text):
        base = found["a"] or found["m"] or "1"
        exponent = int(found["e"] or found["ja"] or found["x"] or found["s"].translate(_SUPER))
        kind, end, counter = _unit(text, found.end(), "")
        value = Decimal(base).scaleb(exponent)
        last = Decimal(1).scaleb(exponent - len(base.partition(".")[2]))
        yield Figure(
            found.start(), end, "", kind, value, None, last, _said(text, found.start(), end), counter=counter
        )


def _only_kanji(token: str) -> bool:
    return all(sign in _KANJI for sign in token.strip())


def _shares(text: str) -> Iterator[Figure]:
    for pattern in _SHARES:
        for found in pattern.finditer(text):
            parts = found.groupdict()
            if parts.get("piece"):
                piece = parts["piece"].lower()
                whole = Decimal(4 if piece == "quarter" else _PIECES.index(piece) + 3)
                few = parts["few"].lower()
                part = Decimal(1) if few in ("a", "an", "one") else parse_words(few)
            else:
                part, whole = _value(parts["part"])[0], _value(parts["whole"])[0]
            if 0 <= part <= whole:
                yield Figure(found.start(), found.end(), "", "share", part, whole)


def _ordinals(text: str) -> Iterator[Figure]:
    for found in _ORDINAL.finditer(text):
        token = found["a"] or found["b"] or found["c"]
        yield Figure(found.start(), found.end(), "", "ordinal", parse_number(token)[0])


def _ranges(text: str) -> Iterator[Figure]:
    for pattern in (_BETWEEN, _RANGE):
        for found in pattern.finditer(text):
            low, high = found["low"], found["high"]
            kind, end, counter = _unit(text, found.end(), found["money"] or "")
            bare = kind == "count" and not counter
            if bare and (_only_kanji(low) or _only_kanji(high) or found["unit"].strip()):
                continue  # words in kanji, or two figures of two units: "up 9% to 233"
            (a, _), (b, last) = _value(low), _value(high)
            scale = b / _value(_bare(high))[0] if _bare(high) != high and _bare(low) == low else Decimal(1)
            if scale != 1:
                a *= scale
            if not a < b or _CHANGE.search(text[max(0, found.start() - 24) : found.start()]):
                yield from _changed(text, found, kind, end, counter)
            else:
                kind, a, upper, last = _tenths(kind, a, b, last)
                yield Figure(found.start(), end, "", kind, a, upper, last, counter=counter)


def _changed(text: str, found: re.Match[str], kind: str, end: int, counter: str) -> Iterator[Figure]:
    """Two figures of one unit, "from 8 to 3.5 points": a change is no range."""
    for name in ("low", "high"):
        value, last = _value(found[name])
        stop = end if name == "high" else found.end("low")
        changed, value, _, last = _tenths(kind, value, None, last)
        yield Figure(found.start(name), stop, "", changed, value, None, last, counter=counter)


def _bare(token: str) -> str:
    return re.sub(rf"(?:{_SCALE}|[万億兆]+)$", "", token, flags=re.I)


def _amounts(text: str) -> Iterator[Figure]:
    for found in _ONE.finditer(text):
        token = found["low"]
        half = _HALF.match(text, found.end())
        kind, end, counter = _unit(text, half.end() if half else found.end(), found["money"] or "")
        if half is None and kind in _SPANS_OF_TIME and (half := _HALF_JA.match(text, end)):
            end = half.end()
        if _only_kanji(token):
            loose = kind == "count" and not counter
            if loose or token.strip() in ("万", "億", "兆") or (kind == "minutes" and token == "十"):
                continue
            if token == "一" and counter.strip() in ("つ", "点", "者", "国", "個", "人"):
                continue
            if found.start() and text[found.start() - 1] in "数第統唯":
                continue
        value, last = _value(token)
        kind, value, _, last = _tenths(kind, value, None, last, text[found.end() : end])
        if half:
            scale = half.groupdict().get("scale")
            by = SCALES[scale.lower()] if scale else 1
            value, last = (value + Decimal("0.5")) * by, Decimal("0.5") * by
        yield Figure(
            found.start(), end, "", kind, value, None, last, _said(text, found.start(), end), counter=counter
        )


def _tenths(
    kind: str, a: Decimal, b: Decimal | None, last: Decimal, unit: str = ""
) -> tuple[str, Decimal, Decimal | None, Decimal]:
    """割 as percent: 3割 is 30%, 3割5分 is 35%."""
    if kind != "tenths":
        return kind, a, b, last
    more = re.search(r"割(.)分", unit)
    extra = parse_number(more.group(1))[0] if more else Decimal(0)
    return "percent", a * 10 + extra, None if b is None else b * 10, last if more else last * 10


def _unit(text: str, at: int, money: str) -> tuple[str, int, str]:
    """Kind of a number by what stands around it, where it ends, and what is counted."""
    if money:
        return next(f"money-{name}" for sign, name in _MONEY if re.fullmatch(sign, money, re.I)), at, ""
    for pattern, kind in _UNITS:
        if found := pattern.match(text, at):
            return kind, found.end(), ""
    if found := _COUNTER.match(text, at):
        return "count", found.end(), found.group().strip()
    return "count", at, _noun(text, at)


def _noun(text: str, at: int) -> str:
    """What an English number counts: the words to the first plural, else the next word unless it is a participle."""
    found = _NOUNS.match(text, at)
    if found is None:
        return ""
    words = found.group()[1:]
    if plural := _PLURAL.search(words):
        return words[: plural.end()]
    first = words.split()[0]
    return "" if first.endswith("ed") else first


def _said(text: str, start: int, end: int) -> str:
    before = text[max(0, start - 16) : start]
    for pattern, name in _SAID_BEFORE:
        if pattern.search(before):
            return name
    found = _AFTER.match(text, end)
    if found is None:
        return ""
    word = found.group(1)
    return "over" if word in _OVER else "under" if word in _UNDER else "about"
