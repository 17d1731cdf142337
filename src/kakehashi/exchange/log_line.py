"""What a line of the log says: that something happened to something, and a commitment to what.

The commitment hides the object and what the node keeps beside it (who deposited it, its markings) from whoever copies
the log. An **opening** shows that a line is about an object's bytes, and still hides what stands beside them.
"""

from dataclasses import dataclass
from hashlib import sha256

from kakehashi.proof import canonical_bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a line of the log to whoever has the object's bytes.

    Attributes:
        seq: Number of the line, from 1.
        event: ``add``, ``again`` or ``delete``.
        beside: Salted digest of what the node keeps beside the object: says nothing of it.
        salt: What the object's bytes were salted with; from it the salt of ``beside`` cannot be told.
    """

    seq: int
    event: str
    beside: bytes
    salt: bytes

    @classmethod
    def made(cls, seq: int, event: str, secret: bytes, beside: bytes) -> "Opening":
        """From the line's own secret, which never leaves the node."""
        hidden = sha256(b"beside\0" + secret + beside).digest()
        return cls(seq, event, hidden, sha256(b"data\0" + secret).digest())

    def line(self, data: bytes) -> bytes:
        """The line, if it is about these bytes."""
        digest = sha256(self.beside + self.salt + data).hexdigest()
        return canonical_bytes({"commitment": digest, "event": self.event, "seq": self.seq})
