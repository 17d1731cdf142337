"""Encryption of files to recipients: the age format, version 1, with X25519 recipients.

What is written here opens with any ``age`` program and the recipient's secret key, without Kakehashi. Anonymous to
outsiders: the file names neither who wrote it nor who reads it.

References:
    C2SP, age (c2sp.org/age, age-encryption.org/v1): X25519, HKDF-SHA-256, ChaCha20-Poly1305 in chunks of 64 KiB.
    BIP 173, Bech32, for the text forms of keys.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from kakehashi.errors import InputError, VerificationError
from kakehashi.exchange.bech32 import bech32, unbech32

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_VERSION = b"age-encryption.org/v1\n"
_INFO = b"age-encryption.org/v1/X25519"
_CHUNK, _TAG, _NONCE = 64 << 10, 16, 16
_MOST_STANZAS = 256
_DAMAGED = "Ask its sender for the file again; it was damaged on the way, or changed."


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who may read: an X25519 public key, written ``age1…``.

    Attributes:
        public: 32 bytes.
    """

    public: bytes

    def __str__(self) -> str:
        return bech32("age", self.public)

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        """Read ``age1…``.

        Raises:
            InputError: It is no such key.
        """
        return cls(unbech32("age", text.strip()))


@dataclass(frozen=True, slots=True)
class ReadingKey:
    """The secret half of a recipient, written ``AGE-SECRET-KEY-1…``.

    Attributes:
        seed: 32 bytes; not shown in ``repr``.
    """

    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "ReadingKey":
        """A new key from the operating system's randomness."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> "ReadingKey":
        """Read :meth:`secret_text`; lines that begin with ``#`` are passed over, as ``age-keygen`` writes them.

        Raises:
            InputError: It is no such key; the message never repeats it.
        """
        lines = [line for line in text.split() if line.upper().startswith("AGE-SECRET-KEY-1")]
        if len(lines) != 1:
            raise InputError("not a reading key (it should hold one AGE-SECRET-KEY-1…)")
        return cls(unbech32("age-secret-key-", lines[0].lower(), secret=True))

    def secret_text(self) -> str:
        """The secret's text, for a file that only its owner can read."""
        return bech32("age-secret-key-", self.seed).upper()

    @property
    def recipient(self) -> Recipient:
        """The public half."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        return Recipient(X25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())


def encrypt(data: bytes, recipients: Sequence[Recipient]) -> bytes:
    """An age file that any one of the recipients can open.

    Raises:
        InputError: Nobody is named, or a key that agrees with nobody.
    """
    if not recipients:
        raise InputError("a file that is encrypted to nobody cannot be read")
    file_key = secrets.token_bytes(16)
    head = _VERSION
    for recipient in recipients:
        ephemeral = ReadingKey.generate()
        share = ephemeral.recipient.public
        wrap = _hkdf(_agreed(ephemeral.seed, recipient.public), share + recipient.public, _INFO)
        body = _chacha(wrap).encrypt(bytes(12), file_key, None)
        head += b"-> X25519 " + _raw64(share) + b"\n" + _raw64(body) + b"\n"
    head += b"---"
    nonce = secrets.token_bytes(_NONCE)
    sealed, cipher = [], _chacha(_hkdf(file_key, nonce, b"payload"))
    starts = range(0, max(len(data), 1), _CHUNK)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        sealed.append(cipher.encrypt(_chunk_nonce(number, last), data[start : start + _CHUNK], None))
    return head + b" " + _raw64(_mac(file_key, head)) + b"\n" + nonce + b"".join(sealed)


def decrypt(data: bytes, key: ReadingKey) -> bytes:
    """What an age file holds.

    Raises:
        InputError: It is no age file, or is not encrypted to this key.
        VerificationError: It was cut or changed.
    """
    stanzas, head, mac, payload = _read_head(data)
    file_key = _file_key(stanzas, key)
    if not hmac.compare_digest(_mac(file_key, head), mac):
        raise VerificationError("the encrypted file's head was changed", hint=_DAMAGED)
    nonce, sealed = payload[:_NONCE], payload[_NONCE:]
    if len(nonce) < _NONCE or len(sealed) < _TAG:
        raise VerificationError("the encrypted file was cut off", hint=_DAMAGED)
    from cryptography.exceptions import InvalidTag

    cipher, step, opened = _chacha(_hkdf(file_key, nonce, b"payload")), _CHUNK + _TAG, []
    starts = range(0, len(sealed), step)
    for number, start in enumerate(starts):
        last = number == len(starts) - 1
        try:
            opened.append(cipher.decrypt(_chunk_nonce(number, last), sealed[start : start + step], None))
        except (InvalidTag, ValueError) as error:
            raise VerificationError(
                f"the encrypted file is damaged at byte {len(data) - len(sealed) + start} or after",
                hint=_DAMAGED,
            ) from error
    if len(opened) > 1 and not opened[-1]:
        raise VerificationError("the encrypted file ends in an empty chunk", hint=_DAMAGED)
    return b"".join(opened)


def _read_head(data: bytes) -> tuple[list[tuple[list[bytes], bytes]], bytes, bytes, bytes]:
    """Stanzas, the head that is authenticated, its MAC, and the payload."""
    if not data.startswith(_VERSION):
        raise InputError("not a file of age-encryption.org/v1")
    stanzas: list[tuple[list[bytes], bytes]] = []
    at = len(_VERSION)
    damaged = VerificationError("the encrypted file's head cannot be read", hint=_DAMAGED)
    while True:
        line, at = _line(data, at, damaged)
        if line.startswith(b"--- "):
            head = data[: at - len(line) - 1 + 3]
            return stanzas, head, _unraw64(line[4:], 32, damaged), data[at:]
        if not line.startswith(b"-> ") or len(stanzas) == _MOST_STANZAS:
            raise damaged
        arguments, body = line[3:].split(b" "), b""
        while True:
            part, at = _line(data, at, damaged)
            body += part
            if len(part) < 64:
                break
            if len(part) > 64 or len(body) > 1 << 16:
                raise damaged
        stanzas.append((arguments, body))


def _line(data: bytes, at: int, damaged: VerificationError) -> tuple[bytes, int]:
    end = data.find(b"\n", at, at + (1 << 14))
    if end < 0:
        raise damaged
    return data[at:end], end + 1


def _file_key(stanzas: Sequence[tuple[list[bytes], bytes]], key: ReadingKey) -> bytes:
    from cryptography.exceptions import InvalidTag

    damaged = VerificationError("the encrypted file's head cannot be read", hint=_DAMAGED)
    for arguments, body in stanzas:
        if arguments[0] != b"X25519":
            continue
        if len(arguments) != 2:
            raise damaged
        share, sealed = _unraw64(arguments[1], 32, damaged), _unraw64(body, 32, damaged)
        try:
            wrap = _hkdf(_agreed(key.seed, share), share + key.recipient.public, _INFO)
            return _chacha(wrap).decrypt(bytes(12), sealed, None)
        except (InvalidTag, InputError):
            continue
    raise InputError(
        "this file is not encrypted to your key, or its head was damaged",
        hint="Send its maker your card: kakehashi exchange card",
    )


def _agreed(secret: bytes, public: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(
            X25519PublicKey.from_public_bytes(public)
        )
    except ValueError as error:  # all zeros: a point of small order
        raise InputError("an encryption key that agrees with nobody") from error
    return shared


def _hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 of RFC 5869, 32 bytes: one block of the expansion."""
    return hmac.digest(hmac.digest(salt or bytes(32), secret, sha256), info + b"\x01", sha256)


def _mac(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_hkdf(file_key, b"", b"header"), head, sha256)


def _chacha(key: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(key)


def _chunk_nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _raw64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _unraw64(text: bytes, length: int, damaged: VerificationError) -> bytes:
    """The bytes of base64 without padding, in its one canonical writing."""
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise damaged from None
    if len(raw) != length or _raw64(raw) != text:
        raise damaged
    return raw
