"""Exchange between institutes: STIX 2.1 records, who may see them, a store that loses nothing, TAXII 2.1.

Nothing here loads starlette or aiohttp before a node is served, pulled or pushed.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

# Name → module; a module is loaded when its name is first used, so that a node is served without what bundles and
# formats need.
_HOMES = {
    "Caller": "kakehashi.exchange.policy",
    "Collection": "kakehashi.exchange.store",
    "Entry": "kakehashi.exchange.store",
    "Exchanged": "kakehashi.exchange.client",
    "FORMATS": "kakehashi.exchange.formats",
    "Filters": "kakehashi.exchange.store",
    "Intake": "kakehashi.exchange.intake",
    "Item": "kakehashi.exchange.policy",
    "Marking": "kakehashi.exchange.markings",
    "Marks": "kakehashi.exchange.policy",
    "Node": "kakehashi.exchange.node",
    "Page": "kakehashi.exchange.store",
    "Partner": "kakehashi.exchange.partners",
    "Receipt": "kakehashi.exchange.store",
    "SqlStore": "kakehashi.exchange.sql_store",
    "Store": "kakehashi.exchange.store",
    "Token": "kakehashi.exchange.tokens",
    "Tokens": "kakehashi.exchange.tokens",
    "apply_bundle": "kakehashi.exchange.bundles",
    "avid_document": "kakehashi.exchange.formats.avid",
    "avid_objects": "kakehashi.exchange.formats.avid",
    "check_view": "kakehashi.exchange.signing",
    "extension_of": "kakehashi.exchange.records",
    "make": "kakehashi.exchange.records",
    "make_ack": "kakehashi.exchange.bundles",
    "make_bundle": "kakehashi.exchange.bundles",
    "make_card": "kakehashi.exchange.partners",
    "may_see": "kakehashi.exchange.policy",
    "measured": "kakehashi.exchange.records",
    "measurement": "kakehashi.exchange.records",
    "minimal_view": "kakehashi.exchange.signing",
    "open_bundle": "kakehashi.exchange.bundles",
    "pin": "kakehashi.exchange.partners",
    "problems_of": "kakehashi.exchange.validate",
    "pull": "kakehashi.exchange.client",
    "push": "kakehashi.exchange.client",
    "read_card": "kakehashi.exchange.partners",
    "read_marking": "kakehashi.exchange.markings",
    "sharing_marking": "kakehashi.exchange.records",
    "sign": "kakehashi.exchange.signing",
    "source_document": "kakehashi.exchange.formats",
    "take_ack": "kakehashi.exchange.bundles",
    "take_in": "kakehashi.exchange.intake",
    "verify_signature": "kakehashi.exchange.signing",
    "write_as": "kakehashi.exchange.formats",
}

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


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'kakehashi.exchange' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
