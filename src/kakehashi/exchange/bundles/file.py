"""The file of a bundle: a head that says from whom and for whom, the maker's signature, and an age file.

The signature covers the head, and the head the encrypted rest by its hash. Who carries the file learns maker,
recipient, time and size; what is in it, and from where to where it goes, only the recipient.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from kakehashi.errors import FormatVersionError, InputError, VerificationError
from kakehashi.exchange.age import ReadingKey, Recipient, decrypt, encrypt
from kakehashi.proof import SigningKey, VerifierKey, canonical_bytes, parse_json

FORMAT = "kakehashi.bundle/1"
_MAGIC = FORMAT.encode() + b"\n"
_MOST_BYTES = 1 << 30
_DAMAGED = "Ask its maker for the bundle again; it was damaged on the way, or changed."


@dataclass(frozen=True, slots=True)
class Head:
    """What stands on the outside of a bundle.

    Attributes:
        bundle: Id of the bundle.
        maker: Identity of who made it.
        recipient: Identity of whom it is for.
        made: When.
        sha256: Hash of the encrypted rest.
        size: Bytes of the encrypted rest.
    """

    bundle: str
    maker: str
    recipient: str
    made: str
    sha256: str
    size: int


def seal(
    payload: Mapping[str, Any],
    *,
    maker: str,
    recipient: str,
    made: str,
    key: SigningKey,
    to: tuple[Recipient, ...],
) -> bytes:
    """A bundle's bytes."""
    from zstandard import ZstdCompressor

    bundle = str(uuid4())
    body = {**payload, "bundle": bundle, "maker": maker, "recipient": recipient, "made": made}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    sealed = encrypt(ZstdCompressor(level=10).compress(text), to)
    head = {
        "bundle": bundle,
        "maker": maker,
        "recipient": recipient,
        "made": made,
        "sha256": sha256(sealed).hexdigest(),
        "size": len(sealed),
    }
    line = canonical_bytes(head) + b"\n"
    mark = base64.b64encode(key.sign(_MAGIC + line))
    return _MAGIC + line + mark + b"\n" + sealed


def is_bundle(data: bytes) -> bool:
    """Whether bytes look like a bundle of any version."""
    return data.startswith(b"kakehashi.bundle/")


def read_head(data: bytes) -> tuple[Head, bytes, bytes, bytes]:
    """The head, the bytes that are signed, the signature and the encrypted rest; nothing is checked yet.

    Raises:
        InputError: It is no bundle.
        FormatVersionError: A newer Kakehashi made it.
        VerificationError: Its head cannot be read.
    """
    magic, _, rest = data.partition(b"\n")
    if not is_bundle(data):
        raise InputError("not a bundle", hint="A partner makes one: kakehashi exchange bundle make")
    if magic + b"\n" != _MAGIC:
        raise FormatVersionError(magic.decode("ascii", "replace")[:40], FORMAT)
    line, _, rest = rest.partition(b"\n")
    mark, _, sealed = rest.partition(b"\n")
    try:
        head: Any = parse_json(line)
        if not isinstance(head, dict) or canonical_bytes(head) != line:
            raise InputError("not a head")
        found = Head(**head)
        UUID(found.bundle)
        if type(found.size) is not int or not all(
            isinstance(value, str) for key, value in head.items() if key != "size"
        ):
            raise InputError("not a head")
        raw = base64.b64decode(mark, validate=True)
    except (InputError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise VerificationError("the head of the bundle cannot be read", hint=_DAMAGED) from error
    return found, _MAGIC + line + b"\n", raw, sealed


def check_signed(data: bytes, key: VerifierKey) -> tuple[Head, bytes]:
    """The head and the encrypted rest, of a bundle that its maker signed and nobody changed.

    Raises:
        VerificationError: The signature is wrong, or the bundle was cut or changed.
    """
    head, signed, mark, sealed = read_head(data)
    if not key.verifies(mark, signed):
        raise VerificationError(f"the bundle is not signed by {key.name}", hint=_DAMAGED)
    if len(sealed) < head.size:
        raise VerificationError(
            f"the bundle was cut off: {len(sealed)} of {head.size} bytes are there", hint=_DAMAGED
        )
    if len(sealed) > head.size or sha256(sealed).hexdigest() != head.sha256:
        raise VerificationError("the bundle was changed after it was signed", hint=_DAMAGED)
    return head, sealed


def unseal(head: Head, sealed: bytes, key: ReadingKey) -> dict[str, Any]:
    """What a bundle holds.

    Raises:
        InputError: It is not encrypted to this key.
        VerificationError: What is inside does not belong to the outside, or cannot be read.
    """
    from zstandard import ZstdDecompressor, ZstdError

    packed = decrypt(sealed, key)
    wrong = VerificationError("what is inside the bundle does not fit its outside", hint=_DAMAGED)
    try:
        stream = ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed)
        text = stream.read(_MOST_BYTES + 1)
    except ZstdError as error:
        raise wrong from error
    if len(text) > _MOST_BYTES:
        raise InputError(f"a bundle of more than {_MOST_BYTES} bytes when unpacked is not read")
    try:
        payload = parse_json(text)
    except InputError as error:
        raise wrong from error
    if not isinstance(payload, dict) or any(
        payload.get(name) != getattr(head, name) for name in ("bundle", "maker", "recipient", "made")
    ):
        raise wrong
    return payload
