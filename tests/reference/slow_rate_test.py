"""The e-process of ``compare.sequential``, written out: every start, every bet, every answer, in plain numbers."""

from collections.abc import Sequence

SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 31 / 32, 127 / 128)


def evidence(rounds: Sequence[Sequence[int]], bound: float, alternative: str, unit: str) -> float:
    """The gambler's capital after these rounds of answers (1 complied, 0 not)."""
    capital = 1.0
    for start in range(1, len(rounds) + 1):
        weight = 1 / start - 1 / (start + 1)
        capital -= weight  # what waits for this round is staked from it on
        for share in SHARES:
            rate = bound + share * (1 - bound) if alternative == "greater" else bound - share * bound
            stake = weight / len(SHARES)
            for answers in rounds[start - 1 :]:
                factors = [rate / bound if one else (1 - rate) / (1 - bound) for one in answers]
                if unit == "answer":
                    for factor in factors:
                        stake *= factor
                else:
                    stake *= sum(factors) / len(factors)
            capital += stake
    return capital
