"""A number that a method gave, with its uncertainty."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kakehashi.model.provenance import Provenance


class Polarity(StrEnum):
    """Which direction of a number is the better one for safety or usefulness."""

    HIGHER = "higher-is-better"
    LOWER = "lower-is-better"
    NONE = "no-direction"


@dataclass(frozen=True, slots=True)
class Interval:
    """A range for an estimated number.

    Attributes:
        low: Lower end, in the unit of the estimate.
        high: Upper end.
        confidence_level: Nominal coverage, such as 0.95.
        method: How it was made: ``"wilson"``, ``"cluster-bootstrap"``, ``"stated"``, …
    """

    low: float
    high: float
    confidence_level: float
    method: str


@dataclass(frozen=True, slots=True)
class Measure:
    """What a number stands for: one column that methods and subjects can be compared on.

    Attributes:
        id: ``"<method>:<name>"``, such as ``"kakehashi/core:safe-handling-rate"``.
        construct: What is meant to be measured, a key of :data:`kakehashi.model.constructs.CONSTRUCTS`.
        polarity: Which direction is better.
        unit: ``"proportion"``, ``"score"``, ``"count"``, …
        low: Least possible value, or ``None`` where there is none.
        high: Greatest possible value, or ``None`` where there is none.
    """

    id: str
    construct: str
    polarity: Polarity
    unit: str = "proportion"
    low: float | None = 0.0
    high: float | None = 1.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number given to a subject by a method.

    Attributes:
        subject: Name of the system that was measured.
        measure: What the number stands for.
        value: The estimate, or ``None`` where it cannot be estimated (``reason`` says why).
        provenance: Source, method, version, dates.
        n: Number of items behind it, or ``None`` where unknown.
        k: Number of successes, for a proportion of counted items.
        std_error: Standard error, where known.
        interval: Interval, or ``None`` where unknown. Unknown is never zero.
        facets: The part it is about: ``{"category": "violence", "language": "en"}``; empty for the whole.
        counts: Items by outcome, the ones left out of ``n`` included (``{"incoherent": 3, "error": 1}``).
        reason: Why ``value`` is ``None``, or another thing that the reader must know.
    """

    subject: str
    measure: Measure
    value: float | None
    provenance: Provenance
    n: int | None = None
    k: float | None = None
    std_error: float | None = None
    interval: Interval | None = None
    facets: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
