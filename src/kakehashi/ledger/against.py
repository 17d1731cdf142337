"""What a ledger is held against: a root that was kept elsewhere, in whatever form it was kept.

Reports carry it machine-readably: HTML as ``<meta name="kakehashi-ledger" content="size=12 root=…">``, JSON
as ``{"ledger": {"size": 12, "root": "…"}}``.
"""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from kakehashi.errors import InputError
from kakehashi.ledger.files import read_bytes
from kakehashi.proof import Checkpoint, TreeHead, parse_json

META_NAME = "kakehashi-ledger"
_MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier state of a ledger.

    Attributes:
        root_hex: The Merkle root.
        size: Number of records, or None where only the root is known.
        where: Where it was read.
        checkpoint: The checkpoint, where it was one.
    """

    root_hex: str
    size: int | None
    where: str
    checkpoint: Checkpoint | None = None

    def __str__(self) -> str:
        return self.where


def read_reference(against: object) -> Reference:
    """Read an earlier state from any form in which it may have been kept.

    Args:
        against: A tree head, a checkpoint, their text, a bare root (64 hexadecimal digits), or the path of a
            report or checkpoint file.

    Raises:
        InputError: It is none of these, or the file holds no root or several.
    """
    if isinstance(against, TreeHead):
        return Reference(against.root_hex, against.size, str(against))
    if isinstance(against, Checkpoint):
        return Reference(against.head.root_hex, against.head.size, f"checkpoint of {against.origin}", against)
    text = str(against).strip()
    if isinstance(against, str):
        if re.fullmatch(r"[0-9a-fA-F]{64}", text):
            return Reference(text.lower(), None, f"root {text.lower()}")
        if re.fullmatch(r"(size=)?\d+[:\s]\s*(root=)?[0-9a-fA-F]{64}", text):
            return read_reference(TreeHead.parse(text))
        if "\n\n" in str(against):
            return read_reference(Checkpoint.parse(str(against)))
    path = Path(text)
    if not path.is_file():
        raise InputError(
            f"{text[:200]!r} is neither a file nor a root",
            hint="Give a report, a checkpoint file, or 'size=12 root=<64 hex digits>'.",
        )
    if path.stat().st_size > _MAX_BYTES:
        raise InputError("the file is too large to be a report", path=path)
    return _read_file(path)


def _read_file(path: Path) -> Reference:
    data = read_bytes(path)
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"<":
        parser = _MetaParser()
        parser.feed(data.decode("utf-8", "replace"))
        heads = set(parser.contents)
    elif start in (b"{", b"["):
        parsed = parse_json(data, path=path)
        ledger = parsed.get("ledger") if isinstance(parsed, dict) else None
        heads = (
            {f"size={ledger.get('size')} root={ledger.get('root')}"} if isinstance(ledger, dict) else set()
        )
    else:
        try:
            note = Checkpoint.parse(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InputError("this is neither a report nor a checkpoint", path=path) from error
        except InputError as error:
            raise InputError(error.message, path=path) from error
        return Reference(note.head.root_hex, note.head.size, str(path), note)
    if len(heads) != 1:
        raise InputError(
            "the report names no ledger root" if not heads else f"the report names {len(heads)} ledger roots",
            path=path,
            hint="Give one as 'size=12 root=<64 hex digits>'.",
        )
    try:
        head = TreeHead.parse(heads.pop())
    except InputError as error:
        raise InputError(error.message, path=path) from error
    return Reference(head.root_hex, head.size, str(path))


class _MetaParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.contents: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "meta" and found.get("name") == META_NAME:
            self.contents.append(found.get("content") or "")
