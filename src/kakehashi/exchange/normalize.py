"""Texts made comparable: what disguises a prompt without changing it is taken away.

Width (NFKC), case, accents, zero-width and other invisible characters, homoglyphs, leet, spacing and punctuation, and
what is written in base64, hexadecimal, percent-encoding or ROT13. Lossy on purpose, and only for comparing.

References:
    Unicode Technical Standard #39, Unicode Security Mechanisms, section 4 (confusables): the table below is a small
    selection of it, for Cyrillic, Greek, Armenian and Latin look-alikes of ASCII letters.
"""

import base64
import binascii
import codecs
import re
import unicodedata
from urllib.parse import unquote_to_bytes

_ALIKE = {
    "a": "аᴀαɑ",
    "b": "вβʙƅꞵ",
    "c": "сϲᴄ",
    "d": "ԁᴅ",
    "e": "еεᴇ",
    "f": "ғ",
    "g": "ɡցԍ",
    "h": "һнհʜ",
    "i": "іιıɩɪ",
    "j": "јϳᴊ",
    "k": "кκᴋ",
    "l": "ӏ",
    "m": "мμᴍ",
    "n": "ηոɴ",
    "o": "оοօᴏ",
    "p": "рρᴘ",
    "q": "ԛ",
    "r": "ʀ",
    "s": "ѕ",
    "t": "тτᴛ",
    "u": "υսᴜ",
    "v": "ѵνᴠ",
    "w": "ԝωѡᴡ",
    "x": "хχ",
    "y": "уүγʏ",
    "z": "ζᴢ",
}
_LOOK_ALIKE = str.maketrans({look: letter for letter, looks in _ALIKE.items() for look in looks})
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "$": "s",
                       "@": "a", "!": "i", "|": "i", "+": "t"})  # fmt: skip
_KATAKANA = {at: at - 0x60 for at in range(0x30A1, 0x30F7)}
_MARKS = re.compile(r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[\s,:]?){8,}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_TAIL = re.compile(r"[!|+]+(?=\s|$)")
_LETTER = re.compile(r"[a-z]")
_ROUNDS = 3


def canonical(text: str) -> str:
    """A text as letters and digits alone, without its disguise.

    Examples:
        >>> canonical("Ｐlеаsе\u200b, do  IT!") == canonical("please do it")  # full width, Cyrillic, zero width
        True
        >>> canonical("cGxlYXNlIGRvIGl0IG5vdw==") == canonical("please do it now")
        True
        >>> canonical("p1ea5e d0 1t") == canonical("please do it")
        True
    """
    text = _decoded(text).casefold()
    text = unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", text)))
    text = text.translate(_LOOK_ALIKE).translate(_KATAKANA)
    words = (w.translate(_LEET) if _LETTER.search(w) else w for w in _TAIL.sub("", text).split())
    return "".join(c for word in words for c in word if c.isalnum()).replace("l", "i")


def views(text: str) -> tuple[str, ...]:
    """The canonical forms that a text may stand for: as it is, and read as ROT13.

    Examples:
        >>> canonical("please do it") in views("cyrnfr qb vg")
        True
    """
    plain = _decoded(text)
    turned = codecs.encode(plain, "rot13")
    return tuple(dict.fromkeys((canonical(plain), canonical(turned))))


def _visible(text: str) -> str:
    """A text in plain width, without what cannot be seen."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc", "Co") or c.isspace())


def _decoded(text: str) -> str:
    for _ in range(_ROUNDS):
        text = before = _visible(text)
        packed = "".join(text.split())
        if packed != text and _BASE64.fullmatch(packed):  # in lines, as mail breaks it
            text = _unbase64(packed) or text
        if len(_PERCENT.findall(text)) >= 3:
            text = _readable(unquote_to_bytes(text)) or text
        text = _HEX.sub(lambda found: _unhex(found[0]) or found[0], text)
        text = _BASE64.sub(lambda found: _unbase64(found[0]) or found[0], text)
        if text == before:
            break
    return text


def _readable(data: bytes) -> str | None:
    """Bytes as text, where they are one: UTF-8, all printable, most of it letters and digits."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    seen = "".join(c for c in text if unicodedata.category(c) != "Cf")
    plain = all(c.isprintable() or c.isspace() for c in seen)
    letters = sum(c.isalnum() or c.isspace() or unicodedata.category(c) == "Mn" for c in seen)
    return text if seen and plain and letters >= 0.6 * len(seen) else None


def _unhex(text: str) -> str | None:
    digits = re.sub(r"0x|\\x|[\s,:]", "", text)
    tail = text[len(text.rstrip(" ,:\n\r\t")) :]
    try:
        found = _readable(bytes.fromhex(digits))
    except ValueError:
        return None
    return None if found is None else found + tail


def _unbase64(text: str) -> str | None:
    body = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return _readable(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None
