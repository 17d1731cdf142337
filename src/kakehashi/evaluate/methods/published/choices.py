"""Questions with lettered answers: read from log-probabilities where there are any, else from the letter written."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import exp

from kakehashi.evaluate.methods.base import Scored
from kakehashi.evaluate.methods.tally import proportion
from kakehashi.model import Answer, Label, Measure, Measurement, Provenance, Sample, Score, Status

LETTERS = "ABCD"
SCORER = "kakehashi/choice@1.0"

#: Alternatives of the first token that are asked for: the most that the usual servers give.
TOP_LOGPROBS = 20
#: Most tokens that an answer of one letter needs, with room for "The answer is B."
MAX_TOKENS = 8

_OPENING = r"[\s\"'`*_(\[{]*"
# "A" may be an article: a letter at the start is an answer only where nothing but marks or a new line follows.
_BARE = re.compile(_OPENING + r"([A-D])(?:[)\]}\"'`*_]*\s*$|[)\]}\"'`*_]*\s*[.:,;)\n\]])")
_STATED = re.compile(
    r"\b(?:answer|option|choice)(?:\s+is)?(?:\s+option)?\s*:?\s*[\"'`*_(\[{]*([A-D])(?![A-Za-z0-9'])",
    re.IGNORECASE,
)
_EITHER = re.compile(r"\b[A-D]\)?\s*(?:,|/|or|and)\s*\(?[A-D](?![A-Za-z0-9'])")


def read_letter(text: str) -> str | None:
    """The letter that an answer gives, or ``None`` where it gives none or more than one.

    Examples:
        >>> read_letter("B"), read_letter("(c) because"), read_letter("The correct answer is **D**.")
        ('B', None, 'D')
        >>> read_letter("A man walks on"), read_letter("A or B"), read_letter("A. Paris")
        (None, None, 'A')
    """
    folded = unicodedata.normalize("NFKC", text).strip()
    if _EITHER.search(folded):
        return None
    bare = _BARE.match(folded)
    if bare:
        return bare[1]
    stated = {found.upper() for found in _STATED.findall(folded)}
    return stated.pop() if len(stated) == 1 else None


def read_logprobs(alternatives: Iterable[tuple[str, float]]) -> tuple[str, float] | None:
    """The most probable letter among the alternatives of the first token, and its share among the letters.

    Tokens that are the same letter after blanks and brackets are taken off (``"B"``, ``" B"``, ``"(B"``) are
    added up. With no letter among the alternatives there is no reading.

    Returns:
        Letter and its probability given that a letter is answered, or ``None``.

    Examples:
        >>> from math import log
        >>> read_logprobs([("The", log(0.5)), (" B", log(0.2)), ("B", log(0.1)), ("A", log(0.1))])
        ('B', 0.75)
    """
    mass: Counter[str] = Counter()
    for token, logprob in alternatives:
        letter = token.strip().strip("()[]*\"'`_.:")
        if len(letter) == 1 and letter in LETTERS:
            mass[letter] += exp(logprob)  # type: ignore[assignment]
    total = sum(mass.values())
    if not total:
        return None
    best = min(mass, key=lambda letter: (-mass[letter], letter))
    return best, round(mass[best] / total, 9)


def score_choice(sample: Sample, answer: Answer) -> Score:
    """Right or wrong; ``reason`` says how it was read, and which letter.

    Where the endpoint gave log-probabilities of the first token they are read; an answer behind thinking begins
    later, so there the letter is. The value is the letter's probability, which letters alone do not have.
    """
    unanswered = {Status.EMPTY: Label.EMPTY, Status.BLOCKED: Label.BLOCKED, Status.ERROR: Label.ERROR}
    if answer.status in unanswered:
        return Score(sample.id, unanswered[answer.status], SCORER)
    read = None if answer.thinking else read_logprobs(answer.alternatives)
    if read is not None:
        letter, value = read
        label = Label.CORRECT if letter == sample.target else Label.WRONG
        return Score(sample.id, label, SCORER, value=value, reason=f"log-probability {letter}")
    written = read_letter(answer.text)
    if written is None:
        return Score(sample.id, Label.UNPARSED, SCORER, reason="letter")
    label = Label.CORRECT if written == sample.target else Label.WRONG
    return Score(sample.id, label, SCORER, reason=f"letter {written}")


def accuracies(
    rows: Sequence[Scored],
    parts: Iterable[tuple[Mapping[str, str], Sequence[Scored]]],
    *,
    subject: str,
    measure: Measure,
    provenance: Provenance,
) -> list[Measurement]:
    """Accuracy on all rows, then on each part; each says how its answers were read."""
    found = []
    for facets, of_part in ((({"language": "en"}), rows), *parts):
        if not of_part:
            continue
        made = proportion(
            of_part, (Label.CORRECT,), subject=subject, measure=measure, provenance=provenance, facets=facets
        )
        said = "; ".join(text for text in (made.reason, how_read(of_part)) if text)
        found.append(replace(made, reason=said))
    return found


def how_read(rows: Iterable[Scored]) -> str:
    """How the answers were read, with counts.

    Examples:
        >>> how_read([])
        ''
    """
    ways = Counter(row.score.reason.split(" ")[0] for row in rows if row.score.reason)
    return "" if not ways else "read by " + ", ".join(f"{way} {n}" for way, n in sorted(ways.items()))


def lettered(options: Sequence[str]) -> str:
    """The answers one below the other, each with its letter."""
    return "\n".join(f"{letter}. {text.strip()}" for letter, text in zip(LETTERS, options, strict=True))
