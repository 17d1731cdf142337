"""When to try again, how long to wait, and when an endpoint has to be given up."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from kakehashi.errors import (
    BadAnswerError,
    EndpointError,
    EndpointUnreachableError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How much an endpoint is borne with.

    Attributes:
        attempts: Most attempts for one request at an endpoint that fails (5xx, connections lost).
        connect_attempts: Most attempts for one request at an endpoint that was never reached at all.
        bad_answer_attempts: Most attempts for one request whose answers are malformed.
        backoff: Longest wait after the first failure, in seconds; it doubles for each further one, and the wait
            is drawn evenly below it.
        longest_wait: Most seconds between two attempts.
        seconds: An endpoint that gave nothing but failures for so long is given up, and so is one that asks to
            wait longer.
        failures: And for so many failures at least.
    """

    attempts: int = 6
    connect_attempts: int = 3
    bad_answer_attempts: int = 3
    backoff: float = 0.5
    longest_wait: float = 30.0
    seconds: float = 120.0
    failures: int = 20


class Breaker:
    """Decides after each failure of one endpoint: try again, give the request up, or give the endpoint up.

    Args:
        patience: How much to bear.
        clock: Seconds, monotonic.
        rng: Draws the waits.
    """

    def __init__(self, patience: Patience, *, clock: Callable[[], float], rng: random.Random) -> None:
        self.patience = patience
        self._clock = clock
        self._rng = rng
        self._failures = 0
        self._since = 0.0
        self._ever_answered = False

    def answered(self) -> None:
        """Take note of an answer."""
        self._failures = 0
        self._ever_answered = True

    def gives_up_endpoint(self, error: EndpointError, attempt: int) -> bool:
        """Take note of a failure; whether no further request should be sent to this endpoint.

        Args:
            error: The failure.
            attempt: Number of the attempt of this request, from 1.
        """
        patience = self.patience
        now = self._clock()
        if not self._failures:
            self._since = now
        self._failures += 1
        if error.permanent:
            return True
        if (error.retry_after or 0.0) > max(patience.seconds, patience.longest_wait):
            return True
        if not self._ever_answered:
            if isinstance(error, EndpointUnreachableError) and attempt >= patience.connect_attempts:
                return True
            if (
                isinstance(error, RequestRefusedError | BadAnswerError)
                and self._failures >= patience.failures
            ):
                return True
        if isinstance(error, RequestRefusedError | BadAnswerError):
            return False
        return self._failures >= patience.failures and now - self._since >= patience.seconds

    def wait_before_retry(self, error: EndpointError, attempt: int, bad_answers: int) -> float | None:
        """Seconds until the next attempt, with full jitter, or ``None`` where there should be none.

        Args:
            error: The failure.
            attempt: Number of the attempt that failed, from 1.
            bad_answers: Malformed answers that this request has had.
        """
        patience = self.patience
        if isinstance(error, BadAnswerError):
            if bad_answers >= patience.bad_answer_attempts:
                return None
        elif isinstance(error, ServerError | EndpointUnreachableError):
            if attempt >= patience.attempts:
                return None
        elif not isinstance(error, RateLimitedError):  # 429 goes on until the endpoint is given up
            return None
        ceiling = min(patience.longest_wait, patience.backoff * 2.0 ** min(attempt - 1, 20))
        jitter = self._rng.uniform(0.0, ceiling)
        # What the endpoint asks for is the least; the jitter keeps requests from coming back all at once.
        return jitter + (error.retry_after or 0.0)
