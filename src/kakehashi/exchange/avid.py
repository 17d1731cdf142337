"""AVID under its first address; the format itself is :mod:`kakehashi.exchange.formats.avid`."""

from kakehashi.exchange.formats.avid import avid_document, avid_objects, is_avid

__all__ = ["avid_document", "avid_objects", "is_avid"]
