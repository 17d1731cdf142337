"""Several equal servers behind one endpoint: each request goes to one that is idle."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from kakehashi.evaluate.engine.endpoint import Adaptation, Completion, Endpoint, Messages


class PooledEndpoint:
    """One endpoint out of several that give the same answers, such as single-slot servers of one model.

    Two servers of one thread each use two cores without the waiting of two threads that share one sum, and each answers
    one request at a time, so results repeat.

    Args:
        members: Endpoints of one identity; at least one.
    """

    def __init__(self, members: Sequence[Endpoint]) -> None:
        self._members = list(members)
        self._idle = list(members)
        self._free = asyncio.Condition()

    @property
    def identity(self) -> Mapping[str, Any]:
        """The identity that all members share."""
        return self._members[0].identity

    @property
    def max_concurrency(self) -> int | None:
        """The members' own, added up."""
        return sum(member.max_concurrency or 1 for member in self._members)

    def settle(self, parameters: Mapping[str, object]) -> dict[str, object]:
        """The parameters as the members take them."""
        return self._members[0].settle(parameters)

    def adapt(self, adaptation: Adaptation) -> None:
        """Let every member take over what one has learnt."""
        for member in self._members:
            member.adapt(adaptation)

    async def complete(self, messages: Messages, parameters: Mapping[str, object]) -> Completion:
        """One attempt at a member that is idle."""
        async with self._free:
            await self._free.wait_for(lambda: self._idle)
            member = self._idle.pop()
        try:
            return await member.complete(messages, parameters)
        finally:
            async with self._free:
                self._idle.append(member)
                self._free.notify()

    def read(self, raw: Mapping[str, Any]) -> Completion:
        """A response that logs or cache kept, read again."""
        return self._members[0].read(raw)

    async def close(self) -> None:
        """Close every member's connections."""
        for member in self._members:
            await member.close()
