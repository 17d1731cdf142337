"""Selections against brute force; the test's size and power by simulation; what it may and may not say."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage
from scipy import stats

from kakehashi.compare import (
    FactsRecord,
    GroupRule,
    ModelFacts,
    ReportedScore,
    party_contrast,
    selection_p_value,
    selection_power,
    selective,
    sign_flip_p_value,
    smallest_speaking_n,
)
from kakehashi.errors import InputError, NotEstimableError, UsageError


def facts(developers: dict[str, str]) -> FactsRecord:
    return FactsRecord(
        {name: ModelFacts(name, (developer,)) for name, developer in developers.items()},
        "made up",
        "2026-01-01",
    )


VENDORS = {"a1": "A", "b1": "B", "b2": "B", "c1": "C", "c2": "C"}


def table(standing: list[float], published: tuple[int, ...], *, third: bool = True) -> list[ReportedScore]:
    """A's model beside four others by as many methods; A publishes some. Others score 1 to 4."""
    out = []
    for j, value in enumerate(standing):
        for i, other in enumerate(("b1", "b2", "c1", "c2"), start=1):
            out.append(ReportedScore(other, f"m{j}", float(i), "lab"))
        if third or j not in published:
            out.append(ReportedScore("a1", f"m{j}", value, "lab"))
        if j in published:
            out.append(ReportedScore("a1", f"m{j}", value, "A"))
    return out


def test_six_methods_of_which_the_three_best_were_published() -> None:
    # A stands above 4, 3, 2, 1, 0, 0 of the 4 others: shares 1, 3/4, 1/2, 1/4, 0, 0. Of the C(6,3) = 20 choices
    # only {1, 3/4, 1/2} reaches its own mean of 3/4: p = 1/20. The mean over all six is 2.5/6.
    found = selective(table([4.5, 3.5, 2.5, 1.5, 0.5, 0.4], (0, 1, 2)), facts(VENDORS))
    (test,) = found.tests
    assert (test.vendor, test.n_measured, test.n_published, test.exact, test.n_subsets) == (
        "A",
        6,
        3,
        True,
        20,
    )
    assert test.p_value == test.p_adjusted == test.least_p == 0.05
    assert (test.mean_published, test.mean_all) == (0.75, pytest.approx(2.5 / 6))
    assert test.verdict == "unusually-favourable"
    assert (test.cells_published, test.cells_measured, test.first_party_only) == (3, 3, 0)


def test_five_methods_are_too_few_to_say_anything() -> None:
    # C(5,2) = 10: the least p value is 0.1
    (test,) = selective(table([4.5, 3.5, 2.5, 1.5, 0.5], (0, 1)), facts(VENDORS)).tests
    assert (test.verdict, test.least_p, np.isnan(test.p_adjusted)) == ("too-few", 0.1, True)
    assert test.smallest_n == 7  # C(6,2) = 15 < 20 <= 21 = C(7,2)


def test_ties_raise_the_least_p_value() -> None:
    # three methods with the best standing, of which two are published: C(3,2) = 3 of the 21 choices are as good
    (test,) = selective(table([4.5, 4.5, 4.5, 0.5, 0.5, 0.5, 0.5], (0, 1)), facts(VENDORS)).tests
    assert test.least_p == test.p_value == pytest.approx(3 / 21)
    assert test.verdict == "too-few"


def test_an_ordinary_choice_is_not_unusual_and_the_whole_is_no_choice() -> None:
    standing = [4.5, 3.5, 2.5, 1.5, 0.5, 0.4, 0.3, 0.2]
    (test,) = selective(table(standing, (2, 3, 6)), facts(VENDORS)).tests
    assert (test.verdict, test.least_p) == ("not-unusual", 1 / 56)
    (test,) = selective(table(standing, tuple(range(8))), facts(VENDORS)).tests
    assert (test.verdict, np.isnan(test.p_value)) == ("nothing-to-choose", True)


def test_missing_cells_are_left_out_and_not_filled() -> None:
    scores = [s for s in table([4.5, 3.5, 2.5, 1.5, 0.5, 0.4, 3], (0, 1, 2)) if s.method != "m6"]
    scores += [ReportedScore("a1", "m6", 3.0, "lab"), ReportedScore("b1", "m6", 1.0, "lab")]
    scores += [ReportedScore("c1", "m0", float("nan"), "lab2")]
    found = selective(scores, facts(VENDORS))
    assert found.tests[0].n_measured == 6  # m6 has one model of another vendor: no standing there
    assert found.skipped_methods == {"A": 1}


