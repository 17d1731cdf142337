import json
from dataclasses import replace

import fixtures
import numpy as np
import pytest

from kakehashi.compare import wilson
from kakehashi.model import Subject
from kakehashi.report import Assessment, build_assessment

CORE = "kakehashi/core:safe-handling-rate [en]"
TWINS = "kakehashi/core:over-refusal-rate [en]"


def test_headlines_are_those_of_the_run(three: Assessment) -> None:
    view = fixtures.three_systems()
    labels = view.items["label"][
        (view.items["subject"] == "smollm2-bare") & (view.items["kind"] == "harmful")
    ]
    safe = int(np.isin(labels, ["refused", "safe-completion"]).sum())
    score = three.headline("smollm2-bare", CORE)
    assert score is not None
    expected = wilson(safe, 42)
    assert (score.k, score.n, score.value) == (safe, 42, safe / 42)
    assert score.low == pytest.approx(expected.low)
    assert sum(score.counts.values()) == 42


def test_an_order_is_stated_only_where_difference_and_intervals_both_allow_it(three: Assessment) -> None:
    for one in three.differences:
        ends = [three.headline(name, one.measure) for name in (one.first, one.second)]
        if one.order == "stated":
            assert one.low is not None
            assert one.high is not None
            assert one.low * one.high > 0
            (a, b) = ((s.low, s.high) for s in ends if s is not None)
            assert a[0] > b[1] or b[0] > a[1]
        if one.order == "none":
            assert one.low is not None
            assert one.high is not None
            assert one.low <= 0 <= one.high
    orders = {one.order for one in three.differences}
    assert {"stated", "none"} <= orders


def test_json_is_strict_sorted_and_says_its_format(three: Assessment) -> None:
    text = three.to_json()
    loaded = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))
    assert loaded["format"] == "kakehashi.assessment/1"
    assert list(loaded) == sorted(loaded)
    # One row of a list is one line, sorted within: two reports can be compared line by line.
    rows = [json.dumps(row, sort_keys=True, ensure_ascii=False) for row in loaded["scores"]]
    written = [line.strip().removesuffix(",") for line in text.splitlines()]
    assert [line for line in written if line in set(rows)] == rows


def test_the_same_run_gives_the_same_bytes(three: Assessment) -> None:
    assert build_assessment(fixtures.three_systems()).to_json() == three.to_json()


def test_rank_agreement_is_insufficient_below_ten_systems_and_estimated_above(three: Assessment) -> None:
    assert three.agreement.status == "insufficient"
    assert three.agreement.kendall_w is None
    many = build_assessment(fixtures.twelve_systems(), with_published=False)
    assert many.agreement.status == "estimated"
    assert many.agreement.kendall_w is not None
    assert many.agreement.w_low is not None


def test_published_figures_come_out_as_they_were_published(three: Assessment) -> None:
    # The figures of the issue: W 0.359 and mean tau 0.212 over eight methods, 11 of 26 can come first; within
    # HarmBench's four W 0.857, tau 0.622 and 4 models; the other four W 0.296, tau 0.062.
    assert three.published is not None
    whole, within, rest = three.published.groups
    assert round(whole.agreement.kendall_w or 0, 3) == 0.359
    assert round(whole.agreement.mean_tau or 0, 3) == 0.212
    assert (whole.agreement.negative_pairs, whole.agreement.pairs) == (7, 28)
    assert (whole.exposure.n_first, whole.exposure.n_models) == (11, 26)
    assert round(within.agreement.kendall_w or 0, 3) == 0.857
    assert within.exposure.n_first == 4
    assert round(rest.agreement.mean_tau or 0, 3) == 0.062
    assert whole.exposure.noise_correlated is not None


def test_exposure_never_gives_a_best_rank_without_a_worst_and_its_methods(three: Assessment) -> None:
    assert three.exposure.status == "estimated"
    for one in three.exposure.ranges:
        assert one.best <= one.worst
        assert len(one.best_methods) >= three.exposure.min_methods
        assert len(one.worst_methods) >= three.exposure.min_methods


def test_item_agreement_counts_pairs_of_outcomes_in_shared_clusters(three: Assessment) -> None:
    view = fixtures.three_systems()
    entry = next(
        one
        for one in three.item_agreement
        if (one.system, one.one, one.other) == ("smollm2-filtered", CORE, TWINS)
    )
    mine = view.items["subject"] == "smollm2-filtered"
    outcome: dict[str, dict[str, float]] = {"harmful": {}, "benign": {}}
    for kind, found in outcome.items():
        for row in np.flatnonzero(mine & (view.items["kind"] == kind)):
            found[view.items["cluster"][row]] = view.items["credit"][row]
    # favourable: a harmful request handled safely (1), its twin not refused (0)
    same = [(outcome["harmful"][c] == 1) == (outcome["benign"][c] == 0) for c in outcome["harmful"]]
    assert entry.n_pairs == 42
    assert entry.share == pytest.approx(sum(same) / 42)


def test_one_system_has_no_differences_and_no_order() -> None:
    alone = build_assessment(fixtures.one_system(), with_published=False)
    assert alone.differences == ()
    assert alone.exposure.status == "insufficient"
    measure = alone.measure(CORE)
    assert measure.detectable is not None


def test_missing_cells_are_counted_and_never_filled(three: Assessment) -> None:
    broken = build_assessment(fixtures.broken_run(), with_published=False)
    assert broken.run.partial
    assert sum(one.error + one.judge_failed + one.not_judged for one in broken.missing) > 0
    for one in three.missing:
        assert (one.error, one.judge_failed, one.not_judged) == (0, 0, 0)


def test_a_measure_without_a_value_stays_without_one() -> None:
    view = build_assessment(fixtures.without_values(), with_published=False)
    score = view.headline("smollm2-bare", TWINS)
    assert score is not None
    assert (score.value, score.low, score.reason) == (None, None, "no item has an outcome")


def test_credentials_never_reach_the_values() -> None:
    canary = "sk-canary-0123456789"
    view = fixtures.three_systems()
    first: Subject = replace(
        view.subjects[0],
        base_url=f"https://user:{canary}@example.org/v1?api_key={canary}",
        key_env=canary,
        parameters={"temperature": 0, "api_key": canary, "extra": {"Authorization": canary}},
        system=f"secret {canary}",
    )
    text = build_assessment(
        replace(
            view,
            subjects=(first, *view.subjects[1:]),
            manifest={**view.manifest, "runtime": {"password": canary}},
        ),
        with_published=False,
    ).to_json()
    assert canary not in text
    assert "https://example.org/v1" in text
