"""A private question put to a node over its endpoint."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kakehashi.exchange.client import ask, collection_address, open_session
from kakehashi.exchange.records import stored_bytes

if TYPE_CHECKING:
    from kakehashi.exchange.tls import Tls


def send(url: str, token: str, question: Mapping[str, Any], *, tls: "Tls | None" = None) -> dict[str, Any]:
    """The answer of a node.

    Args:
        url: Address of the node, as in ``https://hub.example.org/``.
        token: What opens it.
        question: The question.
        tls: Certificates to show and to trust.

    Raises:
        EndpointError: The node cannot be reached, answers no private questions, or not so many.
    """

    async def talk() -> dict[str, Any]:
        async with open_session(token, tls) as session:
            where = f"{collection_address(url)}api/x-kakehashi/known/"
            _, body = await ask(session, "POST", where, body=stored_bytes(question))
            return body

    return asyncio.run(talk())
