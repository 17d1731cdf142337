"""Bytes of a table as text: UTF-8, or what Japanese spreadsheets save without being asked."""

import re

#: Kana in cp932 begin with bytes that are control characters in Latin-1: no Western text decodes to them by chance.
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")


def decode_table(data: bytes) -> str:
    """A table's text: UTF-8 with or without its mark, else cp932 (Shift_JIS of Windows) where that gives kana.

    Text of another encoding can decode as cp932 into a few wrong kanji; without kana it is refused, never guessed.

    Raises:
        UnicodeDecodeError: Neither; it tells the place in UTF-8.

    Examples:
        >>> decode_table("モデル,値".encode("cp932")), decode_table("\ufeffa,b".encode())
        ('モデル,値', 'a,b')
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp932")
        except UnicodeDecodeError:
            text = ""
        if not _KANA.search(text):
            raise
        return text
