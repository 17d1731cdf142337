"""The endpoint for private questions: off unless its operator opens it, and limited for each member."""

import time
from collections import deque
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from kakehashi.exchange.known import known_patterns
from kakehashi.exchange.node import Node
from kakehashi.exchange.policy import Caller
from kakehashi.exchange.private import answer as answer_privately
from kakehashi.exchange.private import available
from kakehashi.exchange.server.talk import TaxiiError, answer, body_of
from kakehashi.proof import parse_json

SCOPE = "private-questions"
"""Setting of a node: ``visible`` (what the asker may see anyway), ``all`` (every sketch), or nothing (closed)."""
PER_HOUR = 20


class PrivateQuestions:
    """Answers private questions.

    Args:
        node: The node.
        per_hour: How many questions a member may ask in an hour; each is one guess.
    """

    def __init__(self, node: Node, *, per_hour: int = PER_HOUR) -> None:
        self._node, self._per_hour = node, per_hour
        self._asked: dict[str, deque[float]] = {}

    async def __call__(self, request: Request, caller: Caller) -> Response:
        """Answer one question.

        Raises:
            TaxiiError: The node answers none, or this member has asked often enough.
        """
        scope = await run_in_threadpool(self._node.store.meta, SCOPE)
        if scope not in ("visible", "all") or not available():
            raise TaxiiError(404, "no such resource")
        question = parse_json(await body_of(request))
        if not isinstance(question, Mapping):
            raise TaxiiError(422, "a question is an object")
        self._count(caller.identity)
        who = caller if scope == "visible" else self._node.me()

        def find() -> list[list[int]]:
            return [
                sketch
                for one in self._node.store.collections()
                if one.id in who.reads
                for _, sketch in known_patterns(self._node, who, one.id)
            ]

        sketches = await run_in_threadpool(find)
        contact = await run_in_threadpool(self._node.store.meta, "contact") or self._node.name
        body = await run_in_threadpool(answer_privately, sketches, question, contact=contact)
        return answer(request, body)

    def _count(self, identity: str) -> None:
        now = time.monotonic()
        times = self._asked.setdefault(identity, deque())
        while times and times[0] <= now - 3600:
            times.popleft()
        if len(times) >= self._per_hour:
            raise TaxiiError(429, f"{self._per_hour} private questions an hour are answered")
        times.append(now)
