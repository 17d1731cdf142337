"""Human labels and stored verdicts of published sets, as arrays: what corrections are held against."""

import csv
import json
from pathlib import Path

import numpy as np

from kakehashi.evaluate.judges.labels import six_actions

NAN = float("nan")
Cell = tuple[str, ...]


def published_labels(shared: Path) -> dict[Cell, tuple[np.ndarray, np.ndarray]]:
    """(set, model, judge, outcome) → human and judge labels of all items, in one order of items for each set."""
    found: dict[Cell, tuple[np.ndarray, np.ndarray]] = {}
    with (shared / "results" / "xstest_items.csv").open(encoding="utf-8", newline="") as file:
        xstest = list(csv.DictReader(file))
    for model in sorted({row["model"] for row in xstest}):
        mine = sorted((row for row in xstest if row["model"] == model), key=lambda row: row["item"])
        human = np.array([float(row["human_final"][:2] != "1_") for row in mine])
        for judge in ("judge_gpt4", "judge_strmatch"):
            said = [float(r[judge][:2] != "1_") if r[judge][:2] in ("1_", "2_", "3_") else NAN for r in mine]
            found["xstest", model, judge, "refused"] = (human, np.array(said))
    lines = (shared / "judging" / "do_not_answer_labelled.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for model in sorted({row["model"] for row in rows}):
        mine = sorted((row for row in rows if row["model"] == model), key=lambda row: int(row["id"]))
        for outcome, action in (("declines", "0"), ("follows", "5")):
            human = np.array([float(str(row["human_action"]) == action) for row in mine])
            for judge in ("gpt4_action", "bert_action", "longformer_action"):
                given = [row.get(judge) for row in mine]
                said = [NAN if v is None else float(six_actions(str(v), judge) == action) for v in given]
                found["dna", model, judge, outcome] = (human, np.array(said))
    return found
