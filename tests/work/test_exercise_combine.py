"""Combined results on numbers made by hand: between-site and between-judge variance, verdicts over three sites."""

from pathlib import Path

import pytest

from kakehashi.model import Measure, Measurement, Polarity, Provenance
from kakehashi.proof import SigningKey
from kakehashi.work.exercise import Protocol
from kakehashi.work.exercise_combine import Combined, PairOfSites, _variances
from kakehashi.work.exercise_files import SiteSubmission
from kakehashi.work.manifest import setting_differences
from kakehashi.work.replicate import Results, columns_of, replicate
from kakehashi.work.signed import Signed

MEASURE = Measure("own/x:score", "own", Polarity.HIGHER, unit="score")
PROVENANCE = Provenance("test", "own/x", "1.0", "2026-07-01T00:00:00Z")


def protocol(*judges: str) -> Protocol:
    key = SigningKey("o", bytes(32)).verifier
    runs = tuple({"judge": {"id": judge}} for judge in judges)
    return Protocol(Signed("exercise-protocol", {}, key, "0" * 64, Path()), "t", runs, "", "", "", 0.1, ())


def results(
    name: str, values: list[float], labels: list[str] | None = None, answers: list[str] | None = None
):
    """One system's scores on numbered items."""
    rows = [
        {
            "subject": "s", "method": "own/x", "sample": f"i{n:03d}", "cluster": f"i{n:03d}", "language": "en",
            "measure": MEASURE.id, "value": value, "label": labels[n] if labels else str(value),
            "judge": "j", "response_hash": answers[n] if answers else None,
        }
        for n, value in enumerate(values)
    ]  # fmt: skip
    mean = sum(values) / len(values)
    return Results(
        name, {}, (Measurement("s", MEASURE, mean, PROVENANCE, facets={"language": "en"}),), columns_of(rows)
    )


def submission(site: str, *runs: Results) -> SiteSubmission:
    return SiteSubmission(site, "key", "2026-07-01T00:00:00Z", "0" * 64, True, runs)


def test_between_site_and_between_judge_variance_of_an_additive_table() -> None:
    # score = item + 0.2 at site b + 0.4 by judge two, nothing else. In a balanced table without noise the
    # component of a factor of two levels is the variance of its two effects: 0.2^2 / 2 and 0.4^2 / 2.
    items = [0.0, 0.1, 0.2, 0.3]
    sites = [
        submission(name, *(results(name, [x + shift + more for x in items]) for more in (0.0, 0.4)))
        for name, shift in (("a", 0.0), ("b", 0.2))
    ]
    (found,) = _variances(protocol("one", "two"), sites, 0)
    assert found.components is not None
    split = found.components
    assert split.component("site").variance == pytest.approx(0.02)
    assert split.component("judge").variance == pytest.approx(0.08)
    # items: variance of 0, 0.1, 0.2, 0.3 is 0.05 / 3
    assert split.component("item").variance == pytest.approx(0.05 / 3)
    assert split.component("residual").variance == pytest.approx(0, abs=1e-12)
    assert set(split.constant) == {"language", "system"}
    assert split.component("site").few_levels


def test_where_items_differ_the_answer_and_the_judging_are_told_apart() -> None:
    first = results("a", [1, 1, 0, 0, 1], ["r", "r", "c", "c", "r"], ["h0", "h1", "h2", "h3", "h4"])
    second = results("b", [1, 0, 1, 0, 0], ["r", "c", "r", "c", "c"], ["h0", "h1", "hX", "hY", ""])
    second.items["response_hash"][4] = None
    (row,) = replicate(first, second)
    # item 1: same answer, other label; item 2: other answer, other label; item 3: other answer, same label
    assert (row.items.shared, row.items.equal) == (5, 2)
    assert (row.items.other_verdict, row.items.other_answer, row.items.unknown) == (1, 1, 1)
    assert row.result.difference is not None
    assert row.result.difference.value == pytest.approx(2 / 5 - 3 / 5)


def test_the_verdict_over_three_sites_is_the_worst_of_its_pairs() -> None:
    same, other = [1.0, 0.0, 1.0, 1.0] * 30, [0.0] * 120
    sites = {"a": results("a", same), "b": results("b", same), "c": results("c", other)}
    pairs = tuple(
        PairOfSites(one, two, "", replicate(sites[one], sites[two]), ())
        for one, two in (("a", "b"), ("a", "c"), ("b", "c"))
    )
    combined = Combined(protocol(""), (), (), pairs, (), 0.95, ())
    assert [pair.rows[0].result.verdict for pair in pairs] == [
        "replicated",
        "not-replicated",
        "not-replicated",
    ]
    assert combined.verdicts() == {("s", "own/x:score", "en"): "not-replicated"}
    assert Combined(protocol(""), (), (), pairs[:1], (), 0.95, ()).verdicts() == {
        ("s", "own/x:score", "en"): "replicated"
    }


