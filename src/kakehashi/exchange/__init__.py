"""Exchange between institutes: STIX 2.1 records, who may see them, a store that loses nothing, TAXII 2.1.

Nothing here loads starlette or aiohttp before a node is served, pulled or pushed.
"""

from kakehashi.exchange.client import Exchanged, pull, push
from kakehashi.exchange.formats import FORMATS, source_document, write_as
from kakehashi.exchange.formats.avid import avid_document, avid_objects
from kakehashi.exchange.intake import Intake, take_in
from kakehashi.exchange.markings import Marking, read_marking
from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller, Item, Marks, may_see
from kakehashi.exchange.records import extension_of, make, measured, measurement, sharing_marking
from kakehashi.exchange.signing import check_view, minimal_view, sign, verify_signature
from kakehashi.exchange.sqlite import SqliteStore
from kakehashi.exchange.store import Collection, Entry, Filters, Page, Receipt, Store
from kakehashi.exchange.tokens import Token, Tokens
from kakehashi.exchange.validate import problems_of

__all__ = [
    "FORMATS",
    "Caller",
    "Collection",
    "Entry",
    "Exchanged",
    "Filters",
    "Intake",
    "Item",
    "Marking",
    "Marks",
    "Node",
    "Page",
    "Receipt",
    "SqliteStore",
    "Store",
    "Token",
    "Tokens",
    "avid_document",
    "avid_objects",
    "check_view",
    "extension_of",
    "make",
    "may_see",
    "measured",
    "measurement",
    "minimal_view",
    "problems_of",
    "pull",
    "push",
    "read_marking",
    "sharing_marking",
    "sign",
    "source_document",
    "take_in",
    "verify_signature",
    "write_as",
]
