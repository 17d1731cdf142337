"""Groups of developers by hand, the rules for countries, and simulated coverage."""

from dataclasses import replace

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage
from scipy import stats

from kakehashi.compare import FactsRecord, GroupRule, ModelFacts, ReportedScore, groups
from kakehashi.compare.groups import difference_over_developers, mean_over_developers
from kakehashi.errors import InputError, NotEstimableError, UsageError


def record(rows: list[tuple[str, str, str, str]]) -> FactsRecord:
    """Model, developers, countries, weights; names in a cell are parted by commas."""
    return FactsRecord(
        {m: ModelFacts(m, tuple(d.split(",")) if d else (), tuple(c.split(",")) if c else (), weights=w)
         for m, d, c, w in rows},
        "made up", "2026-01-01",
    )  # fmt: skip


def scores(values: dict[str, float]) -> list[ReportedScore]:
    return [ReportedScore(model, "q", value) for model, value in values.items()]


ROWS = [
    ("a1", "A", "USA", "open"), ("a2", "A", "USA", "closed"), ("b1", "B", "United States of America", "closed"),
    ("c1", "C", "US", "closed"), ("d1", "D", "China", "open"), ("e1", "E", "France", "open"),
    ("f1", "F", "Germany", "open"), ("g1", "G", "Poland", "closed"),
]  # fmt: skip
VALUES = {"a1": 0.0, "a2": 1.0, "b1": 0.8, "c1": 0.2, "d1": 0.9, "e1": 0.1, "f1": 0.2, "g1": 0.6}


def test_each_developer_counts_once() -> None:
    # A's two models give 0.5, B 0.8, C 0.2: mean 0.5, s = 0.3, t(2) = 4.3027; not the mean of models, also 0.5;
    # with the best model A gives 1: mean 2/3
    found = {g.name: g for g in groups(scores(VALUES), record(ROWS), method="q").groups}
    us = found["US"]
    assert us.estimate is not None
    assert us.estimate.value == pytest.approx(0.5)
    assert us.estimate.high - 0.5 == pytest.approx(4.30265 * 0.3 / np.sqrt(3), abs=1e-4)
    assert (us.developers, us.n_models, us.weights) == (("A", "B", "C"), 4, {"closed": 3, "open": 1})
    assert (us.lowest_without_one, us.highest_without_one) == (pytest.approx(0.35), pytest.approx(0.65))
    best = groups(scores(VALUES), record(ROWS), method="q", value="best").groups
    assert next(g for g in best if g.name == "US").estimate.value == pytest.approx(2 / 3)  # type: ignore[union-attr]
    more = scores({**VALUES, **{f"a{i}": 0.5 for i in range(3, 30)}})
    rows = ROWS + [(f"a{i}", "A", "USA", "open") for i in range(3, 30)]
    again = next(g for g in groups(more, record(rows), method="q").groups if g.name == "US")
    assert again.estimate.value == pytest.approx(0.5)  # type: ignore[union-attr]


def test_the_best_of_a_method_by_which_lower_is_better_is_the_least() -> None:
    found = groups(scores(VALUES), record(ROWS), method="q", value="best", higher_is_better=False)
    us = next(g for g in found.groups if g.name == "US")
    assert us.values == pytest.approx((0.0, 0.8, 0.2))


def test_fewer_than_three_developers_are_not_shown_and_five_regions_always_stand_there() -> None:
    found = groups(scores(VALUES), record(ROWS), method="q")
    assert [g.name for g in found.groups] == ["CN", "EU", "JP", "KR", "US"]  # by English name
    status = {g.name: g.status for g in found.groups}
    assert status == {
        "CN": "too-few-developers",
        "EU": "shown",
        "JP": "no-data",
        "KR": "no-data",
        "US": "shown",
    }
    china = next(g for g in found.groups if g.name == "CN")
    assert (china.estimate, china.developers, china.values, china.n_models) == (None, (), (), 0)


