"""What a simulation of intervals says: mean coverage, the worst cell, and how sure the simulation is."""

import math
from collections.abc import Callable, Mapping
from typing import Any

#: pytest's ``record_property``.
Recorder = Callable[[str, object], None]


def report_coverage(
    record_property: Recorder, cells: Mapping[Any, float], simulations: int, *, of: str = ""
) -> float:
    """Write mean, worst and every cell's coverage where ``make proof`` finds them, and return the mean.

    Args:
        record_property: pytest's fixture.
        cells: Truth → share of simulations whose interval held it.
        simulations: Simulations of each cell.
        of: What is covered, where a test reports several things.
    """
    mean = sum(cells.values()) / len(cells)
    worst = min(cells, key=lambda cell: cells[cell])
    error = math.sqrt(max(mean * (1 - mean), 1e-12) / simulations)
    head = f"{of}: " if of else ""
    record_property("cells", head + "; ".join(f"{cell} {share:.1%}" for cell, share in cells.items()))
    record_property(
        "coverage",
        f"{head}mean {mean:.1%} over {len(cells)} cells; worst {cells[worst]:.1%} at {worst}; "
        f"Monte Carlo error of one cell {error:.2%}, {simulations} simulations each",
    )
    return mean
