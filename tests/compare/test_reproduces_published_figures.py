"""Figures that others published, or that this project measured on published data, come out again."""

import csv
from pathlib import Path

import numpy as np
import pytest

from kakehashi.compare import exposure, noise_exposure
from kakehashi.compare.agreement import agreement
from kakehashi.compare.capability import capability_correlation, capability_score
from kakehashi.compare.correlation import kendall_tau_b, kendall_w
from kakehashi.compare.judge_flips import judge_flips
from kakehashi.compare.judges import cohen_kappa
from kakehashi.compare.ppi import ppi_mean
from kakehashi.compare.published import published_robustness
from kakehashi.compare.table import ScoreTable

JAILBREAK = slice(0, 4)
OTHER = slice(4, 8)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def columns_of(rows: list[dict[str, str]], names: list[str]) -> ScoreTable:
    """Every column of the source points upwards."""
    values = np.array([[float(row[name]) if row[name] else np.nan for name in names] for row in rows])
    return ScoreTable(tuple(row["model"] for row in rows), tuple(names), values, (True,) * len(names))


@pytest.mark.parametrize(
    ("part", "w", "mean_tau", "first"),
    [(slice(0, 8), 0.359, 0.212, 11), (JAILBREAK, 0.857, 0.622, 4), (OTHER, 0.296, 0.062, None)],
)
def test_eight_robustness_methods(part: slice, w: float, mean_tau: float, first: int | None) -> None:
    # W with the correction for ties: without it the first two would be 0.358 and 0.856
    table = published_robustness()
    table = table.select(methods=table.methods[part])
    k = len(table.methods)
    assert round(kendall_w(table.values).value, 3) == w
    taus = kendall_tau_b(table.values)[np.triu_indices(k, 1)]
    assert round(float(taus.mean()), 3) == mean_tau
    if first is not None:
        assert exposure(table, min_methods=3).n_first == first
    if k == 8:
        assert (taus < 0).mean() == 0.25


def test_the_count_of_first_places_does_not_hang_on_the_rule_for_ties() -> None:
    # eleven models come first strictly alone in some subset of at least three, and eleven with ties allowed
    table = published_robustness()
    found = exposure(table, min_methods=3)
    ranks = np.column_stack([(-c).argsort().argsort() for c in table.values.T])
    assert found.n_first == 11
    assert len(found.can_come_first) == 11
    from itertools import combinations

    from scipy.stats import rankdata

    ranks = np.column_stack([rankdata(-column) for column in table.values.T])
    alone = set()
    for size in range(3, 9):
        for subset in combinations(range(8), size):
            totals = ranks[:, list(subset)].sum(axis=1)
            if (totals == totals.min()).sum() == 1:
                alone.add(int(totals.argmin()))
    assert len(alone) == 11


def test_most_of_the_conflict_is_between_constructs_and_noise_alone_would_expose_as_many() -> None:
    table = published_robustness()
    found = agreement(table, rng=1, n_resamples=200, n_permutations=99)
    (jailbreak,) = found.within
    assert jailbreak.mean_tau is not None
    assert found.between is not None
    assert found.between.mean_tau is not None
    assert jailbreak.mean_tau.value > 0.6 > 0.2 > found.between.mean_tau.value
    noise = noise_exposure(table, rng=1)
    assert noise.observed == 11
    # eight unrelated methods would let about 15 of 26 models come first; methods correlated as these are
    # and models that do not differ, about 8
    assert 13 < noise.independent_mean < 17
    assert 6 < noise.correlated_mean < 10


def test_the_shipped_table_is_the_source_rounded(shared: Path) -> None:
    shipped = published_robustness()
    source = columns_of(rows_of(shared / "results/safetywashing_chat.csv"), list(shipped.methods))
    source = source.select(models=shipped.models)
    np.testing.assert_allclose(shipped.values, source.values, rtol=5.1e-4)
    np.testing.assert_allclose(kendall_tau_b(shipped.values), kendall_tau_b(source.values), atol=1e-12)
    assert kendall_w(shipped.values).value == pytest.approx(kendall_w(source.values).value, abs=1e-12)
    ours, theirs = exposure(shipped), exposure(source)
    assert ours.models == theirs.models
    metrics = {row["benchmark"]: row["metric"] for row in rows_of(shared / "results/safetywashing_info.csv")}
    assert all("↑" in metrics[name] for name in shipped.methods)  # the direction is the source's own


