"""A tiny HTTP proxy on loopback: forwards and tunnels everything to one address, and keeps what it was asked."""

import asyncio
import contextlib


class ProxyServer:
    """``async with`` starts and stops it; whatever host is named, requests go to ``target_port`` on loopback."""

    def __init__(self, target_port: int) -> None:
        self.requests: list[str] = []
        self.heads: list[str] = []
        self.port = 0
        self._target = target_port
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "ProxyServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            first, _, rest = head.partition(b"\r\n")
            method, address, version = first.decode().split()
            self.requests.append(f"{method} {address}")
            self.heads.append(head.decode())
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = "/" + address.split("/", 3)[3]
                to_writer.write(f"{method} {path} {version}\r\n".encode() + rest)
            await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
