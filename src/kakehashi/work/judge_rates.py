"""A judge's rates by system, corrected with human labels, and the orders that they allow to be stated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from kakehashi.compare import (
    CorrectedOrder,
    Estimate,
    JudgeReport,
    corrected_order,
    corrected_rate,
    judge_report,
    rogan_gladen,
)
from kakehashi.errors import NotEstimableError
from kakehashi.work.item_file import ItemFile


@dataclass(frozen=True, slots=True)
class JudgeRates:
    """One judge against human labels.

    Attributes:
        report: Kappa, sensitivity, specificity, bias, confusion.
        rates: System → its corrected rate.
        rogan_gladen: System → the rate that the judge's errors imply: a diagnostic.
        reasons: System → why there is no rate.
        orders: For each pair of systems with rates, the order or why none is stated; none where a system has
            several answers to one item, so that they cannot be paired.
    """

    report: JudgeReport
    rates: Mapping[str, Estimate] = field(default_factory=dict)
    rogan_gladen: Mapping[str, Estimate] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    orders: tuple[CorrectedOrder, ...] = ()


def judge_rates(
    rows: ItemFile,
    human: str,
    judge: str,
    *,
    positive: str,
    item: str,
    system: str | None = None,
    seed: int = 0,
) -> JudgeRates:
    """Hold a judge against human labels and correct its rates.

    Args:
        rows: One row for each answer.
        human: Column of human labels; empty where there is none.
        judge: Column of the judge.
        positive: The label that is counted.
        item: Column of the item; answers to one item go together.
        system: Column of the system that answered; without it all rows are one.
        seed: Seed of resampling and folds.

    Raises:
        UnknownNameError: No such column or label.
        NotEstimableError: No item has both labels.
    """
    truth, said, items = rows.labels(human), rows.labels(judge), np.array(rows.texts(item))
    report = judge_report(truth, said, positive=positive, clusters=items, rng=seed)
    y, f = (
        np.array([np.nan if v is None else float(v == positive) for v in column]) for column in (truth, said)
    )
    groups = np.array(rows.texts(system) if system is not None else ["all"] * rows.n)
    rates, implied, reasons = {}, {}, {}
    for name in dict.fromkeys(groups.tolist()):
        mine = groups == name
        try:
            rates[name] = corrected_rate(y[mine], f[mine], items[mine], rng=seed)
        except NotEstimableError as error:
            reasons[name] = error.message
        try:
            implied[name] = _implied(report, f[mine])
        except NotEstimableError as error:
            reasons.setdefault(name, error.message)
    orders: list[CorrectedOrder] = []
    cells = list(zip(groups.tolist(), items.tolist(), strict=True))
    if system is not None and len(rates) > 1 and len(set(cells)) == len(cells):
        names, _, told = rows.matrix(system, item, y)
        _, _, judged = rows.matrix(system, item, f)
        place = {name: i for i, name in enumerate(names)}
        for first, second in combinations(rates, 2):
            i, j = place[first], place[second]
            orders.append(
                corrected_order((first, second), (told[i], told[j]), (judged[i], judged[j]), rng=seed)
            )
    return JudgeRates(report, rates, implied, reasons, tuple(orders))


def _implied(report: Any, said: Any) -> Estimate:
    classes = report.confusion.labels
    positive = classes.index(report.settings["positive"])
    counts = report.confusion.counts
    n_positive = int(counts[positive].sum())
    n_negative = int(counts.sum()) - n_positive
    false_positives = int(counts[:, positive].sum() - counts[positive, positive])
    judged = said[~np.isnan(said)]
    return rogan_gladen(
        float(judged.sum()),
        judged.size,
        int(counts[positive, positive]),
        n_positive,
        n_negative - false_positives,
        n_negative,
    )
