"""What a page is made of, without language: pieces of text, tables, figures, sections.

A page is composed once; every output (HTML in each language, later PDF, spreadsheets) renders the same
document, so all of them hold the same numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Style = Literal[
    "percent",
    "points",
    "signed-points",
    "score",
    "signed-score",
    "coefficient",
    "whole-percent",
    "count",
    "rank",
    "rank-mean",
    "label",
]


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence or word of the message files, with what is to be put into it.

    Attributes:
        key: Key of the message.
        parts: What stands in its placeholders.
    """

    key: str
    parts: Mapping[str, "Piece"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Number:
    """A number, shown in one of a few styles; a proportion is stored as such and shown in percent.

    A ``"label"`` is the number of a row that other rows name it by: it measures nothing and needs no source.
    """

    value: float
    style: Style = "count"


@dataclass(frozen=True, slots=True)
class Span:
    """The two ends of an interval."""

    low: float
    high: float
    style: Style = "percent"


@dataclass(frozen=True, slots=True)
class Date:
    """A date or a time in ISO 8601; a year or a month of one where no more is known."""

    iso: str


@dataclass(frozen=True, slots=True)
class Term:
    """A title that comes with the data in several languages; where ours is missing, English, else any."""

    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Words that are not ours: a name, a user's description. ``language`` where it is known."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """An identifier, a hash, a setting."""

    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Several pieces on end: ``"and"`` joins words, ``"also"`` and ``"semicolon"`` clauses, ``"names"`` names."""

    pieces: Sequence["Piece"]
    join: Literal["also", "and", "comma", "names", "semicolon", "slash", "sentence"] = "and"


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty cell, with the key of the word that says why it is empty."""

    why: str = "blank.none"


@dataclass(frozen=True, slots=True)
class Linked:
    """A piece that leads somewhere: to an :class:`Anchored` piece or a section, or to a web address."""

    piece: "Piece"
    to: str


@dataclass(frozen=True, slots=True)
class Anchored:
    """A piece that others lead to; ``name`` is unique within the document."""

    piece: "Piece"
    name: str


Piece: TypeAlias = Say | Number | Span | Date | Term | Verbatim | Code | Listed | Blank | Linked | Anchored


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column; figures stand to the right."""

    title: Piece
    figures: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        id: Unique within the document.
        caption: What it shows.
        columns: Heads.
        rows: Cells; the first ``heads`` of each row name it.
        heads: Number of naming cells; with two, rows of one first name are grouped.
        notes: What must be read with it.
    """

    id: str
    caption: Piece
    columns: tuple[Column, ...]
    rows: tuple[tuple[Piece, ...], ...]
    heads: int = 1
    notes: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Dot:
    """An estimate with its interval, placed in a plot."""

    row: Piece
    value: float
    low: float | None
    high: float | None
    group: Piece | None = None
    panel: Piece | None = None


@dataclass(frozen=True, slots=True)
class IntervalPlot:
    """Dots with intervals; ``groups`` stand below one another, ``panels`` beside one another."""

    dots: tuple[Dot, ...]
    axis: Piece
    style: Style = "percent"
    zero_line: bool = False


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """Answers of one stated confidence: how sure, how often right, how many."""

    subject: str
    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True, slots=True)
class ReliabilityPlot:
    """Stated confidence against share of right answers, one panel a system."""

    points: tuple[ReliabilityPoint, ...]
    x: Piece
    y: Piece
    size: Piece


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A square of coefficients between -1 and 1; ``None`` is a blank cell."""

    names: tuple[Piece, ...]
    values: tuple[tuple[float | None, ...], ...]
    legend: Piece


@dataclass(frozen=True, slots=True)
class RankRange:
    """The ranks from best to worst that one model can be given."""

    name: str
    best: int
    worst: int


@dataclass(frozen=True, slots=True)
class RankPlot:
    """Ranges of ranks, one bar a model, in the order given."""

    ranges: tuple[RankRange, ...]
    axis: Piece


Plot: TypeAlias = IntervalPlot | ReliabilityPlot | HeatMap | RankPlot


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with its words, and the table that says the same in numbers."""

    id: str
    caption: Piece
    alt: Piece
    plot: Plot
    table: Table


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; ``kind`` decides how it looks, not what it says."""

    text: Piece
    kind: Literal["text", "lead", "note", "warning"] = "text"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; ``ordered`` only where the order carries meaning."""

    items: tuple[Piece, ...]
    ordered: bool = False


Block: TypeAlias = Paragraph | Bullets | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document under a heading."""

    id: str
    title: Piece
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page.

    Attributes:
        title: Its title.
        subtitle: What stands under it: the run and its date.
        independence: The one line that says for whom it does not speak.
        mark: What stands at the foot of every printed page.
        sections: Its parts; the first is the first page.
        tree_size: Size of the ledger's log.
        root: Root of the ledger's log; ``""`` where the document rests on no ledger.
    """

    title: Piece
    subtitle: Piece
    independence: Piece
    mark: Piece
    sections: tuple[Section, ...]
    tree_size: int
    root: str
