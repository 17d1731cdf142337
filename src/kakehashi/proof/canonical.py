"""Strict JSON in, canonical JSON out (RFC 8785).

The bytes of :func:`canonical_bytes` depend on the value alone: keys are sorted by their UTF-16 code units,
numbers are written as ECMAScript writes them, strings are escaped as little as JSON allows and there is no
white space. What RFC 8785 cannot carry without loss (NaN, infinities, integers that a double would change,
lone surrogates) is refused, never bent.

References:
    Rundgren, Jordan, Erdtman (2020), RFC 8785, JSON Canonicalization Scheme (JCS).
    ECMA-262, Number::toString.
"""

import json
import math
from collections.abc import Mapping
from json.encoder import encode_basestring
from pathlib import Path
from typing import TypeAlias

from kakehashi.errors import InputError

MAX_DEPTH = 100
"""How deep a JSON document may be nested: far more than any record needs, far less than Python's stack."""

MAX_SAFE_INTEGER = 2**53 - 1
"""The greatest integer that every reader of JSON reads alike."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def canonical_bytes(value: object) -> bytes:
    """The RFC 8785 form of a JSON value, as UTF-8.

    Args:
        value: None, bools, ints, finite floats, strings, and lists, tuples and string-keyed mappings of them.

    Returns:
        The canonical bytes; two values that are equal as JSON have equal bytes.

    Raises:
        InputError: A NaN or infinity, an integer beyond 2**53 - 1, a lone surrogate, a key that is not a
            string, an unknown type, or nesting deeper than :data:`MAX_DEPTH`. The message names the path to
            it.

    Examples:
        >>> canonical_bytes({"b": [1.0, 1e30, None], "a": "é"}).decode()
        '{"a":"é","b":[1,1e+30,null]}'
    """
    try:
        if _is_plain(value, 0):
            return _encode_plain(value).encode("utf-8")
        parts: list[str] = []
        _write(value, parts, "$", 0)
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"a string holds a lone surrogate (U+{ord(error.object[error.start]):04X}) and cannot be stored",
            hint="Replace what is not Unicode before storing it.",
        ) from error


def es6_number(number: int | float) -> str:
    """A number as ECMAScript's ``Number::toString`` writes it.

    Args:
        number: A finite float, or an integer that a double carries digit by digit (all to 2**53 - 1 are).

    Raises:
        InputError: The number is NaN, infinite, or an integer that a double would change.

    Examples:
        >>> [es6_number(x) for x in (5.0, -0.0, 1e21, 1e-7, 0.000001, 123456789012345680000.0)]
        ['5', '0', '1e+21', '1e-7', '0.000001', '123456789012345680000']
    """
    if isinstance(number, int):
        if abs(number) <= MAX_SAFE_INTEGER:
            return str(int(number))
        if abs(number) < 1e21 and (text := es6_number(float(number))) == str(int(number)):
            return text
        raise InputError(
            f"the integer {number} is beyond 2**53 - 1 and no double", hint="Write it as a string."
        )
    if not math.isfinite(number):
        raise InputError(f"{number} is not a JSON number", hint="Write null, and the reason beside it.")
    if number == 0:
        return "0"
    sign, text = ("-", repr(-number)) if number < 0 else ("", repr(float(number)))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    # point: how many of the digits stand before the decimal point (the n of ECMA-262).
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        body = digits + "0" * (point - count)
    elif 0 < point <= 21:
        body = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + digits
    else:
        scale = point - 1
        body = (
            digits[0] + (f".{digits[1:]}" if count > 1 else "") + f"e{'+' if scale > 0 else '-'}{abs(scale)}"
        )
    return sign + body


def parse_json(
    data: bytes,
    *,
    path: Path | str | None = None,
    max_depth: int = MAX_DEPTH,
    nan_as_null: bool = False,
) -> Json:
    """Read strict JSON: UTF-8, no NaN, no key twice, not too deep.

    Args:
        data: The bytes of the document.
        path: Named in errors.
        max_depth: How deep lists and objects may be nested.
        nan_as_null: Whether to read ``NaN`` and ``Infinity``, which other programs write though JSON has no
            such thing, as null instead of refusing them.

    Raises:
        InputError: The bytes are not UTF-8, not JSON, cut off, nested too deep, hold a NaN or infinity or
            name one key twice.

    Examples:
        >>> parse_json(b'{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8 (byte 0x{data[error.start]:02x} at offset {error.start})",
            path=path,
            hint="Save the file as UTF-8 and try again.",
        ) from error
    try:
        value: Json = json.loads(
            text,
            parse_constant=(lambda _: None) if nan_as_null else _refuse_constant,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as error:
        cut = " (the file ends too early)" if error.pos >= len(text.rstrip()) else ""
        raise InputError(
            f"not JSON: {error.msg} at column {error.colno}{cut}",
            path=path,
            row=error.lineno,
            hint="Fetch or export the file again.",
        ) from error
    except RecursionError as error:
        raise _too_deep(path, max_depth) from error
    except _StrictnessError as error:
        raise InputError(str(error), path=path, hint="Fetch or export the file again.") from None
    except ValueError as error:  # an integer of thousands of digits
        raise InputError(f"not JSON that can be read: {error}", path=path) from error
    if text.count("[") + text.count("{") > max_depth and _deeper_than(value, max_depth):
        raise _too_deep(path, max_depth)
    return value


class _StrictnessError(ValueError):
    """Valid for Python's json module, not for us."""


def _refuse_constant(name: str) -> Json:
    raise _StrictnessError(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _StrictnessError(f"the key {key!r} stands twice in one object")
            seen.add(key)
    return found


def _too_deep(path: Path | str | None, max_depth: int) -> InputError:
    return InputError(
        f"nested deeper than {max_depth} levels", path=path, hint="No format read here nests so deep."
    )


def _deeper_than(value: Json, limit: int) -> bool:
    level: list[Json] = [value]
    for _ in range(limit):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(v for v in item.values() if isinstance(v, dict | list))
            elif isinstance(item, list):
                below.extend(v for v in item if isinstance(v, dict | list))
        if not below:
            return False
        level = below
    return True


_encode_plain = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _is_plain(value: object, depth: int) -> bool:
    """Whether Python's own encoder, which is ten times as fast, writes a value canonically.

    That is so for the types of JSON themselves, without floats and without keys beyond ASCII: it sorts by code points.
    """
    if type(value) is str:
        return True
    if type(value) is dict:
        if depth >= MAX_DEPTH:
            return False
        for key, part in value.items():
            if type(key) is not str or not key.isascii():
                return False
            if type(part) is not str and not _is_plain(part, depth + 1):
                return False
        return True
    if type(value) is list:
        return depth < MAX_DEPTH and all(type(part) is str or _is_plain(part, depth + 1) for part in value)
    if type(value) is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    return value is None or type(value) is bool


def _write(value: object, parts: list[str], where: str, depth: int) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(encode_basestring(str(value)))
    elif isinstance(value, int | float):
        try:
            parts.append(es6_number(value))
        except InputError as error:
            raise InputError(f"{where}: {error.message}", hint=error.hint) from None
    elif depth >= MAX_DEPTH:
        raise InputError(f"{where[:80]}…: nested deeper than {MAX_DEPTH} levels")
    elif isinstance(value, Mapping):
        _write_object(value, parts, where, depth)
    elif isinstance(value, list | tuple):
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(",")
            _write(item, parts, f"{where}[{index}]", depth + 1)
        parts.append("]")
    else:
        raise InputError(f"{where}: a {type(value).__name__} has no JSON form")


def _write_object(value: Mapping[object, object], parts: list[str], where: str, depth: int) -> None:
    for key in value:
        if not isinstance(key, str):
            raise InputError(f"{where}: the key {key!r} is not a string")
    parts.append("{")
    for index, key in enumerate(sorted(value, key=_utf16)):
        if index:
            parts.append(",")
        parts.append(encode_basestring(str(key)))
        parts.append(":")
        _write(value[key], parts, f"{where}.{key}", depth + 1)
    parts.append("}")


def _utf16(key: object) -> bytes:
    return str(key).encode("utf-16-be", "surrogatepass")
