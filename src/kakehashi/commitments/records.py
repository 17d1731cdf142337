"""Instruments, their provisions, and what is said of how provisions relate: dated records, never constants in code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Words = Mapping[str, str]
"""Language → text; English and Japanese are always there."""


class Relationship(StrEnum):
    """How a source relates to a target, in the words of OSCAL 1.2's mapping model."""

    EQUAL = "equal-to"
    EQUIVALENT = "equivalent-to"
    SUBSET = "subset-of"
    SUPERSET = "superset-of"
    INTERSECTS = "intersects-with"
    NONE = "no-relationship"

    @property
    def inverse(self) -> "Relationship":
        """The same said from the other side.

        Examples:
            >>> Relationship("subset-of").inverse.value, Relationship("intersects-with").inverse.value
            ('superset-of', 'intersects-with')
        """
        turned = {Relationship.SUBSET: Relationship.SUPERSET, Relationship.SUPERSET: Relationship.SUBSET}
        return turned.get(self, self)


class Extent(StrEnum):
    """How much of a text somebody read."""

    WHOLE = "whole"
    PARTS = "parts"
    SUMMARY = "summary"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: file and line, counted from 1, and the lines of its keys."""

    path: str
    line: int
    keys: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)

    def of(self, key: str) -> "Place":
        """Where a key of the record stands."""
        return Place(self.path, self.keys.get(key, self.line))


@dataclass(frozen=True, slots=True)
class Reading:
    """Who read how much of an instrument, as recorded on a date."""

    extent: Extent
    by: str
    date: str
    note: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provision:
    """One clause, action, measure or perspective.

    Attributes:
        id: Unique over all instruments.
        instrument: Identifier of its instrument.
        num: Number as the instrument writes it.
        title: Our own words for it.
        summary: Our own summary; empty where only a title is carried.
        topics: Topics by which it is found; two provisions of one topic are not related by that alone.
        heading: Whether it only gathers the provisions that follow it, which are compared in its place.
        verified: Whether title and summary were held against the instrument's text or two agreeing restatements.
        place: Where it is written.
        under: Identifier of the heading that it stands under; ``""`` where there is none.
    """

    id: str
    instrument: str
    num: str
    title: Words
    summary: Words
    topics: tuple[str, ...]
    heading: bool
    verified: bool
    place: Place
    under: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that holds of an instrument from a date on."""

    date: str
    words: Words


@dataclass(frozen=True, slots=True)
class Instrument:
    """A text that governments, companies or standard bodies have adopted.

    Attributes:
        id: Short name, such as ``"hiroshima-code"``.
        title: Its full title.
        short: A title short enough for a column, always with the issuer.
        issuer: Who issued it.
        addressees: ``governments``, ``companies`` or ``all-actors``.
        legal_force: Such as ``voluntary``, ``law``, ``guidance``.
        status: ``in-force``, ``superseded``, ``draft`` or ``proposed``.
        version: Version or date of the text that the provisions are of.
        adopted: Date of adoption, year or year and month where no more is known.
        supersedes: Instruments that it follows.
        source: What the record rests on: title, publisher, date.
        reading: Who read how much of the text.
        licence: What may be done with the words.
        facts: Dated facts.
        provisions: Its provisions in order.
        place: Where it is written.
    """

    id: str
    title: Words
    short: Words
    issuer: Words
    addressees: tuple[str, ...]
    legal_force: str
    status: str
    version: str
    adopted: str
    supersedes: tuple[str, ...]
    source: Mapping[str, str]
    reading: Reading
    licence: Words
    facts: tuple[Fact, ...]
    provisions: tuple[Provision, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Relation:
    """One line of a crosswalk: a source, its targets, the relation and the gap.

    Attributes:
        source: A provision, or an instrument as a whole.
        targets: Provisions or instruments.
        relationship: What holds of source and each target.
        confidence: ``high``, ``medium`` or ``low``.
        gap: What one asks and the other does not, in one line.
        derived: Whether it was inferred through a third text; such a line is a suggestion and never shown as fact.
        map: Identifier of the map.
        place: Where it is written.
        rationale: Why the author says so, where it is said.
    """

    source: str
    targets: tuple[str, ...]
    relationship: Relationship
    confidence: str
    gap: Words
    derived: bool
    map: str
    place: Place
    rationale: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absence:
    """A search for a provision's counterpart in a whole instrument that found none.

    Attributes:
        provision: What was looked for.
        instrument: Where it was looked for.
        version: Version of the text that was searched.
        extent: How much of it was read in the search.
        searched_by: Who searched.
        date: When.
        note: What was found instead.
        map: Identifier of the map.
        place: Where it is written.
    """

    provision: str
    instrument: str
    version: str
    extent: Extent
    searched_by: str
    date: str
    note: Words
    map: str
    place: Place

    @property
    def is_finding(self) -> bool:
        """Whether "no such clause" may be said: only where the whole text was read."""
        return self.extent is Extent.WHOLE


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """A map: who says how provisions relate, when, and in what standing.

    Attributes:
        id: Its name.
        author: Who made it.
        date: When.
        origin: ``own`` or ``official``.
        status: ``draft`` or ``final``.
        relations: Its lines.
        absences: Searches that found nothing.
        place: Where it is written.
    """

    id: str
    author: str
    date: str
    origin: str
    status: str
    relations: tuple[Relation, ...]
    absences: tuple[Absence, ...]
    place: Place
