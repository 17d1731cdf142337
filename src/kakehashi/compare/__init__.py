"""Statistics of agreement, rank and choice: arrays and records in, frozen results out.

Needs numpy and scipy only. Functions are named for their estimators; ``rng`` is an argument; what
cannot be estimated is an error or NaN with a named diagnostic, never 0.
"""

from kakehashi.compare.agreement import Agreement, GroupAgreement, PairAgreement, agreement, item_agreement
from kakehashi.compare.bradley_terry import bradley_terry, bradley_terry_consensus
from kakehashi.compare.capability import (
    capability_correlation,
    capability_score,
    capability_share,
    partial_tau,
)
from kakehashi.compare.completion import CompletionBounds, completion_bounds
from kakehashi.compare.consensus import Consensus, MethodWeight
from kakehashi.compare.constructs import ConstructSplit, construct_split
from kakehashi.compare.correlation import (
    Concordance,
    holm,
    kendall_tau_b,
    kendall_w,
    top_k_overlap,
    weighted_tau,
)
from kakehashi.compare.exposure import Exposure, ModelExposure, NoiseExposure, exposure, noise_exposure
from kakehashi.compare.factor import factor_consensus
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
from kakehashi.compare.krippendorff import krippendorff_alpha
from kakehashi.compare.mean_rank import mean_rank_intervals
from kakehashi.compare.measurement_noise import disattenuated_correlation, reliability
from kakehashi.compare.plackett_luce import plackett_luce_consensus
from kakehashi.compare.published import published_robustness, published_robustness_source
from kakehashi.compare.rank import RankIntervals, rank_intervals, tie_groups
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.compare.weightings import Weightings, weightings

__all__ = [
    "Agreement",
    "ClassBias",
    "CompletionBounds",
    "Concordance",
    "Confusion",
    "Consensus",
    "ConstructSplit",
    "DetectableDifference",
    "Estimate",
    "Exposure",
    "GroupAgreement",
    "ItemScores",
    "JudgeReport",
    "MethodWeight",
    "ModelExposure",
    "NoiseExposure",
    "PairAgreement",
    "RankIntervals",
    "ScoreTable",
    "Weightings",
    "agreement",
    "bias_by_class",
    "bradley_terry",
    "bradley_terry_consensus",
    "capability_correlation",
    "capability_score",
    "capability_share",
    "clopper_pearson",
    "cluster_bootstrap_mean",
    "cohen_kappa",
    "completion_bounds",
    "confusion",
    "construct_split",
    "disattenuated_correlation",
    "exposure",
    "factor_consensus",
    "holm",
    "item_agreement",
    "jeffreys",
    "judge_report",
    "kendall_tau_b",
    "kendall_w",
    "krippendorff_alpha",
    "mean_rank_intervals",
    "newcombe_paired",
    "noise_exposure",
    "paired_difference",
    "partial_tau",
    "plackett_luce_consensus",
    "published_robustness",
    "published_robustness_source",
    "rank_intervals",
    "reliability",
    "sensitivity",
    "smallest_detectable_difference",
    "specificity",
    "tie_groups",
    "top_k_overlap",
    "weighted_tau",
    "weightings",
    "wilson",
]
