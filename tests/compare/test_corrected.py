"""Corrected rates and orders: what is said, when nothing is, and how often it is wrong on published labels."""

import csv
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from reference.coverage import Recorder, report_coverage

from kakehashi.compare import corrected_order, corrected_rate
from kakehashi.errors import InputError, NotEstimableError

NAN = float("nan")
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
needs_data = pytest.mark.skipif(not SHARED.exists(), reason="the reference data are not here")


def test_with_enough_labels_of_both_outcomes_the_judge_is_used() -> None:
    human = [1.0] * 20 + [0.0] * 20 + [NAN] * 160
    found = corrected_rate(human, [1.0] * 20 + [0.0] * 100 + [1.0] * 80, rng=1)
    assert found.method == "ppi++"


def test_with_few_labels_of_one_outcome_the_interval_is_exact_and_the_judge_is_left_out() -> None:
    human = [1.0] * 9 + [0.0] * 91 + [NAN] * 300
    found = corrected_rate(human, [0.0] * 400, rng=1)
    # Clopper and Pearson, 9 of 100: Beta(9, 92) at 2.5% and Beta(10, 91) at 97.5%, from published tables
    assert (round(found.low, 4), round(found.high, 4)) == (0.0420, 0.1640)
    assert found.method == "human labels alone, clopper-pearson"
    assert "9 labels of the rarer outcome" in str(found.diagnostics["judge_left_out"])


def test_with_fewer_than_ten_labels_nothing_is_said() -> None:
    with pytest.raises(NotEstimableError, match="insufficient labels: 9") as caught:
        corrected_rate([1.0] * 9 + [NAN] * 91, [1.0] * 100)
    assert caught.value.diagnostic == "insufficient-labels"
    with pytest.raises(InputError, match="0 or 1"):
        corrected_rate([0.5] * 20, [1.0] * 20)


def test_an_order_is_stated_only_where_the_difference_excludes_zero() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random((2, 400)) < np.array([[0.7], [0.3]])
    told = np.where(np.arange(400) < 80, truth, NAN)
    order = corrected_order(("a", "b"), tuple(told), tuple(truth.astype(float)), rng=1)
    assert (order.higher, order.reason) == ("a", "")
    assert order.difference is not None
    assert order.difference.low > 0
    back = corrected_order(("b", "a"), tuple(told[::-1]), tuple(truth[::-1].astype(float)), rng=1)
    assert (back.higher, back.difference.value) == ("a", pytest.approx(-order.difference.value))  # type: ignore[union-attr]
    same = corrected_order(("a", "b"), (told[0], told[0]), (truth[0], truth[0]), rng=1)
    assert (same.higher, same.reason) == ("", "the interval of the difference includes zero")
    few = np.where(np.arange(400) < 29, truth, NAN)
    none = corrected_order(("a", "b"), tuple(few), tuple(truth), rng=1)
    assert (none.difference, none.higher) == (None, "")
    assert "insufficient labels: 29" in none.reason
    with pytest.raises(InputError, match="not of the same items"):
        corrected_order(("a", "b"), (told[0], told[1][:9]), tuple(truth))


Cell = tuple[str, ...]


