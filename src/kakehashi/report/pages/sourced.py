"""No number without its source: one pass over what a page is made of, after its parts have cited their own."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace

from kakehashi.report.document import (
    Anchored,
    Block,
    Bullets,
    Figure,
    Linked,
    Listed,
    Number,
    Paragraph,
    Piece,
    Say,
    Section,
    Span,
    Table,
)


def sourced(piece: Piece, to: str) -> Piece:
    """The piece, in which every number that leads nowhere yet leads to ``to``.

    Labels stay as they are: they name something and measure nothing.

    Args:
        piece: Any piece.
        to: An anchor or a section, such as ``"source-S1"``; ``""`` leaves the piece alone.

    Examples:
        >>> found = sourced(Listed((Number(3), Linked(Number(4), "own"), Number(1, "label"))), "source-S1")
        >>> [getattr(one, "to", "") for one in found.pieces]
        ['source-S1', 'own', '']
    """
    match piece:
        case Number(style="label") | Linked():
            return piece
        case Number() | Span():
            return Linked(piece, to) if to else piece
        case Say():
            return Say(piece.key, {name: sourced(part, to) for name, part in piece.parts.items()})
        case Listed():
            return replace(piece, pieces=tuple(sourced(part, to) for part in piece.pieces))
        case Anchored():
            return replace(piece, piece=sourced(piece.piece, to))
    return piece


def counted(number: int, section: str) -> Piece:
    """How many rows a section has, which leads there; a section without rows is not on the page."""
    return Linked(Number(number), section) if number else Number(number)


def sourced_row(row: tuple[Piece, ...], to: str) -> tuple[Piece, ...]:
    """A row of a table; see :func:`sourced`."""
    return tuple(sourced(cell, to) for cell in row)


def sourced_table(table: Table, to: str) -> Table:
    """A table with caption and notes; see :func:`sourced`. Heads of columns are names."""
    return replace(
        table,
        caption=sourced(table.caption, to),
        rows=tuple(sourced_row(row, to) for row in table.rows),
        notes=tuple(sourced(note, to) for note in table.notes),
    )


def sourced_block(block: Block, to: str) -> Block:
    """A block; see :func:`sourced`. The words for those who cannot see a figure are plain text and lead nowhere."""
    match block:
        case Paragraph():
            return replace(block, text=sourced(block.text, to))
        case Bullets():
            return replace(block, items=tuple(sourced(item, to) for item in block.items))
        case Table():
            return sourced_table(block, to)
        case Figure():
            return replace(block, caption=sourced(block.caption, to), table=sourced_table(block.table, to))


def sourced_section(section: Section, to: str) -> Section:
    """A section with those in it; see :func:`sourced`."""
    return replace(
        section,
        blocks=tuple(sourced_block(block, to) for block in section.blocks),
        sections=tuple(sourced_section(inner, to) for inner in section.sections),
    )


def links_of(value: object) -> set[str]:
    """Where the pieces in something lead to.

    Examples:
        >>> sorted(links_of([Linked(Number(1), "x"), (Number(2), Linked(Linked(Number(3), "y"), "z"))]))
        ['x', 'y', 'z']
    """
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Linked):
            found.add(one.to)
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif is_dataclass(one) and not isinstance(one, type):
            waiting += [getattr(one, field.name) for field in fields(one)]
    return found
