"""What the difference of two methods is made of: known truths, exact sums, honest silence."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.coverage import Recorder, report_coverage

from kakehashi.compare.explain import Explanation, explain
from kakehashi.compare.method_rows import MethodRows
from kakehashi.errors import InputError, NotEstimableError, UnknownNameError

SAFE = {"refused": 1.0, "complied": 0.0}
OVER = {"refused": 0.0, "complied": 1.0}


def labels(values: np.ndarray) -> list[str]:
    return ["refused" if v else "complied" for v in values]


def names(n: int, prefix: str = "i") -> list[str]:
    return [f"{prefix}{k}" for k in range(n)]


def parts(found: Explanation) -> dict[str, float]:
    return {part.source: part.estimate.value for part in found.parts}


def test_judge_and_policy_are_told_apart_by_hand() -> None:
    # ten shared answers, two blank. Judge a: 6 of 8 refused; judge b: 4 of 8.
    # first: judge a, blank worth 0: 6/10. second: judge b, blank worth 1: (4 + 2)/10. Difference 0:
    # the judge gives +2/10, the policy -2/10, and they add, in whatever order.
    blank = [False] * 8 + [True] * 2
    verdicts = {
        "a": [*labels(np.array([1] * 6 + [0] * 2)), None, None],
        "b": [*labels(np.array([1] * 4 + [0] * 4)), None, None],
    }
    first = MethodRows("first", "harm", "a", names(10), verdicts, SAFE, blank, 0.0)
    second = MethodRows("second", "harm", "b", names(10), verdicts, SAFE, blank, 1.0)
    found = explain(first, second, rng=1)
    assert found.difference.value == pytest.approx(0.0)
    assert parts(found) == pytest.approx({"judge": 0.2, "blank policy": -0.2, "noise": 0.0})
    assert set(found.same) == {"construct", "language", "attack", "items"}


def test_where_aspects_interact_the_parts_are_shapley_values() -> None:
    # blank left out (None) against worth 1: the judge's part depends on the order. By hand, D(state):
    # first: judge a, left out: 6/8; second: judge b, worth 1: (4 + 2)/10 = .6; D = .15
    # judge equal (either): a: .75 - .8 = -.05; b: .5 - .6 = -.1; mean -.075
    # policy equal: left out: .75 - .5 = .25; worth 1: .8 - .6 = .2; mean .225; both equal: 0
    # judge: ((.15 + .075) + (.225 - 0)) / 2 = .225; policy: ((.15 - .225) + (-.075 - 0)) / 2 = -.075
    blank = [False] * 8 + [True] * 2
    verdicts = {
        "a": [*labels(np.array([1] * 6 + [0] * 2)), None, None],
        "b": [*labels(np.array([1] * 4 + [0] * 4)), None, None],
    }
    first = MethodRows("first", "harm", "a", names(10), verdicts, SAFE, blank, None)
    second = MethodRows("second", "harm", "b", names(10), verdicts, SAFE, blank, 1.0)
    found = explain(first, second, rng=1)
    assert parts(found) == pytest.approx({"judge": 0.225, "blank policy": -0.075, "noise": 0.0})
    assert found.settings["n_orders"] == 2


def test_the_language_mix_is_found_and_items_take_nothing_of_it() -> None:
    # items of language x always refused, of y never; first has 3 x and 1 y, second 1 x and 3 y, none shared but
    # one of each: D = .75 - .25 = .5, all of it the mix
    first = MethodRows(
        "first", "harm", "a", ["x1", "x2", "x3", "y1"], {"a": labels(np.array([1, 1, 1, 0]))}, SAFE,
        language=list("xxxy"),
    )  # fmt: skip
    second = MethodRows(
        "second", "harm", "a", ["x1", "y1", "y2", "y3"], {"a": labels(np.array([1, 0, 0, 0]))}, SAFE,
        language=list("xyyy"),
    )  # fmt: skip
    assert parts(explain(first, second, rng=1)) == pytest.approx(
        {"language": 0.5, "items": 0.0, "noise": 0.0}
    )


def test_constructs_are_swapped_by_the_worth_of_labels() -> None:
    answers = labels(np.array([1, 1, 1, 0, 0]))
    first = MethodRows("harm", "harm", "a", names(5), {"a": answers}, SAFE)
    second = MethodRows("over", "over", "a", names(5), {"a": answers}, OVER)
    assert parts(explain(first, second, rng=1)) == pytest.approx({"construct": 0.2, "noise": 0.0})


def test_without_the_other_judge_nothing_is_called_noise() -> None:
    rng = np.random.default_rng(1)
    first = MethodRows("first", "harm", "a", names(50), {"a": labels(rng.random(50) < 0.5)}, SAFE)
    second = MethodRows("second", "harm", "b", names(50), {"b": labels(rng.random(50) < 0.5)}, SAFE)
    found = explain(first, second, rng=1)
    assert [part.source for part in found.parts] == ["not attributable"]
    assert "judge and noise cannot be told apart" in found.parts[0].reason
    assert "judged by both 'a' and 'b'" in found.parts[0].reason


def test_without_shared_items_the_rest_is_not_attributable() -> None:
    rng = np.random.default_rng(2)
    first = MethodRows("first", "harm", "a", names(50), {"a": labels(rng.random(50) < 0.9)}, SAFE)
    second = MethodRows("second", "harm", "a", names(50, "j"), {"a": labels(rng.random(50) < 0.5)}, SAFE)
    found = explain(first, second, rng=1)
    assert [part.source for part in found.parts] == ["not attributable"]
    assert "share no item" in found.parts[0].reason


def test_a_judge_known_on_shared_items_alone_is_swapped_after_the_restriction() -> None:
    rng = np.random.default_rng(3)
    truth, other = rng.random(60) < 0.6, rng.random(60) < 0.4
    shared_b = [*labels(truth[:30] | (rng.random(30) < 0.3)), *[None] * 30]
    first = MethodRows("first", "harm", "a", names(60), {"a": labels(truth), "b": shared_b}, SAFE)
    second = MethodRows(
        "second", "harm", "b", names(30) + names(30, "j"), {"b": shared_b[:30] + labels(other[:30])}, SAFE
    )
    found = explain(first, second, rng=1)
    assert found.settings["n_orders"] == 1
    assert list(parts(found)) == ["items", "judge", "noise"]
    assert parts(found)["noise"] == pytest.approx(0)


def test_answers_that_differ_beyond_chance_are_not_called_noise() -> None:
    rng = np.random.default_rng(4)
    first = MethodRows("first", "harm", "a", names(200), {"a": labels(rng.random(200) < 0.8)}, SAFE)
    second = MethodRows("second", "harm", "a", names(200), {"a": labels(rng.random(200) < 0.3)}, SAFE)
    found = explain(first, second, rng=1)
    assert found.parts[0].source == "not attributable"
    assert "settings" in found.parts[0].reason


def _random_side(rng: np.random.Generator, name: str, judge: str, worth: float | None) -> MethodRows:
    n = int(rng.integers(15, 40))
    kinds = rng.integers(0, 2, n)
    return MethodRows(
        name,
        "harm" if judge == "a" else "over",
        judge,
        [f"{'xy'[k]}{rng.integers(0, 12)}" for k in kinds],
        {j: labels(rng.random(n) < 0.6) for j in ("a", "b")},
        SAFE if judge == "a" else OVER,
        (rng.random(n) < 0.2).tolist(),
        worth,
        [("en", "ja")[k] for k in kinds],
        [f"attack{k}" for k in rng.integers(0, 2, n)],
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([None, 0.0, 1.0]))
def test_the_parts_sum_to_the_difference_and_turn_with_the_sides(seed: int, worth: float | None) -> None:
    rng = np.random.default_rng(seed)
    first, second = _random_side(rng, "one", "a", worth), _random_side(rng, "two", "b", 0.5)
    found = explain(first, second, n_resamples=5, rng=1)
    scores = []
    for side in (first, second):
        value = [
            side.blank_credit if b else side.credit[v]  # type: ignore[index]
            for b, v in zip(side.blank, side.verdicts[side.judge], strict=True)  # type: ignore[arg-type]
        ]
        scores.append(np.mean([v for v in value if v is not None]))
    assert found.difference.value == pytest.approx(scores[0] - scores[1])
    assert sum(parts(found).values()) == pytest.approx(scores[0] - scores[1])
    assert abs(float(found.diagnostics["sum_error"])) < 1e-12  # type: ignore[arg-type]
    turned = explain(second, first, n_resamples=5, rng=1)
    mine, theirs = parts(found), parts(turned)
    for source in set(mine) - {"noise", "not attributable"}:
        assert theirs[source] == pytest.approx(-mine[source])


def test_the_average_over_orders_is_the_one_over_all_permutations() -> None:
    # against a plain loop over the orders with scores made by hand for this case (judge, policy, credit)
    rng = np.random.default_rng(5)
    n = 40
    verdicts = {j: rng.random(n) < p for j, p in (("a", 0.7), ("b", 0.4))}
    blank = rng.random(n) < 0.25
    sides = (("a", SAFE, None), ("b", OVER, 1.0))
    rows = [
        MethodRows(
            f"m{j}", f"c{j}", j, names(n), {k: labels(v) for k, v in verdicts.items()}, credit,
            blank.tolist(), worth,
        )
        for j, credit, worth in sides
    ]  # fmt: skip

    def score(judge: int, credit: int, policy: int) -> float:
        values = np.where(
            verdicts[sides[judge][0]], sides[credit][1]["refused"], sides[credit][1]["complied"]
        )
        worth = sides[policy][2]
        if worth is None:
            return float(values[~blank].mean())
        return float(np.where(blank, worth, values).mean())

    def gap(equal: frozenset[str], to: dict[str, int]) -> float:
        both = [
            score(*(to[k] if k in equal else side for k in ("judge", "construct", "blank policy")))
            for side in (0, 1)
        ]
        return both[0] - both[1]

    expected = dict.fromkeys(("judge", "construct", "blank policy"), 0.0)
    for to in range(8):
        chosen = dict(zip(expected, ((to >> k) & 1 for k in range(3)), strict=True))
        for order in permutations(expected):
            done: frozenset[str] = frozenset()
            for step in order:
                expected[step] += (gap(done, chosen) - gap(done | {step}, chosen)) / 48
                done |= {step}
    found = parts(explain(*rows, rng=1))
    for source, value in expected.items():
        assert found[source] == pytest.approx(value)


def test_the_items_named_carry_the_difference() -> None:
    first = MethodRows("f", "c", "a", names(12), {"a": [1.0] * 2 + [0.0] * 10})
    second = MethodRows("s", "c", "a", names(12), {"a": [0.0] * 12})
    found = explain(first, second, n_items=12, rng=1)
    assert {item.item for item in found.items[:2]} == {"i0", "i1"}
    assert found.items[0].contribution == pytest.approx(1 / 12)
    assert sum(item.contribution for item in found.items) == pytest.approx(found.difference.value)
    assert all(item.shared for item in found.items)


def test_bad_input_is_refused_or_named() -> None:
    good = MethodRows("f", "c", "a", names(3), {"a": [1.0, 0.0, 1.0]})
    with pytest.raises(NotEstimableError) as caught:
        MethodRows("f", "c", "a", [], {"a": []})
    assert caught.value.diagnostic == "no-items"
    with pytest.raises(UnknownNameError, match="judge"):
        MethodRows("f", "c", "z", names(1), {"a": [1.0]})
    with pytest.raises(UnknownNameError, match="label"):
        MethodRows("f", "c", "a", names(1), {"a": ["strange"]}, SAFE)
    with pytest.raises(InputError, match="2 entries for 1"):
        MethodRows("f", "c", "a", names(1), {"a": [1.0, 0.0]})
    with pytest.raises(InputError, match="finite"):
        MethodRows("f", "c", "a", names(1), {"a": [float("inf")]})
    with pytest.raises(InputError, match="higher is better"):
        explain(good, MethodRows("s", "c", "a", names(3), {"a": [1.0, 0.0, 1.0]}, higher_is_better=False))
    one = MethodRows("s", "c", "a", names(3), {"a": [1.0, 0.0, 1.0]}, clusters=["k"] * 3)
    with pytest.raises(NotEstimableError) as caught:
        explain(one, one)
    assert caught.value.diagnostic == "one-cluster"
    nothing = MethodRows("s", "c", "a", names(3), {"a": [None, None, float("nan")]})
    with pytest.raises(NotEstimableError, match="no row that counts"):
        explain(good, nothing)


def _simulate(rng: np.random.Generator, n: int, flip: float, blanks: float, share: float) -> Explanation:
    """Shared answers for judge and policy; language mix 80:20 against 50:50 on items of each language.

    Truth: judge -(1 - blanks) * flip * P(not refused), policy -blanks, language (0.8 - 0.5) * 0.4.
    """
    ja = np.arange(n) >= share * n
    truth = rng.random(n) < np.where(ja, 0.4, 0.8)
    blank = (rng.random(n) < blanks).tolist()
    verdicts = {"a": labels(truth), "b": labels(truth | (rng.random(n) < flip))}
    first = MethodRows("f", "c", "a", names(n), verdicts, SAFE, blank, 0.0)
    second = MethodRows("s", "c", "b", names(n), verdicts, SAFE, blank, 1.0)
    return explain(first, second, n_resamples=100, rng=rng)


def _language(rng: np.random.Generator, n: int) -> Explanation:
    sides = []
    for name, split in (("f", 0.8), ("s", 0.5)):
        ja = np.arange(n) >= split * n
        sides.append(
            MethodRows(
                name, "c", "a", names(n, name), {"a": labels(rng.random(n) < np.where(ja, 0.4, 0.8))}, SAFE,
                language=["ja" if k else "en" for k in ja],
            )
        )  # fmt: skip
    return explain(*sides, n_resamples=100, rng=rng)


def _coverage(simulations: int) -> dict[tuple, float]:
    rng = np.random.default_rng(2026)
    cells: dict[tuple, list[bool]] = {}
    for n, flip, blanks, share in ((60, 0.3, 0.2, 0.5), (150, 0.1, 0.1, 0.8), (300, 0.05, 0.05, 0.5)):
        not_refused = share * 0.2 + (1 - share) * 0.6
        for _ in range(simulations):
            found = _simulate(rng, n, flip, blanks, share)
            for source, truth in (("judge", -(1 - blanks) * flip * not_refused), ("blank policy", -blanks)):
                e = found.part(source).estimate
                cells.setdefault((n, source), []).append(e.low <= truth <= e.high)
            e = found.difference
            truth = -(1 - blanks) * flip * not_refused - blanks
            cells.setdefault((n, "difference"), []).append(e.low <= truth <= e.high)
            e = _language(rng, n).part("language").estimate
            cells.setdefault((n, "language"), []).append(e.low <= 0.12 <= e.high)
    return {cell: float(np.mean(hits)) for cell, hits in cells.items()}


def test_intervals_of_parts_cover_93_to_97_percent_on_average() -> None:
    cells = _coverage(134)  # 400 simulations of four parts
    print(cells)
    assert 0.93 <= np.mean(list(cells.values())) <= 0.97, cells


@pytest.mark.proof
def test_intervals_of_parts_cover_at_full_size(record_property: Recorder) -> None:
    cells = _coverage(2000)
    assert 0.93 <= report_coverage(record_property, cells, 2000) <= 0.97, cells
    assert min(cells.values()) > 0.9, cells
