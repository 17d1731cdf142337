"""A cell of a table that a spreadsheet will open."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """A text that a spreadsheet does not take for a formula, without the NUL that no CSV may hold.

    Examples:
        >>> safe_cell("=1+1"), safe_cell("plain")
        ("'=1+1", 'plain')
    """
    text = text.replace("\0", "")
    return f"'{text}" if text.startswith(_FORMULA) else text
