"""Phrase lists: what the rule judge knows of a language, kept as data."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import yaml

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.evaluate.judges.alternation import arrange

FORMAT = "kakehashi.phrases/1"
KINDS = (
    "not_decline",
    "decline",
    "unknown",
    "incapable",
    "opinion",
    "objection",
    "condemn",
    "grounds",
    "moral",
    "define",
    "refute",
    "equality",
    "norm",
    "premise",
    "wording",
    "crisis",
    "redirect",
    "turn",
    "help",
)
CUES = (
    "decline",
    "unknown",
    "incapable",
    "opinion",
    "objection",
    "condemn",
    "refute",
    "equality",
    "premise",
    "wording",
    "crisis",
    "redirect",
)
"""Kinds that make an answer anything but plain help."""
SHIPPED = ("en", "ja", "zh")

_MACRO = re.compile(r"<([a-z_]{1,20})>")
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d{0,4},\}|\{\d{4,}|\\\d)")


@dataclass(frozen=True, slots=True)
class PhraseList:
    """The phrases of one language, compiled.

    Attributes:
        language: ISO 639-1.
        version: Version of the list; it is part of the judge's identity.
        spaced: Whether words are separated by spaces, so that every phrase begins at a word.
        patterns: One compiled expression for each kind of :data:`KINDS` that the list has.
        cue: Matches where any of the kinds :data:`CUES` does: one look that spares ten.
        hints: Bits of text, one of which stands in nearly every sentence that declines; empty for unknown.
        density: Length of a text relative to the same text in English; scales how much counts as opening.
        calibration: ``"human"``, ``"synthetic-only"`` or ``"uncalibrated"``: what the list was checked on.
        digest: SHA-256 of the list's text, hexadecimal.
        shipped: Whether it came with the package.
    """

    language: str
    version: str
    spaced: bool
    patterns: Mapping[str, re.Pattern[str]]
    cue: re.Pattern[str]
    hints: tuple[str, ...]
    density: float
    calibration: str
    digest: str
    shipped: bool


def load_phrases(path: Path) -> PhraseList:
    """Read a phrase list of your own.

    Raises:
        InputError: The file cannot be read, or a phrase cannot be compiled or is not bounded.
        FormatVersionError: The file is in a newer format.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the phrase list cannot be read ({error})", path=path) from error
    return parse_phrases(text, where=str(path))


@cache
def shipped_phrases(language: str) -> PhraseList:
    """The phrase list that the package ships for ``language``, one of :data:`SHIPPED`."""
    file = resources.files("kakehashi.evaluate.judges") / "data" / f"{language}.yaml"
    return parse_phrases(file.read_text(encoding="utf-8"), where=f"{language}.yaml", shipped=True)


@cache
def shipped_calibration(language: str) -> str:
    """What the shipped list of a language was checked on, without compiling it; ``"none"`` without a list."""
    if language not in SHIPPED:
        return "none"
    file = resources.files("kakehashi.evaluate.judges") / "data" / f"{language}.yaml"
    found = re.search(r"^calibration: *([a-z-]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "uncalibrated"


def parse_phrases(text: str, *, where: str, shipped: bool = False) -> PhraseList:
    """Compile the text of a phrase list; ``where`` names it in errors.

    Examples:
        >>> source = '{format: kakehashi.phrases/1, language: de, decline: ["ich kann (?:das|dir) nicht"]}'
        >>> phrases = parse_phrases(source, where="de.yaml")
        >>> phrases.language, phrases.calibration
        ('de', 'uncalibrated')
    """
    try:
        loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise InputError(f"not YAML ({error})", path=where) from error
    if not isinstance(loaded, dict):
        raise InputError("a phrase list is a mapping with `format`, `language` and `decline`", path=where)
    version = str(loaded.get("format", ""))
    if version != FORMAT:
        raise FormatVersionError(version, FORMAT, path=where)
    language = loaded.get("language")
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}", language):
        raise InputError(f"`language` is an ISO 639 code, not {language!r}", path=where)
    macros = loaded.get("macros") or {}
    spaced = bool(loaded.get("spaced", True))
    patterns = {}
    for kind in KINDS:
        phrases = loaded.get(kind) or []
        if not isinstance(phrases, list) or not all(isinstance(p, str) for p in phrases):
            raise InputError(f"`{kind}` is a list of phrases", path=where)
        if phrases:
            patterns[kind] = _compile(
                phrases, macros, spaced=spaced, where=f"{where}: {kind}", one_by_one=not shipped
            )
    if "decline" not in patterns:
        raise InputError("a phrase list needs phrases under `decline`", path=where)
    cues = [f"(?:{pattern.pattern.removeprefix(' ')})" for kind, pattern in patterns.items() if kind in CUES]
    return PhraseList(
        language=language,
        version=str(loaded.get("version", "0")),
        spaced=spaced,
        patterns=patterns,
        density=float(loaded.get("density", 1.0)),
        hints=tuple(str(hint) for hint in loaded.get("hints") or ()),
        cue=re.compile((" " if spaced else "") + f"(?:{arrange(cues, depth=1)})"),
        calibration=str(loaded.get("calibration")) if shipped else "uncalibrated",
        digest=hashlib.sha256(text.encode()).hexdigest(),
        shipped=shipped,
    )


def _expand(phrase: str, macros: Mapping[str, str], where: str) -> str:
    for _ in range(4):
        names = _MACRO.findall(phrase)
        if not names:
            return phrase
        for name in names:
            if name not in macros:
                raise InputError(f"unknown macro <{name}> in {phrase!r}", path=where)
        phrase = _MACRO.sub(lambda found: str(macros[found[1]]), phrase)
    raise InputError(f"macros are nested more than four deep in {phrase!r}", path=where)


def _compile(
    phrases: list[str], macros: Mapping[str, str], *, spaced: bool, where: str, one_by_one: bool
) -> re.Pattern[str]:
    """One expression of all phrases; ``one_by_one`` so that an error names the phrase of a list of one's own."""
    expanded = []
    for phrase in phrases:
        whole = _expand(phrase, macros, where)
        if found := _UNBOUNDED.search(whole):
            raise InputError(
                f"{found[0]!r} in {phrase!r} could take unbounded time",
                path=where,
                hint="Use `?` and bounded repeats such as {0,40}.",
            )
        if one_by_one:
            try:
                re.compile(whole)
            except re.error as error:
                raise InputError(f"{phrase!r} is not an expression ({error})", path=where) from error
        expanded.append(f"(?:{whole})")
    return re.compile((" " if spaced else "") + f"(?:{arrange(expanded)})")
