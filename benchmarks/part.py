"""What a part of the benchmark is: a module with a name, a way to measure, and rows for the page.

A module in ``benchmarks/parts`` defines ``PART``, and that is all: ``make bench`` finds it. See README.md here.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import parts
from benchmarks.bench import Bench, Results


@dataclass(frozen=True)
class Spread:
    """A figure over its repetitions."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one, which is compared with the bound."""
        return median(self.values)

    @property
    def low(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest."""
        return max(self.values)


@dataclass(frozen=True)
class Bound:
    """What a figure has to keep to: ``at_least``, ``at_most`` or ``under``; none of them where it is only shown."""

    at_least: float | None = None
    at_most: float | None = None
    under: float | None = None

    def is_met(self, value: float) -> bool | None:
        """Whether a value keeps to it; ``None`` where there is no bound."""
        if self == Bound():
            return None
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.under is None or value < self.under)
        )


@dataclass(frozen=True)
class Row:
    """A row of the table of bounds.

    Attributes:
        work: What was measured, in the issue's words.
        unit: Behind the figure, such as ``"× bare aiohttp"``.
        bound: The issue's bound.
        values: One for each repetition; none where it was not measured.
        digits: After the point.
        why_not: Why it was not measured.
        note: Anything that the reader should know.
    """

    work: str
    unit: str
    bound: Bound
    values: Sequence[float]
    digits: int = 2
    why_not: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A further table: the figures behind the ratios."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """A part of the benchmark.

    Attributes:
        name: As in ``make bench BENCH="name …"``.
        order: Place on the page; leave gaps.
        title: Heading.
        about: What is measured and how, for the reader.
        measure: Takes the measurements, each through :meth:`Bench.once`.
        rows: The table of bounds, from what was measured.
        tables: Further tables.
    """

    name: str
    order: int
    title: str
    about: str
    measure: Callable[[Bench], None]
    rows: Callable[[Results], list[Row]]
    tables: Callable[[Results], list[Table]] = lambda _: []


def all_parts() -> list[Part]:
    """Every part, in its order on the page."""
    found = [
        importlib.import_module(f"{parts.__name__}.{module.name}").PART
        for module in pkgutil.iter_modules(parts.__path__)
        if not module.name.startswith("_")
    ]
    return sorted(found, key=lambda part: (part.order, part.name))
