"""What a simulation of intervals says: mean coverage, the worst cell, and how sure the simulation is."""

import math
from collections.abc import Callable, Mapping
from typing import Any

#: pytest's ``record_property``.
Recorder = Callable[[str, object], None]


def report_coverage(record_property: Recorder, cells: Mapping[Any, float], simulations: int) -> float:
    """Write mean and worst coverage where ``make proof`` finds them, and return the mean.

    Args:
        record_property: pytest's fixture.
        cells: Truth → share of simulations whose interval held it.
        simulations: Simulations of each cell.
    """
    mean = sum(cells.values()) / len(cells)
    worst = min(cells, key=lambda cell: cells[cell])
    error = math.sqrt(max(mean * (1 - mean), 1e-12) / simulations)
    record_property(
        "coverage",
        f"mean {mean:.1%} over {len(cells)} cells; worst {cells[worst]:.1%} at {worst}; "
        f"Monte Carlo error of one cell {error:.2%}, {simulations} simulations each",
    )
    return mean
