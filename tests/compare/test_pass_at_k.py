from itertools import combinations
from math import comb

import numpy as np
import pytest

from kakehashi.compare.pass_at_k import pass_at_k
from kakehashi.errors import NotEstimableError


def test_it_equals_the_share_of_draws_with_a_right_answer():
    for n in range(1, 8):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations([True] * c + [False] * (n - c), k))
                assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_it_equals_the_published_formula():
    # Chen et al. 2021, equation 1: 1 - C(n - c, k) / C(n, k).
    for n, c, k in ((200, 3, 10), (200, 150, 100), (100, 1, 100), (20, 0, 10)):
        assert pass_at_k(n, c, k) == pytest.approx(1 - comb(n - c, k) / comb(n, k))


def test_it_is_unbiased_where_the_naive_estimate_is_not():
    rng = np.random.default_rng(1)
    p, n, k = 0.2, 12, 5
    truth = 1 - (1 - p) ** k
    right = rng.binomial(n, p, size=40_000)
    by_count = np.array([pass_at_k(n, c, k) for c in range(n + 1)])
    naive = 1 - (1 - right / n) ** k
    std_error = by_count[right].std() / np.sqrt(len(right))
    assert abs(by_count[right].mean() - truth) < 4 * std_error
    assert truth - naive.mean() > 20 * std_error


def test_too_few_answers_are_not_estimable():
    with pytest.raises(NotEstimableError, match="at least 10"):
        pass_at_k(9, 3, 10)
    with pytest.raises(ValueError, match="not counts"):
        pass_at_k(3, 4, 1)
