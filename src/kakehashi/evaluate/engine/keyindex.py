"""Where each call stands in its log, in a few bytes a call."""

from array import array

_DIGITS = 16
_FIRST_SLOTS = 1 << 10


class KeyIndex:
    """Key of a wire request → offsets of the records that may be its own.

    A run may have made millions of calls, and a dictionary takes 200 bytes for each. This is a hash table with open
    addressing in two arrays, 24 to 48 bytes a call: the key's first 64 bits, and the offset plus one, 0 for an
    empty slot. Two keys that begin alike share their slots' run, so whoever reads a record looks whose it is.

    Examples:
        >>> index = KeyIndex()
        >>> index.add("00" * 32, 0)
        >>> index.add("ff" * 32, 815)
        >>> index.offsets("ff" * 32), index.offsets("ab" * 32)
        ([815], [])
    """

    __slots__ = ("_count", "_mask", "_places", "_tags")

    def __init__(self) -> None:
        self._count = 0
        self._empty(_FIRST_SLOTS)

    def _empty(self, slots: int) -> None:
        self._mask = slots - 1
        self._tags = array("Q", bytes(8 * slots))
        self._places = array("Q", bytes(8 * slots))

    def __len__(self) -> int:
        return self._count

    def add(self, key: str | bytes, offset: int) -> None:
        """Note where a call's record begins.

        Raises:
            ValueError: The key isn't hexadecimal.
        """
        if 3 * self._count >= 2 * self._mask:
            self._grow()
        self._put(int(key[:_DIGITS], 16), offset + 1)
        self._count += 1

    def _put(self, tag: int, place: int) -> None:
        places, mask = self._places, self._mask
        slot = tag & mask
        while places[slot]:
            slot = (slot + 1) & mask
        self._tags[slot] = tag
        places[slot] = place

    def _grow(self) -> None:
        # In the order of the old slots from an empty one on, so that of one key the later record stays the later.
        tags, places = self._tags, self._places
        first = places.index(0)
        self._empty(2 * len(places))
        for slot in (*range(first, len(places)), *range(first)):
            if places[slot]:
                self._put(tags[slot], places[slot])

    def offsets(self, key: str | bytes) -> list[int]:
        """Offsets under a key, the one noted last first; nearly always one or none."""
        tag, tags, places, mask = int(key[:_DIGITS], 16), self._tags, self._places, self._mask
        slot = tag & mask
        found: list[int] = []
        while places[slot]:
            if tags[slot] == tag:
                found.append(places[slot] - 1)
            slot = (slot + 1) & mask
        found.reverse()
        return found
