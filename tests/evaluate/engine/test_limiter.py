import asyncio

from kakehashi.evaluate.engine.limiter import Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def feed(limiter: Limiter, seconds: float, windows: int = 1) -> None:
    for _ in range(windows):
        for _ in range(min(max(8, int(limiter.limit)), 256)):
            limiter.succeeded(seconds)


def test_it_doubles_while_the_endpoint_keeps_up_and_never_passes_the_ceiling() -> None:
    limiter = Limiter(500, clock=Clock())
    assert limiter.limit == 64
    feed(limiter, 0.05)
    assert limiter.limit == 128
    feed(limiter, 0.05, windows=5)
    assert limiter.limit == 500


def test_a_429_halves_it_once_for_the_requests_that_were_under_way_together() -> None:
    clock = Clock()
    limiter = Limiter(64, clock=clock)
    began = clock.now
    clock.now += 1
    for _ in range(10):
        limiter.throttled(began, 0.0)
    assert limiter.limit == 32
    clock.now += 1
    limiter.throttled(clock.now, 0.0)
    assert limiter.limit == 16
    feed(limiter, 0.05)
    assert limiter.limit == 17.6  # a tenth more, no doubling after a setback


def test_it_shrinks_when_answers_take_over_three_times_the_best_and_not_below_an_eighth() -> None:
    limiter = Limiter(64, clock=Clock())
    feed(limiter, 0.1)
    feed(limiter, 0.25)
    assert limiter.limit == 64
    feed(limiter, 1.0)
    assert limiter.limit == 64 * 0.9
    feed(limiter, 1.0, windows=30)
    assert limiter.limit == 8


async def test_no_more_than_the_limit_are_let_in_and_waiters_come_in_order() -> None:
    limiter = Limiter(2, clock=Clock())
    order: list[int] = []

    async def enter(n: int) -> None:
        await limiter.acquire()
        order.append(n)

    tasks = [asyncio.create_task(enter(n)) for n in range(5)]
    await asyncio.sleep(0)
    assert order == [0, 1]
    limiter.release()
    limiter.release()
    await asyncio.sleep(0)
    assert order == [0, 1, 2, 3]
    tasks[4].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    limiter.release()
    limiter.release()
    assert limiter.active == 0


async def test_a_waiter_cancelled_at_the_moment_it_was_let_in_gives_its_place_back() -> None:
    limiter = Limiter(1, clock=Clock())
    await limiter.acquire()
    waiter = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0)
    limiter.release()
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert limiter.active == 0


async def test_after_retry_after_nobody_is_let_in_before_the_time() -> None:
    clock = Clock()
    limiter = Limiter(4, clock=clock)
    limiter.throttled(clock.now, 0.02)
    waiter = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0)
    assert not waiter.done()
    clock.now += 1
    await asyncio.wait_for(waiter, 30)
    limiter.close()
