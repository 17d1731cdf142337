"""Measures (indicators) with their vintages and siblings.

For reports: ``assemble(workspace, as_of)`` gives one :class:`MeasureSheet` for every measure, in the order of the
shipped file. A sheet holds the :class:`Measure` (names, formula, caveat in both languages, unit, family), its
``values`` (:class:`MeasureValue`: value or ``None`` with the reason, interval, as-of date, vintage, licence, source,
facets), ``siblings`` (identifiers that are always shown beside it), ``agreement`` (what ``compare`` says of them, in
both languages) and ``why_empty`` where there is no value at all.
"""

from kakehashi.index.assemble import assemble, load_measures
from kakehashi.index.datasets import DataSet, import_file, read_sets
from kakehashi.index.records import Measure, MeasureSheet, MeasureValue

__all__ = [
    "DataSet",
    "Measure",
    "MeasureSheet",
    "MeasureValue",
    "assemble",
    "import_file",
    "load_measures",
    "read_sets",
]
