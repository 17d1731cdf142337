"""Numbers as people write them, in English and Japanese."""

import re
from decimal import Decimal

DIGITS = {c: n for n, c in enumerate("〇一二三四五六七八九")}
SMALL = {"十": 10, "百": 100, "千": 1000}
LARGE = {"万": 10**4, "億": 10**8, "兆": 10**12}
SCALES = {
    "thousand": 10**3,
    "k": 10**3,
    "million": 10**6,
    "mn": 10**6,
    "m": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
    "trillion": 10**12,
    "tn": 10**12,
    "t": 10**12,
}
_UNITS = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
]
WORDS = {
    **{word: n for n, word in enumerate([*_UNITS, "seventeen", "eighteen", "nineteen"], start=2)},
    **{
        word: 10 * n
        for n, word in enumerate(
            ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
        )
    },
}


def plain_width(text: str) -> str:
    """Full-width digits, letters and signs as their ASCII forms, one for one: places in the text stay.

    Examples:
        >>> plain_width("２０２４年は５６．４％")
        '2024年は56.4%'
    """
    return text.translate(_WIDTH)


#: What makes a number negative; Japanese accounts and statistics print a triangle.
MINUS = r"[△▲]|マイナス|minus "
_SIGN = re.compile(rf"({MINUS}|-)|[+±]", re.I)
_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5E)} | {
    0x3000: " ",
    0x2212: "-",
    0xA0: " ",
    0x202F: " ",
    0x2009: " ",
}


def parse_number(text: str) -> tuple[Decimal, Decimal]:
    """The value of a number in digits, kanji or both, and the size of its last digit that is written.

    Args:
        text: Such as ``3億5,000万``, ``四十``, ``四十二・三``, ``▲1.2`` or ``1,234.5``.

    Returns:
        The value, and one unit of its last written digit.

    Examples:
        >>> [int(parse_number(t)[0]) for t in ("3億5,000万", "1兆2千億", "四十", "千二百", "二〇二四")]
        [350000000, 1200000000000, 40, 1200, 2024]
        >>> [str(d) for d in parse_number("557.6万")]
        ['5576000.0', '1000.0']
        >>> [str(parse_number(t)[0]) for t in ("四十二・三", "▲1.2", "マイナス3")]
        ['42.3', '-1.2', '-3']
    """
    signed = _SIGN.match(text)
    sign = -1 if signed and signed[1] else 1
    body = text[signed.end() :] if signed else text
    total = part = Decimal(0)
    place = Decimal(1)
    digits = ""
    last = Decimal(1)

    def close() -> Decimal:
        nonlocal digits, last
        if not digits:
            return Decimal(0)
        value, last = Decimal(digits), Decimal(1).scaleb(-len(digits.partition(".")[2]))
        digits = ""
        return value

    for sign_of in body.replace(",", "").replace(" ", ""):
        if sign_of == "・":
            digits = (digits or "0") + "."
        elif sign_of in DIGITS:
            digits += str(DIGITS[sign_of])
        elif sign_of in SMALL:
            part += (close() if digits else Decimal(1)) * SMALL[sign_of]
            last = last * SMALL[sign_of] if last < 1 else Decimal(SMALL[sign_of])
            place = last
        elif sign_of in LARGE:
            had = bool(digits)
            value = part + close()
            step = last if had else (place if part else Decimal(1))
            total += (value if value or had else Decimal(1)) * LARGE[sign_of]
            part, place = Decimal(0), step * LARGE[sign_of]
            last = Decimal(1)
        else:
            digits += sign_of
    if digits:
        part += close()
        place = last
    return sign * (total + part), place


def parse_words(text: str) -> Decimal:
    """The value of an English number in words: ``twenty-five``, ``two hundred``, ``half a dozen``.

    Examples:
        >>> [int(parse_words(t)) for t in ("seventeen", "twenty-five", "two hundred", "half a million", "a dozen")]
        [17, 25, 200, 500000, 12]
    """
    total = current = Decimal(0)
    for word in text.lower().replace("-", " ").split():
        if word == "half":
            current = Decimal("0.5")
        elif word in ("a", "an", "one"):
            current = current or Decimal(1)
        elif word in ("dozen", "hundred"):
            current = (current or 1) * Decimal(12 if word == "dozen" else 100)
        elif word in SCALES:
            total += (current or 1) * SCALES[word]
            current = Decimal(0)
        elif word in WORDS:
            current += WORDS[word]
    return total + current
