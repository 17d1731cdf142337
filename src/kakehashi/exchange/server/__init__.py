"""The TAXII 2.1 server of a node; the only place that imports starlette."""

from kakehashi.exchange.server.app import make_app
from kakehashi.exchange.server.serve import serve

__all__ = ["make_app", "serve"]
