"""Two measures of a run on one system, taken apart."""

from collections import Counter
from typing import Any

import numpy as np

from kakehashi.compare.explain import Explanation, explain
from kakehashi.compare.method_rows import MethodRows
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError
from kakehashi.model import Measure, MethodCard, Polarity
from kakehashi.work.view import RunView

BLANK = ("empty", "blocked")


def find_measure(view: RunView, name: str) -> tuple[MethodCard, Measure]:
    """The card and measure of a measure's id, or of a method's id (then its first measure).

    Raises:
        UnknownNameError: The run has neither.
    """
    for card in view.cards.values():
        if name in (card.id, card.id.split("/")[-1]):
            return card, card.measures[0]
        for measure in card.measures:
            if name in (measure.id, measure.id.split(":")[-1]):
                return card, measure
    known = [measure.id for card in view.cards.values() for measure in card.measures]
    raise UnknownNameError("method or measure", name, known)


def method_rows(view: RunView, name: str, subject: str) -> MethodRows:
    """The rows of one measure on one system, as :func:`~kakehashi.compare.explain.explain` takes them.

    What a label is worth, and an empty or blocked answer, is read from the rows themselves. A measure where
    lower is better is turned (1 minus the credit), so that all point the same way.

    Raises:
        UnknownNameError: No such system, method or measure.
        NotEstimableError: The measure has no rows of this system.
        InputError: One label is worth different amounts, or a credit is no proportion and has to be turned.
    """
    card, measure = find_measure(view, name)
    if "unreviewed" in card.review.values():
        raise NotEstimableError(
            f"{card.id} has language editions that nobody has reviewed, so it is kept out of comparisons",
            diagnostic="unreviewed",
            hint="Have the translations reviewed: kakehashi methods translate import SHEET",
        )
    names = [one.name for one in view.subjects]
    if subject not in names:
        raise UnknownNameError("system", subject, names)
    items = view.items
    chosen = np.flatnonzero((items["measure"] == measure.id) & (items["subject"] == subject))
    if not chosen.size:
        raise NotEstimableError(
            f"no item of {subject!r} counts for {measure.id!r} alone",
            diagnostic="no-items",
            hint="Choose a measure that items count for: kakehashi results show RUN",
        )
    labels = [str(label) for label in items["label"][chosen]]
    scores = items["credit"][chosen].astype(float)
    if measure.polarity is Polarity.LOWER:
        if ((scores < 0) | (scores > 1)).any():
            raise InputError(f"{measure.id!r} is no proportion, so it cannot be turned")
        scores = 1 - scores
    worth: dict[str, float] = {}
    for label, credit in zip(labels, scores.tolist(), strict=True):
        if np.isnan(credit):
            continue
        if worth.setdefault(label, credit) != credit:
            raise InputError(f"{measure.id!r}: the label {label!r} is worth {worth[label]} and {credit}")
    blank = [label in BLANK for label in labels]
    of_blank = {worth[label] for label in BLANK if label in worth}
    if len(of_blank) > 1:
        raise InputError(f"{measure.id!r}: empty and blocked answers are worth different amounts")
    judge = _judge(items, chosen, card)
    return MethodRows(
        name=f"1 - {measure.id}" if measure.polarity is Polarity.LOWER else measure.id,
        construct=measure.construct,
        judge=judge,
        items=[str(sample) for sample in items["sample"][chosen]],
        verdicts={judge: [label if label in worth else None for label in labels]},
        credit={label: credit for label, credit in worth.items() if label not in BLANK},
        blank=blank,
        blank_credit=of_blank.pop() if of_blank else None,
        language=_texts(items, "language", chosen),
        attack=_texts(items, "technique", chosen),
        clusters=[str(c) for c in items["cluster"][chosen]],
    )


def explain_run(view: RunView, first: str, second: str, subject: str, *, rng: int = 0) -> Explanation:
    """How much of the difference of two measures on a system comes from where."""
    return explain(method_rows(view, first, subject), method_rows(view, second, subject), rng=rng)


def _judge(items: Any, chosen: Any, card: MethodCard) -> str:
    if "judge" not in items:
        return card.judge
    found = Counter(str(j) for j in items["judge"][chosen] if j)
    return found.most_common(1)[0][0] if found else card.judge


def _texts(items: Any, name: str, chosen: Any) -> list[str] | None:
    if name not in items:
        return None
    return [str(value) if value is not None else "" for value in items[name][chosen]]
