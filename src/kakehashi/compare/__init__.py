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
from kakehashi.compare.contrast import PartyContrast, party_contrast, sign_flip_p_value
from kakehashi.compare.corrected import CorrectedOrder, corrected_order, corrected_rate
from kakehashi.compare.correlation import (
    Concordance,
    holm,
    kendall_tau_b,
    kendall_w,
    top_k_overlap,
    weighted_tau,
)
from kakehashi.compare.differential import (
    DifferentialFunctioning,
    DifferentialItem,
    differential_functioning,
)
from kakehashi.compare.explain import Explanation, ItemPart, Part, explain
from kakehashi.compare.exposure import Exposure, ModelExposure, exposure
from kakehashi.compare.factor import factor_consensus
from kakehashi.compare.facts import FactsRecord, ModelFacts, ReportedScore
from kakehashi.compare.gap import FrontierGap, GapPoint, frontier_gap, sibling_gaps
from kakehashi.compare.grouping import GroupRule
from kakehashi.compare.groups import Group, Groups, groups
from kakehashi.compare.intervals import Estimate, clopper_pearson, cluster_bootstrap_mean, jeffreys, wilson
from kakehashi.compare.irt import BackwardItem, ItemResponse, fit_2pl
from kakehashi.compare.judge_flips import Flip, JudgeFlips, judge_flips
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
from kakehashi.compare.label_budget import LabelBudget, label_budget
from kakehashi.compare.mean_of_rates import mean_of_rates
from kakehashi.compare.mean_rank import mean_rank_intervals
from kakehashi.compare.measurement_noise import disattenuated_correlation, reliability
from kakehashi.compare.method_rows import MethodRows
from kakehashi.compare.noise_exposure import NoiseExposure, noise_exposure
from kakehashi.compare.paired import (
    DetectableDifference,
    newcombe_paired,
    paired_difference,
    smallest_detectable_difference,
)
from kakehashi.compare.plackett_luce import plackett_luce_consensus
from kakehashi.compare.ppi import ppi_mean
from kakehashi.compare.published import published_robustness, published_robustness_source
from kakehashi.compare.rank import RankIntervals, rank_intervals, tie_groups
from kakehashi.compare.replication import (
    Replication,
    difference_of_intervals,
    replication,
    replication_of_intervals,
)
from kakehashi.compare.rogan_gladen import rogan_gladen
from kakehashi.compare.select import (
    Selection,
    SelectionGate,
    estimate_full_score,
    select_items,
    selection_gate,
)
from kakehashi.compare.selective import (
    SelectionTest,
    Selective,
    selection_p_value,
    selection_power,
    selective,
    smallest_speaking_n,
)
from kakehashi.compare.sequential import RateTest, spent_alpha
from kakehashi.compare.statement import Reply, gap_lines, group_lines, innocent_explanations, selective_lines
from kakehashi.compare.table import ItemScores, ScoreTable
from kakehashi.compare.variance import Component, VarianceComponents, variance_components
from kakehashi.compare.weightings import Weightings, weightings

__all__ = [
    "Agreement",
    "BackwardItem",
    "ClassBias",
    "CompletionBounds",
    "Component",
    "Concordance",
    "Confusion",
    "Consensus",
    "ConstructSplit",
    "CorrectedOrder",
    "DetectableDifference",
    "DifferentialFunctioning",
    "DifferentialItem",
    "Estimate",
    "Explanation",
    "Exposure",
    "FactsRecord",
    "Flip",
    "FrontierGap",
    "GapPoint",
    "Group",
    "GroupAgreement",
    "GroupRule",
    "Groups",
    "ItemPart",
    "ItemResponse",
    "ItemScores",
    "JudgeFlips",
    "JudgeReport",
    "LabelBudget",
    "MethodRows",
    "MethodWeight",
    "ModelExposure",
    "ModelFacts",
    "NoiseExposure",
    "PairAgreement",
    "Part",
    "PartyContrast",
    "RankIntervals",
    "RateTest",
    "Replication",
    "Reply",
    "ReportedScore",
    "ScoreTable",
    "Selection",
    "SelectionGate",
    "SelectionTest",
    "Selective",
    "VarianceComponents",
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
    "corrected_order",
    "corrected_rate",
    "difference_of_intervals",
    "differential_functioning",
    "disattenuated_correlation",
    "estimate_full_score",
    "explain",
    "exposure",
    "factor_consensus",
    "fit_2pl",
    "frontier_gap",
    "gap_lines",
    "group_lines",
    "groups",
    "holm",
    "innocent_explanations",
    "item_agreement",
    "jeffreys",
    "judge_flips",
    "judge_report",
    "kendall_tau_b",
    "kendall_w",
    "krippendorff_alpha",
    "label_budget",
    "mean_of_rates",
    "mean_rank_intervals",
    "newcombe_paired",
    "noise_exposure",
    "paired_difference",
    "partial_tau",
    "party_contrast",
    "plackett_luce_consensus",
    "ppi_mean",
    "published_robustness",
    "published_robustness_source",
    "rank_intervals",
    "reliability",
    "replication",
    "replication_of_intervals",
    "rogan_gladen",
    "select_items",
    "selection_gate",
    "selection_p_value",
    "selection_power",
    "selective",
    "selective_lines",
    "sensitivity",
    "sibling_gaps",
    "sign_flip_p_value",
    "smallest_detectable_difference",
    "smallest_speaking_n",
    "specificity",
    "spent_alpha",
    "tie_groups",
    "top_k_overlap",
    "variance_components",
    "weighted_tau",
    "weightings",
    "wilson",
]