def test_doubtful_cases_follow_the_stated_rule() -> None:
    rule = GroupRule()
    facts = ModelFacts("m", ("A", "B"), ("USA", "China"))
    cases = {
        "apart": "joint",
        "first": "US",
        "leave-out": "",
    }
    for joint, group in cases.items():
        assert replace(rule, joint=joint).group("country", facts) == group
        multinational = replace(facts, countries=("Multinational",))
        assert replace(rule, joint=joint).group("country", multinational) == (
            "" if joint == "leave-out" else "joint"
        )
    hong_kong = ModelFacts("m", ("A",), ("Hong Kong", "China"))
    assert rule.group("country", hong_kong) == "HK"
    assert replace(rule, hong_kong="with-china").group("country", hong_kong) == "CN"
    taiwan = ModelFacts("m", ("A",), ("Taiwan",))
    assert rule.group("country", taiwan) == "TW"
    assert replace(rule, taiwan="leave-out").group("country", taiwan) == ""
    france = ModelFacts("m", ("A",), ("France", "Germany"))
    assert rule.group("country", france) == "EU"  # two member states are one region
    assert replace(rule, eu="members").group("country", france) == "joint"
    assert rule.group("country", ModelFacts("m", ("A",), ())) == "unknown"
    assert rule.group("country", ModelFacts("m", ("A",), ("Atlantis",))) == "Atlantis"
    assert rule.developer(ModelFacts("m", ("Google DeepMind", "Google"))) == "Google"
    assert replace(rule, joint_developers="apart").developer(ModelFacts("m", ("B", "A"))) == "B + A"
    assert rule.group("weights", ModelFacts("m", weights="Open weights (non-commercial)")) == "open"
    assert rule.group("weights", ModelFacts("m", weights="Hosted access (no API)")) == "closed"
    assert set(groups(scores(VALUES), record(ROWS), method="q").rule) >= {
        "joint",
        "hong_kong",
        "taiwan",
        "eu",
        "as_of",
    }


def test_another_record_of_names_can_be_given_and_is_checked() -> None:
    mine = {**GroupRule().regions, "regions": {**GroupRule().regions["regions"],
            "XX": {"en": "Atlantis", "ja": "アトランティス", "names": ["Atlantis"]}}}  # fmt: skip
    assert GroupRule(regions=mine).group("country", ModelFacts("m", ("A",), ("Atlantis",))) == "XX"
    with pytest.raises(InputError, match="as_of"):
        GroupRule(regions={k: v for k, v in mine.items() if k != "as_of"})


def test_a_difference_of_disjoint_groups_is_welchs() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=7), rng.normal(1, 3, size=5)
    nothing = np.full(7, np.nan), np.full(5, np.nan)
    e, (low, high) = difference_over_developers(np.r_[x, nothing[1]], np.r_[nothing[0], y])
    theirs = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (e.low, e.high) == (pytest.approx(theirs.low), pytest.approx(theirs.high))
    by_hand = [np.delete(x, i).mean() - y.mean() for i in range(7)] + [
        x.mean() - np.delete(y, i).mean() for i in range(5)
    ]
    assert (low, high) == (pytest.approx(min(by_hand)), pytest.approx(max(by_hand)))


def test_developers_in_both_groups_are_paired() -> None:
    # all in both: the standard error is that of the differences, as in the paired t test
    rng = np.random.default_rng(2)
    x = rng.normal(size=9)
    y = x + rng.normal(size=9) / 5
    e, _ = difference_over_developers(x, y)
    theirs = stats.ttest_rel(x, y)
    assert e.std_error == pytest.approx(abs((x - y).mean() / theirs.statistic))
    assert e.settings["degrees_of_freedom"] <= 8  # type: ignore[operator]


