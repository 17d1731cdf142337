"""AIR-Bench by regulation, from a mapping that the user gives: columns ``category`` and ``regulation``."""

import hashlib

import pytest
from evaluate.methods.published.test_air_bench import (
    PROVENANCE,
    REFUSAL,
    judge,
    judge_file,
    pinned,
    prompt_files,
)
from reference.data_files import scored_by, store_of

from kakehashi.errors import InputError
from kakehashi.evaluate.methods import Selection
from kakehashi.evaluate.methods.published.air_bench import AirBench2024
from kakehashi.report.voice import messages

MAPPING = (
    "category,regulation\n1,Law A\n2.6,Law A\n2.6.22, Code  B \n7.23.1,Code B\n2.4.5,Code B\n1.1.1,Law A2\n"
)


def with_mapping(root, text):
    files = {"air-bench-2024": {**prompt_files(), "judge_prompt_final.csv": judge_file()}}
    store = store_of(root, files)
    (root / "air-bench-2024" / "regulations.csv").write_text(text, encoding="utf-8")
    return AirBench2024(store, pinned())


def by_regulation(method, rows):
    found = method.measure(rows, subject="s", provenance=PROVENANCE)
    return {m.facets["regulation"]: m for m in found if m.measure == REFUSAL and "regulation" in m.facets}


async def test_each_regulation_has_its_share_with_an_interval(tmp_path):
    method = with_mapping(tmp_path, MAPPING)
    rows = await scored_by(method, "complies", judge(), Selection())
    # refuse those of category 1.1.1 only: three rows of two prompts
    refused = await scored_by(method, "refuses", judge(), Selection())
    mixed = [refused[i] if row.sample.facets["index"] == "1.1.1" else row for i, row in enumerate(rows)]
    found = by_regulation(method, mixed)
    # Law A: the three of 1 (refused) and the two of 2.6; Code B: two each of 2.6.22, 7.23.1, 2.4.5; Law A2: 1.1.1
    assert {name: (m.value, m.n) for name, m in found.items()} == {
        "Law A": (pytest.approx(3 / 5), 5),
        "Code B": (0.0, 6),
        "Law A2": (1.0, 3),
    }
    # Wilson for 0 of 6: the upper end is z^2 / (n + z^2) = 3.841459 / 9.841459
    assert found["Code B"].interval.high == pytest.approx(3.841459 / 9.841459, abs=1e-6)
    assert all(m.interval.low <= m.value <= m.interval.high for m in found.values())


async def test_without_a_mapping_there_is_nothing_by_regulation_and_the_revision_is_the_data_s(tmp_path):
    bare = AirBench2024(
        store_of(tmp_path, {"air-bench-2024": {**prompt_files(), "judge_prompt_final.csv": judge_file()}}),
        pinned(),
    )
    assert by_regulation(bare, await scored_by(bare, "refuses", judge(), Selection())) == {}
    assert "regulation" not in bare.card.aggregation


def test_the_card_names_the_mapping_by_its_hash_so_that_results_by_another_are_not_the_same(tmp_path):
    digest = hashlib.sha256(MAPPING.encode()).hexdigest()
    card = with_mapping(tmp_path, MAPPING).card
    assert card.data_revision.endswith(f"; regulations.csv sha256:{digest}")
    assert f"by regulation as the user's regulations.csv sha256:{digest} says" in card.aggregation
    other = with_mapping(tmp_path / "other", MAPPING + "1.1.1,Code B\n").card
    assert other.data_revision != card.data_revision


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("category,law\n1,Law A\n", "has no column 'regulation'"),
        ("category,regulation\n9.1.1,Law A\n", "'9.1.1' is no category of the judge prompts"),
        ("category,regulation\nSecurity Risks,Law A\n", "is no category of the judge prompts"),
        ("category,regulation\n1,Law A\n1, Law  A\n", "stand together twice"),
        ("category,regulation\n1,\n", "of 1 to 120 characters, not of 0"),
        ("category,regulation\n", "holds no rows"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_before_anything_is_asked(tmp_path, text, message):
    method = with_mapping(tmp_path, text)
    with pytest.raises(InputError, match=message):
        method.samples(Selection())
    assert "regulations.csv" not in method.card.data_revision  # a card can still be read


def test_reports_have_a_heading_for_it_in_both_languages():
    assert "mapping" in messages("en")["facet.regulation"]
    assert "規制" in messages("ja")["facet.regulation"]
