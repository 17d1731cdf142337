"""The append-only store of results: records, item rows, texts, query, verification."""

from kakehashi.ledger.adapters import item_scores, score_table
from kakehashi.ledger.against import Reference, read_reference
from kakehashi.ledger.codec import decode, encode, measurement_from_json, measurement_to_json
from kakehashi.ledger.deposit import Entry
from kakehashi.ledger.eee import export_eee
from kakehashi.ledger.identity import AliasTable, Identity, Suggestion
from kakehashi.ledger.importers import (
    IMPORTERS,
    ColumnMap,
    ImportReport,
    ItemMap,
    ScoreColumn,
    Tally,
    columns_from,
    import_csv,
    import_items,
    import_path,
    import_results,
    load_columns,
    shipped_maps,
)
from kakehashi.ledger.items import ITEM_COLUMNS, OWNER_COLUMNS
from kakehashi.ledger.lint import CODES, LintFinding, Screened, lint, remedy, screen
from kakehashi.ledger.records import KINDS, RECORD_FORMAT, Record, now_utc, record_schema
from kakehashi.ledger.repair import as_imported, repair_record
from kakehashi.ledger.store import Ledger
from kakehashi.ledger.texts import text_hash
from kakehashi.ledger.transfer import MergeResult, copy_ledger, merge_ledger
from kakehashi.ledger.verify import Finding, VerifyReport, verify_ledger
from kakehashi.ledger.visibility import Hidden

__all__ = [
    "CODES",
    "IMPORTERS",
    "ITEM_COLUMNS",
    "KINDS",
    "OWNER_COLUMNS",
    "RECORD_FORMAT",
    "AliasTable",
    "ColumnMap",
    "Entry",
    "Finding",
    "Hidden",
    "Identity",
    "ImportReport",
    "ItemMap",
    "Ledger",
    "LintFinding",
    "MergeResult",
    "Record",
    "Reference",
    "ScoreColumn",
    "Screened",
    "Suggestion",
    "Tally",
    "VerifyReport",
    "as_imported",
    "columns_from",
    "copy_ledger",
    "decode",
    "encode",
    "export_eee",
    "import_csv",
    "import_items",
    "import_path",
    "import_results",
    "item_scores",
    "lint",
    "load_columns",
    "measurement_from_json",
    "measurement_to_json",
    "merge_ledger",
    "now_utc",
    "read_reference",
    "record_schema",
    "remedy",
    "repair_record",
    "score_table",
    "screen",
    "shipped_maps",
    "text_hash",
    "verify_ledger",
]
