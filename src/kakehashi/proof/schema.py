"""Validators of JSON Schema."""

import sys
from collections.abc import Mapping
from typing import Any

_GRAMMAR = "rfc3987_syntax"


def schema_validator(schema: Mapping[str, Any]) -> Any:
    """A validator of a schema of draft 2020-12; formats such as ``uri`` are not looked at.

    Returns:
        A ``jsonschema.Draft202012Validator``.
    """
    # Where another program has brought rfc3987-syntax, jsonschema builds its grammar on import: most of a second at
    # the start of every command, for formats that no schema of ours asks for.
    spared = "jsonschema" not in sys.modules and _GRAMMAR not in sys.modules
    if spared:
        sys.modules[_GRAMMAR] = None  # type: ignore[assignment]
    try:
        from jsonschema import Draft202012Validator
    finally:
        if spared:
            del sys.modules[_GRAMMAR]
    return Draft202012Validator(schema)
