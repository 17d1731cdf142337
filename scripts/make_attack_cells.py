"""Make ``src/kakehashi/evaluate/data/attacks/cells.csv``: 40 techniques × 25 items, balanced by category.

Every technique gets three items of each of the seven categories, and a fourth of four categories, which four
rotates; so the categories have 142 or 143 cells each. Within a category the items used least so far come
first, and a hash with a fixed seed decides among equals; so each item is used seven or eight times. The seed
of a cell is its place in a shuffled row of 0 to 24: a technique's wordings are used equally often.

The choice depends on the ids of techniques and items only, never on their texts. Near-duplicates are then
looked for in the rendered prompts; where there is one, the file isn't written.

    python scripts/make_attack_cells.py            # write
    python scripts/make_attack_cells.py --check    # compare, exit 1 where the file differs
"""

import csv
import hashlib
import io
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

from kakehashi.evaluate.attacks import Cell, Context, minhash, similarity, technique_table
from kakehashi.evaluate.attacks.near import LIMIT
from kakehashi.evaluate.methods.core import PARTS
from kakehashi.evaluate.methods.suite import load_suite

SEED = 20251
BASE, EXTRA = 3, 4
TARGET = Path(__file__).parents[1] / "src" / "kakehashi" / "evaluate" / "data" / "attacks" / "cells.csv"


def rank(*parts: object) -> bytes:
    """A fixed pseudo-random rank."""
    return hashlib.sha256("\x1f".join(map(str, (SEED, *parts))).encode()).digest()


def make_cells(techniques: list[str], items: dict[str, list[str]]) -> list[Cell]:
    """The cells for these techniques and items by category."""
    categories = list(items)
    used: Counter[str] = Counter()
    cells: list[Cell] = []
    for row, technique in enumerate(techniques):
        extra = {categories[(row * EXTRA + place) % len(categories)] for place in range(EXTRA)}
        chosen: list[str] = []
        for category in categories:
            order = sorted(items[category], key=lambda item: (used[item], rank(technique, item)))
            chosen += sorted(order[: BASE + (category in extra)])
        used.update(chosen)
        seeds = sorted(range(len(chosen)), key=lambda place: rank(technique, "seed", place))
        cells += [Cell(technique, item, seed) for item, seed in zip(chosen, seeds, strict=True)]
    return cells


def write_cells(cells: list[Cell]) -> str:
    """The cells as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["cell", "technique", "item", "seed"])
    writer.writerows([cell.id, cell.technique, cell.item, cell.seed] for cell in cells)
    return out.getvalue()


def near_duplicates(cells: list[Cell], requests: dict[str, str]) -> list[tuple[str, str, float]]:
    """Pairs of cells of one technique whose rendered prompts are estimated above the limit."""
    table = technique_table()
    found = []
    for technique in table.techniques.values():
        signatures = {
            cell.id: minhash(
                technique.render(requests[cell.item], Context(cell.item, cell.category, cell.seed)).text
            )
            for cell in cells
            if cell.technique == technique.id
        }
        for (first, one), (second, other) in combinations(signatures.items(), 2):
            if (value := similarity(one, other)) > LIMIT:
                found.append((first, second, value))
    return found


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    parts, _ = load_suite("core", PARTS)
    items = {part["category"]: [item["id"] for item in part["items"]] for part in parts}
    requests = {item["id"]: item["harmful"]["en"] for part in parts for item in part["items"]}
    cells = make_cells(list(technique_table().techniques), items)
    for first, second, value in (near := near_duplicates(cells, requests)):
        print(f"near-duplicates: {first} and {second} ({value:.2f})", file=sys.stderr)
    if near:
        return 1
    text = write_cells(cells)
    if "--check" in arguments:
        return int(TARGET.read_text() != text)
    TARGET.write_text(text)
    print(f"{len(cells)} cells")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
