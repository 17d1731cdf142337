"""A run as reports and comparisons see it: what was assessed, by what, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from kakehashi.model import Measurement, MethodCard, Subject


@dataclass(frozen=True, slots=True)
class RunView:
    """A sealed run, read back from the ledger.

    Attributes:
        run: Identifier of the run.
        created: When it was sealed, ISO 8601 in UTC.
        partial: Whether it was sealed before it was complete.
        manifest: What the run was made of: profile, seed, languages, limits, runtime settings, versions.
        subjects: The systems, in the order they were named.
        cards: Method id → card.
        measurements: Headlines have the facet ``language`` alone, parts have more.
        items: Columns of equal length, one row for each subject and sample: ``subject``, ``method``,
            ``sample``, ``cluster``, ``category``, ``kind``, ``language``, ``label``, ``technique``,
            ``guard``, ``status``, ``measure`` (the headline that the item counts for, or ``""``) and
            ``credit`` (NaN where it has no outcome).
        outcome: Counts of the run: ``planned``, ``finished``, ``failed``, ``cached``, ``calls``,
            ``seconds``, ``prompt_tokens``, ``completion_tokens``.
        notes: What the reader must know: parameters that a provider refused, warnings, stopped subjects.
        tree_size: Size of the ledger's log when the run was read.
        root: Root of that log, hexadecimal.
        hidden: Number of retracted or superseded records that the query left out.
    """

    run: str
    created: str
    partial: bool
    manifest: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    cards: Mapping[str, MethodCard]
    measurements: tuple[Measurement, ...]
    items: Mapping[str, NDArray[Any]]
    outcome: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tree_size: int = 0
    root: str = ""
    hidden: int = 0

    def headlines(self) -> tuple[Measurement, ...]:
        """The measurements of whole methods, one for each subject, measure and language."""
        return tuple(m for m in self.measurements if set(m.facets) == {"language"})

    def parts(self, facet: str) -> tuple[Measurement, ...]:
        """The measurements broken down by one facet, such as ``"category"``."""
        return tuple(m for m in self.measurements if set(m.facets) == {"language", facet})
