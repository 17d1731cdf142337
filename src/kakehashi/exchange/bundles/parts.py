"""A file in parts that fit into e-mails: text, in any order, each knows the whole and notices its own damage."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from kakehashi.errors import InputError, UsageError, VerificationError
from kakehashi.proof import canonical_bytes, parse_json

FORMAT = "kakehashi.bundle-part/1"
SMALLEST = 2_000
_LINE, _MOST_PARTS = 57, 9_999
_END = b"-- end of part"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that was read.

    Attributes:
        whole: Hash of the whole file.
        number: Which part, from 1.
        of: How many there are.
        data: Its bytes.
    """

    whole: str
    number: int
    of: int
    data: bytes


def split(data: bytes, size: int) -> list[bytes]:
    """Parts of at most ``size`` bytes each, as text.

    Raises:
        UsageError: Parts of that size would be too small or too many.
    """
    if size < SMALLEST:
        raise UsageError(f"parts of {size} bytes are too small", hint=f"Give --split {SMALLEST} or more.")
    room = (size - 400) // (_LINE // 3 * 4 + 1) * _LINE
    count = max(-(-len(data) // room), 1)
    if count > _MOST_PARTS:
        raise UsageError(f"{count} parts are too many", hint="Give a greater --split.")
    whole = sha256(data).hexdigest()
    made = []
    for number in range(1, count + 1):
        chunk = data[(number - 1) * room : number * room]
        head = {
            "format": FORMAT,
            "whole": whole,
            "part": number,
            "of": count,
            "sha256": sha256(chunk).hexdigest(),
        }
        lines = [base64.b64encode(chunk[n : n + _LINE]) for n in range(0, len(chunk), _LINE)]
        made.append(b"\n".join([canonical_bytes(head), *lines, _END, b""]))
    return made


def is_part(data: bytes) -> bool:
    """Whether a file looks like a part."""
    return b'"kakehashi.bundle-part/' in data[:400]


def read_part(data: bytes, *, path: object = None) -> Part:
    """Read one part; lines that a mail program broke or ended otherwise do no harm.

    Raises:
        InputError: It is no part.
        VerificationError: It is torn or changed.
    """
    shown = None if path is None else str(path)
    start = data.find(b"{")
    line, _, rest = data[max(start, 0) :].partition(b"\n")
    head = parse_json(line.strip(), path=shown)
    numbers = [head.get(key) for key in ("part", "of")] if isinstance(head, Mapping) else []
    if (
        not isinstance(head, Mapping)
        or head.get("format") != FORMAT
        or not all(type(n) is int for n in numbers)
    ):
        raise InputError("not a part of a bundle", path=shown)
    number, of = int(str(numbers[0])), int(str(numbers[1]))
    body, end, _ = rest.partition(_END)
    what = f"part {number} of {of}" + (f" ({shown})" if shown else "")
    torn = VerificationError(f"{what} is torn or was changed", hint="Ask for that part again.")
    if not end or not 1 <= number <= of <= _MOST_PARTS:
        raise torn
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise torn from error
    if sha256(raw).hexdigest() != head.get("sha256"):
        raise torn
    return Part(str(head.get("whole")), number, of, raw)


def join(parts: Iterable[Part]) -> list[bytes]:
    """The whole files that parts make; the same part twice does no harm.

    Raises:
        InputError: A part is missing: it is named.
        VerificationError: The parts do not make the file that they say.
    """
    files: dict[tuple[str, int], dict[int, bytes]] = {}
    for part in parts:
        files.setdefault((part.whole, part.of), {})[part.number] = part.data
    made = []
    for (whole, of), found in files.items():
        if missing := [n for n in range(1, of + 1) if n not in found]:
            named = ", ".join(str(n) for n in missing[:20]) + (", …" if len(missing) > 20 else "")
            raise InputError(
                f"of the {of} parts of bundle {whole[:12]} {len(missing)} are missing: {named}",
                hint="Give them all at once; ask for the missing ones.",
            )
        data = b"".join(found[n] for n in range(1, of + 1))
        if sha256(data).hexdigest() != whole:
            raise VerificationError(
                "the parts do not make the file that they say", hint="Ask for them again."
            )
        made.append(data)
    return made
