"""The Merkle tree of RFC 9162 over a list of entries.

An entry is hashed as ``SHA-256(0x00 || entry)``, two subtrees as ``SHA-256(0x01 || left || right)``; a tree
of n leaves splits at the greatest power of two below n. A root then commits to every entry and to their
order; an inclusion proof shows that an entry is in, a consistency proof that an older tree is the beginning
of a newer one.

References:
    Laurie, Messeri, Stradling (2021), RFC 9162, Certificate Transparency Version 2.0, section 2.1.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from kakehashi.errors import UsageError

EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry, 32 bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node from the hashes of its two subtrees, 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: adds a leaf in constant time, knows the root at every size.

    Examples:
        >>> edge = Frontier()
        >>> edge.add(b"a"); edge.add(b"b")
        >>> edge.size, edge.root() == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
        (2, True)
    """

    def __init__(self, entries: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        for entry in entries:
            self.add(entry)

    def add(self, entry: bytes) -> None:
        """Append one entry."""
        node, size = leaf_hash(entry), self.size
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Root over all entries added so far."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root_hash(entries: Iterable[bytes]) -> bytes:
    """Root of the tree over ``entries``, 32 bytes.

    Examples:
        >>> root_hash([]).hex()[:16]
        'e3b0c44298fc1c14'
    """
    return Frontier(entries).root()


def inclusion_proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """Proof that ``entries[index]`` is in the tree (RFC 9162, 2.1.3.1), from the leaf upwards.

    Args:
        entries: All entries of the tree.
        index: Position of the entry, from 0.

    Raises:
        UsageError: There is no such position.
    """
    if not 0 <= index < len(entries):
        raise UsageError(f"no entry {index} in a tree of {len(entries)}")
    if len(entries) == 1:
        return []
    split = _split(len(entries))
    if index < split:
        return [*inclusion_proof(entries[:split], index), root_hash(entries[split:])]
    return [*inclusion_proof(entries[split:], index - split), root_hash(entries[:split])]


def inclusion_proofs(entries: Sequence[bytes], indices: Iterable[int]) -> dict[int, list[bytes]]:
    """The proofs of many entries of one tree, each as :func:`inclusion_proof` gives it; every subtree is hashed once.

    Examples:
        >>> entries = [bytes([i]) for i in range(5)]
        >>> inclusion_proofs(entries, [4])[4] == inclusion_proof(entries, 4)
        True
    """
    known: dict[tuple[int, int], bytes] = {}

    def root(start: int, end: int) -> bytes:
        found = known.get((start, end))
        if found is None:
            if end - start == 1:
                found = leaf_hash(entries[start])
            else:
                middle = start + _split(end - start)
                found = node_hash(root(start, middle), root(middle, end))
            known[start, end] = found
        return found

    proofs = {}
    for index in indices:
        if not 0 <= index < len(entries):
            raise UsageError(f"no entry {index} in a tree of {len(entries)}")
        start, end, path = 0, len(entries), []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(root(middle, end))
                end = middle
            else:
                path.append(root(start, middle))
                start = middle
        proofs[index] = path[::-1]
    return proofs


def verify_inclusion(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether ``proof`` shows ``entry`` at ``index`` of the tree of ``size`` with ``root`` (2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, here = leaf_hash(entry), size - 1, index
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(sibling, node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(entries: Sequence[bytes], old_size: int) -> list[bytes]:
    """Proof that the tree of the first ``old_size`` entries is the beginning of the whole (2.1.4.1).

    Args:
        entries: All entries of the newer tree.
        old_size: Size of the older tree; 0 and the full size need no proof and give an empty one.

    Raises:
        UsageError: The older tree is greater than the newer.
    """
    if not 0 <= old_size <= len(entries):
        raise UsageError(f"an older tree of {old_size} cannot stand in a tree of {len(entries)}")
    if old_size in (0, len(entries)):
        return []
    return _subproof(entries, old_size, True)


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether ``proof`` shows the older tree to be the beginning of the newer (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        return False
    here, last = old_size - 1, new_size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _split(size: int) -> int:
    """The greatest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _subproof(entries: Sequence[bytes], old_size: int, whole: bool) -> list[bytes]:
    if old_size == len(entries):
        return [] if whole else [root_hash(entries)]
    split = _split(len(entries))
    if old_size <= split:
        return [*_subproof(entries[:split], old_size, whole), root_hash(entries[split:])]
    return [*_subproof(entries[split:], old_size - split, False), root_hash(entries[:split])]
