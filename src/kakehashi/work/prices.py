"""The user's own dated price table, read from a file; the program knows no price by itself."""

from pathlib import Path

import yaml

from kakehashi.errors import FormatVersionError, InputError
from kakehashi.evaluate.engine import PriceTable

FORMAT = "kakehashi.prices/1"


def read_prices(path: Path) -> PriceTable:
    """Read a price table: ``as_of``, ``currency``, ``source`` and prices of a million tokens by model id.

    Raises:
        InputError: The file is missing, no YAML, or a field is missing or no number.
        FormatVersionError: It was written for a newer Kakehashi.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"the price table cannot be read ({type(error).__name__})", path=path) from None
    if not isinstance(loaded, dict) or not str(loaded.get("format", "")).startswith("kakehashi.prices/"):
        raise InputError("not a price table", path=path, hint=f"Its first line is: format: {FORMAT}")
    if loaded["format"] != FORMAT:
        raise FormatVersionError(str(loaded["format"]), FORMAT, path=path)
    return PriceTable.from_mapping(loaded)
