"""Simulated coverage by cell of a grid of truths: what is asserted, and what is said when it fails."""

from collections.abc import Hashable

import numpy as np
from reference.coverage import Recorder, report_coverage


class Coverage:
    """Hits of nominal 95% intervals by cell; each entry is the share of one simulation's intervals that hit."""

    def __init__(self) -> None:
        self.cells: dict[Hashable, list[float]] = {}

    def add(self, cell: Hashable, low: object, truth: object, high: object) -> None:
        inside = (np.asarray(low) <= np.asarray(truth)) & (np.asarray(truth) <= np.asarray(high))
        self.cells.setdefault(cell, []).append(float(np.mean(inside)))

    def extend(self, cell: Hashable, low: np.ndarray, truth: np.ndarray, high: np.ndarray) -> None:
        """Many simulations at once: the first axis counts them."""
        inside = (low <= truth) & (truth <= high)
        self.cells.setdefault(cell, []).extend(inside.reshape(len(inside), -1).mean(axis=1).tolist())

    def mean(self) -> float:
        return float(np.mean([np.mean(hits) for hits in self.cells.values()]))

    def __str__(self) -> str:
        """Every cell with its Monte Carlo error, and the worst one."""
        lines = []
        for cell, hits in self.cells.items():
            error = np.std(hits) / np.sqrt(len(hits))
            lines.append(f"{cell}: {np.mean(hits):.3f} +- {error:.3f} ({len(hits)} simulations)")
        worst = min(self.cells, key=lambda c: np.mean(self.cells[c]))
        lines.append(f"mean {self.mean():.3f}; worst {worst}: {np.mean(self.cells[worst]):.3f}")
        return "\n".join(lines)

    def report(self, record_property: Recorder, *, of: str = "") -> None:
        """Write the cells where ``make proof`` finds them; the Monte Carlo error is that of the smallest cell."""
        cells = {cell: float(np.mean(hits)) for cell, hits in self.cells.items()}
        report_coverage(record_property, cells, min(map(len, self.cells.values())), of=of)

    def check_approximate(self) -> None:
        print(self)
        assert 0.93 <= self.mean() <= 0.97, str(self)

    def check_bound(self) -> None:
        """A bound covers at least 93% in every cell."""
        print(self)
        assert all(np.mean(hits) >= 0.93 for hits in self.cells.values()), str(self)
