"""Offline bundles: one file with what a partner may see, encrypted, signed, with proof that it stands in the log."""

from kakehashi.exchange.bundles.ack import Answer, is_ack, make_ack, take_ack
from kakehashi.exchange.bundles.apply import Applied, Opened, apply_bundle, open_bundle, read_files, stands_of
from kakehashi.exchange.bundles.make import KINDS, Made, make_bundle
from kakehashi.exchange.bundles.parts import split

__all__ = [
    "KINDS",
    "Answer",
    "Applied",
    "Made",
    "Opened",
    "apply_bundle",
    "is_ack",
    "make_ack",
    "make_bundle",
    "open_bundle",
    "read_files",
    "split",
    "stands_of",
    "take_ack",
]
