"""The wire request and its key: what makes two calls the same call.

The key is the SHA-256 of canonical JSON over the endpoint's identity (kind, address, model id or the hash of
the weights, runtime settings), the exact messages, the parameters as sent, and the epoch. Keys and guards are
no part of it: two systems that send the same request share one answer.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from kakehashi.errors import InputError

_TEXT = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)
_ASCII = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


def canonical(value: object) -> str:
    """JSON with sorted keys and no blanks, which can be written as UTF-8: one text for one value.

    Characters stand as they are; only a value that holds half a surrogate pair, which UTF-8 cannot hold, is
    written in ASCII with escapes.

    Raises:
        InputError: The value holds something that JSON does not know (NaN, a set).

    Examples:
        >>> canonical({"b": 1, "a": ["é", None]})
        '{"a":["é",null],"b":1}'
    """
    try:
        text = _TEXT.encode(value)
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return _ASCII.encode(value)
    except (TypeError, ValueError, RecursionError) as exc:
        raise InputError(
            f"a request must be plain JSON: {exc}", hint="Look at the subject's parameters."
        ) from None
    return text


class Transcript(list[Mapping[str, str]]):
    """The messages of one request with their canonical JSON, made once for key, wire and log.

    It is not to be changed once made.
    """

    __slots__ = ("json",)

    def __init__(self, messages: Iterable[Mapping[str, str]]) -> None:
        super().__init__(messages)
        self.json = canonical(self)


def key_from_parts(identity: str, epoch: int, messages: str, parameters: str) -> str:
    """The key of a request whose parts are canonical JSON already."""
    text = f'{{"endpoint":{identity},"epoch":{epoch},"messages":{messages},"parameters":{parameters}}}'
    return hashlib.sha256(text.encode()).hexdigest()


def wire_key(
    identity: Mapping[str, object],
    messages: Sequence[Mapping[str, str]],
    parameters: Mapping[str, object],
    epoch: int = 0,
) -> str:
    """The key of one wire request, 64 hexadecimal digits.

    Examples:
        >>> hello = [{"role": "user", "content": "Hello"}]
        >>> a = wire_key({"kind": "mock"}, hello, {"temperature": 0})
        >>> a == wire_key({"kind": "mock"}, hello, {"temperature": 0}, epoch=1)
        False
    """
    return key_from_parts(canonical(identity), epoch, canonical(messages), canonical(parameters))
