"""Agreement of methods: figures against scipy, when it is insufficient, coverage, invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage
from scipy import stats

from kakehashi.compare.agreement import agreement, item_agreement
from kakehashi.compare.capability import capability_correlation, capability_score, partial_tau
from kakehashi.compare.correlation import kendall_tau_b, kendall_w, weighted_tau_b
from kakehashi.compare.measurement_noise import (
    disattenuated_correlation,
    noise_intervals,
    reliability,
    resampled_scores,
)
from kakehashi.compare.resampling import bootstrap_weights
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import InputError, NotEstimableError, UsageError

FEW = {"n_resamples": 60, "n_permutations": 59}


def table(values: np.ndarray, **more: object) -> ScoreTable:
    m, k = values.shape
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (True,) * k, **more)  # type: ignore[arg-type]


def related(rng: np.random.Generator, m: int, k: int, rho: float) -> np.ndarray:
    return np.sqrt(rho) * rng.normal(size=(m, 1)) + np.sqrt(1 - rho) * rng.normal(size=(m, k))


def test_figures_equal_scipy() -> None:
    values = related(np.random.default_rng(0), 20, 3, 0.5)
    found = agreement(table(values), rng=1, **FEW)
    assert found.status == "ok"
    pair = found.pair("k2", "k0")
    assert pair.tau == pytest.approx(stats.kendalltau(values[:, 0], values[:, 2]).statistic)
    assert pair.weighted_tau == pytest.approx(stats.weightedtau(values[:, 0], values[:, 2]).statistic)
    assert pair.pearson == pytest.approx(stats.pearsonr(values[:, 0], values[:, 2]).statistic)
    assert pair.tau_low < pair.tau < pair.tau_high
    assert found.overall is not None
    assert found.overall.mean_tau is not None
    assert found.overall.mean_tau.value == pytest.approx(np.mean([p.tau for p in found.pairs]))
    assert found.overall.kendall_w is not None
    assert found.overall.kendall_w.value == pytest.approx(kendall_w(values).value)


def test_permutation_p_values_agree_with_the_exact_test() -> None:
    values = related(np.random.default_rng(4), 12, 2, 0.4)
    found = agreement(table(values), rng=1, n_resamples=20, n_permutations=4000)
    exact = stats.kendalltau(values[:, 0], values[:, 1], method="exact").pvalue
    assert found.pairs[0].p_value == pytest.approx(exact, abs=0.02)
    holed = values.copy()
    holed[0, 0] = np.nan
    found = agreement(table(holed), rng=1, n_resamples=20, n_permutations=4000)
    exact = stats.kendalltau(values[1:, 0], values[1:, 1], method="exact").pvalue
    assert found.pairs[0].p_value == pytest.approx(exact, abs=0.02)
    assert found.pairs[0].n_shared == 11


def test_fewer_than_ten_shared_models_are_insufficient() -> None:
    values = related(np.random.default_rng(1), 9, 3, 0.5)
    found = agreement(table(values), rng=1)
    assert found.status == "insufficient"
    assert "10 models (the most is 9)" in found.reason
    assert found.overall is None
    assert np.isnan(found.tau).all()
    assert {p.status for p in found.pairs} == {"insufficient"}
    assert np.isnan(found.pairs[0].tau)


def test_a_pair_with_too_few_shared_models_is_left_out_of_the_means() -> None:
    values = related(np.random.default_rng(2), 16, 3, 0.5)
    values[:7, 0] = np.nan
    found = agreement(table(values), rng=1, **FEW)
    assert found.pair("k0", "k1").status == "insufficient"
    assert np.isnan(found.tau[0, 1])
    assert found.overall is not None
    assert found.overall.n_pairs == 1
    assert found.overall.kendall_w is None  # nine complete models
    assert "no W" in found.overall.reason
    assert found.diagnostics["n_pairs_insufficient"] == 2


def test_constructs_are_summed_up_apart() -> None:
    rng = np.random.default_rng(3)
    values = np.column_stack([related(rng, 30, 3, 0.9), related(rng, 30, 2, 0.9)])
    found = agreement(table(values, constructs=("a", "a", "a", "b", "b")), rng=1, **FEW)
    first, second = found.within
    assert (first.name, first.n_pairs, second.name, second.n_pairs) == ("a", 3, "b", 1)
    assert found.between is not None
    assert found.between.n_pairs == 6
    assert found.between.kendall_w is None
    assert first.mean_tau is not None
    assert found.between.mean_tau is not None
    assert first.mean_tau.value > 0.5 > found.between.mean_tau.value + 0.2
    assert found.pair("k0", "k3").same_construct is False


def test_one_method_is_refused_and_constant_scores_are_not_estimable() -> None:
    with pytest.raises(NotEstimableError, match="one method"):
        agreement(table(np.arange(12.0)[:, None]))
    values = np.column_stack([np.arange(12.0), np.ones(12), np.arange(12.0)[::-1]])
    found = agreement(table(values), rng=1, **FEW)
    assert np.isnan(found.pair("k0", "k1").tau)
    assert np.isnan(found.pair("k0", "k1").p_value)
    assert found.pair("k0", "k2").tau == pytest.approx(-1.0)
    assert found.overall is not None
    assert found.overall.n_pairs == 1


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_models_and_methods_and_monotone_scales_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 8, (12, 4)).astype(float)
    rows, columns = rng.permutation(12), rng.permutation(4)
    plain = agreement(table(values), rng=1, n_resamples=2, n_permutations=0)
    turned = agreement(table(np.exp(values)[np.ix_(rows, columns)]), rng=1, n_resamples=2, n_permutations=0)
    np.testing.assert_allclose(turned.tau, plain.tau[np.ix_(columns, columns)], atol=1e-12)
    assert plain.overall is not None
    assert turned.overall is not None
    assert plain.overall.kendall_w is not None
    assert turned.overall.kendall_w is not None
    assert turned.overall.kendall_w.value == pytest.approx(plain.overall.kendall_w.value)
    assert plain.overall.alpha is not None
    assert turned.overall.alpha is not None
    assert turned.overall.alpha.value == pytest.approx(plain.overall.alpha.value)


def noisy_items(rng: np.random.Generator, models: int, n: int, agree: bool) -> ItemScores:
    ability = np.linspace(0.2, 0.8, models)
    other = ability if agree else ability[::-1]
    values = np.hstack([rng.random((models, n)) < ability[:, None], rng.random((models, n)) < other[:, None]])
    return ItemScores(
        tuple(f"m{i}" for i in range(models)),
        tuple(f"i{j}" for j in range(2 * n)),
        values.astype(float),
        clusters=tuple(j // 2 for j in range(2 * n)),
        method=("x",) * n + ("y",) * n,
    )


def test_the_noise_interval_tells_conflict_from_noise() -> None:
    rng = np.random.default_rng(5)
    for agree in (True, False):
        items = noisy_items(rng, 12, 200, agree)
        pair = agreement(items.table(), items, rng=1, **FEW).pairs[0]
        assert (pair.noise_low > 0) == agree
        assert (pair.noise_high < 0) == (not agree)


def test_item_scores_must_be_of_the_same_models() -> None:
    rng = np.random.default_rng(5)
    items = noisy_items(rng, 12, 20, True)
    with pytest.raises(InputError, match="items has no model"):
        agreement(table(rng.normal(size=(13, 2))), items, rng=1, **FEW)


def test_resampled_scores_are_what_a_plain_loop_gives() -> None:
    rng = np.random.default_rng(6)
    items = noisy_items(rng, 3, 30, True)
    fast = resampled_scores(items, 4000, np.random.default_rng(1))
    codes = np.array(items.clusters)
    slow = []
    for _ in range(1500):
        chosen = rng.integers(0, 30, 30)
        columns = np.concatenate([np.flatnonzero(codes == c) for c in chosen])
        mine = np.array(items.method)[columns] == "x"
        slow.append(items.values[:, columns[mine]].mean(axis=1))
    np.testing.assert_allclose(fast[:, :, 0].std(axis=0), np.std(slow, axis=0), rtol=0.1)
    np.testing.assert_allclose(fast[:, :, 0].mean(axis=0), items.table().values[:, 0], atol=0.01)


def test_disattenuation_brings_a_noisy_method_back() -> None:
    # true correlation 0.8; reliabilities 0.5 and 1: observed 0.8 * sqrt 0.5 = 0.566
    rng = np.random.default_rng(7)
    truth = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], size=4000)
    seen = truth + np.column_stack([rng.normal(size=4000), np.zeros(4000)])
    errors = np.column_stack([np.ones(4000), np.full(4000, 1e-9)])
    plain, true = disattenuated_correlation(seen, errors)
    assert plain[0, 1] == pytest.approx(0.8 * np.sqrt(0.5), abs=0.03)
    assert true[0, 1] == pytest.approx(0.8, abs=0.04)
    assert reliability(table(seen[:500], std_error=errors[:500]))[0] == pytest.approx(0.5, abs=0.08)


def test_a_method_that_is_all_noise_is_not_corrected() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(40, 2))
    found = agreement(table(values, std_error=np.full((40, 2), 1.2)), rng=1, **FEW)
    assert np.isnan(found.pairs[0].disattenuated)


def test_partial_tau_follows_kendalls_formula_and_removes_a_common_cause() -> None:
    rng = np.random.default_rng(9)
    cause = rng.normal(size=600)
    values = cause[:, None] + 0.3 * rng.normal(size=(600, 2))
    tau = kendall_tau_b(np.column_stack([values, cause]))
    by_hand = (tau[0, 1] - tau[0, 2] * tau[1, 2]) / np.sqrt((1 - tau[0, 2] ** 2) * (1 - tau[1, 2] ** 2))
    partial = partial_tau(values, cause)[0, 1]
    assert partial == pytest.approx(by_hand)
    assert abs(partial) < 0.3 < tau[0, 1]
    # copies of the control leave nothing to explain
    assert np.isnan(partial_tau(np.column_stack([cause, cause]), cause)[0, 1])


def test_capability_is_found_and_its_share_in_a_method_named() -> None:
    rng = np.random.default_rng(10)
    g = rng.normal(size=60)
    score = capability_score(table(g[:, None] + 0.3 * rng.normal(size=(60, 5))))
    assert stats.spearmanr(score, g).statistic > 0.95
    safety = table(np.column_stack([g + 0.1 * rng.normal(size=60), rng.normal(size=60)]))
    share = capability_correlation(safety, g)
    assert share["k0"] > 0.9 > 0.4 > abs(share["k1"])
    found = agreement(safety, capability=g, rng=1, **FEW)
    assert abs(found.pairs[0].partial_tau) < 0.5
    with pytest.raises(InputError, match="One value a model"):
        capability_correlation(safety, [1.0])


def test_a_component_needs_complete_cells() -> None:
    with pytest.raises(NotEstimableError, match="'m1' has no score by 'k0'"):
        capability_score(table(np.array([[1.0, 2], [np.nan, 2], [3, 4]])))
    with pytest.raises(NotEstimableError):
        capability_score(table(np.array([[1.0, 2], [1, 3], [1, 4]])))


def test_judges_of_few_models_are_compared_item_by_item() -> None:
    assert item_agreement(["a", "b", "a", "b"], ["a", "b", "b", "b"], rng=1).value == pytest.approx(0.5)
    with pytest.raises(UsageError, match="more than twenty"):
        item_agreement(list(range(30)), list(range(30)))


def _tau_coverage(simulations: int) -> dict[tuple[int, float], float]:
    rng = np.random.default_rng(31)
    cells = {}
    for m in (12, 26, 60):
        for rho in (0.0, 0.5, 0.9):
            truth, hits = 2 / np.pi * np.arcsin(rho), 0
            for _ in range(simulations):
                values = related(rng, m, 2, rho)
                weights = np.concatenate(list(bootstrap_weights(m, 200, rng)))
                drawn = weighted_tau_b(values, weights)[:, 0]
                low, high = np.nanquantile(drawn, [0.025, 0.975])
                hits += low <= truth <= high
            cells[m, rho] = hits / simulations
    return cells


def test_tau_intervals_over_models_cover_93_to_97_percent_on_average() -> None:
    cells = _tau_coverage(400)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_tau_intervals_over_models_cover_at_full_size(record_property: Recorder) -> None:
    cells = _tau_coverage(3000)
    assert 0.93 <= report_coverage(record_property, cells, 3000) <= 0.97, cells


def _group_coverage(
    simulations: int, sizes: tuple[tuple[int, int, float], ...]
) -> dict[tuple[str, int, int, float], float]:
    rng = np.random.default_rng(32)
    cells = {}
    for m, k, rho in sizes:
        tau = 2 / np.pi * np.arcsin(rho)
        w = (1 + (k - 1) * 6 / np.pi * np.arcsin(rho / 2)) / k
        hits = np.zeros(2)
        for _ in range(simulations):
            found = agreement(
                table(related(rng, m, k, rho)), rng=rng, n_resamples=80, n_permutations=0
            ).overall
            assert found is not None
            assert found.mean_tau is not None
            assert found.kendall_w is not None
            hits[0] += found.mean_tau.low <= tau <= found.mean_tau.high
            hits[1] += found.kendall_w.low <= w <= found.kendall_w.high
        cells["tau", m, k, rho], cells["w", m, k, rho] = hits / simulations
    return cells


def test_intervals_of_mean_tau_and_w_cover_93_to_97_percent_on_average() -> None:
    cells = _group_coverage(400, ((12, 3, 0.5), (30, 5, 0.2)))
    for kind in ("tau", "w"):
        mean = np.mean([v for key, v in cells.items() if key[0] == kind])
        assert 0.93 <= mean <= 0.97, cells


@pytest.mark.proof
def test_intervals_of_mean_tau_and_w_cover_at_full_size(record_property: Recorder) -> None:
    cells = _group_coverage(
        1000, tuple((m, k, r) for m in (12, 26, 60) for k, r in ((3, 0.5), (8, 0.2), (4, 0.8)))
    )
    for kind in ("tau", "w"):
        mean = report_coverage(
            record_property, {key[1:]: v for key, v in cells.items() if key[0] == kind}, 1000, of=kind
        )
        assert 0.93 <= mean <= 0.97, cells


def _noise_coverage(simulations: int, sizes: tuple[int, ...]) -> dict[tuple[int, float], float]:
    """New models and new items each time; what must be covered is the tau of those models' true rates."""
    rng = np.random.default_rng(33)
    cells = {}
    for n in sizes:
        for rho in (0.0, 0.5, 0.9):
            hits = 0
            for _ in range(simulations):
                latent = related(rng, 15, 2, rho)
                rates = stats.norm.cdf(0.6 * latent)
                truth = stats.kendalltau(rates[:, 0], rates[:, 1]).statistic
                values = np.hstack([rng.random((15, n)) < rates[:, [c]] for c in range(2)])
                items = ItemScores(
                    tuple(f"m{i}" for i in range(15)),
                    tuple(f"i{j}" for j in range(2 * n)),
                    values.astype(float),
                    method=("x",) * n + ("y",) * n,
                )
                table = items.table()
                low, high, _, _ = noise_intervals(table, items, kendall_tau_b(table.values), 100, 0.95, rng)
                hits += low[0] <= truth <= high[0]
            cells[n, rho] = hits / simulations
    return cells


def test_noise_intervals_cover_93_to_97_percent_on_average() -> None:
    cells = _noise_coverage(400, (60,))
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_noise_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cells = _noise_coverage(2000, (60, 120, 300))
    assert 0.93 <= report_coverage(record_property, cells, 2000) <= 0.97, cells
