"""The Merkle tree of RFC 9162 word by word: recursive, quadratic, obvious."""

from hashlib import sha256


def naive_root(entries: list[bytes]) -> bytes:
    """MTH of section 2.1.1."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + naive_root(entries[:k]) + naive_root(entries[k:])).digest()
