"""The wire request and its key: what makes two calls the same call.

The key is the SHA-256 of canonical JSON over the endpoint's identity (kind, address, model id or the hash of
the weights, runtime settings), the exact messages, the parameters as sent, and the epoch. Keys and guards are
no part of it: two systems that send the same request share one answer.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence

from kakehashi.errors import InputError


def canonical(value: object) -> str:
    r"""JSON with sorted keys, no blanks, ASCII only: one text for one value.

    Raises:
        InputError: The value holds something that JSON does not know (NaN, a set).

    Examples:
        >>> canonical({"b": 1, "a": ["é", None]})
        '{"a":["\\u00e9",null],"b":1}'
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise InputError(
            f"a request must be plain JSON: {exc}", hint="Look at the subject's parameters."
        ) from None


def key_from_parts(identity: str, epoch: int, messages: Sequence[Mapping[str, str]], parameters: str) -> str:
    """The key where identity and parameters are canonical JSON already (they repeat; messages do not)."""
    said = canonical(messages)
    text = f'{{"endpoint":{identity},"epoch":{epoch},"messages":{said},"parameters":{parameters}}}'
    return hashlib.sha256(text.encode("ascii")).hexdigest()


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
    return key_from_parts(canonical(identity), epoch, messages, canonical(parameters))