def test_lower_is_better_turns_the_standing_round() -> None:
    scores = table([4.5, 3.5, 2.5, 1.5, 0.5, 0.4], (3, 4, 5))
    turned = selective(scores, facts(VENDORS), directions={f"m{j}": False for j in range(6)})
    assert turned.tests[0].verdict == "unusually-favourable"
    assert selective(scores, facts(VENDORS)).tests[0].p_value == 1.0


def test_aliases_join_the_names_of_one_developer() -> None:
    scores = [ReportedScore(s.model, s.method, s.value, "Google" if s.publisher == "A" else "lab")
              for s in table([4.5, 3.5, 2.5, 1.5, 0.5, 0.4], (0, 1, 2))]  # fmt: skip
    found = selective(scores, facts({**VENDORS, "a1": "Google DeepMind"}))
    assert [test.vendor for test in found.tests] == ["Google"]


def test_holm_over_those_vendors_only_whose_data_could_reach_the_level() -> None:
    scores, who = [], {}
    for v, (n, published) in enumerate([(6, 3), (8, 4), (4, 2)]):
        who.update({f"{v}-own": f"V{v}", f"{v}-x": "other", f"{v}-y": "other", f"{v}-z": "other"})
        for j in range(n):
            for i, other in enumerate("xyz"):
                scores.append(ReportedScore(f"{v}-{other}", f"{v}m{j}", float(i), "lab"))
            value = [2.5, 1.5, 0.5, -0.5][0 if j == 0 else min(3, 1 + j // 2)]
            scores.append(ReportedScore(f"{v}-own", f"{v}m{j}", value, "lab"))
            if j < published:
                scores.append(ReportedScore(f"{v}-own", f"{v}m{j}", value, f"V{v}"))
    found = selective(scores, facts(who))
    assert found.tests[2].verdict == "too-few"
    assert found.n_tested == sum(t.least_p <= 0.05 for t in found.tests)
    by_hand = [t for t in found.tests if t.least_p <= 0.05]
    p = sorted(t.p_value for t in by_hand)
    adjusted = sorted(t.p_adjusted for t in by_hand)
    assert adjusted[0] == pytest.approx(min(1, len(p) * p[0]))


@settings(max_examples=60, deadline=None)
@given(
    standing=st.lists(st.integers(0, 4), min_size=3, max_size=9),
    data=st.data(),
)
def test_the_p_value_equals_a_count_by_hand(standing: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(standing) - 1))
    chosen = data.draw(st.permutations(range(len(standing))))[:k]
    p, least, exact, count = selection_p_value(standing, chosen)
    totals = [sum(standing[i] for i in subset) for subset in combinations(range(len(standing)), k)]
    mine = sum(standing[i] for i in chosen)
    assert exact
    assert count == comb(len(standing), k) == len(totals)
    assert p == pytest.approx(sum(t >= mine for t in totals) / len(totals))
    assert least == pytest.approx(sum(t == max(totals) for t in totals) / len(totals))
    assert least <= p <= 1


def test_the_order_of_rows_does_not_matter() -> None:
    scores = table([4.5, 3.5, 2.5, 1.5, 0.5, 0.4], (0, 1, 2))
    shuffled = [scores[i] for i in np.random.default_rng(1).permutation(len(scores))]
    one, other = (selective(s, facts(VENDORS)).tests[0] for s in (scores, shuffled))
    assert (one.p_value, one.mean_all) == (other.p_value, pytest.approx(other.mean_all))


def test_monte_carlo_agrees_with_enumeration_and_counts_the_choice_made() -> None:
    standing = np.random.default_rng(2).random(14)
    chosen = list(np.argsort(-standing)[[0, 1, 3, 5, 8]])
    exact, *_ = selection_p_value(standing, chosen)
    drawn, least, is_exact, count = selection_p_value(
        standing, chosen, most_subsets=10, n_resamples=19_999, rng=3
    )
    assert (is_exact, count) == (False, 19_999)
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))
    assert least >= 1 / 20_000  # never zero


def test_the_smallest_number_of_methods_is_where_the_count_of_choices_reaches_the_level() -> None:
    for alpha in (0.05, 0.01):
        n = smallest_speaking_n(alpha)
        assert max(comb(n, k) for k in range(n)) >= 1 / alpha > max(comb(n - 1, k) for k in range(n - 1))
    assert smallest_speaking_n(0.05, k=1) == 20


