"""Reading closed answers: a choice, for some tasks a reason, and a confidence from 0 to 100."""

import re
import unicodedata
from dataclasses import dataclass

_CHOICE = {
    "claims": r"(?P<choice>TRUE|FALSE|UNKNOWN|UNKNOWABLE|正しい|誤り|誰にも知りえない|知りえない)",
    "grounded": r"\(?(?P<choice>[A-D])\)?",
    "sources": r"\(?(?P<choice>[12])\)?",
}
_LEAD = (
    r"^[\s\"'`*_「『(]*"
    r"(?:(?:the\s+)?(?:answer|claim|statement)(?:\s+is)?|source|option|答え(?:は)?|回答|(?:この|その)?記述は|情報源)?"
    r"[\s:：*_\"'`]*"
)
_TAIL = r"(?:である|です|だ)?(?![A-Za-z0-9ぁ-ん])[\s.,、。:;：*_\"'`)」』-]*"
_REASON = r"(?:(?:because\s+of\s+|reason\s+)?\(?(?P<reason>[a-f])\)?(?![A-Za-z])[\s.,、:;：*_-]*)?"
_CONFIDENCE = r"(?:(?:with\s+)?(?:confidence|確信度)?[\s:：]*(?P<confidence>\d{1,3}(?:\.\d+)?)\s*%?)?"
# The words that the claims' own instruction explains its keys by, in its language.
_SAME = {
    "UNKNOWABLE": "UNKNOWN",
    "正しい": "TRUE",
    "誤り": "FALSE",
    "誰にも知りえない": "UNKNOWN",
    "知りえない": "UNKNOWN",
}
_FORMS = {
    task: re.compile(
        _LEAD + choice + _TAIL + (_REASON if task == "sources" else "") + _CONFIDENCE, re.IGNORECASE
    )
    for task, choice in _CHOICE.items()
}


@dataclass(frozen=True, slots=True)
class ClosedAnswer:
    """A closed answer that could be read.

    Attributes:
        choice: ``TRUE``, ``FALSE``, ``UNKNOWN``; a letter; or a number of a source.
        reason: Letter of the reason for trusting a source, or ``""``.
        confidence: Between 0 and 1, or ``None`` where none was stated or it was out of range.
    """

    choice: str
    reason: str
    confidence: float | None


def parse_closed(text: str, task: str) -> ClosedAnswer | None:
    """Read the closed answer at the beginning of a text, or ``None`` where there is none.

    Only the beginning counts: a word such as "true" somewhere in a sentence is not an answer, and an answer
    that goes on with another choice ("A or B") is none either.

    Args:
        text: What the system wrote.
        task: ``"claims"``, ``"grounded"`` or ``"sources"``.

    Examples:
        >>> parse_closed("TRUE 80", "claims")
        ClosedAnswer(choice='TRUE', reason='', confidence=0.8)
        >>> parse_closed("2 c 60", "sources")
        ClosedAnswer(choice='2', reason='c', confidence=0.6)
        >>> parse_closed("It is true that", "claims") is None
        True
    """
    folded = unicodedata.normalize("NFKC", text).strip()
    match = _FORMS[task].match(folded)
    if match is None or _names_another(folded[match.end("choice") :], task):
        return None
    choice = match["choice"].upper()
    stated = match["confidence"]
    percent = float(stated) if stated is not None else None
    return ClosedAnswer(
        choice=_SAME.get(choice, choice),
        reason=(match.groupdict().get("reason") or "").lower(),
        confidence=percent / 100 if percent is not None and percent <= 100 else None,
    )


def _names_another(rest: str, task: str) -> bool:
    bare = _CHOICE[task].replace("?P<choice>", "?:")
    return (
        re.match(r"\s*(?:or|and|/|,|または|か)\s*" + bare + r"(?![A-Za-z0-9])", rest, re.IGNORECASE)
        is not None
    )
