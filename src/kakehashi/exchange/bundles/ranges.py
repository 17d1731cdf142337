"""Sets of line numbers as ranges, as files carry them."""

from collections.abc import Iterable, Sequence

from kakehashi.errors import InputError

_MOST = 10_000_000


def as_ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Numbers as ranges that hold both their ends.

    Examples:
        >>> as_ranges({1, 2, 3, 7})
        [[1, 3], [7, 7]]
    """
    made: list[list[int]] = []
    for number in sorted(set(numbers)):
        if made and made[-1][1] == number - 1:
            made[-1][1] = number
        else:
            made.append([number, number])
    return made


def from_ranges(ranges: object) -> set[int]:
    """The numbers of :func:`as_ranges`.

    Raises:
        InputError: They are not ranges of line numbers.
    """
    found: set[int] = set()
    if not isinstance(ranges, list):
        raise InputError("not a list of ranges")
    for one in ranges:
        if not (isinstance(one, Sequence) and len(one) == 2 and all(type(n) is int for n in one)):
            raise InputError("not a range of line numbers")
        low, high = one
        if not 0 < low <= high or len(found) + high - low > _MOST:
            raise InputError(f"{low} to {high} is not a range of line numbers")
        found.update(range(low, high + 1))
    return found
