"""Instruments that governments and companies have adopted, and how their provisions relate."""

from kakehashi.commitments.catalog import Catalog, load_catalog, read_catalog
from kakehashi.commitments.check import Finding, check_catalog
from kakehashi.commitments.oscal import oscal_catalog, oscal_files, oscal_mapping, oscal_profile
from kakehashi.commitments.plain import as_plain, instrument_plain, table_plain
from kakehashi.commitments.records import (
    Absence,
    Crosswalk,
    Extent,
    Instrument,
    Provision,
    Reading,
    Relation,
    Relationship,
)
from kakehashi.commitments.rivals import MapAgreement, compare_maps
from kakehashi.commitments.rows import relation_csv
from kakehashi.commitments.table import Cell, CommitmentTable, Link, Row, Step, compare_instruments

__all__ = [
    "Absence",
    "Catalog",
    "Cell",
    "CommitmentTable",
    "Crosswalk",
    "Extent",
    "Finding",
    "Instrument",
    "Link",
    "MapAgreement",
    "Provision",
    "Reading",
    "Relation",
    "Relationship",
    "Row",
    "Step",
    "as_plain",
    "check_catalog",
    "compare_instruments",
    "compare_maps",
    "instrument_plain",
    "load_catalog",
    "oscal_catalog",
    "oscal_files",
    "oscal_mapping",
    "oscal_profile",
    "read_catalog",
    "relation_csv",
    "table_plain",
]
