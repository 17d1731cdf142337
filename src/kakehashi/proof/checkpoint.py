r"""Tree heads and signed checkpoints (C2SP tlog-checkpoint in a C2SP signed note).

A checkpoint is a small text that says how long a log was and what its root was; kept elsewhere, it is what a
later rewriting of the log is found by. Signatures are optional: an unsigned checkpoint proves as much as the
place it is kept in.

References:
    C2SP, tlog-checkpoint (c2sp.org/tlog-checkpoint) and signed-note (c2sp.org/signed-note).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kakehashi.errors import InputError, VerificationError
from kakehashi.proof.keys import SigningKey, VerifierKey

_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class TreeHead:
    """State of a log: how many entries, and the Merkle root over them.

    Attributes:
        size: Number of entries.
        root_hex: Root, 64 lower-case hexadecimal digits.

    Examples:
        >>> head = TreeHead(2, "ab" * 32)
        >>> TreeHead.parse(str(head)) == head
        True
    """

    size: int
    root_hex: str

    def __post_init__(self) -> None:
        if self.size < 0 or not re.fullmatch(r"[0-9a-f]{64}", self.root_hex):
            raise InputError(f"not a tree head: size {self.size}, root {self.root_hex!r}")

    def __str__(self) -> str:
        return f"size={self.size} root={self.root_hex}"

    def as_json(self) -> dict[str, int | str]:
        """``{"size": …, "root": …}``, as reports carry it under the key ``ledger``."""
        return {"size": self.size, "root": self.root_hex}

    def meta_tag(self) -> str:
        """The head as the ``<meta>`` element that HTML reports carry."""
        return f'<meta name="kakehashi-ledger" content="{self}">'

    @classmethod
    def parse(cls, text: str) -> "TreeHead":
        """Read ``size=12 root=…`` or ``12:…``.

        Raises:
            InputError: The text is neither.
        """
        found = re.fullmatch(r"\s*(?:size=)?(\d{1,15})(?:[:\s]\s*)(?:root=)?([0-9a-fA-F]{64})\s*", text)
        if found is None:
            raise InputError(
                f"{text[:90]!r} is not a tree head", hint="Write it as size=12 root=<64 hex digits>."
            )
        return cls(int(found[1]), found[2].lower())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head with the log's name, and the signatures under it.

    Attributes:
        origin: Unique name of the log.
        head: Size and root.
        extensions: Further lines, in order; none of ours.
        signatures: ``(key name, key id and signature)`` in order.
    """

    origin: str
    head: TreeHead
    extensions: tuple[str, ...] = ()
    signatures: tuple[tuple[str, bytes], ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if any(not line or "\n" in line for line in lines):
            raise InputError("a checkpoint's origin and extension lines must be one line each and not empty")

    def body(self) -> bytes:
        """The text that is signed."""
        root = base64.b64encode(bytes.fromhex(self.head.root_hex)).decode()
        return "".join(
            f"{line}\n" for line in (self.origin, str(self.head.size), root, *self.extensions)
        ).encode()

    def text(self) -> str:
        """The whole note, as kept in a file."""
        lines = [f"— {name} {base64.b64encode(raw).decode()}\n" for name, raw in self.signatures]
        return self.body().decode() + "\n" + "".join(lines)

    def signed_by(self, key: SigningKey) -> "Checkpoint":
        """The checkpoint with one signature more."""
        raw = key.verifier.key_id + key.sign(self.body())
        return Checkpoint(self.origin, self.head, self.extensions, (*self.signatures, (key.name, raw)))

    def verified_by(self, keys: Iterable[VerifierKey]) -> tuple[str, ...]:
        """Names of the keys whose signature under this checkpoint is right.

        Signatures of unknown keys are passed over, as signed-note demands.

        Raises:
            VerificationError: A known key's signature is wrong, or none of the keys signed.
        """
        known = {(key.name, key.key_id): key for key in keys}
        good: list[str] = []
        for name, raw in self.signatures:
            key = known.get((name, raw[:4]))
            if key is None:
                continue
            if not key.verifies(raw[4:], self.body()):
                raise VerificationError(
                    f"the signature of {name} under the checkpoint of {self.origin} is wrong",
                    hint="Ask its sender for the checkpoint again; do not rely on this one.",
                )
            good.append(name)
        if not good:
            raise VerificationError(
                f"none of the {len(known)} keys given signed the checkpoint of {self.origin}",
                hint="Give the key of its signer, or compare without a key.",
            )
        return tuple(good)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a checkpoint; it may be unsigned.

        Raises:
            InputError: The text is not a checkpoint.
        """
        body, gap, tail = text.partition("\n\n")
        lines = body.split("\n")
        if not gap or len(lines) < 3:
            raise InputError(
                "not a checkpoint: it needs origin, size and root, an empty line, then signatures"
            )
        origin, size, encoded, *extensions = lines
        if not re.fullmatch(r"0|[1-9]\d{0,14}", size):
            raise InputError(f"not a checkpoint: {size[:40]!r} is not a tree size")
        try:
            root = base64.b64decode(encoded, validate=True)
        except binascii.Error as error:
            raise InputError(f"not a checkpoint: {encoded[:60]!r} is not a root in base64") from error
        if len(root) != 32:
            raise InputError(f"not a checkpoint: its root has {len(root)} bytes, not 32")
        signatures = []
        for line in tail.splitlines():
            found = _SIGNATURE_LINE.fullmatch(line)
            if found is None:
                raise InputError(f"not a signature line of a checkpoint: {line[:60]!r}")
            try:
                signatures.append((found["name"], base64.b64decode(found["signature"], validate=True)))
            except binascii.Error as error:
                raise InputError(f"the signature of {found['name']} is not base64") from error
        return cls(origin, TreeHead(int(size), root.hex()), tuple(extensions), tuple(signatures))
