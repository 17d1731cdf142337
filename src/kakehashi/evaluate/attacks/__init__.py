"""Attack techniques on short requests, the fixed cells made of them, and how answers to them are read."""

from kakehashi.evaluate.attacks.cells import Cell, cells_file, choose_cells, load_cells
from kakehashi.evaluate.attacks.extraction import leaked
from kakehashi.evaluate.attacks.near import minhash, shingles, similarity
from kakehashi.evaluate.attacks.reading import is_echo
from kakehashi.evaluate.attacks.registry import TechniqueTable, technique_table, transformations
from kakehashi.evaluate.attacks.technique import Context, Rendered, Technique, Transformation

__all__ = [
    "Cell",
    "Context",
    "Rendered",
    "Technique",
    "TechniqueTable",
    "Transformation",
    "cells_file",
    "choose_cells",
    "is_echo",
    "leaked",
    "load_cells",
    "minhash",
    "shingles",
    "similarity",
    "technique_table",
    "transformations",
]
