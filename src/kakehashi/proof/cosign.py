"""Cosignatures: others say that they saw a log grow from what they knew of it to this checkpoint.

A log that shows different partners different histories is found as soon as they compare whom the others cosigned.

References:
    C2SP, tlog-cosignature (c2sp.org/tlog-cosignature), Ed25519 with signature type 0x04.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from kakehashi.errors import VerificationError
from kakehashi.proof.checkpoint import Checkpoint
from kakehashi.proof.keys import SigningKey, VerifierKey

_TYPE = b"\x04"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A cosignature that was found right.

    Attributes:
        key: Whose it is.
        at: When it was made, as its maker says, to the second.
    """

    key: VerifierKey
    at: datetime


def cosigner_id(key: VerifierKey) -> bytes:
    """The four bytes that name a cosigner's key: ``SHA-256(name || 0x0A || 0x04 || public)``, cut."""
    return sha256(key.name.encode() + b"\n" + _TYPE + key.public).digest()[:4]


def cosign(checkpoint: Checkpoint, key: SigningKey, at: datetime) -> Checkpoint:
    """The checkpoint with a cosignature more. Only for whoever has verified that the log goes on from what he knew."""
    seconds = int(at.timestamp())
    raw = (
        cosigner_id(key.verifier)
        + seconds.to_bytes(8, "big")
        + key.sign(_message(checkpoint.body(), seconds))
    )
    return Checkpoint(
        checkpoint.origin,
        checkpoint.head,
        checkpoint.extensions,
        (*checkpoint.signatures, (key.name, raw)),
    )


def cosignatures(checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """The cosignatures of known keys under a checkpoint, each key once; those of unknown keys are passed over.

    Raises:
        VerificationError: One that bears a known key's name and id is wrong.
    """
    known = {(key.name, cosigner_id(key)): key for key in keys}
    found: dict[VerifierKey, datetime] = {}
    for name, raw in checkpoint.signatures:
        key = known.get((name, raw[:4]))
        if key is None:
            continue
        seconds = int.from_bytes(raw[4:12], "big")
        right = len(raw) == 76 and seconds < 1 << 40
        if not right or not key.verifies(raw[12:], _message(checkpoint.body(), seconds)):
            raise VerificationError(
                f"the cosignature of {name} under the checkpoint of {checkpoint.origin} is wrong",
                hint="Ask its sender for the checkpoint again; do not rely on this one.",
            )
        at = datetime.fromtimestamp(seconds, UTC)
        found[key] = max(at, found.get(key, at))
    return tuple(Cosignature(key, at) for key, at in found.items())


def _message(body: bytes, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % seconds + body
