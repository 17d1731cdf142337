"""The fixed cells of technique × item, and the seeded choice among them."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from kakehashi.errors import UsageError
from kakehashi.evaluate.methods.select import stratified

#: The number of pairs of the quick profile of ``kakehashi/core``: a small choice prefers their items.
QUICK_PAIRS = 42


@dataclass(frozen=True, slots=True)
class Cell:
    """One attack: a technique on an item, with the seed that chooses the wording.

    Attributes:
        technique: Technique id.
        item: Item id of ``kakehashi/core``.
        seed: Seed of the wording.
    """

    technique: str
    item: str
    seed: int

    @property
    def id(self) -> str:
        """Unique name, ``"technique/item"``."""
        return f"{self.technique}/{self.item}"

    @property
    def category(self) -> str:
        """Category of the item."""
        return self.item.rsplit("-", 1)[0]


def cells_file() -> bytes:
    """The shipped file, as it is."""
    return (files("kakehashi.evaluate") / "data" / "attacks" / "cells.csv").read_bytes()


@cache
def load_cells() -> tuple[Cell, ...]:
    """The shipped cells in the order of the file."""
    rows = csv.DictReader(cells_file().decode().splitlines())
    return tuple(Cell(row["technique"], row["item"], int(row["seed"])) for row in rows)


def choose_cells(cells: Sequence[Cell], limit: int | None, seed: int, items: Iterable[str]) -> list[Cell]:
    """Choose at most ``limit`` cells, evenly over techniques and then over categories.

    Techniques take turns, in an order that the seed decides, so with as many cells as techniques each has
    exactly one. Each turn takes a cell of a category that has the fewest so far; among these, items that the
    quick selection of ``kakehashi/core`` with the same seed contains come first, since their unattacked
    answers are then there already; then items used least; then a hash decides.
    A larger limit only adds cells.

    Args:
        cells: What is chosen from.
        limit: Most cells, or ``None`` for all.
        seed: Seed of the choice.
        items: Ids of all items of the core suite.

    Returns:
        The chosen cells in their original order.

    Raises:
        UsageError: A negative limit.
    """
    if limit is not None and limit < 0:
        raise UsageError(f"limit {limit} is negative", hint="Leave it out for all cells.")
    if limit is None or limit >= len(cells):
        return list(cells)
    quick = quick_items(items, seed)
    left: dict[str, list[int]] = {}
    for position, cell in enumerate(cells):
        left.setdefault(cell.technique, []).append(position)
    turns = sorted(left, key=lambda technique: _digest(seed, technique))
    by_category: Counter[str] = Counter()
    by_item: Counter[str] = Counter()
    chosen: list[int] = []

    def preference(position: int) -> tuple[int, bool, int, bytes]:
        cell = cells[position]
        return (
            by_category[cell.category],
            cell.item not in quick,
            by_item[cell.item],
            _digest(seed, cell.id),
        )

    while len(chosen) < limit:
        for technique in turns:
            if len(chosen) == limit or not left[technique]:
                continue
            best = min(left[technique], key=preference)
            left[technique].remove(best)
            chosen.append(best)
            by_category[cells[best].category] += 1
            by_item[cells[best].item] += 1
    return [cells[position] for position in sorted(chosen)]


def quick_items(items: Iterable[str], seed: int) -> frozenset[str]:
    """Items that ``kakehashi/core`` chooses for a quick run with this seed."""
    return frozenset(
        stratified(
            items, QUICK_PAIRS, seed, stratum=lambda item: item.rsplit("-", 1)[0], key=lambda item: item
        )
    )


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{name}".encode()).digest()


def balance(cells: Iterable[Cell]) -> Mapping[str, int]:
    """Number of cells by category."""
    return Counter(cell.category for cell in cells)
