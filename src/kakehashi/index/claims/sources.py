"""Texts and tables to be checked: plain text, Markdown, Word, CSV; nothing is run and nothing is fetched."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from kakehashi.errors import InputError
from kakehashi.index.claims.figures import find_figures
from kakehashi.index.claims.numerals import plain_width
from kakehashi.ledger.encodings import decode_table
from kakehashi.ledger.files import read_bytes

KINDS = (".txt", ".md", ".docx", ".csv")

#: Larger files are no speech and no article.
MOST_BYTES = 5_000_000
#: The parts of a Word file that hold text a reader sees.
_PARTS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main "
_ITEM = re.compile(r"\s*(?:[-*+•・]\s|\d+[.)]\s|#{1,6}\s|\|)")
#: A unit that stands in the head of a column, as 投資額（億ドル） or Share (%).
_IN_HEAD = re.compile(r"[(\[](?:単位:)?([^\d()\[\]][^()\[\]]{0,15})[)\]]\s*$")
_MONEY_IN_HEAD = re.compile(r"(US\$|[$€£¥]|[A-Z]{3}) ?((?:thousand|million|billion|trillion|bn|mn|m)?)", re.I)
_BARE = re.compile(r"[△▲+-]?\d[\d,]*(?:\.\d+)?")
#: The line under the head of a Markdown table.
_RULE = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?")
_HEADING = re.compile(r"\s*#{1,6}\s")


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, or a row of a table.

    Attributes:
        line: Line on which it begins, from 1; in a Word file the paragraph or row, in a table the line of the file.
        text: Its words; in a table a bare number with the unit of its head.
        context: What else tells its subject: the head of a table.
    """

    line: int
    text: str
    context: str = ""


