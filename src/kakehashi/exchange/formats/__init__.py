"""Formats of others, in and out; each module reads and writes one, over the interface of :mod:`.base`."""

from collections.abc import Sequence
from typing import Any

from kakehashi.errors import InputError, UnknownNameError
from kakehashi.exchange.formats import aiid, atlas, avid, csaf, misp, oecd
from kakehashi.exchange.formats.base import (
    STATUSES,
    Format,
    Held,
    Reading,
    Status,
    Writing,
    source_document,
)
from kakehashi.exchange.records import Record, extension_of

FORMATS: dict[str, Format] = {
    one.name: one for one in (avid.FORMAT, atlas.FORMAT, aiid.FORMAT, misp.FORMAT, oecd.FORMAT, csaf.FORMAT)
}
"""Name → format; ``oecd-csv`` is a second way to write ``oecd``."""
FORMATS[oecd.CSV.name] = oecd.CSV


def recognize(data: bytes, document: Any) -> Format | None:
    """The format of a document; ``None`` for STIX and what nobody here knows.

    Args:
        data: Its bytes.
        document: What JSON made of them, or ``None``.
    """
    return next((one for one in FORMATS.values() if one.recognize(data, document)), None)


def write_as(name: str, objects: Sequence[Record]) -> Writing:
    """Objects as a document of a format; one that carries its document is given back as it came.

    Args:
        name: The format.
        objects: The objects, the one asked for first.

    Raises:
        UnknownNameError: There is no such format.
        InputError: The format has no place for these objects.
    """
    if name not in FORMATS:
        raise UnknownNameError("format", name, list(FORMATS))
    if not objects:
        raise InputError("there is nothing to write")
    body = extension_of(objects[0], "imported") or {}
    if "document" in body and str(body["format"]).partition("/")[0] == name and name != "aiid":
        fields: dict[str, Status] = dict.fromkeys(body["fields"], "direct")
        return Writing(source_document(objects[0]), fields)
    return FORMATS[name].write(objects)


__all__ = [
    "FORMATS",
    "STATUSES",
    "Format",
    "Held",
    "Reading",
    "Status",
    "Writing",
    "recognize",
    "source_document",
    "write_as",
]
