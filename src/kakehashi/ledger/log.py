"""The log of a ledger: one record id a line, in the order in which records were added."""

import re
from pathlib import Path

from kakehashi.errors import CorruptFileError
from kakehashi.ledger.files import append_whole, read_bytes, storage_errors

_LINE = re.compile(rb"[0-9a-f]{64}")
_HALF = re.compile(rb"[0-9a-f]{0,64}")
LINE_BYTES = 65


def read_log(path: Path) -> list[str]:
    """The record ids of a log; a half line at the end (a write under way or cut short) is not one yet.

    Raises:
        CorruptFileError: A line is not a record id.
    """
    lines, rest = split_log(read_bytes(path))
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise _damaged(path, number, line)
    if not _HALF.fullmatch(rest):
        raise _damaged(path, len(lines) + 1, rest)
    return [line.decode() for line in lines]


def split_log(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines of a log's bytes, and what stands after the last line's end."""
    *lines, rest = data.split(b"\n")
    return lines, rest


def mend_log(path: Path) -> bool:
    """Cut a half line that a crash left at the end; for the writer, before it writes.

    The record of such a line was never said to be stored, so nothing is lost. What is not the beginning of an
    id is damage and is left for ``verify`` to name.

    Returns:
        Whether there was something to cut.

    Raises:
        CorruptFileError: The end is not what a crash leaves.
    """
    lines, rest = split_log(read_bytes(path))
    if not rest:
        return False
    if not _HALF.fullmatch(rest) or len(rest) == LINE_BYTES - 1:
        # A whole id without its line end is as likely a changed byte as a crash: never cut it in silence.
        if len(rest) == LINE_BYTES - 1 and _LINE.fullmatch(rest):
            append_whole(path, b"\n")
            return True
        raise _damaged(path, len(lines) + 1, rest)
    with storage_errors(path), path.open("r+b") as stream:
        stream.truncate(sum(len(line) + 1 for line in lines))
    return True


def append_log(path: Path, ids: list[str]) -> None:
    """Add ids to the log in one flushed write; on failure the log is as it was."""
    append_whole(path, "".join(f"{record_id}\n" for record_id in ids).encode())


def _damaged(path: Path, number: int, line: bytes) -> CorruptFileError:
    return CorruptFileError(
        f"line {number} is not a record id: {line[:70]!r}",
        path=path,
        hint="Run `kakehashi results verify` and fetch the log from a copy of the ledger.",
    )
