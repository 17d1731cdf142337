"""Where a number, a label or a claim comes from."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Provenance:
    """Source, method and dates that every record of Kakehashi carries.

    Attributes:
        source: Who or what produced it: ``"kakehashi/0.1.0"``, a publication, a data set at a commit.
        method: Identifier of the method, such as ``"kakehashi/core"``.
        method_version: Version of the method, such as ``"1.0"``.
        created: When it was measured or said, ISO 8601 in UTC.
        retrieved: When it was read by us, for what others published.
        author: The person or organization that answers for it, where stated.
        run: Identifier of the run that produced it, where there is one.
        citation: How to cite the source, or its address.
        licence: SPDX identifier or words of the source.
        markings: Who may see it: names of handling markings. Empty means not marked.
    """

    source: str
    method: str
    method_version: str
    created: str
    retrieved: str = ""
    author: str = ""
    run: str = ""
    citation: str = ""
    licence: str = ""
    markings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure that somebody quoted, to be held against a source.

    Attributes:
        text: The words in which the figure was quoted.
        value: The figure.
        unit: Its unit in words, such as ``"%"`` or ``"incidents"``.
        as_of: The date that the figure is said to hold for.
        provenance: Who said it and where.
        facets: What the figure is about (country, year, measure).
    """

    text: str
    value: float
    unit: str
    as_of: str
    provenance: Provenance
    facets: Mapping[str, str] = field(default_factory=dict)
