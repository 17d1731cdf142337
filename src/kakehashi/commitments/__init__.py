"""Instruments that governments and companies have adopted, and how their provisions relate."""

from kakehashi.commitments.catalog import Catalog, load_catalog, read_catalog
from kakehashi.commitments.check import Finding, check_catalog, sound_catalog
from kakehashi.commitments.ciso import ciso_files, ciso_framework, ciso_mapping
from kakehashi.commitments.clocks import ClockRule, Deadline, deadline
from kakehashi.commitments.convergence import Moment, convergence
from kakehashi.commitments.coverage import Coverage, evidence_coverage, finite_share
from kakehashi.commitments.drafts import Draft, draft_form, draft_plain
from kakehashi.commitments.evidence import (
    Evidence,
    EvidenceBook,
    EvidenceLink,
    Reply,
    read_evidence,
    state_of,
)
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
from kakehashi.commitments.signatories import Organization, SignatoryList, Signature
from kakehashi.commitments.table import Cell, CommitmentTable, Link, Row, Step, compare_instruments

__all__ = [
    "Absence",
    "Catalog",
    "Cell",
    "ClockRule",
    "CommitmentTable",
    "Coverage",
    "Crosswalk",
    "Deadline",
    "Draft",
    "Evidence",
    "EvidenceBook",
    "EvidenceLink",
    "Extent",
    "Finding",
    "Instrument",
    "Link",
    "MapAgreement",
    "Moment",
    "Organization",
    "Provision",
    "Reading",
    "Relation",
    "Relationship",
    "Reply",
    "Row",
    "SignatoryList",
    "Signature",
    "Step",
    "as_plain",
    "check_catalog",
    "ciso_files",
    "ciso_framework",
    "ciso_mapping",
    "compare_instruments",
    "compare_maps",
    "convergence",
    "deadline",
    "draft_form",
    "draft_plain",
    "evidence_coverage",
    "finite_share",
    "instrument_plain",
    "load_catalog",
    "oscal_catalog",
    "oscal_files",
    "oscal_mapping",
    "oscal_profile",
    "read_catalog",
    "read_evidence",
    "relation_csv",
    "sound_catalog",
    "state_of",
    "table_plain",
]
