"""Run the server until it is stopped."""

import ipaddress
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kakehashi.errors import InputError, StorageError
from kakehashi.exchange.node import Node
from kakehashi.exchange.server.app import make_app
from kakehashi.exchange.server.workers import keep_running

if TYPE_CHECKING:
    import uvicorn


def serve(
    node: Node,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certificate: Path | None = None,
    key: Path | None = None,
    client_authority: Path | None = None,
    behind_proxy: bool = False,
    workers: int = 1,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a node over HTTP, or HTTPS with a certificate.

    Args:
        node: The node.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        certificate: PEM file of the certificate chain.
        key: PEM file of its key.
        client_authority: PEM file of the authority whose certificates clients must show (mutual TLS); tokens are
            needed all the same.
        behind_proxy: Whether something in front does TLS; else only loopback is served without it.
        workers: How many processes; all take connections from the same socket.
        ready: Called with the address once connections are taken.

    Raises:
        InputError: Other machines would be served without TLS.
        StorageError: The address cannot be listened on.
    """
    import uvicorn

    if certificate is None and not behind_proxy and not _is_loopback(host):
        raise InputError(
            f"{host} would be served without TLS, and tokens travel in clear",
            hint="Give --tls-certificate and --tls-key, or --behind-proxy where something in front does TLS.",
        )
    if client_authority is not None and certificate is None:
        raise InputError(
            "clients show certificates over TLS only",
            hint="Give --tls-certificate and --tls-key beside --client-authority.",
        )
    listening = listen(host, port)
    scheme = "https" if certificate else "http"
    name = f"[{host}]" if ":" in host else host
    if ready is not None:
        ready(f"{scheme}://{name}:{listening.getsockname()[1]}/taxii2/")

    def run(served: Node) -> None:
        config = uvicorn.Config(
            make_app(served),
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,  # nothing hangs on the client's address; a stalled connection is found by the true one
            ssl_certfile=None if certificate is None else str(certificate),
            ssl_keyfile=None if key is None else str(key),
            ssl_ca_certs=None if client_authority is None else str(client_authority),
            ssl_cert_reqs=ssl.CERT_NONE if client_authority is None else ssl.CERT_REQUIRED,
        )
        make_server(config).run(sockets=[listening])

    if workers == 1:
        run(node)
        return
    node.store.close()  # a connection must not be shared over a fork
    keep_running(workers, lambda: run(Node.open(node.path)))


def make_server(config: "uvicorn.Config") -> "uvicorn.Server":
    """A server that ends its streams of events when it is stopped, and the connections of readers that take nothing.

    Else it would wait for their readers: until they go, or until they take what was sent.
    """
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            hub = getattr(self.config.app.state, "hub", None)  # type: ignore[union-attr]
            if hub is not None:
                hub.cut = self._cut

        def _cut(self, client: object) -> None:
            for one in list(self.server_state.connections):
                if (
                    client is not None
                    and getattr(one, "client", None) == client
                    and one.transport is not None
                ):
                    one.transport.abort()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            hub = getattr(self.config.app.state, "hub", None)  # type: ignore[union-attr]
            if hub is not None:
                hub.close()
            await super().shutdown(sockets)

    return Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections.

    Raises:
        StorageError: The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol said, asyncio turns Nagle's algorithm off; else each answer waits 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise StorageError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="Give another --port."
        ) from error
    listening.listen(128)
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