def _size(simulations: int) -> dict[tuple[int, int, int, bool], float]:
    """Share of p values at most 0.05 where publishing has nothing to do with standing."""
    rng = np.random.default_rng(20)
    out = {}
    for n, k in ((6, 3), (8, 4), (12, 3), (20, 8)):
        for levels in (0, 5):  # continuous standings, or five levels with many ties
            for exact in (True, False):
                hits = 0
                for _ in range(simulations):
                    standing = rng.random(n) if not levels else rng.integers(0, levels, n) / levels
                    chosen = rng.permutation(n)[:k]
                    p = selection_p_value(
                        standing, chosen, n_resamples=199, most_subsets=1_000 if exact else 1, rng=rng
                    )[0]
                    hits += p <= 0.05 + 1e-12
                out[n, k, levels, exact] = hits / simulations
    return out


def test_the_test_keeps_its_level() -> None:
    cells = _size(400)
    error = np.sqrt(0.05 * 0.95 / 400)
    assert max(cells.values()) <= 0.05 + 3 * error, cells
    assert np.mean(list(cells.values())) <= 0.05 + 3 * error / np.sqrt(len(cells)), cells


@pytest.mark.proof
def test_the_test_keeps_its_level_at_full_size() -> None:
    cells = _size(10_000)
    error = np.sqrt(0.05 * 0.95 / 10_000)
    assert max(cells.values()) <= 0.05 + 3.5 * error, cells


def test_the_family_of_vendors_keeps_its_level() -> None:
    rng = np.random.default_rng(21)
    hits = 0
    for _ in range(400):
        scores, who = [], {}
        for v in range(4):
            who.update({f"{v}-{i}": f"V{v}" for i in range(2)})
        for j in range(9):
            scores += [ReportedScore(model, f"m{j}", float(rng.random()), "lab") for model in who]
        values = {(s.model, s.method): s.value for s in scores}
        for v in range(4):
            for j in rng.permutation(9)[:4]:
                scores += [
                    ReportedScore(f"{v}-{i}", f"m{j}", values[f"{v}-{i}", f"m{j}"], f"V{v}") for i in range(2)
                ]
        found = selective(scores, facts(who), n_resamples=99, rng=rng)
        hits += any(test.verdict == "unusually-favourable" for test in found.tests)
    assert hits / 400 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_power_is_the_size_without_a_preference_and_grows_with_methods_and_preference() -> None:
    standing = np.linspace(0, 1, 12)
    size = selection_power(standing, 6, odds=1, n_simulations=4000, rng=1)
    assert size == pytest.approx(0.05, abs=0.015)
    powers = [selection_power(standing, 6, odds=odds, rng=1) for odds in (2, 4, 20)]
    assert size < powers[0] < powers[1] < powers[2]
    assert selection_power(np.linspace(0, 1, 20), 10, rng=1) > selection_power(standing[:8], 4, rng=1)
    (test,) = selective(table([4.5, 3.5, 2.5, 1.5, 0.5, 0.4, 0.3, 0.2], (2, 3, 6)), facts(VENDORS)).tests
    assert 0.05 < test.power < 0.5


def test_first_party_minus_third_party_by_hand() -> None:
    # model means of the differences: x (2 + 4)/2 = 3, y 1, z 2; mean 2, s = 1, se = 1/sqrt(3), t(2) = 4.3027;
    # all 2^3 sign changes: only +++ and --- reach |6|, p = 2/8
    pairs = {("x", "p"): (12, 10), ("x", "q"): (14, 10), ("y", "p"): (6, 5), ("z", "p"): (9, 7)}
    scores = [ReportedScore(m, q, v, w) for (m, q), both in pairs.items()
              for v, w in zip(both, ("A", "lab"), strict=True)]  # fmt: skip
    found = party_contrast(scores, facts(dict.fromkeys("xyz", "A")), unit="raw")
    assert (found.n_pairs, found.n_models, found.n_above) == (4, 3, 3)
    assert (found.p_value, found.least_p, found.exact) == (0.25, 0.25, True)
    assert found.estimate.value == 2
    assert found.estimate.high - 2 == pytest.approx(4.3027 / np.sqrt(3), abs=1e-4)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9))
