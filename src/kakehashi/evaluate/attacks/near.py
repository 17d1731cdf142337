"""Near-duplicates: MinHash over the character 5-shingles of whole rendered prompts.

Two prompts are compared as they are sent: system text and all turns joined by newlines, case and runs of
white space folded, cut into the set of their overlapping pieces of five characters. The estimate is the share
of 256 hash functions whose least value over the set agrees; it estimates the Jaccard index with a standard
error of at most 0.032. No two prompts of one technique may be estimated above 0.8.
"""

import hashlib
from typing import TYPE_CHECKING

from kakehashi.evaluate.attacks.technique import fold_case

LIMIT = 0.8
SIZE = 5
FUNCTIONS = 256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def shingles(text: str, size: int = SIZE) -> frozenset[str]:
    """The set of overlapping pieces of a text; a text shorter than one piece is its own only piece.

    Examples:
        >>> sorted(shingles("Abcdef"))
        ['abcde', 'bcdef']
    """
    folded = fold_case(text)
    return frozenset(folded[start : start + size] for start in range(max(1, len(folded) - size + 1)))


def minhash(text: str) -> "NDArray[np.uint64]":
    """Signature of a text: the least value of each hash function over its shingles, shape ``(256,)``.

    The hash functions are multiply-and-shift on a 64-bit hash of the shingle, with fixed odd multipliers.
    """
    import numpy as np

    values = np.array(
        [
            int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=8).digest(), "big")
            for piece in shingles(text)
        ],
        dtype=np.uint64,
    )
    rng = np.random.default_rng(20240517)
    multipliers = rng.integers(0, 2**63, FUNCTIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = rng.integers(0, 2**63, FUNCTIONS, dtype=np.uint64)
    mixed = values[:, None] * multipliers[None, :] + offsets[None, :]
    signature: NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(29))).min(axis=0)
    return signature


def similarity(first: "NDArray[np.uint64]", second: "NDArray[np.uint64]") -> float:
    """Estimated Jaccard index of two signatures.

    Examples:
        >>> similarity(minhash("the same text"), minhash("The  same text"))
        1.0
    """
    return float((first == second).mean())