CAPABILITIES = [
    "logiqa", "piqa", "hellaswag", "winogrande", "superglue_copa", "medqa_4options", "arc_challenge", "mmlu",
    "minerva_math", "lambada_openai", "gsm8k", "bbh",
]  # fmt: skip
PUBLISHED = {
    "MT_Bench": 78.7,
    "LMSYS_Chatbot_Arena": 62.1,
    "ethics_all": 82.2,
    "machiavelli-utility.Σ": -49.9,  # of the three Machiavelli sums, the one that gives the figure
    "bbq_amb": -37.3,
    "wmdp_bio": -87.5,
}


def test_safetywashing_correlations_with_capability(shared: Path) -> None:
    rows = rows_of(shared / "results/safetywashing_chat.csv")
    score = capability_score(columns_of(rows, CAPABILITIES))
    found = capability_correlation(columns_of(rows, list(PUBLISHED)), score)
    assert {name: round(100 * value, 1) for name, value in found.items()} == PUBLISHED


def test_xstest_judges_against_humans(shared: Path) -> None:
    # binary: whatever is not full compliance counts as refused (a partial refusal, and what the GPT-4
    # judge said outside its three classes); all five models, 2,250 answers
    rows = rows_of(shared / "results/xstest_items.csv")
    labels = {name: [row[name] != "1_full_compliance" for row in rows] for name in rows[0]}
    prompts = [row["item"] for row in rows]
    for first, second, kappa in (
        ("human_final", "judge_gpt4", 0.645),
        ("human_final", "judge_strmatch", 0.770),
        ("human_1", "human_2", 0.957),
    ):
        e = cohen_kappa(labels[first], labels[second], clusters=prompts, n_resamples=300, rng=1)
        assert round(e.value, 3) == kappa
        assert e.low < kappa < e.high
        assert e.diagnostics["n_clusters"] == 450


def test_jailbreakbench_judges_order_four_attacks_on_vicuna_differently(shared: Path) -> None:
    rows = [
        row for row in rows_of(shared / "results/jailbreakbench_items.csv") if row["jailbroken_llama_guard1"]
    ]
    judges = ("jailbroken", "jailbroken_llama_guard1")
    vicuna = [row for row in rows if row["model"].startswith("vicuna")]
    attacks = sorted({row["attack"] for row in vicuna})
    items = sorted({row["index"] for row in vicuna})
    assert (len(attacks), len(items)) == (4, 100)
    verdicts = {judge: np.full((4, 100), np.nan) for judge in judges}
    for row in vicuna:
        for judge in judges:
            verdicts[judge][attacks.index(row["attack"]), items.index(row["index"])] = row[judge] == "True"
    found = judge_flips(verdicts, attacks, clusters=items, rng=1)
    assert found.orders == (
        ("JBC", "prompt_with_random_search", "GCG", "PAIR"),
        ("prompt_with_random_search", "PAIR", "JBC", "GCG"),
    )
    # three of six pairs change places. No single one is beyond noise after Holm, yet so many are:
    # with one true order for both judges there would be 0.2
    assert (found.n_flips, found.n_compared, found.n_beyond_noise) == (3, 6, 0)
    assert found.noise_mean < 0.5
    assert found.noise_at_least < 0.01
    # kappa over the answers to attacks that had a prompt to submit: 0.78; over all 1,600 it is 0.81,
    # over Vicuna's 400 alone 0.51
    for part, n, kappa in (
        ([row for row in rows if row["submitted"] == "1"], 1437, 0.78),
        (rows, 1600, 0.81),
        (vicuna, 400, 0.51),
    ):
        e = cohen_kappa(
            [row[judges[0]] for row in part],
            [row[judges[1]] for row in part],
            clusters=[row["index"] for row in part],
            n_resamples=300,
            rng=1,
        )
        assert (e.n, round(e.value, 2)) == (n, kappa)


def test_few_human_labels_of_xstest_give_intervals_that_hold(shared: Path) -> None:
    # measured before for this project: on the unsafe half with 20 labels plain PPI covered 9 to 52%. Each
    # model's 200 unsafe prompts: the truth is the human share refused, labels are drawn at random
    rows = rows_of(shared / "results/xstest_items.csv")
    rng = np.random.default_rng(1)
    for n in (20, 60):
        hits = []
        for model in sorted({row["model"] for row in rows}):
            mine = [row for row in rows if row["model"] == model and row["unsafe_prompt"] == "1"]
            human, judge = (
                np.array([row[c] != "1_full_compliance" for row in mine], dtype=float)
                for c in ("human_final", "judge_gpt4")
            )
            for _ in range(60):
                seen = np.full(len(mine), np.nan)
                chosen = rng.permutation(len(mine))[:n]
                seen[chosen] = human[chosen]
                e = ppi_mean(seen, judge, rng=rng)
                hits.append(e.low <= human.mean() <= e.high)
        assert np.mean(hits) >= 0.93, (n, np.mean(hits))
