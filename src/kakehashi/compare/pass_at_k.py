"""pass@k: the chance that one of k answers to a problem is right, from n answers of which c are."""

from math import comb

from kakehashi.errors import NotEstimableError


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of pass@k for one problem.

    It is one minus the chance that k answers drawn without replacement from the n are all wrong. The naive
    ``1 - (1 - c/n)**k`` is too low on average. At temperature 0 all answers are alike and only ``k = 1`` says
    anything.

    Args:
        n: Answers to the problem.
        c: Of these, right ones.
        k: Answers that a user would try.

    Raises:
        NotEstimableError: There are fewer than ``k`` answers.
        ValueError: The counts contradict each other.

    Examples:
        >>> pass_at_k(5, 2, 1), pass_at_k(5, 2, 4)
        (0.4, 1.0)

    References:
        Chen et al. (2021), Evaluating large language models trained on code, arXiv:2107.03374, section 2.1.
    """
    if k < 1 or not 0 <= c <= n:
        raise ValueError(f"n={n}, c={c}, k={k} are not counts of answers")
    if n < k:
        raise NotEstimableError(
            f"pass@{k} needs at least {k} answers to a problem, and there are {n}",
            diagnostic="too-few-answers",
            hint="Ask for more answers to each problem.",
        )
    if n - c < k:
        return 1.0
    return (comb(n, k) - comb(n - c, k)) / comb(n, k)
