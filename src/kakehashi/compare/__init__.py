"""Statistics of agreement, rank and choice: arrays and records in, frozen results out.

Needs numpy and scipy only. Functions are named for their estimators; ``rng`` is an argument; what
cannot be estimated is an error or NaN with a named diagnostic, never 0.
"""

from kakehashi.compare.intervals import (
    DetectableDifference,
    Estimate,
    clopper_pearson,
    cluster_bootstrap_mean,
    jeffreys,
    newcombe_paired,
    paired_difference,
    smallest_detectable_difference,
    wilson,
)
from kakehashi.compare.judges import (
    ClassBias,
    Confusion,
    JudgeReport,
    bias_by_class,
    cohen_kappa,
    confusion,
    judge_report,
    sensitivity,
    specificity,
)
from kakehashi.compare.table import ItemScores, ScoreTable

__all__ = [
    "ClassBias",
    "Confusion",
    "DetectableDifference",
    "Estimate",
    "ItemScores",
    "JudgeReport",
    "ScoreTable",
    "bias_by_class",
    "clopper_pearson",
    "cluster_bootstrap_mean",
    "cohen_kappa",
    "confusion",
    "jeffreys",
    "judge_report",
    "newcombe_paired",
    "paired_difference",
    "sensitivity",
    "smallest_detectable_difference",
    "specificity",
    "wilson",
]
