"""Keys that sign checkpoints: Ed25519 in the text forms of C2SP signed notes.

References:
    C2SP, signed-note (c2sp.org/signed-note): verifier keys, signature type 0x01.
"""

import base64
import binascii
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from kakehashi.errors import InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key.

    Attributes:
        name: Who signs, such as ``"example.org/ledger"``; no spaces and no ``+``.
        public: The Ed25519 public key, 32 bytes.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)

    @property
    def key_id(self) -> bytes:
        """First four bytes of ``SHA-256(name || 0x0A || 0x01 || public)``."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` (64 bytes) is this key's over ``message``."""
        from cryptography.exceptions import InvalidSignature

        try:
            _public_key(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read ``name+hash+base64``.

        Raises:
            InputError: The text is not such a key, or its hash does not belong to it.
        """
        return _verifier_key(text.strip())


@lru_cache(maxsize=256)  # the same few keys sign everything
def _verifier_key(text: str) -> VerifierKey:
    name, key_id, raw = _split_key(text)
    key = VerifierKey(name, raw)
    if key.key_id.hex() != key_id:
        raise InputError(f"the key of {name!r} says hash {key_id}, its bytes give {key.key_id.hex()}")
    return key


@lru_cache(maxsize=256)
def _public_key(public: bytes) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(public)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs. Its text form is a secret: keep it out of ledgers, logs and reports.

    Attributes:
        name: Who signs.
        seed: The Ed25519 private key, 32 bytes; not shown in ``repr``.
    """

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_key_name(self.name)

    @classmethod
    def generate(cls, name: str) -> "SigningKey":
        """A new key from the operating system's randomness."""
        import secrets

        return cls(name, secrets.token_bytes(32))

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return VerifierKey(
            self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        )

    def sign(self, message: bytes) -> bytes:
        """The signature over ``message``, 64 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def secret_text(self) -> str:
        """``PRIVATE+KEY+name+hash+base64``, for a file that only its owner can read."""
        raw = base64.b64encode(ED25519 + self.seed).decode()
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_id.hex()}+{raw}"

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Read :meth:`secret_text`.

        Raises:
            InputError: The text is not such a key; the message never repeats it.
        """
        prefix = "PRIVATE+KEY+"
        if not text.startswith(prefix):
            raise InputError("not a signing key (it should begin with PRIVATE+KEY+)")
        name, key_id, raw = _split_key(text.strip().removeprefix(prefix))
        key = cls(name, raw)
        if key.verifier.key_id.hex() != key_id:
            raise InputError(f"the signing key of {name!r} does not fit its own hash {key_id}")
        return key


def check_key_name(name: str) -> None:
    """Refuse a name that a signature line could not carry.

    Raises:
        InputError: The name is empty or holds white space or ``+``.
    """
    if not name or "+" in name or any(c.isspace() for c in name):
        raise InputError(f"{name!r} cannot name a key: it must not be empty nor hold spaces or '+'")


def _split_key(text: str) -> tuple[str, str, bytes]:
    parts = text.split("+", 2)
    try:
        name, key_id, encoded = parts
        raw = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InputError("not a key of the form name+hash+base64") from error
    if raw[:1] != ED25519 or len(raw) != 33:
        raise InputError(f"the key of {name!r} is not an Ed25519 key (type byte {raw[:1].hex() or 'none'})")
    return name, key_id, raw[1:]
