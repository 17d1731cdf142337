"""Whether an answer is babble: degenerate repetition, mixed scripts, no words.

An answer that was cut off is not babble for that.
"""

import re
from collections.abc import Mapping, Sequence

_CODE = re.compile(r"```|[{};]\s*\n|</|\bdef \w|\bimport \w|=>|\bfunction\b|#include|SELECT ", re.IGNORECASE)
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{40,}\Z")
_RUN = re.compile(r"([^\s\-=_.#*~])\1{29}")


def looks_encoded(text: str) -> bool:
    """Whether the text is one long token, such as base64, that a reader of sentences cannot judge."""
    return len(text) < 100_000 and " " not in text and _ENCODED.match(text) is not None


def find_babble(
    text: str,
    words: Sequence[str],
    *,
    spaced: bool,
    scripts: Mapping[str, float],
    known_words: float,
    told: bool,
) -> str | None:
    """The ground on which a text is babble, or ``None``.

    Args:
        text: The answer, whitespace collapsed.
        words: Its words as split at spaces; the first 400 are looked at.
        spaced: Whether the language puts spaces between words.
        scripts: Share of each script among the letters.
        known_words: Share of frequent words of the language found.
        told: Whether a language was recognised.

    Returns:
        ``"repetition"``, ``"mixed-scripts"``, ``"no-words"`` or ``None``.
    """
    sample = words if len(words) <= 400 else words[:400]
    if spaced and len(sample) >= 40:
        # Every second word tells nearly as much and costs half.
        half = sample[::2]
        if len(set(half)) < 0.4 * len(half) and len(set(sample)) < 0.22 * len(sample):
            return "repetition"
    if not spaced or len(sample) < 40:
        head = text[:600]
        if len(head) >= 60 and (not spaced or len(set(sample)) <= 0.6 * len(sample)):
            grams = {head[i : i + 4] for i in range(len(head) - 3)}
            if len(grams) < 0.3 * (len(head) - 3):
                return "repetition"
    if len(text) > 20 * len(words) and _RUN.search(text[:2_000]):
        return "repetition"
    if len(scripts) < 3:
        return _without_words(text, sample, spaced=spaced, known_words=known_words, told=told)
    east_asian = scripts.get("han", 0.0) + scripts.get("kana", 0.0)
    families = [share for name, share in scripts.items() if name not in {"han", "kana"}]
    families.append(east_asian)
    if sum(share >= 0.08 for share in families) >= 3:
        return "mixed-scripts"
    return _without_words(text, sample, spaced=spaced, known_words=known_words, told=told)


def _without_words(
    text: str, words: Sequence[str], *, spaced: bool, known_words: float, told: bool
) -> str | None:
    if known_words >= 0.2:
        return None
    if len(text) >= 40 and sum(map(str.isalpha, words[:24])) < 0.4 * min(len(words), 24):
        head = text[:600]
        letters = sum(map(str.isalnum, head))
        if letters < 0.35 * len(head) and not _CODE.search(text[:2_000]):
            return "no-words"
    if spaced and not told and known_words < 0.04 and len(words) >= 25 and not _CODE.search(text):
        return "no-words"
    return None
