"""Importers: what others' tools wrote, into the ledger."""

from kakehashi.ledger.importers.column_map import (
    ColumnMap,
    ItemMap,
    ScoreColumn,
    columns_from,
    load_columns,
    shipped_maps,
)
from kakehashi.ledger.importers.csv_table import import_csv
from kakehashi.ledger.importers.draft import Draft, Importer, ImportReport, Tally, ingest
from kakehashi.ledger.importers.item_table import import_items
from kakehashi.ledger.importers.many import import_results
from kakehashi.ledger.importers.sources import IMPORTERS, import_path, import_source

__all__ = [
    "IMPORTERS",
    "ColumnMap",
    "Draft",
    "ImportReport",
    "Importer",
    "ItemMap",
    "ScoreColumn",
    "Tally",
    "columns_from",
    "import_csv",
    "import_items",
    "import_path",
    "import_results",
    "import_source",
    "ingest",
    "load_columns",
    "shipped_maps",
]
