"""``provenance check``: how many media files carry Content Credentials that hold."""

import base64
import binascii
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.errors import BadAnswerError, EndpointError, EndpointUnreachableError, InputError
from kakehashi.evaluate.engine.connect import checked_address
from kakehashi.evaluate.engine.finishing import finish
from kakehashi.evaluate.engine.transport import proxy_for, ssl_context
from kakehashi.evaluate.media import STATES, CredentialCheck, CredentialReader

if TYPE_CHECKING:
    from kakehashi.model import Interval

LARGEST_ANSWER = 256 * 2**20
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class CredentialShare:
    """How many files are in one state.

    Attributes:
        state: One of :data:`~kakehashi.evaluate.media.STATES`.
        k: Files in it.
        n: Files that could be looked at: all but unreadable and unsupported ones; for those two, all files.
        value: Their share, or ``None`` without files.
        interval: Wilson's, at 95%; it holds for the system that made the files only where these files are a random
            part of its output.
    """

    state: str
    k: int
    n: int
    value: float | None
    interval: "Interval | None"


@dataclass(frozen=True, slots=True)
class CredentialSurvey:
    """What a set of files carries.

    Attributes:
        checks: Each file, in order.
        shares: Each state.
        library: What read them.
        trust: File of trust anchors, or ``""`` where every signer is unknown.
    """

    checks: tuple[CredentialCheck, ...]
    shares: tuple[CredentialShare, ...]
    library: str
    trust: str

    @property
    def all_hold(self) -> bool:
        """Whether there are files, and each carries intact credentials of a trusted signer."""
        return bool(self.checks) and all(check.state == "valid" for check in self.checks)


def check_provenance(
    places: Sequence[Path | str],
    *,
    trust: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> CredentialSurvey:
    """Look for Content Credentials in files, in folders with all that is below, and in what addresses answer.

    An address answers with a media file, or with JSON in the shape of image endpoints (``data`` with ``b64_json``).
    Nothing else is fetched. Hidden files and links are passed over in folders.

    Args:
        places: Paths and http(s) addresses.
        trust: PEM file of certificates that signers must chain to.
        progress: Called with the number of files looked at.

    Raises:
        MissingExtraError: The extra ``provenance`` is not installed.
        InputError: A path does not exist, nothing was found, or the trust anchors cannot be used.
        EndpointError: An address did not answer with something to look at.
    """
    reader = CredentialReader(trust)
    checks: list[CredentialCheck] = []
    for place in places:
        for check in _looked_at(reader, place):
            checks.append(check)
            progress(len(checks))
    if not checks:
        raise InputError("no files to look at", path=", ".join(map(str, places)))
    return CredentialSurvey(
        tuple(checks), shares_of(checks), reader.library, "" if trust is None else str(trust)
    )


def shares_of(checks: Sequence[CredentialCheck]) -> tuple[CredentialShare, ...]:
    """The share of each state with its interval.

    Examples:
        >>> [share] = [s for s in shares_of([CredentialCheck("a", "absent")]) if s.state == "absent"]
        >>> share.k, share.n, round(share.interval.low, 3)
        (1, 1, 0.207)
    """
    from kakehashi.compare import wilson

    counts = Counter(check.state for check in checks)
    aside = ("unreadable", "unsupported")
    looked = len(checks) - sum(counts[state] for state in aside)
    found = []
    for state in STATES:
        k, n = counts[state], len(checks) if state in aside else looked
        interval = wilson(k, n).interval if n else None
        found.append(CredentialShare(state, k, n, k / n if n else None, interval))
    return tuple(found)


def _looked_at(reader: CredentialReader, place: Path | str) -> Iterator[CredentialCheck]:
    if str(place).startswith(("http://", "https://")):
        address = str(place)
        checked_address(address)
        data, kind = finish(_fetch(address))
        if "json" in kind:
            for number, each in enumerate(_images(data, address), start=1):
                yield reader.check_bytes(f"{address}#{number}", each)
        else:
            yield reader.check_bytes(address, data, kind)
        return
    path = Path(place)
    if not path.exists():
        raise InputError("no such file or folder", path=path)
    for file in _files(path) if path.is_dir() else [path]:
        yield reader.check_file(file)


def _files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir():
                yield from _files(Path(entry.path))
            elif entry.is_file():
                yield Path(entry.path)


async def _fetch(address: str) -> tuple[bytes, str]:
    """Body and media type of what an address answers.

    Raises:
        EndpointError: It did not answer, or not with 200, or with too much.
    """
    import aiohttp

    secure = address.startswith("https://")
    connector = aiohttp.TCPConnector(ssl=ssl_context(os.environ) if secure else True)
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.get(address, proxy=proxy_for(address), allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise EndpointError(
                    f"{address} answered {response.status}",
                    endpoint=address,
                    status=response.status,
                    hint="Give an address that answers with the media file itself.",
                )
            body = bytearray()
            async for part in response.content.iter_chunked(2**18):
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise BadAnswerError(
                        f"{address} answers with more than {LARGEST_ANSWER} bytes",
                        endpoint=address,
                        hint="Download the file and give its path.",
                    )
            return bytes(body), response.content_type
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise EndpointUnreachableError(
            f"{address} did not answer ({type(error).__name__})",
            endpoint=address,
            hint="Look at the address; `kakehashi doctor` says which proxy and certificates are used.",
        ) from None


def _images(data: bytes, address: str) -> list[bytes]:
    try:
        listed = json.loads(data)["data"]
        found = [base64.b64decode(each["b64_json"], validate=True) for each in listed]
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        found = []
    if not found:
        raise BadAnswerError(
            f"the answer of {address} is JSON without images",
            endpoint=address,
            hint='It must be {"data": [{"b64_json": …}]}, or the media file itself.',
        )
    return found


def as_json(survey: CredentialSurvey) -> Mapping[str, object]:
    """A survey as strict JSON."""
    return {
        "library": survey.library,
        "trust": survey.trust or None,
        "files": [asdict(check) for check in survey.checks],
        "shares": [asdict(share) for share in survey.shares],
    }
