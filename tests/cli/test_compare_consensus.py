"""``compare consensus``, ``weightings`` and ``completion`` through the real command."""

import csv
from importlib.resources import files
from itertools import combinations

import pytest
from commands import kakehashi


@pytest.mark.parametrize("by", ["factor", "bradley-terry", "plackett-luce"])
def test_a_consensus_says_what_each_method_brings_and_that_it_is_no_assessment(by, tmp_path):
    done = kakehashi("compare", "consensus", "--published", "--by", by, cwd=tmp_path)
    assert done.code == 0, done.both
    assert "is not an assessment of safety" in done.out
    found = kakehashi("compare", "consensus", "--published", "--by", by, "--json", cwd=tmp_path).json[
        "consensus"
    ]
    assert len(found["models"]) == 26
    assert len(found["weights"]) == 8
    assert sum(abs(one["weight"]) for one in found["weights"]) == pytest.approx(1)
    # The four jailbreak methods agree with one another, so the consensus agrees with them more than with mitre.
    tau = {one["method"]: one["tau"] for one in found["weights"]}
    assert tau["HarmBench-DirectRequest-all"] > tau["cyberseceval2_mitre"]


def test_shares_of_all_weightings_add_up_and_the_order_that_none_changes_is_counted(tmp_path):
    found = kakehashi("compare", "weightings", "--published", "--json", cwd=tmp_path).json["weightings"]
    assert sum(found["share_first"]) == pytest.approx(1)
    done = kakehashi("compare", "weightings", "--published", cwd=tmp_path)
    # Counted plainly over the shipped file: pairs of models that no method orders the other way.
    text = files("kakehashi").joinpath("data/safetywashing_robustness.csv").read_text(encoding="utf-8")
    scores: dict[str, dict[str, float]] = {}
    for row in csv.DictReader(text.splitlines()):
        scores.setdefault(row["model"], {})[row["method"]] = float(row["value"])
    fixed = sum(
        all(a[m] >= b[m] for m in a) or all(a[m] <= b[m] for m in a)
        for a, b in combinations(scores.values(), 2)
    )
    assert f"{fixed} of 325 pairs keep their order under every weighting" in done.out


def test_missing_cells_give_bounds_and_never_a_guess(tmp_path):
    (tmp_path / "board.csv").write_text("model,a,b\nx,3,3\ny,2,\nz,1,1\n", encoding="utf-8")
    words = ("board.csv", "--columns", "map.yaml", "--json")
    (tmp_path / "map.yaml").write_text(
        "format: kakehashi.columns/1\ntitle: t\nshape: wide\nsource: t@1\nsubject: model\nhigher_is_better: true\n",
        encoding="utf-8",
    )
    found = kakehashi("compare", "completion", *words, cwd=tmp_path).json["completion"]
    # y has no score by b: there it may be first or last. x: at worst level behind none but y.
    ranks = {name: (found["low"][i], found["high"][i]) for i, name in enumerate(found["models"])}
    assert ranks["y"] == (1, 3)
    assert ranks["x"][0] == 1
    assert found["n_missing"] == [0, 1, 0]
