"""Differential functioning: against scipy-free hand derivations, error rates and coverage."""

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage
from scipy.special import expit

from kakehashi.compare.differential import differential_functioning
from kakehashi.compare.table import ItemScores
from kakehashi.errors import InputError, NotEstimableError, UsageError


def table(y: np.ndarray) -> ItemScores:
    return ItemScores(tuple(f"r{i}" for i in range(len(y))), tuple(f"i{j}" for j in range(y.shape[1])), y)


def simulate(
    p: int, n: int, shift: float, effect: float, n_effect: int, rng: np.random.Generator, paired: bool = False
) -> tuple[ItemScores, list[str]]:
    """``p`` rows a group; the second is less able by ``shift``; the first items differ by ``effect``."""
    theta = rng.standard_normal(2 * p)
    if paired:
        theta[p:] = theta[:p]
    second = np.arange(2 * p) >= p
    theta = theta - shift * second
    extra = np.where(np.arange(n) < n_effect, effect, 0.0)
    logit = theta[:, None] + rng.normal(0, 1, n) + np.outer(second, extra)
    y = (rng.random((2 * p, n)) < expit(logit)).astype(float)
    return table(y), ["en"] * p + ["ja"] * p


def test_the_odds_ratio_is_the_mantel_haenszel_one() -> None:
    # matching by mean score in two strata; for item 0 the strata are
    # low:  first 3 right of 10, second 5 right of 10;  high: first 6 of 10, second 8 of 10
    # R = 5*7/20 + 8*4/20 = 3.35; S = 5*3/20 + 2*6/20 = 1.35; log(R/S) = 0.9089
    low = np.zeros((20, 11))
    low[:3, 0], low[10:15, 0] = 1, 1
    high = np.zeros((20, 11))
    high[:, 1:] = 1
    high[:6, 0], high[10:18, 0] = 1, 1
    y = np.vstack([low, high])
    group = (["en"] * 10 + ["ja"] * 10) * 2
    item = differential_functioning(table(y), group, n_strata=2).items[0]
    assert item.log_odds_ratio == pytest.approx(np.log(3.35 / 1.35))
    assert item.delta == pytest.approx(2.35 * np.log(3.35 / 1.35))
    # chi-square: A = 13, E = 10*8/20 + 10*14/20 = 11, V = 10*10*8*12/(400*19) + 10*10*14*6/(400*19) = 2.3684
    from scipy.stats import chi2

    assert item.p_value == pytest.approx(chi2.sf((2 - 0.5) ** 2 / 2.368421, 1))


def test_the_logistic_likelihood_ratio_equals_a_general_optimizer() -> None:
    from scipy.optimize import minimize
    from scipy.stats import chi2

    scores, group = simulate(60, 30, 0.3, 1.0, 3, np.random.default_rng(1))
    item = differential_functioning(scores, group, method="logistic").items[0]
    y = scores.values
    share = y.mean(axis=1)
    ability = np.log(share / (1 - share))
    ability = (ability - ability.mean()) / ability.std()
    second = np.array([g == "ja" for g in group], dtype=float)

    def fit(columns: list[np.ndarray]) -> tuple[np.ndarray, float]:
        x = np.column_stack([np.ones(len(y)), *columns])
        best = minimize(
            lambda b: float((np.logaddexp(0, x @ b) - y[:, 0] * (x @ b)).sum()), np.zeros(x.shape[1])
        )
        return best.x, best.fun

    (_, without), (beta, with_group) = fit([ability]), fit([ability, second])
    _, with_crossing = fit([ability, second, ability * second])
    assert item.log_odds_ratio == pytest.approx(beta[2], abs=1e-4)
    assert item.p_value == pytest.approx(chi2.sf(2 * (without - with_group), 1), rel=1e-3)
    assert item.p_crossing == pytest.approx(chi2.sf(2 * (with_group - with_crossing), 1), rel=1e-2)


@pytest.mark.parametrize("method", ["mantel-haenszel", "logistic"])
def test_a_badly_translated_item_is_flagged_and_the_rest_is_not(method: str) -> None:
    scores, group = simulate(150, 60, 0.5, -2.5, 2, np.random.default_rng(2))
    found = differential_functioning(scores, group, method=method)  # type: ignore[arg-type]
    assert {item.item for item in found.flagged} == {"i0", "i1"}
    assert found.items[0].size == "large"
    assert found.items[0].delta < 0
    assert found.difference < 0  # what all items share is not differential functioning


