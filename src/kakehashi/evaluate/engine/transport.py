"""HTTP for endpoints: one session, one deadline, a limit on the body, and errors of our tree.

Proxies are honoured as ``trust_env`` would (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), but looked up once instead of
at every request; loopback addresses never go through one. Certificates come from the system, ``SSL_CERT_FILE``
and ``KAKEHASHI_CA_FILE``. Redirects are not followed: a key must not travel to another host.
"""

import asyncio
import ipaddress
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from kakehashi.errors import BadAnswerError, EndpointUnreachableError, InputError, ServerError

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

_SHORTEST_SECRET = 8


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Limits of one attempt.

    Attributes:
        deadline: Seconds for the whole attempt.
        connect_deadline: Seconds to get a connection.
        body_limit: Most bytes of a response body; a larger one is refused without being read whole.
    """

    deadline: float = 300.0
    connect_deadline: float = 15.0
    body_limit: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: status, headers (whose names ignore case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's loopback.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("example.org")
        (True, True, False)
    """
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, or ``None``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def ssl_context(env: Mapping[str, str]) -> ssl.SSLContext:
    """The system's certificates, with those of ``KAKEHASHI_CA_FILE`` beside them."""
    context = ssl.create_default_context()
    extra = env.get("KAKEHASHI_CA_FILE")
    if extra:
        try:
            context.load_verify_locations(cafile=extra)
        except (OSError, ssl.SSLError) as exc:
            raise InputError(
                f"no certificates could be read ({exc})",
                path=extra,
                hint="KAKEHASHI_CA_FILE must name a PEM file of certificate authorities.",
            ) from None
    return context


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a response asks to wait, from seconds or an HTTP date; ``None`` where it does not say.

    Examples:
        >>> retry_after({"Retry-After": "2.5"}, 0.0)
        2.5
        >>> retry_after({"Retry-After": "Thu, 01 Jan 1970 00:01:00 GMT"}, 20.0)
        40.0
    """
    if "Retry-After-Ms" in headers:
        try:
            return max(0.0, float(headers["Retry-After-Ms"]) / 1000)
        except ValueError:
            pass
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (TypeError, ValueError):
            return None
    return min(max(0.0, seconds), 1e9) if seconds == seconds else None


class Transport:
    """The connections to one base address.

    Args:
        base_url: Address under which paths are joined; a query it carries stays on every request.
        headers: Headers of every request, the key among them; they are never shown.
        secret: The key, which is cut out of anything that the endpoint sends back; ``""`` for none.
        settings: Limits of one attempt.
        env: Where ``KAKEHASHI_CA_FILE`` is looked up.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        secret: str = "",
        settings: TransportSettings | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._parts = urlsplit(base_url)
        self.address = urlunsplit((self._parts.scheme, self._parts.netloc, self._parts.path, "", ""))
        self._headers = dict(headers)
        self._secret = secret.encode() if len(secret) >= _SHORTEST_SECRET else b""
        self._settings = settings or TransportSettings()
        self._env = env
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._proxy: str | None = None

    def __repr__(self) -> str:
        return f"Transport({self.address!r})"

    def _url(self, path: str) -> "URL":
        url = self._urls.get(path)
        if url is None:
            from yarl import URL

            parts = self._parts
            joined = parts.path.rstrip("/") + "/" + path.lstrip("/")
            url = URL(urlunsplit((parts.scheme, parts.netloc, joined, parts.query, "")))
            self._urls[path] = url
        return url

    def _open(self) -> "aiohttp.ClientSession":
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            self._proxy = proxy_for(self.address)
            secure = self._parts.scheme == "https"
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    ssl=ssl_context(self._env) if secure else True,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=self._settings.deadline, sock_connect=self._settings.connect_deadline
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._loop = loop
        return self._session

    async def post(self, path: str, body: bytes) -> Response:
        """Send one request and read the answer within the limits.

        Raises:
            EndpointUnreachableError: No connection could be made or kept.
            ServerError: No answer within the deadline.
            BadAnswerError: The body is over the limit or broke off.
        """
        import aiohttp

        session = self._open()
        try:
            # Headers go with each request: those of a session are also sent to the proxy, unencrypted.
            async with session.post(
                self._url(path),
                data=body,
                headers=self._headers,
                proxy=self._proxy,
                allow_redirects=False,
            ) as response:
                return Response(response.status, response.headers, await self._read(response))
        except aiohttp.ConnectionTimeoutError:
            raise self._unreachable(f"no connection within {self._settings.connect_deadline:g} s") from None
        except TimeoutError:
            raise ServerError(
                f"{self.address} gave no answer within {self._settings.deadline:g} s",
                endpoint=self.address,
                hint="Raise the deadline, or ask for fewer tokens.",
            ) from None
        except aiohttp.ClientPayloadError:
            raise BadAnswerError(
                f"the answer of {self.address} broke off before its end", endpoint=self.address
            ) from None
        except aiohttp.ClientConnectorCertificateError as exc:
            raise self._unreachable(
                f"its certificate is not trusted ({exc.certificate_error})",
                hint="Name your certificate authority's file in KAKEHASHI_CA_FILE or SSL_CERT_FILE.",
            ) from None
        except aiohttp.InvalidURL:
            raise InputError(f"{self.address!r} is no address that can be called") from None
        except (aiohttp.ClientError, OSError) as exc:
            raise self._unreachable(self.scrub(str(exc)) or type(exc).__name__) from None

    async def _read(self, response: "aiohttp.ClientResponse") -> bytes:
        limit = self._settings.body_limit
        announced = response.content_length
        if announced is not None and announced > limit:
            response.close()
            raise self._too_large(limit)
        if announced is not None and "Content-Encoding" not in response.headers:
            data = await response.read()
        else:  # its size is known only on reading, or only once it is unpacked
            chunks: list[bytes] = []
            size = 0
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > limit:
                    response.close()
                    raise self._too_large(limit)
                chunks.append(chunk)
            data = b"".join(chunks)
        if self._secret and self._secret in data:
            data = data.replace(self._secret, b"[key removed]")
        return data

    def _too_large(self, limit: int) -> BadAnswerError:
        return BadAnswerError(
            f"the answer of {self.address} is larger than {limit // (1024 * 1024)} MB and was not read",
            endpoint=self.address,
            hint="Set max_tokens, or look whether the address is the right one.",
        )

    def _unreachable(self, why: str, hint: str | None = None) -> EndpointUnreachableError:
        via = " through the proxy that the environment names" if self._proxy else ""
        return EndpointUnreachableError(
            f"{self.address} cannot be reached{via}: {why}",
            endpoint=self.address,
            hint=hint or "Look whether the address is right and the server runs.",
        )

    def scrub(self, text: str) -> str:
        """Text without the key."""
        return text.replace(self._secret.decode(), "[key removed]") if self._secret else text

    def parse(self, response: Response) -> tuple[dict[str, Any], str]:
        """The body as a JSON object, and as text.

        Raises:
            BadAnswerError: It is truncated, not UTF-8, or not an object.
        """
        try:
            text = response.body.decode("utf-8-sig")
            value = _DECODER.decode(text)
        except UnicodeDecodeError:
            problem = "is not UTF-8"
        except (ValueError, RecursionError):
            problem = "is not JSON, or broke off"
        else:
            if isinstance(value, dict):
                return value, text
            problem = "is not a JSON object"
        raise BadAnswerError(
            f"the answer of {self.address} ({len(response.body)} bytes) {problem}",
            endpoint=self.address,
            status=response.status,
        )

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.close()
