"""What every format has in common: reading gives objects, writing a document, both with a status for each field.

``direct`` (the same thing), ``partial`` (some of it), ``approximate`` (a near thing), ``unmapped`` (kept in the
document, not read; or, on the way out, not in the document).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Literal

from kakehashi.errors import InputError
from kakehashi.exchange.ids import TLP_2, TLP_IDS
from kakehashi.exchange.records import Record, extension, extension_of

Status = Literal["direct", "partial", "approximate", "unmapped"]
STATUSES: tuple[Status, ...] = ("direct", "partial", "approximate", "unmapped")
Held = tuple[bytes, list[str]]
_SAFE_URL = re.compile(r"https?://[\x21-\x7e]+")
_UNSAFE = re.compile(r'[<>"{}|\\^`\[\]]')


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document became.

    Attributes:
        objects: The STIX objects; those made of a document bear its field statuses in the extension ``imported``.
        fields: Status of each field of the document.
        held: What could not be read: its bytes, and why, with line or path.
    """

    objects: tuple[Record, ...]
    fields: Mapping[str, Status]
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Writing:
    """A document that objects became.

    Attributes:
        data: The document.
        fields: Status of each property of the objects that were written.
        licence: What whoever passes the document on must keep to, or ``None``.
    """

    data: bytes
    fields: Mapping[str, Status]
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A format of others.

    Attributes:
        name: What ``--as`` takes, and the first part of ``imported.format``.
        title: For people.
        recognize: Whether a document is of this format: takes its bytes and, where it is JSON, what was parsed.
        read: Bytes, name of the file and TLP level → reading.
        write: Objects → writing.
        reads: Field → status when read; what the documentation's table shows.
        writes: Property → status when written.
    """

    name: str
    title: str
    recognize: Callable[[bytes, Any], bool]
    read: Callable[[bytes, str, str | None], Reading]
    write: Callable[[Sequence[Record]], Writing]
    reads: Mapping[str, Status]
    writes: Mapping[str, Status] = field(default_factory=dict)


def imported(
    name: str, data: bytes | str, fields: Mapping[str, str], *, whole: bool, of: bytes | None = None
) -> dict[str, Any]:
    """The extension that says where an object comes from.

    Args:
        name: Format and version, such as ``csaf/2.0``.
        data: The document.
        fields: Status of each field.
        whole: Whether this object carries the document itself.
        of: The document whose hash stands in the extension, where it is not ``data``.

    Raises:
        InputError: The document is no UTF-8 text.
    """
    raw = data.encode() if isinstance(data, str) else data
    return extension(
        "imported",
        format=name,
        document=text_of(raw) if whole else None,
        document_sha256=sha256(raw if of is None else of).hexdigest(),
        fields=dict(fields),
    )


def text_of(data: bytes, *, name: str = "") -> str:
    """A document as text, losing nothing (a byte order mark stays).

    Raises:
        InputError: It is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"line {line}: not UTF-8 text", path=name or None) from error


def source_document(obj: Mapping[str, Any]) -> bytes:
    """The document that an object carries, byte for byte.

    Raises:
        InputError: It carries none, or it was changed inside.
    """
    body = extension_of(obj, "imported")
    if body is None or "document" not in body:
        raise InputError(f"{obj.get('id')} carries no document that it was imported from")
    data = str(body["document"]).encode()
    if sha256(data).hexdigest() != body.get("document_sha256"):
        raise InputError(f"the document inside {obj.get('id')} was changed")
    return data


def statuses(table: Mapping[str, Status], present: Mapping[str, object]) -> dict[str, Status]:
    """The status of each field of a document: what is empty or not in the table is not mapped."""
    return {name: table.get(name, "unmapped") if value else "unmapped" for name, value in present.items()}


def marked(level: str | None, *more: str) -> dict[str, Any]:
    """The property ``object_marking_refs``, or nothing where no marking is known: its creator alone sees it."""
    refs = [*([TLP_2[level]] if level else []), *more]
    return {"object_marking_refs": refs} if refs else {}


def level_of(obj: Mapping[str, Any]) -> str | None:
    """The strictest TLP level on an object, or ``None``."""
    order = list(TLP_2)
    levels = [TLP_IDS[ref] for ref in obj.get("object_marking_refs", ()) if ref in TLP_IDS]
    return max(levels, key=order.index) if levels else None


def day(value: object) -> str | None:
    """A date as the STIX time of its midnight, or ``None``."""
    text = value.isoformat() if isinstance(value, date) else str(value or "")
    found = re.match(r"\d{4}-\d{2}-\d{2}", text)
    try:
        return None if found is None else f"{date.fromisoformat(found[0])}T00:00:00.000Z"
    except ValueError:
        return None


def seconds(value: object) -> str | None:
    """Seconds since 1970 as a STIX time, or ``None``."""
    text = str(value or "")
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        return None
    return datetime.fromtimestamp(int(text), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def link(source: str, url: object, description: object = None) -> dict[str, str] | None:
    """An external reference; ``None`` where there is nothing to refer to."""
    entry = {"source_name": source}
    address = str(url or "")
    if _SAFE_URL.fullmatch(address) and not _UNSAFE.search(address):
        entry["url"] = address
    words = str(description or "") or ("" if "url" in entry else address)
    if words:
        entry["description"] = words
    return entry if len(entry) > 1 else None
