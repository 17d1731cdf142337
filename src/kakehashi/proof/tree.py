"""A Merkle tree that is kept, so that roots and proofs cost a few hashes instead of a pass over all entries.

:mod:`kakehashi.proof.merkle` is the definition over a list of entries; this is the same tree of RFC 9162 with the
hashes of its complete subtrees remembered: 64 bytes for each entry.
"""

from collections.abc import Iterable

from kakehashi.errors import UsageError
from kakehashi.proof.checkpoint import TreeHead
from kakehashi.proof.merkle import EMPTY_ROOT, leaf_hash, node_hash

_BYTES = 32


class MerkleTree:
    """A growing tree with roots and proofs at every size that it ever had.

    Examples:
        >>> tree = MerkleTree([b"a", b"b", b"c"])
        >>> tree.root(2) == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))
        True
    """

    def __init__(self, entries: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        return len(self._levels[0]) // _BYTES

    def add(self, entry: bytes) -> None:
        """Append one entry."""
        node, index, level = leaf_hash(entry), len(self), 0
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += node
            if not index & 1:
                return
            node = node_hash(self._node(level, index - 1), node)
            index, level = index >> 1, level + 1

    def head(self, size: int | None = None) -> TreeHead:
        """Size and root, now or as they were."""
        at = len(self) if size is None else size
        return TreeHead(at, self.root(at).hex())

    def root(self, size: int | None = None) -> bytes:
        """Root over the first ``size`` entries, all unless said.

        Raises:
            UsageError: There are not so many.
        """
        at = self._known(len(self) if size is None else size)
        return self._hash(0, at) if at else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Proof that entry ``index`` (from 0) is among the first ``size``, from the leaf upwards.

        Raises:
            UsageError: There is no such entry.
        """
        at = self._known(len(self) if size is None else size)
        if not 0 <= index < at:
            raise UsageError(f"no entry {index} in a tree of {at}")
        proof: list[bytes] = []
        low, high = 0, at
        while high - low > 1:
            split = low + _split(high - low)
            if index < split:
                proof.append(self._hash(split, high))
                high = split
            else:
                proof.append(self._hash(low, split))
                low = split
        return proof[::-1]

    def consistency(self, old_size: int, size: int | None = None) -> list[bytes]:
        """Proof that the first ``old_size`` entries are the beginning of the first ``size``.

        Raises:
            UsageError: The older tree is greater than the newer, or the newer than all there is.
        """
        at = self._known(len(self) if size is None else size)
        if not 0 <= old_size <= at:
            raise UsageError(f"an older tree of {old_size} cannot stand in a tree of {at}")
        if old_size in (0, at):
            return []
        proof: list[bytes] = []
        low, high, whole = 0, at, True
        while old_size < high:
            split = low + _split(high - low)
            if old_size <= split:
                proof.append(self._hash(split, high))
                high = split
            else:
                proof.append(self._hash(low, split))
                low, whole = split, False
        return [*([] if whole else [self._hash(low, high)]), *proof[::-1]]

    def _known(self, size: int) -> int:
        if not 0 <= size <= len(self):
            raise UsageError(f"a tree of {len(self)} never had {size} entries")
        return size

    def _node(self, level: int, index: int) -> bytes:
        return bytes(self._levels[level][index * _BYTES : (index + 1) * _BYTES])

    def _hash(self, low: int, high: int) -> bytes:
        """Hash over the entries from ``low`` to before ``high``, where ``low`` begins a subtree."""
        width = high - low
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            return self._node(level, low >> level)
        split = low + _split(width)
        return node_hash(self._hash(low, split), self._hash(split, high))


def _split(size: int) -> int:
    """The greatest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
