"""Measures (indicators) with their vintages and siblings, and the ledger of figures that somebody quoted."""
