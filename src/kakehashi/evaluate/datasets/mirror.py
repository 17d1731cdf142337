"""A mirror of data sets: a folder, or an http(s) address, with the files under the catalogue's mirror paths."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from kakehashi.errors import EndpointUnreachableError, InputError
from kakehashi.evaluate.datasets.catalogue import DataFile, DataForm, DataSet
from kakehashi.evaluate.engine.finishing import finish
from kakehashi.evaluate.engine.transport import proxy_for, ssl_context

#: Most questions at a time to a mirror's address.
_AT_A_TIME = 8


class Mirror:
    """A mirror, and which files it has; their bytes are checked when they are pulled.

    Args:
        place: The folder or address.

    Raises:
        InputError: There is no such folder.
    """

    def __init__(self, place: Path | str) -> None:
        text = str(place)
        self.address = text.rstrip("/") if text.startswith(("http://", "https://")) else None
        self.folder = None if self.address else Path(place)
        if self.folder is not None and not self.folder.is_dir():
            raise InputError(
                "no such folder", path=self.folder, hint="Give a mirror's folder or its address."
            )

    def named(self, file: DataFile) -> str:
        """Where the mirror keeps a file, or would."""
        return (
            f"{self.address}/{quote(file.mirror)}" if self.folder is None else str(self.folder / file.mirror)
        )

    def lacking(self, files: Sequence[DataFile]) -> list[DataFile]:
        """Of these files, those that it has not; an address is asked for each, without its bytes.

        Raises:
            EndpointUnreachableError: The address cannot be reached.
        """
        if self.folder is not None:
            return [file for file in files if not (self.folder / file.mirror).is_file()]
        there = finish(_there([self.named(file) for file in files]))
        return [file for file, found in zip(files, there, strict=True) if not found]

    def form(self, described: DataSet) -> tuple[DataForm, list[DataFile]]:
        """The first form that it has whole, else the one that lacks the fewest files; and what it lacks of it."""
        found = []
        for form in described.forms:
            lacking = self.lacking(form.files)
            if not lacking:
                return form, []
            found.append((form, lacking))
        return min(found, key=lambda pair: len(pair[1]))


async def _there(addresses: Sequence[str]) -> list[bool]:
    import aiohttp

    connector = aiohttp.TCPConnector(ssl=ssl_context(os.environ), limit=_AT_A_TIME)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15.0, sock_read=30.0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def one(url: str) -> bool:
            try:
                async with session.head(url, proxy=proxy_for(url), allow_redirects=True) as answer:
                    return answer.status < 400
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise EndpointUnreachableError(
                    f"the mirror cannot be reached: {error or type(error).__name__}", endpoint=url
                ) from None

        return list(await asyncio.gather(*map(one, addresses)))
