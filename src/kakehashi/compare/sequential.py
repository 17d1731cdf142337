"""Tests that may be looked at after every round, for ever, without crying wolf.

A rate is watched in rounds. The null hypothesis is that it has been on one side of a bound in *every* round so far;
what is found is that in some stretch of rounds it was on the other. The capital of a gambler who bets against the null
is an e-process: it grows beyond 1/alpha with probability alpha at most, however long one looks (Ville's inequality).
He spreads his capital over bets of different size, because the rate after a change is not known, and over
the rounds in which the change may have come, so that a long quiet time does not make him poor.

References:
    Ville, J. (1939). *Étude critique de la notion de collectif*. Gauthier-Villars.
    Waudby-Smith, I. and Ramdas, A. (2024). Estimating means of bounded random variables by betting. *Journal of the
    Royal Statistical Society B* 86, 1-27.
    Shin, J., Ramdas, A. and Rinaldo, A. (2024). E-detectors: a nonparametric framework for sequential change
    detection. *New England Journal of Statistics in Data Science* 2, 229-260. (There the starts have
    equal weight and the time to a false alarm is bounded; here their weights add up to 1, so its probability is.)
"""

from dataclasses import dataclass, field, replace
from math import exp, inf, isfinite, log
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kakehashi.errors import UsageError

Alternative = Literal["less", "greater"]
Unit = Literal["answer", "round"]

#: How far the bets' alternatives lie from the bound, as shares of the way to 0 or 1.
_SHARES = np.array([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 31 / 32, 127 / 128])


def spent_alpha(alpha: float, order: int, cycle: int = 1) -> float:
    """The part of ``alpha`` for one test among as many as may ever come: the parts add up to ``alpha``.

    Args:
        alpha: For all tests together.
        order: Which stream of data it is, counted from 1 in the order in which they appeared.
        cycle: Which test on that stream, counted from 1.

    Examples:
        >>> spent_alpha(0.05, 1), spent_alpha(0.05, 2)
        (0.0125, 0.004166666666666667)
    """
    if order < 1 or cycle < 1:
        raise UsageError(f"order and cycle are counted from 1, not {order} and {cycle}")
    return alpha / (order * (order + 1) * cycle * (cycle + 1))


def log_bets(
    successes: ArrayLike, counts: ArrayLike, *, bound: float, alternative: Alternative, unit: Unit
) -> NDArray[np.float64]:
    """By how much each bet multiplies the gambler's capital in one round, as logarithms.

    Args:
        successes: Successes of the round; any shape.
        counts: Answers of the round, at least 1; same shape.
        bound: Bound of the null hypothesis.
        alternative: Which side of the bound is betted on.
        unit: ``"answer"`` bets on each answer, ``"round"`` once on the round's share.

    Returns:
        The shape of the input with one more axis, the bets.
    """
    s = np.asarray(successes, dtype=float)[..., None]
    n = np.asarray(counts, dtype=float)[..., None]
    rates = bound + (1 - bound) * _SHARES if alternative == "greater" else bound * (1 - _SHARES)
    if unit == "answer":
        return np.asarray(s * np.log(rates / bound) + (n - s) * np.log((1 - rates) / (1 - bound)))
    share = s / n
    return np.asarray(np.log(share * rates / bound + (1 - share) * (1 - rates) / (1 - bound)))


def next_capital(
    log_capital: NDArray[np.float64], round_: int, bets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The capital of each bet after a round: what was there and what starts in this round, multiplied.

    Args:
        log_capital: Logarithm of the capital before; last axis the bets.
        round_: Number of the round, counted from 1.
        bets: What :func:`log_bets` gave.
    """
    return np.asarray(np.logaddexp(log_capital, -log(round_ * (round_ + 1))) + bets)


def log_evidence(log_capital: NDArray[np.float64], round_: int) -> NDArray[np.float64]:
    """Logarithm of the whole capital after a round, that of the starts still to come included."""
    highest = log_capital.max(axis=-1)
    with np.errstate(invalid="ignore"):
        total = np.log(
            np.exp(log_capital - np.where(np.isfinite(highest), highest, 0)[..., None]).mean(axis=-1)
        )
    started = np.where(np.isfinite(highest), highest + total, -inf)
    return np.asarray(np.logaddexp(started, -log(round_ + 1)))


@dataclass(frozen=True, slots=True)
class RateTest:
    """A sequential test of a rate against a bound, as it stands after some rounds.

    Within a round the answers may differ in their chance of success, and may be fixed (a deterministic system),
    but given the past they must not draw each other along by chance; where one draw decides over a whole round
    (a cluster of servers that differ), use ``unit="round"``, which needs nothing within a round and is slower.
    Between rounds anything may depend on anything.

    Attributes:
        bound: The null hypothesis is that the mean chance of success was at least (``"less"``) or at most
            (``"greater"``) this in every round.
        alternative: Which side of the bound is to be found.
        alpha: Probability at most of ever rejecting a true null hypothesis, whenever one looks.
        unit: What is betted on.
        rounds: Rounds with an answer.
        observations: Answers.
        successes: Successes among them.
        log_evidence: Logarithm of the e-process now; above ``log(1 / alpha)`` the null hypothesis falls.
        peak: Its highest value so far.
        rejected_in: Round (of those with an answer) in which it fell, or ``None``.

    Examples:
        >>> test = RateTest(0.1, "less", 0.05)
        >>> while test.rejected_in is None:
        ...     test = test.update(0, 10)
        >>> test.rejected_in, test.observations
        (5, 50)
    """

    bound: float
    alternative: Alternative
    alpha: float
    unit: Unit = "answer"
    rounds: int = 0
    observations: int = 0
    successes: int = 0
    log_evidence: float = 0.0
    peak: float = 0.0
    rejected_in: int | None = None
    _log_capital: NDArray[np.float64] = field(
        default_factory=lambda: np.full(len(_SHARES), -inf), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not (isfinite(self.bound) and 0 < self.bound < 1):
            raise UsageError(f"the bound must lie between 0 and 1, not {self.bound}")
        if not (isfinite(self.alpha) and 0 < self.alpha < 1):
            raise UsageError(f"alpha must lie between 0 and 1, not {self.alpha}")

    def update(self, successes: int, count: int) -> "RateTest":
        """The test after one more round; a round without an answer changes nothing.

        Raises:
            UsageError: More successes than answers, or fewer than none.
        """
        if not 0 <= successes <= count:
            raise UsageError(f"{successes} successes of {count} answers cannot be")
        if count == 0:
            return self
        round_ = self.rounds + 1
        bets = log_bets(successes, count, bound=self.bound, alternative=self.alternative, unit=self.unit)
        capital = next_capital(self._log_capital, round_, bets)
        now = float(log_evidence(capital, round_))
        fell = self.rejected_in
        if fell is None and now >= log(1 / self.alpha):
            fell = round_
        return replace(
            self,
            rounds=round_,
            observations=self.observations + count,
            successes=self.successes + successes,
            log_evidence=now,
            peak=max(self.peak, now),
            rejected_in=fell,
            _log_capital=capital,
        )

    @property
    def p_value(self) -> float:
        """An anytime-valid p-value: valid whenever one stops looking."""
        return min(1.0, exp(-self.peak))
