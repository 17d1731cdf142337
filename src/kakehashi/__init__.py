"""Kakehashi: an independent workbench for AI safety institutes."""

__version__ = "0.1.0"
