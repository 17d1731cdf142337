"""Measures and their values: what is counted, by which rule, from what, as of when."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kakehashi.model import Interval

Words = Mapping[str, str]
"""Language → text; English and Japanese are always there."""

UNITS = ("count", "percent", "points", "months", "days")


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured.

    Attributes:
        id: Short name.
        family: Siblings share it: measures that mean the same thing by different rules.
        title: Its name.
        formula: How it is computed.
        unit: One of :data:`UNITS`; percent is stored as such (56.4, not 0.564).
        inputs: Kinds of data sets that it is computed from.
        caveat: What must be read with it.
        why_empty: Why it has no value where no input is there.
    """

    id: str
    family: str
    title: Words
    formula: Words
    unit: str
    inputs: tuple[str, ...]
    caveat: Words
    why_empty: Words


@dataclass(frozen=True, slots=True)
class MeasureValue:
    """One value of a measure.

    Attributes:
        measure: Identifier of the measure.
        value: In the measure's unit; ``None`` where it cannot be said (``reason``).
        as_of: The period or day that it holds for.
        vintage: Edition or day of the data behind it.
        source: How to cite it.
        licence: Licence of the data behind it.
        interval: Where one is estimated or stated.
        n: Number of cases behind it, where there is one.
        facets: What it is about: country, year, rule, benchmark.
        newer: A newer edition that is known, ``""`` where none is.
        reason: Why there is no value, or what else must be known.
    """

    measure: str
    value: float | None
    as_of: str
    vintage: str
    source: str
    licence: str
    interval: Interval | None = None
    n: int | None = None
    facets: Mapping[str, str] = field(default_factory=dict)
    newer: str = ""
    reason: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeasureSheet:
    """A measure with everything that a page needs.

    Attributes:
        measure: The measure.
        values: Its values in the order of time.
        siblings: Identifiers of the measures that are always shown beside it.
        agreement: How far siblings agree, in words.
        why_empty: Why there is no value; empty where there is one.
    """

    measure: Measure
    values: tuple[MeasureValue, ...]
    siblings: tuple[str, ...]
    agreement: Words
    why_empty: Words
