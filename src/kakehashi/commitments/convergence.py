"""Convergence over time: how many provisions had counterparts as instruments were adopted and superseded."""

from collections.abc import Sequence
from dataclasses import dataclass

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.records import Instrument
from kakehashi.commitments.table import CommitmentTable, Link, links_between


@dataclass(frozen=True, slots=True)
class Moment:
    """The state on the day on which an instrument was adopted.

    Attributes:
        date: The date, as far as it is known.
        adopted: Identifier of the instrument adopted then.
        supersedes: Identifiers of those chosen or their successors that it follows.
        standing: For each line of succession the latest instrument by then.
        rows: Provisions of the compared instruments that existed by then.
        common: Of them, those with something related in every line that had begun.
        partial: Those with something related in more than one line, but not all.
        carried: Relations that rest on an instrument superseded by then and that nobody has checked in its successor.
    """

    date: str
    adopted: str
    supersedes: tuple[str, ...]
    standing: tuple[str, ...]
    rows: int
    common: int
    partial: int
    carried: int


def convergence(catalog: Catalog, table: CommitmentTable) -> tuple[Moment, ...]:
    """The course of a comparison over the dates on which its instruments and their successors were adopted.

    A line of succession is an instrument with those it follows and those that follow it. A relation to a superseded
    text still counts, since the catalog may hold only what its successor adds, and is counted as carried: whether the
    successor keeps it is not checked. Dates known to the year or month stand where their text sorts.

    Args:
        catalog: What is known.
        table: A comparison; its rows and maps are used.
    """
    lines = _lines(catalog, table)
    links = links_between(catalog, table.maps)
    members = {name for line in lines for name in line}
    order = sorted(members, key=lambda name: (catalog.instruments[name].adopted, name))
    return tuple(
        _moment(catalog, table, lines, links, name, set(order[: i + 1])) for i, name in enumerate(order)
    )


def _lines(catalog: Catalog, table: CommitmentTable) -> list[tuple[str, ...]]:
    """Each chosen instrument with all that it follows and that follow it; one line where two chosen share one."""
    found: list[set[str]] = []
    for chosen in table.instruments:
        line = {chosen.id}
        grown = True
        while grown:
            more = {
                other.id
                for other in catalog.instruments.values()
                if other.id not in line
                and (set(other.supersedes) & line or _followed_by(catalog, other, line))
            }
            line |= more
            grown = bool(more)
        same = next((each for each in found if each & line), None)
        if same is None:
            found.append(line)
        else:
            same |= line
    return [tuple(sorted(line, key=lambda n: (catalog.instruments[n].adopted, n))) for line in found]


def _followed_by(catalog: Catalog, other: Instrument, line: set[str]) -> bool:
    return any(other.id in catalog.instruments[name].supersedes for name in line)


def _moment(
    catalog: Catalog,
    table: CommitmentTable,
    lines: Sequence[tuple[str, ...]],
    links: dict[str, list[Link]],
    name: str,
    here: set[str],
) -> Moment:
    begun = [line for line in lines if any(one in here for one in line)]
    latest = [next(one for one in reversed(line) if one in here) for line in begun]
    superseded = here - set(latest)
    rows = common = partial = carried = 0
    for row in table.rows:
        if row.provision.instrument not in here:
            continue
        rows += 1
        by_line = []
        for line in begun:
            owners = {
                owner
                for link in links.get(row.provision.id, [])
                if (owner := catalog.owner(link.provision)) in line and owner in here
            }
            own = row.provision.instrument in line
            by_line.append(own or bool(owners))
            carried += bool(owners) and owners <= superseded and not own
        reached = sum(by_line)
        common += len(begun) > 1 and reached == len(begun)
        partial += 1 < reached < len(begun)
    return Moment(
        date=catalog.instruments[name].adopted,
        adopted=name,
        supersedes=tuple(one for one in catalog.instruments[name].supersedes if one in here),
        standing=tuple(latest),
        rows=rows,
        common=common,
        partial=partial,
        carried=carried,
    )
