"""How the server talks: who asks, bodies in and out, and the one shape of errors."""

import base64
import binascii
import gzip
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kakehashi.exchange.policy import Caller
from kakehashi.exchange.server.question import MEDIA_TYPE, accepts_taxii
from kakehashi.exchange.tokens import Tokens

MAX_BODY = 10 << 20
_WORTH_PACKING = 1000


class TaxiiError(Exception):
    """A request that is refused.

    Args:
        status: HTTP status.
        title: What was wrong; never anything that the caller may not see.
    """

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status, self.title = status, title


def token_of(request: Request) -> str:
    """The token of a request, ``""`` where there is none.

    Tokens come as ``Bearer``, as ``Token`` or as the password of ``Basic``, whose user name is not looked at.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = text.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(token, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            token = ""
    elif scheme.lower() not in ("bearer", "token"):
        token = ""
    return token


def caller_of_token(tokens: Tokens, request: Request) -> Caller:
    """The member behind a request, whatever media type it asks for.

    Raises:
        TaxiiError: Nobody.
    """
    token = token_of(request)
    caller = tokens.caller(token) if token else None
    if caller is None:
        raise TaxiiError(401, "a valid token is needed")
    return caller


def known_caller(tokens: Tokens, request: Request) -> Caller:
    """The member behind a request for TAXII.

    Raises:
        TaxiiError: Nobody, or he asks for another media type.
    """
    caller = caller_of_token(tokens, request)
    if not accepts_taxii(request.headers.get("accept")):
        raise TaxiiError(406, "only application/taxii+json;version=2.1 is spoken here")
    return caller


async def body_of(request: Request, *, most: int = MAX_BODY) -> bytes:
    """A request's body.

    Raises:
        TaxiiError: It is greater than ``most``.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise TaxiiError(413, f"a body may have {most} bytes")
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > most:
            raise TaxiiError(413, f"a body may have {most} bytes")
    return b"".join(parts)


def answer(
    request: Request,
    body: dict[str, Any] | bytes,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A TAXII response, packed where the caller takes that."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    sent = {**_HEADERS, **(headers or {})}
    taken = request.headers.get("accept-encoding", "").lower().replace(" ", "").split(",")
    if len(data) >= _WORTH_PACKING and "zstd" in taken:
        from zstandard import ZstdCompressor

        data, sent["Content-Encoding"] = ZstdCompressor(level=3).compress(data), "zstd"
    elif len(data) >= _WORTH_PACKING and "gzip" in taken:
        data, sent["Content-Encoding"] = gzip.compress(data, 4, mtime=0), "gzip"
    return Response(data, status, sent, media_type=MEDIA_TYPE)


def failure(status: int, title: str, *, retry_after: int | None = None) -> Response:
    """An error, in the one shape of TAXII."""
    headers = dict(_HEADERS)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="kakehashi exchange", Bearer'
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(
        json.dumps({"title": title, "http_status": str(status)}), status, headers, media_type=MEDIA_TYPE
    )


_HEADERS = {"Vary": "Accept, Accept-Encoding, Authorization", "Cache-Control": "no-store"}
