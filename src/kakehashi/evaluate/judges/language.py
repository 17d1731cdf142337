"""Which language an answer is in: by script, then by frequent words.

Simple on purpose; where a text is too short to tell, it says so.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

import yaml

_SCRIPTS = {
    "kana": "\u3041-\u3096\u30a1-\u30fa",
    "han": "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff",
    "hangul": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "cyrillic": "\u0400-\u04ff",
    "greek": "\u0370-\u03ff",
    "arabic": "\u0600-\u06ff\u0750-\u077f",
    "hebrew": "\u0590-\u05ff",
    "devanagari": "\u0900-\u097f",
    "bengali": "\u0980-\u09ff",
    "tamil": "\u0b80-\u0bff",
    "thai": "\u0e00-\u0e7f",
    "khmer": "\u1780-\u17ff",
    "georgian": "\u10a0-\u10ff",
    "armenian": "\u0530-\u058f",
    "ethiopic": "\u1200-\u137f",
}
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_OTHER = re.compile("[" + "".join(_SCRIPTS.values()) + "]")
_COUNTED = {name: re.compile(f"[{chars}]") for name, chars in _SCRIPTS.items()}

# Scripts that stand for one language here; "und-…" where a script is shared by several.
_LANGUAGE_OF = {
    "hangul": "ko",
    "cyrillic": "und-cyrillic",
    "greek": "el",
    "arabic": "und-arabic",
    "hebrew": "he",
    "devanagari": "und-devanagari",
    "bengali": "bn",
    "tamil": "ta",
    "thai": "th",
    "khmer": "km",
    "georgian": "ka",
    "armenian": "hy",
    "ethiopic": "und-ethiopic",
}

WINDOW = 1_200
"""Characters of a text that are looked at."""


class Tongue(NamedTuple):
    """What a text seems to be written in.

    Attributes:
        language: ISO 639-1, ``"und-<script>"``, or ``""`` where there is too little to tell.
        scripts: Share of each script among the letters seen.
        known_words: Share of the words seen that are frequent words of ``language`` (Latin script only).
    """

    language: str
    scripts: dict[str, float]
    known_words: float


# Three of these in one text are English; no other language here has them.
_ENGLISH = (" the ", " to ", " and ", " of ", " is ", " you ", " that ", " i ", " with ", " for ", " it ")
_PLAINLY_ENGLISH = Tongue("en", {"latin": 1.0}, 0.3)


@cache
def _stopwords() -> dict[str, frozenset[str]]:
    file = resources.files("kakehashi.evaluate.judges") / "data" / "stopwords.yaml"
    loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    # YAML 1.1 reads a bare `no`, `yes` or `on` as a truth value.
    truth = {"True": ("yes", "on"), "False": ("no",)}
    return {
        name: frozenset(word for entry in words for word in truth.get(str(entry), (str(entry),)))
        for name, words in loaded["languages"].items()
    }


def detect_language(text: str, words: Sequence[str]) -> Tongue:
    """Tell the language of a text.

    Args:
        text: The text; its first :data:`WINDOW` characters are looked at.
        words: Its words, lowercased, as split at spaces; the first 80 are looked at.

    Examples:
        >>> sentence = "i am sorry, but that is not something i can help with."
        >>> detect_language(sentence, sentence.split()).language
        'en'
        >>> detect_language("申し訳ありませんが、お手伝いできません。", []).language
        'ja'
        >>> detect_language("42", ["42"]).language
        ''
    """
    if len(text.encode("utf-8", "surrogatepass")) <= 1.03 * len(text):
        # A few accents, quotation marks or foreign words change nothing.
        if (" the " in text and " to " in text) or sum(map(text.__contains__, _ENGLISH)) >= 3:
            return _PLAINLY_ENGLISH
        scripts = {"latin": 1.0}
    else:
        scripts = _scripts(text[:WINDOW])
    if not scripts:
        return Tongue("", scripts, 0.0)
    cjk = scripts.get("kana", 0.0) + scripts.get("han", 0.0)
    latin = scripts.get("latin", 0.0)
    # Two Latin letters carry about as much as one Chinese character.
    if cjk and cjk * 2 >= latin:
        if scripts.get("kana", 0.0) >= 0.04 * cjk:
            return Tongue("ja", scripts, 0.0)
        return Tongue("zh", scripts, 0.0)
    top = max(scripts, key=lambda name: scripts[name])
    if top in _LANGUAGE_OF:
        return Tongue(_LANGUAGE_OF[top], scripts, 0.0)
    return _latin(words, scripts)


def language_of_answer(answer: str, declared: str) -> str:
    """The language that an answer seems to be in, or the declared one where there is too little to tell.

    Examples:
        >>> language_of_answer("申し訳ありませんが、お手伝いできません。", "en"), language_of_answer("42", "en")
        ('ja', 'en')
    """
    words = answer[:WINDOW].lower().split()
    return detect_language(" ".join(words), words).language or declared


def _scripts(text: str) -> dict[str, float]:
    latin = len(_LATIN.findall(text))
    others = "".join(_OTHER.findall(text))
    total = latin + len(others)
    if not total:
        return {}
    shares = {"latin": latin / total} if latin else {}
    if others:
        for name, pattern in _COUNTED.items():
            if count := len(pattern.findall(others)):
                shares[name] = count / total
    return shares


def _latin(words: Sequence[str], scripts: dict[str, float]) -> Tongue:
    lists = _stopwords()
    seen = [word.strip(".,;:!?()\"'") for word in words[:80]]
    letters = [word for word in seen if word]
    if not letters:
        return Tongue("", scripts, 0.0)
    english = sum(map(lists["en"].__contains__, letters)) / len(letters)
    if english >= 0.25:
        return Tongue("en", scripts, english)
    best, share = "en", english
    for name, known in lists.items():
        hits = sum(map(known.__contains__, letters)) / len(letters)
        if hits > share:
            best, share = name, hits
    # Below five words with one frequent word, or without any, nothing can be said: "A" is in many languages.
    if len(letters) < 5 and (share < 0.4 or share * len(letters) < 1.5):
        return Tongue("", scripts, share)
    if share < 0.04:
        return Tongue("", scripts, share)
    return Tongue(best, scripts, share)