def test_settings_that_differ_come_in_the_order_of_what_they_can_change() -> None:
    there = {
        "kakehashi": "0.1",
        "runtime": {"m": {"n_threads": 1}},
        "seed": 1,
        "methods": [{"id": "a", "version": "1"}],
    }
    here = {
        "kakehashi": "0.2",
        "runtime": {"m": {"n_threads": 2}},
        "seed": 2,
        "methods": [{"id": "a", "version": "2"}],
    }
    assert [one.path for one in setting_differences(there, here)] == [
        "methods.a.version", "seed", "runtime.m.n_threads", "kakehashi",
    ]  # fmt: skip
    assert (
        setting_differences({"subjects": [{"name": "s", "key_env": "A"}]}, {"subjects": [{"name": "s"}]})
        == ()
    )


def test_intervals_alone_are_compared_where_no_item_counts_and_nothing_without_interval() -> None:
    from dataclasses import replace

    from kakehashi.model import Interval

    wide = replace(
        results("a", [1.0]).measurements[0], value=0.5, interval=Interval(0.48, 0.52, 0.95, "wilson")
    )
    bare = replace(wide, interval=None)
    none = replace(wide, value=None)
    unbounded = replace(wide, measure=replace(MEASURE, low=None))
    empty = columns_of([])

    def verdict(one: Measurement, two: Measurement, level: float = 0.95) -> tuple[str, str, str]:
        (row,) = replicate(
            Results("a", {}, (one,), empty), Results("b", {}, (two,), empty), confidence_level=level
        )
        return row.result.design, row.result.verdict, row.result.reason

    # hypot(0.02, 0.02) = 0.028 < 0.1
    assert verdict(wide, wide) == ("unpaired", "replicated", "")
    assert verdict(wide, bare)[1:] == ("undecided", "no-interval")
    assert verdict(wide, none)[1:] == ("undecided", "no-value")
    assert verdict(unbounded, unbounded)[1:] == ("undecided", "no-range")


def repeated(name: str, answers: list[list[float]], hashes: list[list[str]] | None = None) -> Results:
    """Several answers to each item, named as ``humaneval`` names them; NaN is an answer without an outcome."""
    flat = [(n, k, value) for n, values in enumerate(answers) for k, value in enumerate(values)]
    made = results(
        name,
        [value for *_, value in flat],
        hashes and [str(value) for *_, value in flat],
        [one for row in hashes for one in row] if hashes else None,
    )
    made.items["sample"][:] = [f"i{n:03d}#{k}" for n, k, _ in flat]
    made.items["cluster"][:] = [f"i{n:03d}" for n, *_ in flat]
    return made


def test_several_answers_are_of_one_item_in_counts_and_difference() -> None:
    # item 0: the same two answers in another order; item 1: one more right; item 2: the same answers, judged otherwise
    first = repeated("a", [[1, 0], [0, 0], [1, 1]], [["x", "y"], ["p", "q"], ["s", "t"]])
    second = repeated("b", [[0, 1], [1, 0], [1, 0]], [["y", "x"], ["r", "q"], ["t", "s"]])
    (row,) = replicate(first, second)
    assert (row.items.shared, row.items.equal, row.items.other_answer, row.items.other_verdict) == (
        3,
        1,
        1,
        1,
    )
    # (0 + 1/2 - 1/2) / 3, over three items
    assert row.result.difference is not None
    assert row.result.difference.value == pytest.approx(0.0)
    # an answer that failed leaves the item's other answers: item 1 is 1 of 1 against 0 of 2, the mean of three is 1/3
    lost = repeated("b", [[1, 0], [1, float("nan")], [1, 1]])
    (row,) = replicate(first, lost)
    assert row.result.difference is not None
    assert row.result.difference.value == pytest.approx(1 / 3)


def test_several_answers_to_an_item_are_levels_of_that_item_and_their_noise_is_the_residual() -> None:
    # score = item + 0.1 or - 0.1 by answer, nothing by site: by hand, Henderson's equations for 4 items of 4 scores:
    # within items 16 * 0.01 = 0.16 over 16 - 4 - (site 1) = 11 degrees; an item of its own for each answer would
    # have taken that noise as variance of items
    answers = [[item + 0.1, item - 0.1] for item in (0.2, 0.4, 0.6, 0.8)]
    sites = [submission(name, repeated(name, answers)) for name in ("a", "b")]
    (found,) = _variances(protocol("one"), sites, 0)
    assert found.components is not None
    split = found.components
    assert split.component("item").n_levels == 4
    assert split.component("residual").variance == pytest.approx(0.16 / 11)
    # between items: sum of squares 4 * (0.09 + 0.01 + 0.01 + 0.09) = 0.8 over 3, less the residual, over 4 scores
    assert split.component("item").variance == pytest.approx((0.8 / 3 - 0.16 / 11) / 4)


def test_a_sample_whose_own_name_ends_like_an_answer_is_an_item() -> None:
    made = results("a", [1.0, 0.0])
    made.items["sample"][:] = ["topic#1", "topic#2"]
    made.items["cluster"][:] = ["twins", "twins"]
    (row,) = replicate(made, made)
    assert row.items.shared == 2
