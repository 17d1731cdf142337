"""Exchange between institutes: STIX 2.1 records, who may see them, a store that loses nothing, TAXII 2.1.

Nothing here loads starlette or aiohttp before a node is served, pulled or pushed.
"""

from kakehashi.exchange.bundles import apply_bundle, make_ack, make_bundle, open_bundle, take_ack
from kakehashi.exchange.client import Exchanged, pull, push
from kakehashi.exchange.formats import FORMATS, source_document, write_as
from kakehashi.exchange.formats.avid import avid_document, avid_objects
from kakehashi.exchange.intake import Intake, take_in
from kakehashi.exchange.markings import Marking, read_marking
from kakehashi.exchange.node import Node
from kakehashi.exchange.partners import Partner, make_card, pin, read_card
from kakehashi.exchange.policy import Caller, Item, Marks, may_see
from kakehashi.exchange.records import extension_of, make, measured, measurement, sharing_marking
from kakehashi.exchange.signing import check_view, minimal_view, sign, verify_signature
from kakehashi.exchange.sql_store import SqlStore
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
    "Partner",
    "Receipt",
    "SqlStore",
    "Store",
    "Token",
    "Tokens",
    "apply_bundle",
    "avid_document",
    "avid_objects",
    "check_view",
    "extension_of",
    "make",
    "make_ack",
    "make_bundle",
    "make_card",
    "may_see",
    "measured",
    "measurement",
    "minimal_view",
    "open_bundle",
    "pin",
    "problems_of",
    "pull",
    "push",
    "read_card",
    "read_marking",
    "sharing_marking",
    "sign",
    "source_document",
    "take_ack",
    "take_in",
    "verify_signature",
    "write_as",
]
