"""Which keys are surely not in a store, in a fixed megabyte of memory."""

_BITS = 23
_MASK = (1 << _BITS) - 1
_DIGITS = 18


class KeyFilter:
    """A Bloom filter over hexadecimal keys that are hashes already: it never misses a key that was added.

    One megabyte, three bits a key: beside 100,000 keys about 1 in 25,000 others is taken for one of them, beside a
    million about 1 in 40. Such a key only costs the look-up that the filter else saves.

    References:
        Bloom (1970). Space/time trade-offs in hash coding with allowable errors. CACM 13, 422-426.

    Examples:
        >>> seen = KeyFilter()
        >>> seen.add("00" * 32)
        >>> seen.may_hold("00" * 32), seen.may_hold("ab" * 32)
        (True, False)
    """

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(1 << (_BITS - 3))

    def add(self, key: str) -> None:
        """Note a key of at least 18 hexadecimal digits."""
        number, bits = int(key[:_DIGITS], 16), self._bits
        for part in (number & _MASK, number >> _BITS & _MASK, number >> 2 * _BITS & _MASK):
            bits[part >> 3] |= 1 << (part & 7)

    def may_hold(self, key: str) -> bool:
        """Whether the key may have been added; ``False`` is certain."""
        number, bits = int(key[:_DIGITS], 16), self._bits
        one, two, three = number & _MASK, number >> _BITS & _MASK, number >> 2 * _BITS & _MASK
        return bool(
            bits[one >> 3] >> (one & 7) & bits[two >> 3] >> (two & 7) & bits[three >> 3] >> (three & 7) & 1
        )