def test_exchanging_the_groups_turns_the_sign() -> None:
    scores, group = simulate(40, 20, 0.0, 1.0, 3, np.random.default_rng(3))
    one = differential_functioning(scores, group)
    swapped = ItemScores(scores.models[::-1], scores.items, scores.values[::-1])
    other = differential_functioning(swapped, group[::-1])
    assert (one.first, other.first) == ("en", "ja")
    for a, b in zip(one.items, other.items, strict=True):
        assert a.log_odds_ratio == pytest.approx(-b.log_odds_ratio, nan_ok=True)
        assert a.p_value == pytest.approx(b.p_value)


def test_an_item_that_one_group_always_solves_has_no_estimate_and_says_why() -> None:
    scores, group = simulate(20, 20, 0.0, 0.0, 0, np.random.default_rng(4))
    y = scores.values.copy()
    y[:, 0] = 1
    for method in ("mantel-haenszel", "logistic"):
        item = differential_functioning(table(y), group, method=method).items[0]  # type: ignore[arg-type]
        assert np.isnan(item.log_odds_ratio)
        assert item.size == "unknown"
        assert "alike" in item.reason


def test_benjamini_hochberg_equals_scipy() -> None:
    from scipy.stats import false_discovery_control

    scores, group = simulate(40, 30, 0.2, 1.0, 5, np.random.default_rng(5))
    found = differential_functioning(scores, group, correction="bh")
    p = np.array([item.p_value for item in found.items])
    np.testing.assert_allclose([item.p_adjusted for item in found.items], false_discovery_control(p))


def test_bad_input_is_refused_or_named() -> None:
    scores, group = simulate(12, 10, 0, 0, 0, np.random.default_rng(6))
    with pytest.raises(InputError, match="24 rows and 3 groups"):
        differential_functioning(scores, ["a", "b", "a"])
    with pytest.raises(UsageError, match="exactly two"):
        differential_functioning(scores, [*group[:-1], "ko"])
    with pytest.raises(NotEstimableError) as caught:
        differential_functioning(scores, ["en"] * 20 + ["ja"] * 4)
    assert caught.value.diagnostic == "too-few-models"
    with pytest.raises(NotEstimableError) as caught:
        differential_functioning(ItemScores(scores.models, scores.items[:3], scores.values[:, :3]), group)
    assert caught.value.diagnostic == "too-few-items"
    half = scores.values.copy()
    half[0, 0] = 0.5
    with pytest.raises(InputError, match="not 0 or 1"):
        differential_functioning(table(half), group)
    for wrong in ({"method": "magic"}, {"correction": "none"}, {"n_strata": 1}):
        with pytest.raises(UsageError):
            differential_functioning(scores, group, **wrong)  # type: ignore[arg-type]


CELLS = ((30, 60, 0.0, False), (60, 80, 0.5, False), (60, 80, 0.3, True), (120, 60, 0.5, False))


def _rates(method: str, simulations: int) -> dict[tuple, np.ndarray]:
    """Coverage of no effect and of an effect of 1, share of p values below .05, and of any flag, by cell."""
    rng = np.random.default_rng(2026)
    cells = {}
    for p, n, shift, paired in CELLS:
        out = []
        for s in range(simulations):
            effect = 1.0 if s % 2 else 0.0
            scores, group = simulate(p, n, shift, effect, 2, rng, paired)
            items = differential_functioning(scores, group, method=method).items  # type: ignore[arg-type]
            plain = [i for i in items[2:] if not i.reason]
            marked = [i for i in items[:2] if not i.reason]
            out.append(
                (
                    np.mean([i.low <= 0 <= i.high for i in plain]),
                    np.mean([i.low <= effect <= i.high for i in marked]) if marked else np.nan,
                    np.mean([i.p_value < 0.05 for i in plain]),
                    float(any(i.flagged for i in plain)),
                )
            )
        cells[p, n, shift, paired] = np.nanmean(out, axis=0)
    return cells


@pytest.mark.parametrize("method", ["mantel-haenszel", "logistic"])
def test_intervals_cover_and_tests_keep_their_level(method: str) -> None:
    cells = _rates(method, 24)  # 58 to 78 items each: 6,500 intervals
    mean = np.mean(list(cells.values()), axis=0)
    print(method, cells)
    assert 0.93 <= mean[0] <= 0.97, cells
    assert mean[2] <= 0.065, (
        cells
    )  # Monte Carlo error .003; likelihood ratios of few rows are a little liberal


@pytest.mark.proof
@pytest.mark.parametrize("method", ["mantel-haenszel", "logistic"])
def test_intervals_cover_and_tests_keep_their_level_at_full_size(
    method: str, record_property: Recorder
) -> None:
    cells = _rates(method, 400)
    mean = np.mean(list(cells.values()), axis=0)
    report_coverage(record_property, {(method, *c): v[0] for c, v in cells.items()}, 400)
    assert ((mean[:2] >= 0.93) & (mean[:2] <= 0.97)).all(), cells
    assert mean[2] <= 0.06, cells
    assert mean[3] <= 0.08, cells
