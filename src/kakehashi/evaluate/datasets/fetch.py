"""Downloading one file: resumed where it was cut, redirects shown, nothing taken for whole that is not."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EROFS
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from kakehashi.errors import EndpointError, EndpointUnreachableError, InputError, VerificationError
from kakehashi.evaluate.engine.transport import proxy_for, ssl_context

if TYPE_CHECKING:
    import aiohttp

_CHUNK = 1 << 18
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 6
#: Errors of the disk, which no other attempt mends.
_DISK = frozenset({EACCES, EDQUOT, EFBIG, ENOSPC, EROFS})
#: Most bytes of a file whose size the catalogue does not state.
LIMIT = 2 << 30


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How patient a download is.

    Attributes:
        tries: Attempts in all; each goes on where the one before was cut.
        pause: Seconds before the second attempt; doubled each time.
        quiet: Seconds without a byte after which a connection counts as cut.
    """

    tries: int = 4
    pause: float = 1.0
    quiet: float = 60.0


async def fetch(
    url: str,
    part: Path,
    *,
    size: int | None = None,
    settings: FetchSettings | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Fetch an address into a file, going on where an earlier attempt was cut.

    The server is asked for the rest only where it can say that it is the rest of the same file (a strong ETag);
    proxies and certificate authorities are those of the evaluation engine.

    Args:
        url: Address, http or https.
        part: File that is written; what lies there already is gone on with. Its ETag is kept beside it.
        size: Bytes of the whole, where known; a body of another length is refused.
        settings: Patience.
        say: Called with short messages: a redirect to another host, another attempt.

    Raises:
        EndpointError: The server refused, or the file has moved (404, 410).
        EndpointUnreachableError: No connection, or it was cut again and again.
        VerificationError: The body is longer or shorter than it should be.
        InputError: The address cannot be called, or a redirect leads to one that is not encrypted.
    """
    import aiohttp

    patience = settings or FetchSettings()
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"{url!r} is no http or https address")
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15.0, sock_read=patience.quiet)
    connector = aiohttp.TCPConnector(ssl=ssl_context(os.environ))
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:
        for attempt in range(1, patience.tries + 1):
            try:
                await _attempt(session, url, part, size, say)
                return
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if isinstance(error, aiohttp.InvalidURL):
                    raise InputError(f"{url!r} is no address that can be called") from None
                if not isinstance(error, aiohttp.ClientError | TimeoutError) and error.errno in _DISK:
                    raise
                if attempt == patience.tries:
                    raise EndpointUnreachableError(
                        f"{_host(url)} cannot be reached or cuts the download: {error or type(error).__name__}",
                        endpoint=url,
                        hint="Run the same command again: it goes on where it was cut. Or give --mirror FOLDER.",
                    ) from None
                say(f"{part.name.removesuffix('.part')}: cut ({type(error).__name__}), trying again")
                await asyncio.sleep(patience.pause * 2 ** (attempt - 1))


async def _attempt(
    session: "aiohttp.ClientSession", url: str, part: Path, size: int | None, say: Callable[[str], None]
) -> None:
    import aiohttp

    tag_file = part.with_suffix(".etag")
    have = part.stat().st_size if part.is_file() else 0
    tag = tag_file.read_text(encoding="utf-8") if have and tag_file.is_file() else ""
    if not tag or (size is not None and have >= size):
        have = 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    async with await _follow(session, url, headers, say) as response:
        if response.status == 416:
            part.unlink(missing_ok=True)
            tag_file.unlink(missing_ok=True)
            raise aiohttp.ClientPayloadError("the server has no rest to give; from the beginning")
        if response.status == 429 or response.status >= 500:
            raise aiohttp.ClientPayloadError(f"it answered {response.status}")
        if response.status not in (200, 206):
            raise _refused(url, response.status)
        if response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            mode = "ab"
        elif response.status == 206:
            raise aiohttp.ClientPayloadError("the server gave another part than the one asked for")
        else:
            mode, have = "wb", 0
        strong = response.headers.get("ETag", "")
        if strong and not strong.startswith("W/"):
            tag_file.write_text(strong, encoding="utf-8")
        else:
            tag_file.unlink(missing_ok=True)
        limit = LIMIT if size is None else size
        with part.open(mode) as stream:
            async for chunk in response.content.iter_chunked(_CHUNK):
                have += len(chunk)
                if have > limit:
                    raise VerificationError(
                        f"{url} gives more than the {limit} bytes that it should",
                        hint="What is there now is another file; nothing was kept.",
                    )
                stream.write(chunk)
    if size is not None and have != size:
        raise VerificationError(
            f"{url} gives {have} bytes, the catalogue says {size}",
            hint="What is there now is another file, or was cut; nothing was kept.",
        )


async def _follow(
    session: "aiohttp.ClientSession", url: str, headers: dict[str, str], say: Callable[[str], None]
) -> "aiohttp.ClientResponse":
    address = url
    for _ in range(_MOST_REDIRECTS):
        response = await session.get(
            address, headers=headers, proxy=proxy_for(address), allow_redirects=False
        )
        if response.status not in _REDIRECTS or "Location" not in response.headers:
            return response
        target = urljoin(address, response.headers["Location"])
        response.release()
        if urlsplit(target).scheme not in ("http", "https"):
            raise InputError(f"{_host(address)} redirects to {target[:80]!r}, which cannot be called")
        if urlsplit(address).scheme == "https" and urlsplit(target).scheme != "https":
            raise InputError(
                f"{_host(address)} redirects to {_host(target)} without encryption",
                hint="Nothing was taken. Fetch the file elsewhere and give --mirror FOLDER.",
            )
        if urlsplit(target).netloc != urlsplit(address).netloc:
            say(f"{_host(address)} redirects to another host: {_host(target)}")
        address = target
    raise EndpointError(f"{_host(url)} redirects more than {_MOST_REDIRECTS} times", endpoint=url)


def _refused(url: str, status: int) -> EndpointError:
    if status in (404, 410):
        return EndpointError(
            f"{url} is not there any more ({status}): upstream has moved or deleted it",
            endpoint=url,
            status=status,
            permanent=True,
            hint="Give --mirror FOLDER|URL with a copy; its bytes are held to the same hash.",
        )
    hint = "The set may ask for an agreement on its page first." if status in (401, 403) else None
    return EndpointError(f"{url} answered {status}", endpoint=url, status=status, hint=hint)


def _host(url: str) -> str:
    return urlsplit(url).hostname or url
