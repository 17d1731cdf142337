"""What a run may spend: calls, tokens, and money where the user gives a dated price table."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kakehashi.errors import BudgetError, InputError
from kakehashi.model import Sample, Subject

CHARACTERS_PER_TOKEN = 3
ASSUMED_ANSWER_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Price:
    """Price of one million tokens."""

    prompt: float
    completion: float


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices that the user gives, with the date they hold for; the program knows none by itself.

    Attributes:
        as_of: Date of the prices, ISO 8601.
        currency: Such as ``"USD"``.
        source: Where they were read.
        models: Model id → price of one million tokens.
    """

    as_of: str
    currency: str
    source: str
    models: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, table: Mapping[str, object]) -> "PriceTable":
        """A table from ``{as_of, currency, source, models: {id: {prompt, completion}}}``.

        Raises:
            InputError: A field is missing or no number.
        """
        try:
            models = table["models"]
            if not isinstance(models, Mapping) or not table["as_of"]:
                raise TypeError("models must be a mapping, as_of a date")
            return cls(
                as_of=str(table["as_of"]),
                currency=str(table["currency"]),
                source=str(table.get("source", "")),
                models={str(m): Price(float(p["prompt"]), float(p["completion"])) for m, p in models.items()},
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise InputError(
                f"the price table cannot be used: {exc!r}",
                hint="It needs as_of, currency and models with prompt and completion for a million tokens.",
            ) from None

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost, or ``None`` where the model is not in the table."""
        price = self.models.get(model)
        if price is None:
            return None
        return (prompt_tokens * price.prompt + completion_tokens * price.completion) / 1e6


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that one session may spend; ``None`` where there is no limit.

    Attributes:
        calls: Requests sent, retries counted.
        tokens: Tokens, prompt and completion together.
        cost: Money, in the price table's currency; every model must stand in the table.
    """

    calls: int | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would need at most, before it starts.

    Attributes:
        samples: Samples to run.
        calls: Calls, where nothing is cached and nothing fails.
        prompt_tokens: Rough, at three characters a token; answers in between counted at their most.
        completion_tokens: At most, from ``max_tokens``; 512 for an answer without a limit.
        cost: At most, or ``None``: cost unknown.
        currency: Of the cost.
        prices_as_of: Date of the prices.
        reason: Why the cost is unknown.
    """

    samples: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None
    currency: str = ""
    prices_as_of: str = ""
    reason: str = "cost unknown: no price table given"


def most_tokens(subject: Subject, sample: Sample) -> int | None:
    """The lower of the subject's and the sample's limit of tokens for one answer."""
    own = subject.parameters.get("max_tokens", subject.parameters.get("max_completion_tokens"))
    limits = [limit for limit in (own, sample.max_tokens) if isinstance(limit, int)]
    return min(limits) if limits else None


def estimate(work: Iterable[tuple[Subject, Sample]], prices: PriceTable | None = None) -> Estimate:
    """What so much work needs at most; pass only what is still to do.

    Args:
        work: Subject and sample of each job.
        prices: The user's price table, if any.

    Examples:
        >>> sample = Sample("a", ("Hello there",), "en", "c", "k", "a", max_tokens=10)
        >>> estimate([(Subject("s", "mock", "echo"), sample)]).calls
        1
    """
    samples = calls = prompts = answers = 0
    by_model: dict[str, list[int]] = {}
    for subject, sample in work:
        samples += 1
        fixed = len(subject.system) + len(sample.system or "") + sum(len(m.content) for m in subject.opening)
        length = most_tokens(subject, sample) or ASSUMED_ANSWER_TOKENS
        said = fixed // CHARACTERS_PER_TOKEN
        spent = by_model.setdefault(subject.model, [0, 0])
        for turn in sample.turns:
            calls += 1
            said += len(turn) // CHARACTERS_PER_TOKEN + 4
            spent[0] += said
            spent[1] += length
            said += length
    prompts = sum(p for p, _ in by_model.values())
    answers = sum(a for _, a in by_model.values())
    if prices is None:
        return Estimate(samples, calls, prompts, answers)
    costs = {model: prices.cost(model, p, a) for model, (p, a) in by_model.items()}
    unknown = sorted(model for model, cost in costs.items() if cost is None)
    if unknown:
        reason = f"cost unknown: no price for {', '.join(unknown)}"
        return Estimate(samples, calls, prompts, answers, None, prices.currency, prices.as_of, reason)
    total = sum(cost for cost in costs.values() if cost is not None)
    return Estimate(samples, calls, prompts, answers, total, prices.currency, prices.as_of, "")


class Budget:
    """Keeps count of what a session spends, and refuses what would go over its limits.

    Before each request calls and likely tokens are reserved; afterwards the real tokens take their place.

    Args:
        limits: The limits.
        prices: The user's price table, needed for a limit of cost.
    """

    def __init__(self, limits: Limits | None = None, prices: PriceTable | None = None) -> None:
        self.limits = limits or Limits()
        self.prices = prices
        if self.limits.cost is not None and prices is None:
            raise BudgetError(
                "a budget in money needs a price table", hint="Give one with its date, or a budget of calls."
            )
        self.calls = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.uncounted = 0
        self.cost: float | None = 0.0 if prices is not None else None
        self._reserved: list[tuple[int, float]] = []
        self._settled = asyncio.Event()

    async def reserve(self, model: str, prompt_tokens: int, completion_tokens: int) -> tuple[int, float]:
        """Set aside what a request may need; give the result to :meth:`settle` or :meth:`cancel`.

        Raises:
            BudgetError: It does not fit any more.
        """
        limits = self.limits
        tokens = prompt_tokens + completion_tokens
        cost = 0.0
        if limits.cost is not None:
            assert self.prices is not None
            known = self.prices.cost(model, prompt_tokens, completion_tokens)
            if known is None:
                raise BudgetError(
                    f"the price table has no price for {model!r}, so a budget in money cannot be kept",
                    hint="Add the model to the table, or give a budget of calls.",
                )
            cost = known
        while True:
            if limits.calls is not None and self.calls >= limits.calls:
                raise BudgetError(
                    f"the budget of {limits.calls} calls is spent",
                    hint="Run the same command again with a new budget: it goes on where it was.",
                )
            over = self._over(tokens, cost)
            if not over:
                break
            if not self._reserved:
                raise BudgetError(
                    over, hint="Run the same command again with a new budget: it goes on where it was."
                )
            # What is under way may need less than was set aside for it.
            self._settled.clear()
            await self._settled.wait()
        self.calls += 1
        place = (tokens, cost)
        if limits.tokens is not None or limits.cost is not None:
            self._reserved.append(place)
        return place

    def _over(self, tokens: int, cost: float) -> str:
        limits = self.limits
        if limits.tokens is not None:
            used = self.prompt_tokens + self.completion_tokens + self.uncounted
            if used + sum(t for t, _ in self._reserved) + tokens > limits.tokens:
                return f"the budget of {limits.tokens} tokens is spent ({used} used, {tokens} wanted)"
        if limits.cost is not None:
            used_cost = self.cost or 0.0
            if used_cost + sum(c for _, c in self._reserved) + cost > limits.cost:
                return f"the budget of {limits.cost:g} is spent ({used_cost:.4g} used, {cost:.4g} wanted)"
        return ""

    def settle(
        self, place: tuple[int, float], model: str, prompt: int | None, completion: int | None
    ) -> None:
        """Put the tokens that the endpoint counted in place of those set aside."""
        self._free(place)
        if prompt is None and completion is None:
            self.uncounted += place[0]
        self.prompt_tokens += prompt or 0
        self.completion_tokens += completion or 0
        if self.prices is not None and self.cost is not None:
            if prompt is None and completion is None:
                self.cost = None if self.limits.cost is None else self.cost + place[1]
            else:
                spent = self.prices.cost(model, prompt or 0, completion or 0)
                self.cost = None if spent is None else self.cost + spent

    def cancel(self, place: tuple[int, float]) -> None:
        """Free what was set aside for a request that failed; its call stays counted."""
        self._free(place)

    def _free(self, place: tuple[int, float]) -> None:
        if self._reserved:
            self._reserved.remove(place)
            self._settled.set()
