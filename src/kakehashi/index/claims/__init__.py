"""Figures that somebody quoted, held against what the primary source says."""
