"""Instruments side by side, clause by clause: what all ask, what some ask, what nobody has checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.records import Absence, Instrument, Provision, Relation, Relationship, Words
from kakehashi.errors import UnknownNameError, UsageError

Standing = Literal["own", "related", "absent", "not-checked"]


@dataclass(frozen=True, slots=True)
class Link:
    """A relation as it stands in a cell: the row's provision to one of the cell's.

    Attributes:
        provision: Identifier of the counterpart, or of the instrument as a whole.
        relationship: What holds of the row's provision and the counterpart, in this direction.
        confidence: ``high``, ``medium`` or ``low``.
        gap: What one asks and the other does not.
        map: The map that says so.
        verified: Whether both provisions were held against texts; else the gap rests on a summary.
        rationale: Why the author says so, where it is said.
    """

    provision: str
    relationship: Relationship
    confidence: str
    gap: Words
    map: str
    verified: bool
    rationale: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one instrument has beside a row's provision.

    Attributes:
        instrument: Identifier of the instrument.
        standing: ``own`` (the row is its provision), ``related``, ``absent`` (all of its version was read and has none)
            or ``not-checked``.
        links: The relations, where it is related.
        absence: The search, where one is recorded, also one that is no finding.
    """

    instrument: str
    standing: Standing
    links: tuple[Link, ...] = ()
    absence: Absence | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A provision and its counterparts.

    Attributes:
        provision: The provision that the row is about.
        cells: One for each instrument, in the order asked for.
    """

    provision: Provision
    cells: tuple[Cell, ...]

    @property
    def asked_by(self) -> tuple[str, ...]:
        """Instruments that have it or something related to it, by a line that somebody read."""
        return tuple(cell.instrument for cell in self.cells if cell.standing in ("own", "related"))

    @property
    def is_common(self) -> bool:
        """Whether every instrument has it or something related to it."""
        return len(self.asked_by) == len(self.cells)


@dataclass(frozen=True, slots=True)
class Step:
    """What an instrument's successor adds beside a row's provision.

    Attributes:
        older: The instrument compared.
        newer: Its successor.
        provision: The row's provision.
        link: Relation of the row's provision to one of the successor's.
        was: Standing of the older instrument there.
    """

    older: str
    newer: str
    provision: str
    link: Link
    was: Standing


@dataclass(frozen=True, slots=True)
class CommitmentTable:
    """Instruments compared.

    Attributes:
        instruments: The instruments in the order asked for.
        rows: One row for each provision of the first, then for each provision of the others of which something is left
            to say (headings have none).
        steps: What successors add: convergence over time.
        maps: Identifiers of the maps used.
        settings: What was asked for.
    """

    instruments: tuple[Instrument, ...]
    rows: tuple[Row, ...]
    steps: tuple[Step, ...]
    maps: tuple[str, ...]
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def common(self) -> tuple[Row, ...]:
        """What all ask."""
        return tuple(row for row in self.rows if row.is_common)

    @property
    def partial(self) -> tuple[Row, ...]:
        """What more than one asks, but not all."""
        return tuple(row for row in self.rows if 1 < len(row.asked_by) < len(self.instruments))

    @property
    def single(self) -> tuple[Row, ...]:
        """What one asks, with no relation recorded to any other: a matter of the maps as much as of the texts."""
        return tuple(row for row in self.rows if len(row.asked_by) == 1)


def compare_instruments(
    catalog: Catalog, names: Sequence[str], *, maps: Sequence[str] = ()
) -> CommitmentTable:
    """Put instruments side by side.

    Only lines that name both provisions count: that two provisions relate to one third says nothing of the two.
    An empty cell is ``not-checked`` unless a search of the whole text is on record.

    Args:
        catalog: What is known.
        names: Instruments, at least two; the first gives the order of the rows.
        maps: Maps to use; all by default.

    Raises:
        UnknownNameError: An instrument or map that is not there.
        UsageError: Fewer than two instruments, or one twice.
    """
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"two or more instruments are compared, each once, not {len(names)}",
            hint="Say: kakehashi commitments compare hiroshima-code frontier-commitments",
        )
    chosen = tuple(catalog.instrument(name) for name in names)
    used = _maps(catalog, maps)
    links = links_between(catalog, used)
    absences = {(a.provision, a.instrument): a for a in catalog.absences if a.map in used}
    rows: list[Row] = []
    owning: set[str] = set()
    for instrument in chosen:
        for provision in instrument.provisions:
            if provision.heading:
                continue
            cells = tuple(_cell(catalog, provision, other.id, links, absences) for other in chosen)
            partners = {link.provision for cell in cells for link in cell.links}
            if partners and partners <= owning:  # all that is said of it stands in rows above
                continue
            rows.append(Row(provision, cells))
            owning.add(provision.id)
    return CommitmentTable(
        instruments=chosen,
        rows=tuple(rows),
        steps=tuple(_steps(catalog, chosen, rows, links)),
        maps=tuple(used),
        settings={"instruments": list(names), "maps": list(used)},
    )


def _maps(catalog: Catalog, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in catalog.crosswalks:
            raise UnknownNameError("map", name, sorted(catalog.crosswalks))
    return tuple(dict.fromkeys(names)) or tuple(catalog.crosswalks)


def links_between(catalog: Catalog, used: Sequence[str]) -> dict[str, list[Link]]:
    """What each provision (or instrument) relates to, both directions, without lines inferred through a third."""
    found: dict[str, list[Link]] = {}
    for line in catalog.relations:
        if line.map not in used or line.derived or line.relationship is Relationship.NONE:
            continue
        for target in line.targets:
            checked = _is_verified(catalog, line, target)
            made = (line.confidence, line.gap, line.map, checked, line.rationale)
            found.setdefault(line.source, []).append(Link(target, line.relationship, *made))
            found.setdefault(target, []).append(Link(line.source, line.relationship.inverse, *made))
    return found


def _is_verified(catalog: Catalog, line: Relation, target: str) -> bool:
    ends = (catalog.provision(line.source), catalog.provision(target))
    return all(end is None or end.verified for end in ends)


def _cell(
    catalog: Catalog,
    provision: Provision,
    instrument: str,
    links: dict[str, list[Link]],
    absences: dict[tuple[str, str], Absence],
) -> Cell:
    if provision.instrument == instrument:
        return Cell(instrument, "own")
    mine = tuple(link for link in links.get(provision.id, []) if catalog.owner(link.provision) == instrument)
    if mine:
        return Cell(instrument, "related", mine)
    absence = absences.get((provision.id, instrument))
    if absence is not None and catalog.is_absent(absence):
        return Cell(instrument, "absent", absence=absence)
    return Cell(instrument, "not-checked", absence=absence)


def _steps(
    catalog: Catalog, chosen: Sequence[Instrument], rows: Sequence[Row], links: dict[str, list[Link]]
) -> list[Step]:
    found = []
    for newer in catalog.instruments.values():
        for older in chosen:
            if older.id not in newer.supersedes or newer in chosen:
                continue
            for row in rows:
                was = next(cell.standing for cell in row.cells if cell.instrument == older.id)
                found += [
                    Step(older.id, newer.id, row.provision.id, link, was)
                    for link in links.get(row.provision.id, [])
                    if catalog.owner(link.provision) == newer.id
                ]
    return found
