"""Prompts and answers, apart from everything else, so that they can be deleted without touching the log.

The texts of one record are one file: JSON lines, zstd-compressed, named by the hash of its bytes. Its first
line holds a nonce made from the ledger's secret salt, so that after a purge the hash that stays in the record
cannot be used to find out by guessing what the texts were.
"""

import hmac
import io
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from kakehashi.errors import CorruptFileError, FormatVersionError, InputError
from kakehashi.ledger.files import storage_errors
from kakehashi.proof import canonical_bytes, parse_json

TEXTS_FORMAT = "kakehashi.texts/1"
MAX_LINE = 64 << 20

Texts = Mapping[str, Mapping[str, object]] | Iterable[Mapping[str, object]]
"""``{sample: {"prompt": …, "response": …}}``, or rows that name their ``sample`` and perhaps ``epoch``."""


def text_hash(text: str, salt: bytes | None = None) -> str:
    """Hash by which an answer is known in item rows.

    Args:
        text: The answer.
        salt: The ledger's salt for private items, whose answers nobody may guess from the hash; None for
            public ones.

    Examples:
        >>> text_hash("No.")[:8]
        '38178a20'
    """
    data = text.encode("utf-8", "replace")
    return sha256(data).hexdigest() if salt is None else hmac.new(salt, data, "sha256").hexdigest()


def write_texts(
    texts: Texts, path: Path, *, nonce: str, salt: bytes | None
) -> tuple[int, dict[tuple[str, int], str]]:
    """Write a pack of texts.

    Args:
        texts: The texts; read once, row by row.
        path: The file to write.
        nonce: What makes the pack's hash unguessable.
        salt: Passed to :func:`text_hash` for the hashes returned.

    Returns:
        The number of rows, and the hash of every ``response`` by sample and epoch.

    Raises:
        InputError: A row without sample, the same sample and epoch twice, or what is not text.
        DiskFullError: No space is left.
    """
    import zstandard

    hashes: dict[tuple[str, int], str] = {}
    seen: set[tuple[str, int]] = set()
    with (
        storage_errors(path),
        path.open("wb") as raw,
        zstandard.ZstdCompressor(level=3).stream_writer(raw) as out,
    ):
        out.write(canonical_bytes({"format": TEXTS_FORMAT, "nonce": nonce}) + b"\n")
        for number, row in enumerate(_rows(texts), 1):
            key = _key(row, number)
            if key in seen:
                raise InputError(
                    f"the texts of sample {key[0]!r}, epoch {key[1]}, are given twice", row=number
                )
            seen.add(key)
            out.write(canonical_bytes(_cleaned(row)) + b"\n")
            if isinstance(response := row.get("response"), str):
                hashes[key] = text_hash(response, salt)
    return len(seen), hashes


def read_texts(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a pack, in order.

    Raises:
        CorruptFileError: The pack is damaged.
        FormatVersionError: The pack is newer than this program.
    """
    import zstandard

    with storage_errors(path), path.open("rb") as raw:
        reader = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw))
        try:
            head = parse_json(reader.readline(MAX_LINE), path=path)
            _check_head(head, path)
            while line := reader.readline(MAX_LINE):
                row = parse_json(line, path=path)
                if not isinstance(row, dict):
                    raise CorruptFileError("a row of texts is not an object", path=path)
                yield row
        except (zstandard.ZstdError, InputError) as error:
            if isinstance(error, FormatVersionError):
                raise
            raise CorruptFileError(
                f"the texts cannot be read: {error}",
                path=path,
                hint="Fetch this file from a copy of the ledger.",
            ) from error


def _check_head(head: object, path: Path) -> None:
    found = head.get("format") if isinstance(head, dict) else None
    if found == TEXTS_FORMAT:
        return
    name, _, version = str(found).partition("/")
    if name == TEXTS_FORMAT.partition("/")[0] and version.isdigit():
        raise FormatVersionError(str(found), TEXTS_FORMAT, path=path)
    raise CorruptFileError("this is not a pack of texts", path=path)


def _rows(texts: Texts) -> Iterator[Mapping[str, object]]:
    if isinstance(texts, Mapping):
        for sample, row in texts.items():
            yield {**row, "sample": sample}
    else:
        yield from texts


def _key(row: Mapping[str, object], number: int) -> tuple[str, int]:
    sample, epoch = row.get("sample"), row.get("epoch", 0)
    if not isinstance(sample, str) or not sample:
        raise InputError("a row of texts does not name its sample", row=number)
    if not isinstance(epoch, int):
        raise InputError(f"the epoch of sample {sample!r} is {epoch!r}, not a whole number", row=number)
    return sample, epoch


def _cleaned(row: Mapping[str, object]) -> dict[str, object]:
    # An answer may hold lone surrogates (a model's broken output): keep what can be kept.
    return {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in row.items()}