def published() -> dict[Cell, tuple[np.ndarray, np.ndarray]]:
    """(set, model, judge, outcome) → human and judge labels of all items, in one order of items for each set."""
    found: dict[Cell, tuple[np.ndarray, np.ndarray]] = {}
    with (SHARED / "results" / "xstest_items.csv").open(encoding="utf-8", newline="") as file:
        xstest = list(csv.DictReader(file))
    for model in sorted({row["model"] for row in xstest}):
        mine = sorted((row for row in xstest if row["model"] == model), key=lambda row: row["item"])
        human = np.array([float(row["human_final"][:2] != "1_") for row in mine])
        for judge in ("judge_gpt4", "judge_strmatch"):
            said = [float(r[judge][:2] != "1_") if r[judge][:2] in ("1_", "2_", "3_") else NAN for r in mine]
            found["xstest", model, judge, "refused"] = (human, np.array(said))
    lines = (SHARED / "judging" / "do_not_answer_labelled.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for model in sorted({row["model"] for row in rows}):
        mine = sorted((row for row in rows if row["model"] == model), key=lambda row: int(row["id"]))
        for outcome, action in (("declines", "0"), ("follows", "5")):
            human = np.array([float(str(row["human_action"]) == action) for row in mine])
            for judge in ("gpt4_action", "bert_action", "longformer_action"):
                said = [
                    float(str(row[judge]) == action) if row.get(judge) is not None else NAN for row in mine
                ]
                found["dna", model, judge, outcome] = (human, np.array(said))
    return found


def coverage(draws: int, sizes: tuple[int, ...], seed: int = 3) -> dict[str, dict[tuple, float]]:
    """Coverage in cells with at least 10 of each outcome expected among the labels, and in the others."""
    rng = np.random.default_rng(seed)
    cells: dict[str, dict[tuple, float]] = {"enough": {}, "few": {}}
    for key, (human, judge) in published().items():
        truth = human.mean()
        for n in sizes:
            hits = 0
            for _ in range(draws):
                told = np.full(human.size, NAN)
                chosen = rng.choice(human.size, n, replace=False)
                told[chosen] = human[chosen]
                found = corrected_rate(told, judge, rng=rng)
                hits += found.low <= truth <= found.high
            kind = "enough" if min(truth, 1 - truth) * n >= 10 else "few"
            cells[kind][(*key, n)] = hits / draws
    return cells


def wrong_orders(draws: int, sizes: tuple[int, ...], seed: int = 4) -> tuple[dict[tuple, float], int]:
    """Share of draws with a wrong statement of order, for each pair; and how many statements there were."""
    rng = np.random.default_rng(seed)
    data = published()
    cells: dict[tuple, float] = {}
    stated = 0
    for first, second in combinations(data, 2):
        if (first[0], *first[2:]) != (second[0], *second[2:]):
            continue
        truth = data[first][0].mean() - data[second][0].mean()
        size = data[first][0].size
        for n in sizes:
            wrong = 0
            for _ in range(draws):
                chosen = rng.choice(size, n, replace=False)
                told = [np.full(size, NAN) for _ in range(2)]
                for each, key in zip(told, (first, second), strict=True):
                    each[chosen] = data[key][0][chosen]
                order = corrected_order(
                    (first[1], second[1]), (told[0], told[1]), (data[first][1], data[second][1]), rng=rng
                )
                stated += bool(order.higher)
                right = first[1] if truth > 0 else second[1] if truth < 0 else ""
                wrong += bool(order.higher) and order.higher != right
            cells[(*first, second[1], n)] = wrong / draws
    return cells, stated


@needs_data
def test_corrected_rates_cover_on_published_labels() -> None:
    cells = coverage(25, (50,))
    for kind in ("enough", "few"):
        assert len(cells[kind]) >= 10
        assert np.mean(list(cells[kind].values())) >= 0.93, cells[kind]


@needs_data
def test_orders_are_stated_and_seldom_wrong_on_published_labels() -> None:
    cells, stated = wrong_orders(10, (50,))
    assert stated > 100
    assert np.mean(list(cells.values())) <= 0.05


@needs_data
@pytest.mark.proof
@pytest.mark.parametrize("n", [50, 94, 200])
def test_corrected_rates_cover_in_every_cell_over_2000_draws(n: int, record_property: Recorder) -> None:
    cells = coverage(2000, (n,))
    report_coverage(record_property, {**cells["enough"], **cells["few"]}, 2000)
    for kind in ("enough", "few"):
        for cell, share in cells[kind].items():
            assert share >= 0.93, (kind, cell, share)


@needs_data
@pytest.mark.proof
@pytest.mark.parametrize("n", [50, 100])
def test_orders_are_wrong_at_most_5_percent_of_the_time_over_2000_draws(
    n: int, record_property: Recorder
) -> None:
    cells, stated = wrong_orders(2000, (n,))
    worst = max(cells, key=lambda cell: cells[cell])
    record_property("wrong", f"{stated} statements of order; worst pair {cells[worst]:.2%} wrong at {worst}")
    assert stated > 10_000
    assert all(share <= 0.05 for share in cells.values()), (worst, cells[worst])
