"""Scores that somebody reported, and what is known of the models: developer, country, date, weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import isinf, isnan, nan

import numpy as np

from kakehashi.compare.resampling import FloatArray
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError


@dataclass(frozen=True, slots=True)
class ReportedScore:
    """One score of one model by one method, and who published it.

    Attributes:
        model: Name of the model.
        method: Name of the method.
        value: The score; NaN is missing.
        publisher: Who published it, ``""`` where not stated.
        std_error: Its standard error; NaN is unknown, which is never zero.
        row: Where it stands in its file, from 1.
    """

    model: str
    method: str
    value: float
    publisher: str = ""
    std_error: float = nan
    row: int | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a dated record says of one model.

    Attributes:
        model: Name of the model.
        developers: Organisations, in the order in which the record names them.
        countries: Countries or regions of the developers, in that order.
        release_date: When it was released, or ``None``.
        weights: ``"open"``, ``"closed"`` or ``"unknown"``.
        endpoint: How it was reached (``"API"``, ``"local"``), ``""`` where not stated.
    """

    model: str
    developers: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    release_date: date | None = None
    weights: str = "unknown"
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class FactsRecord:
    """A dated record of facts about models.

    Attributes:
        models: Model → its facts.
        source: Where they come from.
        as_of: The date on which they held, ISO 8601.

    Raises:
        InputError: No source, or no date.
    """

    models: Mapping[str, ModelFacts]
    source: str
    as_of: str

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise InputError("the record of developers and countries names no source", hint="Say its source.")
        try:
            date.fromisoformat(self.as_of)
        except ValueError:
            raise InputError(
                f"the record of developers and countries has no date, but {self.as_of!r}",
                hint="Say on which day it held: --as-of 2026-05-02",
            ) from None

    def of(self, model: str) -> ModelFacts:
        """The facts of a model; all unknown where the record does not name it."""
        return self.models.get(model, ModelFacts(model))


@dataclass(frozen=True, slots=True)
class MethodScores:
    """The scores by one method, one for each model.

    Attributes:
        method: Name of the method.
        models: Names.
        values: Scores, turned so that higher is better.
        std_error: Standard errors; NaN is unknown.
        higher_is_better: The direction before turning.
        n_missing: Rows without a number.
        n_merged: Models with several publishers, of which the rule in ``choice`` chose.
        choice: That rule.
    """

    method: str
    models: tuple[str, ...]
    values: FloatArray
    std_error: FloatArray
    higher_is_better: bool
    n_missing: int = 0
    n_merged: int = 0
    choice: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)


def checked(scores: Iterable[ReportedScore]) -> tuple[ReportedScore, ...]:
    """The scores that are numbers, each once.

    Raises:
        InputError: Infinity, an empty name, a negative standard error, or one publisher with two different
            values for one cell.
        NotEstimableError: No number at all.
    """
    seen: dict[tuple[str, str, str], ReportedScore] = {}
    for one in scores:
        if not one.model.strip() or not one.method.strip():
            raise InputError("a score without the name of its model or method", row=one.row)
        if isinf(one.value) or isinf(one.std_error):
            raise InputError(
                f"the score of {one.model!r} by {one.method!r} is infinite",
                row=one.row,
                hint="Leave a missing value empty.",
            )
        if one.std_error < 0:
            raise InputError(
                f"the standard error of {one.model!r} by {one.method!r} is negative", row=one.row
            )
        if isnan(one.value):
            continue
        key = (one.model, one.method, one.publisher)
        before = seen.get(key)
        if before is not None and before.value != one.value:
            raise InputError(
                f"{one.model!r} has two scores by {one.method!r}"
                + (f" from {one.publisher!r}" if one.publisher else "")
                + f": {before.value:g} and {one.value:g}",
                row=one.row,
                hint="Keep one, or name the versions differently.",
            )
        seen.setdefault(key, one)
    if not seen:
        raise NotEstimableError("there is no score", diagnostic="no-values", hint="Give at least one number.")
    return tuple(seen.values())


def method_names(scores: Iterable[ReportedScore]) -> tuple[str, ...]:
    """Methods in the order of their first score."""
    return tuple(dict.fromkeys(one.method for one in scores))


def by_method(scores: Sequence[ReportedScore], method: str, *, higher_is_better: bool = True) -> MethodScores:
    """One score a model by one method; of several publishers' scores the mean, and the result counts them.

    Args:
        scores: Reported scores.
        method: Which method.
        higher_is_better: Its direction.

    Raises:
        UnknownNameError: No such method.
    """
    known = method_names(scores)
    if method not in known:
        raise UnknownNameError("method", method, known)
    good = checked([one for one in scores if one.method == method])
    cells: dict[str, list[ReportedScore]] = {}
    for one in good:
        cells.setdefault(one.model, []).append(one)
    values = np.array([np.mean([one.value for one in cell]) for cell in cells.values()])
    errors = np.array(
        [np.sqrt(np.sum([one.std_error**2 for one in cell])) / len(cell) for cell in cells.values()]
    )
    return MethodScores(
        method=method,
        models=tuple(cells),
        values=values if higher_is_better else -values,
        std_error=errors,
        higher_is_better=higher_is_better,
        n_missing=sum(1 for one in scores if one.method == method and isnan(one.value)),
        n_merged=sum(len(cell) > 1 for cell in cells.values()),
        choice="mean of the publishers",
    )
