import random

from kakehashi.errors import (
    BadAnswerError,
    EndpointUnreachableError,
    RateLimitedError,
    RequestRefusedError,
    ServerError,
)
from kakehashi.evaluate.engine.patience import Breaker, Patience


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock | None = None, **patience: float) -> Breaker:
    return Breaker(Patience(**patience), clock=clock or Clock(), rng=random.Random(1))


def test_waits_are_drawn_below_a_ceiling_that_doubles_to_its_most() -> None:
    one = breaker(backoff=1.0, longest_wait=5.0, attempts=100)
    for attempt, ceiling in ((1, 1), (2, 2), (3, 4), (4, 5), (50, 5)):
        waits = [one.wait_before_retry(ServerError("x"), attempt, 0) for _ in range(300)]
        assert all(w is not None and 0 <= w <= ceiling for w in waits)
        # 300 draws from an even distribution: the largest is below 90% of the ceiling once in 10^13.
        assert max(w for w in waits if w is not None) > 0.9 * ceiling


def test_what_the_endpoint_asks_for_is_the_least_wait() -> None:
    one = breaker(backoff=1.0)
    wait = one.wait_before_retry(RateLimitedError("x", retry_after=7.0), 1, 0)
    assert wait is not None
    assert 7.0 <= wait <= 8.0


def test_each_kind_of_failure_has_its_own_number_of_tries() -> None:
    one = breaker(attempts=6, bad_answer_attempts=3)
    assert one.wait_before_retry(ServerError("x"), 5, 0) is not None
    assert one.wait_before_retry(ServerError("x"), 6, 0) is None
    assert one.wait_before_retry(BadAnswerError("x"), 2, 2) is not None
    assert one.wait_before_retry(BadAnswerError("x"), 3, 3) is None
    assert one.wait_before_retry(RequestRefusedError("x"), 1, 0) is None
    assert one.wait_before_retry(RateLimitedError("x"), 1000, 0) is not None


def test_an_endpoint_is_given_up_after_failures_enough_and_time_enough() -> None:
    clock = Clock()
    one = breaker(clock, seconds=60.0, failures=3)
    assert not any(one.gives_up_endpoint(ServerError("x"), 1) for _ in range(10))
    clock.now = 59.0
    assert not one.gives_up_endpoint(ServerError("x"), 1)
    one.answered()
    clock.now = 61.0
    assert not one.gives_up_endpoint(ServerError("x"), 1)
    clock.now = 121.0
    assert not one.gives_up_endpoint(ServerError("x"), 1)
    assert one.gives_up_endpoint(ServerError("x"), 1)


def test_an_endpoint_that_never_answered_is_given_up_sooner() -> None:
    gone = EndpointUnreachableError("x")
    fresh, known = breaker(), breaker()
    known.answered()
    assert [fresh.gives_up_endpoint(gone, n) for n in (1, 2, 3)] == [False, False, True]
    assert [known.gives_up_endpoint(gone, n) for n in (1, 2, 3)] == [False, False, False]


def test_refused_requests_alone_do_not_stop_an_endpoint_that_has_answered() -> None:
    one = breaker(failures=3, seconds=0.0)
    one.answered()
    assert not any(one.gives_up_endpoint(RequestRefusedError("x"), 1) for _ in range(100))
