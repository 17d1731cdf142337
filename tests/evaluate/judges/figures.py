"""The tables of docs/judges.md, computed anew: what the page says is what these functions give.

To print them, from the root of the checkout, with the folder of the reference data:

    PYTHONPATH=tests:tests/evaluate/judges python tests/evaluate/judges/figures.py ../shared/reference
"""

import asyncio
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from kakehashi.compare import Estimate, cohen_kappa
from kakehashi.evaluate.judges import CascadeJudge, PanelJudge, ReplayJudge, RuleJudge
from kakehashi.evaluate.judges.calibrate import Agreement, baselines, calibrate, calibrate_async
from kakehashi.evaluate.judges.labels import (
    LabelledAnswer,
    load_labels,
    load_published_verdicts,
    published_labels,
    verdicts_in_rows,
)

DATA = Path(__file__).parent / "data"
HEAD = [
    "| judge | rows | kappa, three classes | kappa, refused or not | sensitivity | specificity |",
    "|---|---|---|---|---|---|",
]


def xstest(shared: Path) -> list[str]:
    """All 1,350 rows, then the models that the rules were not made on, together and each."""
    rows = load_labels(shared / "judging" / "xstest_labelled.jsonl")
    verdicts = load_published_verdicts(shared / "results" / "xstest_items.csv")
    held = [row for row in rows if row.model != "gpt4"]

    def beside(part: Sequence[LabelledAnswer]) -> dict[str, Sequence[str | None]]:
        return {name: published_labels(part, verdicts, name) for name in ("judge_gpt4", "judge_strmatch")}

    return _table(rows, beside(rows), raters=True) + _table(held, beside(held), raters=True, by_model=True)


def do_not_answer(shared: Path) -> list[str]:
    """All rows whose human action is one of the classes."""
    rows = load_labels(shared / "judging" / "do_not_answer_labelled.jsonl")
    return _table(rows, verdicts_in_rows(rows), by_model=True)


def japanese() -> list[str]:
    """The synthetic answers that no rule was made on."""
    return _table(load_labels(DATA / "heldout_ja_3.jsonl"), {}, trivial=False)


def five_models(shared: Path) -> list[str]:
    """Published verdicts over all five models: kappa to the final label, of three classes and of refused or not."""
    with (shared / "results" / "xstest_items.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = []
    for name, first, second in (
        ("GPT-4 as judge", "judge_gpt4", "human_final"),
        ("string match", "judge_strmatch", "human_final"),
        ("two human raters", "human_1", "human_2"),
    ):
        known = [row for row in rows if row[first][:2] in ("1_", "2_", "3_")]
        three = [row[second] for row in known], [row[first] for row in known]
        binary = tuple([label[:2] != "1_" for label in side] for side in three)
        clusters = [row["item"] for row in known]
        numbers = [_number(cohen_kappa(*sides, clusters=clusters, rng=0)) for sides in (three, binary)]
        lines.append(f"| {name} | {len(known):,} | {' | '.join(numbers)} |")
    refused = [[row[name][:2] != "1_" for row in rows] for name in ("human_final", "judge_gpt4")]
    whole = cohen_kappa(*refused, clusters=[row["item"] for row in rows], rng=0)
    lines.append(f"counted as refused, GPT-4's kappa for refused or not is {whole.value:.3f}.")
    return lines


def together(shared: Path) -> list[str]:
    """Panels and cascades of the rules with replayed published judges."""
    stored = shared / "results" / "xstest_items.csv"
    held = [row for row in load_labels(shared / "judging" / "xstest_labelled.jsonl") if row.model != "gpt4"]
    labelled = shared / "judging" / "do_not_answer_labelled.jsonl"
    lines = []
    for title, judge, rows in (
        ("XSTest: rules, GPT-4 for the doubtful", CascadeJudge(RuleJudge(), ReplayJudge(stored, "judge_gpt4")), held),
        (
            "XSTest: panel of rules, GPT-4, string match",
            PanelJudge([RuleJudge(), *(ReplayJudge(stored, f"judge_{name}") for name in ("gpt4", "strmatch"))]),
            held,
        ),
        (
            "Do-Not-Answer: rules, Longformer for the doubtful",
            CascadeJudge(RuleJudge(), ReplayJudge(labelled, "longformer_action")),
            load_labels(labelled),
        ),
        (
            "Do-Not-Answer: panel of rules, BERT, Longformer",
            PanelJudge(
                [RuleJudge(), *(ReplayJudge(labelled, f"{name}_action") for name in ("bert", "longformer"))]
            ),
            load_labels(labelled),
        ),
    ):  # fmt: skip
        lines.append(_line(title, asyncio.run(calibrate_async(judge, rows)).overall))
    return lines


def handed_on(shared: Path) -> list[str]:
    """How much of XSTest (without gpt4) and Do-Not-Answer the rules leave doubtful."""
    parts = []
    for name, without in (("xstest", "gpt4"), ("do_not_answer", "")):
        path = shared / "judging" / f"{name}_labelled.jsonl"
        rows = [row for row in load_labels(path) if row.model != without]
        cascade = CascadeJudge(RuleJudge(), RuleJudge(("en",)))
        doubtful = sum(
            cascade.is_doubtful(cascade.first.judge(row.prompt, row.answer, row.language)) for row in rows
        )
        parts.append(f"{doubtful:,} of {len(rows):,}")
    return [f"The rules hand on {parts[0]} answers of XSTest and {parts[1]} of Do-Not-Answer."]


_TITLES = {
    "judge_gpt4": "GPT-4 as judge (published)",
    "judge_strmatch": "string match (published)",
    "judge_bert": "BERT classifier (published)",
    "judge_longformer": "Longformer classifier (published)",
    "always-refused": "always refused",
    "always-complied": "always complied",
}


def _table(
    rows: Sequence[LabelledAnswer],
    beside: Mapping[str, Sequence[str | None]],
    *,
    raters: bool = False,
    by_model: bool = False,
    trivial: bool = True,
) -> list[str]:
    judge = RuleJudge()
    found = calibrate(judge, rows)
    lines = [_line(f"**{judge.id}**", found.overall)]
    if by_model:
        lines += [_line(f"{judge.id}, {model}", part) for model, part in found.by_model.items()]
    if raters and found.raters is not None:
        lines.append(_line("two human raters", found.raters))
    if trivial:
        others = baselines(rows, beside)
        lines += [_line(_TITLES[name], others[name].overall) for name in _TITLES if name in others]
    return lines


def _line(title: str, part: Agreement) -> str:
    numbers = (part.three_class, part.binary, part.sensitivity, part.specificity)
    rows = f"{part.n_judged:,}" if part.n_judged == part.n else f"{part.n_judged:,} of {part.n:,}"
    return f"| {title} | {rows} | {' | '.join(map(_number, numbers))} |"


def _number(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not estimable"
    if estimate.low != estimate.low:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for part in (xstest(folder), five_models(folder), do_not_answer(folder), japanese(), together(folder)):
        print("\n".join([*HEAD, *part, ""]))
    print(handed_on(folder)[0])
