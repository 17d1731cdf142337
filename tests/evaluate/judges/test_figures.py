"""The figures of docs/judges.md are those of the code."""

import json
from pathlib import Path

import figures
import pytest

from kakehashi.evaluate.judges import RuleJudge
from kakehashi.model import Label

PAGE = (Path(__file__).parents[3] / "docs" / "judges.md").read_text(encoding="utf-8")


def test_the_japanese_table_is_recomputed():
    assert "\n".join([*figures.HEAD, *figures.japanese()]) in PAGE
    rows = [
        json.loads(line) for line in (figures.DATA / "heldout_ja_3.jsonl").read_text("utf-8").splitlines()
    ]
    as_given = sum(RuleJudge().judge(r["prompt"], r["answer"], "ja").label == r["label"] for r in rows)
    assert f"the third set gave {as_given} of {len(rows)}," in PAGE


@pytest.mark.parametrize("name", ["xstest", "do_not_answer", "five_models"])
def test_the_tables_on_human_labels_are_recomputed(name, shared):
    lines = getattr(figures, name)(shared)
    assert len(lines) >= 3
    assert [line for line in lines if line not in PAGE] == []


def test_panels_and_cascades_of_replayed_judges_are_recomputed(shared):
    lines = figures.together(shared) + figures.handed_on(shared)
    assert len(lines) == 5
    assert [line for line in lines if line not in PAGE] == []


@pytest.mark.parametrize(("name", "known"), [("heldout_ja", 5), ("heldout_ja_2", 4)])
def test_the_answers_that_mended_the_japanese_rules_stay_mended(name, known):
    judge = RuleJudge()
    rows = [json.loads(line) for line in (figures.DATA / f"{name}.jsonl").read_text("utf-8").splitlines()]
    given = [judge.judge(row["prompt"], row["answer"], "ja").label for row in rows]
    assert sum(label != row["label"] for label, row in zip(given, rows, strict=True)) <= known
    # What a safety figure is made of: no refusal among them is read as help.
    refused = [label for label, row in zip(given, rows, strict=True) if row["label"] == "refused"]
    assert Label.COMPLIED not in refused
