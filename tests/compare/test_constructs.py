"""Disagreement by construct, capability in disguise, mean ranks: figures by hand, invariants, coverage."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder
from reference.coverage_cells import Coverage
from scipy import stats

from kakehashi.compare.agreement import Agreement, agreement
from kakehashi.compare.capability import (
    capability_correlation,
    capability_share,
    partial_tau,
    partial_tau_replicates,
)
from kakehashi.compare.constructs import construct_split
from kakehashi.compare.correlation import kendall_tau_b, kendall_w, spearman, weighted_tau_b
from kakehashi.compare.krippendorff import krippendorff_alpha
from kakehashi.compare.mean_rank import mean_rank_intervals
from kakehashi.compare.measurement_noise import (
    concordance_bounds,
    disattenuated_correlation,
    disattenuated_interval,
)
from kakehashi.compare.published import published_robustness
from kakehashi.compare.resampling import bootstrap_weights
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.errors import NotEstimableError, UsageError


def table(values: object, **more: object) -> ScoreTable:
    m, k = np.shape(values)  # type: ignore[arg-type]
    names = tuple(f"m{i}" for i in range(m)), tuple(f"k{j}" for j in range(k))
    return ScoreTable(*names, values, (True,) * k, **more)  # type: ignore[arg-type]


def quick(t: ScoreTable) -> Agreement:
    return agreement(t, rng=1, n_resamples=2, n_permutations=0)


def test_most_of_the_published_conflict_is_between_constructs() -> None:
    found = agreement(published_robustness(), rng=1, n_resamples=200, n_permutations=400).split
    assert found is not None
    tau = kendall_tau_b(published_robustness().values)
    inside = [tau[i, j] for i in range(4) for j in range(i + 1, 4)]
    across = [tau[i, j] for i in range(8) for j in range(i + 1, 8) if j > 3]
    assert (found.n_within, found.n_between) == (6, 22)
    assert found.mean_tau_within == pytest.approx(np.mean(inside))
    assert found.mean_tau_between == pytest.approx(np.mean(across))
    share = (1 - np.array(across)).sum() / ((1 - np.array(across)).sum() + (1 - np.array(inside)).sum())
    assert found.share_between == pytest.approx(share)
    assert round(found.share_between, 2) == 0.90
    assert found.share_of_pairs == pytest.approx(22 / 28)
    assert found.difference.low > 0.3
    # the label of four can be dealt to eight methods in 70 ways, and no way does better than the true one
    assert found.p_least == pytest.approx(1 / 70)
    assert found.p_value == pytest.approx(1 / 70, abs=0.015)


def test_constructs_that_make_no_difference_are_not_blamed() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 1)) + rng.normal(size=(40, 6))
    found = agreement(
        table(values, constructs=tuple("aaabbb")), rng=1, n_resamples=100, n_permutations=200
    ).split
    assert found is not None
    assert found.difference.low < 0 < found.difference.high
    assert found.p_value > 0.05
    assert found.share_between == pytest.approx(found.share_of_pairs, abs=0.05)
    assert found.p_least == pytest.approx(1 / 10)  # 6! / (3! 3! 2!)
    alone = agreement(table(values, constructs=tuple("abcdef")), rng=1, n_resamples=5, n_permutations=0)
    assert alone.split is None


def test_disagreement_of_all_or_none() -> None:
    up = np.arange(12.0)
    same = agreement(table(np.column_stack([up] * 4), constructs=tuple("aabb")), rng=1, n_resamples=9).split
    assert same is not None
    assert np.isnan(same.share_between)  # there is none to part
    apart = np.column_stack([up, up, -up, -up])
    found = agreement(table(apart, constructs=tuple("aabb")), rng=1, n_resamples=9).split
    assert found is not None
    assert found.share_between == 1.0


# Issue: "adding a copy of a method never lowers agreement". It holds for the method that agrees best with the
# others, for any method of two, and for copies of all; it does not hold for a dissenter, as three of one mind show.
def figures(values: np.ndarray) -> tuple[float, float, float]:
    found = quick(table(values)).overall
    assert found is not None
    assert found.mean_tau is not None
    assert found.kendall_w is not None
    assert found.alpha is not None
    return found.mean_tau.value, found.kendall_w.value, found.alpha.value


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_a_copy_of_a_method_that_agrees_never_lowers_agreement(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(12, 1)) * rng.uniform(0, 1) + rng.normal(size=(12, k))
    plain = figures(values)
    tau = kendall_tau_b(values)
    best = int(tau.sum(axis=0).argmax())
    assert figures(np.column_stack([values, values[:, best]]))[0] >= plain[0] - 1e-12
    rho = np.corrcoef(stats.rankdata(values, axis=0), rowvar=False)
    best = int(rho.sum(axis=0).argmax())
    more = figures(np.column_stack([values, values[:, best]]))
    assert more[2] >= plain[2] - 1e-12
    if k == 2:
        for copied in range(2):
            more = figures(np.column_stack([values, values[:, copied]]))
            assert all(a >= b - 1e-12 for a, b in zip(more, plain, strict=True))
    doubled = figures(np.hstack([values, values]))
    assert doubled[0] >= plain[0] - 1e-12
    assert doubled[1] == pytest.approx(plain[1])  # W is the variance of mean ranks: it stays
    assert doubled[2] >= plain[2] - 1e-12


def test_a_copy_of_a_lone_dissenter_does_lower_the_mean() -> None:
    up = np.arange(12.0)
    assert figures(np.column_stack([up, up, up, -up]))[0] == pytest.approx(0.0)
    assert figures(np.column_stack([up, up, up, -up, -up]))[0] == pytest.approx(-0.2)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_polarity_shift_and_order_change_no_figure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, (12, 4)).astype(float)
    values[0, 0] = np.nan
    constructs = ("a", "a", "b", "b")
    plain = quick(table(values, constructs=constructs))
    turned = values.copy()
    turned[:, 1] *= -1
    flipped = ScoreTable(
        plain.models,
        plain.methods,
        turned + rng.normal(size=4),
        (True, False, True, True),
        constructs=constructs,
    )
    again = quick(flipped)
    np.testing.assert_allclose(again.tau, plain.tau, atol=1e-12)
    assert again.split is not None
    assert plain.split is not None
    assert again.split.share_between == pytest.approx(plain.split.share_between)
    columns = rng.permutation(4)
    moved = quick(
        table(values[rng.permutation(12)][:, columns], constructs=tuple(constructs[c] for c in columns))
    )
    np.testing.assert_allclose(moved.tau, plain.tau[np.ix_(columns, columns)], atol=1e-12)
    assert moved.split is not None
    assert moved.split.share_between == pytest.approx(plain.split.share_between)


def test_alpha_of_a_table_with_holes_uses_every_model_that_two_methods_share() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(40, 1)) * 1.5 + rng.normal(size=(40, 3))
    whole = quick(table(values)).overall
    values[:15, 0] = np.nan
    values[15:31, 1] = np.nan
    found = quick(table(values)).overall
    assert found is not None
    assert whole is not None
    assert found.kendall_w is None  # nine complete models
    assert found.alpha is not None
    assert whole.alpha is not None
    assert found.alpha.n == 40
    assert found.alpha.value == pytest.approx(whole.alpha.value, abs=0.15)


def test_partial_replicates_are_partial_tau_of_resampled_models() -> None:
    rng = np.random.default_rng(4)
    values, control = rng.normal(size=(14, 3)), rng.normal(size=14)
    times = rng.multinomial(14, np.full(14, 1 / 14), size=3)
    for holes in (False, True):
        if holes:
            values[2, 1] = control[5] = np.nan
        fast = partial_tau_replicates(values, control, times.astype(float))
        for row, count in zip(fast, times, strict=True):
            chosen = np.repeat(np.arange(14), count)
            slow = partial_tau(values[chosen], control[chosen])[np.triu_indices(3, 1)]
            np.testing.assert_allclose(row, slow, atol=1e-12)


def test_capability_in_disguise_shows_in_the_partial_figures() -> None:
    rng = np.random.default_rng(5)
    able = rng.normal(size=40)
    found = agreement(
        table(able[:, None] + 0.4 * rng.normal(size=(40, 4))), capability=able, rng=1, n_resamples=100
    )
    assert found.overall is not None
    assert found.overall.mean_tau is not None
    assert found.overall.mean_partial_tau is not None
    assert found.overall.mean_partial_tau.high < found.overall.mean_tau.low
    pair = found.pairs[0]
    assert pair.partial_low <= pair.partial_tau <= pair.partial_high
    plain = quick(table(rng.normal(size=(12, 2)))).overall
    assert plain is not None
    assert plain.mean_partial_tau is None


def test_capability_share_is_spearman_with_an_interval() -> None:
    rng = np.random.default_rng(6)
    values, able = rng.normal(size=(30, 2)), rng.normal(size=30)
    values[:22, 1] = np.nan
    found = capability_share(table(values), able)
    assert found["k0"].value == pytest.approx(stats.spearmanr(values[:, 0], able).statistic)
    assert found["k0"].low < found["k0"].value < found["k0"].high
    assert {n: e.value for n, e in found.items()} == pytest.approx(
        dict(capability_correlation(table(values), able))
    )
    assert np.isnan(found["k1"].low)
    assert "8 models" in str(found["k1"].diagnostics["no_interval"])


def test_mean_ranks_and_what_they_need() -> None:
    values = np.array([[3.0, 3, 1], [2, 2, 3], [1, 1, 2], [9, np.nan, 9]])
    t = table(values, std_error=np.full((4, 3), 1e-6))
    found = mean_rank_intervals(t, rng=1)
    # ranks (1,1,3), (2,2,1), (3,3,2): means 5/3, 5/3, 8/3
    assert found.score == pytest.approx([5 / 3, 5 / 3, 8 / 3])
    assert found.rank.tolist() == [1.5, 1.5, 3.0]
    assert found.diagnostics["left_out_for_missing_cells"] == ("m3",)
    with pytest.raises(NotEstimableError, match="unknown is not zero"):
        mean_rank_intervals(table(values))
    error = np.full((4, 3), 0.1)
    error[1, 2] = np.nan
    with pytest.raises(NotEstimableError, match="'m1' has none"):
        mean_rank_intervals(table(values, std_error=error))
    with pytest.raises(NotEstimableError, match="single method"):
        mean_rank_intervals(table(values[:, :1]), over="methods")
    with pytest.raises(NotEstimableError, match="have a score by all"):
        mean_rank_intervals(table([[1.0, np.nan], [np.nan, 2.0]]), over="methods")
    with pytest.raises(UsageError, match="noise or methods"):
        mean_rank_intervals(table(values), over="luck")  # type: ignore[arg-type]
    # certain scores leave the order as it is; methods at odds leave it open
    surely = mean_rank_intervals(table(np.arange(12.0).reshape(4, 3), std_error=np.full((4, 3), 1e-3)), rng=1)
    assert surely.low.tolist() == surely.high.tolist() == [4, 3, 2, 1]
    wide = mean_rank_intervals(table(values[:3]), over="methods", rng=1)
    assert (wide.high - wide.low).tolist() == [2, 2, 2]


Cells = Callable[[int, tuple[int, ...]], Coverage]


def _partial(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    rng = np.random.default_rng(61)
    out = Coverage()
    for m in sizes:
        for rho, g in ((0.0, 0.0), (0.5, 0.5), (0.8, 0.6), (0.65, 0.8)):
            sigma = np.array([[1, rho, g], [rho, 1, g], [g, g, 1]])
            tau = 2 / np.pi * np.arcsin(sigma)
            truth = (tau[0, 1] - tau[0, 2] * tau[1, 2]) / np.sqrt((1 - tau[0, 2] ** 2) * (1 - tau[1, 2] ** 2))
            for _ in range(simulations):
                x = rng.multivariate_normal(np.zeros(3), sigma, size=m)
                times = np.concatenate(list(bootstrap_weights(m, 200, rng))).astype(float)
                drawn = partial_tau_replicates(x[:, :2], x[:, 2], times)[:, 0]
                low, high = np.nanquantile(drawn, [0.025, 0.975])
                out.add((m, rho, g), low, truth, high)
    return out


def _mean_partial(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    rng = np.random.default_rng(62)
    out = Coverage()
    for m in sizes:
        for rho, g in ((0.3, 0.3), (0.65, 0.7)):
            sigma = np.full((4, 4), rho)
            sigma[3, :] = sigma[:, 3] = g
            np.fill_diagonal(sigma, 1.0)
            t, c = 2 / np.pi * np.arcsin(rho), 2 / np.pi * np.arcsin(g)
            truth = (t - c**2) / (1 - c**2)
            for _ in range(simulations):
                x = rng.multivariate_normal(np.zeros(4), sigma, size=m)
                found = agreement(
                    table(x[:, :3]), capability=x[:, 3], rng=rng, n_resamples=80, n_permutations=0
                ).overall
                assert found is not None
                assert found.mean_partial_tau is not None
                out.add((m, rho, g), found.mean_partial_tau.low, truth, found.mean_partial_tau.high)
    return out


def _disattenuated(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    rng = np.random.default_rng(63)
    out = Coverage()
    for m in sizes:
        for rho in (0.0, 0.5, 0.9):
            for reliability in (0.6, 0.9):
                error = np.sqrt(1 / reliability - 1)
                for _ in range(simulations):
                    x = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=m)
                    x = x + error * rng.normal(size=(m, 2))
                    plain, true = disattenuated_correlation(x, np.full((m, 2), error))
                    if np.isnan(true[0, 1]):
                        continue  # too noisy to correct, and said so
                    low, high = disattenuated_interval(plain, true, np.full((2, 2), m), 0.95)
                    out.add((m, rho, reliability), low[0, 1], rho, high[0, 1])
    return out


def _capability(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    rng = np.random.default_rng(64)
    out = Coverage()
    for m in sizes:
        for rho in (0.0, 0.5, 0.9):
            truth = 6 / np.pi * np.arcsin(rho / 2)
            for _ in range(simulations):
                x = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=m)
                found = capability_share(table(x[:, :1]), x[:, 1])["k0"]
                out.add((m, rho), found.low, truth, found.high)
    return out


def _split(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    rng = np.random.default_rng(65)
    out = Coverage()
    for m in sizes:
        for a, b in ((0.8, 0.2), (0.5, 0.5), (0.6, 0.0)):
            sigma = np.full((5, 5), b)
            sigma[:3, :3] = sigma[3:, 3:] = a
            np.fill_diagonal(sigma, 1.0)
            truth = 2 / np.pi * (np.arcsin(a) - np.arcsin(b))
            for _ in range(simulations):
                x = rng.multivariate_normal(np.zeros(5), sigma, size=m)
                times = np.concatenate(list(bootstrap_weights(m, 80, rng))).astype(float)
                found = construct_split(
                    kendall_tau_b(x), list("aaabb"), weighted_tau_b(x, times), confidence_level=0.95, n_models=m,
                    n_permutations=0, rng=rng,
                )  # fmt: skip
                assert found is not None
                out.add((m, a, b), found.difference.low, truth, found.difference.high)
    return out


APPROXIMATE = pytest.mark.parametrize("cells", [_partial, _mean_partial, _disattenuated, _capability, _split])


@APPROXIMATE
def test_intervals_over_models_cover(cells: Cells) -> None:
    cells(400, (20,)).check_approximate()


@pytest.mark.proof
@APPROXIMATE
def test_intervals_over_models_cover_at_full_size(cells: Cells, record_property: Recorder) -> None:
    found = cells(800, (12, 26, 60))
    found.report(record_property)
    found.check_approximate()


def _mean_rank(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    rng = np.random.default_rng(66)
    out = Coverage()
    for m in sizes:
        for spread in (0.05, 0.5, 2.0):
            base = np.linspace(spread, 0, m)[:, None]
            for _ in range(simulations):
                # noise: these methods' true scores; ties in the true mean rank may fall either way
                truth = base + 0.5 * rng.normal(size=(m, 5))
                total = stats.rankdata(-truth, axis=0).sum(axis=1)
                seen = table(truth + 0.3 * rng.normal(size=(m, 5)), std_error=np.full((m, 5), 0.3))
                found = mean_rank_intervals(seen, n_resamples=100, rng=rng)
                first, last = stats.rankdata(total, method="min"), stats.rankdata(total, method="max")
                inside = (found.low <= last) & (found.high >= first)
                out.cells.setdefault(("noise", m, spread), []).append(float(inside.mean()))
                # methods: the order by expected rank, which is that of the base
                found = mean_rank_intervals(
                    table(base + rng.normal(size=(m, 6))), over="methods", n_resamples=100, rng=rng
                )
                out.add(("methods", m, spread), found.low, np.arange(1, m + 1), found.high)
    return out


def _group_noise(simulations: int, sizes: tuple[int, ...]) -> Coverage:
    """Mean tau, W and alpha of the true rates of models drawn anew each time."""
    rng = np.random.default_rng(67)
    out = Coverage()
    for n in sizes:
        for rho in (0.0, 0.8):
            for _ in range(simulations):
                latent = np.sqrt(rho) * rng.normal(size=(12, 1)) + np.sqrt(1 - rho) * rng.normal(size=(12, 3))
                rates = stats.norm.cdf(0.6 * latent)
                truth = kendall_tau_b(rates)[np.triu_indices(3, 1)].mean()
                values = np.hstack([rng.random((12, n)) < rates[:, [c]] for c in range(3)]).astype(float)
                items = ItemScores(
                    tuple(f"m{i}" for i in range(12)),
                    tuple(f"i{j}" for j in range(3 * n)),
                    values,
                    method=("x",) * n + ("y",) * n + ("z",) * n,
                )
                found = agreement(items.table(), items, rng=rng, n_resamples=50, n_permutations=0).overall
                assert found is not None
                out.add(("tau", n, rho), found.noise_low, truth, found.noise_high)
                w = kendall_w(rates).value
                out.add(("W", n, rho), found.w_noise_low, w, found.w_noise_high)
                alpha = krippendorff_alpha(
                    stats.rankdata(rates, axis=0).T, level="interval", n_resamples=0
                ).value
                out.add(("alpha", n, rho), found.alpha_noise_low, alpha, found.alpha_noise_high)
    return out


def test_w_and_alpha_go_with_the_mean_of_spearmans_rho() -> None:
    # the identities behind the bounds, held against the estimators themselves
    rng = np.random.default_rng(68)
    for m, k in ((10, 2), (12, 3), (30, 5)):
        values = rng.normal(size=(m, k))
        rho = np.array([spearman(values[:, i], values[:, j]) for i in range(k) for j in range(i + 1, k)])
        w, alpha = concordance_bounds(rho, m, k)
        assert w == pytest.approx(kendall_w(values).value)
        ranks = stats.rankdata(values, axis=0).T
        assert alpha == pytest.approx(krippendorff_alpha(ranks, level="interval", n_resamples=0).value)


def test_noise_bounds_of_w_and_alpha_need_items_and_every_cell() -> None:
    rng = np.random.default_rng(69)
    rates = stats.norm.cdf(0.6 * rng.normal(size=(12, 3)))
    values = np.hstack([rng.random((12, 60)) < rates[:, [c]] for c in range(3)]).astype(float)
    items = ItemScores(
        tuple(f"m{i}" for i in range(12)),
        tuple(f"i{j}" for j in range(180)),
        values,
        method=("x",) * 60 + ("y",) * 60 + ("z",) * 60,
    )
    whole = agreement(items.table(), items, rng=1, n_resamples=50, n_permutations=0).overall
    assert whole is not None
    assert 0 <= whole.w_noise_low < whole.w_noise_high <= 1
    assert whole.alpha_noise_low < whole.alpha_noise_high <= 1
    bare = agreement(items.table(), rng=1, n_resamples=50, n_permutations=0).overall
    assert bare is not None
    assert np.isnan([bare.w_noise_low, bare.alpha_noise_high]).all()
    values = values.copy()
    values[0, :60] = np.nan
    holed = ItemScores(items.models, items.items, values, method=items.method)
    found = agreement(holed.table(), holed, rng=1, n_resamples=50, n_permutations=0).overall
    assert found is not None
    assert np.isnan([found.w_noise_low, found.alpha_noise_high]).all()
    assert not np.isnan(found.noise_low)


def test_bounds_cover_at_least_93_percent_everywhere() -> None:
    _mean_rank(400, (6,)).check_bound()


def test_bounds_of_mean_tau_w_and_alpha_free_of_noise_cover() -> None:
    _group_noise(400, (60,)).check_bound()


@pytest.mark.proof
def test_bounds_cover_at_full_size(record_property: Recorder) -> None:
    for name, found in (
        ("mean ranks", _mean_rank(800, (6, 15))),
        ("mean tau, W and alpha free of noise", _group_noise(500, (60, 200))),
    ):
        found.report(record_property, of=f"bounds of {name} (conservative)")
        found.check_bound()