def test_open_and_closed_weights_are_compared_over_developers() -> None:
    found = groups(scores(VALUES), record(ROWS), method="q", by="weights")
    assert found.difference is not None
    # open: A 0, D .9, E .1, F .2 -> .3; closed: A 1, B .8, C .2, G .6 -> .65
    assert found.difference.value == pytest.approx(-0.35)
    assert found.difference.diagnostics["developers_in_both"] == 1
    assert found.difference_range[0] < -0.35 < found.difference_range[1]


def _mean_coverage(simulations: int) -> dict[tuple[int, str], float]:
    rng = np.random.default_rng(30)
    draws = {
        "normal": (lambda n: rng.normal(size=n), 0.0),
        "uniform": (lambda n: rng.random(n), 0.5),
        "skew": (lambda n: rng.beta(5, 2, size=n), 5 / 7),
    }
    cells = {}
    for n in (3, 5, 10, 25):
        for name, (draw, truth) in draws.items():
            found = [mean_over_developers(draw(n), 0.95) for _ in range(simulations)]
            cells[n, name] = float(np.mean([e.low <= truth <= e.high for e in found]))
    return cells


def _difference_coverage(simulations: int) -> dict[tuple[int, int, int, float], float]:
    rng = np.random.default_rng(31)
    cells = {}
    for only_first, only_second, both in ((5, 5, 0), (3, 12, 0), (4, 4, 3), (0, 0, 6), (2, 10, 4), (1, 1, 8)):
        for ratio in (1.0, 3.0):
            hits = 0
            for _ in range(simulations):
                n = only_first + only_second + both
                shared = rng.normal(size=n)
                x = 0.3 + shared + 0.7 * rng.normal(size=n)
                y = ratio * (shared + 0.7 * rng.normal(size=n))
                x[:only_second] = np.nan
                y[n - only_first :] = np.nan
                e, _ = difference_over_developers(x, y)
                hits += e.low <= 0.3 <= e.high
            cells[only_first, only_second, both, ratio] = hits / simulations
    return cells


def test_intervals_over_developers_cover_93_to_97_percent_on_average() -> None:
    for cells in (_mean_coverage(400), _difference_coverage(400)):
        assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_intervals_over_developers_cover_at_full_size(record_property: Recorder) -> None:
    for name, cells in (("means", _mean_coverage(5000)), ("differences", _difference_coverage(5000))):
        assert 0.93 <= report_coverage(record_property, cells, 5000, of=name) <= 0.97, cells
        assert min(cells.values()) > 0.92, cells


@pytest.mark.parametrize(
    ("rows", "values", "by", "diagnostic"),
    [
        (ROWS[:2], {"a1": 0.1, "a2": 0.2}, "developer", "one-developer"),
        (ROWS[:4], {"a1": 0.1, "b1": 0.2, "c1": 0.3}, "country", "one-group"),
        (ROWS, dict.fromkeys(VALUES, 0.5), "country", "constant-scores"),
        ([("a1", "", "", "")], {"a1": 0.1}, "country", "no-developers"),
        (ROWS, {"a1": float("nan")}, "country", "no-values"),
    ],
)
def test_what_cannot_be_grouped_is_named(
    rows: list[tuple[str, str, str, str]], values: dict[str, float], by: str, diagnostic: str
) -> None:
    with pytest.raises(NotEstimableError) as caught:
        groups(scores(values), record(rows), method="q", by=by)  # type: ignore[arg-type]
    assert caught.value.diagnostic == diagnostic


def test_one_developer_has_a_range_and_no_interval() -> None:
    found = groups(scores(VALUES), record(ROWS), method="q", by="developer")
    a = found.groups[0]
    assert a.estimate is not None
    assert np.isnan(a.estimate.low)
    assert (a.estimate.diagnostics["lowest_model"], a.estimate.diagnostics["highest_model"]) == (0.0, 1.0)
    with pytest.raises(UsageError):
        groups(scores(VALUES), record(ROWS), method="q", by="continent")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        groups(scores(VALUES), record(ROWS), method="q", value="worst")
