"""The ``next`` of a page: stateless, authenticated, bound to its caller and its question."""

import base64
import binascii
import hmac
import json

from kakehashi.errors import InputError

_MAC = 16


def make_next(secret: str, seq: int, *bound: str) -> str:
    """A cursor behind entry ``seq``, good for the same caller, address and filters only.

    It survives a restart, and the same cursor gives the same page as long as nothing on it was withdrawn or entered
    again.

    Examples:
        >>> read_next("s", make_next("s", 7, "a", "b"), "a", "b")
        7
    """
    body = seq.to_bytes(8, "big")
    return base64.urlsafe_b64encode(body + _mac(secret, body, bound)).decode()


def read_next(secret: str, text: str, *bound: str) -> int:
    """The sequence of a cursor.

    Raises:
        InputError: It was not made here, or for another caller or question.
    """
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii"))
    except (ValueError, binascii.Error, UnicodeEncodeError):
        raw = b""
    body, mac = raw[:8], raw[8:]
    if len(raw) != 8 + _MAC or not hmac.compare_digest(mac, _mac(secret, body, bound)):
        raise InputError("next: not a cursor for this question")
    return int.from_bytes(body, "big")


def _mac(secret: str, body: bytes, bound: tuple[str, ...]) -> bytes:
    return hmac.digest(secret.encode(), body + json.dumps(bound).encode(), "sha256")[:_MAC]
