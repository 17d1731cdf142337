"""Files that institutes exchange: strict JSON with one Ed25519 signature, whatever carries them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import FormatVersionError, InputError, StorageError, VerificationError
from kakehashi.ledger.files import write_whole
from kakehashi.proof import SigningKey, VerifierKey, canonical_bytes, parse_json

#: Most bytes of a file that somebody sent.
LARGEST = 1 << 30


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed file, its signature checked.

    Attributes:
        kind: What it is, such as ``"exercise-protocol"``.
        body: Its content.
        key: Who signed.
        digest: SHA-256 of kind and body in canonical JSON, without the signature: what others cite.
        path: Where it was read or written.
    """

    kind: str
    body: Mapping[str, Any]
    key: VerifierKey
    digest: str
    path: Path


def sign_file(path: Path, kind: str, body: Mapping[str, Any], key: SigningKey) -> Signed:
    """Write a file of a kind, signed.

    Raises:
        InputError: The content has no JSON form, or the key's name cannot name a site.
        StorageError: It cannot be written.
    """
    message = _message(kind, body)
    verifier = key.verifier
    check_site_name(verifier.name)
    whole = {
        "format": f"kakehashi.{kind}/1",
        "body": body,
        "key": str(verifier),
        "signature": key.sign(message).hex(),
    }
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    write_whole(path, text.encode() + b"\n")
    return Signed(kind, body, verifier, sha256(message).hexdigest(), path)


def read_signed(path: Path, kind: str) -> Signed:
    """Read a file of a kind and check its signature.

    That the key belongs to the institute it names is not shown by this: keys are exchanged beforehand, or compared
    by their text over another channel.

    Raises:
        InputError: No such file, or not one of this kind.
        FormatVersionError: Written by a newer Kakehashi.
        VerificationError: The signature is not that of the key in the file over its content.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"larger than {LARGEST} bytes", path=path)
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError("there is no such file", path=path) from None
    except OSError as error:
        raise StorageError(error.strerror or str(error), path=path) from error
    whole = parse_json(data, path=path)
    if not isinstance(whole, dict) or not isinstance(whole.get("format"), str):
        raise InputError(f"not a signed {kind} of kakehashi", path=path)
    family, _, version = str(whole["format"]).partition("/")
    if family != f"kakehashi.{kind}" or not version.isdigit():
        raise InputError(f"its format is {whole['format']!r}, not 'kakehashi.{kind}/1'", path=path)
    if int(version) > 1:
        raise FormatVersionError(str(whole["format"]), f"kakehashi.{kind}/1", path=path)
    body, key_text, signature = (whole.get(name) for name in ("body", "key", "signature"))
    if not isinstance(body, dict) or not isinstance(key_text, str) or not isinstance(signature, str):
        raise InputError("lacks body, key or signature", path=path)
    try:
        key = VerifierKey.parse(key_text)
        raw = bytes.fromhex(signature)
    except (InputError, ValueError):
        raise VerificationError(f"{path}: its key or signature cannot be read", hint=_AGAIN) from None
    message = _message(kind, body)
    if not key.verifies(raw, message):
        raise VerificationError(
            f"{path}: the signature of {key.name} does not fit the content, so it was changed since it was signed",
            hint=_AGAIN,
        )
    return Signed(kind, body, key, sha256(message).hexdigest(), path)


_AGAIN = "Ask its sender for the file again; do not rely on this one."


def make_key(path: Path, name: str) -> VerifierKey:
    """Make a signing key in a file that only its owner can read, and its public half beside it (``.pub``).

    Raises:
        InputError: A name that no key and no file can have.
        StorageError: There is a file already.
    """
    check_site_name(name)
    if path.exists():
        raise StorageError("there is a file here already", path=path, hint="Keys are not overwritten.")
    key = SigningKey.generate(name)
    write_whole(path, key.secret_text().encode() + b"\n", mode=0o600)
    write_whole(path.with_suffix(".pub"), f"{key.verifier}\n".encode())
    return key.verifier


def check_site_name(name: str) -> None:
    """Refuse a name that cannot name a file everywhere.

    Raises:
        InputError: It holds more than letters, digits, ``.``, ``_`` and ``-``, or begins with a dot.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InputError(
            f"{name!r} cannot name a site", hint="Use letters, digits, '.', '_' and '-', such as alpha."
        )


def read_key(path: Path) -> SigningKey:
    """A signing key from its file.

    Raises:
        InputError: No such file or not a signing key; the message never repeats it.
    """
    try:
        return SigningKey.parse(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise InputError(
            "there is no such key", path=path, hint="Run: kakehashi exercise key NAME --out FILE"
        ) from None
    except (UnicodeDecodeError, InputError):
        raise InputError("not a signing key", path=path, hint="Name the .key file, not the .pub.") from None


def read_verifier(path: Path) -> VerifierKey:
    """A public key from its file.

    Raises:
        InputError: No such file or not a public key.
    """
    try:
        return VerifierKey.parse(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise InputError("there is no such key", path=path) from None
    except (UnicodeDecodeError, InputError):
        raise InputError("not a public key", path=path, hint="Name the .pub file.") from None


def _message(kind: str, body: Mapping[str, Any]) -> bytes:
    return f"kakehashi.{kind}/1\n".encode() + canonical_bytes(body)
