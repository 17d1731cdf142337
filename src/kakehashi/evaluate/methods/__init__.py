"""Methods: suites and published benchmarks behind one interface."""

from kakehashi.evaluate.methods.base import NOT_PULLED, Credit, Method, Scored, Scorer, Selection
from kakehashi.evaluate.methods.own import OwnMethod, make_method, write_method
from kakehashi.evaluate.methods.registry import get_method, method_names

__all__ = [
    "NOT_PULLED",
    "Credit",
    "Method",
    "OwnMethod",
    "Scored",
    "Scorer",
    "Selection",
    "get_method",
    "make_method",
    "method_names",
    "write_method",
]
