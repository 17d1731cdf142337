"""Which claim of the ledger a figure in a text is; where that is not plain, none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from kakehashi.index.claims.figures import Figure
from kakehashi.index.claims.records import FIRM, ClaimRecord, ClaimValue, Target


@dataclass(frozen=True, slots=True)
class Match:
    """What a figure was found to be.

    Attributes:
        claim: The claim; ``None`` where the figure is none of the ledger.
        verdict: Of this figure.
        how: ``"source"`` where it is the source's figure, ``"quoted"`` where it is one that the ledger lists as quoted,
            ``""`` where there is no match.
        related: Claims on the same subject whose figure is another; nothing is said of them.
    """

    claim: ClaimRecord | None = None
    verdict: str = "not-checked"
    how: str = ""
    related: tuple[str, ...] = ()


def match_figure(
    figure: Figure,
    at: int,
    sentence: str,
    context: str,
    others: Sequence[Figure],
    claims: Sequence[ClaimRecord],
) -> Match:
    """Match a figure with a claim: same kind, same value within the text's own rounding, same subject.

    A third value, neither the source's nor a quoted one, is never called "differs": which quantity its writer meant
    cannot be known from words alone. It is "not checked", and the claims on the subject are named.

    Args:
        figure: The figure.
        at: Where it begins in the sentence.
        sentence: Its sentence, in plain width.
        context: Its paragraph, or its row and the head of its table.
        others: The figures of the sentence, this one among them.
        claims: The claims.
    """
    hits: dict[tuple[str, str], tuple[ClaimRecord, ClaimValue]] = {}
    related: list[str] = []
    for claim in claims:
        for value in claim.values:
            if value.kind != figure.kind or not _subject(value, figure, at, sentence, context):
                continue
            found = [
                (how, n)
                for how, targets in (("source", value.source), ("quoted", value.quoted))
                for n, target in enumerate(targets)
                if same_value(figure, target)
            ]
            fits = [
                how
                for how, n in found
                if _year(value, n, others)
                and _in_order(figure, value.source if how == "source" else value.quoted, n, others)
            ]
            if fits:
                hits.setdefault((fits[0], claim.id), (claim, value))
            elif claim.id not in related:
                related.append(claim.id)
    for how in ("source", "quoted"):
        one = [pair for (kind, _), pair in hits.items() if kind == how]
        if len(one) == 1:
            claim, value = one[0]
            return Match(claim, _verdict(claim, value, how), how)
        if one:
            return Match(related=tuple(claim.id for claim, _ in one))
    return Match(related=tuple(related))


def same_value(figure: Figure, target: Target) -> bool:
    """Whether a figure is a value, within the rounding that its own digits show.

    Examples:
        >>> from kakehashi.index.claims.figures import find_figures
        >>> [same_value(find_figures(t)[0], 56.4) for t in ("56%", "56.4%", "57%", "about 60%", "over 50%")]
        [True, True, False, True, True]
    """
    if figure.kind == "date":
        return _same_date(figure, target)
    if isinstance(target, tuple):
        ends = (figure.low, figure.high)
        return all(end is not None and end == Decimal(str(t)) for end, t in zip(ends, target, strict=True))
    if figure.low is None or figure.high is not None or isinstance(target, str):
        return False
    wanted, step = Decimal(str(target)), figure.last
    if figure.said:
        step = max(step, _last_digit(figure.low))
    if figure.said == "over":
        return figure.low <= wanted < figure.low + step
    if figure.said == "under":
        return figure.low - step < wanted <= figure.low
    return figure.low - step / 2 <= wanted < figure.low + step / 2


def _last_digit(value: Decimal) -> Decimal:
    """One unit of the last digit that is not zero: 2,000 → 1,000."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(1).scaleb(exponent) if isinstance(exponent, int) else Decimal(1)


def _same_date(figure: Figure, target: Target) -> bool:
    said = (figure.date, figure.until) if figure.until else (figure.date,)
    if figure.date.startswith("-"):
        return False
    if isinstance(target, tuple):
        first, last = map(str, target)
        if len(said) == 2:
            return first.startswith(said[0]) and last.startswith(said[1])
        return (len(first) == 10 and said[0] in (first, last)) or (
            len(said[0]) >= 7 and first.startswith(said[0]) and last.startswith(said[0])
        )
    return len(said) == 1 and len(said[0]) >= min(7, len(str(target))) and str(target).startswith(said[0])


def _subject(value: ClaimValue, figure: Figure, at: int, sentence: str, context: str) -> bool:
    if figure.counter and value.counter and not _any(value.counter, figure.counter):
        return False
    if not _any(value.near[0], sentence):
        return False
    if not all(_any(group, sentence) or _any(group, context) for group in value.near[1:]):
        return False
    return (
        not value.own
        or _nearest(value, at, sentence)
        or (
            not _any((*value.own, *value.rivals), sentence)
            and _any(value.own, context)
            and not _any(value.rivals, context)
        )
    )


def _nearest(value: ClaimValue, at: int, sentence: str) -> bool:
    """Whether the last name before the figure, else the first after it, is one of the claim's own."""
    seen = [
        (found.start(), len(found.group()), own)
        for names, own in ((value.own, True), (value.rivals, False))
        for name in names
        for found in _pattern(name).finditer(sentence)
    ]
    before = [one for one in seen if one[0] < at]
    if before:
        return max(before)[2]
    return bool(seen) and min(seen, key=lambda one: (one[0], -one[1]))[2]


def _year(value: ClaimValue, n: int, others: Sequence[Figure]) -> bool:
    if not value.year:
        return True
    wanted = value.year[min(n, len(value.year) - 1)]
    years = [part[:4] for one in others for part in (one.date, one.until) if part[:2] in ("19", "20")]
    return not years or wanted in years


def _in_order(figure: Figure, targets: Sequence[Target], n: int, others: Sequence[Figure]) -> bool:
    """Whether values that follow one another in time do so in the sentence: 17.5, then 0.3."""
    if figure.kind == "date" or len(targets) < 2:
        return True
    for one in others:
        if one.kind != figure.kind or one == figure:
            continue
        for m, target in enumerate(targets):
            if m != n and same_value(one, target) and (m < n) != (one.start < figure.start):
                return False
    return True


def _verdict(claim: ClaimRecord, value: ClaimValue, how: str) -> str:
    if how == "quoted":
        return claim.verdict
    if claim.source.grade not in FIRM:
        return "not-checked"
    return "confirmed-with-limits" if value.limits else "confirmed"


def _any(words: Sequence[str], text: str) -> bool:
    return any(_pattern(word).search(text) for word in words)


@cache
def _pattern(word: str) -> re.Pattern[str]:
    """Latin words from their beginning, short capitals exactly ("US" is not "us"); Japanese anywhere."""
    if not word.isascii():
        return re.compile(re.escape(word))
    short = word.replace(".", "").isupper() and len(word) <= 5
    if short:
        return re.compile(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])")
    return re.compile(rf"(?<![A-Za-z]){re.escape(word)}", re.I)
