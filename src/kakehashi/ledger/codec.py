"""The records of ``kakehashi.model`` as strict JSON and back.

One codec for every frozen dataclass of the model room, led by its type hints. Fields that hold their default
are left out; a number that is not a number becomes null (a measurement then says why); infinities are
refused.
"""

import dataclasses
import math
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from kakehashi.errors import InputError
from kakehashi.model import Measurement

T = TypeVar("T")

NOT_A_NUMBER = "not-a-number"
"""Reason given for a value that was NaN and came without one."""


def encode(record: object) -> dict[str, Any]:
    """A dataclass of the model room as a JSON object.

    Args:
        record: A frozen dataclass such as :class:`~kakehashi.model.Measurement`.

    Raises:
        InputError: A number is infinite, or a value has no JSON form.

    Examples:
        >>> from kakehashi.model import Interval
        >>> encode(Interval(0.1, 0.3, 0.95, "wilson"))
        {'low': 0.1, 'high': 0.3, 'confidence_level': 0.95, 'method': 'wilson'}
    """
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise InputError(f"a {type(record).__name__} is not a record of the model")
    found: dict[str, Any] = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.default is not dataclasses.MISSING and value == field.default:
            continue
        if field.default_factory is not dataclasses.MISSING and value == field.default_factory():
            continue
        found[field.name] = _encode_value(value, f"{type(record).__name__}.{field.name}")
    if isinstance(record, Measurement) and found["value"] is None and not record.reason:
        found["reason"] = NOT_A_NUMBER
    return found


def decode(kind: type[T], value: object, *, where: str = "") -> T:
    """Read a dataclass of the model room from JSON.

    Args:
        kind: The dataclass.
        value: The parsed JSON object.
        where: Where it stands, for error messages.

    Raises:
        InputError: A field is missing, unknown or of the wrong type; the message says which.

    Examples:
        >>> from kakehashi.model import Interval
        >>> decode(Interval, {"low": 0, "high": 1, "confidence_level": 0.95, "method": "stated"})
        Interval(low=0.0, high=1.0, confidence_level=0.95, method='stated')
    """
    where = where or kind.__name__
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected an object, found {_name(value)}")
    readers, required = _shape(cast(Any, kind))
    unknown = value.keys() - readers.keys()
    if unknown:
        raise InputError(
            f"{where}: unknown field {sorted(unknown)[0]!r}", hint=f"Known: {', '.join(readers)}."
        )
    missing = required - value.keys()
    if missing:
        raise InputError(f"{where}: the field {sorted(missing)[0]!r} is missing")
    made = kind(**{key: readers[key](item, f"{where}.{key}") for key, item in value.items()})
    if isinstance(made, Measurement) and made.value is None and not made.reason:
        raise InputError(f"{where}: the value is null, but no reason is given")
    return made


def measurement_to_json(measurement: Measurement) -> dict[str, Any]:
    """:func:`encode` under the name that importers and runs use."""
    return encode(measurement)


def measurement_from_json(value: object) -> Measurement:
    """:func:`decode` of a measurement."""
    return decode(Measurement, value)


def _encode_value(value: object, where: str) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, StrEnum):
        return str(value.value)
    if isinstance(value, str):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode(value)
    if isinstance(value, Mapping):
        return {str(key): _encode_value(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode_value(item, f"{where}[{index}]") for index, item in enumerate(value)]
    return _encode_number(value, where)


def _encode_number(value: object, where: str) -> int | float | None:
    if hasattr(value, "__index__"):  # numpy integers too
        return int(value)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: a {type(value).__name__} has no JSON form") from error
    if math.isinf(number):
        raise InputError(
            f"{where}: {number} has no JSON form", hint="Leave it out, and say why in the reason."
        )
    return None if math.isnan(number) else number


_Reader = Callable[[object, str], object]


@cache
def _shape(kind: Any) -> tuple[dict[str, _Reader], frozenset[str]]:
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    required = frozenset(
        f.name
        for f in fields
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )
    return {f.name: _reader(hints[f.name]) for f in fields}, required


def _reader(hint: Any) -> _Reader:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = [_reader(a) for a in arguments if a is not types.NoneType]
        return lambda value, where: None if value is None else inner(value, where)
    if origin is tuple:
        item = _reader(arguments[0])
        return lambda value, where: tuple(
            item(v, f"{where}[{i}]") for i, v in enumerate(_checked(value, list, "a list", where))
        )
    if origin is not None and issubclass(origin, Mapping):
        entry = _reader(arguments[1])
        return lambda value, where: {
            k: entry(v, f"{where}.{k}") for k, v in _checked(value, dict, "an object", where).items()
        }
    if hint is object:
        return lambda value, where: value
    if hasattr(hint, "__dataclass_fields__"):
        return lambda value, where: decode(hint, value, where=where)
    if issubclass(hint, StrEnum):
        return lambda value, where: _member(hint, value, where)
    if hint is float:
        return lambda value, where: float(_number(value, where))
    if hint is int:
        return _whole
    return lambda value, where: _checked(value, hint, {str: "a string", bool: "true or false"}[hint], where)


def _checked(value: object, kind: type, words: str, where: str) -> Any:
    if not isinstance(value, kind):
        raise InputError(f"{where}: expected {words}, found {_name(value)}")
    return value


def _number(value: object, where: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{where}: expected a number, found {_name(value)}")
    return value


def _whole(value: object, where: str) -> int:
    number = _number(value, where)
    if number != int(number):
        raise InputError(f"{where}: expected a whole number, found {_name(value)}")
    return int(number)


def _member(kind: type[StrEnum], value: object, where: str) -> StrEnum:
    try:
        return kind(str(value))
    except ValueError:
        known = ", ".join(m.value for m in kind)
        raise InputError(f"{where}: {_name(value)} is not one of {known}") from None


def _name(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
