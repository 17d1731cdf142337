"""Seeded, stratified choice of units, so that a small run is a fair picture of the whole."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Unit = TypeVar("Unit")


def stratified(
    units: Iterable[Unit],
    limit: int | None,
    seed: int,
    *,
    stratum: Callable[[Unit], str],
    key: Callable[[Unit], str],
) -> list[Unit]:
    """Choose at most ``limit`` units, as evenly over the strata as their number allows.

    Within a stratum the order is that of a hash of seed and key, so the choice does not depend on the order
    or the number of the other units, a larger limit only adds units, and the same seed chooses the same.

    Args:
        units: What is chosen from; a unit that belongs together (a pair of twins) is one unit.
        limit: Most units to choose, or ``None`` for all.
        seed: Seed of the choice.
        stratum: Stratum of a unit.
        key: Stable unique name of a unit.

    Returns:
        The chosen units in their original order.

    Examples:
        >>> stratified(["a1", "a2", "b1", "b2"], 2, 0, stratum=lambda u: u[0], key=str)
        ['a1', 'b2']
    """
    everything: Sequence[Unit] = list(units)
    if limit is None or limit >= len(everything):
        return list(everything)
    strata: dict[str, list[tuple[bytes, int]]] = defaultdict(list)
    for position, unit in enumerate(everything):
        digest = hashlib.sha256(f"{seed}\x1f{key(unit)}".encode()).digest()
        strata[stratum(unit)].append((digest, position))
    queues = [sorted(strata[name]) for name in sorted(strata)]
    chosen: list[int] = []
    depth = 0
    while len(chosen) < limit:
        layer = [queue[depth] for queue in queues if depth < len(queue)]
        room = limit - len(chosen)
        # Where a layer does not fit whole, the hash decides which strata get the extra unit.
        chosen.extend(position for _, position in (layer if len(layer) <= room else sorted(layer)[:room]))
        depth += 1
    return [everything[position] for position in sorted(chosen)]
