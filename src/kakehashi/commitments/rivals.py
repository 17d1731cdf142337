"""Rival maps of the same provisions, side by side, and how far they agree."""

from dataclasses import dataclass

from kakehashi.commitments.catalog import Catalog
from kakehashi.commitments.records import Relationship
from kakehashi.compare import Estimate, cohen_kappa
from kakehashi.errors import NotEstimableError, UnknownNameError, UsageError

#: With fewer pairs that both maps speak of, a coefficient would be a matter of luck.
MIN_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Rival:
    """A pair of provisions with what two maps say of it; ``None`` where one says nothing."""

    source: str
    target: str
    first: Relationship | None
    second: Relationship | None


@dataclass(frozen=True, slots=True)
class MapAgreement:
    """Two maps held against each other.

    Attributes:
        first: Identifier of one map.
        second: Identifier of the other.
        pairs: Every pair that either speaks of, sorted.
        both: Pairs that both speak of.
        same: Pairs of which both say the same.
        kappa: Cohen's kappa over ``both``; ``None`` with fewer than :data:`MIN_PAIRS` or one class only.
    """

    first: str
    second: str
    pairs: tuple[Rival, ...]
    both: int
    same: int
    kappa: Estimate | None


def compare_maps(catalog: Catalog, first: str, second: str, *, rng: int = 0) -> MapAgreement:
    """Hold two maps against each other.

    A line and its inverse are the same statement. Lines inferred through a third text are left out.

    Raises:
        UnknownNameError: A map that is not there.
        UsageError: The same map twice.
    """
    if first == second:
        raise UsageError(f"a map is compared with another one, not {first!r} with itself")
    one, other = (_said(catalog, name) for name in (first, second))
    pairs = tuple(
        Rival(source, target, one.get((source, target)), other.get((source, target)))
        for source, target in sorted({*one, *other})
    )
    both = [pair for pair in pairs if pair.first is not None and pair.second is not None]
    kappa = None
    if len(both) >= MIN_PAIRS:
        try:
            kappa = cohen_kappa([p.first for p in both], [p.second for p in both], rng=rng)
        except NotEstimableError:
            kappa = None
    return MapAgreement(first, second, pairs, len(both), sum(p.first is p.second for p in both), kappa)


def _said(catalog: Catalog, name: str) -> dict[tuple[str, str], Relationship]:
    if name not in catalog.crosswalks:
        raise UnknownNameError("map", name, sorted(catalog.crosswalks))
    found = {}
    for line in catalog.crosswalks[name].relations:
        if line.derived:
            continue
        for target in line.targets:
            ends = sorted((line.source, target))
            turned = ends[0] != line.source
            found[ends[0], ends[1]] = line.relationship.inverse if turned else line.relationship
    return found