def read_passages(path: Path) -> list[Passage]:
    """The passages of a file.

    Raises:
        InputError: No such file, not one of :data:`KINDS`, torn, too large, or empty; with the line where there is one.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(
            f"a file of the kind {kind or 'without a suffix'!r} is not read",
            path=path,
            hint=f"Give one of {', '.join(KINDS)}; save other texts as one of these.",
        )
    if not path.is_file():
        raise InputError("no such file", path=path)
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES:,} bytes", path=path, hint="Give it in parts.")
    data = read_bytes(path)
    if kind == ".docx":
        found = [Passage(n, *texts) for n, texts in enumerate(_word(data, path), start=1)]
    else:
        try:
            text = decode_table(data)
        except UnicodeDecodeError as error:
            row = data[: error.start].count(b"\n") + 1
            raise InputError(
                "neither UTF-8 nor cp932", path=path, row=row, hint="Save it as UTF-8."
            ) from None
        if "\x00" in text:
            row = text[: text.index("\x00")].count("\n") + 1
            raise InputError("holds a zero byte: it is no text", path=path, row=row)
        found = list(_rows(text, path) if kind == ".csv" else _paragraphs(text))
    found = [one for one in found if one.text.strip()]
    if not found:
        raise InputError("holds no text", path=path, hint="Check that the file was saved.")
    return found


def _paragraphs(text: str) -> Iterator[Passage]:
    begun = 1
    held: list[str] = []
    head: list[str] = []
    for n, line in enumerate(text.splitlines(), start=1):
        if head and "|" in line:
            yield _table_row(n, line, head)
            continue
        head = _cells(held[-1]) if held and "|" in held[-1] and _RULE.fullmatch(line) else []
        if held and (not line.strip() or _ITEM.match(line) or _HEADING.match(held[-1]) or head):
            yield Passage(begun, "\n".join(held))
            held = []
        if line.strip() and not head:
            if not held:
                begun = n
            held.append(line)
    if held:
        yield Passage(begun, "\n".join(held))


def _cells(line: str) -> list[str]:
    """Cells of a line of a Markdown table."""
    return [cell.strip().strip("*") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def _table_row(n: int, line: str, head: list[str]) -> Passage:
    text, context = _row(_cells(line), head)
    return Passage(n, f"| {text} |", context)


def _row(cells: list[str], head: list[str]) -> tuple[str, str]:
    """A row under its head; where the two have the same cells, bare numbers with the units of the head."""
    if len(cells) == len(head):
        cells = [_with_unit(cell, name) for cell, name in zip(cells, head, strict=True)]
    return " | ".join(cells), " | ".join(head)


def _rows(text: str, path: Path) -> Iterator[Passage]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(rows, [])
        begun = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                if len(row) != len(head):
                    raise InputError(
                        f"{len(row)} cells, the head has {len(head)}",
                        path=path,
                        row=rows.line_num,
                        hint="Quote cells that hold a comma.",
                    )
                yield Passage(begun, *_row(row, head))
            begun = rows.line_num + 1
    except csv.Error as error:
        raise InputError(f"not CSV: {error}", path=path, row=rows.line_num) from None


def _with_unit(cell: str, head: str) -> str:
    """A cell in one line; a bare number with the unit that its head names, where the two read as one figure."""
    text = cell.strip().replace("\n", " ")
    named = _IN_HEAD.search(plain_width(head))
    if named is None or not _BARE.fullmatch(plain_width(text)):
        return text
    unit = named[1].strip()
    if money := _MONEY_IN_HEAD.fullmatch(unit):
        sign = f"{money[1]} " if money[1].isalpha() else money[1]
        whole = f"{sign}{text} {money[2]}".strip()
    else:
        whole = f"{text} {unit}" if unit[0].isascii() and unit[0].isalpha() else text + unit
    found = find_figures(whole)
    return whole if len(found) == 1 and found[0].text == whole else text


def _word(data: bytes, path: Path) -> Iterator[tuple[str, str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if _PARTS[0] not in names:
                raise InputError("no Word file: it has no word/document.xml", path=path)
            for name in _PARTS:
                if name in names:
                    with archive.open(name) as part:
                        xml = part.read(MOST_BYTES + 1)
                    if len(xml) > MOST_BYTES:
                        raise InputError(f"{name} unpacks to more than {MOST_BYTES:,} bytes", path=path)
                    yield from _word_texts(xml, name, path)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
    ) as error:
        raise InputError(
            f"the Word file is torn: {error}",
            path=path,
            hint="Open it in a word processor and save it again.",
        ) from None
    except Exception as error:
        if type(error).__module__ == "zlib":
            raise InputError(
                f"the Word file is torn: {error}", path=path, hint="Save it again as .docx."
            ) from None
        raise


def _word_row(cells: list[list[str]], head: list[str]) -> list[tuple[str, str]]:
    """A row of a Word table; a table that only places paragraphs on the page is read as paragraphs."""
    texts = [[text for text in cell if text.strip()] for cell in cells]
    if len(texts) < 2 or any(len(cell) > 1 for cell in texts):
        return [(text, "") for cell in texts for text in cell]
    flat = ["".join(cell) for cell in texts]
    if head:
        return [_row(flat, head)]
    head += flat
    return [(" | ".join(flat), "")]


def _word_texts(xml: bytes, name: str, path: Path) -> list[tuple[str, str]]:
    """Paragraphs and rows of a part, a row with its head; a document type, and with it every entity, is refused."""
    done: list[tuple[str, str]] = []
    stack: list[list[str]] = []
    heads: list[list[str]] = []
    rows: list[list[list[str]]] = []
    texts = 0
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, _: dict[str, str]) -> None:
        nonlocal texts
        tag = tag.removeprefix(_NAMESPACE)
        if tag == "p":
            stack.append([])
        elif tag == "tbl":
            heads.append([])
        elif tag == "tr":
            rows.append([])
        elif tag == "tc" and rows:
            rows[-1].append([])
        elif tag == "t":
            texts += 1
        elif stack and tag in ("tab", "br", "cr"):
            stack[-1].append(" ")
        elif stack and tag == "noBreakHyphen":
            stack[-1].append("-")

    def end(tag: str) -> None:
        nonlocal texts
        tag = tag.removeprefix(_NAMESPACE)
        if tag == "t":
            texts -= 1
        elif tag == "p" and stack:
            text = "".join(stack.pop())
            if rows and rows[-1]:
                rows[-1][-1].append(text)
            else:
                done.append((text, ""))
        elif tag == "tr" and rows:
            done.extend(_word_row(rows.pop(), heads[-1] if heads else []))
        elif tag == "tbl" and heads:
            heads.pop()

    def words(text: str) -> None:
        if texts and stack:
            stack[-1].append(text)

    def refuse(*_: object) -> None:
        raise InputError(f"{name} declares a document type, which no Word file does", path=path)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = words
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise InputError(f"{name} is no XML: {error}", path=path, hint="Save it again as .docx.") from None
    return done
