"""Bech32 (BIP 173) without its limit of length: the text form of age keys."""

from kakehashi.errors import InputError

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def bech32(kind: str, data: bytes) -> str:
    """Bytes as text that notices a mistyped letter.

    Examples:
        >>> unbech32("age", bech32("age", bytes(range(32)))) == bytes(range(32))
        True
    """
    bits = int.from_bytes(data, "big")
    count = -(-len(data) * 8 // 5)
    bits <<= count * 5 - len(data) * 8
    fives = [(bits >> 5 * (count - 1 - n)) & 31 for n in range(count)]
    check = _polymod([*_expanded(kind), *fives, *([0] * 6)]) ^ 1
    fives += [(check >> 5 * (5 - n)) & 31 for n in range(6)]
    return f"{kind}1" + "".join(_LETTERS[five] for five in fives)


def unbech32(kind: str, text: str, *, secret: bool = False) -> bytes:
    """The 32 bytes behind a text of a kind.

    Args:
        kind: What stands before the last ``1``.
        text: The text, in lower case.
        secret: Whether the text must not appear in an error.

    Raises:
        InputError: It is of another kind, mistyped, or not of 32 bytes.
    """
    shown = "this" if secret else repr(text[:80])
    head, one, body = text.rpartition("1")
    wrong = InputError(f"{shown} is not a key of the form {kind}1…, or a letter of it is wrong")
    if not one or head != kind or len(body) != 58 or set(body) - set(_LETTERS):
        raise wrong
    fives = [_LETTERS.index(letter) for letter in body]
    if _polymod([*_expanded(kind), *fives]) != 1:
        raise wrong
    bits = 0
    for five in fives[:-6]:
        bits = bits << 5 | five
    if bits & 15:  # 52 letters hold 260 bits: four more than a key, which must be zero
        raise wrong
    return (bits >> 4).to_bytes(32, "big")


def _expanded(kind: str) -> list[int]:
    return [ord(c) >> 5 for c in kind] + [0] + [ord(c) & 31 for c in kind]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for n, generator in enumerate(_GENERATORS):
            check ^= generator if top >> n & 1 else 0
    return check
