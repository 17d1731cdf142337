"""A private question put to a node over its endpoint."""

import asyncio
from collections.abc import Mapping
from typing import Any

from kakehashi.exchange.client import _ask, _collection, _session
from kakehashi.exchange.records import stored_bytes


def send(url: str, token: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a node.

    Args:
        url: Address of the node, as in ``https://hub.example.org/``.
        token: What opens it.
        question: The question.

    Raises:
        EndpointError: The node cannot be reached, answers no private questions, or not so many.
    """

    async def talk() -> dict[str, Any]:
        async with _session(token) as session:
            _, body = await _ask(
                session, "POST", f"{_collection(url)}api/x-kakehashi/known/", body=stored_bytes(question)
            )
            return body

    return asyncio.run(talk())
