"""A quick yes or no for the part of JSON Schema that our extensions use; for the reasons of a no, ask jsonschema.

And what a pattern cannot say: whether a time is one of the calendar.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from kakehashi.errors import InputError

Test = Callable[[Any], bool]
Place = tuple[tuple[str, ...], bool]
"""Where a time stands (``*`` for each element of a list), and whether with its time of day."""

_NOTES = {"$schema", "$id", "title", "description"}
_OF_ANY = {
    "type",
    "enum",
    "const",
    "pattern",
    "minLength",
    "minimum",
    "maximum",
    "items",
    "minItems",
    "uniqueItems",
}
_OF_OBJECT = {"properties", "required", "additionalProperties", "minProperties", "dependentRequired"}
_KINDS: dict[str, Test] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def compile_schema(schema: Mapping[str, Any]) -> Test:
    """A function that says whether a value is valid.

    Whole floats (``3.0``) are no integers here, unlike in JSON Schema: floats are refused in our extensions anyway.

    Args:
        schema: The schema.

    Raises:
        InputError: It uses what is not known here.

    Examples:
        >>> test = compile_schema({"type": "object", "required": ["k"], "properties": {"k": {"type": "integer"}}})
        >>> test({"k": 1}), test({"k": "1"}), test({})
        (True, False, False)
    """
    if unknown := set(schema) - _NOTES - _OF_ANY - _OF_OBJECT:
        raise InputError(f"a schema with {', '.join(sorted(unknown))} cannot be compiled")
    tests: list[Test] = [_KINDS[schema["type"]]] if "type" in schema else []
    if "enum" in schema:
        allowed = tuple(schema["enum"])
        tests.append(lambda value: isinstance(value, str) and value in allowed)
    if "const" in schema:
        only = schema["const"]
        tests.append(lambda value: bool(value == only))
    if "pattern" in schema:
        search = re.compile(schema["pattern"]).search
        tests.append(lambda value: search(value) is not None)
    if "minLength" in schema:
        shortest: int = schema["minLength"]
        tests.append(lambda value: len(value) >= shortest)
    if "minimum" in schema or "maximum" in schema:
        low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        tests.append(lambda value: low <= value <= high)
    if schema.get("type") == "array":
        tests += _of_arrays(schema)
    if schema.get("type") == "object":
        tests += _of_objects(schema)
    return lambda value: all(test(value) for test in tests)


def _of_arrays(schema: Mapping[str, Any]) -> list[Test]:
    tests: list[Test] = []
    if "minItems" in schema:
        fewest: int = schema["minItems"]
        tests.append(lambda value: len(value) >= fewest)
    if "items" in schema:
        one = compile_schema(schema["items"])
        tests.append(lambda value: all(one(item) for item in value))
    if schema.get("uniqueItems"):  # after the items' own test: only strings are ever asked to be unique
        tests.append(lambda value: len(set(value)) == len(value))
    return tests


def _of_objects(schema: Mapping[str, Any]) -> list[Test]:
    inner = {name: compile_schema(part) for name, part in schema.get("properties", {}).items()}
    required = tuple(schema.get("required", ()))
    other = schema.get("additionalProperties", True)
    rest: Test = compile_schema(other) if isinstance(other, Mapping) else (lambda _: bool(other))
    fewest = schema.get("minProperties", 0)
    follows = tuple(schema.get("dependentRequired", {}).items())

    def test(value: Mapping[str, Any]) -> bool:
        if len(value) < fewest or any(name not in value for name in required):
            return False
        if any(name in value and any(need not in value for need in needs) for name, needs in follows):
            return False
        return all(inner.get(name, rest)(part) for name, part in value.items())

    return [test]


def time_places(schema: Mapping[str, Any]) -> tuple[Place, ...]:
    """Where a schema asks for a time or a date, by its pattern.

    Examples:
        >>> time_places({"properties": {"on": {"items": {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}}}})
        ((('on', '*'), False),)
    """
    found: list[Place] = []
    waiting: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), schema)]
    while waiting:
        path, inner = waiting.pop()
        pattern = str(inner.get("pattern", ""))
        if pattern.startswith("^[0-9]{4}-[0-9]{2}-[0-9]{2}"):
            found.append((path, "T" in pattern))
        waiting += [((*path, key), one) for key, one in inner.get("properties", {}).items()]
        waiting += [((*path, "*"), inner["items"])] if "items" in inner else []
    return tuple(found)


def no_times(
    places: Sequence[Place], body: Any, moment: Callable[[str], object]
) -> Iterator[tuple[str, str]]:
    """Of the times in a valid body, those of no calendar: where they stand, and what they say.

    Args:
        places: Of :func:`time_places`.
        body: What is valid by the schema.
        moment: Reads a timestamp, or raises ``ValueError``.
    """
    for path, timed in places:
        values = [body]
        for part in path:
            inner = [
                list(one) if part == "*" else [one[part]] for one in values if part == "*" or part in one
            ]
            values = [one for some in inner for one in some]
        for value in values:
            try:
                moment(value) if timed else date.fromisoformat(value)
            except ValueError:
                yield "/".join(path), value
