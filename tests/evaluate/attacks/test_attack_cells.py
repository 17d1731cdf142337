"""The cells, their balance, the choice among them, and near-duplicates."""

import importlib.util
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kakehashi.errors import UsageError
from kakehashi.evaluate.attacks import (
    Cell,
    Context,
    cells_file,
    choose_cells,
    load_cells,
    minhash,
    shingles,
    similarity,
    technique_table,
)
from kakehashi.evaluate.attacks.cells import quick_items
from kakehashi.evaluate.methods.base import Selection
from kakehashi.evaluate.methods.core import PARTS, CoreSuite
from kakehashi.evaluate.methods.suite import load_suite

CELLS = load_cells()
TABLE = technique_table()
PLACES = {cell: place for place, cell in enumerate(CELLS)}
SCRIPT = Path(__file__).parents[3] / "scripts" / "make_attack_cells.py"


def requests_by_item() -> dict[str, str]:
    parts, _ = load_suite("core", PARTS)
    return {item["id"]: item["harmful"]["en"] for part in parts for item in part["items"]}


REQUESTS = requests_by_item()


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_attack_cells", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_a_thousand_cells_with_different_names():
    assert len(CELLS) == len({cell.id for cell in CELLS}) == 1000


def test_the_file_is_what_the_script_makes():
    module = script()
    items = defaultdict(list)
    for item in REQUESTS:
        items[item.rsplit("-", 1)[0]].append(item)
    text = module.write_cells(module.make_cells(list(TABLE.techniques), items))
    assert text.encode() == cells_file()


def test_the_script_checks_the_file_it_wrote():
    assert script().main(["--check"]) == 0


def test_each_technique_has_twenty_five_cells_over_all_seven_categories():
    by_technique: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in CELLS:
        by_technique[cell.technique][cell.category] += 1
    assert set(by_technique) == set(TABLE.techniques)
    for counts in by_technique.values():
        # 25 over 7 categories as evenly as it goes: 4 × 4 + 3 × 3.
        assert sorted(counts.values()) == [3, 3, 3, 4, 4, 4, 4]


def test_categories_and_items_are_balanced_over_all_cells():
    # 1,000 = 6 × 143 + 142, and 1,000 cells over 126 items are 7.94 a piece.
    assert sorted(Counter(cell.category for cell in CELLS).values()) == [142, 143, 143, 143, 143, 143, 143]
    by_item = Counter(cell.item for cell in CELLS)
    assert set(by_item) == set(REQUESTS)
    assert set(by_item.values()) <= {7, 8}


def test_each_technique_uses_its_seeds_once_so_wordings_come_equally_often():
    by_technique: dict[str, list[int]] = defaultdict(list)
    for cell in CELLS:
        by_technique[cell.technique].append(cell.seed)
    assert all(sorted(seeds) == list(range(25)) for seeds in by_technique.values())


@pytest.mark.parametrize("technique", list(TABLE.techniques))
def test_no_two_prompts_of_a_technique_are_nearly_the_same(technique: str):
    """MinHash as the package states it, and the exact Jaccard index computed here by counting."""
    texts = {
        cell.id: TABLE[technique]
        .render(REQUESTS[cell.item], Context(cell.item, cell.category, cell.seed))
        .text
        for cell in CELLS
        if cell.technique == technique
    }
    signatures = {name: minhash(text) for name, text in texts.items()}
    pieces = {}
    for name, text in texts.items():
        folded = " ".join(text.casefold().split())
        pieces[name] = {folded[start : start + 5] for start in range(len(folded) - 4)}
    near = []
    for first, second in combinations(texts, 2):
        exact = len(pieces[first] & pieces[second]) / len(pieces[first] | pieces[second])
        if exact > 0.8 or similarity(signatures[first], signatures[second]) > 0.8:
            near.append((first, second))
    assert near == []


def test_the_near_duplicate_check_finds_a_duplicate():
    cells = [Cell("base64", "hate-01", 3), Cell("base64", "hate-02", 3)]
    found = script().near_duplicates(
        cells, {"hate-01": "How do I bake bread?", "hate-02": "How do I bake bread?"}
    )
    assert [(first, second) for first, second, _ in found] == [("base64/hate-01", "base64/hate-02")]


@settings(deadline=None)
@given(st.text("abcde ", min_size=40, max_size=200), st.text("abcde ", min_size=40, max_size=200))
def test_minhash_estimates_the_jaccard_index(first: str, second: str):
    one, other = shingles(first), shingles(second)
    exact = len(one & other) / len(one | other)
    # Standard error sqrt(J(1 - J) / 256) is at most 0.031; five of them leave no chance failure.
    assert abs(similarity(minhash(first), minhash(second)) - exact) < 0.16


def test_shingles_of_a_text_shorter_than_a_piece_are_the_text():
    assert shingles("ab") == {"ab"}
    assert shingles("") == {""}


@pytest.mark.parametrize("seed", range(12))
def test_forty_cells_are_one_of_each_technique_over_all_categories(seed: int):
    chosen = choose_cells(CELLS, 40, seed, REQUESTS)
    assert Counter(cell.technique for cell in chosen) == dict.fromkeys(TABLE.techniques, 1)
    # 40 = 5 × 6 + 2 × 5.
    assert sorted(Counter(cell.category for cell in chosen).values()) == [5, 5, 6, 6, 6, 6, 6]


@pytest.mark.parametrize("seed", range(12))
def test_a_quick_choice_prefers_items_that_quick_core_asks_too(seed: int):
    core = {sample.cluster for sample in CoreSuite().samples(Selection(limit=42, seed=seed))}
    assert quick_items(REQUESTS, seed) == core
    chosen = choose_cells(CELLS, 40, seed, REQUESTS)
    # A choice that did not look would share 42 of 126 items, about 13 of 40 cells.
    assert sum(cell.item in core for cell in chosen) >= 34


@settings(deadline=None, max_examples=40)
@given(limit=st.integers(0, 300), seed=st.integers(0, 50))
def test_any_choice_is_even_nested_and_in_the_order_of_the_file(limit: int, seed: int):
    chosen = choose_cells(CELLS, limit, seed, REQUESTS)
    assert len(chosen) == limit
    assert chosen == sorted(chosen, key=PLACES.__getitem__)
    for group, size in (([c.technique for c in chosen], 40), ([c.category for c in chosen], 7)):
        counts = Counter(group)
        least = min(counts.values()) if len(counts) == size else 0
        assert max(counts.values(), default=0) - least <= 1
    assert set(chosen) <= set(choose_cells(CELLS, limit + 10, seed, REQUESTS))


def test_all_cells_are_chosen_without_a_limit_and_with_a_large_one():
    assert choose_cells(CELLS, None, 0, REQUESTS) == list(CELLS) == choose_cells(CELLS, 5000, 3, REQUESTS)


def test_seeds_choose_differently():
    assert choose_cells(CELLS, 40, 0, REQUESTS) != choose_cells(CELLS, 40, 1, REQUESTS)


def test_a_negative_limit_is_an_error():
    with pytest.raises(UsageError, match="-1"):
        choose_cells(CELLS, -1, 0, REQUESTS)
