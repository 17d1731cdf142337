from pathlib import Path

import pytest
from engine_runs import assess, sample, samples, subject
from reference.mock_server import MockServer

from kakehashi.errors import BudgetError, InputError
from kakehashi.evaluate.engine import Limits, Price, PriceTable, ResponseCache, estimate
from kakehashi.model import Subject

PRICES = PriceTable("2026-01-01", "USD", "price list", {"mock-model": Price(2.0, 10.0)})


async def test_a_budget_of_calls_is_kept_and_the_next_session_goes_on(tmp_path: Path) -> None:
    async with MockServer() as server:
        outcome = await assess(tmp_path, subject(server.url), samples(20), limits=Limits(calls=7))
        assert server.calls == 7
        assert (outcome.done, outcome.missing, outcome.failed) == (7, 13, 0)
        with pytest.raises(BudgetError, match="7 calls"):
            outcome.raise_if_incomplete()
        again = await assess(tmp_path, subject(server.url), samples(20))
        assert server.calls == 20
    assert again.is_complete


async def test_retries_count_as_calls(tmp_path: Path) -> None:
    async with MockServer(default="500") as server:
        await assess(tmp_path, subject(server.url), samples(1), limits=Limits(calls=3), concurrency=1)
        assert server.calls == 3


async def test_a_spent_budget_still_serves_what_is_cached(tmp_path: Path) -> None:
    async with MockServer() as server:
        with ResponseCache(tmp_path / "c") as cache:
            await assess(tmp_path / "a", subject(server.url), samples(20)[5:10], cache=cache)
            outcome = await assess(
                tmp_path / "b", subject(server.url), samples(20), cache=cache, limits=Limits(calls=2)
            )
        assert server.calls == 5 + 2
    assert (outcome.done, outcome.cached, outcome.missing) == (7, 5, 13)


async def test_a_budget_of_tokens_is_never_gone_over(tmp_path: Path) -> None:
    # A call reserves 4 + 14 // 3 = 8 tokens of prompt and 20 of answer, and then needs 10 + 5 = 15. With
    # one call at a time: 28 + 15 k <= 200 holds up to k = 11, so calls 1 to 12 fit, and 180 tokens are used.
    async with MockServer() as server:
        who = subject(server.url, parameters={"max_tokens": 20})
        outcome = await assess(tmp_path, who, samples(50), limits=Limits(tokens=200), concurrency=1)
        assert server.calls == 12
    assert outcome.prompt_tokens + outcome.completion_tokens == 180


async def test_what_is_set_aside_and_not_used_is_free_again(tmp_path: Path) -> None:
    # Ten at once would set aside 10 * 508 tokens; they wait for one another instead of giving up.
    async with MockServer() as server:
        who = subject(server.url, parameters={"max_tokens": 500})
        outcome = await assess(tmp_path, who, samples(20), limits=Limits(tokens=1100), concurrency=10)
    assert outcome.is_complete


async def test_cost_comes_from_the_users_table_alone(tmp_path: Path) -> None:
    async with MockServer() as server:
        known = await assess(tmp_path / "a", subject(server.url), samples(10), prices=PRICES)
        unknown = await assess(tmp_path / "b", subject(server.url), samples(10))
        other = PriceTable("2026-01-01", "USD", "", {"another": Price(1, 1)})
        missing = await assess(tmp_path / "c", subject(server.url), samples(10), prices=other)
    # 10 calls of 10 prompt tokens at 2 and 5 completion tokens at 10 a million.
    assert known.cost == pytest.approx((100 * 2 + 50 * 10) / 1e6)
    assert unknown.cost is None
    assert missing.cost is None


async def test_a_budget_in_money_stops_the_run(tmp_path: Path) -> None:
    async with MockServer() as server:
        who = subject(server.url, parameters={"max_tokens": 5})
        # A call sets aside 8 * 2 + 5 * 10 = 66 millionths and costs 70: 66 + 70 k <= 300 holds up to k = 3.
        outcome = await assess(
            tmp_path, who, samples(10), prices=PRICES, limits=Limits(cost=300e-6), concurrency=1
        )
        assert server.calls == 4
    assert isinstance(outcome.budget, BudgetError)
    with pytest.raises(BudgetError, match="price table"):
        await assess(tmp_path, who, samples(10), limits=Limits(cost=1.0))


def test_the_estimate_counts_turns_and_says_why_a_cost_is_unknown() -> None:
    who = Subject("s", "openai", "mock-model", parameters={"max_tokens": 100})
    work = [(who, sample("a", "x" * 30, max_tokens=10)), (who, sample("b", "x" * 30, "y" * 30))]
    # a: 30/3 + 4 = 14 of prompt, 10 of answer. b: 14, then 14 + 100 + 14 = 128 of prompt; 200 of answer.
    got = estimate(work, PRICES)
    assert (got.samples, got.calls, got.prompt_tokens, got.completion_tokens) == (2, 3, 156, 210)
    assert got.cost == pytest.approx((156 * 2 + 210 * 10) / 1e6)
    assert (got.currency, got.prices_as_of) == ("USD", "2026-01-01")
    assert estimate(work).reason.startswith("cost unknown")
    assert estimate([(Subject("s", "openai", "else"), sample("a"))], PRICES).cost is None


def test_a_price_table_without_a_date_is_refused() -> None:
    table = {"as_of": "2026-01-01", "currency": "USD", "models": {"m": {"prompt": 1, "completion": "2"}}}
    assert PriceTable.from_mapping(table).cost("m", 1_000_000, 1_000_000) == 3.0
    for broken in ({**table, "as_of": ""}, {**table, "models": {"m": {"prompt": 1}}}, {"currency": "USD"}):
        with pytest.raises(InputError, match="price table"):
            PriceTable.from_mapping(broken)
