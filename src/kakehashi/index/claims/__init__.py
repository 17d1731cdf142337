"""Figures that somebody quoted, held against what the primary source says."""

from kakehashi.index.claims.check import CheckedFigure, ClaimCheck, check_file, check_text
from kakehashi.index.claims.figures import Figure, find_figures
from kakehashi.index.claims.records import ClaimBook, ClaimRecord, read_claims, shipped_claims

__all__ = [
    "CheckedFigure",
    "ClaimBook",
    "ClaimCheck",
    "ClaimRecord",
    "Figure",
    "check_file",
    "check_text",
    "find_figures",
    "read_claims",
    "shipped_claims",
]
