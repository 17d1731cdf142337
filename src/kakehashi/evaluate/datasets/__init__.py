"""Upstream data sets: the catalogue, the store of what was pulled, and readers of their formats.

Examples:
    >>> from pathlib import Path
    >>> from kakehashi.evaluate.datasets import DataStore, data_set
    >>> data_set("xstest").licence
    'CC-BY-4.0'
    >>> DataStore(Path("no-such-folder")).is_here("xstest")
    False
"""

from kakehashi.evaluate.datasets.catalogue import (
    DataFile,
    DataForm,
    DataSet,
    PromptColumns,
    data_set,
    data_sets,
    read_catalogue,
)
from kakehashi.evaluate.datasets.fetch import FetchSettings
from kakehashi.evaluate.datasets.pull import (
    Pulled,
    PulledFile,
    form_to_pull,
    licence_lines,
    pull_set,
    set_rows,
    verify_set,
)
from kakehashi.evaluate.datasets.readers import duplicates, read_rows
from kakehashi.evaluate.datasets.repeated import RepeatedRows, repeated_rows, repetitions
from kakehashi.evaluate.datasets.store import DataStore

__all__ = [
    "DataFile",
    "DataForm",
    "DataSet",
    "DataStore",
    "FetchSettings",
    "PromptColumns",
    "Pulled",
    "PulledFile",
    "RepeatedRows",
    "data_set",
    "data_sets",
    "duplicates",
    "form_to_pull",
    "licence_lines",
    "pull_set",
    "read_catalogue",
    "read_rows",
    "repeated_rows",
    "repetitions",
    "set_rows",
    "verify_set",
]