@settings(max_examples=40, deadline=None)
def test_sign_changes_equal_scipys_permutation_test(values: list[float]) -> None:
    d = np.round(np.array(values), 2)
    ours, least, exact = sign_flip_p_value(d)
    theirs = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert exact
    # scipy doubles the smaller tail, we count both: the null is symmetric, so both are the same
    assert ours == pytest.approx(min(theirs, 1.0))
    assert ours >= least


def test_beyond_sixteen_models_signs_are_drawn() -> None:
    d = np.random.default_rng(1).normal(0.4, 1, 20)
    drawn, _, exact = sign_flip_p_value(d, rng=1)
    enumerated, _, _ = sign_flip_p_value(d, most_exact=20)
    assert not exact
    assert drawn == pytest.approx(enumerated, abs=0.02)


def _contrast_coverage(simulations: int) -> tuple[dict[tuple[int, str], float], dict[tuple[int, str], float]]:
    """Coverage of the interval, and size of the test where the truth is zero."""
    rng = np.random.default_rng(22)
    draws = {
        "normal": lambda size: rng.normal(size=size),
        "heavy": lambda size: rng.standard_t(4, size=size),
        "uniform": lambda size: rng.uniform(-1, 1, size=size),
    }
    cover, size = {}, {}
    for n in (4, 8, 20):
        for name, draw in draws.items():
            hits = rejected = 0
            for _ in range(simulations):
                # two methods a model, whose differences share the model's own
                shift, noise = draw(n), draw((n, 2))
                scores = [
                    ReportedScore(
                        f"x{i}", f"q{j}", shift[i] + noise[i, j] if own else 0.0, "A" if own else "lab"
                    )
                    for i in range(n)
                    for j in range(2)
                    for own in (True, False)
                ]
                found = party_contrast(scores, RECORD, unit="raw", rng=rng)
                hits += found.estimate.low <= 0 <= found.estimate.high
                rejected += found.p_value <= 0.05
            cover[n, name], size[n, name] = hits / simulations, rejected / simulations
    return cover, size


RECORD = facts({f"x{i}": "A" for i in range(20)})


def test_contrast_intervals_cover_and_its_test_keeps_its_level() -> None:
    cover, size = _contrast_coverage(400)
    assert 0.93 <= np.mean(list(cover.values())) <= 0.97, cover
    assert max(size.values()) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 400), size


@pytest.mark.proof
def test_contrast_intervals_cover_at_full_size(record_property: Recorder) -> None:
    cover, size = _contrast_coverage(2000)
    assert 0.93 <= report_coverage(record_property, cover, 2000) <= 0.97, cover
    assert max(size.values()) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 2000), size


@pytest.mark.parametrize(
    ("scores", "diagnostic"),
    [
        ([ReportedScore("a1", "m", 1.0, "lab"), ReportedScore("b1", "m", 2.0, "lab")], "no-first-party"),
        ([ReportedScore("a1", "m", 1.0, "A"), ReportedScore("b1", "q", 2.0, "lab")], "no-shared-methods"),
        ([ReportedScore("a1", "m", float("nan"), "A")], "no-values"),
    ],
)
def test_what_cannot_be_tested_is_named(scores: list[ReportedScore], diagnostic: str) -> None:
    with pytest.raises(NotEstimableError) as caught:
        selective(scores, facts(VENDORS))
    assert caught.value.diagnostic == diagnostic


def test_bad_scores_are_refused_with_their_row() -> None:
    good = ReportedScore("a1", "m", 1.0, "A", row=2)
    for bad in (
        ReportedScore("a1", "m", float("inf"), "A", row=3),
        ReportedScore("a1", "m", 2.0, "A", row=3),
        ReportedScore(" ", "m", 2.0, "A", row=3),
        ReportedScore("b1", "m", 2.0, "A", std_error=-1.0, row=3),
    ):
        with pytest.raises(InputError) as caught:
            selective([good, bad], facts(VENDORS))
        assert caught.value.row == 3
    with pytest.raises(UsageError):
        selective([good], facts(VENDORS), statistic="luck")
    with pytest.raises(InputError, match="as-of"):
        FactsRecord({}, "source", "last May")
    with pytest.raises(UsageError, match="joint"):
        GroupRule(joint="somehow")
    with pytest.raises(NotEstimableError) as one:
        party_contrast([good, ReportedScore("a1", "m", 2.0, "lab")], facts(VENDORS), unit="raw")
    assert one.value.diagnostic == "one-model"
